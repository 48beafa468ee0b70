/*
 * security_test.c - what others put under our names is refused, and no number in shared memory leads outside of it.
 *
 * With root's rights other users are real; without, the owner that the system reports for a file is changed by a hook.
 */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/sysmacros.h>
#endif
#include <sys/un.h>

#include "interpose.h"
#include "libipc/libipc.h"
#include "libipc/waker.h"
#include "view.h"
#include "worker.h"

enum { NOBODY = 65534 };

static const ipc_options channel = {
    .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 8192, .max_receivers = 4};
static const ipc_options for_all = {
    .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 8192, .max_receivers = 4, .permissions = 0666};

typedef struct board {
  _Atomic uint32_t ready, go;
} board;
static board *shared;

static ipc_failure failure;

static int32_t open_code(ipc_options options) {
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &options, &failure);
  if (!receiver) return failure.code;
  ipc_receiver_close(receiver);
  return IPC_OK;
}

static ipc_receiver *must_receive(ipc_options options) {
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &options, &failure);
  if (!receiver) FAIL("a receiver could not open: %d, errno %d", failure.code, failure.system_error);
  return receiver;
}

static int32_t clear(void) { return ipc_clear(test_prefix, test_name, IPC_CHANNEL, &failure); }

static void check_refused(ipc_options options, uint64_t owner, uint64_t permissions) {
  CHECK_EQ(open_code(options), IPC_E_PERMISSION);
  CHECK_EQ(failure.option, IPC_OPTION_PERMISSIONS);
  CHECK_EQ(failure.found, owner);
  CHECK_EQ(failure.wanted, permissions);
}

static const char *path_of(const char *name) {
  static char path[IPC_OS_KEY_BYTES + 32];
  char key[IPC_OS_KEY_BYTES], listed[IPC_OS_KEY_BYTES];
  CHECK_EQ(ipc_segment_key(key, IPC_CHANNEL, test_prefix, name), IPC_OK);
  ipc_os_listed_key(key, listed);
  snprintf(path, sizeof path, "%s/%s", ipc_os_directory(), listed);
  return path;
}

/* An empty file of this user: a creator treats it as unused. */
static void make_victim(char path[IPC_LISTED_PATH]) {
  test_own(test_prefix, "victim");
  snprintf(path, IPC_LISTED_PATH, "%s", path_of("victim"));
  int fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0600);
  CHECK_GE(fd, 0);
  close(fd);
}

static void check_planted(const char *victim) {
  struct stat status;
  ipc_options options = channel;
  for (uint32_t mode = IPC_CREATE_OR_OPEN; mode <= IPC_OPEN; mode++) {
    options.mode = mode;
    CHECK_EQ(open_code(options), IPC_E_FOREIGN);
  }
  options = for_all;
  CHECK_EQ(open_code(options), IPC_E_FOREIGN);
  CHECK_EQ(stat(victim, &status), 0);
  CHECK_EQ(status.st_size, 0);
}

static void what_is_no_plain_file_is_refused(void) {
  char victim[IPC_LISTED_PATH];
  make_victim(victim);
  CHECK_EQ(symlink(victim, path_of(test_name)), 0);
  check_planted(victim);
  CHECK_EQ(clear(), IPC_OK); /* the link, not where it leads */
  CHECK_EQ(symlink("/nowhere", path_of(test_name)), 0);
  check_planted(victim);
  CHECK_EQ(clear(), IPC_OK);
  CHECK_EQ(link(victim, path_of(test_name)), 0);
  check_planted(victim);
  CHECK_EQ(failure.found, 2);
  CHECK_EQ(clear(), IPC_OK);
  CHECK_EQ(mkfifo(path_of(test_name), 0600), 0);
  check_planted(victim);
  CHECK_EQ(clear(), IPC_OK);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  CHECK_LE(strlen(path_of(test_name)), sizeof address.sun_path - 1);
  strcpy(address.sun_path, path_of(test_name));
  CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  check_planted(victim);
  CHECK_EQ(clear(), IPC_OK);
  close(fd);
  CHECK_EQ(mkdir(path_of(test_name), 0700), 0);
  check_planted(victim);
  CHECK_EQ(clear(), IPC_E_FOREIGN);
  CHECK_EQ(rmdir(path_of(test_name)), 0);
  CHECK_EQ(open_code(channel), IPC_OK);
}

static void another_users_segment_is_refused(void) {
  ipc_receiver *receiver = must_receive(for_all);
  hooks.owner = 12345;
  check_refused(channel, 12345, 0666);
  ipc_options options = channel;
  options.permissions = 0600;
  check_refused(options, 12345, 0666);
  options.permissions = 0664; /* others might write to it */
  check_refused(options, 12345, 0666);
  options.permissions = 0666;
  CHECK_EQ(open_code(options), IPC_OK);
  CHECK_EQ(clear(), IPC_OK); /* the system had let us */
  hooks.owner = 0;
  ipc_receiver_close(receiver);
}

static void another_users_lock_is_not_waited_for(void) {
  ipc_receiver *receiver = must_receive(for_all);
  int fd = open(path_of(test_name), O_RDWR);
  CHECK_EQ(flock(fd, LOCK_EX), 0);
  hooks.owner = 12345;
  double started = test_ms();
  check_refused(channel, 12345, 0666);
  CHECK_EQ(clear(), IPC_OK);
  check_within_a_second(started);
  hooks.owner = 0;
  close(fd);
  ipc_receiver_close(receiver);
}

static void only_those_that_may_write_may_read(void) {
  static const uint32_t asked_and_given[][2] = {{0644, 0600}, {0640, 0600}, {0664, 0660}, {0646, 0606},
                                                {0755, 0700}, {0660, 0660}, {0622, 0622}, {0666, 0666}};
  for (size_t i = 0; i < sizeof asked_and_given / sizeof *asked_and_given; i++) {
    ipc_options options = channel;
    options.permissions = asked_and_given[i][0];
    ipc_receiver *receiver = must_receive(options);
    CHECK_EQ(view_open(test_prefix, test_name, IPC_CHANNEL).permissions, asked_and_given[i][1]);
    CHECK_EQ(open_code(options), IPC_OK);
    ipc_receiver_close(receiver);
  }
}

/* A user with the right to read a file can open and lock it, and that lock would stop all others. */
static void lock_as_nobody(void *unused) {
  (void)unused;
  if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0) FAIL("root could not become nobody");
  int fd = open(path_of(test_name), O_RDONLY);
  if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) test_idle();
  CHECK_EQ(errno, EACCES);
}

static void who_may_only_read_holds_nobody_up(void) {
  if (geteuid() != 0) SKIP("only root may become another user");
  ipc_options options = channel;
  options.permissions = 0644;
  ipc_receiver *receiver = must_receive(options);
  test_finish(test_start(TEST_PROCESS, lock_as_nobody, NULL));
  ipc_receiver_close(receiver);
  CHECK_EQ(open_code(options), IPC_OK);
}

static void what_is_shared_more_widely_than_asked_is_refused(void) {
  ipc_receiver *receiver = must_receive(for_all);
  ipc_options options = channel;
  check_refused(options, ipc_os_user(), 0666);
  options.permissions = 0600;
  CHECK_EQ(open_code(options), IPC_E_OPTIONS_MISMATCH);
  CHECK_EQ(open_code(for_all), IPC_OK);
  ipc_receiver_close(receiver);
  receiver = must_receive(channel);
  CHECK_EQ(chmod(path_of(test_name), 0622), 0); /* whatever the header says */
  check_refused(options, ipc_os_user(), 0622);
  check_refused(channel, ipc_os_user(), 0622);
  CHECK_EQ(chmod(path_of(test_name), 0604), 0);
  check_refused(channel, ipc_os_user(), 0604);
  CHECK_EQ(chmod(path_of(test_name), 0600), 0);
  CHECK_EQ(open_code(channel), IPC_OK);
  ipc_receiver_close(receiver);
}

static void leave_behind(void *unused) {
  (void)unused;
  must_receive(for_all);
  _exit(0);
}

static void what_we_left_behind_gives_nobody_its_permissions(void) {
  test_finish(test_start(TEST_PROCESS, leave_behind, NULL));
  CHECK_EQ(view_open(test_prefix, test_name, IPC_CHANNEL).permissions, 0666);
  ipc_receiver *receiver = must_receive(channel);
  CHECK_EQ(view_open(test_prefix, test_name, IPC_CHANNEL).permissions, 0600);
  ipc_receiver_close(receiver);
}

/* ---- Numbers in shared memory ---- */

static ipc_handle *must_memory(uint64_t size) {
  const ipc_options options = {.struct_size = sizeof(ipc_options), .kind = IPC_MEMORY, .size = size};
  ipc_handle *handle = ipc_handle_open(test_prefix, test_name, &options, &failure);
  if (!handle) FAIL("shared memory could not open: %d", failure.code);
  return handle;
}

/* The system would end a process that has mapped the part that is cut off. */
static void memory_does_not_shrink_by_a_damaged_size(void) {
  ipc_handle *memory = must_memory(1 << 20);
  ipc_mapping *mapping = ipc_memory_map(memory, &failure);
  CHECK(mapping);
  view it = view_open(test_prefix, test_name, IPC_MEMORY);
  const uint64_t wrong[] = {0, 4096, (uint64_t)1 << 40, UINT64_MAX, UINT64_MAX - 65536};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    it.header->memory_bytes = wrong[i];
    int32_t status = ipc_memory_grow(memory, 65536, &failure);
    CHECK_EQ(status, wrong[i] <= 4096 ? IPC_E_CORRUPT : status); /* less than is mapped: it never shrinks */
    hooks.no_room = ENOSPC;
    status = ipc_memory_grow(memory, 4 << 20, &failure);
    CHECK(status == IPC_E_NO_SPACE || status == IPC_E_CORRUPT);
    hooks.no_room = 0;
    view now = view_open(test_prefix, test_name, IPC_MEMORY);
    CHECK_EQ(now.bytes, it.bytes);
    view_close(&now);
    memset(ipc_mapping_address(mapping), (int)i, 1 << 20);
  }
  it.header->memory_bytes = 1 << 20;
  CHECK_EQ(ipc_memory_grow(memory, 2 << 20, &failure), IPC_OK);
  ipc_mapping_release(mapping);
  view_close(&it);
  ipc_handle_close(memory);
}

/* Half of them look as if they were right. */
static uint32_t any_number(uint32_t *seed) {
  static const uint32_t likely[] = {0,    1,          2,          3,          4,          5,         7,    8,
                                    16,   64,         1023,       1024,       1025,       4095,      4096, 8191,
                                    8192, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffff8, 0xffffffff};
  uint32_t number = test_random(seed);
  return number & 1 ? likely[(number >> 8) % (sizeof likely / sizeof *likely)] : test_random(seed);
}

static void damage(const view *it, uint32_t *seed) {
  uint64_t words = it->bytes / 4,
           places = (it->header->body_offset < it->bytes ? it->header->body_offset : it->bytes) / 4;
  for (uint32_t i = 0; i < 1 + test_random(seed) % 8; i++) {
    uint32_t where = test_random(seed);
    /* The constant half of the header is read only while opening; see segment_test. */
    uint64_t start = offsetof(ipc_header, head) / 4, end = where % 4 == 0 ? words : where % 4 == 1 ? places : 1024;
    ((_Atomic uint32_t *)it->base)[start + test_random(seed) % (end - start)] = any_number(seed);
  }
}

static void use_ring(uint32_t kind, uint32_t overflow, uint32_t seed) {
  const ipc_options options = {
      .struct_size = sizeof(ipc_options), .kind = kind, .capacity = 4096, .max_receivers = 3, .overflow = overflow};
  uint8_t bytes[9000] = {0};
  ipc_receiver *receiver = must_receive(options);
  ipc_sender *sender = ipc_sender_open(test_prefix, test_name, &options, &failure);
  CHECK(sender);
  view it = view_open(test_prefix, test_name, kind);
  for (int i = 0; i < 60; i++) {
    uint32_t span[16], offset = 0,
                       length = test_random(&seed) % 3 ? test_random(&seed) % 200 : test_random(&seed) % 8000;
    ipc_sender_send(sender, bytes, length, 0);
    uint32_t accepted;
    if (ipc_sender_stage(sender, bytes, length % 500) == IPC_OK) ipc_sender_flush(sender, 0, &accepted);
    if (ipc_sender_loan(sender, length % 500, 0, &offset) == IPC_OK) {
      if (i % 3 == 0) damage(&it, &seed);
      CHECK_LE(offset + length % 500, 4096);
      ipc_sender_end_loan(sender, offset, (int32_t)(length % 100));
    }
    if (i % 2 == 0) damage(&it, &seed);
    ipc_receiver_next_length(receiver);
    ipc_receiver_recv(receiver, bytes, sizeof bytes, 0);
    int32_t count = ipc_receiver_peek(receiver, span, 8, bytes, sizeof bytes, 0);
    for (int32_t j = 0; j < count; j++) CHECK_LE((uint64_t)span[2 * j] + span[2 * j + 1], 4096);
    if (count > 0) ipc_receiver_consume(receiver, (uint32_t)count);
    if (ipc_receiver_take(receiver, 0, span) == IPC_OK) {
      CHECK_LE((uint64_t)span[0] + span[1], 4096);
      if (i & 1 ? ipc_receiver_done(receiver, span[0]) : ipc_receiver_retry(receiver, span[0])) continue;
    }
    uint32_t kept;
    void *message = ipc_receiver_take_assembled(receiver, &kept);
    if (message) {
      memset(message, 1, kept);
      free(message);
    }
    ipc_peer peers[4];
    ipc_receiver_peers(receiver, peers, 4);
    ipc_sender_receiver_count(sender);
    ipc_sender_arm(sender, IPC_WAIT_FOR_SPACE | IPC_WAIT_FOR_PEERS, 1, 2);
    ipc_receiver_poll(receiver, IPC_WAIT_FOR_DATA | IPC_WAIT_FOR_PEERS, 1, 2);
  }
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
  view_close(&it);
  clear();
  CHECK(ipc_clear(test_prefix, test_name, kind, &failure) == IPC_OK);
}

static void no_number_in_a_ring_leads_outside(void) {
  for (uint32_t seed = 1; seed <= 40 * TEST_SCALE; seed++)
    for (uint32_t kind = IPC_ROUTE; kind <= IPC_QUEUE; kind++)
      use_ring(kind, 1 + seed % (kind == IPC_QUEUE ? 2 : 3), seed * 7919 + kind);
}

static void use_latest(ipc_handle *latest) {
  uint8_t bytes[200];
  ipc_latest_set(latest, bytes, sizeof bytes, 0);
  ipc_latest_get(latest, bytes, sizeof bytes);
  if (ipc_latest_lock(latest, 0) == IPC_OK) ipc_latest_unlock(latest);
  int32_t wait = ipc_latest_enter(latest, ipc_latest_version(latest), 0, 0);
  if (wait >= 0) ipc_handle_leave(latest, wait);
}

static void use_handle(uint32_t kind, uint32_t seed) {
  const ipc_options options = {.struct_size = sizeof(ipc_options),
                               .kind = kind,
                               .max_receivers = 3,
                               .size = kind == IPC_MEMORY ? 4096 : 0,
                               .robust = kind == IPC_SEMAPHORE ? 1 + seed % 2 : 0};
  ipc_handle *handle = ipc_handle_open(test_prefix, test_name, &options, &failure);
  if (!handle) FAIL("a handle could not open: %d", failure.code);
  view it = view_open(test_prefix, test_name, kind);
  for (int i = 0; i < 60; i++) {
    int32_t wait = -1;
    if (i % 2 == 0) damage(&it, &seed);
    ipc_handle_count(handle);
    ipc_handle_poll(handle);
    if (kind == IPC_MUTEX && ipc_mutex_lock(handle, 0) >= 0) ipc_mutex_unlock(handle);
    if (kind == IPC_SEMAPHORE && ipc_semaphore_acquire(handle, 0) == IPC_OK) ipc_semaphore_release(handle, 1);
    if (kind == IPC_RWLOCK && ipc_rwlock_lock(handle, 0, IPC_KEEP_NOTHING) >= 0) ipc_rwlock_unlock(handle);
    if (kind == IPC_RWLOCK && ipc_rwlock_lock_shared(handle, 0) >= 0) ipc_rwlock_unlock_shared(handle);
    if (kind == IPC_CONDITION) wait = ipc_condition_enter(handle, 0, 0);
    if (kind == IPC_CONDITION) ipc_condition_notify(handle);
    if (kind == IPC_MEMORY) wait = ipc_memory_enter(handle, test_random(&seed) % 8192, 0, 0, 0, &failure);
    if (kind == IPC_MEMORY) ipc_memory_wake(handle, 0, 1);
    if (kind == IPC_SIGNAL) ipc_signal_notify(handle, 1, 1);
    if (kind == IPC_LATEST) use_latest(handle);
    if (kind == IPC_SIGNAL) ipc_signal_wait(handle, 0);
    if (kind == IPC_SIGNAL) ipc_handle_arm(handle, IPC_WAIT_FOR_LOCK, 1, 2);
    if (kind <= IPC_RWLOCK && kind != IPC_CONDITION) ipc_handle_arm(handle, IPC_WAIT_FOR_LOCK, 1, 2);
    if (wait >= 0 && ipc_handle_sleep(handle, wait, 0) == IPC_TIMED_OUT) ipc_handle_leave(handle, wait);
    ipc_handle_disarm(handle, IPC_WAIT_FOR_LOCK | IPC_WAIT_FOR_SHARED);
    ipc_mapping *mapping = kind == IPC_MEMORY ? ipc_memory_map(handle, &failure) : NULL;
    if (!mapping) continue;
    memset(ipc_mapping_address(mapping), i, (size_t)ipc_mapping_byte_length(mapping));
    ipc_mapping_release(mapping);
  }
  ipc_handle_close(handle);
  view_close(&it);
  CHECK_EQ(ipc_clear(test_prefix, test_name, kind, &failure), IPC_OK);
}

static void no_number_in_a_handle_leads_outside(void) {
  for (uint32_t seed = 1; seed <= 40 * TEST_SCALE; seed++)
    for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++) use_handle(kind, seed * 7919 + kind);
}

/* ---- Other users, for whom root's rights are needed ---- */

static void become_nobody(void) {
  if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0) FAIL("root could not become nobody");
}

static void open_as_nobody(void *options) {
  become_nobody();
  ipc_receiver *receiver = must_receive(*(const ipc_options *)options);
  atomic_store(&shared->ready, 1);
  uint8_t text[8];
  CHECK_EQ(ipc_receiver_recv(receiver, text, sizeof text, -1), shared->go ? 6 : IPC_E_ORPHANED);
  ipc_receiver_close(receiver);
}

static test_worker start_as_nobody(ipc_options *options) {
  shared = test_shared(sizeof *shared);
  test_worker stranger = test_start(TEST_PROCESS, open_as_nobody, options);
  test_await(&shared->ready, 1);
  return stranger;
}

static void what_a_stranger_made_first_is_refused(void) {
  need_root();
  ipc_options options = for_all;
  test_worker stranger = start_as_nobody(&options);
  check_refused(channel, NOBODY, 0666);
  CHECK_EQ(clear(), IPC_OK); /* root may */
  ipc_receiver *receiver = must_receive(channel);
  CHECK_EQ(view_open(test_prefix, test_name, IPC_CHANNEL).permissions, 0600);
  test_finish(stranger);
  ipc_receiver_close(receiver);
}

static void what_both_sides_share_works(void) {
  need_root();
  ipc_options options = for_all;
  test_worker stranger = start_as_nobody(&options);
  atomic_store(&shared->go, 1);
  ipc_sender *sender = ipc_sender_open(test_prefix, test_name, &for_all, &failure);
  CHECK(sender);
  CHECK_EQ(ipc_sender_send(sender, "hello", 6, -1), IPC_OK);
  test_finish(stranger);
  ipc_sender_close(sender);
}

static void try_as_nobody(void *unused) {
  (void)unused;
  become_nobody();
  check_refused(channel, 0, 0600);
  CHECK_EQ(failure.system_error, EACCES);
  CHECK_EQ(clear(), IPC_E_PERMISSION);
  CHECK_EQ(failure.found, 0);
}

static void try_the_shared_as_nobody(void *unused) {
  (void)unused;
  become_nobody();
  check_refused(channel, 0, 0666);
  CHECK_EQ(open_code(for_all), IPC_OK);
}

static void roots_own_is_refused_to_others_and_shared_if_both_say_so(void) {
  need_root();
  ipc_receiver *receiver = must_receive(channel);
  test_finish(test_start(TEST_PROCESS, try_as_nobody, NULL));
  ipc_receiver_close(receiver);
  receiver = must_receive(for_all);
  test_finish(test_start(TEST_PROCESS, try_the_shared_as_nobody, NULL));
  ipc_receiver_close(receiver);
}

static void devices_are_refused(void) {
  need_root();
  char victim[IPC_LISTED_PATH];
  make_victim(victim);
  CHECK_EQ(mknod(path_of(test_name), S_IFCHR | 0600, makedev(1, 3)), 0);
  check_planted(victim);
  CHECK_EQ(clear(), IPC_OK);
}

TEST_MAIN(TEST_CASE(what_is_no_plain_file_is_refused), TEST_CASE(another_users_segment_is_refused),
          TEST_CASE(another_users_lock_is_not_waited_for), TEST_CASE(only_those_that_may_write_may_read),
          TEST_CASE(who_may_only_read_holds_nobody_up), TEST_CASE(what_is_shared_more_widely_than_asked_is_refused),
          TEST_CASE(what_we_left_behind_gives_nobody_its_permissions),
          TEST_CASE(memory_does_not_shrink_by_a_damaged_size), TEST_CASE(no_number_in_a_ring_leads_outside),
          TEST_CASE(no_number_in_a_handle_leads_outside), TEST_CASE(what_a_stranger_made_first_is_refused),
          TEST_CASE(what_both_sides_share_works), TEST_CASE(roots_own_is_refused_to_others_and_shared_if_both_say_so),
          TEST_CASE(devices_are_refused))

/* limits_test.c - many processes, many names, and systems that have no more of something. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sched.h>
#include <sys/mount.h>
#endif

#include "ends.h"
#include "handles.h"
#include "platform/posix.h"
#include "view.h"

/* A thousand and ten thousand in the plain variant. ThreadSanitizer's table of mappings is small. */
enum { PROCESSES = 250 * TEST_SCALE, NAMES = TEST_SCALE == 1 ? 200 : 2500 * TEST_SCALE, CYCLES = 2500 * TEST_SCALE };

static const ipc_options channel = {
    .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 4096, .max_receivers = 4};

typedef struct board {
  _Atomic uint32_t ready, go, slowest_us;
} board;
static board *shared;

static ipc_failure failure;

/* ---- Many ---- */

static void join_and_leave(void *unused) {
  (void)unused;
  double started = test_ms();
  ipc_sender *sender = must_send((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL});
  uint32_t took = (uint32_t)((test_ms() - started) * 1000), slowest = atomic_load(&shared->slowest_us);
  while (slowest < took && !atomic_compare_exchange_weak(&shared->slowest_us, &slowest, took)) continue;
  CHECK_EQ(ipc_sender_send(sender, "x", 1, -1), IPC_OK);
  atomic_fetch_add(&shared->ready, 1);
  while (!atomic_load(&shared->go)) ipc_os_wait(&shared->go, 0, IPC_FOREVER); /* a thousand that poll leave no time */
  ipc_sender_close(sender);
}

static void as_many_processes_as_places_join_and_leave(void) {
  static test_worker workers[PROCESSES];
  shared = test_shared(sizeof *shared);
  ipc_receiver *receiver =
      must_receive((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 131072});
  double started = test_ms();
  for (int i = 0; i < PROCESSES; i++) workers[i] = test_start(TEST_PROCESS, join_and_leave, NULL);
  test_await(&shared->ready, PROCESSES);
  double joined = test_ms();
  for (int i = 0; i < PROCESSES; i++) CHECK_EQ(ipc_receiver_recv(receiver, (char[1]){0}, 1, 0), 1);
  view it = view_open(test_prefix, test_name, IPC_CHANNEL);
  CHECK_EQ(it.header->sender_count, PROCESSES);
  /* Killed, a third of them are found by the processes that come and go, a few at a time. */
  for (int i = 0; i < PROCESSES; i += 3) test_kill(workers[i]);
  atomic_store(&shared->go, 1);
  ipc_os_wake_all(&shared->go);
  for (int i = 0; i < PROCESSES; i++) i % 3 ? test_finish(workers[i]) : test_reap(workers[i]);
  if (getenv("LIMITS"))
    fprintf(stderr, "%d processes: joined in %.0f ms, the slowest open took %u us; left in %.0f ms\n", PROCESSES,
            joined - started, shared->slowest_us, test_ms() - joined);
  for (int i = 0; i < (int)IPC_MAX_SENDERS / 16 * 3; i++)
    ipc_sender_close(must_send((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL}));
  CHECK_EQ(it.header->sender_count, 0);
  ipc_receiver_close(receiver);
  CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
}

static uint32_t list_names(uint32_t state, bool remove) {
  ipc_listed_name name;
  uint32_t count = 0;
  ipc_listing *listing = ipc_list_open(test_prefix, &failure);
  CHECK(listing);
  while (ipc_list_next(listing, &name, &failure) == 1)
    count += name.state == state && (!remove || ipc_list_remove(listing) == 1);
  CHECK_EQ(failure.code, IPC_OK);
  ipc_list_close(listing);
  return count;
}

static void open_names(void *unused) {
  (void)unused;
  double started = test_ms();
  for (int i = 0; i < NAMES; i++) {
    char name[32];
    snprintf(name, sizeof name, "n%d", i);
    const ipc_options options = {.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX, .max_receivers = 1};
    if (!ipc_handle_open(test_prefix, name, &options, &failure)) FAIL("%s: %d", name, failure.code);
  }
  double opened = test_ms();
  CHECK_EQ(list_names(IPC_LISTED_LIVE, false), NAMES);
  if (getenv("LIMITS"))
    fprintf(stderr, "%d names: opened in %.0f ms, listed in %.0f ms\n", NAMES, opened - started, test_ms() - opened);
  _exit(0);
}

static void many_names_are_opened_listed_and_cleared(void) {
  test_finish(test_start(TEST_PROCESS, open_names, NULL));
  double started = test_ms();
  CHECK_EQ(list_names(IPC_LISTED_LEFTOVER, true), NAMES);
  if (getenv("LIMITS")) fprintf(stderr, "%d leftovers: removed in %.0f ms\n", NAMES, test_ms() - started);
  CHECK_EQ(list_names(IPC_LISTED_LEFTOVER, false), 0);
}

/* ---- Nothing is leaked ---- */

static uint32_t count_files(void) {
  uint32_t count = 0;
  for (int fd = 0; fd < 1024; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

static uint32_t count_mappings(void) {
  uint32_t count = 0;
  char line[512];
  FILE *maps = fopen("/proc/self/maps", "r");
  while (maps && fgets(line, sizeof line, maps)) count += strstr(line, "libipc.") != NULL;
  if (maps) fclose(maps);
  return count;
}

static void open_all_and_close(void) {
  ipc_receiver *receiver = must_receive(channel);
  ipc_sender *sender = must_send(channel);
  CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK);
  CHECK_EQ(ipc_receiver_recv(receiver, (char[1]){0}, 1, 0), 1);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
  ipc_handle *memory = must_handle((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_MEMORY, .size = 4096});
  ipc_mapping *mapping = ipc_memory_map(memory, &failure);
  CHECK(mapping);
  ipc_mapping_release(mapping);
  ipc_handle_close(memory);
  waker it = open_waker();
  close_waker(&it);
}

static void opening_and_closing_leaks_nothing(void) {
  open_all_and_close();
  uint32_t files = count_files(), mapped = count_mappings();
  CHECK_EQ(mapped, 0);
  for (int i = 0; i < CYCLES; i++) open_all_and_close();
  CHECK_EQ(count_files(), files);
  CHECK_EQ(count_mappings(), 0);
}

static void without_descriptors_it_says_so_and_goes_on_later(void) {
  ipc_sender *kept = must_send(channel);
  uint32_t files = count_files(), mapped = count_mappings();
  struct rlimit limit, before;
  CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  for (uint32_t more = 0; more < 3; more++) {
    /* With no descriptor, and with one or two that are not enough for all that is opened on the way. */
    limit = before;
    int lowest = fcntl(0, F_DUPFD, 3);
    if (lowest >= 0) close(lowest);
    limit.rlim_cur = (rlim_t)lowest + more;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < 20; i++) {
      ipc_options options = channel;
      ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &options, &failure);
      if (more == 0) CHECK(!receiver);
      if (!receiver) CHECK_EQ(failure.code, IPC_E_SYSTEM);
      if (!receiver) CHECK_EQ(failure.system_error, EMFILE);
      ipc_receiver_close(receiver);
      uint32_t number[2];
      int fd = ipc_waker_open(number);
      if (more == 0) CHECK_EQ(fd, IPC_E_SYSTEM);
      if (fd >= 0) close(fd);
      ipc_listing *listing = ipc_list_open(test_prefix, &failure);
      ipc_listed_name name;
      if (more == 0) CHECK(!listing);
      if (listing && ipc_list_next(listing, &name, &failure) == 1 && more > 1) CHECK_EQ(name.senders, 1);
      if (failure.code) CHECK_EQ(failure.system_error, EMFILE);
      ipc_list_close(listing);
    }
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK_EQ(count_files(), files);
    CHECK_EQ(count_mappings(), mapped);
  }
  ipc_receiver *receiver = must_receive(channel);
  CHECK_EQ(ipc_sender_send(kept, "x", 1, 0), IPC_OK);
  CHECK_EQ(ipc_receiver_recv(receiver, (char[1]){0}, 1, 0), 1);
  ipc_receiver_close(receiver);
  ipc_sender_close(kept);
}

/* ---- No more room ---- */

static void check_no_room(void) {
  const ipc_options large = {.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 4 << 20};
  for (int i = 0; i < 3; i++) {
    CHECK(!ipc_receiver_open(test_prefix, test_name, &large, &failure));
    CHECK_EQ(failure.code, IPC_E_NO_SPACE);
    CHECK_EQ(failure.system_error, ENOSPC);
    CHECK_GE(failure.wanted, 4 << 20);
    CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
  }
}

static void check_no_room_to_grow(ipc_handle *memory, ipc_mapping *mapping) {
  for (int i = 0; i < 3; i++) {
    CHECK_EQ(ipc_memory_grow(memory, 8 << 20, &failure), IPC_E_NO_SPACE);
    CHECK_EQ(failure.system_error, ENOSPC);
    CHECK_EQ(ipc_memory_byte_length(memory), 100000);
    memset(ipc_mapping_address(mapping), i + 1, 100000); /* it is all still there */
  }
}

static void full_shared_memory_is_an_error_by_interposition(void) {
  ipc_handle *memory =
      must_handle((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_MEMORY, .size = 100000});
  ipc_mapping *mapping = ipc_memory_map(memory, &failure);
  hooks.no_room = ENOSPC;
  check_no_room();
  check_no_room_to_grow(memory, mapping);
  hooks.no_room = 0;
  CHECK_EQ(ipc_memory_grow(memory, 200000, &failure), IPC_OK);
  open_all_and_close();
  ipc_mapping_release(mapping);
  ipc_handle_close(memory);
}

#ifdef __linux__
/* Shared memory of 2 MiB that only this case sees. Without root's rights: in a user namespace of our own. */
__attribute__((format(printf, 2, 0))) static bool tell(const char *path, const char *format, unsigned number) {
  FILE *file = fopen(path, "w");
  return file && fprintf(file, format, number) > 0 && fclose(file) == 0;
}

static bool be_root_of_own_namespace(void) {
  unsigned user = geteuid(), group = getegid();
  return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && tell("/proc/self/uid_map", "0 %u 1", user) &&
         tell("/proc/self/setgroups", "deny", 0) && tell("/proc/self/gid_map", "0 %u 1", group);
}

static bool mount_small(void) {
  return (unshare(CLONE_NEWNS) == 0 || be_root_of_own_namespace()) &&
         mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         mount("tmpfs", ipc_os_directory(), "tmpfs", 0, "size=2m,mode=1777") == 0;
}

static void full_shared_memory_is_an_error(void) {
  CHECK(mount_small());
  ipc_posix_forget_directory(); /* it was opened before */
  ipc_handle *memory =
      must_handle((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_MEMORY, .size = 100000});
  ipc_mapping *mapping = ipc_memory_map(memory, &failure);
  check_no_room();
  check_no_room_to_grow(memory, mapping);
  CHECK_EQ(ipc_memory_grow(memory, 200000, &failure), IPC_OK); /* what was too much took nothing */
  int fd = open("/dev/shm/filler", O_CREAT | O_RDWR, 0600);
  CHECK_GE(fd, 0);
  static const char zeros[65536];
  while (write(fd, zeros, sizeof zeros) > 0) continue;
  CHECK(!ipc_sender_open(test_prefix, test_name, &channel, &failure));
  CHECK_EQ(failure.code, IPC_E_NO_SPACE);
  CHECK_EQ(ipc_memory_grow(memory, 1 << 20, &failure), IPC_E_NO_SPACE);
  CHECK_EQ(ftruncate(fd, 0), 0);
  open_all_and_close();
  ipc_mapping_release(mapping);
  ipc_handle_close(memory);
}
static void without_namespaces_full_memory_was_interposed_only(void) { CHECK(!mount_small()); }

static bool can_mount(void) {
  pid_t child = fork();
  if (child == 0) _exit(mount_small() ? 0 : 1);
  int status = 1;
  waitpid(child, &status, 0);
  return status == 0;
}
#endif

/* ---- Time and identity ---- */

static void a_reused_id_is_somebody_else(void) {
  ipc_receiver *dead = must_receive(channel);
  ipc_sender *sender = must_send(channel);
  view it = view_open(test_prefix, test_name, IPC_CHANNEL);
  CHECK(ipc_os_alive(view_receivers(&it)[0].owner));
  view_receivers(&it)[0].owner += 1; /* the same file name, of another file */
  CHECK(!ipc_os_alive(view_receivers(&it)[0].owner));
  /* More than the ring holds: the dead receiver holds the sender back, unless the sender notices the death before. */
  int32_t status = IPC_OK;
  for (uint32_t sent = 0; sent < 2000 && status == IPC_OK; sent++)
    status = ipc_sender_send(sender, "12345678", 8, 20000);
  CHECK_EQ(status, IPC_NO_RECEIVERS);
  CHECK_EQ(ipc_sender_receiver_count(sender), 0);
  ipc_receiver_close(dead);
  ipc_sender_close(sender);
  view_close(&it);
}

/* No wall clock is asked (see limits.test.ts). Even a monotonic one that went back would cost a wait its length, no
 * more. */
static void a_clock_set_back_stops_nothing(void) {
  hooks.clock_ahead_ns = UINT64_C(3600000000000);
  ipc_receiver *receiver = must_receive(channel);
  ipc_sender *sender = must_send(channel);
  CHECK_EQ(ipc_receiver_recv(receiver, (char[8]){0}, 8, 0), IPC_TIMED_OUT);
  hooks.clock_ahead_ns = 0;
  CHECK_EQ(ipc_receiver_recv(receiver, (char[8]){0}, 8, 30), IPC_TIMED_OUT);
  CHECK_EQ(ipc_sender_send(sender, "x", 1, 30), IPC_OK);
  CHECK_EQ(ipc_receiver_recv(receiver, (char[8]){0}, 8, 30), 1);
  for (int i = 0; i < 300; i++) ipc_sender_send(sender, "12345678", 8, 0);
  CHECK_EQ(ipc_sender_send(sender, "12345678", 8, 30), IPC_TIMED_OUT);
  ipc_failure ignored;
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_CHANNEL, &ignored), IPC_OK);
  CHECK_EQ(ipc_sender_send(sender, "x", 1, -1), IPC_E_ORPHANED);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

int main(int argc, char **argv) {
  test_case cases[9] = {TEST_CASE(as_many_processes_as_places_join_and_leave),
                        TEST_CASE(many_names_are_opened_listed_and_cleared),
                        TEST_CASE(opening_and_closing_leaks_nothing),
                        TEST_CASE(without_descriptors_it_says_so_and_goes_on_later),
                        TEST_CASE(full_shared_memory_is_an_error_by_interposition),
                        TEST_CASE(a_reused_id_is_somebody_else),
                        TEST_CASE(a_clock_set_back_stops_nothing)};
  size_t count = 7;
#ifdef __linux__
  cases[count++] = can_mount() ? (test_case)TEST_CASE(full_shared_memory_is_an_error)
                               : (test_case)TEST_CASE(without_namespaces_full_memory_was_interposed_only);
#endif
  return test_run_cases(argc, argv, cases, count);
}

/* list_test.c - what names there are and who is on them, told without trusting, waiting or disturbing; leftovers go. */
#include "libipc/list.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "interpose.h"
#include "libipc/peers.h"
#include "libipc/waker.h"
#include "view.h"
#include "worker.h"

static const ipc_options channel = {.kind = IPC_CHANNEL, .capacity = 8192, .max_receivers = 4};

typedef struct board {
  _Atomic uint32_t ready, go, stop, rounds;
} board;
static board *shared;

enum { MOST_ENDPOINTS = 16 };

/* All that a listing tells about one name. */
typedef struct report {
  ipc_listed_name name;
  ipc_listed_endpoint endpoints[MOST_ENDPOINTS];
  uint32_t count;
} report;

static ipc_listing *must_list(const char *prefix) {
  ipc_failure failure;
  ipc_listing *listing = ipc_list_open(prefix, &failure);
  if (!listing) FAIL("a listing could not open: %d, errno %d", failure.code, failure.system_error);
  return listing;
}

/* The next one; false: no more. */
static bool next_of(ipc_listing *listing, report *it) {
  ipc_failure failure;
  memset(it, 0xff, sizeof *it); /* everything must be told */
  int32_t status = ipc_list_next(listing, &it->name, &failure);
  if (status < 0) FAIL("a listing failed: %d, errno %d", failure.code, failure.system_error);
  it->count = 0;
  ipc_listed_endpoint endpoint;
  while (ipc_list_endpoint(listing, &endpoint) == 1) {
    CHECK_EQ(status, 1);
    if (it->count < MOST_ENDPOINTS) it->endpoints[it->count] = endpoint;
    it->count++;
  }
  return status == 1;
}

/* Goes on until the name; the listing's current one is then this. */
static bool find_in(ipc_listing *listing, const char *name, uint32_t kind, report *it) {
  while (next_of(listing, it))
    if (it->name.kind == kind && strcmp(it->name.name, name) == 0) return true;
  return false;
}

static bool find(const char *prefix, const char *name, uint32_t kind, report *it) {
  ipc_listing *listing = must_list(prefix);
  bool found = find_in(listing, name, kind, it);
  ipc_list_close(listing);
  return found;
}

static report must_find(uint32_t kind) {
  report it;
  CHECK(find(test_prefix, test_name, kind, &it));
  CHECK_EQ(strcmp(it.name.prefix, test_prefix), 0);
  return it;
}

static bool remove_of(uint32_t kind) {
  report it;
  ipc_listing *listing = must_list(test_prefix);
  bool removed = find_in(listing, test_name, kind, &it) && ipc_list_remove(listing) == 1;
  ipc_list_close(listing);
  return removed;
}
static bool remove_it(void) { return remove_of(IPC_CHANNEL); }

static ipc_receiver *must_receive(ipc_options options) {
  ipc_failure failure;
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &options, &failure);
  if (!receiver) FAIL("a receiver could not open: %d, errno %d", failure.code, failure.system_error);
  return receiver;
}

static ipc_sender *must_send(ipc_options options) {
  ipc_failure failure;
  ipc_sender *sender = ipc_sender_open(test_prefix, test_name, &options, &failure);
  if (!sender) FAIL("a sender could not open: %d, errno %d", failure.code, failure.system_error);
  return sender;
}

static void send_some(ipc_sender *sender, uint32_t count) {
  for (uint64_t i = 0; i < count; i++) CHECK_EQ(ipc_sender_send(sender, &i, 8, 0), IPC_OK);
}

static void tells_name_options_and_endpoints(void) {
  ipc_receiver *receiver = must_receive((ipc_options){
      .kind = IPC_CHANNEL, .capacity = 8192, .max_receivers = 4, .permissions = 0640, .overflow = IPC_DROP_NEWEST});
  ipc_receiver *other = must_receive((ipc_options){.kind = IPC_CHANNEL, .permissions = 0640});
  ipc_sender *sender = must_send((ipc_options){.kind = IPC_CHANNEL, .permissions = 0640});
  send_some(sender, 10);
  uint8_t bytes[8];
  for (int i = 0; i < 4; i++) CHECK_EQ(ipc_receiver_recv(other, bytes, 8, 0), 8);
  report it = must_find(IPC_CHANNEL);
  uint64_t body;
  CHECK_EQ(it.name.state, IPC_LISTED_LIVE);
  CHECK_EQ(it.name.capacity, 8192);
  CHECK_EQ(it.name.max_receivers, 4);
  CHECK_EQ(it.name.permissions, 0640);
  CHECK_EQ(it.name.overflow, IPC_DROP_NEWEST);
  CHECK_EQ(it.name.version, IPC_LAYOUT_VERSION);
  CHECK_EQ(it.name.system_error, 0);
  CHECK_EQ(it.name.senders, 1);
  CHECK_EQ(it.name.receivers, 2);
  CHECK_EQ(it.name.dead, 0);
  CHECK_EQ(it.name.waiting, 0);
  CHECK_EQ(it.name.bytes, ipc_segment_bytes(IPC_ROUTE, 8192, 4, &body));
  CHECK_EQ(it.name.head, 160);
  CHECK_EQ(it.name.messages, 10);
  CHECK_EQ(access(it.name.path, F_OK), 0);
  CHECK_EQ(it.count, 3);
  for (uint32_t i = 0; i < 3; i++) {
    CHECK_EQ(it.endpoints[i].role, i == 0 ? IPC_SENDER : IPC_RECEIVER);
    CHECK_EQ(it.endpoints[i].slot, i == 2);
    CHECK_EQ(it.endpoints[i].pid, getpid());
    CHECK_EQ(it.endpoints[i].alive, 1);
    CHECK_EQ(it.endpoints[i].sleeping, 0);
    CHECK_EQ(it.endpoints[i].lost, 0);
    CHECK(it.endpoints[i].instance != 0);
  }
  CHECK_EQ(it.endpoints[0].position, 160);
  CHECK_EQ(it.endpoints[0].lag, 0);
  CHECK_EQ(it.endpoints[1].position, 0);
  CHECK_EQ(it.endpoints[1].lag, 160);
  CHECK_LE(it.endpoints[2].lag, 160); /* told lazily */
  for (int i = 0; i < 6; i++) CHECK_EQ(ipc_receiver_recv(other, bytes, 8, 0), 8);
  it = must_find(IPC_CHANNEL);
  CHECK_EQ(it.endpoints[2].lag, 0); /* but when it has read everything */
  CHECK_EQ(it.endpoints[2].position, 160);
  ipc_sender_close(sender);
  ipc_receiver_close(other);
  ipc_receiver_close(receiver);
  CHECK(!find(test_prefix, test_name, IPC_CHANNEL, &it));
}

static void counts_on_past_every_wrap(void) {
  uint32_t firsts[] = {0x80000000u - 20, UINT32_MAX - 19};
  for (int i = 0; i < 2; i++) {
    ipc_options options = {.kind = IPC_ROUTE, .capacity = 4096, .first_position = firsts[i]};
    ipc_sender *sender = must_send(options);
    ipc_receiver *receiver = must_receive((ipc_options){.kind = IPC_ROUTE});
    send_some(sender, 30);
    report it = must_find(IPC_ROUTE);
    CHECK_EQ(it.name.messages, 30);
    CHECK_EQ(it.name.head, ((uint64_t)firsts[i] + 60) * 8);
    CHECK_EQ(it.endpoints[1].position, (uint64_t)firsts[i] * 8);
    CHECK_EQ(it.endpoints[1].lag, 480);
    ipc_receiver_close(receiver);
    ipc_sender_close(sender);
  }
}

static void tells_what_was_lost(void) {
  const ipc_options options = {.kind = IPC_CHANNEL, .capacity = 4096, .overflow = IPC_DROP_OLDEST};
  ipc_sender *sender = must_send(options);
  ipc_receiver *receiver = must_receive(options);
  send_some(sender, 10000);
  report it = must_find(IPC_CHANNEL);
  CHECK_EQ(it.name.messages, 10000);
  CHECK_EQ(it.endpoints[1].lag, 4096); /* no more than there is */
  CHECK_EQ(it.endpoints[1].lost, 0);   /* it has not looked */
  uint8_t bytes[8];
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, 8, 0), 8);
  it = must_find(IPC_CHANNEL);
  CHECK_GE(it.endpoints[1].lost, 9000);
  CHECK_EQ(it.endpoints[1].lost, ipc_receiver_lost(receiver));
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

static void tells_what_waits_in_a_queue(void) {
  const ipc_options options = {.kind = IPC_QUEUE, .capacity = 4096};
  ipc_sender *sender = must_send(options);
  ipc_receiver *receiver = must_receive(options);
  send_some(sender, 5); /* of 24 bytes: header, lease, payload */
  report it = must_find(IPC_QUEUE);
  CHECK_EQ(it.name.waiting, 120);
  CHECK_EQ(it.name.messages, 5);
  uint8_t bytes[8];
  for (int i = 0; i < 2; i++) CHECK_EQ(ipc_receiver_recv(receiver, bytes, 8, 0), 8);
  it = must_find(IPC_QUEUE);
  CHECK_EQ(it.name.waiting, 72);
  CHECK_EQ(it.endpoints[1].lag, 0);
  CHECK_EQ(it.endpoints[1].position, 48);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

static void receive_one(void *unused) {
  (void)unused;
  ipc_receiver *receiver = must_receive(channel);
  CHECK_EQ(ipc_receiver_recv(receiver, (char[8]){0}, 8, -1), 8);
  atomic_store(&shared->ready, 1);
  test_await(&shared->go, 1);
  CHECK_EQ(ipc_receiver_recv(receiver, (char[8]){0}, 8, -1), 8);
  ipc_receiver_close(receiver);
}

static void send_until_alone(void *unused) {
  (void)unused;
  ipc_sender *sender = must_send(channel);
  while (ipc_sender_send(sender, "message", 8, -1) == IPC_OK) continue;
  ipc_sender_close(sender);
}

/* A listing sees a moment: in each slice of its sleep a waiter looks around for an instant. */
static void await_sleeping(uint32_t kind, uint32_t role, uint32_t sleeping) {
  for (;; test_pause()) {
    report it = must_find(kind);
    for (uint32_t i = 0; i < it.count; i++)
      if (it.endpoints[i].role == role && it.endpoints[i].pid != (uint32_t)getpid() &&
          it.endpoints[i].sleeping == sleeping)
        return;
  }
}

static void tells_who_sleeps(void) {
  shared = test_shared(sizeof *shared);
  ipc_sender *sender = must_send(channel);
  test_worker reader = test_start(TEST_PROCESS, receive_one, NULL);
  await_sleeping(IPC_CHANNEL, IPC_RECEIVER, 1);
  send_some(sender, 1);
  test_await(&shared->ready, 1);
  await_sleeping(IPC_CHANNEL, IPC_RECEIVER, 0);
  test_worker writer = test_start(TEST_PROCESS, send_until_alone, NULL);
  await_sleeping(IPC_CHANNEL, IPC_SENDER, 1); /* the ring is full */
  atomic_store(&shared->go, 1);
  test_finish(writer);
  test_finish(reader);
  ipc_sender_close(sender);
}

static void tells_who_sleeps_in_an_event_loop(void) {
  uint32_t waker[2];
  int fd = ipc_waker_open(waker);
  CHECK_GE(fd, 0);
  ipc_receiver *receiver = must_receive(channel);
  ipc_sender *sender = must_send(channel);
  ipc_sender_arm(sender, IPC_WAIT_FOR_PEERS, waker[0], waker[1]);
  CHECK_EQ(must_find(IPC_CHANNEL).endpoints[0].sleeping, 0);
  ipc_sender_arm(sender, IPC_WAIT_FOR_SPACE, waker[0], waker[1]);
  ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, waker[0], waker[1]);
  CHECK_EQ(must_find(IPC_CHANNEL).endpoints[0].sleeping, 1);
  CHECK_EQ(must_find(IPC_CHANNEL).endpoints[1].sleeping, 1);
  send_some(sender, 1);
  CHECK_EQ(must_find(IPC_CHANNEL).endpoints[1].sleeping, 0);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
  close(fd);
  ipc_waker_close(waker[0], waker[1]);
}

static void open_and_idle(void *unused) {
  (void)unused;
  must_receive(channel);
  must_send(channel);
  atomic_fetch_add(&shared->ready, 1);
  test_idle();
}

static test_worker start_idle(void) {
  if (!shared) shared = test_shared(sizeof *shared);
  uint32_t ready = atomic_load(&shared->ready);
  test_worker worker = test_start(TEST_PROCESS, open_and_idle, NULL);
  test_await(&shared->ready, ready + 1);
  return worker;
}

static void what_dead_processes_leave_is_told_and_removed(void) {
  test_worker victim = start_idle();
  CHECK_EQ(must_find(IPC_CHANNEL).name.state, IPC_LISTED_LIVE);
  test_stop(victim);
  CHECK_EQ(must_find(IPC_CHANNEL).name.state, IPC_LISTED_LIVE); /* stopped is not dead */
  CHECK(!remove_it());
  test_kill(victim);
  report it = must_find(IPC_CHANNEL); /* a zombie is */
  CHECK_EQ(it.name.state, IPC_LISTED_LEFTOVER);
  CHECK_EQ(it.name.dead, 2);
  CHECK_EQ(it.name.senders + it.name.receivers, 0);
  CHECK_EQ(it.count, 2);
  CHECK_EQ(it.endpoints[1].pid, victim.pid);
  CHECK_EQ(it.endpoints[1].alive, 0);
  CHECK(remove_it());
  CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
  CHECK(!remove_it());
}

static void a_name_that_somebody_is_on_stays(void) {
  test_worker victim = start_idle();
  ipc_receiver *receiver = must_receive(channel);
  test_kill(victim);
  report it = must_find(IPC_CHANNEL);
  CHECK_EQ(it.name.state, IPC_LISTED_LIVE);
  CHECK_EQ(it.name.dead, 2);
  CHECK_EQ(it.name.receivers, 1);
  CHECK(!remove_it());
  ipc_sender *sender = must_send(channel);
  send_some(sender, 1);
  CHECK_EQ(ipc_receiver_recv(receiver, (char[8]){0}, 8, 0), 8);
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
}

static void what_cannot_be_removed_is_not_said_to_be(void) {
  test_kill(start_idle());
  hooks.keep_names = true;
  CHECK(!remove_it());
  hooks.keep_names = false;
  CHECK(view_exists(test_prefix, test_name, IPC_CHANNEL));
  CHECK(remove_it());
}

static int make_file(const char *name, uint64_t bytes, uint32_t permissions) {
  char key[IPC_OS_KEY_BYTES];
  CHECK_EQ(ipc_segment_key(key, IPC_CHANNEL, test_prefix, name), IPC_OK);
  int fd = ipc_os_open(key, true, permissions);
  CHECK_GE(fd, 0);
  if (bytes) CHECK_EQ(ftruncate(fd, (off_t)bytes), 0);
  return fd;
}

/* On systems with hashed keys such a file does not tell its name: so it is found by its path. */
static report find_file(uint32_t kind, const char *name, bool remove, bool *removed) {
  char key[IPC_OS_KEY_BYTES], listed[IPC_OS_KEY_BYTES], path[IPC_LISTED_PATH];
  CHECK_EQ(ipc_segment_key(key, kind, test_prefix, name), IPC_OK);
  ipc_os_listed_key(key, listed);
  snprintf(path, sizeof path, "%s/%s", ipc_os_directory, listed);
  ipc_listing *listing = must_list(NULL);
  report it;
  do {
    if (!next_of(listing, &it)) FAIL("%s is not listed", path);
  } while (strcmp(it.name.path, path) != 0);
  if (remove) *removed = ipc_list_remove(listing) == 1;
  ipc_list_close(listing);
  return it;
}
static report see_file_of(uint32_t kind) { return find_file(kind, test_name, false, NULL); }
static report see_file(void) { return see_file_of(IPC_CHANNEL); }
static bool remove_file(void) {
  bool removed;
  find_file(IPC_CHANNEL, test_name, true, &removed);
  return removed;
}

static void unfinished_files_are_told_and_removed(void) {
  uint64_t sizes[] = {0, IPC_HEADER_BYTES, 1 << 20};
  for (int i = 0; i < 3; i++) {
    ipc_os_close(make_file(test_name, sizes[i], 0600));
    report it = see_file();
    CHECK_EQ(it.name.state, IPC_LISTED_UNFINISHED);
    CHECK_EQ(it.name.bytes, sizes[i]);
    CHECK_EQ(it.count, 0);
    CHECK(remove_file());
    CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
  }
}

static void stop_at_resize(const char *call) {
  if (strcmp(call, "resize") == 0) raise(SIGSTOP);
}
static void create_and_pause(void *unused) {
  (void)unused;
  hooks.before = stop_at_resize;
  ipc_receiver *receiver = must_receive(channel);
  atomic_store(&shared->ready, 1);
  test_await(&shared->go, 1);
  ipc_receiver_close(receiver);
}
static void refuse_locks(const char *call) {
  if (strcmp(call, "try_lock") == 0) FAIL("a listing asked for the name lock");
}

static void a_stopped_creator_is_neither_waited_for_nor_robbed(void) {
  shared = test_shared(sizeof *shared);
  test_worker creator = test_start(TEST_PROCESS, create_and_pause, NULL);
  int status = 0;
  CHECK_EQ(waitpid(creator.pid, &status, WUNTRACED), creator.pid);
  hooks.before = refuse_locks;
  CHECK_EQ(see_file().name.state, IPC_LISTED_UNFINISHED);
  hooks.before = NULL;
  CHECK(!remove_file());
  test_continue(creator);
  test_await(&shared->ready, 1);
  CHECK_EQ(see_file().name.state, IPC_LISTED_LIVE);
  atomic_store(&shared->go, 1);
  test_finish(creator);
}

static void open_use_and_die(void *seed) {
  uint32_t random = *(uint32_t *)seed;
  ipc_receiver *receiver = must_receive(channel);
  ipc_sender *sender = must_send(channel);
  if (test_random(&random) % 2) _exit(0); /* as good as killed, for the name */
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
}
static void die_all_the_time(void *unused) {
  (void)unused;
  for (uint32_t seed = 20260103; !atomic_load(&shared->stop);) {
    test_random(&seed);
    test_finish(test_start(TEST_PROCESS, open_use_and_die, &seed));
    atomic_fetch_add(&shared->rounds, 1);
  }
}
static void remove_all_the_time(void *unused) {
  (void)unused;
  while (!atomic_load(&shared->stop)) {
    ipc_failure failure;
    ipc_listed_name name;
    ipc_listing *listing = must_list(test_prefix);
    while (ipc_list_next(listing, &name, &failure) == 1) ipc_list_remove(listing); /* of whatever state */
    ipc_list_close(listing);
  }
}

/* Whoever has opened a name keeps it, whoever tidies up meanwhile. */
static void removal_never_takes_a_name_from_somebody_opening_it(void) {
  shared = test_shared(sizeof *shared);
  test_worker deaths = test_start(TEST_PROCESS, die_all_the_time, NULL);
  test_worker removals = test_start(TEST_PROCESS, remove_all_the_time, NULL);
  while (atomic_load(&shared->rounds) < 200 * TEST_SCALE) {
    ipc_receiver *receiver = must_receive(channel);
    ipc_sender *sender = must_send(channel);
    /* Waits: a receiver that has lost its processor for a hundred rounds holds the ring, as it should. */
    CHECK_EQ(ipc_sender_send(sender, "12345678", 8, -1), IPC_OK);
    CHECK_EQ(ipc_receiver_recv(receiver, (char[8]){0}, 8, 0), 8);
    view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
    CHECK(seen.header && seen.header->orphaned == 0);
    view_close(&seen);
    ipc_sender_close(sender);
    ipc_receiver_close(receiver);
    test_look_after_children();
  }
  atomic_store(&shared->stop, 1);
  test_finish(deaths);
  test_finish(removals);
}

static void check_refused(uint32_t state) {
  report it = see_file();
  CHECK_EQ(it.name.state, state);
  CHECK_EQ(it.count, 0);
  CHECK_EQ(it.name.senders + it.name.receivers + it.name.dead, 0);
  CHECK(!remove_file()); /* only clear(), by name */
  CHECK(view_exists(test_prefix, test_name, IPC_CHANNEL));
}

static void damage_is_told_and_left_alone(void) {
  test_kill(start_idle());
  view it = view_open(test_prefix, test_name, IPC_CHANNEL);
  ipc_header *header = it.header, whole;
  memcpy(&whole, header, sizeof whole);
#define REFUSED(damage, state)            \
  do {                                    \
    damage;                               \
    check_refused(state);                 \
    memcpy(header, &whole, sizeof whole); \
  } while (0)
  REFUSED(header->magic = 0x12345678, IPC_LISTED_FOREIGN);
  REFUSED(memset(header, 0xff, IPC_HEADER_BYTES), IPC_LISTED_FOREIGN);
  REFUSED(header->version = IPC_LAYOUT_VERSION + 1, IPC_LISTED_VERSION);
  REFUSED(header->layout_hash ^= 1, IPC_LISTED_VERSION);
  REFUSED(header->kind = IPC_ROUTE, IPC_LISTED_DAMAGED);
  REFUSED(header->kind = 77, IPC_LISTED_DAMAGED);
  REFUSED(header->capacity = 0, IPC_LISTED_DAMAGED);
  REFUSED(header->capacity = 16384, IPC_LISTED_DAMAGED);
  REFUSED(header->capacity = 1u << 31, IPC_LISTED_DAMAGED);
  REFUSED(header->max_receivers = 0, IPC_LISTED_DAMAGED);
  REFUSED(header->max_receivers = UINT32_MAX, IPC_LISTED_DAMAGED);
  REFUSED(header->max_senders = UINT32_MAX, IPC_LISTED_DAMAGED);
  REFUSED(header->overflow = 9, IPC_LISTED_DAMAGED);
  REFUSED(header->segment_bytes = 0, IPC_LISTED_DAMAGED);
  REFUSED(header->body_offset = 0, IPC_LISTED_DAMAGED);
  REFUSED(header->name[0] ^= 1, IPC_LISTED_DAMAGED);
  REFUSED(memset(header->name, 'x', sizeof header->name), IPC_LISTED_DAMAGED);
  REFUSED(memset(header->prefix, 'x', sizeof header->prefix), IPC_LISTED_DAMAGED);
  report seen = see_file();
  CHECK_EQ(seen.name.state, IPC_LISTED_LEFTOVER);
  header->version = 99;
  CHECK_EQ(see_file().name.version, 99);
}

static void truncated_files_are_told_and_left_alone(void) {
  test_kill(start_idle());
  uint64_t bytes = see_file().name.bytes;
  int fd = view_file(test_prefix, test_name, IPC_CHANNEL);
  uint64_t sizes[] = {bytes - 1, bytes - 8192, IPC_HEADER_BYTES, IPC_HEADER_BYTES - 1, 100, 4};
  for (int i = 0; i < 6; i++) {
    CHECK_EQ(ftruncate(fd, (off_t)sizes[i]), 0);
    check_refused(IPC_LISTED_DAMAGED);
    CHECK_EQ(see_file().name.bytes, sizes[i]);
  }
  CHECK_EQ(ftruncate(fd, 3), 0);
  check_refused(IPC_LISTED_FOREIGN);
  CHECK_EQ(ftruncate(fd, 0), 0);
  CHECK_EQ(pwrite(fd, "not a segment, though it has a name of one", 42, 0), 42);
  check_refused(IPC_LISTED_FOREIGN);
  ipc_os_close(fd);
}

static void a_copy_under_another_name_is_none_of_its_endpoints(void) {
  ipc_receiver *receiver = must_receive(channel);
  view it = view_open(test_prefix, test_name, IPC_CHANNEL);
  test_own(test_prefix, "copy");
  int fd = make_file("copy", 0, 0600);
  CHECK_EQ(write(fd, it.base, it.bytes), it.bytes);
  ipc_os_close(fd);
  bool removed;
  CHECK_EQ(find_file(IPC_CHANNEL, "copy", true, &removed).name.state, IPC_LISTED_DAMAGED);
  CHECK(!removed);
  CHECK_EQ(must_find(IPC_CHANNEL).name.state, IPC_LISTED_LIVE);
  ipc_receiver_close(receiver);
}

/* Whatever the words that may change say: numbers, at most nonsense; no crash, no hang, no read past the file. */
static void garbage_behind_a_sound_identity_is_survived(void) {
  ipc_receiver *receiver = must_receive(channel);
  view it = view_open(test_prefix, test_name, IPC_CHANNEL);
  uint32_t seed = 20260104, *words = (uint32_t *)it.base;
  size_t first = offsetof(ipc_header, head) / 4, last = it.header->body_offset / 4;
  for (int round = 0; round < 20 * TEST_SCALE; round++) {
    for (size_t i = first; i < last; i++) words[i] = round % 2 ? test_random(&seed) : (uint32_t)(round % 4) - 1;
    report seen = must_find(IPC_CHANNEL);
    CHECK_LE(seen.count, 4 + IPC_MAX_SENDERS);
    for (uint32_t i = 0; i < seen.count && i < MOST_ENDPOINTS; i++) CHECK_LE(seen.endpoints[i].lag, 8192);
  }
  memset(words + first, 0, (last - first) * 4);
  ipc_receiver_close(receiver);
}

static void shrink_and_grow(void *unused) {
  (void)unused;
  int fd = view_file(test_prefix, test_name, IPC_CHANNEL);
  CHECK_GE(fd, 0);
  struct stat status;
  CHECK_EQ(fstat(fd, &status), 0);
  for (uint32_t seed = 20260105; !atomic_load(&shared->stop);) {
    CHECK_EQ(ftruncate(fd, (off_t)(test_random(&seed) % (uint32_t)status.st_size)), 0);
    CHECK_EQ(ftruncate(fd, status.st_size), 0);
    atomic_fetch_add(&shared->rounds, 1);
  }
}

static void files_that_shrink_meanwhile_do_no_harm(void) {
  test_kill(start_idle());
  test_worker worker = test_start(TEST_PROCESS, shrink_and_grow, NULL);
  while (atomic_load(&shared->rounds) < 500 * TEST_SCALE) see_file();
  atomic_store(&shared->stop, 1);
  test_finish(worker);
}

static void other_things_of_that_name_are_told(void) {
  char key[IPC_OS_KEY_BYTES], listed[IPC_OS_KEY_BYTES], path[IPC_LISTED_PATH];
  CHECK_EQ(ipc_segment_key(key, IPC_CHANNEL, test_prefix, test_name), IPC_OK);
  ipc_os_listed_key(key, listed);
  snprintf(path, sizeof path, "%s/%s", ipc_os_directory, listed);
  CHECK_EQ(mkfifo(path, 0600), 0); /* opened for reading, it would wait for a writer */
  CHECK_EQ(see_file().name.state, IPC_LISTED_FOREIGN);
  CHECK(!remove_file());
  CHECK_EQ(unlink(path), 0);
  CHECK_EQ(mkdir(path, 0700), 0);
  CHECK_EQ(see_file().name.state, IPC_LISTED_FOREIGN);
  CHECK(!remove_file());
  CHECK_EQ(rmdir(path), 0);
  CHECK_EQ(symlink("/etc/passwd", path), 0);
  CHECK_EQ(see_file().name.state, IPC_LISTED_FOREIGN);
  CHECK(!remove_file());
  CHECK_EQ(unlink(path), 0);
}

static void list_as_nobody(void *unused) {
  (void)unused;
  if (geteuid() == 0) CHECK_EQ(setuid(65534), 0);
  report it = see_file();
  CHECK_EQ(it.name.state, IPC_LISTED_DENIED);
  CHECK_EQ(it.name.system_error, EACCES);
  CHECK(!remove_file());
}
static void list_readable_as_nobody(void *unused) {
  (void)unused;
  if (geteuid() == 0) CHECK_EQ(setuid(65534), 0);
  report it = see_file();
  CHECK_EQ(it.name.state, IPC_LISTED_LIVE); /* to look it is enough to be allowed to read */
  CHECK_EQ(it.count, 1);
  CHECK(!remove_file());
}

static void what_this_user_may_not_read_is_told(void) {
  ipc_receiver *receiver = must_receive((ipc_options){.kind = IPC_CHANNEL});
  int fd = view_file(test_prefix, test_name, IPC_CHANNEL);
  if (geteuid() != 0) fchmod(fd, 0);
  test_finish(test_start(TEST_PROCESS, list_as_nobody, NULL));
  fchmod(fd, 0644);
  test_finish(test_start(TEST_PROCESS, list_readable_as_nobody, NULL));
  ipc_os_close(fd);
  ipc_receiver_close(receiver);
}

static void names_are_told_as_they_are(void) {
  static const char longest[] =
      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
  const char *const names[] = {"a", ".", "..", "a.b c", "1.a.b", " ", "\xf0\x9f\x9a\x80", "\xff\xfe", "%s", longest};
  enum { COUNT = sizeof names / sizeof *names };
  ipc_failure failure;
  ipc_receiver *receivers[COUNT];
  char prefix[40];
  snprintf(prefix, sizeof prefix, "%s.9.%%d", test_prefix);
  for (int i = 0; i < COUNT; i++) {
    test_own(prefix, names[i]);
    receivers[i] = ipc_receiver_open(prefix, names[i], &channel, &failure);
    CHECK(receivers[i]);
  }
  report it;
  for (int i = 0; i < COUNT; i++) {
    CHECK(find(prefix, names[i], IPC_CHANNEL, &it));
    CHECK_EQ(strcmp(it.name.prefix, prefix), 0);
    CHECK_EQ(it.name.state, IPC_LISTED_LIVE);
    CHECK(find(NULL, names[i], IPC_CHANNEL, &it));
    CHECK(!find(test_prefix, names[i], IPC_CHANNEL, &it));
  }
  for (int i = 0; i < COUNT; i++) ipc_receiver_close(receivers[i]);
  CHECK(!ipc_list_open("a/b", &failure));
  CHECK_EQ(failure.code, IPC_E_INVALID_NAME);
}

static void what_vanishes_meanwhile_is_left_out(void) {
  ipc_receiver *receiver = must_receive(channel);
  ipc_listing *listing = must_list(test_prefix);
  ipc_receiver_close(receiver);
  report it;
  CHECK(!next_of(listing, &it));
  CHECK(!next_of(listing, &it));
  ipc_list_close(listing);
  listing = must_list(test_prefix);
  CHECK_EQ(ipc_list_remove(listing), 0);
  CHECK_EQ(ipc_list_endpoint(listing, it.endpoints), 0);
  ipc_list_close(listing);
  ipc_list_close(NULL);
}

static void peers_are_told_without_oneself(void) {
  ipc_peer peers[MOST_ENDPOINTS];
  ipc_sender *sender = must_send(channel);
  CHECK_EQ(ipc_sender_peers(sender, peers, MOST_ENDPOINTS), 0);
  ipc_receiver *receiver = must_receive(channel);
  test_worker victim = start_idle();
  CHECK_EQ(ipc_sender_peers(sender, peers, MOST_ENDPOINTS), 3);
  CHECK_EQ(peers[0].role, IPC_SENDER);
  CHECK_EQ(peers[0].slot, 1);
  CHECK_EQ(peers[0].pid, victim.pid);
  CHECK_EQ(peers[1].role, IPC_RECEIVER);
  CHECK_EQ(peers[1].pid, getpid());
  CHECK_EQ(peers[2].pid, victim.pid);
  CHECK_EQ(peers[2].slot, 1);
  CHECK_EQ(ipc_sender_peers(sender, peers, 1), 3); /* so many there are */
  CHECK_EQ(ipc_receiver_peers(receiver, peers, MOST_ENDPOINTS), 3);
  for (int i = 0; i < 3; i++) {
    CHECK_EQ(peers[i].alive, 1);
    CHECK_EQ(peers[i].died, 0);
    CHECK(peers[i].instance != 0);
  }
  CHECK_EQ(peers[0].pid, getpid());
  CHECK_EQ(peers[0].role, IPC_SENDER);
  uint32_t instance = peers[2].instance;
  test_kill(victim);
  CHECK_EQ(ipc_receiver_peers(receiver, peers, MOST_ENDPOINTS), 3); /* dead, and not missed yet */
  CHECK_EQ(peers[0].alive, 1);
  CHECK_EQ(peers[2].alive, 0);
  CHECK_EQ(peers[2].instance, instance);
  CHECK_EQ(ipc_sender_wait_for_receivers(sender, 1, 0), IPC_OK); /* somebody missed it */
  CHECK_EQ(ipc_receiver_peers(receiver, peers, MOST_ENDPOINTS), 3);
  CHECK_EQ(peers[2].instance, 0);
  CHECK_EQ(peers[2].died, instance);
  CHECK_EQ(peers[2].pid, 0);
  ipc_receiver *heir = must_receive(channel);
  CHECK_EQ(ipc_receiver_peers(receiver, peers, MOST_ENDPOINTS), 3);
  CHECK_EQ(peers[2].died, instance);
  CHECK_EQ(peers[2].alive, 1);
  uint32_t its = peers[2].instance;
  CHECK(its > instance);
  ipc_receiver_close(heir); /* leaving is not dying */
  CHECK_EQ(ipc_receiver_peers(receiver, peers, MOST_ENDPOINTS), 3);
  CHECK_EQ(peers[2].instance, 0);
  CHECK_EQ(peers[2].died, instance);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

static void come_and_go(void *unused) {
  (void)unused;
  while (!atomic_load(&shared->stop)) {
    ipc_receiver *receiver = must_receive(channel);
    ipc_sender *sender = must_send(channel);
    ipc_sender_close(sender);
    ipc_receiver_close(receiver);
    atomic_fetch_add(&shared->rounds, 1);
  }
}
static void check_watching(test_form form) {
  shared = test_shared(sizeof *shared);
  ipc_receiver *receiver = must_receive(channel);
  test_worker worker = test_start(form, come_and_go, NULL);
  uint32_t pid = form == TEST_PROCESS ? (uint32_t)worker.pid : (uint32_t)getpid();
  while (atomic_load(&shared->rounds) < 200 * TEST_SCALE) {
    ipc_peer peers[MOST_ENDPOINTS];
    int32_t count = ipc_receiver_peers(receiver, peers, MOST_ENDPOINTS);
    CHECK_LE(count, 2);
    for (int32_t i = 0; i < count; i++) {
      CHECK_EQ(peers[i].pid, pid);
      CHECK_EQ(peers[i].alive, 1);
      CHECK_EQ(peers[i].died, 0);
    }
    report it = must_find(IPC_CHANNEL);
    CHECK_EQ(it.name.dead, 0);
    CHECK_EQ(it.name.state, IPC_LISTED_LIVE);
  }
  atomic_store(&shared->stop, 1);
  test_finish(worker);
  ipc_receiver_close(receiver);
}
static void processes_come_and_go_while_somebody_watches(void) { check_watching(TEST_PROCESS); }
static void threads_come_and_go_while_somebody_watches(void) { check_watching(TEST_THREAD); }

/* What has no ring. */

static ipc_options options_of(uint32_t kind) {
  return (ipc_options){.kind = kind,
                       .max_receivers = 4,
                       .initial = kind == IPC_SEMAPHORE ? 1 + 3 : 0,
                       .robust = kind == IPC_SEMAPHORE,
                       .size = kind == IPC_MEMORY ? 100000 : 0};
}

static ipc_handle *must_open(ipc_options options) {
  ipc_failure failure;
  ipc_handle *handle = ipc_handle_open(test_prefix, test_name, &options, &failure);
  if (!handle) FAIL("a handle could not open: %d, errno %d", failure.code, failure.system_error);
  return handle;
}

static void check_handle(const ipc_listed_endpoint *it, uint32_t slot, uint32_t sleeping, uint32_t holds,
                         uint32_t exclusive) {
  CHECK_EQ(it->role, IPC_HANDLE);
  CHECK_EQ(it->slot, slot);
  CHECK(it->instance != 0);
  CHECK_EQ(it->sleeping, sleeping);
  CHECK_EQ(it->holds, holds);
  CHECK_EQ(it->exclusive, exclusive);
  CHECK_EQ(it->position + it->lag + it->lost, 0);
}

static void tells_handles_of_every_kind(void) {
  for (uint32_t kind = IPC_MUTEX; kind <= IPC_MEMORY; kind++) {
    ipc_options options = options_of(kind);
    options.permissions = 0640;
    ipc_handle *handle = must_open(options), *other = must_open(options);
    report it = must_find(kind);
    uint64_t body, bytes = ipc_segment_bytes(kind, 0, 4, &body) + (kind == IPC_MEMORY ? 100000 : 0);
    CHECK_EQ(it.name.state, IPC_LISTED_LIVE);
    CHECK_EQ(it.name.max_receivers, 4);
    CHECK_EQ(it.name.permissions, 0640);
    CHECK_EQ(it.name.overflow, 0);
    CHECK_EQ(it.name.version, IPC_LAYOUT_VERSION);
    CHECK_EQ(it.name.senders, 0);
    CHECK_EQ(it.name.receivers, 2);
    CHECK_EQ(it.name.dead, 0);
    CHECK_EQ(it.name.capacity, kind == IPC_MEMORY ? 100000 : 0);
    CHECK_EQ(it.name.bytes, bytes);
    CHECK_EQ(it.name.permits, kind == IPC_SEMAPHORE ? 3 : 0);
    CHECK_EQ(it.name.initial, kind == IPC_SEMAPHORE ? 3 : 0);
    CHECK_EQ(it.name.robust, kind == IPC_SEMAPHORE);
    CHECK_EQ(it.name.waiting + it.name.recovered + it.name.unusable + it.name.head + it.name.messages, 0);
    CHECK_EQ(it.count, 2);
    for (uint32_t i = 0; i < 2; i++) {
      check_handle(&it.endpoints[i], i, 0, 0, 0);
      CHECK_EQ(it.endpoints[i].pid, getpid());
      CHECK_EQ(it.endpoints[i].alive, 1);
    }
    ipc_handle_close(other);
    CHECK_EQ(must_find(kind).count, 1);
    ipc_handle_close(handle);
    CHECK(!find(test_prefix, test_name, kind, &it));
  }
}

static void tells_the_last_place_and_the_last_wait_there_can_be(void) {
  enum { LAST = IPC_MAX_RECEIVERS - 1, LAST_WAIT = IPC_MAX_RECEIVERS * IPC_WAITS_PER_HANDLE - 1 };
  ipc_handle *condition = must_open((ipc_options){.kind = IPC_CONDITION, .max_receivers = IPC_MAX_RECEIVERS});
  for (int32_t i = 0; i <= LAST_WAIT; i++) CHECK_EQ(ipc_condition_enter(condition, 0, 0), i);
  CHECK_EQ(ipc_condition_enter(condition, 0, 0), IPC_E_TOO_MANY_WAITS);
  for (int32_t i = 0; i < LAST_WAIT; i++) ipc_handle_leave(condition, i);
  view seen = view_open(test_prefix, test_name, IPC_CONDITION);
  ipc_slot *last = &view_receivers(&seen)[LAST]; /* as if all places before it had been taken, which takes long */
  last->owner = view_receivers(&seen)->owner;
  last->instance = IPC_MAX_RECEIVERS;
  report it = must_find(IPC_CONDITION);
  CHECK_EQ(it.name.max_receivers, IPC_MAX_RECEIVERS);
  CHECK_EQ(it.name.receivers, 2);
  check_handle(&it.endpoints[0], 0, 1, 0, 0);
  check_handle(&it.endpoints[1], LAST, 0, 0, 0);
  ipc_handle_leave(condition, LAST_WAIT);
  CHECK_EQ(must_find(IPC_CONDITION).endpoints[0].sleeping, 0);
  last->instance = 0;
  ipc_handle_close(condition);
}

static void tells_who_holds_a_mutex(void) {
  ipc_handle *mutex = must_open(options_of(IPC_MUTEX)), *other = must_open(options_of(IPC_MUTEX));
  CHECK_EQ(ipc_mutex_lock(other, 0), IPC_OK);
  report it = must_find(IPC_MUTEX);
  check_handle(&it.endpoints[0], 0, 0, 0, 0);
  check_handle(&it.endpoints[1], 1, 0, 1, 1);
  ipc_handle_close(other); /* abandoned: nobody's */
  it = must_find(IPC_MUTEX);
  CHECK_EQ(it.count, 1);
  check_handle(&it.endpoints[0], 0, 0, 0, 0);
  CHECK_EQ(ipc_mutex_lock(mutex, 0), IPC_OWNER_DIED);
  check_handle(&must_find(IPC_MUTEX).endpoints[0], 0, 0, 1, 1);
  CHECK_EQ(ipc_mutex_mark_unusable(mutex), IPC_OK);
  it = must_find(IPC_MUTEX);
  check_handle(&it.endpoints[0], 0, 0, 0, 0);
  CHECK_EQ(it.name.unusable, 1);
  ipc_handle_close(mutex);
}

static void lock_and_unlock(void *unused) {
  (void)unused;
  ipc_handle *mutex = must_open(options_of(IPC_MUTEX));
  CHECK_EQ(ipc_mutex_lock(mutex, -1), IPC_OK);
  atomic_store(&shared->ready, 1);
  test_await(&shared->go, 1);
  ipc_mutex_unlock(mutex);
  ipc_handle_close(mutex);
}

static void tells_who_waits_for_a_mutex(void) {
  shared = test_shared(sizeof *shared);
  ipc_handle *mutex = must_open(options_of(IPC_MUTEX));
  CHECK_EQ(ipc_mutex_lock(mutex, 0), IPC_OK);
  test_worker worker = test_start(TEST_PROCESS, lock_and_unlock, NULL);
  await_sleeping(IPC_MUTEX, IPC_HANDLE, 1);
  check_handle(&must_find(IPC_MUTEX).endpoints[0], 0, 0, 1, 1);
  CHECK_EQ(ipc_mutex_unlock(mutex), IPC_OK);
  test_await(&shared->ready, 1);
  uint32_t waker[2];
  int fd = ipc_waker_open(waker);
  CHECK_GE(fd, 0);
  CHECK_EQ(ipc_handle_arm(mutex, IPC_WAIT_FOR_LOCK, waker[0], waker[1]), IPC_OK);
  CHECK_EQ(ipc_mutex_lock(mutex, 0), IPC_TIMED_OUT);
  report it = must_find(IPC_MUTEX);
  check_handle(&it.endpoints[0], 0, 1, 0, 0); /* in its event loop */
  check_handle(&it.endpoints[1], 1, 0, 1, 1);
  atomic_store(&shared->go, 1);
  test_finish(worker);
  check_handle(&must_find(IPC_MUTEX).endpoints[0], 0, 0, 0, 0); /* it was rung */
  ipc_handle_close(mutex);
  close(fd);
  ipc_waker_close(waker[0], waker[1]);
}

static void tells_who_is_inside_a_reader_writer_lock(void) {
  uint32_t waker[2];
  int fd = ipc_waker_open(waker);
  CHECK_GE(fd, 0);
  ipc_handle *reader = must_open(options_of(IPC_RWLOCK)), *other = must_open(options_of(IPC_RWLOCK)),
             *writer = must_open(options_of(IPC_RWLOCK));
  for (int i = 0; i < 2; i++) CHECK_EQ(ipc_rwlock_lock_shared(reader, 0), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(writer, 0, 1), IPC_TIMED_OUT);
  ipc_handle_arm(writer, IPC_WAIT_FOR_LOCK, waker[0], waker[1]);
  report it = must_find(IPC_RWLOCK);
  check_handle(&it.endpoints[0], 0, 0, 2, 0);
  check_handle(&it.endpoints[1], 1, 0, 1, 0);
  check_handle(&it.endpoints[2], 2, 1, 0, 0); /* it has the turn, but is not inside */
  for (int i = 0; i < 2; i++) ipc_rwlock_unlock_shared(reader);
  ipc_rwlock_unlock_shared(other);
  CHECK_EQ(ipc_rwlock_lock(writer, 0, 1), IPC_OK);
  it = must_find(IPC_RWLOCK);
  check_handle(&it.endpoints[0], 0, 0, 0, 0);
  check_handle(&it.endpoints[2], 2, 0, 1, 1);
  ipc_handle_close(writer); /* inside: the next are told */
  CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_OWNER_DIED);
  it = must_find(IPC_RWLOCK);
  check_handle(&it.endpoints[1], 1, 0, 1, 0);
  ipc_rwlock_unlock_shared(other);
  CHECK_EQ(ipc_rwlock_lock(other, 0, 0), IPC_OWNER_DIED);
  CHECK_EQ(ipc_rwlock_mark_unusable(other), IPC_OK);
  it = must_find(IPC_RWLOCK);
  check_handle(&it.endpoints[1], 1, 0, 0, 0);
  CHECK_EQ(it.name.unusable, 1);
  ipc_handle_close(other);
  ipc_handle_close(reader);
  close(fd);
  ipc_waker_close(waker[0], waker[1]);
}

/* Has something happen just before the listing reads the header for the second time. */
static void (*meanwhile)(void);
static int reads_before;
static void count_reads(const char *call) {
  if (strcmp(call, "read") != 0 || reads_before-- > 0) return;
  hooks.before = NULL;
  meanwhile();
}
static report find_while(uint32_t kind, void (*happens)(void)) {
  meanwhile = happens;
  reads_before = 3; /* header, places, waits */
  hooks.before = count_reads;
  report it = must_find(kind);
  CHECK(!hooks.before);
  return it;
}

static ipc_handle *first_handle, *second_handle;

static void leave_to_a_writer(void) {
  CHECK_EQ(ipc_rwlock_unlock_shared(first_handle), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(second_handle, 0, 0), IPC_OK);
}

static void never_tells_a_writer_beside_readers(void) {
  first_handle = must_open(options_of(IPC_RWLOCK));
  second_handle = must_open(options_of(IPC_RWLOCK));
  CHECK_EQ(ipc_rwlock_lock_shared(first_handle, 0), IPC_OK);
  report it = find_while(IPC_RWLOCK, leave_to_a_writer);
  check_handle(&it.endpoints[0], 0, 0, 0, 0);
  check_handle(&it.endpoints[1], 1, 0, 1, 1);
  ipc_handle_close(first_handle);
  ipc_handle_close(second_handle);
}

static void tells_permits_and_who_has_them(void) {
  ipc_options options = options_of(IPC_SEMAPHORE);
  ipc_handle *semaphore = must_open(options), *other = must_open(options);
  for (int i = 0; i < 2; i++) CHECK_EQ(ipc_semaphore_acquire(other, 0), IPC_OK);
  report it = must_find(IPC_SEMAPHORE);
  CHECK_EQ(it.name.permits, 1);
  CHECK_EQ(it.name.initial, 3);
  check_handle(&it.endpoints[0], 0, 0, 0, 0);
  check_handle(&it.endpoints[1], 1, 0, 2, 0);
  ipc_handle_close(other);
  CHECK_EQ(must_find(IPC_SEMAPHORE).name.permits, 3);
  ipc_handle_close(semaphore);
  options.robust = 2;
  semaphore = must_open(options);
  CHECK_EQ(ipc_semaphore_acquire(semaphore, 0), IPC_OK);
  CHECK_EQ(ipc_semaphore_release(semaphore, IPC_MAX_PERMITS - 2), IPC_OK);
  it = must_find(IPC_SEMAPHORE);
  CHECK_EQ(it.name.robust, 0);
  CHECK_EQ(it.name.permits, IPC_MAX_PERMITS);
  check_handle(&it.endpoints[0], 0, 0, 0, 0);
  ipc_handle_close(semaphore);
}

static void tells_who_waits_for_a_condition_or_a_word(void) {
  ipc_handle *condition = must_open(options_of(IPC_CONDITION));
  int32_t first = ipc_condition_enter(condition, 0, 0), second = ipc_condition_enter(condition, 0, 0);
  check_handle(&must_find(IPC_CONDITION).endpoints[0], 0, 1, 0, 0);
  CHECK_EQ(ipc_condition_notify(condition), 1);
  CHECK_EQ(must_find(IPC_CONDITION).endpoints[0].sleeping, 1); /* the second still does */
  CHECK_EQ(ipc_condition_notify(condition), 1);
  CHECK_EQ(must_find(IPC_CONDITION).endpoints[0].sleeping, 0); /* notified: it is about to go on */
  CHECK_EQ(ipc_handle_leave(condition, first) + ipc_handle_leave(condition, second), 2);
  ipc_handle_close(condition);
  ipc_failure failure;
  ipc_handle *memory = must_open(options_of(IPC_MEMORY));
  int32_t wait = ipc_memory_enter(memory, 400, 0, 0, 0, &failure);
  CHECK_GE(wait, 0);
  check_handle(&must_find(IPC_MEMORY).endpoints[0], 0, 1, 0, 0);
  ipc_handle_leave(memory, wait);
  check_handle(&must_find(IPC_MEMORY).endpoints[0], 0, 0, 0, 0);
  ipc_handle_close(memory);
}

static void grow(void) {
  ipc_failure failure;
  CHECK_EQ(ipc_memory_grow(first_handle, 200000, &failure), IPC_OK);
}

static void tells_memory_that_grows_meanwhile(void) {
  first_handle = must_open(options_of(IPC_MEMORY));
  uint64_t body = must_find(IPC_MEMORY).name.bytes - 100000;
  report it = find_while(IPC_MEMORY, grow);
  CHECK_EQ(it.name.state, IPC_LISTED_LIVE);
  CHECK_EQ(it.name.capacity, 100000);
  CHECK_EQ(it.name.bytes, body + 100000);
  it = must_find(IPC_MEMORY);
  CHECK_EQ(it.name.capacity, 200000);
  CHECK_EQ(it.name.bytes, body + 200000);
  ipc_handle_close(first_handle);
}

static void tells_memory_of_4_gib(void) {
  ipc_handle *memory = must_open(options_of(IPC_MEMORY));
  view it = view_open(test_prefix, test_name, IPC_MEMORY);
  int fd = view_file(test_prefix, test_name, IPC_MEMORY);
  CHECK_EQ(ftruncate(fd, (off_t)(it.header->body_offset + IPC_MAX_MEMORY)),
           0); /* takes no memory until it is touched */
  ipc_os_close(fd);
  atomic_store(&it.header->memory_bytes, IPC_MAX_MEMORY);
  report seen = must_find(IPC_MEMORY);
  CHECK_EQ(seen.name.capacity, IPC_MAX_MEMORY);
  CHECK_EQ(seen.name.bytes, it.header->body_offset + IPC_MAX_MEMORY);
  ipc_handle_close(memory);
}

/* Holds or waits, as its kind can. */
static void use_and_idle(void *of) {
  uint32_t kind = *(uint32_t *)of;
  ipc_failure failure;
  ipc_handle *handle = must_open(options_of(kind));
  if (kind == IPC_MUTEX) CHECK_EQ(ipc_mutex_lock(handle, 0), IPC_OK);
  if (kind == IPC_CONDITION) CHECK_GE(ipc_condition_enter(handle, 0, 0), 0);
  if (kind == IPC_SEMAPHORE) CHECK_EQ(ipc_semaphore_acquire(handle, 0), IPC_OK);
  if (kind == IPC_RWLOCK) CHECK_EQ(ipc_rwlock_lock(handle, 0, 0), IPC_OK);
  if (kind == IPC_MEMORY) CHECK_GE(ipc_memory_enter(handle, 0, 0, 0, 0, &failure), 0);
  atomic_fetch_add(&shared->ready, 1);
  test_idle();
}

static test_worker start_using(uint32_t *kind) {
  if (!shared) shared = test_shared(sizeof *shared);
  uint32_t ready = atomic_load(&shared->ready);
  test_worker worker = test_start(TEST_PROCESS, use_and_idle, kind);
  test_await(&shared->ready, ready + 1);
  return worker;
}

static void what_dead_handles_leave_is_told_and_removed(void) {
  for (uint32_t kind = IPC_MUTEX; kind <= IPC_MEMORY; kind++) {
    bool waits = kind == IPC_CONDITION || kind == IPC_MEMORY, locks = kind == IPC_MUTEX || kind == IPC_RWLOCK;
    test_worker victim = start_using(&kind);
    report it = must_find(kind);
    CHECK_EQ(it.name.state, IPC_LISTED_LIVE);
    check_handle(&it.endpoints[0], 0, waits, !waits, locks);
    test_stop(victim);
    CHECK(!remove_of(kind));
    test_kill(victim);
    it = must_find(kind);
    CHECK_EQ(it.name.state, IPC_LISTED_LEFTOVER);
    CHECK_EQ(it.name.dead, 1);
    CHECK_EQ(it.name.receivers + it.name.senders, 0);
    CHECK_EQ(it.count, 1);
    CHECK_EQ(it.endpoints[0].alive, 0);
    CHECK_EQ(it.endpoints[0].pid, victim.pid);
    check_handle(&it.endpoints[0], 0, 0, !waits, locks); /* the dead do not wait, but hold on until they are missed */
    CHECK(remove_of(kind));
    CHECK(!view_exists(test_prefix, test_name, kind));
  }
}

static void a_dead_holder_among_the_living_is_told_until_it_is_missed(void) {
  uint32_t kind = IPC_MUTEX;
  ipc_handle *mutex = must_open(options_of(kind));
  test_kill(start_using(&kind));
  report it = must_find(kind);
  CHECK_EQ(it.name.state, IPC_LISTED_LIVE);
  CHECK_EQ(it.name.dead, 1);
  CHECK_EQ(it.name.receivers, 1);
  check_handle(&it.endpoints[1], 1, 0, 1, 1);
  CHECK(!remove_of(kind));
  CHECK_EQ(ipc_mutex_lock(mutex, 5000), IPC_OWNER_DIED);
  it = must_find(kind);
  CHECK_EQ(it.count, 1);
  check_handle(&it.endpoints[0], 0, 0, 1, 1);
  ipc_handle_close(mutex);

  kind = IPC_SEMAPHORE;
  ipc_handle *semaphore = must_open(options_of(kind));
  test_kill(start_using(&kind));
  it = must_find(kind);
  CHECK_EQ(it.name.permits, 2);
  CHECK_EQ(it.name.recovered, 0);
  check_handle(&it.endpoints[1], 1, 0, 1, 0);
  for (int i = 0; i < 3; i++) CHECK_EQ(ipc_semaphore_acquire(semaphore, 5000), IPC_OK);
  it = must_find(kind);
  CHECK_EQ(it.name.permits, 0);
  CHECK_EQ(it.name.recovered, 1);
  CHECK_EQ(it.count, 1);
  check_handle(&it.endpoints[0], 0, 0, 3, 0);
  ipc_handle_close(semaphore);
}

static void damage_to_what_has_no_ring_is_told_and_left_alone(void) {
  for (uint32_t kind = IPC_MUTEX; kind <= IPC_MEMORY; kind++) {
    test_kill(start_using(&kind));
    view it = view_open(test_prefix, test_name, kind);
    ipc_header *header = it.header, whole;
    memcpy(&whole, header, sizeof whole);
#define DAMAGED(damage)                                             \
  do {                                                              \
    damage;                                                         \
    report seen = see_file_of(kind);                                \
    CHECK_EQ(seen.name.state, IPC_LISTED_DAMAGED);                  \
    CHECK_EQ(seen.count + seen.name.receivers + seen.name.dead, 0); \
    CHECK_EQ(seen.name.capacity, 0);                                \
    CHECK(!remove_of(kind));                                        \
    memcpy(header, &whole, sizeof whole);                           \
  } while (0)
    DAMAGED(header->kind = kind == IPC_MUTEX ? IPC_RWLOCK : IPC_MUTEX);
    DAMAGED(header->kind = IPC_CHANNEL);
    DAMAGED(header->capacity = 4096);
    DAMAGED(header->overflow = IPC_BLOCK);
    DAMAGED(header->max_receivers = IPC_MAX_RECEIVERS);
    DAMAGED(header->max_receivers = UINT32_MAX);
    DAMAGED(header->max_senders = 1);
    DAMAGED(header->max_senders = IPC_MAX_SENDERS);
    DAMAGED(header->initial = IPC_MAX_PERMITS + 1);
    DAMAGED(header->robust = 2);
    if (kind == IPC_MEMORY) {
      DAMAGED(header->memory_bytes = 0);
      DAMAGED(header->memory_bytes = 100001);
      DAMAGED(header->memory_bytes = IPC_MAX_MEMORY + 1);
      DAMAGED(header->memory_bytes = UINT64_MAX);
    }
    CHECK_EQ(see_file_of(kind).name.state, IPC_LISTED_LEFTOVER);
    int fd = view_file(test_prefix, test_name, kind);
    CHECK_EQ(ftruncate(fd, (off_t)it.bytes - 1), 0);
    ipc_os_close(fd);
    report seen = see_file_of(kind);
    CHECK_EQ(seen.name.state, IPC_LISTED_DAMAGED);
    CHECK_EQ(seen.name.bytes, it.bytes - 1);
    CHECK(!remove_of(kind));
    view_close(&it);
  }
}

/* As for rings: header, places and waits. */
static void garbage_in_what_has_no_ring_is_survived(void) {
  uint32_t seed = 20260106;
  for (uint32_t kind = IPC_MUTEX; kind <= IPC_MEMORY; kind++) {
    ipc_handle *handle = must_open(options_of(kind));
    view it = view_open(test_prefix, test_name, kind);
    uint32_t *words = (uint32_t *)it.base;
    size_t first = offsetof(ipc_header, head) / 4, last = it.header->body_offset / 4;
    for (int round = 0; round < 20 * TEST_SCALE; round++) {
      for (size_t i = first; i < last; i++) words[i] = round % 2 ? test_random(&seed) : (uint32_t)(round % 4) - 1;
      it.header->memory_bytes = 100000; /* else it is damaged */
      report seen = must_find(kind);
      CHECK_EQ(seen.count, 4);
      CHECK_LE(seen.name.unusable, kind == IPC_MUTEX || kind == IPC_RWLOCK);
      for (uint32_t i = 0; i < 4; i++) CHECK_LE(seen.endpoints[i].sleeping | seen.endpoints[i].exclusive, 1);
    }
    memset(words + first, 0, (last - first) * 4);
    view_close(&it);
    ipc_handle_close(handle);
  }
}

TEST_MAIN(TEST_CASE(tells_name_options_and_endpoints), TEST_CASE(counts_on_past_every_wrap),
          TEST_CASE(tells_what_was_lost), TEST_CASE(tells_what_waits_in_a_queue), TEST_CASE(tells_who_sleeps),
          TEST_CASE(tells_who_sleeps_in_an_event_loop), TEST_CASE(what_dead_processes_leave_is_told_and_removed),
          TEST_CASE(a_name_that_somebody_is_on_stays), TEST_CASE(what_cannot_be_removed_is_not_said_to_be),
          TEST_CASE(unfinished_files_are_told_and_removed),
          TEST_CASE(a_stopped_creator_is_neither_waited_for_nor_robbed),
          TEST_CASE(removal_never_takes_a_name_from_somebody_opening_it), TEST_CASE(damage_is_told_and_left_alone),
          TEST_CASE(truncated_files_are_told_and_left_alone),
          TEST_CASE(a_copy_under_another_name_is_none_of_its_endpoints),
          TEST_CASE(garbage_behind_a_sound_identity_is_survived), TEST_CASE(files_that_shrink_meanwhile_do_no_harm),
          TEST_CASE(other_things_of_that_name_are_told), TEST_CASE(what_this_user_may_not_read_is_told),
          TEST_CASE(names_are_told_as_they_are), TEST_CASE(what_vanishes_meanwhile_is_left_out),
          TEST_CASE(peers_are_told_without_oneself), TEST_CASE(processes_come_and_go_while_somebody_watches),
          TEST_CASE(threads_come_and_go_while_somebody_watches), TEST_CASE(tells_handles_of_every_kind),
          TEST_CASE(tells_the_last_place_and_the_last_wait_there_can_be), TEST_CASE(tells_who_holds_a_mutex),
          TEST_CASE(tells_who_waits_for_a_mutex), TEST_CASE(tells_who_is_inside_a_reader_writer_lock),
          TEST_CASE(never_tells_a_writer_beside_readers), TEST_CASE(tells_permits_and_who_has_them),
          TEST_CASE(tells_who_waits_for_a_condition_or_a_word), TEST_CASE(tells_memory_that_grows_meanwhile),
          TEST_CASE(tells_memory_of_4_gib), TEST_CASE(what_dead_handles_leave_is_told_and_removed),
          TEST_CASE(a_dead_holder_among_the_living_is_told_until_it_is_missed),
          TEST_CASE(damage_to_what_has_no_ring_is_told_and_left_alone),
          TEST_CASE(garbage_in_what_has_no_ring_is_survived))

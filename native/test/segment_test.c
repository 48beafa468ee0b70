/* segment_test.c - a name's segment: made once, checked, replaced, removed, whatever dies meanwhile. */
#include "segment.h"

#include <sys/stat.h>

#include "interpose.h"
#include "libipc/libipc.h"
#include "view.h"
#include "worker.h"

static const ipc_options channel = {.kind = IPC_CHANNEL, .capacity = 8192, .max_receivers = 4};
static const ipc_options any_channel = {.kind = IPC_CHANNEL};

typedef struct board {
  _Atomic uint32_t ready, go, tries, opened;
} board;
static board *shared;

static int32_t open_code(const char *prefix, const char *name, ipc_options options, ipc_failure *failure) {
  ipc_receiver *receiver = ipc_receiver_open(prefix, name, &options, failure);
  if (!receiver) {
    CHECK_LE(failure->code, IPC_E_FIRST);
    return failure->code;
  }
  ipc_receiver_close(receiver);
  return IPC_OK;
}

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

static void check_usable(ipc_sender *sender, ipc_receiver *receiver) {
  char text[8] = "";
  CHECK_EQ(ipc_sender_send(sender, "hello", 6, 0), IPC_OK);
  CHECK_EQ(ipc_receiver_recv(receiver, text, sizeof text, 0), 6);
  CHECK_EQ(strcmp(text, "hello"), 0);
}

static void first_creates_second_joins_last_removes(void) {
  ipc_receiver *receiver = must_receive(channel);
  view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  uint64_t body;
  CHECK_EQ(seen.header->magic, IPC_MAGIC);
  CHECK_EQ(seen.header->capacity, 8192);
  CHECK_GE(seen.bytes, ipc_segment_bytes(IPC_ROUTE, 8192, 4, &body));
  CHECK_EQ(seen.header->body_offset, body);
  CHECK_EQ(body % 4096, 0);
  CHECK_EQ(strcmp(seen.header->name, test_name), 0);
  ipc_sender *sender = must_send(any_channel);
  CHECK_EQ(ipc_sender_max_record(sender), 4088);
  check_usable(sender, receiver);
  ipc_receiver_close(receiver);
  CHECK(view_exists(test_prefix, test_name, IPC_CHANNEL));
  CHECK_EQ(seen.header->orphaned, 0);
  ipc_sender_close(sender);
  CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
  view_close(&seen);
}

static void defaults_are_the_documented_ones(void) {
  ipc_receiver *receiver = must_receive((ipc_options){.kind = IPC_ROUTE});
  view seen = view_open(test_prefix, test_name, IPC_ROUTE);
  CHECK_EQ(seen.header->capacity, IPC_DEFAULT_CAPACITY);
  CHECK_EQ(seen.header->max_receivers, IPC_DEFAULT_RECEIVERS);
  CHECK_EQ(seen.permissions, 0600);
  ipc_receiver_close(receiver);
  view_close(&seen);
}

static void permissions_are_those_asked_for(void) {
  umask(0);
  ipc_receiver *receiver = must_receive(any_channel);
  CHECK_EQ(view_open(test_prefix, test_name, IPC_CHANNEL).permissions, 0600);
  ipc_receiver_close(receiver);
  umask(077);
  receiver = must_receive((ipc_options){.kind = IPC_CHANNEL, .permissions = 0660});
  CHECK_EQ(view_open(test_prefix, test_name, IPC_CHANNEL).permissions, 0660);
  ipc_receiver_close(receiver);
}

static void make_file(uint64_t bytes, uint32_t permissions) {
  char key[IPC_OS_KEY_BYTES];
  CHECK_EQ(ipc_segment_key(key, IPC_CHANNEL, test_prefix, test_name), IPC_OK);
  int fd = ipc_os_open(key, true, permissions);
  CHECK_GE(fd, 0);
  if (bytes) CHECK_EQ(ftruncate(fd, (off_t)bytes), 0);
  ipc_os_close(fd);
}

static void half_made_file_gives_nobody_its_permissions(void) {
  make_file(0, 0666);
  ipc_receiver *receiver = must_receive(channel);
  CHECK_EQ(view_open(test_prefix, test_name, IPC_CHANNEL).permissions, 0600);
  ipc_receiver_close(receiver);
}

static void half_made_files_are_made_anew(void) {
  uint64_t body, bytes = ipc_segment_bytes(IPC_ROUTE, 8192, 4, &body);
  uint64_t sizes[] = {0, IPC_HEADER_BYTES, bytes, bytes + 65536};
  for (int i = 0; i < 4; i++) {
    make_file(sizes[i], 0600);
    ipc_receiver *receiver = must_receive(channel);
    ipc_sender *sender = must_send(channel);
    check_usable(sender, receiver);
    ipc_receiver_close(receiver);
    ipc_sender_close(sender);
  }
}

static void stop_at_resize(const char *call) {
  if (strcmp(call, "resize") == 0) raise(SIGSTOP);
}
static void count_tries(const char *call) {
  if (strcmp(call, "try_lock") == 0) atomic_fetch_add(&shared->tries, 1);
}

static void create_and_pause(void *unused) {
  (void)unused;
  hooks.before = stop_at_resize;
  ipc_receiver *receiver = must_receive(channel);
  atomic_fetch_add(&shared->opened, 1);
  test_await(&shared->go, 1);
  ipc_receiver_close(receiver);
}

static void join_and_tell(void *unused) {
  (void)unused;
  hooks.before = count_tries;
  ipc_receiver *receiver = must_receive(channel);
  atomic_fetch_add(&shared->opened, 1);
  test_await(&shared->go, 1);
  ipc_receiver_close(receiver);
}

static test_worker start_paused_creator(void) {
  shared = test_shared(sizeof *shared);
  test_worker creator = test_start(TEST_PROCESS, create_and_pause, NULL);
  int status = 0;
  CHECK_EQ(waitpid(creator.pid, &status, WUNTRACED), creator.pid);
  CHECK(WIFSTOPPED(status));
  return creator;
}

static void joiner_waits_for_the_creator(void) {
  test_worker creator = start_paused_creator(), joiner = test_start(TEST_PROCESS, join_and_tell, NULL);
  test_await(&shared->tries, 150); /* it has tried often enough to be in the slow half of its wait */
  CHECK_EQ(shared->opened, 0);
  CHECK_EQ(view_open(test_prefix, test_name, IPC_CHANNEL).bytes, 0);
  test_continue(creator);
  test_await(&shared->opened, 2);
  view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  CHECK_EQ(seen.header->receiver_count, 2);
  atomic_store(&shared->go, 1);
  test_finish(creator);
  test_finish(joiner);
  CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
}

static void joiner_goes_on_when_the_creator_is_killed(void) {
  test_worker creator = start_paused_creator(), joiner = test_start(TEST_PROCESS, join_and_tell, NULL);
  test_await(&shared->tries, 5);
  test_kill(creator);
  test_await(&shared->opened, 1);
  atomic_store(&shared->go, 1);
  test_finish(joiner);
}

static void age_at_each_try(const char *call) {
  if (strcmp(call, "try_lock") == 0) hooks.clock_ahead_ns += 1000000000u;
}

static void stopped_creator_is_told_as_busy(void) {
  test_worker creator = start_paused_creator();
  ipc_failure failure;
  hooks.before = age_at_each_try;
  CHECK_EQ(open_code(test_prefix, test_name, channel, &failure), IPC_E_BUSY);
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_CHANNEL, &failure), IPC_E_BUSY);
  hooks.before = NULL;
  test_kill(creator);
  CHECK_EQ(open_code(test_prefix, test_name, channel, &failure), IPC_OK);
}

static uint32_t calls_left;

static void die_when_it_is_time(const char *call) {
  (void)call;
  if (calls_left-- == 0) raise(SIGKILL);
}

static void open_and_close_both(void *as_creator) {
  hooks.before = die_when_it_is_time;
  ipc_receiver *receiver = must_receive(channel);
  ipc_sender *sender = must_send(as_creator ? channel : any_channel);
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
  hooks.before = NULL;
  atomic_store(&shared->go, 1);
}

/* A victim dies before its first, second, third… call to the system, until it gets through. */
static uint32_t kill_at_every_call(bool with_survivor) {
  shared = test_shared(sizeof *shared);
  ipc_receiver *survivor = with_survivor ? must_receive(channel) : NULL;
  uint32_t deaths = 0;
  for (calls_left = 0; !atomic_load(&shared->go); calls_left = ++deaths) {
    test_worker victim = test_start(TEST_PROCESS, open_and_close_both, with_survivor ? NULL : shared);
    siginfo_t info;
    CHECK_EQ(waitid(P_PID, (id_t)victim.pid, &info, WEXITED | WNOWAIT), 0); /* stays a zombie */
    double started = test_ms();
    ipc_receiver *receiver = must_receive(channel);
    ipc_sender *sender = must_send(channel);
    CHECK_LE(test_ms() - started, 1000);
    CHECK_EQ(ipc_sender_receiver_count(sender), with_survivor ? 2 : 1);
    check_usable(sender, receiver);
    if (survivor) CHECK_EQ(ipc_receiver_recv(survivor, (char[8]){0}, 8, 0), 6);
    ipc_receiver_close(receiver);
    ipc_sender_close(sender);
    CHECK_EQ(view_exists(test_prefix, test_name, IPC_CHANNEL), with_survivor);
    waitpid(victim.pid, NULL, 0);
  }
  ipc_receiver_close(survivor);
  CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
  return deaths;
}
static void creator_may_be_killed_at_any_call(void) { CHECK_GE(kill_at_every_call(false), 20); }
static void joiner_may_be_killed_at_any_call(void) { CHECK_GE(kill_at_every_call(true), 20); }

static void open_and_idle(void *unused) {
  (void)unused;
  must_receive(channel);
  atomic_store(&shared->ready, 1);
  test_idle();
}

/* A segment that nobody alive is on, so that damage to it hurts nobody. */
static view leave_leftover(void) {
  shared = test_shared(sizeof *shared);
  test_worker victim = test_start(TEST_PROCESS, open_and_idle, NULL);
  test_await(&shared->ready, 1);
  test_kill(victim);
  return view_open(test_prefix, test_name, IPC_CHANNEL);
}

static void leftover_is_replaced(void) {
  view old = leave_leftover();
  /* Its options bind nobody. */
  ipc_receiver *receiver = must_receive((ipc_options){.kind = IPC_CHANNEL, .capacity = 4096, .max_receivers = 9});
  view fresh = view_open(test_prefix, test_name, IPC_CHANNEL);
  CHECK(fresh.inode != old.inode);
  CHECK_EQ(fresh.header->capacity, 4096);
  CHECK_EQ(fresh.header->max_receivers, 9);
  CHECK_EQ(old.header->orphaned, 1);
  ipc_receiver_close(receiver);
}

static void take_over_in_place(void *options) {
  hooks.keep_names = true;
  hooks.before = die_when_it_is_time;
  ipc_receiver *receiver = must_receive(*(const ipc_options *)options);
  ipc_sender *sender = must_send(any_channel);
  check_usable(sender, receiver);
  atomic_store(&shared->go, 1);
}

/* A leftover of another user: it can be written but not removed. Whoever takes it over may die at any call, too. */
static void leftover_that_cannot_be_removed_is_made_anew(void) {
  static ipc_options sizes[] = {{.kind = IPC_CHANNEL, .capacity = 4096, .max_receivers = 1},
                                {.kind = IPC_CHANNEL, .capacity = 8192, .max_receivers = 4},
                                {.kind = IPC_CHANNEL, .capacity = 65536, .max_receivers = 100}};
  for (int i = 0; i < 3; i++) {
    uint64_t inode = leave_leftover().inode;
    for (uint32_t deaths = calls_left = 0; !atomic_load(&shared->go); calls_left = ++deaths) {
      test_worker victim = test_start(TEST_PROCESS, take_over_in_place, &sizes[i]);
      siginfo_t info;
      CHECK_EQ(waitid(P_PID, (id_t)victim.pid, &info, WEXITED | WNOWAIT), 0);
    }
    hooks.keep_names = true;
    ipc_receiver *receiver = must_receive(sizes[i]);
    ipc_sender *sender = must_send(any_channel);
    check_usable(sender, receiver);
    view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
    CHECK_EQ(seen.inode, inode);
    CHECK_EQ(seen.header->capacity, sizes[i].capacity);
    hooks.keep_names = false;
    ipc_sender_close(sender);
    ipc_receiver_close(receiver);
  }
}

/* Its waiters were killed asleep, and whoever made it anew in place was killed after the magic. */
static void leftover_half_taken_over_is_replaced(void) {
  view old = leave_leftover();
  for (int event = 0; event < IPC_EVENT_COUNT; event++)
    atomic_store(&old.header->event_flags[event].wanted, IPC_WANTED_BY_WAKERS | IPC_WANTED_BY_SLEEPERS);
  atomic_store(&old.header->sender_slots_used, 1);
  atomic_store(&old.header->magic, 0);
  ipc_receiver_close(must_receive(channel));
}

static void foreign_and_damaged_segments_are_refused(void) {
  view it = leave_leftover();
  ipc_header *header = it.header, whole;
  memcpy(&whole, header, sizeof whole);
  uint64_t inode = it.inode;
#define REFUSED(damage, status)                                                             \
  do {                                                                                      \
    ipc_failure failure;                                                                    \
    damage;                                                                                 \
    CHECK_EQ(open_code(test_prefix, test_name, any_channel, &failure), status);             \
    CHECK_EQ(open_code(test_prefix, test_name, channel, &failure), status);                 \
    memcpy(header, &whole, sizeof whole);                                                   \
    CHECK_EQ(view_open(test_prefix, test_name, IPC_CHANNEL).inode, inode); /* left alone */ \
  } while (0)
  REFUSED(header->magic = 0x12345678, IPC_E_FOREIGN);
  REFUSED(memset(header, 0xff, IPC_HEADER_BYTES), IPC_E_FOREIGN);
  REFUSED(header->version = IPC_LAYOUT_VERSION + 1, IPC_E_VERSION);
  REFUSED(header->layout_hash ^= 1, IPC_E_VERSION);
  REFUSED(header->kind = IPC_ROUTE, IPC_E_CORRUPT);
  REFUSED(header->kind = 77, IPC_E_CORRUPT);
  REFUSED(header->capacity = 0, IPC_E_CORRUPT);
  REFUSED(header->capacity = 2048, IPC_E_CORRUPT);
  REFUSED(header->capacity = 8192 + 8, IPC_E_CORRUPT);
  REFUSED(header->capacity = 16384, IPC_E_CORRUPT);
  REFUSED(header->capacity = 1u << 31, IPC_E_CORRUPT);
  REFUSED(header->max_receivers = 0, IPC_E_CORRUPT);
  REFUSED(header->max_receivers = 1024, IPC_E_CORRUPT);
  REFUSED(header->max_receivers = UINT32_MAX, IPC_E_CORRUPT);
  REFUSED(header->max_senders = 1, IPC_E_CORRUPT);
  REFUSED(header->segment_bytes = 0, IPC_E_CORRUPT);
  REFUSED(header->segment_bytes += 4096, IPC_E_CORRUPT);
  REFUSED(header->body_offset = 0, IPC_E_CORRUPT);
  REFUSED(header->body_offset += 8, IPC_E_CORRUPT);
  REFUSED(header->name[0] ^= 1, IPC_E_CORRUPT);
  REFUSED(header->prefix[0] ^= 1, IPC_E_CORRUPT);
  ipc_failure failure;
  CHECK_EQ(open_code(test_prefix, test_name, any_channel, &failure), IPC_OK); /* whole again: a leftover */
}

static void truncated_segments_are_refused(void) {
  view it = leave_leftover();
  int fd = view_file(test_prefix, test_name, IPC_CHANNEL);
  uint64_t sizes[] = {it.bytes - 1, it.bytes - 4096, it.header->body_offset, IPC_HEADER_BYTES, IPC_HEADER_BYTES - 1, 1};
  for (int i = 0; i < 6; i++) {
    ipc_failure failure;
    CHECK_EQ(ftruncate(fd, (off_t)sizes[i]), 0);
    CHECK_EQ(open_code(test_prefix, test_name, any_channel, &failure), IPC_E_CORRUPT);
    CHECK_EQ(failure.found, sizes[i]);
  }
  ipc_failure failure;
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_CHANNEL, &failure), IPC_OK); /* the way out */
  CHECK_EQ(open_code(test_prefix, test_name, any_channel, &failure), IPC_OK);
}

static void check_orphans(ipc_sender *sender, ipc_receiver *receiver, void (*unlink_name)(void)) {
  uint8_t bytes[16];
  CHECK_EQ(ipc_sender_send(sender, "one", 4, 0), IPC_OK);
  CHECK_EQ(ipc_sender_send(sender, "two", 4, 0), IPC_OK);
  unlink_name();
  ipc_receiver *fresh = must_receive(channel);
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, -1), 4); /* what was sent is still read */
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, 0), 4);
  CHECK_EQ(memcmp(bytes, "two", 4), 0);
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, -1), IPC_E_ORPHANED);
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, 0), IPC_E_ORPHANED);
  CHECK_EQ(ipc_receiver_peek(receiver, (uint32_t[2]){0}, 1, NULL, 0, -1), IPC_E_ORPHANED);
  CHECK_EQ(ipc_sender_send(sender, "x", 1, -1), IPC_E_ORPHANED);
  CHECK_EQ(ipc_sender_stage(sender, "x", 1), IPC_OK);
  CHECK_EQ(ipc_sender_flush(sender, -1), IPC_E_ORPHANED);
  CHECK_EQ(ipc_sender_wait_for_receivers(sender, 2, -1), IPC_E_ORPHANED);
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
  CHECK(view_exists(test_prefix, test_name, IPC_CHANNEL)); /* the old ones left the new segment alone */
  ipc_sender *again = must_send(channel);
  CHECK_EQ(ipc_sender_receiver_count(again), 1);
  check_usable(again, fresh);
  ipc_sender_close(again);
  ipc_receiver_close(fresh);
}

static void clear_name(void) {
  ipc_failure failure;
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_CHANNEL, &failure), IPC_OK);
}
static void unlink_by_hand(void) {
  char key[IPC_OS_KEY_BYTES];
  ipc_segment_key(key, IPC_CHANNEL, test_prefix, test_name);
  CHECK_EQ(ipc_os_unlink(key), 0);
}
static void clear_orphans(void) { check_orphans(must_send(channel), must_receive(channel), clear_name); }
static void removal_by_hand_orphans(void) { check_orphans(must_send(channel), must_receive(channel), unlink_by_hand); }

static void receive_until_orphaned(void *unused) {
  (void)unused;
  ipc_receiver *receiver = must_receive(channel);
  atomic_fetch_add(&shared->ready, 1);
  CHECK_EQ(ipc_receiver_recv(receiver, NULL, 0, -1), IPC_E_ORPHANED);
  ipc_receiver_close(receiver);
}
static void send_until_orphaned(void *unused) {
  (void)unused;
  ipc_sender *sender = must_send(channel);
  atomic_fetch_add(&shared->ready, 1);
  int32_t status;
  while ((status = ipc_sender_send(sender, "x", 1, -1)) == IPC_OK) continue;
  CHECK_EQ(status, IPC_E_ORPHANED);
  ipc_sender_close(sender);
}

/* A full ring with a sender asleep, and (on the other name) a receiver asleep. */
static void clear_wakes_sleepers(void) {
  shared = test_shared(sizeof *shared);
  hooks.patient = true; /* a missing wake-up would hang */
  test_worker receiver = test_start(TEST_PROCESS, receive_until_orphaned, NULL);
  test_await(&shared->ready, 1);
  view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  view_await_sleeper(&seen, IPC_EVENT_DATA);
  clear_name();
  test_finish(receiver);
  ipc_receiver *idle = must_receive(channel);
  test_worker sender = test_start(TEST_PROCESS, send_until_orphaned, NULL);
  test_await(&shared->ready, 2);
  seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  view_await_sleeper(&seen, IPC_EVENT_SPACE);
  clear_name();
  test_finish(sender);
  ipc_receiver_close(idle);
}

static void clear_takes_anything(void) {
  ipc_failure failure;
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_CHANNEL, &failure), IPC_OK);
  uint64_t sizes[] = {0, 1, IPC_HEADER_BYTES, 1 << 20};
  for (int i = 0; i < 4; i++) {
    make_file(sizes[i], 0600);
    CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_CHANNEL, &failure), IPC_OK);
    CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
  }
  CHECK_EQ(ipc_clear(test_prefix, test_name, 0, &failure), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_clear(test_prefix, "", IPC_ROUTE, &failure), IPC_E_INVALID_NAME);
}

static void options_must_match_the_creators(void) {
  ipc_receiver *receiver = must_receive(channel);
  ipc_failure failure;
  CHECK_EQ(open_code(test_prefix, test_name, (ipc_options){.kind = IPC_CHANNEL, .capacity = 4096}, &failure),
           IPC_E_OPTIONS_MISMATCH);
  CHECK_EQ(failure.option, IPC_OPTION_CAPACITY);
  CHECK_EQ(failure.found, 8192);
  CHECK_EQ(failure.wanted, 4096);
  CHECK_EQ(open_code(test_prefix, test_name, (ipc_options){.kind = IPC_CHANNEL, .max_receivers = 5}, &failure),
           IPC_E_OPTIONS_MISMATCH);
  CHECK_EQ(failure.option, IPC_OPTION_MAX_RECEIVERS);
  CHECK_EQ(failure.found, 4);
  CHECK_EQ(failure.wanted, 5);
  CHECK_EQ(open_code(test_prefix, test_name, (ipc_options){.kind = IPC_CHANNEL, .overflow = IPC_DROP_OLDEST}, &failure),
           IPC_E_OPTIONS_MISMATCH);
  CHECK_EQ(failure.option, IPC_OPTION_OVERFLOW);
  CHECK_EQ(failure.found, IPC_BLOCK);
  CHECK_EQ(failure.wanted, IPC_DROP_OLDEST);
  CHECK_EQ(open_code(test_prefix, test_name, (ipc_options){.kind = IPC_CHANNEL, .overflow = IPC_BLOCK}, &failure),
           IPC_OK);
  CHECK_EQ(open_code(test_prefix, test_name, channel, &failure), IPC_OK);
  CHECK_EQ(open_code(test_prefix, test_name, any_channel, &failure), IPC_OK);
  ipc_sender *sender = must_send(any_channel);
  CHECK_EQ(ipc_sender_receiver_count(sender), 1); /* nobody who was refused is counted */
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
}

static void invalid_options_are_refused(void) {
  static const ipc_options wrong[] = {
      {.kind = 0},
      {.kind = IPC_KINDS},
      {.kind = IPC_ROUTE, .overflow = IPC_DROP_OLDEST + 1},
      {.kind = IPC_QUEUE, .overflow = IPC_DROP_OLDEST},
      {.kind = IPC_ROUTE, .capacity = 1},
      {.kind = IPC_ROUTE, .capacity = 2048},
      {.kind = IPC_ROUTE, .capacity = 4095},
      {.kind = IPC_ROUTE, .capacity = 5000},
      {.kind = IPC_ROUTE, .capacity = IPC_MAX_CAPACITY * 2},
      {.kind = IPC_ROUTE, .capacity = UINT32_MAX},
      {.kind = IPC_ROUTE, .max_receivers = IPC_MAX_RECEIVERS + 1},
      {.kind = IPC_ROUTE, .max_receivers = UINT32_MAX},
      {.kind = IPC_ROUTE, .permissions = 01000},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    ipc_failure failure;
    CHECK_EQ(open_code(test_prefix, test_name, wrong[i], &failure), IPC_E_INVALID_ARGUMENT);
    CHECK(!ipc_sender_open(test_prefix, test_name, &wrong[i], &failure));
    CHECK_EQ(failure.code, IPC_E_INVALID_ARGUMENT);
  }
  CHECK(!view_exists(test_prefix, test_name, IPC_ROUTE));
}

static void invalid_names_are_refused(void) {
  char longest[IPC_MAX_NAME + 2], long_prefix[IPC_MAX_PREFIX + 2];
  memset(longest, 'n', sizeof longest);
  memset(long_prefix, 'p', sizeof long_prefix);
  longest[IPC_MAX_NAME + 1] = long_prefix[IPC_MAX_PREFIX + 1] = 0;
  const char *names[] = {NULL, "", "a/b", "/", "a\nb", "\x01", "a\x7f", "\x1f", longest};
  const char *prefixes[] = {NULL, "a/b", "\t", "\x7f", long_prefix};
  ipc_failure failure;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    CHECK_EQ(open_code(test_prefix, names[i], any_channel, &failure), IPC_E_INVALID_NAME);
  for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
    CHECK_EQ(open_code(prefixes[i], test_name, any_channel, &failure), IPC_E_INVALID_NAME);
  longest[IPC_MAX_NAME] = 0;
  const char *fine[] = {longest, ".", "..", "%2E", "a b", "gr\xc3\xbc\xc3\x9f\x65", "x.y.z"};
  for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
    test_own(test_prefix, fine[i]);
    CHECK_EQ(open_code(test_prefix, fine[i], any_channel, &failure), IPC_OK);
  }
}

static void longest_prefix_and_name_are_fine(void) {
  char name[IPC_MAX_NAME + 1], prefix[IPC_MAX_PREFIX + 1];
  memset(name, 'n', IPC_MAX_NAME);
  memset(prefix, '.', IPC_MAX_PREFIX); /* the prefix that grows most when it is escaped */
  memcpy(prefix, test_prefix, strlen(test_prefix));
  name[IPC_MAX_NAME] = prefix[IPC_MAX_PREFIX] = 0;
  ipc_failure failure;
  test_own(prefix, name);
  CHECK_EQ(open_code(prefix, name, any_channel, &failure), IPC_OK);
}

static void pairs_do_not_collide(void) {
  static const char *const pairs[][2] = {{".b", "c"},  {"", "b.c"},    {"%2Eb", "c"}, {".", "b.c"},
                                         {"..b", "c"}, {"%", "2Eb.c"}, {"%2E", "b.c"}};
  enum { PAIRS = sizeof pairs / sizeof pairs[0] };
  ipc_receiver *receivers[3 * PAIRS];
  for (int i = 0; i < PAIRS; i++) {
    char prefix[IPC_MAX_PREFIX + 1];
    snprintf(prefix, sizeof prefix, "%s%s", test_prefix, pairs[i][0]);
    test_own(prefix, pairs[i][1]);
    for (uint32_t kind = IPC_ROUTE; kind <= IPC_QUEUE; kind++) {
      ipc_failure failure;
      const ipc_options options = {.kind = kind, .capacity = 4096};
      receivers[3 * i + (int)kind - 1] = ipc_receiver_open(prefix, pairs[i][1], &options, &failure);
      CHECK(receivers[3 * i + (int)kind - 1]);
      ipc_sender *sender = ipc_sender_open(prefix, pairs[i][1], &options, &failure);
      CHECK(sender);
      CHECK_EQ(ipc_sender_receiver_count(sender), 1); /* no other pair's receiver is in here */
      ipc_sender_close(sender);
    }
  }
  for (int i = 0; i < 3 * PAIRS; i++) ipc_receiver_close(receivers[i]);
}

static void held_mapping_outlives_its_receiver(void) {
  ipc_receiver *receiver = must_receive(channel);
  ipc_sender *sender = must_send(channel);
  uint32_t span[2];
  CHECK_EQ(ipc_sender_send(sender, "stays", 6, 0), IPC_OK);
  CHECK_EQ(ipc_receiver_peek(receiver, span, 1, NULL, 0, 0), 1);
  const char *bytes = (const char *)ipc_receiver_ring(receiver) + span[0];
  ipc_mapping *mapping = ipc_receiver_hold_mapping(receiver);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
  CHECK_EQ(strcmp(bytes, "stays"), 0);
  ipc_mapping_release(mapping);
}

static void come_and_go(void *number) {
  uint32_t seed = 0x9e3779b9u * (1 + *(uint32_t *)number);
  for (int i = 0; i < 60 * TEST_SCALE; i++) {
    ipc_receiver *receiver = must_receive(channel);
    ipc_sender *sender = test_random(&seed) & 1 ? must_send(any_channel) : NULL;
    char text[8];
    if (sender) {
      CHECK_EQ(ipc_sender_send(sender, "hello", 6, -1), IPC_OK);
      CHECK_EQ(ipc_receiver_recv(receiver, text, sizeof text, -1), 6);
    }
    if (test_random(&seed) & 1) {
      ipc_receiver_close(receiver);
      ipc_sender_close(sender);
    } else {
      ipc_sender_close(sender);
      ipc_receiver_close(receiver);
    }
  }
}

/* Who opens meets who is there, though the segment is made and removed all the time. */
static void check_coming_and_going(test_form form) {
  static uint32_t numbers[4] = {0, 1, 2, 3};
  test_worker workers[4];
  for (int i = 0; i < 4; i++) workers[i] = test_start(form, come_and_go, &numbers[i]);
  for (int i = 0; i < 4; i++) test_finish(workers[i]);
  CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
}
static void processes_come_and_go(void) { check_coming_and_going(TEST_PROCESS); }
static void threads_come_and_go(void) { check_coming_and_going(TEST_THREAD); }

TEST_MAIN(TEST_CASE(first_creates_second_joins_last_removes), TEST_CASE(defaults_are_the_documented_ones),
          TEST_CASE(permissions_are_those_asked_for), TEST_CASE(half_made_file_gives_nobody_its_permissions),
          TEST_CASE(half_made_files_are_made_anew), TEST_CASE(joiner_waits_for_the_creator),
          TEST_CASE(joiner_goes_on_when_the_creator_is_killed), TEST_CASE(stopped_creator_is_told_as_busy),
          TEST_CASE(creator_may_be_killed_at_any_call), TEST_CASE(joiner_may_be_killed_at_any_call),
          TEST_CASE(leftover_is_replaced), TEST_CASE(leftover_half_taken_over_is_replaced),
          TEST_CASE(leftover_that_cannot_be_removed_is_made_anew), TEST_CASE(foreign_and_damaged_segments_are_refused),
          TEST_CASE(truncated_segments_are_refused), TEST_CASE(clear_orphans), TEST_CASE(removal_by_hand_orphans),
          TEST_CASE(clear_wakes_sleepers), TEST_CASE(clear_takes_anything), TEST_CASE(options_must_match_the_creators),
          TEST_CASE(invalid_options_are_refused), TEST_CASE(invalid_names_are_refused),
          TEST_CASE(longest_prefix_and_name_are_fine), TEST_CASE(pairs_do_not_collide),
          TEST_CASE(held_mapping_outlives_its_receiver), TEST_CASE(processes_come_and_go),
          TEST_CASE(threads_come_and_go))

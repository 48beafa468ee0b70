/* segment_create_test.c - half-made files, and creators and joiners that are stopped or killed. */
#include "segment_fixture.h"

static void a_half_made_file_does_not_pass_on_its_permissions(void) {
  make_file(0, 0666);
  ipc_receiver *receiver = must_receive(channel);
  CHECK_EQ(view_open(test_prefix, test_name, IPC_CHANNEL).permissions, 0600);
  ipc_receiver_close(receiver);
}

static void half_made_files_are_created_again(void) {
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

static void join_and_count_opened(void *unused) {
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
  test_worker creator = start_paused_creator(), joiner = test_start(TEST_PROCESS, join_and_count_opened, NULL);
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
  test_worker creator = start_paused_creator(), joiner = test_start(TEST_PROCESS, join_and_count_opened, NULL);
  test_await(&shared->tries, 5);
  test_kill(creator);
  test_await(&shared->opened, 1);
  atomic_store(&shared->go, 1);
  test_finish(joiner);
}

static void age_at_each_try(const char *call) {
  if (strcmp(call, "try_lock") == 0) hooks.clock_ahead_ns += 1000000000u;
}

static void a_stopped_creator_is_reported_as_busy(void) {
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
    check_within_a_second(started);
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

static void leftover_is_replaced(void) {
  view old = leave_leftover();
  /* Its options do not bind. */
  ipc_receiver *receiver = must_receive(
      (ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 4096, .max_receivers = 9});
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

/* A leftover of another user: it can be written but not removed. A process that takes it over may die at any call. */
static void a_leftover_that_cannot_be_removed_is_created_again(void) {
  static ipc_options sizes[] = {
      {.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 4096, .max_receivers = 1},
      {.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 8192, .max_receivers = 4},
      {.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 65536, .max_receivers = 100}};
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

/* Its waiters were killed asleep, and the process that created it again in place was killed after it stored the magic.
 */
static void leftover_half_taken_over_is_replaced(void) {
  view old = leave_leftover();
  for (int event = 0; event < IPC_EVENT_COUNT; event++)
    atomic_store(&old.header->event_flags[event].wanted, IPC_WANTED_BY_WAKERS | IPC_WANTED_BY_SLEEPERS);
  atomic_store(&old.header->sender_slots_used, 1);
  atomic_store(&old.header->magic, 0);
  ipc_receiver_close(must_receive(channel));
}

TEST_MAIN(TEST_CASE(a_half_made_file_does_not_pass_on_its_permissions), TEST_CASE(half_made_files_are_created_again),
          TEST_CASE(joiner_waits_for_the_creator), TEST_CASE(joiner_goes_on_when_the_creator_is_killed),
          TEST_CASE(a_stopped_creator_is_reported_as_busy), TEST_CASE(creator_may_be_killed_at_any_call),
          TEST_CASE(joiner_may_be_killed_at_any_call), TEST_CASE(leftover_is_replaced),
          TEST_CASE(leftover_half_taken_over_is_replaced),
          TEST_CASE(a_leftover_that_cannot_be_removed_is_created_again))

/* list_remove_test.c - leftovers are listed and removed; a name in use stays. */
#include "list_fixture.h"

static bool remove_it(void) { return remove_of(IPC_CHANNEL); }

static void leftovers_of_dead_processes_are_listed_and_removed(void) {
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

static void a_name_in_use_stays(void) {
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

static void a_failed_removal_is_reported(void) {
  test_kill(start_idle());
  hooks.keep_names = true;
  CHECK(!remove_it());
  hooks.keep_names = false;
  CHECK(view_exists(test_prefix, test_name, IPC_CHANNEL));
  CHECK(remove_it());
}

static void unfinished_files_are_listed_and_removed(void) {
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

static void a_listing_does_not_wait_for_a_stopped_creator_nor_remove_its_file(void) {
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

/* A process that has opened a name keeps it while another one removes leftovers. */
static void removal_never_takes_a_name_that_is_being_opened(void) {
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

TEST_MAIN(TEST_CASE(leftovers_of_dead_processes_are_listed_and_removed), TEST_CASE(a_name_in_use_stays),
          TEST_CASE(a_failed_removal_is_reported), TEST_CASE(unfinished_files_are_listed_and_removed),
          TEST_CASE(a_listing_does_not_wait_for_a_stopped_creator_nor_remove_its_file),
          TEST_CASE(removal_never_takes_a_name_that_is_being_opened))

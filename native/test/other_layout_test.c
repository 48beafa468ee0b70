/* other_layout_test.c - what another version of the library has made, with and without a process that has it open. */
#include "segment_fixture.h"

#include "layout_hash.h"
#include "libipc/list.h"

enum { ROUNDS = 25 };

/* A leftover of another layout, which this process has not open. Returns its inode. */
static uint64_t leave_other_layout(uint32_t version, uint32_t layout_hash) {
  view it = leave_leftover();
  uint64_t inode = it.inode;
  it.header->version = version;
  it.header->layout_hash = layout_hash;
  view_close(&it);
  return inode;
}

static void check_is_replaced(uint32_t version, uint32_t layout_hash) {
  uint64_t inode = leave_other_layout(version, layout_hash);
  ipc_receiver *receiver = must_receive(channel);
  ipc_sender *sender = must_send(any_channel);
  check_usable(sender, receiver);
  view it = view_open(test_prefix, test_name, IPC_CHANNEL);
  CHECK(it.inode != inode);
  view_close(&it);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
  CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
}

static void what_no_process_has_open_is_replaced(void) {
  check_is_replaced(IPC_LAYOUT_VERSION - 1, ipc_layout_hash());
  check_is_replaced(IPC_LAYOUT_VERSION + 1, ipc_layout_hash() ^ 1);
  check_is_replaced(IPC_LAYOUT_VERSION, ipc_layout_hash() ^ 1);
}

static void an_open_that_creates_nothing_finds_nothing(void) {
  leave_other_layout(IPC_LAYOUT_VERSION - 1, 0);
  ipc_failure failure;
  ipc_options options = channel;
  options.mode = IPC_OPEN;
  CHECK_EQ(open_code(test_prefix, test_name, options, &failure), IPC_E_NOT_FOUND);
  leave_other_layout(IPC_LAYOUT_VERSION - 1, 0);
  options.mode = IPC_CREATE;
  CHECK_EQ(open_code(test_prefix, test_name, options, &failure), IPC_OK);
}

/* As a process of the other version: it has the file mapped, and no descriptor of it any more. */
static void map_and_idle(void *unused) {
  (void)unused;
  view_open(test_prefix, test_name, IPC_CHANNEL);
  atomic_store(&shared->go, 1);
  test_idle();
}

static int32_t list_and_remove(ipc_listed_name *name) {
  ipc_failure failure;
  ipc_listing *listing = ipc_list_open(test_prefix, &failure);
  CHECK(listing);
  int32_t removed = 0;
  CHECK_EQ(ipc_list_next(listing, name, &failure), 1);
  removed = ipc_list_remove(listing);
  ipc_list_close(listing);
  return removed;
}

static void what_a_process_has_mapped_is_refused_until_it_ends(void) {
  uint64_t inode = leave_other_layout(IPC_LAYOUT_VERSION + 1, 7);
  test_worker user = test_start(TEST_PROCESS, map_and_idle, NULL);
  test_await(&shared->go, 1);
  ipc_failure failure;
  ipc_listed_name name;
  for (int stopped = 0; stopped < 2; stopped++) {
    CHECK_EQ(open_code(test_prefix, test_name, channel, &failure), IPC_E_VERSION);
    CHECK_EQ(failure.found, IPC_LAYOUT_VERSION + 1);
    CHECK_EQ(failure.wanted, IPC_LAYOUT_VERSION);
    CHECK_EQ(failure.system_error, 0);
    CHECK_EQ(list_and_remove(&name), 0);
    CHECK_EQ(name.state, IPC_LISTED_VERSION);
    view it = view_open(test_prefix, test_name, IPC_CHANNEL);
    CHECK_EQ(it.inode, inode);
    view_close(&it);
    if (!stopped) test_stop(user); /* it has it open all the same */
  }
  test_kill(user);
  CHECK_EQ(list_and_remove(&name), 1);
  CHECK_EQ(name.state, IPC_LISTED_VERSION);
  CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
  CHECK_EQ(open_code(test_prefix, test_name, channel, &failure), IPC_OK);
}

static void a_name_that_is_cleared_is_free_whoever_has_it_open(void) {
  leave_other_layout(IPC_LAYOUT_VERSION + 1, 7);
  test_worker user = test_start(TEST_PROCESS, map_and_idle, NULL);
  test_await(&shared->go, 1);
  ipc_failure failure;
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_CHANNEL, &failure), IPC_OK);
  CHECK_EQ(open_code(test_prefix, test_name, channel, &failure), IPC_OK);
  test_kill(user);
}

/* Others that open the name at this moment have the file open as well, and none of them is taken for a user. */
static void open_at_once(void *argument) {
  uint32_t round = *(uint32_t *)argument;
  ipc_failure failure;
  atomic_fetch_add(&shared->ready, 1);
  while (atomic_load(&shared->go) < round) ipc_os_yield();
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &channel, &failure);
  if (!receiver) FAIL("round %u: %d, errno %d", round, failure.code, failure.system_error);
  atomic_fetch_add(&shared->opened, 1);
  test_await(&shared->opened, 3);
  ipc_receiver_close(receiver);
}

static void several_that_open_it_at_one_moment_all_join_the_same(void) {
  for (uint32_t round = 1; round <= ROUNDS; round++) {
    leave_other_layout(IPC_LAYOUT_VERSION - 1, 0);
    atomic_store(&shared->ready, 0);
    test_worker workers[3];
    for (int i = 0; i < 3; i++) workers[i] = test_start(TEST_PROCESS, open_at_once, &round);
    test_await(&shared->ready, 3);
    atomic_store(&shared->go, round);
    for (int i = 0; i < 3; i++) test_finish(workers[i]);
    CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
  }
}

/* A process of an older version takes the name lock, too: it finds that what it has locked has no name any more. */
static void lock_as_another_version(void *unused) {
  (void)unused;
  int fd = view_file(test_prefix, test_name, IPC_CHANNEL);
  CHECK_GE(fd, 0);
  char key[IPC_OS_KEY_BYTES];
  ipc_segment_key(key, IPC_CHANNEL, test_prefix, test_name);
  CHECK_EQ(ipc_os_try_lock(fd, key), 0);
  atomic_store(&shared->go, 1);
  test_idle();
}

static void what_a_process_is_opening_is_refused(void) {
  leave_other_layout(IPC_LAYOUT_VERSION - 1, 0);
  test_worker user = test_start(TEST_PROCESS, lock_as_another_version, NULL);
  test_await(&shared->go, 1);
  ipc_failure failure;
  ipc_listed_name name;
  CHECK_EQ(list_and_remove(&name), 0);
  test_kill(user);
  CHECK_EQ(open_code(test_prefix, test_name, channel, &failure), IPC_OK);
}

/* The kernel says nothing about files of others, and this user may not remove them. */
static void another_users_leftover_is_refused(void) {
  leave_other_layout(IPC_LAYOUT_VERSION - 1, 0);
  int fd = view_file(test_prefix, test_name, IPC_CHANNEL);
  CHECK_EQ(fchmod(fd, 0666), 0);
  ipc_os_close(fd);
  hooks.owner = 12345;
  ipc_failure failure;
  ipc_options options = channel;
  options.permissions = 0666;
  CHECK_EQ(open_code(test_prefix, test_name, options, &failure), IPC_E_VERSION);
  CHECK_EQ(failure.system_error, EACCES);
  hooks.owner = 0;
  CHECK_EQ(open_code(test_prefix, test_name, options, &failure), IPC_OK);
}

TEST_MAIN(TEST_CASE(what_no_process_has_open_is_replaced), TEST_CASE(an_open_that_creates_nothing_finds_nothing),
          TEST_CASE(what_a_process_has_mapped_is_refused_until_it_ends),
          TEST_CASE(a_name_that_is_cleared_is_free_whoever_has_it_open),
          TEST_CASE(several_that_open_it_at_one_moment_all_join_the_same),
          TEST_CASE(what_a_process_is_opening_is_refused), TEST_CASE(another_users_leftover_is_refused))

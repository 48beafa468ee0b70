/* waker_wait_test.c - wakers whose descriptor the library keeps, and waits for their signals on any thread. */
#include <dirent.h>
#include <sys/syscall.h>
#include "asleep.h"
#include "waker_fixture.h"

enum { NO_LIMIT = -1, CLOSED = IPC_E_INVALID_ARGUMENT };

static uint64_t open_kept(void) {
  uint32_t number[2];
  CHECK_EQ(ipc_waker_open_kept(number), IPC_OK);
  return (uint64_t)number[1] << 32 | number[0];
}

static int32_t wait_for(uint64_t number, int32_t milliseconds) {
  return ipc_waker_wait((uint32_t)number, (uint32_t)(number >> 32), milliseconds);
}

static void close_kept(uint64_t number) { ipc_waker_close((uint32_t)number, (uint32_t)(number >> 32)); }

static uint32_t count_descriptors(void) {
  DIR *descriptors = opendir("/dev/fd");
  CHECK(descriptors);
  uint32_t count = 0;
  while (readdir(descriptors)) count++;
  closedir(descriptors);
  return count;
}

static void a_wait_takes_all_signals(void) {
  uint64_t mine = open_kept();
  CHECK_EQ(wait_for(mine, 0), 0);
  CHECK_EQ(wait_for(mine, 1), 0);
  for (int i = 0; i < 5; i++) ipc_os_signal(mine);
  CHECK_EQ(wait_for(mine, 0), 1);
  CHECK_EQ(wait_for(mine, 0), 0);
  ipc_os_signal(mine);
  CHECK_EQ(wait_for(mine, NO_LIMIT), 1);
  close_kept(mine);
  CHECK_EQ(wait_for(mine, NO_LIMIT), CLOSED);
}

static void an_armed_receiver_signals_a_kept_waker(void) {
  uint64_t mine = open_kept();
  ipc_sender *sender = must_send(of_kind(IPC_QUEUE));
  ipc_receiver *receiver = must_receive(of_kind(IPC_QUEUE));
  for (int i = 0; i < 40; i++) {
    ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, (uint32_t)mine, (uint32_t)(mine >> 32));
    CHECK_EQ(wait_for(mine, 0), 0);
    CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK);
    CHECK_EQ(wait_for(mine, NO_LIMIT), 1);
    CHECK_EQ(ipc_receiver_recv(receiver, (char[1]){0}, 1, 0), 1);
  }
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
  close_kept(mine);
}

static void a_waker_with_a_descriptor_of_the_caller_is_refused(void) {
  waker other = open_waker();
  CHECK_EQ(wait_for(number_of(&other), NO_LIMIT), CLOSED);
  close_waker(&other);
}

typedef struct wait_task {
  uint64_t number;
  _Atomic pid_t thread;
  _Atomic int32_t result;
} wait_task;

static void work_wait(void *argument) {
  wait_task *it = argument;
  atomic_store(&it->thread, (pid_t)ipc_os_thread());
  atomic_store(&it->result, wait_for(it->number, NO_LIMIT));
}

static test_worker start_wait(wait_task *it, uint64_t number) {
  it->number = number;
  test_worker worker = test_start(TEST_THREAD, work_wait, it);
  while (!atomic_load(&it->thread)) test_pause();
  test_await_asleep(getpid(), atomic_load(&it->thread));
  return worker;
}

static void another_thread_wakes_up(void) {
  uint64_t mine = open_kept();
  wait_task it = {0};
  test_worker worker = start_wait(&it, mine);
  CHECK_EQ(wait_for(mine, 0), IPC_E_INVALID_ARGUMENT); /* one at a time */
  ipc_os_signal(mine);
  test_finish(worker);
  CHECK_EQ(atomic_load(&it.result), 1);
  CHECK_EQ(wait_for(mine, 0), 0);
  close_kept(mine);
}

#ifdef __linux__
static void a_close_ends_the_wait_of_another_thread(void) {
  close_kept(open_kept());
  const uint32_t descriptors = count_descriptors();
  for (int i = 0; i < 20; i++) {
    uint64_t mine = open_kept();
    CHECK_EQ(count_descriptors(), descriptors + 1);
    wait_task it = {0};
    test_worker worker = start_wait(&it, mine);
    close_kept(mine);
    test_finish(worker);
    CHECK_EQ(atomic_load(&it.result), CLOSED);
    CHECK_EQ(count_descriptors(), descriptors);
  }
}

typedef struct owner {
  _Atomic uint64_t number;
  _Atomic bool may_end;
} owner;

static void work_own(void *argument) {
  owner *it = argument;
  atomic_store(&it->number, open_kept());
  while (!atomic_load(&it->may_end)) test_pause();
}

static void the_end_of_its_thread_closes_it(void) {
  close_kept(open_kept());
  const uint32_t descriptors = count_descriptors();
  for (int is_polled = 0; is_polled < 2; is_polled++) {
    owner mine = {0};
    test_worker thread = test_start(TEST_THREAD, work_own, &mine), waiter = {0};
    while (!atomic_load(&mine.number)) test_pause();
    wait_task it = {0};
    if (is_polled) waiter = start_wait(&it, atomic_load(&mine.number));
    atomic_store(&mine.may_end, true);
    test_finish(thread);
    if (is_polled) {
      test_finish(waiter);
      CHECK_EQ(atomic_load(&it.result), CLOSED);
    }
    CHECK_EQ(wait_for(atomic_load(&mine.number), NO_LIMIT), CLOSED);
    CHECK_EQ(count_descriptors(), descriptors);
  }
}

typedef struct closing {
  _Atomic uint64_t number;
  _Atomic bool is_over;
} closing;

static void work_wait_again_and_again(void *argument) {
  closing *it = argument;
  while (!atomic_load(&it->is_over)) {
    uint64_t number = atomic_load(&it->number);
    if (number) wait_for(number, 1);
  }
}

/* A close at each moment of a wait: the descriptor is closed once, and the entry freed once. */
static void closes_and_waits_meet(void) {
  uint64_t first = open_kept();
  ipc_os_signal(first); /* opens the socket for signals, which stays */
  close_kept(first);
  const uint32_t descriptors = count_descriptors();
  closing it = {0};
  test_worker worker = test_start(TEST_THREAD, work_wait_again_and_again, &it);
  uint32_t seed = 1;
  const uint64_t until = ipc_os_now() + (uint64_t)MEETING_MS * 1000000;
  while (ipc_os_now() < until) {
    uint64_t mine = open_kept();
    atomic_store(&it.number, mine);
    meeting_stagger(&seed, 20000);
    if (test_random(&seed) % 2) ipc_os_signal(mine);
    close_kept(mine);
  }
  atomic_store(&it.is_over, true);
  test_finish(worker);
  CHECK_EQ(count_descriptors(), descriptors);
}

static void work_look_in_child(void *argument) {
  const uint64_t parents = *(uint64_t *)argument;
  CHECK_EQ(wait_for(parents, NO_LIMIT), CLOSED);
  uint64_t mine = open_kept();
  ipc_os_signal(mine);
  CHECK_EQ(wait_for(mine, NO_LIMIT), 1);
  close_kept(mine);
}

static void a_child_does_not_have_the_wakers_of_its_parent(void) {
  uint64_t mine = open_kept();
  test_finish(test_start(TEST_PROCESS, work_look_in_child, &mine));
  ipc_os_signal(mine);
  CHECK_EQ(wait_for(mine, NO_LIMIT), 1);
  close_kept(mine);
}
#endif

TEST_MAIN(TEST_CASE(a_wait_takes_all_signals), TEST_CASE(an_armed_receiver_signals_a_kept_waker),
          TEST_CASE(a_waker_with_a_descriptor_of_the_caller_is_refused), TEST_CASE(another_thread_wakes_up),
#ifdef __linux__
          TEST_CASE(a_close_ends_the_wait_of_another_thread), TEST_CASE(the_end_of_its_thread_closes_it),
          TEST_CASE(closes_and_waits_meet), TEST_CASE(a_child_does_not_have_the_wakers_of_its_parent)
#endif
)

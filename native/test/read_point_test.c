/* read_point_test.c - a sender waits until receivers have read; receivers are counted by name. */
#include "libipc/list.h"
#include "ends.h"
#include "interpose.h"
#include "worker.h"

enum { CAPACITY = 4096, ROUNDS = 300 * TEST_SCALE };

/* Where positions wrap: as signed numbers, as numbers, and at once. */
static const uint32_t starts[] = {0, 0x80000000u - 5, UINT32_MAX - 5, UINT32_MAX};

enum { STARTS = sizeof starts / sizeof starts[0] };

typedef struct board {
  _Atomic uint32_t ready;
  pid_t victim;
} board;

static board *shared;
static ipc_read_point point;
static uint8_t bytes[CAPACITY];

static ipc_options of_kind(uint32_t kind, uint32_t overflow) {
  return (ipc_options){.struct_size = sizeof(ipc_options), .kind = kind, .capacity = CAPACITY, .overflow = overflow};
}

static ipc_receiver *must_observe(ipc_options options) {
  options.lossy = 1;
  return must_receive(options);
}

static void put(ipc_sender *sender, uint32_t count) {
  for (; count; count--) CHECK_EQ(ipc_sender_send(sender, "message", 7, 0), IPC_OK);
}

static void take(ipc_receiver *receiver, uint32_t count) {
  for (; count; count--) CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, 0), 7);
}

static void set_point(ipc_sender *sender, uint32_t receivers) {
  CHECK_EQ(ipc_sender_read_point(sender, &point), IPC_OK);
  CHECK_EQ(point.receivers, receivers);
}

static void check_point(ipc_sender *sender, int32_t status, uint32_t read, uint32_t left) {
  CHECK_EQ(ipc_sender_wait_until_read(sender, &point, 0), status);
  CHECK_EQ(point.read, read);
  CHECK_EQ(point.left, left);
}

static void all_that_are_open_have_to_read(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_CHANNEL; kind++)
    for (uint32_t overflow = IPC_BLOCK; overflow <= IPC_DROP_OLDEST; overflow++)
      for (uint32_t start = 0; start < STARTS; start++) {
        ipc_options options = of_kind(kind, overflow);
        options.first_position = starts[start];
        ipc_sender *sender = must_send(options);
        set_point(sender, 0);
        check_point(sender, IPC_OK, 0, 0);
        ipc_receiver *observer = must_observe(options), *a = must_receive(options), *b = must_receive(options);
        put(sender, 3);
        set_point(sender, 2);
        check_point(sender, IPC_TIMED_OUT, 0, 0);
        take(a, 3);
        check_point(sender, IPC_TIMED_OUT, 1, 0);
        ipc_receiver *later = must_receive(options);
        put(sender, 2); /* what comes behind the point does not matter, nor does a receiver that came later */
        take(b, 2);
        check_point(sender, IPC_TIMED_OUT, 1, 0);
        take(b, 1);
        check_point(sender, IPC_OK, 2, 0);
        check_point(sender, IPC_OK, 2, 0);
        set_point(sender, 3);
        take(later, 2);
        take(b, 2);
        check_point(sender, IPC_TIMED_OUT, 2, 0);
        take(a, 2);
        check_point(sender, IPC_OK, 3, 0);
        ipc_receiver_close(observer);
        ipc_receiver_close(later);
        ipc_receiver_close(a);
        ipc_receiver_close(b);
        ipc_sender_close(sender);
      }
}

/* One that reads in the middle of a long run publishes its position only when it leaves. */
static void those_that_leave_are_counted(void) {
  for (uint32_t overflow = IPC_BLOCK; overflow <= IPC_DROP_OLDEST; overflow++) {
    ipc_options options = of_kind(IPC_CHANNEL, overflow);
    ipc_sender *sender = must_send(options);
    ipc_receiver *a = must_receive(options), *b = must_receive(options), *c = must_receive(options);
    put(sender, 2);
    set_point(sender, 3);
    put(sender, 1);
    take(a, 1);
    check_point(sender, IPC_TIMED_OUT, 0, 0);
    take(a, 1);
    ipc_receiver_close(a);
    take(b, 1);
    ipc_receiver_close(b);
    check_point(sender, IPC_TIMED_OUT, 1, 1);
    /* Another one takes its slot, before the sender has looked: it is not taken for the one that left. */
    ipc_receiver_close(c);
    c = must_receive(options);
    check_point(sender, IPC_OK, 1, 2);
    /* Read, and overtaken by many rings. */
    set_point(sender, 1);
    for (int round = 0; round < 50; round++) {
      put(sender, 50);
      take(c, 50);
    }
    ipc_receiver_close(c);
    check_point(sender, IPC_OK, 1, 0);
    ipc_sender_close(sender);
  }
}

static uint32_t lend(ipc_sender *sender) {
  uint32_t offset;
  CHECK_EQ(ipc_sender_loan(sender, 7, 0, &offset), IPC_OK);
  return offset;
}

static void a_loan_that_was_given_up_is_nothing_to_read(void) {
  for (uint32_t round = 0; round < 2 * STARTS; round++) {
    ipc_options options = of_kind(IPC_CHANNEL, round % 2 ? IPC_DROP_NEWEST : IPC_BLOCK);
    options.first_position = starts[round / 2];
    ipc_sender *sender = must_send(options), *other = must_send(options);
    ipc_receiver *a = must_receive(options);
    put(sender, 1);
    uint32_t first = lend(sender), second = lend(other), third = lend(other);
    set_point(sender, 1);
    take(a, 1);
    check_point(sender, IPC_TIMED_OUT, 0, 0);
    CHECK_EQ(ipc_sender_end_loan(sender, first, -1), IPC_OK);
    check_point(sender, IPC_TIMED_OUT, 0, 0);
    CHECK_EQ(ipc_sender_end_loan(other, third, -1), IPC_OK);
    CHECK_EQ(ipc_sender_end_loan(other, second, 7), IPC_OK);
    check_point(sender, IPC_TIMED_OUT, 0, 0);
    take(a, 1);
    check_point(sender, IPC_OK, 1, 0);
    /* The same with an owner that closes. */
    lend(other);
    set_point(sender, 1);
    check_point(sender, IPC_TIMED_OUT, 0, 0);
    ipc_sender_close(other);
    check_point(sender, IPC_OK, 1, 0);
    CHECK_EQ(ipc_receiver_recv(a, bytes, sizeof bytes, 0), IPC_TIMED_OUT);
    ipc_receiver_close(a);
    ipc_sender_close(sender);
  }
}

static void of_a_queue_all_messages_are_done(void) {
  for (uint32_t start = 0; start < STARTS; start++) {
    ipc_options options = of_kind(IPC_QUEUE, IPC_BLOCK);
    options.first_position = starts[start];
    ipc_sender *sender = must_send(options);
    uint32_t first[3], second[3];
    set_point(sender, 0);
    check_point(sender, IPC_OK, 0, 0);
    put(sender, 2);
    set_point(sender, 0);
    put(sender, 1);
    check_point(sender, IPC_TIMED_OUT, 0, 0);
    ipc_receiver *a = must_receive(options), *b = must_receive(options);
    CHECK_EQ(ipc_receiver_take(a, 0, first), IPC_OK);
    CHECK_EQ(ipc_receiver_take(b, 0, second), IPC_OK);
    CHECK_EQ(ipc_receiver_done(b, second[0]), IPC_OK);
    check_point(sender, IPC_TIMED_OUT, 0, 0);
    CHECK_EQ(ipc_receiver_retry(a, first[0]), IPC_OK);
    check_point(sender, IPC_TIMED_OUT, 0, 0);
    take(b, 1);
    check_point(sender, IPC_OK, 0, 0);
    put(sender, 1);
    set_point(sender, 0);
    check_point(sender, IPC_TIMED_OUT, 0, 0);
    ipc_receiver_close(a);
    ipc_receiver_close(b);
    CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_QUEUE, &(ipc_failure){0}), IPC_OK);
    CHECK_EQ(ipc_sender_wait_until_read(sender, &point, 0), IPC_E_ORPHANED);
    ipc_sender_close(sender);
  }
}

static void what_was_lost_need_not_be_read(void) {
  ipc_options options = of_kind(IPC_ROUTE, IPC_DROP_OLDEST);
  ipc_sender *sender = must_send(options);
  ipc_receiver *a = must_receive(options);
  put(sender, 3);
  set_point(sender, 1);
  check_point(sender, IPC_TIMED_OUT, 0, 0);
  put(sender, CAPACITY / 8);
  check_point(sender, IPC_OK, 1, 0);
  CHECK_EQ(ipc_receiver_recv(a, bytes, sizeof bytes, 0), 7);
  CHECK_GE(ipc_receiver_lost(a), 3);
  ipc_receiver_close(a);
  ipc_sender_close(sender);
}

static void read_rounds(void *options) {
  ipc_receiver *receiver = must_receive(*(ipc_options *)options);
  uint32_t seed = 1 + atomic_fetch_add(&shared->ready, 1);
  uint8_t mine[16];
  for (uint32_t i = 0; i < ROUNDS; i++) {
    /* Late at times, so that the sender sleeps. */
    if (test_random(&seed) % 8 == 0) test_pause();
    CHECK_EQ(ipc_receiver_recv(receiver, mine, sizeof mine, -1), 7);
  }
  ipc_receiver_close(receiver);
}

/* With `patient`, a wake-up that is lost hangs. */
static void check_wakes(test_form form, uint32_t overflow) {
  enum { READERS = 2 };
  ipc_options options = of_kind(IPC_CHANNEL, overflow);
  test_worker readers[READERS];
  shared = test_shared(sizeof *shared);
  hooks.patient = true;
  ipc_sender *sender = must_send(options);
  for (int i = 0; i < READERS; i++) readers[i] = test_start(form, read_rounds, &options);
  test_await(&shared->ready, READERS);
  for (uint32_t i = 0; i < ROUNDS; i++) {
    put(sender, 1);
    set_point(sender, READERS);
    CHECK_EQ(ipc_sender_wait_until_read(sender, &point, -1), IPC_OK);
    CHECK_EQ(point.read + point.left, READERS);
    if (i + 1 < ROUNDS) CHECK_EQ(point.read, READERS);
  }
  for (int i = 0; i < READERS; i++) test_finish(readers[i]);
  ipc_sender_close(sender);
}

static void receivers_wake_the_sender(void) {
  for (uint32_t overflow = IPC_BLOCK; overflow <= IPC_DROP_OLDEST; overflow++) {
    check_wakes(TEST_PROCESS, overflow);
    check_wakes(TEST_THREAD, overflow);
  }
}

static void receive_nothing(void *options) {
  must_receive(*(ipc_options *)options);
  shared->victim = getpid();
  atomic_fetch_add(&shared->ready, 1);
  test_idle();
}

static void kill_victim(void *unused) {
  (void)unused;
  for (int i = 0; i < 300; i++) test_pause();
  kill(shared->victim, SIGKILL);
}

static void a_killed_receiver_ends_the_wait(void) {
  shared = test_shared(sizeof *shared);
  ipc_options options = of_kind(IPC_ROUTE, IPC_BLOCK);
  ipc_sender *sender = must_send(options);
  ipc_receiver *a = must_receive(options);
  test_worker victim = test_start(TEST_PROCESS, receive_nothing, &options);
  test_await(&shared->ready, 1);
  put(sender, 1);
  take(a, 1);
  set_point(sender, 2);
  double started = test_ms();
  CHECK_EQ(ipc_sender_wait_until_read(sender, &point, 10), IPC_TIMED_OUT);
  CHECK_GE(test_ms() - started, 9);
  test_worker killer = test_start(TEST_PROCESS, kill_victim, NULL);
  started = test_ms();
  CHECK_EQ(ipc_sender_wait_until_read(sender, &point, -1), IPC_OK);
  check_within_a_second(started);
  check_not_hung(started);
  CHECK_EQ(point.read, 1);
  CHECK_EQ(point.left, 1);
  test_reap(victim);
  test_finish(killer);
  ipc_receiver_close(a);
  ipc_sender_close(sender);
}

static int32_t count(uint32_t kind, uint32_t *most) {
  ipc_failure failure;
  return ipc_list_receivers(test_prefix, test_name, kind, most, &failure);
}

static void check_count(uint32_t kind, int32_t wanted, uint32_t wanted_most) {
  uint32_t most = 77;
  CHECK_EQ(count(kind, &most), wanted);
  CHECK_EQ(most, wanted_most);
}

static void receivers_are_counted_by_name(void) {
  shared = test_shared(sizeof *shared);
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_QUEUE; kind++) {
    char key[IPC_OS_KEY_BYTES];
    ipc_os_file file;
    ipc_options options = of_kind(kind, IPC_BLOCK);
    options.max_receivers = 5;
    CHECK_EQ(ipc_segment_key(key, kind, test_prefix, test_name), IPC_OK);
    check_count(kind, 0, 0);
    CHECK_EQ(ipc_os_stat_key(key, &file), -ENOENT);
    ipc_sender *sender = must_send(options);
    check_count(kind, 0, 5);
    ipc_receiver *a = must_receive(options), *observer = kind == IPC_QUEUE ? NULL : must_observe(options);
    check_count(kind, 1, 5);
    uint32_t ready = atomic_load(&shared->ready);
    test_worker victim = test_start(TEST_PROCESS, receive_nothing, &options);
    test_await(&shared->ready, ready + 1);
    check_count(kind, 2, 5);
    test_kill(victim);
    check_count(kind, 1, 5);
    ipc_receiver_close(a);
    ipc_receiver_close(observer);
    check_count(kind, 0, 5);
    ipc_sender_close(sender);
    test_reap(victim);
    check_count(kind, 0, 0);
  }
  uint32_t most;
  CHECK_EQ(count(IPC_MUTEX, &most), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_list_receivers("", "a/b", IPC_ROUTE, &most, &(ipc_failure){0}), IPC_E_INVALID_NAME);
}

TEST_MAIN(TEST_CASE(all_that_are_open_have_to_read), TEST_CASE(those_that_leave_are_counted),
          TEST_CASE(a_loan_that_was_given_up_is_nothing_to_read), TEST_CASE(of_a_queue_all_messages_are_done),
          TEST_CASE(what_was_lost_need_not_be_read), TEST_CASE(receivers_wake_the_sender),
          TEST_CASE(a_killed_receiver_ends_the_wait), TEST_CASE(receivers_are_counted_by_name))

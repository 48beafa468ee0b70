/* waker_stress_test.c - event loops of processes and threads are signalled, among sleepers and under load. */
#include "waker_fixture.h"

/* Waits for a ring for ever: a lost one hangs. */
static void await_signal(const waker *it) {
  CHECK_EQ(poll(&(struct pollfd){.fd = it->fd, .events = POLLIN}, 1, -1), 1);
  CHECK_GE(rings(it), 1);
}

typedef struct board {
  _Atomic uint32_t ready, go, ended;
} board;

static board *shared;

static uint32_t kind_now;

static const message_range range = {MESSAGE_TAG, 600};

enum { COUNT = 3000 * TEST_SCALE };

/* Only rings wake these two: the loop for data, and the loop for space. Both arm, try again, then poll. */
static void send_by_events(void *unused) {
  (void)unused;
  uint8_t bytes[1024];
  waker mine = open_waker();
  ipc_sender *sender = must_send(of_kind(kind_now));
  for (ipc_sender_arm(sender, IPC_WAIT_FOR_PEERS, mine.number[0], mine.number[1]);
       ipc_sender_wait_for_receivers(sender, 1, 0) != IPC_OK;
       ipc_sender_arm(sender, IPC_WAIT_FOR_PEERS, mine.number[0], mine.number[1]))
    if (ipc_sender_wait_for_receivers(sender, 1, 0) != IPC_OK) await_signal(&mine);
  for (uint32_t i = 0; i < COUNT; i++) {
    uint32_t length = message_write(bytes, (message_tag){0, i}, range);
    int32_t status;
    while ((status = ipc_sender_send(sender, bytes, length, 0)) == IPC_TIMED_OUT) {
      ipc_sender_arm(sender, IPC_WAIT_FOR_SPACE, mine.number[0], mine.number[1]);
      if ((status = ipc_sender_send(sender, bytes, length, 0)) != IPC_TIMED_OUT) break;
      await_signal(&mine);
    }
    CHECK_EQ(status, IPC_OK);
  }
  ipc_sender_close(sender);
  close_waker(&mine);
}

static void receive_by_events(void *unused) {
  (void)unused;
  uint8_t bytes[1024];
  waker mine = open_waker();
  ipc_receiver *receiver = must_receive(of_kind(kind_now));
  for (uint32_t i = 0; i < COUNT; i++) {
    int32_t length;
    while ((length = ipc_receiver_recv(receiver, bytes, sizeof bytes, 0)) == IPC_TIMED_OUT) {
      ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, mine.number[0], mine.number[1]);
      if ((length = ipc_receiver_recv(receiver, bytes, sizeof bytes, 0)) != IPC_TIMED_OUT) break;
      await_signal(&mine);
    }
    message_check(bytes, length, (message_tag){0, i}, range);
  }
  ipc_receiver_close(receiver);
  close_waker(&mine);
}

static void receive_by_sleeping(void *unused) {
  (void)unused;
  uint8_t bytes[1024];
  ipc_receiver *receiver = must_receive(of_kind(kind_now));
  atomic_fetch_add(&shared->ready, 1);
  for (uint32_t i = 0; i < COUNT; i++)
    message_check(bytes, ipc_receiver_recv(receiver, bytes, sizeof bytes, -1), (message_tag){0, i}, range);
  ipc_receiver_close(receiver);
}

static void check_loops(test_form form) {
  shared = test_shared(sizeof *shared);
  hooks.patient = true;
  for (kind_now = IPC_ROUTE; kind_now <= IPC_QUEUE; kind_now++) {
    bool sleeper = kind_now != IPC_QUEUE; /* sleeps on the events that the others are rung for */
    test_worker asleep = {0};
    if (sleeper) asleep = test_start(form, receive_by_sleeping, NULL);
    if (sleeper) test_await(&shared->ready, kind_now);
    test_worker receiver = test_start(form, receive_by_events, NULL);
    view seen;
    /* Both receivers are to be there: the first message goes out when the second has joined. */
    for (uint32_t count = 0, wanted = sleeper ? 2 : 1; count < wanted; view_close(&seen)) {
      while (!view_exists(test_prefix, test_name, kind_now)) test_pause();
      seen = view_open(test_prefix, test_name, kind_now);
      count = seen.bytes ? atomic_load(&seen.header->receiver_count) : 0;
    }
    test_worker sender = test_start(form, send_by_events, NULL);
    test_finish(sender);
    test_finish(receiver);
    if (sleeper) test_finish(asleep);
  }
}

static void loops_of_processes_are_signalled(void) { check_loops(TEST_PROCESS); }

static void loops_of_threads_are_signalled(void) { check_loops(TEST_THREAD); }

static void join_and_leave(void *unused) {
  (void)unused;
  ipc_receiver_close(must_receive(of_kind(IPC_CHANNEL)));
}

static void loops_are_signalled_for_peers(void) {
  waker mine = open_waker();
  hooks.patient = true;
  ipc_sender *sender = must_send(of_kind(IPC_CHANNEL));
  for (int form = TEST_PROCESS; form <= TEST_THREAD; form++)
    for (int i = 0; i < 20; i++) {
      rings(&mine);
      ipc_sender_arm(sender, IPC_WAIT_FOR_PEERS, mine.number[0], mine.number[1]);
      test_worker worker = test_start((test_form)form, join_and_leave, NULL);
      await_signal(&mine);
      test_finish(worker);
    }
  ipc_sender_close(sender);
  close_waker(&mine);
}

static void sleep_and_say(void *number) {
  uint32_t seen = *(uint32_t *)number;
  view it = view_open(test_prefix, test_name, IPC_CHANNEL);
  seen = ipc_event_prepare(it.header, IPC_EVENT_DATA);
  atomic_fetch_add(&shared->ready, 1);
  ipc_event_sleep(it.header, IPC_EVENT_DATA, seen, IPC_FOREVER, IPC_FOREVER);
  atomic_fetch_add(&shared->ended, 1);
  view_close(&it);
}

/* In every order of arrival, one change wakes those that sleep and those that poll. */
static void sleepers_and_loops_are_both_woken(void) {
  shared = test_shared(sizeof *shared);
  waker mine = open_waker(), other = open_waker();
  ipc_sender *sender = must_send(of_kind(IPC_CHANNEL));
  ipc_receiver *receiver = must_receive(of_kind(IPC_CHANNEL)), *second = must_receive(of_kind(IPC_CHANNEL));
  uint32_t number = 0;
  for (uint32_t round = 0; round < 20; round++) {
    test_worker sleeper;
    if (round % 2) sleeper = test_start(TEST_PROCESS, sleep_and_say, &number);
    if (round % 2) test_await(&shared->ready, round + 1);
    ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, mine.number[0], mine.number[1]);
    ipc_receiver_arm(second, IPC_WAIT_FOR_DATA, other.number[0], other.number[1]);
    if (round % 2 == 0) sleeper = test_start(TEST_PROCESS, sleep_and_say, &number);
    if (round % 2 == 0) test_await(&shared->ready, round + 1);
    CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK);
    test_finish(sleeper);
    CHECK_EQ(shared->ended, round + 1);
    CHECK_EQ(rings(&mine), 1);
    CHECK_EQ(rings(&other), 1);
    CHECK_EQ(ipc_receiver_recv(receiver, (char[1]){0}, 1, 0), 1);
    CHECK_EQ(ipc_receiver_recv(second, (char[1]){0}, 1, 0), 1);
  }
  ipc_receiver_close(receiver);
  ipc_receiver_close(second);
  ipc_sender_close(sender);
  close_waker(&mine);
  close_waker(&other);
}

typedef struct duel {
  ipc_segment segment;
  _Atomic uint32_t turn;
  meeting starts, ends;
  bool is_over; /* set before the last meeting at the start of a round */
} duel;

static void notify_in_a_duel(void *argument) {
  duel *of = argument;
  uint32_t seed = 1;
  for (uint32_t round = 1;; round++) {
    meet(&of->starts, round);
    if (of->is_over) break;
    meeting_stagger(&seed, 60);
    atomic_store_explicit(&of->turn, round, memory_order_relaxed);
    ipc_event_notify(&of->segment, IPC_EVENT_DATA);
    meet(&of->ends, round);
  }
}

/* Who arms sees the change, or the notifier sees that he wants to be rung: never neither. */
static void either_side_sees_the_other(void) {
  duel *of = test_shared(sizeof *of);
  ipc_failure failure;
  const ipc_options options = of_kind(IPC_CHANNEL);
  int32_t lock = ipc_segment_open(&of->segment, test_prefix, test_name, &options, &failure);
  CHECK_GE(lock, 0);
  CHECK_EQ(ipc_slots_join_receiver(&of->segment, false, false), 0);
  ipc_os_unlock(lock);
  ipc_slot *slot = &of->segment.receivers[0];
  waker mine = open_waker();
  uint32_t seed = 2;
  test_worker worker = test_start(TEST_THREAD, notify_in_a_duel, of);
  double end = test_ms() + MEETING_MS / 2;
  for (uint32_t round = 1;; round++) {
    of->is_over = test_ms() > end;
    meet(&of->starts, round);
    if (of->is_over) break;
    meeting_stagger(&seed, 60);
    ipc_event_arm(&of->segment, slot, 1u << IPC_EVENT_DATA, number_of(&mine));
    bool saw = atomic_load_explicit(&of->turn, memory_order_relaxed) == round;
    meet(&of->ends, round);
    uint32_t count = rings(&mine);
    CHECK_LE(count, 1);
    if (!saw && count == 0) FAIL("round %u: a lost ring", round);
    CHECK_EQ(count == 0, (atomic_load(&slot->armed) & 1u << IPC_EVENT_DATA) != 0); /* rung, or armed still */
    atomic_store(&slot->armed, 0);
    atomic_store(&of->segment.header->event_flags[IPC_EVENT_DATA].wanted, 0);
  }
  test_finish(worker);
  close_waker(&mine);
  ipc_os_unlink(of->segment.key);
  ipc_segment_close(&of->segment);
}

/*
 * Two that notify at once, and an endpoint that arms in between, so that both have an endpoint to signal and find the
 * other one armed too: its ring is one of them's.
 */
static void many_notifiers_signal_once(void) {
  duel *of = test_shared(sizeof *of);
  ipc_failure failure;
  const ipc_options options = of_kind(IPC_CHANNEL);
  const uint32_t data = 1u << IPC_EVENT_DATA;
  int32_t lock = ipc_segment_open(&of->segment, test_prefix, test_name, &options, &failure);
  CHECK_GE(lock, 0);
  for (int i = 0; i < 2; i++) CHECK_EQ(ipc_slots_join_sender(&of->segment), i);
  ipc_os_unlock(lock);
  ipc_slot *slots = of->segment.senders;
  waker mine = open_waker(), other = open_waker();
  uint32_t seed = 2;
  test_worker worker = test_start(TEST_THREAD, notify_in_a_duel, of);
  double end = test_ms() + MEETING_MS / 2;
  for (uint32_t round = 1;; round++) {
    ipc_event_arm(&of->segment, &slots[0], data, number_of(&mine));
    of->is_over = test_ms() > end;
    meet(&of->starts, round);
    if (of->is_over) break;
    meeting_stagger(&seed, 100);
    ipc_event_arm(&of->segment, &slots[1], data, number_of(&other));
    ipc_event_notify(&of->segment, IPC_EVENT_DATA);
    meet(&of->ends, round);
    CHECK_EQ(rings(&mine), 1);
    CHECK_EQ(rings(&other), 1);
  }
  test_finish(worker);
  close_waker(&mine);
  close_waker(&other);
  ipc_os_unlink(of->segment.key);
  ipc_segment_close(&of->segment);
}

TEST_MAIN(TEST_CASE(loops_of_processes_are_signalled), TEST_CASE(loops_of_threads_are_signalled),
          TEST_CASE(loops_are_signalled_for_peers), TEST_CASE(sleepers_and_loops_are_both_woken),
          TEST_CASE(either_side_sees_the_other), TEST_CASE(many_notifiers_signal_once))

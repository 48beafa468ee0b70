/* slots_test.c - places are taken, given back and taken from the dead; the gate holds senders back. */
#include <sys/resource.h>

#include "open.h"
#include "slots.h"

#include "event.h"
#include "interpose.h"
#include "meeting.h"
#include "message.h"
#include "view.h"
#include "worker.h"

static const ipc_options channel = {.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 4096};

typedef struct board {
  _Atomic uint32_t ready, go, stop, sent, received;
} board;
static board *shared;

static ipc_segment open_segment_of(uint32_t kind, uint32_t capacity, uint32_t max_receivers) {
  ipc_segment segment;
  ipc_failure failure;
  const ipc_options options = {
      .struct_size = sizeof(ipc_options), .kind = kind, .capacity = capacity, .max_receivers = max_receivers};
  int32_t fd = ipc_segment_open(&segment, test_prefix, test_name, &options, &failure);
  CHECK_GE(fd, 0);
  ipc_os_unlock(fd);
  return segment;
}

static ipc_segment open_segment(uint32_t max_receivers) { return open_segment_of(IPC_CHANNEL, 4096, max_receivers); }

static void leave(ipc_segment *segment, ipc_slot *slot) {
  ipc_slots_leave(segment, slot, atomic_load(&slot->instance));
}

static ipc_receiver *try_receive(uint32_t max_receivers, int32_t *code) {
  ipc_failure failure;
  const ipc_options options = {
      .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 4096, .max_receivers = max_receivers};
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &options, &failure);
  *code = receiver ? IPC_OK : failure.code;
  if (*code == IPC_E_TOO_MANY_RECEIVERS) CHECK_EQ(failure.wanted, max_receivers);
  return receiver;
}

static ipc_receiver *must_receive(uint32_t max_receivers) {
  int32_t code;
  ipc_receiver *receiver = try_receive(max_receivers, &code);
  CHECK_EQ(code, IPC_OK);
  return receiver;
}

static ipc_sender *must_send(void) {
  ipc_failure failure;
  ipc_sender *sender = ipc_sender_open(test_prefix, test_name, &channel, &failure);
  if (!sender) FAIL("a sender could not open: %d", failure.code);
  return sender;
}

static void lowest_free_place_is_taken(void) {
  ipc_segment segment = open_segment(3);
  ipc_header *header = segment.header;
  for (int i = 0; i < 3; i++) CHECK_EQ(ipc_slots_join_receiver(&segment, false, false), i);
  CHECK_EQ(ipc_slots_join_receiver(&segment, false, false), IPC_E_TOO_MANY_RECEIVERS);
  CHECK_EQ(header->receiver_count, 3);
  CHECK_EQ(header->receiver_slots_used, 3);
  uint32_t instance = segment.receivers[1].instance;
  leave(&segment, &segment.receivers[1]);
  CHECK_EQ(header->receiver_count, 2);
  CHECK_EQ(header->receiver_slots_used, 3);
  CHECK_EQ(ipc_slots_join_receiver(&segment, false, false), 1);
  CHECK(segment.receivers[1].instance != instance);
  leave(&segment, &segment.receivers[2]);
  CHECK_EQ(header->receiver_slots_used, 2);
  CHECK_EQ(ipc_slots_join_sender(&segment), 0);
  CHECK_EQ(header->sender_count, 1);
  leave(&segment, &segment.senders[0]);
  leave(&segment, &segment.receivers[0]);
  CHECK_EQ(header->orphaned, 0);
  leave(&segment, &segment.receivers[1]);
  CHECK_EQ(header->orphaned, 1); /* the last one out removes it */
  CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
  ipc_segment_close(&segment);
}

static void gate_is_the_lowest_position(void) {
  ipc_segment segment = open_segment(4);
  for (uint32_t base = 0, i = 0; i < 4; i++, base = i == 1 ? 0x7ffffff8u : i == 2 ? 0xfffffff8u : 0x80000000u) {
    atomic_store(&segment.header->head, base);
    CHECK_EQ(ipc_slots_gate(&segment, base), base); /* no receiver: nothing holds senders back */
    for (int r = 0; r < 3; r++) {
      CHECK_EQ(ipc_slots_join_receiver(&segment, false, false), r);
      CHECK_EQ(segment.receivers[r].position, base);
    }
    atomic_store(&segment.receivers[0].position, base + 20);
    atomic_store(&segment.receivers[1].position, base + 10);
    atomic_store(&segment.receivers[2].position, base + 40);
    CHECK_EQ(ipc_slots_gate(&segment, base + 40), base + 10);
    CHECK_EQ(ipc_slots_gate(&segment, base + 15), base + 10); /* others have read past this head */
    atomic_store(&segment.receivers[1].instance, 0);
    CHECK_EQ(ipc_slots_gate(&segment, base + 40), base + 20);
    CHECK_EQ(ipc_slots_gate(&segment, base + 15), base + 15);
    atomic_store(&segment.receivers[0].instance, 0);
    atomic_store(&segment.receivers[2].instance, 0);
  }
  ipc_os_unlink(segment.key);
  ipc_segment_close(&segment);
}

static void a_wild_limit_is_not_followed(void) {
  ipc_segment segment = open_segment(4);
  CHECK_EQ(ipc_slots_join_receiver(&segment, false, false), 0);
  atomic_store(&segment.header->receiver_slots_used, UINT32_MAX);
  CHECK_EQ(ipc_slots_gate(&segment, 0), 0);
  leave(&segment, &segment.receivers[0]);
  ipc_segment_close(&segment);
}

static void instances_skip_zero(void) {
  ipc_segment segment = open_segment(4);
  atomic_store(&segment.header->next_instance, UINT32_MAX);
  for (int i = 0; i < 3; i++) {
    CHECK_EQ(ipc_slots_join_sender(&segment), i);
    CHECK(segment.senders[i].instance != 0);
  }
  ipc_os_unlink(segment.key);
  ipc_segment_close(&segment);
}

static void there_is_room_for_1024_receivers(void) {
  ipc_segment segment = open_segment(IPC_MAX_RECEIVERS);
  for (int i = 0; i < 1023; i++) CHECK_EQ(ipc_slots_join_receiver(&segment, false, false), i);
  ipc_receiver *last = must_receive(IPC_MAX_RECEIVERS);
  ipc_sender *sender = must_send();
  int32_t code;
  CHECK_EQ(ipc_sender_receiver_count(sender), 1024);
  CHECK(!try_receive(IPC_MAX_RECEIVERS, &code));
  CHECK_EQ(code, IPC_E_TOO_MANY_RECEIVERS);
  uint32_t sent = 0;
  while (ipc_sender_send(sender, &sent, 4, 0) == IPC_OK) sent++;
  CHECK_EQ(sent, 256); /* 4096 bytes of 16: 1023 of them do not read */
  for (uint32_t i = 0, got; i < sent; i++) {
    CHECK_EQ(ipc_receiver_recv(last, &got, 4, 0), 4);
    CHECK_EQ(got, i);
  }
  CHECK_EQ(ipc_sender_send(sender, &sent, 4, 0), IPC_TIMED_OUT);
  for (int i = 0; i < 1023; i++) atomic_store(&segment.receivers[i].instance, 0);
  CHECK_EQ(ipc_sender_send(sender, &sent, 4, 0), IPC_OK);
  ipc_sender_close(sender);
  ipc_receiver_close(last);
  ipc_segment_close(&segment);
}

static void check_room_for_senders(uint32_t kind, uint32_t capacity, int room) {
  ipc_segment segment = open_segment_of(kind, capacity, 1);
  const ipc_options options = {.struct_size = sizeof(ipc_options), .kind = kind, .capacity = capacity};
  for (int i = 0; i < room; i++) CHECK_EQ(ipc_slots_join_sender(&segment), i);
  ipc_failure failure;
  CHECK(!ipc_sender_open(test_prefix, test_name, &options, &failure));
  CHECK_EQ(failure.code, IPC_E_TOO_MANY_SENDERS);
  CHECK_EQ(failure.wanted, (uint64_t)room);
  for (int i = 1; i < room; i++) atomic_store(&segment.senders[i].instance, 0);
  ipc_sender *sender = ipc_sender_open(test_prefix, test_name, &options, &failure);
  CHECK(sender);
  ipc_sender_close(sender);
  leave(&segment, &segment.senders[0]);
  ipc_segment_close(&segment);
}

/* A table of 1024 senders takes 128 KiB: more than a small ring, and more than the one sender of a route needs. */
static void the_room_for_senders_suits_the_ring(void) {
  for (uint32_t kind = IPC_CHANNEL; kind <= IPC_QUEUE; kind++) {
    check_room_for_senders(kind, 4096, IPC_FEW_SENDERS);
    check_room_for_senders(kind, IPC_SMALL_CAPACITY, IPC_FEW_SENDERS);
    check_room_for_senders(kind, 2 * IPC_SMALL_CAPACITY, IPC_MAX_SENDERS);
  }
  check_room_for_senders(IPC_ROUTE, 1 << 20, IPC_FEW_SENDERS);
}

static void too_many_receivers_are_refused(void) {
  int32_t code;
  ipc_receiver *a = must_receive(2), *b = must_receive(2);
  CHECK(!try_receive(2, &code));
  CHECK_EQ(code, IPC_E_TOO_MANY_RECEIVERS);
  ipc_receiver_close(a);
  a = must_receive(2);
  ipc_receiver_close(a);
  ipc_receiver_close(b);
}

static void receive_and_idle(void *count) {
  must_receive(*(uint32_t *)count);
  atomic_store(&shared->ready, 1);
  test_idle();
}

static test_worker start_idle_receiver(uint32_t max_receivers) {
  static uint32_t count;
  count = max_receivers;
  if (!shared) shared = test_shared(sizeof *shared);
  atomic_store(&shared->ready, 0);
  test_worker worker = test_start(TEST_PROCESS, receive_and_idle, &count);
  test_await(&shared->ready, 1);
  return worker;
}

static void place_of_a_killed_receiver_is_reused(void) {
  ipc_receiver *first = must_receive(2);
  test_worker victim = start_idle_receiver(2);
  int32_t code;
  CHECK(!try_receive(2, &code));
  test_stop(victim);
  CHECK(!try_receive(2, &code)); /* stopped is not dead */
  test_kill(victim);
  ipc_receiver *second = must_receive(2); /* a zombie is */
  CHECK(!try_receive(2, &code));
  ipc_receiver_close(first);
  ipc_receiver_close(second);
}

static ipc_receiver *volatile forgotten; /* kept somewhere: it is not the leak that is tested */

static void receive_and_end(void *unused) {
  (void)unused;
  forgotten = must_receive(2);
}

static void place_of_an_ended_thread_is_reused(void) {
  ipc_receiver *first = must_receive(2), *second = NULL;
  test_finish(test_start(TEST_THREAD, receive_and_end, NULL));
  double started = test_ms(); /* the kernel forgets the thread a moment after the join */
  int32_t code;
  while (!(second = try_receive(2, &code))) check_not_hung(started);
  ipc_receiver_close(second);
  ipc_receiver_close(first);
}

static void drain_until_told(void *unused) {
  (void)unused;
  ipc_receiver *receiver = must_receive(0);
  atomic_store(&shared->go, 1);
  for (uint32_t next = 0;; next++) {
    uint32_t got;
    CHECK_EQ(ipc_receiver_recv(receiver, &got, 4, -1), 4);
    CHECK_EQ(got, next);
    atomic_store(&shared->received, next + 1);
    if (atomic_load(&shared->stop) == next + 1) break;
  }
  ipc_receiver_close(receiver);
}

/* A receiver that does not read is killed while the sender is blocked by it, another one reads everything. */
static void check_eviction(int32_t timeout_ms, bool reaped) {
  shared = test_shared(sizeof *shared);
  ipc_sender *sender = must_send();
  test_worker victim = start_idle_receiver(0), reader = test_start(TEST_PROCESS, drain_until_told, NULL);
  test_await(&shared->go, 1);
  uint32_t sent = 0;
  while (ipc_sender_send(sender, &sent, 4, 50) == IPC_OK) sent++;
  CHECK_EQ(sent, 256);
  test_await(&shared->received, sent);
  CHECK_EQ(ipc_sender_send(sender, &sent, 4, 0), IPC_TIMED_OUT); /* alive: it is never thrown out */
  test_kill(victim);
  if (reaped) test_reap(victim);
  double started = test_ms();
  int32_t status;
  while ((status = ipc_sender_send(sender, &sent, 4, timeout_ms)) == IPC_TIMED_OUT) check_not_hung(started);
  CHECK_EQ(status, IPC_OK);
  check_within_a_second(started);
  CHECK_EQ(ipc_sender_receiver_count(sender), 1);
  atomic_store(&shared->stop, sent + 2);
  uint32_t last = sent + 1;
  CHECK_EQ(ipc_sender_send(sender, &last, 4, -1), IPC_OK);
  test_finish(reader);
  ipc_sender_close(sender);
}
static void killed_receiver_lets_senders_go_on(void) { check_eviction(-1, false); }
static void killed_and_reaped_receiver_lets_senders_go_on(void) { check_eviction(-1, true); }
static void killed_receiver_lets_senders_with_a_time_out_go_on(void) { check_eviction(2, false); }
static void killed_receiver_lets_senders_that_only_try_go_on(void) { check_eviction(0, false); }

static void send_blocked(void *unused) {
  (void)unused;
  ipc_sender *sender = must_send();
  int32_t status;
  while ((status = ipc_sender_send(sender, "x", 1, -1)) == IPC_OK) atomic_fetch_add(&shared->sent, 1);
  CHECK_EQ(status, IPC_NO_RECEIVERS);
  ipc_sender_close(sender);
}

static void leaving_wakes_a_blocked_sender(void) {
  shared = test_shared(sizeof *shared);
  hooks.patient = true; /* only a wake-up helps */
  ipc_receiver *receiver = must_receive(0);
  view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  test_worker worker = test_start(TEST_PROCESS, send_blocked, NULL);
  view_await_sleeper(&seen, IPC_EVENT_SPACE);
  ipc_receiver_close(receiver);
  test_finish(worker);
}

static void last_receiver_killed_means_no_receivers(void) {
  test_worker victim = start_idle_receiver(0);
  test_worker worker = test_start(TEST_PROCESS, send_blocked, NULL);
  view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  view_await_sleeper(&seen, IPC_EVENT_SPACE);
  test_kill(victim);
  double started = test_ms();
  test_finish(worker);
  check_within_a_second(started);
}

static const message_range small = {MESSAGE_TAG, 60};

/* A sender that reads its own messages keeps its processor and laps a 4 KiB ring in microseconds. */
static uint32_t sequence;
static ipc_sender *racer;
static ipc_receiver *companion;

static void race_one_lap(const char *call) {
  if (strcmp(call, "self") != 0) return;
  uint8_t bytes[64];
  hooks.before = NULL;
  for (int i = 0; i < 1000; i++) {
    uint32_t length = message_write(bytes, (message_tag){0, sequence++}, small);
    CHECK_EQ(ipc_sender_send(racer, bytes, length, 0), IPC_OK);
    CHECK_EQ(ipc_receiver_recv(companion, bytes, sizeof bytes, 0), length);
  }
}

static void joiner_is_not_lapped_while_it_takes_its_place(void) {
  racer = must_send();
  companion = must_receive(0);
  for (int round = 0; round < 100; round++) {
    hooks.before = race_one_lap; /* after it looked at head, before its place can be seen */
    ipc_receiver *joiner = must_receive(0);
    CHECK(!hooks.before);
    uint8_t bytes[64];
    uint32_t first = sequence;
    for (int i = 0; i < 50; i++) { /* less than a ring: it would have to be refused if it overwrote */
      uint32_t length = message_write(bytes, (message_tag){0, sequence++}, small);
      CHECK_EQ(ipc_sender_send(racer, bytes, length, 0), IPC_OK);
    }
    for (uint32_t next = first; next < sequence; next++) {
      message_check(bytes, ipc_receiver_recv(joiner, bytes, sizeof bytes, 0), (message_tag){0, next}, small);
      message_check(bytes, ipc_receiver_recv(companion, bytes, sizeof bytes, 0), (message_tag){0, next}, small);
    }
    CHECK_EQ(ipc_receiver_recv(joiner, bytes, sizeof bytes, 0), IPC_TIMED_OUT);
    ipc_receiver_close(joiner);
  }
  ipc_receiver_close(companion);
  ipc_sender_close(racer);
}

/* `sent` is raised before each send: what a joiner must get starts at its value when the open returned. */
static void stream_at_full_speed(void *unused) {
  (void)unused;
  uint8_t bytes[64];
  ipc_sender *sender = must_send();
  ipc_receiver *own = must_receive(0);
  atomic_store(&shared->ready, 1);
  for (uint32_t next = 0; !atomic_load(&shared->stop); next++) {
    uint32_t length = message_write(bytes, (message_tag){0, next}, small);
    atomic_store(&shared->sent, next + 1);
    CHECK_EQ(ipc_sender_send(sender, bytes, length, -1), IPC_OK);
    CHECK_EQ(ipc_receiver_recv(own, bytes, sizeof bytes, 0), length);
  }
  ipc_receiver_close(own);
  ipc_sender_close(sender);
}

static void join_and_check(void *unused) {
  (void)unused;
  uint8_t bytes[64];
  ipc_receiver *receiver = must_receive(0);
  uint32_t started = atomic_load(&shared->sent);
  message_tag tag;
  int32_t length = ipc_receiver_recv(receiver, bytes, sizeof bytes, -1);
  CHECK_GE(length, MESSAGE_TAG);
  memcpy(&tag, bytes, sizeof tag);
  CHECK_LE(tag.sequence, started);
  message_check(bytes, length, tag, small);
  for (int i = 0; i < 300; i++) {
    tag.sequence++;
    message_check(bytes, ipc_receiver_recv(receiver, bytes, sizeof bytes, -1), tag, small);
  }
  ipc_receiver_close(receiver);
}

static void check_joining_a_stream(test_form form) {
  shared = test_shared(sizeof *shared);
  test_worker stream = test_start(form, stream_at_full_speed, NULL);
  test_await(&shared->ready, 1);
  /* Each joins as a new thread or process: its first read of its own identity makes the window wide. */
  for (int i = 0; i < 50 * TEST_SCALE; i++) test_finish(test_start(form, join_and_check, NULL));
  atomic_store(&shared->stop, 1);
  test_finish(stream);
}
static void processes_join_a_stream(void) { check_joining_a_stream(TEST_PROCESS); }
static void threads_join_a_stream(void) { check_joining_a_stream(TEST_THREAD); }

static void receivers_are_killed_at_random(void) {
  shared = test_shared(sizeof *shared);
  uint32_t seed = 20260102;
  test_worker stream = test_start(TEST_PROCESS, stream_at_full_speed, NULL);
  test_await(&shared->ready, 1);
  for (int i = 0; i < 30; i++) {
    test_worker victim = test_start(TEST_PROCESS, join_and_check, NULL);
    test_await(&shared->sent, atomic_load(&shared->sent) + test_random(&seed) % 500);
    for (uint32_t spin = test_random(&seed) % 20000; spin; spin--) ipc_cpu_relax();
    test_kill(victim); /* it may be done already: also a moment */
    if (i % 2) waitpid(victim.pid, NULL, 0);
    double started = test_ms();
    test_await(&shared->sent, atomic_load(&shared->sent) + 2000);
    check_within_a_second(started);
  }
  atomic_store(&shared->stop, 1);
  test_finish(stream);
}

typedef struct duel {
  ipc_segment segment;
  meeting starts, ends;
  bool is_over; /* set before the last meeting at the start of a round */
  _Atomic uint32_t gate;
} duel;

static void send_in_a_duel(void *argument) {
  duel *of = argument;
  uint32_t seed = 1;
  for (uint32_t round = 1;; round++) {
    meet(&of->starts, round);
    if (of->is_over) break;
    meeting_stagger(&seed, 400);
    atomic_store_explicit(&of->segment.header->head, round * 2, memory_order_release);
    atomic_store(&of->gate, ipc_slots_gate(&of->segment, round * 2));
    meet(&of->ends, round);
  }
}

/* A receiver that joins while head moves: its position is never below the gate that the sender goes by. */
static void joiner_is_never_below_the_gate(void) {
  duel *of = test_shared(sizeof *of);
  of->segment = open_segment(1);
  uint32_t seed = 2;
  test_worker worker = test_start(TEST_THREAD, send_in_a_duel, of);
  double end = test_ms() + MEETING_MS;
  for (uint32_t round = 1;; round++) {
    of->is_over = test_ms() > end;
    meet(&of->starts, round);
    if (of->is_over) break;
    meeting_stagger(&seed, 100);
    CHECK_EQ(ipc_slots_join_receiver(&of->segment, false, false), 0);
    meet(&of->ends, round);
    uint32_t gate = atomic_load(&of->gate), position = of->segment.receivers[0].position;
    if ((int32_t)(position - gate) < 0) FAIL("round %u: position %u is below the gate %u", round, position, gate);
    atomic_store(&of->segment.receivers[0].instance, 0);
  }
  test_finish(worker);
  ipc_os_unlink(of->segment.key);
  ipc_segment_close(&of->segment);
}

static void receive_and_close_without_descriptors(void *argument) {
  (void)argument;
  ipc_receiver *receiver = must_receive(0);
  atomic_store(&shared->ready, 1);
  test_await(&shared->go, 1);
  CHECK_EQ(setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = 0, .rlim_max = 0}), 0);
  ipc_receiver_close(receiver);
}

/* The receiver that leaves can open the file of the name no more, so it leaves without the name lock. */
static void a_receiver_that_leaves_without_descriptors_is_not_counted(void) {
  shared = test_shared(sizeof *shared);
  ipc_sender *sender = must_send();
  test_worker worker = test_start(TEST_PROCESS, receive_and_close_without_descriptors, NULL);
  test_await(&shared->ready, 1);
  CHECK_EQ(ipc_sender_receiver_count(sender), 1);
  atomic_store(&shared->go, 1);
  test_finish(worker);
  CHECK_EQ(ipc_sender_receiver_count(sender), 0);
  CHECK_EQ(ipc_sender_send(sender, "nobody", 6, 0), IPC_NO_RECEIVERS);
  ipc_sender_close(sender);
}

TEST_MAIN(TEST_CASE(joiner_is_never_below_the_gate), TEST_CASE(lowest_free_place_is_taken),
          TEST_CASE(gate_is_the_lowest_position), TEST_CASE(a_wild_limit_is_not_followed),
          TEST_CASE(instances_skip_zero), TEST_CASE(there_is_room_for_1024_receivers),
          TEST_CASE(the_room_for_senders_suits_the_ring), TEST_CASE(too_many_receivers_are_refused),
          TEST_CASE(place_of_a_killed_receiver_is_reused), TEST_CASE(place_of_an_ended_thread_is_reused),
          TEST_CASE(killed_receiver_lets_senders_go_on), TEST_CASE(killed_and_reaped_receiver_lets_senders_go_on),
          TEST_CASE(killed_receiver_lets_senders_with_a_time_out_go_on),
          TEST_CASE(killed_receiver_lets_senders_that_only_try_go_on), TEST_CASE(leaving_wakes_a_blocked_sender),
          TEST_CASE(last_receiver_killed_means_no_receivers), TEST_CASE(joiner_is_not_lapped_while_it_takes_its_place),
          TEST_CASE(processes_join_a_stream), TEST_CASE(threads_join_a_stream),
          TEST_CASE(receivers_are_killed_at_random),
          TEST_CASE(a_receiver_that_leaves_without_descriptors_is_not_counted))

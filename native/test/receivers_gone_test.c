/* receivers_gone_test.c - a sender whose ring never fills notices that its receivers were killed. */
#include "ends.h"
#include "event.h"
#include "interpose.h"
#include "view.h"
#include "worker.h"

/* More than all messages of a case, so that no send waits for space. */
enum { RING = 1 << 20, NOTICED_AFTER = 64 };

typedef struct board {
  _Atomic uint32_t is_open, is_over, count;
} board;

static board *shared;
static uint32_t clock_readings;

static ipc_options options_of(uint32_t kind, uint32_t overflow) {
  return (ipc_options){.struct_size = sizeof(ipc_options), .kind = kind, .capacity = RING, .overflow = overflow};
}

static void receive_nothing(void *options) {
  must_receive(*(ipc_options *)options);
  atomic_fetch_add(&shared->is_open, 1);
  test_idle();
}

static test_worker start_victim(ipc_options *options) {
  uint32_t open = atomic_load(&shared->is_open);
  test_worker victim = test_start(TEST_PROCESS, receive_nothing, options);
  while (atomic_load(&shared->is_open) == open) test_pause();
  return victim;
}

static int32_t send_by_send(ipc_sender *sender) { return ipc_sender_send(sender, "x", 1, -1); }
static int32_t send_by_try(ipc_sender *sender) { return ipc_sender_send(sender, "x", 1, 0); }

static int32_t send_by_part(ipc_sender *sender) {
  uint32_t offset = 0;
  return ipc_sender_send_part(sender, "x", 1, &offset);
}

static int32_t send_by_batch(ipc_sender *sender) {
  uint32_t accepted;
  for (int i = 0; i < 3; i++) CHECK_EQ(ipc_sender_stage(sender, "x", 1), IPC_OK);
  int32_t status = ipc_sender_flush(sender, 0, &accepted);
  CHECK_EQ(accepted, status == IPC_OK ? 3 : 0);
  return status;
}

static int32_t send_by_loan(ipc_sender *sender) {
  uint32_t offset;
  int32_t status = ipc_sender_loan(sender, 1, 0, &offset);
  if (status == IPC_OK) CHECK_EQ(ipc_sender_end_loan(sender, offset, 1), IPC_OK);
  return status;
}

static int32_t send_by_fragments(ipc_sender *sender) {
  static uint8_t bytes[8 << 10]; /* longer than a record of the small ring that this way uses */
  return ipc_sender_send(sender, bytes, sizeof bytes, -1);
}

static int32_t (*const ways[])(ipc_sender *) = {send_by_send,  send_by_try,  send_by_part,
                                                send_by_batch, send_by_loan, send_by_fragments};
enum { WAYS = sizeof ways / sizeof *ways };

static void each_way_to_send_notices_it(void) {
  shared = test_shared(sizeof *shared);
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_CHANNEL; kind++)
    for (uint32_t overflow = IPC_BLOCK; overflow <= IPC_DROP_NEWEST; overflow += IPC_DROP_NEWEST - IPC_BLOCK)
      for (uint32_t way = 0; way < WAYS; way++) {
        ipc_options options = options_of(kind, overflow);
        /* Fragments need a ring with little space. A full one drops, or has the sender look for the dead. */
        if (ways[way] == send_by_fragments) {
          if (overflow != IPC_BLOCK) continue;
          options.capacity = 4096;
        }
        ipc_sender *sender = must_send(options);
        test_worker victim = start_victim(&options);
        if (ways[way] != send_by_fragments)
          for (int i = 0; i < 200; i++) CHECK_EQ(ways[way](sender), IPC_OK);
        CHECK_EQ(ipc_sender_receiver_count(sender), 1);
        test_kill(victim);
        hooks.clock_ahead_ns += IPC_SLICE_NS;
        uint32_t sent = 0;
        while (ways[way](sender) == IPC_OK) CHECK_LE(++sent, NOTICED_AFTER);
        CHECK_EQ(ways[way](sender), IPC_NO_RECEIVERS);
        CHECK_EQ(ipc_sender_receiver_count(sender), 0);
        ipc_sender_close(sender);
        test_reap(victim);
      }
}

static void a_slow_sender_notices_it_as_soon(void) {
  shared = test_shared(sizeof *shared);
  ipc_options options = options_of(IPC_ROUTE, IPC_BLOCK);
  ipc_sender *sender = must_send(options);
  test_worker victim = start_victim(&options);
  for (int i = 0; i < 1000; i++) CHECK_EQ(send_by_send(sender), IPC_OK);
  /* Its rate drops: it may need as many messages as there are between two readings of the clock. */
  for (int i = 0; i < NOTICED_AFTER; i++) {
    hooks.clock_ahead_ns += 50000000;
    CHECK_EQ(send_by_send(sender), IPC_OK);
  }
  test_kill(victim);
  uint32_t sent = 0;
  for (; send_by_send(sender) == IPC_OK; sent++) hooks.clock_ahead_ns += 50000000;
  CHECK_LE(sent, 1000 / 50);
  ipc_sender_close(sender);
  test_reap(victim);
}

static void the_count_becomes_true_without_a_send(void) {
  shared = test_shared(sizeof *shared);
  ipc_options options = options_of(IPC_QUEUE, IPC_BLOCK);
  ipc_sender *sender = must_send(options);
  test_worker victims[2] = {start_victim(&options), start_victim(&options)};
  CHECK_EQ(ipc_sender_receiver_count(sender), 2);
  test_kill(victims[0]);
  hooks.clock_ahead_ns += IPC_SLICE_NS;
  CHECK_EQ(ipc_sender_receiver_count(sender), 1);
  test_kill(victims[1]);
  CHECK_EQ(ipc_sender_receiver_count(sender), 1); /* not yet */
  hooks.clock_ahead_ns += IPC_SLICE_NS;
  CHECK_EQ(ipc_sender_receiver_count(sender), 0);
  ipc_sender_close(sender);
  for (int i = 0; i < 2; i++) test_reap(victims[i]);
}

static void what_keeps_messages_refuses_none(void) {
  shared = test_shared(sizeof *shared);
  for (uint32_t i = 0; i < 2; i++) {
    ipc_options options = i == 0 ? options_of(IPC_QUEUE, IPC_BLOCK) : options_of(IPC_CHANNEL, IPC_DROP_OLDEST);
    ipc_sender *sender = must_send(options);
    test_worker victim = start_victim(&options);
    CHECK_EQ(send_by_send(sender), IPC_OK);
    test_kill(victim);
    hooks.clock_ahead_ns += IPC_SLICE_NS;
    for (uint32_t sent = 0; sent < NOTICED_AFTER; sent++) CHECK_EQ(send_by_send(sender), IPC_OK);
    /* The sends noticed it: nothing else looked. */
    view seen = view_open(test_prefix, test_name, options.kind);
    CHECK_EQ(atomic_load(&seen.header->receiver_count), 0);
    view_close(&seen);
    ipc_receiver *heir = must_replay(options);
    uint8_t byte;
    for (uint32_t got = 0; got <= NOTICED_AFTER; got++) CHECK_EQ(ipc_receiver_recv(heir, &byte, 1, 0), 1);
    CHECK_EQ(ipc_receiver_recv(heir, &byte, 1, 0), IPC_TIMED_OUT);
    ipc_receiver_close(heir);
    ipc_sender_close(sender);
    test_reap(victim);
  }
}

static void receive_all(void *options) {
  ipc_receiver *receiver = must_receive(*(ipc_options *)options);
  atomic_fetch_add(&shared->is_open, 1);
  uint32_t got, wanted = 0;
  while (!atomic_load(&shared->is_over) || wanted < atomic_load(&shared->count)) {
    if (ipc_receiver_recv(receiver, &got, sizeof got, 10) == IPC_TIMED_OUT) continue;
    CHECK_EQ(got, wanted++);
  }
  CHECK_EQ(ipc_receiver_recv(receiver, &got, sizeof got, 0), IPC_TIMED_OUT);
  ipc_receiver_close(receiver);
}

static void send_number(ipc_sender *sender, uint32_t number) {
  CHECK_EQ(ipc_sender_send(sender, &number, sizeof number, -1), IPC_OK);
}

static void the_others_get_all_in_order(void) {
  shared = test_shared(sizeof *shared);
  ipc_options options = options_of(IPC_ROUTE, IPC_BLOCK);
  options.capacity = 4096;
  ipc_sender *sender = must_send(options);
  test_worker victim = test_start(TEST_PROCESS, receive_all, &options);
  test_worker reader = test_start(TEST_PROCESS, receive_all, &options);
  while (atomic_load(&shared->is_open) < 2) test_pause();
  uint32_t sent = 0;
  while (sent < 1000) send_number(sender, sent++);
  test_kill(victim);
  while (ipc_sender_receiver_count(sender) != 1) send_number(sender, sent++);
  for (uint32_t last = sent + 1000; sent < last;) send_number(sender, sent++);
  atomic_store(&shared->count, sent);
  atomic_store(&shared->is_over, 1);
  test_finish(reader);
  CHECK_EQ(ipc_sender_send(sender, &sent, sizeof sent, -1), IPC_NO_RECEIVERS);
  ipc_sender_close(sender);
  test_reap(victim);
}

static void a_lost_name_is_noticed_while_all_are_busy(void) {
  ipc_options options = options_of(IPC_ROUTE, IPC_BLOCK);
  ipc_sender *sender = must_send(options);
  ipc_receiver *receiver = must_receive(options);
  uint8_t byte;
  CHECK_EQ(send_by_send(sender), IPC_OK);
  char key[IPC_OS_KEY_BYTES];
  CHECK_EQ(ipc_segment_key(key, IPC_ROUTE, test_prefix, test_name), IPC_OK);
  CHECK_EQ(ipc_os_unlink(key), 0);
  hooks.clock_ahead_ns += IPC_SLICE_NS;
  uint32_t sent = 0;
  int32_t status;
  while ((status = send_by_send(sender)) == IPC_OK) {
    CHECK_LE(++sent, NOTICED_AFTER);
    CHECK_EQ(ipc_receiver_recv(receiver, &byte, 1, 0), 1);
  }
  CHECK_EQ(status, IPC_E_ORPHANED);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

/* As a process leaves it that is killed, or slow, between an old count and the next one. */
static void a_count_that_is_too_low_refuses_nothing(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_CHANNEL; kind++) {
    ipc_options options = options_of(kind, IPC_BLOCK);
    ipc_sender *sender = must_send(options);
    ipc_receiver *receiver = must_receive(options);
    view seen = view_open(test_prefix, test_name, kind);
    for (uint32_t way = 0; way < WAYS; way++) {
      atomic_store(&seen.header->receiver_count, 0);
      CHECK_EQ(ways[way](sender), IPC_OK);
      CHECK_EQ(atomic_load(&seen.header->receiver_count), 1);
    }
    atomic_store(&seen.header->receiver_count, 0);
    CHECK_EQ(ipc_sender_wait_for_receivers(sender, 1, -1), IPC_OK);
    atomic_store(&seen.header->receiver_count, 0);
    ipc_sender_poll(sender, IPC_WAIT_FOR_PEERS, 0, 0); /* an event loop that waits for receivers */
    CHECK_EQ(ipc_sender_wait_for_receivers(sender, 1, 0), IPC_OK);
    ipc_receiver_close(receiver);
    for (uint32_t way = 0; way < WAYS; way++) CHECK_EQ(ways[way](sender), IPC_NO_RECEIVERS);
    view_close(&seen);
    ipc_sender_close(sender);
  }
}

/* A sender that counted it would send what lies before its position, and the receiver would never get it. */
static void a_receiver_that_is_joining_is_not_counted(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_CHANNEL; kind++) {
    ipc_options options = options_of(kind, IPC_BLOCK);
    ipc_sender *sender = must_send(options);
    ipc_receiver *receiver = must_receive(options);
    view seen = view_open(test_prefix, test_name, kind);
    _Atomic uint32_t *held = &((ipc_slot *)(void *)(seen.base + IPC_HEADER_BYTES))->held;
    CHECK_EQ(atomic_load(held), 0);
    for (uint32_t way = 0; way < WAYS; way++) {
      /* As when its slot is visible and its position is not final; another process has a reason to count. */
      atomic_store(held, UINT32_MAX);
      atomic_store(&seen.header->receiver_count, 1);
      ipc_sender_poll(sender, IPC_WAIT_FOR_PEERS, 0, 0);
      CHECK_EQ(atomic_load(&seen.header->receiver_count), 0);
      CHECK_EQ(ipc_sender_wait_for_receivers(sender, 1, 0), IPC_TIMED_OUT);
      CHECK_EQ(ways[way](sender), IPC_NO_RECEIVERS);
      atomic_store(held, 0);
      CHECK_EQ(ways[way](sender), IPC_OK);
    }
    view_close(&seen);
    ipc_receiver_close(receiver);
    ipc_sender_close(sender);
  }
}

static void count_clock_readings(const char *call) { clock_readings += strcmp(call, "now_coarse") == 0; }

static void a_fast_sender_seldom_reads_the_clock(void) {
  enum { MESSAGES = 20000 };
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_QUEUE; kind++) {
    ipc_options options = options_of(kind, IPC_BLOCK);
    ipc_sender *sender = must_send(options);
    ipc_receiver *receiver = must_receive(options);
    clock_readings = 0;
    hooks.before = count_clock_readings;
    for (int i = 0; i < MESSAGES; i++) CHECK_EQ(send_by_send(sender), IPC_OK);
    /* A busy machine takes the processor away now and then: it is read more often after that. */
    CHECK_LE(clock_readings, MESSAGES / 16);
    CHECK_GE(clock_readings, MESSAGES / 64);
    clock_readings = 0;
    for (int i = 0; i < 200; i++) CHECK_EQ(send_by_batch(sender), IPC_OK);
    CHECK_LE(clock_readings, 200 / 4); /* a batch counts as one message */
    hooks.before = NULL;
    ipc_receiver_close(receiver);
    ipc_sender_close(sender);
  }
}

TEST_MAIN(TEST_CASE(each_way_to_send_notices_it), TEST_CASE(a_slow_sender_notices_it_as_soon),
          TEST_CASE(the_count_becomes_true_without_a_send), TEST_CASE(what_keeps_messages_refuses_none),
          TEST_CASE(the_others_get_all_in_order), TEST_CASE(a_lost_name_is_noticed_while_all_are_busy),
          TEST_CASE(a_count_that_is_too_low_refuses_nothing), TEST_CASE(a_receiver_that_is_joining_is_not_counted),
          TEST_CASE(a_fast_sender_seldom_reads_the_clock))

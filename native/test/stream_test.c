/* stream_test.c - senders and receivers at work: every byte, each sender's order, the one order of a channel. */
#include <sys/resource.h>

#include "interpose.h"
#include "libipc/libipc.h"
#include "message.h"
#include "view.h"
#include "worker.h"

enum { MAX_ENDS = 8, VICTIMS = 50 };

typedef struct plan {
  uint32_t kind, capacity, senders, receivers, count; /* count: messages of each sender */
  message_range range;
  bool batches, in_place, slow_sender, slow_receiver;
  test_form form;
} plan;

typedef struct board {
  _Atomic uint32_t numbers, ready, stop, received[MAX_ENDS], timeouts;
  _Atomic uint32_t accepted[MESSAGE_SENDERS];
  _Atomic uint64_t order[MAX_ENDS], total[MAX_ENDS], cpu_us;
  uint32_t got[MAX_ENDS][MESSAGE_SENDERS];
} board;
static board *shared;
static plan now;

static ipc_options options(void) {
  return (ipc_options){.struct_size = sizeof(ipc_options), .kind = now.kind, .capacity = now.capacity};
}

static ipc_sender *open_sender(void) {
  ipc_failure failure;
  ipc_options wanted = options();
  ipc_sender *sender = ipc_sender_open(test_prefix, test_name, &wanted, &failure);
  if (!sender) FAIL("a sender could not open: %d", failure.code);
  return sender;
}

static ipc_receiver *open_receiver(void) {
  ipc_failure failure;
  ipc_options wanted = options();
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &wanted, &failure);
  if (!receiver) FAIL("a receiver could not open: %d", failure.code);
  return receiver;
}

static void send_all(void *number) {
  uint32_t me = *(uint32_t *)number, staged = 0;
  uint8_t *bytes = malloc(now.range.max + 8);
  ipc_sender *sender = open_sender();
  CHECK_EQ(ipc_sender_wait_for_receivers(sender, now.receivers, -1), IPC_OK);
  for (uint32_t i = 0; i < now.count; i++) {
    uint32_t length = message_write(bytes, (message_tag){me, i}, now.range);
    if (now.slow_sender && i % 16 == 0) test_pause(); /* long enough for the others to fall asleep */
    if (!now.batches) {
      CHECK_EQ(ipc_sender_send(sender, bytes, length, -1), IPC_OK);
      continue;
    }
    int32_t status = ipc_sender_stage(sender, bytes, length);
    if (status == IPC_TIMED_OUT) {
      CHECK_EQ(test_flush(sender, -1, IPC_OK), staged);
      staged = 0;
      status = ipc_sender_stage(sender, bytes, length);
    }
    CHECK_EQ(status, IPC_OK);
    staged++;
  }
  CHECK_EQ(test_flush(sender, -1, IPC_OK), staged);
  ipc_sender_close(sender);
  free(bytes);
}

static void receive_all(void *number) {
  uint32_t me = *(uint32_t *)number, spans[2 * 32];
  uint8_t *bytes = malloc(now.range.max + 8);
  message_log *log = calloc(1, sizeof *log);
  ipc_receiver *receiver = open_receiver();
  const uint8_t *ring = ipc_receiver_ring(receiver);
  while (log->total < (uint64_t)now.senders * now.count) {
    if (now.slow_receiver && log->total % 64 == 0) test_pause();
    if (now.in_place) {
      int32_t count = ipc_receiver_peek(receiver, spans, 32, NULL, 0, -1);
      CHECK_GE(count, 1);
      for (int32_t i = 0; i < count; i++) message_accept(log, ring + spans[2 * i], spans[2 * i + 1], now.range);
      CHECK_EQ(ipc_receiver_consume(receiver, (uint32_t)count), IPC_OK);
    } else {
      message_accept(log, bytes, ipc_receiver_recv(receiver, bytes, now.range.max, -1), now.range);
    }
    atomic_store_explicit(&shared->received[me], (uint32_t)log->total, memory_order_relaxed);
  }
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, now.range.max, 0), IPC_TIMED_OUT);
  atomic_store(&shared->order[me], log->order);
  atomic_store(&shared->total[me], log->total);
  ipc_receiver_close(receiver);
  free(log);
  free(bytes);
}

static uint32_t numbers[MESSAGE_SENDERS];

static void check_stream(plan wanted) {
  now = wanted;
  shared = test_shared(sizeof *shared);
  for (uint32_t i = 0; i < MESSAGE_SENDERS; i++) numbers[i] = i;
  test_worker senders[MAX_ENDS], receivers[MAX_ENDS];
  hooks.patient = true; /* a lost wake-up would hang */
  for (uint32_t i = 0; i < now.receivers; i++) receivers[i] = test_start(now.form, receive_all, &numbers[i]);
  for (uint32_t i = 0; i < now.senders; i++) senders[i] = test_start(now.form, send_all, &numbers[i]);
  for (uint32_t i = 0; i < now.receivers; i++) test_finish(receivers[i]);
  for (uint32_t i = 0; i < now.senders; i++) test_finish(senders[i]);
  for (uint32_t i = 0; i < now.receivers; i++) {
    CHECK_EQ(shared->total[i], (uint64_t)now.senders * now.count);
    CHECK_EQ(shared->order[i], shared->order[0]); /* one order for all */
  }
  CHECK(!view_exists(test_prefix, test_name, now.kind));
}

static const message_range mixed = {MESSAGE_TAG, 2040}, tiny = {MESSAGE_TAG, 64};

/* Small ring and messages up to its largest; then a roomier one; each as processes and as threads. */
static void check_crowd(uint32_t kind, uint32_t senders, uint32_t receivers, test_form form) {
  uint32_t count = 2000 * TEST_SCALE / senders;
  check_stream((plan){kind, 4096, senders, receivers, count, mixed, .form = form});
  check_stream((plan){kind, 65536, senders, receivers, 4 * count, tiny, .form = form, .in_place = true});
  check_stream((plan){kind, 4096, senders, receivers, count, tiny, .form = form, .batches = true});
  check_stream((plan){kind, 16384, senders, receivers, count, mixed, .form = form, .batches = true, .in_place = true});
}
static void route_1_1_processes(void) { check_crowd(IPC_ROUTE, 1, 1, TEST_PROCESS); }
static void route_1_4_processes(void) { check_crowd(IPC_ROUTE, 1, 4, TEST_PROCESS); }
static void channel_1_1_processes(void) { check_crowd(IPC_CHANNEL, 1, 1, TEST_PROCESS); }
static void channel_1_4_processes(void) { check_crowd(IPC_CHANNEL, 1, 4, TEST_PROCESS); }
static void channel_4_1_processes(void) { check_crowd(IPC_CHANNEL, 4, 1, TEST_PROCESS); }
static void channel_4_4_processes(void) { check_crowd(IPC_CHANNEL, 4, 4, TEST_PROCESS); }
static void route_1_1_threads(void) { check_crowd(IPC_ROUTE, 1, 1, TEST_THREAD); }
static void route_1_4_threads(void) { check_crowd(IPC_ROUTE, 1, 4, TEST_THREAD); }
static void channel_4_1_threads(void) { check_crowd(IPC_CHANNEL, 4, 1, TEST_THREAD); }
static void channel_4_4_threads(void) { check_crowd(IPC_CHANNEL, 4, 4, TEST_THREAD); }

static void slow_receivers_make_senders_sleep(void) {
  check_stream((plan){IPC_CHANNEL, 4096, 2, 2, 1500, tiny, .form = TEST_PROCESS, .slow_receiver = true});
}
static void slow_senders_make_receivers_sleep(void) {
  check_stream((plan){IPC_CHANNEL, 4096, 2, 2, 1500, tiny, .form = TEST_PROCESS, .slow_sender = true});
}

/* How far head is before the slower of the first two receivers. */
static uint32_t ahead(const view *seen) {
  const ipc_slot *slots = view_receivers(seen);
  uint32_t head = (uint32_t)atomic_load(&seen->header->head);
  int32_t a = (int32_t)(head - atomic_load(&slots[0].position)), b = (int32_t)(head - atomic_load(&slots[1].position));
  return (uint32_t)(a > b ? a : b);
}

static void stopped_receiver_loses_nothing(void) {
  now = (plan){IPC_ROUTE, 4096, 1, 2, 20000, tiny, .form = TEST_PROCESS};
  shared = test_shared(sizeof *shared);
  for (uint32_t i = 0; i < MESSAGE_SENDERS; i++) numbers[i] = i;
  test_worker stopped = test_start(TEST_PROCESS, receive_all, &numbers[0]);
  test_worker other = test_start(TEST_PROCESS, receive_all, &numbers[1]);
  test_worker sender = test_start(TEST_PROCESS, send_all, &numbers[0]);
  for (uint32_t stops = 1; stops <= 5; stops++) {
    test_await(&shared->received[0], stops * 2000);
    test_stop(stopped);
    /* The ring fills up to what the stopped one still needs, and no further: the sender waits, however long. */
    view seen = view_open(test_prefix, test_name, IPC_ROUTE);
    while (ahead(&seen) < 4096 / 8 - 18) test_pause(); /* 18: what a message and the padding before it take */
    for (int i = 0; i < 100; i++, test_pause()) CHECK_LE(ahead(&seen), 4096 / 8);
    CHECK_EQ(seen.header->receiver_count, 2);
    view_close(&seen);
    test_continue(stopped);
  }
  test_finish(sender);
  test_finish(stopped);
  test_finish(other);
  CHECK_EQ(shared->order[0], shared->order[1]);
}

static const message_range crash_range = {MESSAGE_TAG, 500};

/* Sender 0 is the survivor: it goes on until told, and its last message is the largest sequence of all. */
static void send_until_stopped(void *number) {
  uint32_t me = *(uint32_t *)number, sequence = 0, sent = 0;
  uint8_t bytes[512];
  ipc_sender *sender = open_sender();
  while (me != 0 || !atomic_load(&shared->stop)) {
    if (me % 2) { /* every other victim dies while it sends batches */
      for (; sequence - sent < 10; sequence++)
        CHECK_EQ(ipc_sender_stage(sender, bytes, message_write(bytes, (message_tag){me, sequence}, crash_range)),
                 IPC_OK);
      CHECK_EQ(test_flush(sender, -1, IPC_OK), 10);
      sent = sequence;
    } else {
      CHECK_EQ(ipc_sender_send(sender, bytes, message_write(bytes, (message_tag){me, sequence}, crash_range), -1),
               IPC_OK);
      sent = ++sequence;
    }
    atomic_store(&shared->accepted[me], sent);
  }
  CHECK_EQ(ipc_sender_send(sender, "end", 4, -1), IPC_OK);
  ipc_sender_close(sender);
}

static void receive_until_the_end(void *number) {
  uint32_t me = *(uint32_t *)number;
  uint8_t bytes[512];
  message_log *log = calloc(1, sizeof *log);
  ipc_receiver *receiver = open_receiver();
  atomic_fetch_add(&shared->ready, 1);
  for (;;) {
    int32_t length = ipc_receiver_recv(receiver, bytes, sizeof bytes, -1);
    if (length == 4 && memcmp(bytes, "end", 4) == 0) break;
    message_accept(log, bytes, length, crash_range); /* a torn or a missing one fails */
  }
  memcpy(shared->got[me], log->next, sizeof log->next);
  atomic_store(&shared->order[me], log->order);
  ipc_receiver_close(receiver);
  free(log);
}

static void check_killed_senders(uint32_t kind) {
  now = (plan){kind, 8192, 2, kind == IPC_QUEUE ? 1 : 2, 0, crash_range, .form = TEST_PROCESS};
  shared = test_shared(sizeof *shared);
  for (uint32_t i = 0; i < MESSAGE_SENDERS; i++) numbers[i] = i;
  test_worker receivers[2], survivor, victim;
  uint32_t seed = 20260106;
  for (uint32_t i = 0; i < now.receivers; i++)
    receivers[i] = test_start(TEST_PROCESS, receive_until_the_end, &numbers[i]);
  test_await(&shared->ready, now.receivers);
  survivor = test_start(TEST_PROCESS, send_until_stopped, &numbers[0]);
  for (uint32_t i = 1; i <= VICTIMS; i++) {
    victim = test_start(TEST_PROCESS, send_until_stopped, &numbers[i]);
    test_await(&shared->accepted[i], 1 + test_random(&seed) % 300);
    for (uint32_t spin = test_random(&seed) % 20000; spin; spin--) atomic_signal_fence(memory_order_seq_cst);
    test_kill(victim);
    if (i % 3) test_reap(victim); /* the others stay zombies */
    double started = test_ms();
    test_await(&shared->accepted[0], atomic_load(&shared->accepted[0]) + 2);
    check_within_a_second(started);
  }
  atomic_store(&shared->stop, 1);
  test_finish(survivor);
  for (uint32_t i = 0; i < now.receivers; i++) test_finish(receivers[i]);
  uint32_t other = now.receivers - 1;
  CHECK_EQ(shared->order[0], shared->order[other]);
  for (uint32_t i = 0; i <= VICTIMS; i++) {
    uint32_t accepted = shared->accepted[i];
    CHECK_EQ(shared->got[0][i], shared->got[other][i]);
    CHECK_GE(shared->got[0][i],
             accepted); /* what was accepted is there; the message of the call in which it died may be too */
    CHECK_LE(shared->got[0][i], accepted + (i % 2 ? 10 : i ? 1 : 0));
  }
}
static void killed_senders_leave_a_whole_prefix(void) { check_killed_senders(IPC_CHANNEL); }
static void killed_senders_of_a_queue_leave_a_whole_prefix(void) { check_killed_senders(IPC_QUEUE); }

static uint64_t cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u + (uint64_t)usage.ru_utime.tv_usec +
         (uint64_t)usage.ru_stime.tv_usec;
}

static void wait_idly(void *number) {
  uint32_t me = *(uint32_t *)number;
  ipc_receiver *receiver = me < 4 ? open_receiver() : NULL;
  ipc_sender *sender = me < 4 ? NULL : open_sender();
  atomic_fetch_add(&shared->ready, 1);
  test_await(&shared->stop, 1);
  if (me == 4) /* the sender that fills the ring and waits for space: receiver 0 never reads */
    while (ipc_sender_send(sender, "x", 1, 0) == IPC_OK) continue;
  if (me == 0 || me == 4) atomic_fetch_add(&shared->ready, 1);
  test_await(&shared->ready, 11);
  uint64_t before = cpu_us();
  if (me == 0 || me > 5)
    CHECK_EQ(me == 0 ? IPC_TIMED_OUT : ipc_sender_wait_for_receivers(sender, 9, 2000), IPC_TIMED_OUT);
  else if (receiver) {
    while (ipc_receiver_recv(receiver, (char[1]){0}, 1, 0) == 1) continue;
    CHECK_EQ(ipc_receiver_recv(receiver, (char[1]){0}, 1, 2000), IPC_TIMED_OUT);
  } else {
    CHECK_EQ(ipc_sender_send(sender, "x", 1, 2000), IPC_TIMED_OUT);
  }
  atomic_fetch_add(&shared->cpu_us, cpu_us() - before);
  if (me == 0) test_await(&shared->timeouts, 8); /* its unread messages hold the senders back till then */
  atomic_fetch_add(&shared->timeouts, 1);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

/* The budget is for the library as it is built for use; a sanitizer's own work is not the library's. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IDLE_LIMIT_US = 100000 };
#else
enum { IDLE_LIMIT_US = 10000 };
#endif

/* One receiver that does not read, three that wait, two senders blocked by the first, three that wait for receivers. */
static void waiting_endpoints_use_no_cpu(void) {
  need_the_kernel("qemu-user needs more time itself than the case allows");
  now = (plan){IPC_CHANNEL, 4096, 0, 0, 0, tiny, .form = TEST_PROCESS};
  shared = test_shared(sizeof *shared);
  test_worker workers[9];
  for (uint32_t i = 0; i < 9; i++) {
    numbers[i] = i;
    workers[i] = test_start(TEST_PROCESS, wait_idly, &numbers[i]);
  }
  test_await(&shared->ready, 9);
  atomic_store(&shared->stop, 1);
  for (uint32_t i = 0; i < 9; i++) test_finish(workers[i]);
  CHECK_LE(shared->cpu_us, IDLE_LIMIT_US);
}

TEST_MAIN(TEST_CASE(route_1_1_processes), TEST_CASE(route_1_4_processes), TEST_CASE(channel_1_1_processes),
          TEST_CASE(channel_1_4_processes), TEST_CASE(channel_4_1_processes), TEST_CASE(channel_4_4_processes),
          TEST_CASE(route_1_1_threads), TEST_CASE(route_1_4_threads), TEST_CASE(channel_4_1_threads),
          TEST_CASE(channel_4_4_threads), TEST_CASE(slow_receivers_make_senders_sleep),
          TEST_CASE(slow_senders_make_receivers_sleep), TEST_CASE(stopped_receiver_loses_nothing),
          TEST_CASE(killed_senders_leave_a_whole_prefix), TEST_CASE(killed_senders_of_a_queue_leave_a_whole_prefix),
          TEST_CASE(waiting_endpoints_use_no_cpu))

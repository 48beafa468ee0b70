/* loan_test.c - messages written in place: order, content, discarding, dead lenders, damage. */
#include "libipc/libipc.h"

#include "message.h"
#include "view.h"
#include "worker.h"

enum { CAPACITY = 1 << 14, LENDERS = 2, RECEIVERS = 2, OPEN = 4, PER_LENDER = 2000 * TEST_SCALE };

static const message_range range = {MESSAGE_TAG, 900};
static const ipc_options channel = {.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = CAPACITY};

static struct shared {
  _Atomic uint32_t ready;
} *shared;

static uint32_t numbers[LENDERS + RECEIVERS] = {0, 1, 2, 3};

static ipc_sender *must_open_sender(void) {
  ipc_failure failure;
  ipc_sender *sender = ipc_sender_open(test_prefix, test_name, &channel, &failure);
  if (!sender) FAIL("a sender could not open: %d", failure.code);
  return sender;
}

static ipc_receiver *must_open_receiver(void) {
  ipc_failure failure;
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &channel, &failure);
  if (!receiver) FAIL("a receiver could not open: %d", failure.code);
  return receiver;
}

/*
 * Lends up to OPEN at a time: waiting for the second and later ones with the first open could be waiting for what only
 * we can end, once the others have filled the ring behind it. Ends them last first, discards one in five, and sends
 * every seventh message by copy.
 */
static void lend(void *argument) {
  uint32_t me = *(uint32_t *)argument, sequence = 0;
  ipc_sender *sender = must_open_sender();
  CHECK_EQ(ipc_sender_wait_for_receivers(sender, RECEIVERS, -1), IPC_OK);
  uint8_t *ring = (uint8_t *)(uintptr_t)ipc_sender_ring(sender);
  while (sequence < PER_LENDER) {
    uint32_t offsets[OPEN];
    int32_t lengths[OPEN];
    int open = 0;
    for (; open < OPEN; open++) {
      int i = open;
      bool discards = (sequence + (uint32_t)i) % 5 == 0;
      int32_t status = ipc_sender_loan(sender, range.max, i == 0 ? -1 : 0, &offsets[i]);
      if (i > 0 && status == IPC_TIMED_OUT) break;
      CHECK_EQ(status, IPC_OK);
      if (discards) memset(ring + offsets[i], 0xee, range.max);
      lengths[i] = discards ? -1 : (int32_t)message_write(ring + offsets[i], (message_tag){me, sequence++}, range);
    }
    for (int i = open - 1; i >= 0; i--) CHECK_EQ(ipc_sender_end_loan(sender, offsets[i], lengths[i]), IPC_OK);
    if (sequence % 7 == 0) {
      uint8_t bytes[1024];
      uint32_t length = message_write(bytes, (message_tag){me, sequence++}, range);
      CHECK_EQ(ipc_sender_send(sender, bytes, length, -1), IPC_OK);
    }
  }
  uint8_t last[1024]; /* the count varies a little: the receivers need to know where it ends */
  memset(last, 0xff, MESSAGE_TAG);
  memcpy(last, &me, sizeof me);
  CHECK_EQ(ipc_sender_send(sender, last, MESSAGE_TAG - 1, -1), IPC_OK);
  ipc_sender_close(sender);
}

static void receive(void *argument) {
  bool in_place = *(uint32_t *)argument % 2 == 0;
  uint32_t next[LENDERS] = {0}, open = LENDERS, spans[64];
  ipc_receiver *receiver = must_open_receiver();
  const uint8_t *ring = ipc_receiver_ring(receiver);
  atomic_fetch_add(&shared->ready, 1);
  while (open > 0) {
    uint8_t copy[1024];
    int32_t count = in_place ? ipc_receiver_peek(receiver, spans, 32, NULL, 0, -1) : 1;
    CHECK_GE(count, 1);
    for (int32_t i = 0; i < count; i++) {
      const uint8_t *bytes = in_place ? ring + spans[2 * i] : copy;
      int32_t length = in_place ? (int32_t)spans[2 * i + 1] : ipc_receiver_recv(receiver, copy, sizeof copy, -1);
      message_tag tag;
      if (length == MESSAGE_TAG - 1) {
        open--;
        continue;
      }
      CHECK_GE(length, (int32_t)MESSAGE_TAG);
      memcpy(&tag, bytes, sizeof tag);
      CHECK_LE(tag.sender, LENDERS - 1);
      message_check(bytes, length, (message_tag){tag.sender, next[tag.sender]++}, range);
    }
    if (in_place) CHECK_EQ(ipc_receiver_consume(receiver, (uint32_t)count), IPC_OK);
  }
  for (int i = 0; i < LENDERS; i++) CHECK_GE(next[i], PER_LENDER);
  ipc_receiver_close(receiver);
}

static void check_lenders(test_form form) {
  shared = test_shared(sizeof *shared);
  test_worker workers[LENDERS + RECEIVERS];
  for (uint32_t i = 0; i < RECEIVERS; i++) workers[i] = test_start(form, receive, &numbers[i]);
  for (uint32_t i = 0; i < LENDERS; i++) workers[RECEIVERS + i] = test_start(form, lend, &numbers[i]);
  for (uint32_t i = 0; i < RECEIVERS + LENDERS; i++) test_finish(workers[i]);
}
static void lenders_of_processes(void) { check_lenders(TEST_PROCESS); }
static void lenders_of_threads(void) { check_lenders(TEST_THREAD); }

static void bad_ends_are_refused(void) {
  ipc_receiver *receiver = must_open_receiver();
  ipc_sender *sender = must_open_sender();
  uint32_t offset, ignored;
  CHECK_EQ(ipc_sender_loan(sender, ipc_sender_max_loan(sender) + 1, 0, &ignored), IPC_E_MESSAGE_TOO_LARGE);
  CHECK_EQ(ipc_sender_loan(sender, 100, 0, &offset), IPC_OK);
  CHECK_EQ(ipc_sender_end_loan(sender, offset, 101), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_sender_end_loan(sender, offset + 1, 0), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_sender_end_loan(sender, offset + 8, 0), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_sender_end_loan(sender, 0, 0), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_sender_end_loan(sender, CAPACITY + 8, 0), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_sender_end_loan(sender, UINT32_MAX & ~7u, 0), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_receiver_next_length(receiver), IPC_TIMED_OUT);
  CHECK_EQ(ipc_sender_end_loan(sender, offset, 0), IPC_OK);
  CHECK_EQ(ipc_sender_end_loan(sender, offset, 0), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_receiver_recv(receiver, (char[1]){0}, 1, 0), 0);
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
}

static void open_a_loan(void *argument) {
  (void)argument;
  ipc_sender *sender = must_open_sender();
  uint32_t offset;
  CHECK_EQ(ipc_sender_loan(sender, 100, -1, &offset), IPC_OK);
  memset((uint8_t *)(uintptr_t)ipc_sender_ring(sender) + offset, 0xee, 100);
}

/* A process that ends without closing leaves its loan; so does a sender that closes. */
static void loans_left_behind_block_nobody(void) {
  ipc_receiver *receiver = must_open_receiver();
  ipc_sender *sender = must_open_sender(), *closing = must_open_sender();
  uint32_t offset;
  test_finish(test_start(TEST_PROCESS, open_a_loan, NULL));
  CHECK_EQ(ipc_sender_loan(closing, 100, 0, &offset), IPC_OK);
  ipc_sender_close(closing);
  CHECK_EQ(ipc_sender_send(sender, "after", 5, 0), IPC_OK);
  char bytes[8];
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, TEST_PATIENCE_MS), 5);
  CHECK_EQ(memcmp(bytes, "after", 5), 0);
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
}

/* A loan without an owner record before it is damage: no sender would ever end it. */
static void loan_without_owner_is_damage(void) {
  ipc_receiver *receiver = must_open_receiver();
  ipc_sender *sender = must_open_sender();
  view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  for (int i = 0; i < 2; i++) CHECK_EQ(ipc_sender_send(sender, "12345678", 8, 0), IPC_OK);
  ((ipc_record *)(view_ring(&seen) + 16))->kind = IPC_RECORD_LOAN;
  char bytes[8];
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, -1), 8);
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, -1), IPC_E_CORRUPT);
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
}

TEST_MAIN(TEST_CASE(lenders_of_processes), TEST_CASE(lenders_of_threads), TEST_CASE(bad_ends_are_refused),
          TEST_CASE(loans_left_behind_block_nobody), TEST_CASE(loan_without_owner_is_damage))

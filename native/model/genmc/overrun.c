/*
 * overrun.c - a ring that is overwritten (drop-oldest): marks, the check after the copy, and the count of what was
 * lost.
 *
 * Invariant: what a receiver gets is whole, and newer than what it got before; `lost` is exactly what lies between.
 *
 * config messages -DMESSAGES=4 -DCOPY=8 four messages, two reads
 */
#include "harness.h"

enum { UNITS = 4, BYTES = 8, READS = 2 };

static model_segment shared;
static uint64_t body[UNITS];
static ipc_sender sender;
static ipc_receiver receiver;

static void *send(void *unused) {
  for (uint32_t i = 1; i <= MESSAGES; i++) {
    uint64_t message = i;
    CHECK(ipc_sender_send(&sender, &message, BYTES, 0) == IPC_OK);
  }
  return unused;
}

static void *receive(void *unused) {
  uint64_t last = 0, received = 0;
  for (uint32_t i = 0; i < READS; i++) {
    uint64_t message = 0;
    int32_t length = ipc_receiver_recv(&receiver, &message, BYTES, 0);
    if (length < 0) {
      CHECK(length == IPC_TIMED_OUT);
      continue;
    }
    CHECK(length == BYTES);
    CHECK(message > last && message <= MESSAGES);
    received++;
    last = message;
    CHECK(received + receiver.lost == last);
  }
  return unused;
}

static void begin(void) {
  CLEAR(shared);
  CLEAR(body);
  CLEAR(sender);
  CLEAR(receiver);
  model_start_ring(&shared, UNITS, 1, 1);
  SET(shared.header.claim, 1);
  model_join_ring(&shared, &sender.segment, IPC_ROUTE, body, UNITS, 1, 1);
  sender.segment.overflow = IPC_DROP_OLDEST;
  model_be_sender(&sender, 0, 1, 2);
  sender.is_only = true;
  model_join_ring(&shared, &receiver.segment, IPC_ROUTE, body, UNITS, 1, 1);
  receiver.segment.overflow = IPC_DROP_OLDEST;
  model_be_receiver(&receiver, 0, 2, 3);
}

int main(void) {
  MODEL_LOOP {
    model_thread sending, receiving;
    begin();
    MODEL_START(&sending, send, NULL);
    MODEL_START(&receiving, receive, NULL);
    MODEL_JOIN(sending);
    MODEL_JOIN(receiving);
  }
  return 0;
}

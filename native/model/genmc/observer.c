/*
 * observer.c - a receiver that no sender waits for, where overflow is to block: a sender writes over what it has not
 * read, and announces that first.
 *
 * The sender's plain stores into the ring are relaxed ones here, as stub.h makes them: for C11 they would be a race
 * with the loads of the observer (docs/atomics.md). One sender: with several, the order is that of the processor.
 *
 * Invariant: what an observer gets is whole, and newer than what it got before; `lost` is exactly what lies between.
 *
 * config route -DMESSAGES=3 -DREADS=1 -DCOPY=8 -DOBSERVED three messages in a ring of two
 * threads long -DMESSAGES=200 -DREADS=150 -DCOPY=8 -DROUNDS=200 many
 */
#include "harness.h"

enum { UNITS = 4, BYTES = 8 };

static model_segment shared;
static uint64_t body[UNITS];
static ipc_sender sender;
static ipc_receiver observer;

static void *send(void *unused) {
  for (uint32_t i = 1; i <= MESSAGES; i++) {
    uint64_t message = i;
    CHECK(ipc_sender_send(&sender, &message, BYTES, 0) == IPC_OK);
  }
  return unused;
}

static void *observe(void *unused) {
  uint64_t last = 0, received = 0;
  for (uint32_t i = 0; i < READS; i++) {
    uint64_t message = 0;
    int32_t length = ipc_receiver_recv(&observer, &message, BYTES, 0);
    if (length < 0) {
      CHECK(length == IPC_TIMED_OUT);
      continue;
    }
    CHECK(length == BYTES);
    CHECK(message > last && message <= MESSAGES);
    received++;
    last = message;
    CHECK(received + observer.lost == last);
  }
  return unused;
}

static void begin(void) {
  CLEAR(shared);
  CLEAR(body);
  CLEAR(sender);
  CLEAR(observer);
  model_start_route(&shared, body, UNITS, &sender, &observer);
  SET(observer.slot->observer, 1);
  observer.is_overrun = true;
}

int main(void) {
  MODEL_LOOP {
    model_thread sending, observing;
    begin();
    MODEL_START(&sending, send, NULL);
    MODEL_START(&observing, observe, NULL);
    MODEL_JOIN(sending);
    MODEL_JOIN(observing);
  }
  return 0;
}

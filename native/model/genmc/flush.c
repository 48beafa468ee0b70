/*
 * flush.c - a sender waits until a receiver has read (read_point.c), which then does nothing more for a long time.
 *
 * Invariant: the wait ends, although the receiver is in the middle of a run; and the sender then sees what the receiver
 * did before.
 *
 * config begins -DCOPY=8 -DINLINED a wait that begins
 * config cleared -DCOPY=8 -DNOTIFIERS=1 -DIGNORES_LIVENESS -DINLINED a notifier clears the flag of an earlier wait
 * threads waits -DCOPY=8 -DNOTIFIERS=1 the same; the sender sleeps meanwhile
 *
 * In `cleared` the sender looks when all have ended: then the position has to be there.
 */
#include "harness.h"

#ifndef NOTIFIERS
#define NOTIFIERS 0
#endif

#ifdef IGNORES_LIVENESS
#define LOOKS_AT_END 1
#else
#define LOOKS_AT_END 0
#endif

enum { UNITS = 16, BYTES = 8 };

static model_segment shared;
static uint64_t body[UNITS];
static ipc_sender sender;
static ipc_receiver receiver;
static ipc_segment other;
static ipc_read_point point;
static uint32_t read_by_receiver;
static uint64_t second_head;

static void send(void) {
  uint64_t message = 7;
  CHECK(ipc_sender_send(&sender, &message, BYTES, 0) == IPC_OK);
}

/* What a send does last, for the record that is there: fewer executions than with all of it. */
static void publish_second(void) { atomic_store_explicit(&shared.header.head, second_head, memory_order_release); }

static void end(int32_t timeout_ms) {
  CHECK(ipc_sender_wait_until_read(&sender, &point, timeout_ms) == IPC_OK);
  CHECK(point.read == 1 && point.left == 0);
  CHECK(read_by_receiver == 1);
}

static void *flush(void *unused) {
  CHECK(ipc_sender_read_point(&sender, &point) == IPC_OK);
  CHECK(point.receivers == 1);
  publish_second(); /* comes behind the point */
  if (!LOOKS_AT_END) end(-1);
  return unused;
}

static void *receive(void *unused) {
  uint64_t message = 0;
  read_by_receiver = 1;
  CHECK(ipc_receiver_recv(&receiver, &message, BYTES, 0) == BYTES && message == 7);
  return unused;
}

static void *notify(void *unused) {
  ipc_event_notify(&other, IPC_EVENT_SPACE);
  return unused;
}

static void begin(void) {
  CLEAR(shared);
  CLEAR(body);
  CLEAR(sender);
  CLEAR(receiver);
  CLEAR(other);
  CLEAR(point);
  read_by_receiver = 0;
  model_start_route(&shared, body, UNITS, &sender, &receiver);
  receiver.quota = UNITS; /* in so small a ring it would publish each position */
  model_join_ring(&shared, &other, IPC_ROUTE, body, UNITS, 1, 1);
  if (NOTIFIERS) SET(shared.header.event_flags[IPC_EVENT_SPACE].wanted, IPC_WANTED_ALWAYS | IPC_WANTED_NUMBER);
  send();
  uint64_t first_head = GET(shared.header.head);
  send();
  second_head = GET(shared.header.head);
  SET(shared.header.head, first_head);
}

int main(void) {
  MODEL_LOOP {
    model_thread flushing, receiving, notifying[NOTIFIERS + 1];
    begin();
    MODEL_START(&flushing, flush, NULL);
    MODEL_START(&receiving, receive, NULL);
    for (int i = 0; i < NOTIFIERS; i++) MODEL_START(&notifying[i], notify, NULL);
    MODEL_JOIN(flushing);
    MODEL_JOIN(receiving);
    for (int i = 0; i < NOTIFIERS; i++) MODEL_JOIN(notifying[i]);
    if (LOOKS_AT_END) end(0);
  }
  return 0;
}

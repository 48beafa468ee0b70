/*
 * lease.c - a queue: its sender, and receivers that take messages and are done with them (queue.h).
 *
 * Invariant: each message is taken by one receiver, whole; its room is written again only after the receiver was done;
 * what a dead receiver holds is taken again, once.
 *
 * config taken -DTAKERS=2 -DMESSAGES=1 -DKILLED=0 two receivers
 * config again -DTAKERS=1 -DMESSAGES=3 -DKILLED=0 a ring of two messages: the sender writes over what is done
 * config killed -DTAKERS=2 -DMESSAGES=1 -DKILLED=1 -DDEATHS=1 a receiver is killed with a lease, another recovers it
 */
#include "harness.h"
#include "queue.h"

enum { UNITS = 8, BYTES = 8 };

static model_segment shared;
static _Alignas(8) uint32_t body[UNITS * 2];
static ipc_sender sender;
static ipc_receiver receivers[TAKERS];
static _Atomic uint32_t taken[MESSAGES + 1];

static void *send(void *unused) {
  for (uint32_t i = 1; i <= MESSAGES; i++) {
    uint32_t message[2] = {i, i};
    if (ipc_sender_send(&sender, message, BYTES, 0) != IPC_OK) break;
  }
  return unused;
}

/* As ipc_receiver_take(), without a wait. */
static bool take(ipc_receiver *receiver, uint32_t *offset, uint32_t *number) {
  uint32_t length = 0;
  int32_t status = ipc_queue_take(&receiver->segment, receiver->instance, INT32_MAX, offset, &length);
  if (status != IPC_OK) {
    CHECK(status == IPC_TIMED_OUT);
    return false;
  }
  CHECK(length == BYTES);
  const uint32_t *message = (const uint32_t *)(const void *)(receiver->segment.body + *offset);
  CHECK(message[0] == message[1] && message[0] >= 1 && message[0] <= MESSAGES);
  *number = message[0];
  return true;
}

static void *work(void *argument) {
  ipc_receiver *receiver = argument;
  const bool is_victim = KILLED && receiver == &receivers[0];
  uint32_t offset = 0, number = 0;
  if (KILLED && !is_victim) ipc_queue_recover(&receiver->segment, receiver->instance, 0);
  for (uint32_t i = 0; i < MESSAGES && take(receiver, &offset, &number); i++) {
    if (is_victim) {
      model_die(3);
      return NULL;
    }
    CHECK(atomic_fetch_add_explicit(&taken[number], 1, memory_order_relaxed) == 0);
    CHECK(ipc_queue_done(&receiver->segment, receiver->instance, offset) == IPC_OK);
  }
  return NULL;
}

static void begin(void) {
  CLEAR(shared);
  CLEAR(body);
  CLEAR(sender);
  CLEAR(receivers);
  CLEAR(taken);
  model_clear_deaths();
  model_start_ring(&shared, UNITS, TAKERS, 1);
  model_join_ring(&shared, &sender.segment, IPC_QUEUE, body, UNITS, TAKERS, 1);
  model_be_sender(&sender, 0, 1, 2);
  for (uint32_t i = 0; i < TAKERS; i++) {
    model_join_ring(&shared, &receivers[i].segment, IPC_QUEUE, body, UNITS, TAKERS, 1);
    model_be_receiver(&receivers[i], i, i + 2, i + 3);
  }
}

int main(void) {
  MODEL_LOOP {
    model_thread threads[1 + TAKERS];
    begin();
    MODEL_START(&threads[0], send, NULL);
    for (uint32_t i = 0; i < TAKERS; i++) MODEL_START(&threads[1 + i], work, &receivers[i]);
    for (uint32_t i = 0; i <= TAKERS; i++) MODEL_JOIN(threads[i]);
  }
  return 0;
}

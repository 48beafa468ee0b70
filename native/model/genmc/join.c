/*
 * join.c - a receiver takes a slot (ipc_slots_join_receiver) while the sender of a route sends.
 *
 * Invariant: from the position that it gets on, the receiver misses nothing, and no sender overwrites what it reads. If
 * the sender has counted it before a message, it gets that message.
 *
 * config newest -DOLDEST=0 -DINLINED from head on
 * config oldest -DOLDEST=1 -DINLINED from the oldest record that is still whole
 * config beside -DOLDEST=0 -DPAUSES -DBESIDE=1 -DINLINED at head, while another receiver pauses and reads
 * config counted -DOLDEST=0 -DCOUNTED=1 the sender counts receivers, and sends if there is one
 */
#include "harness.h"

#ifndef COUNTED
#define COUNTED 0
#endif
#ifndef BESIDE
#define BESIDE 0
#endif
enum { UNITS = 4, BYTES = 8, MESSAGES = COUNTED ? 1 : 3, READS = BESIDE ? 1 : 2, RECEIVERS = 1 + BESIDE };

static model_segment shared;
static _Alignas(8) uint32_t body[UNITS * 2];
static ipc_sender sender;
static ipc_receiver receiver;
static ipc_receiver beside; /* has the first slot before the other one joins */

static bool has_counted;
static uint32_t first; /* the position that the receiver was given */

static void *send(void *unused) {
  if (COUNTED) {
    ipc_slots_evict_dead(&sender.segment); /* it counts if the count is wrong: others than the joiner do so, too */
    has_counted = ipc_sender_wait_for_receivers(&sender, 1, 0) == IPC_OK;
    if (!has_counted) return unused;
  }
  for (uint32_t i = 1; i <= MESSAGES; i++) {
    uint32_t message[2] = {1, i};
    if (ipc_sender_send(&sender, message, BYTES, 0) != IPC_OK) break;
  }
  return unused;
}

static void *receive(void *unused) {
  int32_t index = ipc_slots_join_receiver(&receiver.segment, OLDEST, false);
  CHECK(index == BESIDE);
  receiver.slot = &shared.slots[index];
  receiver.instance = GET(receiver.slot->instance);
  receiver.position = receiver.head = receiver.published = GET(receiver.slot->position);
  first = receiver.position;
  uint32_t next = first / 2 + 1; /* a record has two units */
  for (uint32_t i = 0; i < READS; i++) {
    uint32_t message[2] = {0};
    int32_t length = ipc_receiver_recv(&receiver, message, BYTES, 0);
    if (length < 0) {
      CHECK(length == IPC_TIMED_OUT);
      break;
    }
    CHECK(length == BYTES && message[1] == next);
    next++;
  }
  return unused;
}

static void *receive_beside(void *unused) {
  for (uint32_t i = 1; i <= 2; i++) {
    uint32_t message[2] = {0};
    int32_t length = ipc_receiver_recv(&beside, message, BYTES, 0);
    if (length == IPC_TIMED_OUT) break;
    CHECK(length == BYTES && message[1] == i);
  }
  return unused;
}

static void begin(void) {
  CLEAR(shared);
  CLEAR(body);
  CLEAR(sender);
  CLEAR(receiver);
  CLEAR(beside);
  model_start_ring(&shared, UNITS, RECEIVERS, 1);
  SET(shared.header.receiver_slots_used, BESIDE);
  if (COUNTED) SET(shared.header.receiver_count, 0); /* otherwise it is 1: sends to no receiver would be refused */
  CLEAR(has_counted);
  CLEAR(first);
  SET(shared.header.claim, 1);
  model_join_ring(&shared, &sender.segment, IPC_ROUTE, body, UNITS, RECEIVERS, 1);
  model_be_sender(&sender, 0, 1, 2);
  sender.is_only = true;
  model_join_ring(&shared, &receiver.segment, IPC_ROUTE, body, UNITS, RECEIVERS, 1);
  receiver.capacity_units = UNITS;
  if (BESIDE) {
    model_join_ring(&shared, &beside.segment, IPC_ROUTE, body, UNITS, RECEIVERS, 1);
    model_be_receiver(&beside, 0, 2, 3);
  }
}

int main(void) {
  MODEL_LOOP {
    model_thread sending, receiving, other;
    begin();
    MODEL_START(&sending, send, NULL);
    MODEL_START(&receiving, receive, NULL);
    if (BESIDE) MODEL_START(&other, receive_beside, NULL);
    MODEL_JOIN(sending);
    MODEL_JOIN(receiving);
    if (BESIDE) MODEL_JOIN(other);
    CHECK(!has_counted || first == 0);
  }
  return 0;
}

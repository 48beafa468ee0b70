/*
 * ring.c - a route or a channel: ipc_sender_send() and ipc_receiver_recv(), in a ring of two records, so that the gate
 * and the end of the ring are part of it.
 *
 * Invariant: each receiver gets what each sender sent, whole and in its order.
 *
 * config route -DSENDERS=1 -DRECEIVERS=1 -DMESSAGES=3 one receiver
 * config receivers -DSENDERS=1 -DRECEIVERS=2 -DMESSAGES=3 two, of which the slower one is the gate
 * config pauses -DSENDERS=1 -DRECEIVERS=1 -DMESSAGES=3 -DPAUSES -DINLINED the receiver pauses before it looks at head
 * config channel -DSENDERS=2 -DRECEIVERS=1 -DMESSAGES=1 two senders, and so the claim
 */
#include "harness.h"

enum { UNITS = 4, BYTES = 8 };

static model_segment shared;
static _Alignas(8) uint32_t body[UNITS * 2];
static ipc_sender senders[SENDERS];
static ipc_receiver receivers[RECEIVERS];

static void *send(void *argument) {
  ipc_sender *sender = argument;
  for (uint32_t i = 1; i <= MESSAGES; i++) {
    uint32_t message[2] = {sender->instance, i};
    if (ipc_sender_send(sender, message, BYTES, 0) != IPC_OK) break;
  }
  return NULL;
}

static void *receive(void *argument) {
  ipc_receiver *receiver = argument;
  uint32_t last[SENDERS + 1] = {0};
  for (uint32_t i = 0; i < MESSAGES * SENDERS; i++) {
    uint32_t message[2] = {0};
    int32_t length = ipc_receiver_recv(receiver, message, BYTES, 0);
    if (length < 0) {
      CHECK(length == IPC_TIMED_OUT);
      break;
    }
    CHECK(length == BYTES);
    CHECK(message[0] >= 1 && message[0] <= SENDERS);
    CHECK(message[1] == last[message[0]] + 1);
    last[message[0]] = message[1];
  }
  return NULL;
}

static void begin(void) {
  const uint32_t kind = SENDERS > 1 ? IPC_CHANNEL : IPC_ROUTE;
  CLEAR(shared);
  CLEAR(body);
  CLEAR(senders);
  CLEAR(receivers);
  model_start_ring(&shared, UNITS, RECEIVERS, SENDERS);
  for (uint32_t i = 0; i < SENDERS; i++) {
    model_join_ring(&shared, &senders[i].segment, kind, body, UNITS, RECEIVERS, SENDERS);
    model_be_sender(&senders[i], i, i + 1, i + 2);
    senders[i].is_only = SENDERS == 1;
  }
  if (SENDERS == 1) SET(shared.header.claim, 1);
  for (uint32_t i = 0; i < RECEIVERS; i++) {
    model_join_ring(&shared, &receivers[i].segment, kind, body, UNITS, RECEIVERS, SENDERS);
    model_be_receiver(&receivers[i], i, SENDERS + i + 1, SENDERS + i + 2);
  }
}

int main(void) {
  MODEL_LOOP {
    model_thread threads[SENDERS + RECEIVERS];
    begin();
    for (uint32_t i = 0; i < SENDERS; i++) MODEL_START(&threads[i], send, &senders[i]);
    for (uint32_t i = 0; i < RECEIVERS; i++) MODEL_START(&threads[SENDERS + i], receive, &receivers[i]);
    for (uint32_t i = 0; i < SENDERS + RECEIVERS; i++) MODEL_JOIN(threads[i]);
  }
  return 0;
}

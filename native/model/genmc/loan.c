/*
 * loan.c - a loan on a route: its record is published first, written then, and ended at last (ipc_sender_end_loan).
 *
 * Invariant: the receiver reads a loan only after it has ended, whole, with the length that it ended with; a loan that
 * was given up is passed over.
 *
 * config sent -DUSED=2 -DBYTES=8 of its full length
 * config shortened -DUSED=1 -DBYTES=12 what follows the message becomes padding
 * config given_up -DUSED=-1 -DBYTES=8 the next message is the first that is received
 */
#include "harness.h"

enum { UNITS = 16 };

static model_segment shared;
static _Alignas(8) uint32_t body[UNITS * 2];
static ipc_sender sender;
static ipc_receiver receiver;

static void *send(void *unused) {
  uint32_t offset = 0, after[1] = {9};
  CHECK(ipc_sender_loan(&sender, BYTES, 0, &offset) == IPC_OK);
  uint32_t *payload = (uint32_t *)(void *)(sender.segment.body + offset);
  for (int32_t i = 0; i < USED; i++) payload[i] = 7;
  CHECK(ipc_sender_end_loan(&sender, offset, USED < 0 ? -1 : USED * 4) == IPC_OK);
  CHECK(ipc_sender_send(&sender, after, 4, 0) == IPC_OK);
  return unused;
}

static void *receive(void *unused) {
  for (int i = USED < 0; i < 2; i++) {
    uint32_t message[3] = {0};
    int32_t length = ipc_receiver_recv(&receiver, message, 12, 0);
    if (length < 0) {
      CHECK(length == IPC_TIMED_OUT);
      break;
    }
    CHECK(length == (i == 0 ? USED * 4 : 4));
    for (int32_t word = 0; word < length / 4; word++) CHECK(message[word] == (i == 0 ? 7 : 9));
  }
  return unused;
}

static void begin(void) {
  CLEAR(shared);
  CLEAR(body);
  CLEAR(sender);
  CLEAR(receiver);
  model_clear_deaths();
  model_start_route(&shared, body, UNITS, &sender, &receiver);
}

int main(void) {
  MODEL_LOOP {
    begin();
    model_run_two(send, receive);
  }
  return 0;
}

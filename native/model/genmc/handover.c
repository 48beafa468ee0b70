/*
 * handover.c - the sender of a route leaves, or is killed in the middle of a record, and a successor takes the route
 * over.
 *
 * Invariant: the receiver gets the messages of the first sender and then those of the successor, whole and in order; of
 * a message that was not published it sees nothing.
 *
 * config left -DKILLED=0 the first sender releases the claim
 * config killed -DKILLED=1 -DDEATHS=1 the first sender is killed when it has written half a record
 */
#include "harness.h"
#include "sender_write.h"

enum { UNITS = 8, BYTES = 8 };

static model_segment shared;
static _Alignas(8) uint32_t body[UNITS * 2];
static ipc_sender first, successor;
static ipc_receiver receiver;

static void send(ipc_sender *sender, uint32_t number) {
  uint32_t message[2] = {number, number};
  CHECK(ipc_sender_send(sender, message, BYTES, 0) == IPC_OK);
}

static void *send_and_end(void *unused) {
  send(&first, 1);
  if (KILLED) {
    ipc_claimed claimed;
    uint64_t deadline = 0;
    CHECK(ipc_sender_claim(&first, 2, 0, &deadline, &claimed) == IPC_OK);
    ipc_ring_put_header(ipc_sender_at(&first, claimed.at), 4, IPC_RECORD_FRAGMENT);
    model_die(2);
  } else {
    ipc_claim_unlock(&shared.header.claim); /* as ipc_sender_close() */
  }
  return unused;
}

/* One try of ipc_sender_take_over(). */
static void *take_over(void *unused) {
  uint32_t pid;
  successor.is_only = ipc_claim_take_over(&successor.segment, &shared.header.claim, successor.instance, &pid);
  if (successor.is_only) send(&successor, 2);
  return unused;
}

static void *receive(void *unused) {
  for (uint32_t i = 1; i <= 2; i++) {
    uint32_t message[2] = {0};
    int32_t length = ipc_receiver_recv(&receiver, message, BYTES, 0);
    if (length < 0) {
      CHECK(length == IPC_TIMED_OUT);
      break;
    }
    CHECK(length == BYTES && message[0] == i && message[1] == i);
  }
  return unused;
}

static void begin(void) {
  CLEAR(shared);
  CLEAR(body);
  CLEAR(first);
  CLEAR(successor);
  CLEAR(receiver);
  model_clear_deaths();
  model_start_ring(&shared, UNITS, 1, 2);
  SET(shared.header.claim, 1);
  model_join_ring(&shared, &first.segment, IPC_ROUTE, body, UNITS, 1, 2);
  model_be_sender(&first, 0, 1, 2);
  first.is_only = true;
  model_join_ring(&shared, &successor.segment, IPC_ROUTE, body, UNITS, 1, 2);
  model_be_sender(&successor, 1, 2, 3);
  model_join_ring(&shared, &receiver.segment, IPC_ROUTE, body, UNITS, 1, 2);
  model_be_receiver(&receiver, 0, 3, 4);
}

int main(void) {
  MODEL_LOOP {
    model_thread threads[3];
    begin();
    MODEL_START(&threads[0], send_and_end, NULL);
    MODEL_START(&threads[1], take_over, NULL);
    MODEL_START(&threads[2], receive, NULL);
    for (int i = 0; i < 3; i++) MODEL_JOIN(threads[i]);
  }
  return 0;
}

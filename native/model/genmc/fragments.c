/*
 * fragments.c - a message that travels in fragments, between two that do not.
 *
 * Invariant: the receiver puts the fragments together to the message that was sent, and gets it in its place in the
 * order.
 *
 * threads two -DPARTS=2 two fragments; GenMC knows no word that is read in two sizes, as the head of a fragment is
 */
#include "fragments.h"
#include "harness.h"

/* A fragment is an eighth of the ring, and has two headers of 32 bytes in all. */
enum { UNITS = 64, PART = UNITS * IPC_UNIT / 8 - 32, WORDS = PARTS * PART / 4 };

static model_segment shared;
static _Alignas(8) uint32_t body[UNITS * 2];
static ipc_sender sender;
static ipc_receiver receiver;

static void *send(void *unused) {
  uint32_t message[WORDS], after[1] = {9};
  for (uint32_t i = 0; i < WORDS; i++) message[i] = i + 1;
  CHECK(ipc_fragments_send(&sender, message, WORDS * 4, 0, false) == IPC_OK);
  CHECK(ipc_sender_send(&sender, after, 4, 0) == IPC_OK);
  return unused;
}

static void *receive(void *unused) {
  uint32_t message[WORDS] = {0};
  int32_t length = ipc_receiver_recv(&receiver, message, WORDS * 4, 0);
  if (length != IPC_TIMED_OUT) {
    CHECK(length == WORDS * 4);
    for (uint32_t i = 0; i < WORDS; i++) CHECK(message[i] == i + 1);
    length = ipc_receiver_recv(&receiver, message, WORDS * 4, 0);
    CHECK(length == IPC_TIMED_OUT || (length == 4 && message[0] == 9));
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
    ipc_assembly_clear(&receiver.assembly);
    free(receiver.assembly.spare);
  }
  return 0;
}

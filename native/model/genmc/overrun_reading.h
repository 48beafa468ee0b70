/*
 * overrun_reading.h - a sender that may write over what a receiver has not read: what the receiver gets is whole, and
 * newer than what it got before; `lost` is exactly what lies between.
 *
 * A harness defines MESSAGES and READS, and begin(), which empties all and connects both.
 */
#ifndef OVERRUN_READING_H
#define OVERRUN_READING_H

#include "harness.h"

enum { UNITS = 4, BYTES = 8 };

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

static void begin(void);

int main(void) {
  MODEL_LOOP {
    begin();
    model_run_two(send, receive);
  }
  return 0;
}

#endif

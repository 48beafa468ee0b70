/* queue_fixture.h - what the tests of queues share. */
#ifndef LIBIPC_QUEUE_FIXTURE_H
#define LIBIPC_QUEUE_FIXTURE_H

#include "queue.h"
#include "ends.h"
#include "interpose.h"
#include "slots.h"
#include "message.h"
#include "view.h"
#include "worker.h"

enum { CAPACITY = 4096, UNITS = CAPACITY / 8, RECORD = 24, LARGEST = CAPACITY / 2 - 16, MAX_WORKERS = 8 };

static const ipc_options queue = {.struct_size = sizeof(ipc_options), .kind = IPC_QUEUE, .capacity = CAPACITY};

static const uint32_t starts[] = {0, 0x80000000u - 300, UINT32_MAX - 300, UINT32_MAX};

enum { STARTS = sizeof starts / sizeof starts[0] };

static __attribute__((unused)) uint8_t out[CAPACITY], in[CAPACITY];

static __attribute__((unused)) ipc_sender *sender;

static __attribute__((unused)) ipc_receiver *a, *b;

static inline void open_three(void) {
  sender = must_send(queue);
  a = must_receive(queue);
  b = must_receive(queue);
}

static inline void close_three(void) {
  ipc_receiver_close(a);
  ipc_receiver_close(b);
  ipc_sender_close(sender);
}

static inline void put(uint64_t value) { CHECK_EQ(ipc_sender_send(sender, &value, 8, 0), IPC_OK); }

/* Takes the message `value`, which has been taken `attempts` times with this one: where it lies. */
static inline uint32_t check_take(ipc_receiver *by, uint64_t value, uint32_t attempts) {
  uint32_t lease[3];
  uint64_t got;
  CHECK_EQ(ipc_receiver_take(by, 0, lease), IPC_OK);
  CHECK_EQ(lease[1], 8);
  memcpy(&got, (const uint8_t *)ipc_receiver_ring(by) + lease[0], 8);
  CHECK_EQ(got, value);
  CHECK_EQ(lease[2], attempts);
  return lease[0];
}

static inline void check_empty(ipc_receiver *by) {
  uint32_t lease[3];
  CHECK_EQ(ipc_receiver_take(by, 0, lease), IPC_TIMED_OUT);
  CHECK_EQ(ipc_receiver_recv(by, in, sizeof in, 0), IPC_TIMED_OUT);
}

enum { MOST = 40000 };

typedef struct board {
  _Atomic uint32_t ready, stop, taken, sent, accepted[MESSAGE_SENDERS];
  _Atomic uint32_t holds[MAX_WORKERS * 64]; /* message + 1 that a taker may have taken and not said so */
  _Atomic uint8_t times[MAX_WORKERS][MOST];
} board;

static __attribute__((unused)) board *shared;

static __attribute__((unused)) uint32_t numbers[MESSAGE_SENDERS];

static inline void new_board(void) {
  shared = test_shared(sizeof *shared);
  for (uint32_t i = 0; i < MESSAGE_SENDERS; i++) numbers[i] = i;
}

static const message_range tiny = {MESSAGE_TAG, 64}, mixed = {MESSAGE_TAG, LARGEST};

static inline void receive_one(void *value) {
  uint64_t got;
  ipc_receiver *mine = must_receive(queue);
  atomic_fetch_add(&shared->ready, 1);
  CHECK_EQ(ipc_receiver_recv(mine, &got, 8, -1), 8);
  CHECK_EQ(got, *(uint32_t *)value);
  ipc_receiver_close(mine);
}

#endif

/* fragments_fixture.h - what the tests of fragments share. */
#ifndef LIBIPC_FRAGMENTS_FIXTURE_H
#define LIBIPC_FRAGMENTS_FIXTURE_H

#include "ends.h"
#include "interpose.h"
#include "message.h"
#include "receiver_state.h"
#include "view.h"
#include "worker.h"

enum {
  CAPACITY = 4096,
  MAX_RECORD = CAPACITY / 2 - 8,
  PART = CAPACITY / 8 - 8 - (int)sizeof(ipc_fragment),
  LARGE = (1 + TEST_SCALE / 2) << 20
};

static inline ipc_options small_ring(uint32_t kind) {
  return (ipc_options){.struct_size = sizeof(ipc_options), .kind = kind, .capacity = CAPACITY};
}

static __attribute__((unused)) uint8_t out[LARGE + 64], in[LARGE + 64];

static __attribute__((unused)) ipc_sender *sender;

static __attribute__((unused)) ipc_receiver *receiver;

static inline void open_both(uint32_t kind) {
  sender = must_send(small_ring(kind));
  receiver = must_receive(small_ring(kind));
}

static inline void close_both(void) {
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
}

/* The message number `tag` of exactly this length, checked down to the byte after it. */
static inline void write_out(uint32_t tag, uint32_t length) {
  message_write(out, (message_tag){7, tag}, (message_range){length, length});
}

static inline void check_in(int32_t got, uint32_t tag, uint32_t length) {
  message_check(in, got, (message_tag){7, tag}, (message_range){length, length});
  CHECK_EQ(in[length], 0xee);
}

static inline void check_next(uint32_t tag, uint32_t length) {
  memset(in, 0xee, length + 1);
  CHECK_EQ(ipc_receiver_next_length(receiver), length);
  check_in(ipc_receiver_recv(receiver, in, length, 0), tag, length);
}

enum { SENDERS = 4, MAX_WORKERS = 2 * SENDERS };

typedef struct board {
  _Atomic uint32_t ready, stop, accepted[MESSAGE_SENDERS];
  _Atomic uint64_t order[MAX_WORKERS];
  uint32_t got[2][MESSAGE_SENDERS];
} board;

static __attribute__((unused)) board *shared;

static __attribute__((unused)) uint32_t numbers[MESSAGE_SENDERS];

static inline void new_board(void) {
  shared = test_shared(sizeof *shared);
  for (uint32_t i = 0; i < MESSAGE_SENDERS; i++) numbers[i] = i;
}

static inline bool has_parts(void) { return receiver->assembly.parts != NULL; }

#endif

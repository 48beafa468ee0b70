/*
 * workload.h - the messages of packages/bench/src/workload/workload.ts, byte for byte, in C.
 * A change here is a change there. The C side compares with memcmp.
 */
#ifndef LIBIPC_BENCH_WORKLOAD_H
#define LIBIPC_BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
  MAX_DIFFERENT = 1024,
  MAX_DIFFERENT_BYTES = 1 << 18,
  MIN_DIFFERENT = 16,
  POOL_STARTS = 512,
  SENDER_STRIDE = 37,
  MAX_WORKLOAD_SENDERS = 256
};

typedef struct workload {
  uint32_t mask, stride;
  uint32_t lengths[MAX_DIFFERENT];
  uint32_t next[MAX_WORKLOAD_SENDERS];
  uint8_t *pool;
  uint8_t *messages;
} workload;

static uint32_t xorshift32(uint32_t *state) {
  uint32_t s = *state;
  s ^= s << 13;
  s ^= s >> 17;
  s ^= s << 5;
  return *state = s;
}

static inline const uint8_t *workload_pool_at(const workload *w, uint32_t k) {
  return w->pool + (k * 7 & (POOL_STARTS - 1)) * 8;
}

static void workload_init(workload *w, uint32_t min, uint32_t max) {
  w->stride = (max + 7) & ~7u;
  uint32_t different = MAX_DIFFERENT, random = 0x9e3779b9;
  while (different > MIN_DIFFERENT && (uint64_t)different * w->stride > MAX_DIFFERENT_BYTES) different /= 2;
  w->mask = different - 1;
  for (uint32_t k = 0; k < different; k++) w->lengths[k] = min + xorshift32(&random) % (max - min + 1);
  uint32_t pool_bytes = POOL_STARTS * 8 + w->stride;
  w->pool = malloc(pool_bytes);
  w->messages = malloc((size_t)different * w->stride);
  if (!w->pool || !w->messages) abort();
  for (uint32_t i = 0; i < pool_bytes; i++) w->pool[i] = (uint8_t)xorshift32(&random);
  for (uint32_t k = 0; k < different; k++)
    memcpy(w->messages + (size_t)k * w->stride, workload_pool_at(w, k), w->lengths[k]);
  memset(w->next, 0, sizeof w->next);
}

/* Message `sequence` of `sender`, stamped; its length goes to *length. */
static inline const uint8_t *workload_message(workload *w, uint32_t sender, uint32_t sequence, uint32_t *length) {
  uint32_t k = (sequence + sender * SENDER_STRIDE) & w->mask;
  uint32_t tag = sender | sequence << 8;
  uint8_t *message = w->messages + (size_t)k * w->stride;
  memcpy(message, &tag, 4);
  *length = w->lengths[k];
  return message;
}

/* Whether these bytes are, to the last bit, the next message of their sender. */
static inline bool workload_accept(workload *w, const uint8_t *bytes, uint32_t length) {
  uint32_t sender = bytes[0];
  uint32_t sequence = w->next[sender]++;
  uint32_t k = (sequence + sender * SENDER_STRIDE) & w->mask;
  uint32_t tag = sender | sequence << 8;
  if (length != w->lengths[k] || memcmp(bytes, &tag, length < 4 ? length : 4) != 0) return false;
  return length <= 4 || memcmp(bytes + 4, workload_pool_at(w, k) + 4, length - 4) == 0;
}

#endif

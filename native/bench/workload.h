/*
 * workload.h - the messages of packages/bench/src/workload.ts, byte for byte, in C.
 * A change here is a change there. The C side compares with memcmp.
 */
#ifndef LIBIPC_BENCH_WORKLOAD_H
#define LIBIPC_BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEMPLATES = 1024, TEMPLATE_BYTES = 256 * 1024, SENDER_STRIDE = 37, MAX_WORKLOAD_SENDERS = 256 };

typedef struct workload {
  uint32_t mask, stride;
  uint32_t lengths[MAX_TEMPLATES];
  uint32_t next[MAX_WORKLOAD_SENDERS];
  uint8_t *bytes;
} workload;

static uint32_t xorshift32(uint32_t *state) {
  uint32_t s = *state;
  s ^= s << 13;
  s ^= s >> 17;
  s ^= s << 5;
  return *state = s;
}

static void workload_init(workload *w, uint32_t min, uint32_t max) {
  w->stride = (max + 7) & ~7u;
  uint32_t templates = MAX_TEMPLATES;
  while (templates > 16 && (uint64_t)templates * w->stride > TEMPLATE_BYTES) templates /= 2;
  w->mask = templates - 1;
  w->bytes = aligned_alloc(64, ((size_t)templates * w->stride + 63) & ~(size_t)63);
  if (!w->bytes) abort();
  uint32_t random = 0x9e3779b9;
  for (uint32_t k = 0; k < templates; k++) {
    w->lengths[k] = min + xorshift32(&random) % (max - min + 1);
    for (uint32_t i = 0; i < w->stride; i++)
      w->bytes[(size_t)k * w->stride + i] = (uint8_t)(0x20 + (xorshift32(&random) & 0x3f));
  }
  memset(w->next, 0, sizeof w->next);
}

/* Message `sequence` of `sender`, stamped; its length goes to *length. */
static inline const uint8_t *workload_message(workload *w, uint32_t sender, uint32_t sequence, uint32_t *length) {
  uint32_t k = (sequence + sender * SENDER_STRIDE) & w->mask;
  uint32_t tag = sender | sequence << 8;
  uint8_t *message = w->bytes + (size_t)k * w->stride;
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
  return length <= 4 || memcmp(bytes + 4, w->bytes + (size_t)k * w->stride + 4, length - 4) == 0;
}

#endif

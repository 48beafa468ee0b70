/* input.h - takes a fuzzer's bytes apart: what is missing at the end is zero. */
#ifndef LIBIPC_FUZZ_INPUT_H
#define LIBIPC_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct input {
  const uint8_t *bytes;
  size_t left;
} input;

static inline void input_take(input *from, void *to, size_t size) {
  size_t part = size < from->left ? size : from->left;
  memset(to, 0, size);
  if (part) memcpy(to, from->bytes, part);
  from->bytes += part;
  from->left -= part;
}

static inline uint8_t input_byte(input *from) {
  uint8_t value;
  input_take(from, &value, 1);
  return value;
}

static inline uint32_t input_word(input *from) {
  uint32_t value;
  input_take(from, &value, 4);
  return value;
}

/* The fuzzer's entry: libFuzzer's, or that of replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#endif

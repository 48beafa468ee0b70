/* probe.c - the smallest fuzzer: whether this compiler can build one. */
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  (void)bytes, (void)size;
  return 0;
}

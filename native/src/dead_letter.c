#include "dead_letter.h"

#include <string.h>

#include "failure.h"

/* In the header if there is a dead-letter queue without a limit. */
static const uint32_t NO_LIMIT = IPC_LEASE_ATTEMPTS;

void ipc_dead_letter_fail(ipc_failure *failure, const char *name) {
  memcpy(failure->dead_letter, name, IPC_MAX_NAME);
  failure->dead_letter[IPC_MAX_NAME] = 0;
}

void ipc_dead_letter_read(const ipc_segment *segment, char name[IPC_MAX_NAME + 1]) {
  memcpy(name, segment->header->dead_letter, IPC_MAX_NAME);
  name[IPC_MAX_NAME] = 0;
}

uint32_t ipc_dead_letter_limit(const ipc_header *header) {
  uint32_t limit = atomic_load_explicit(&header->max_attempts, memory_order_relaxed);
  return limit == NO_LIMIT ? 0 : limit;
}

static int32_t dead_letter_mismatch(ipc_failure *failure, const char *name) {
  ipc_failure_set_option(failure, IPC_E_OPTIONS_MISMATCH, IPC_OPTION_DEAD_LETTER, 0, 0);
  ipc_dead_letter_fail(failure, name);
  return failure->code;
}

int32_t ipc_dead_letter_compare(const ipc_segment *segment, const ipc_options *options, ipc_failure *failure) {
  const ipc_header *header = segment->header;
  uint32_t found = atomic_load_explicit(&header->max_attempts, memory_order_relaxed), wanted = options->max_attempts;
  if (!options->dead_letter[0] || found == 0) return IPC_OK;
  if (strncmp(header->dead_letter, options->dead_letter, IPC_MAX_NAME) != 0)
    return dead_letter_mismatch(failure, header->dead_letter);
  if (wanted == 0 || wanted == found) return IPC_OK;
  return ipc_failure_set_option(failure, IPC_E_OPTIONS_MISMATCH, IPC_OPTION_MAX_ATTEMPTS, found == NO_LIMIT ? 0 : found,
                                wanted);
}

void ipc_dead_letter_set(ipc_segment *segment, const ipc_options *options) {
  ipc_header *header = segment->header;
  if (!options->dead_letter[0]) return;
  if (atomic_load_explicit(&header->max_attempts, memory_order_relaxed) == 0) {
    /* Killed before the second store, the next one writes all of the name again; before the third, it adds the bit. */
    memcpy(header->dead_letter, options->dead_letter, sizeof header->dead_letter);
    uint32_t limit = options->max_attempts ? options->max_attempts : NO_LIMIT;
    atomic_store_explicit(&header->max_attempts, limit, memory_order_release);
  }
  atomic_fetch_or_explicit(&header->take_checks, IPC_TAKE_LIMIT, memory_order_release);
}

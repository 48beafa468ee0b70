#include "mapping.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "layout.h"
#include "platform/platform.h"

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; /* of the list */
static ipc_mapping *mappings;

static void mapping_before_fork(void) { pthread_mutex_lock(&guard); }
static void mapping_after_fork(void) { pthread_mutex_unlock(&guard); }

static void mapping_after_fork_in_child(void) {
  for (ipc_mapping *mapping = mappings; mapping; mapping = mapping->next) {
    ipc_os_replace(mapping->address, mapping->bytes);
    mapping->is_forked = true;
    if (mapping->has_header)
      atomic_store_explicit(&((ipc_header *)mapping->address)->orphaned, 1, memory_order_relaxed);
  }
  mapping_after_fork();
}

/* Under the guard. */
static int mapping_watch_forks(void) {
  static bool is_watching;
  int error = is_watching ? 0 : -pthread_atfork(mapping_before_fork, mapping_after_fork, mapping_after_fork_in_child);
  is_watching = error == 0;
  return error;
}

static void mapping_enlist(ipc_mapping *mapping) {
  mapping->next = mappings;
  if (mappings) mappings->previous = mapping;
  mappings = mapping;
}

static void mapping_delist(ipc_mapping *mapping) {
  pthread_mutex_lock(&guard);
  if (mapping->next) mapping->next->previous = mapping->previous;
  if (mapping->previous)
    mapping->previous->next = mapping->next;
  else
    mappings = mapping->next;
  pthread_mutex_unlock(&guard);
}

ipc_mapping *ipc_mapping_new(int fd, uint64_t offset, uint64_t bytes, bool has_header, int *error) {
  ipc_mapping *mapping = malloc(sizeof *mapping);
  if (!mapping) {
    *error = -ENOMEM;
    return NULL;
  }
  *mapping = (ipc_mapping){.holds = 1, .has_header = has_header, .bytes = bytes, .damage.value = IPC_TRUNCATED};
  /* Under the guard: no child is forked with a mapping that is not in the list. */
  pthread_mutex_lock(&guard);
  *error = mapping_watch_forks();
  if (*error == 0) mapping->address = ipc_os_map(fd, offset, bytes, error);
  if (mapping->address) mapping_enlist(mapping);
  pthread_mutex_unlock(&guard);
  if (mapping->address) {
    if (has_header) mapping->damage.mark = &((ipc_header *)mapping->address)->orphaned;
    /* Without memory for the guard it works as well, until its file is made smaller. */
    ipc_os_guard(mapping->address, bytes, &mapping->damage);
    return mapping;
  }
  free(mapping);
  return NULL;
}

static void mapping_release_bytes(void *bytes, void *mapping) {
  (void)bytes;
  ipc_mapping_release(mapping);
}

void *ipc_mapping_releaser(void) { return (void *)(uintptr_t)mapping_release_bytes; }

void *ipc_mapping_address(const ipc_mapping *mapping) { return mapping->address; }

double ipc_mapping_byte_length(const ipc_mapping *mapping) { return (double)mapping->bytes; }

void ipc_mapping_release(ipc_mapping *mapping) {
  /* acq_rel: all uses by other holders happen before the unmap by the last one. */
  if (atomic_fetch_sub_explicit(&mapping->holds, 1, memory_order_acq_rel) != 1) return;
  mapping_delist(mapping);
  ipc_os_unguard(&mapping->damage);
  ipc_os_unmap(mapping->address, mapping->bytes);
  free(mapping);
}

#include "mapping.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "layout.h"
#include "libipc/memory.h"
#include "platform/platform.h"

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; /* of the list */
static ipc_mapping *mappings;
static _Atomic uint64_t kept; /* bytes; relaxed: a count for people, which orders nothing */

static void mapping_before_fork(void) { pthread_mutex_lock(&guard); }
static void mapping_after_fork(void) { pthread_mutex_unlock(&guard); }

static void mapping_after_fork_in_child(void) {
  for (ipc_mapping *mapping = mappings; mapping; mapping = mapping->next) {
    bool replaced = ipc_os_replace(mapping->address, mapping->bytes);
    if (!replaced)
      ipc_os_unmap(mapping->address, mapping->bytes); /* a fault there is better than reaching the parent */
    mapping->is_forked = true;
    if (mapping->has_header && replaced)
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

/* Under the guard. */
static void mapping_delist(ipc_mapping *mapping) {
  if (mapping->next) mapping->next->previous = mapping->previous;
  if (mapping->previous)
    mapping->previous->next = mapping->next;
  else
    mappings = mapping->next;
}

/* It is in no list any more. */
static void mapping_free(ipc_mapping *mapping) {
  if (mapping->is_kept) atomic_fetch_sub_explicit(&kept, mapping->bytes, memory_order_relaxed);
  ipc_os_unguard(&mapping->damage);
  ipc_os_unmap(mapping->address, mapping->bytes);
  free(mapping);
}

ipc_mapping *ipc_mapping_new(int fd, uint64_t offset, uint64_t bytes, bool has_header, int *error) {
  ipc_mapping *mapping = malloc(sizeof *mapping);
  if (!mapping) {
    *error = -ENOMEM;
    return NULL;
  }
  *mapping = (ipc_mapping){
      .holds = 1, .has_header = has_header, .thread = ipc_os_thread(), .bytes = bytes, .damage.value = IPC_TRUNCATED};
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
  pthread_mutex_lock(&guard);
  mapping_delist(mapping);
  pthread_mutex_unlock(&guard);
  mapping_free(mapping);
}

/*
 * Only the endpoint takes holds, so there are none but its own if it finds no other. If it finds others, they may be
 * released meanwhile by any thread: its own hold keeps the mapping until the last line.
 */
void ipc_mapping_close(ipc_mapping *mapping) {
  if (atomic_load_explicit(&mapping->holds, memory_order_acquire) > 1 && !mapping->is_forked) {
    if (!mapping->has_header) {
      mapping->is_kept = true;
      atomic_fetch_add_explicit(&kept, mapping->bytes, memory_order_relaxed);
    } else if (ipc_os_replace(mapping->address, mapping->bytes)) {
      ipc_os_unguard(&mapping->damage); /* no file is left that could be made smaller */
    } /* without memory for the zeros' addresses: it stays until its last hold is released */
  }
  ipc_mapping_release(mapping);
}

void ipc_mapping_end_thread(uint32_t thread) {
  pthread_mutex_lock(&guard);
  for (ipc_mapping *mapping = mappings, *next; mapping; mapping = next) {
    next = mapping->next;
    if (mapping->thread != thread) continue;
    mapping_delist(mapping);
    mapping_free(mapping);
  }
  pthread_mutex_unlock(&guard);
}

double ipc_memory_kept_bytes(void) { return (double)atomic_load_explicit(&kept, memory_order_relaxed); }

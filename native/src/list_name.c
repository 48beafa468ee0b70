#include "listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "storage.h"

/* The kinds that are easily taken for one another: those of the same number. 0: no other. */
static const uint8_t list_groups[IPC_KINDS] = {
    [IPC_ROUTE] = 1, [IPC_CHANNEL] = 1, [IPC_QUEUE] = 1, [IPC_MUTEX] = 2, [IPC_RWLOCK] = 2};

/* Reads the file of a key: as ipc_listing_read_entry(). */
static int32_t list_read_key(ipc_listing *listing, const char *key, ipc_listed_name *name, ipc_failure *failure) {
  char listed[IPC_OS_KEY_BYTES];
  ipc_os_listed_key(key, listed);
  /* As if it were hashed: then the file says the name. ipc_segment_is_named() has compared it with the key. */
  const ipc_listing_file entry = {.key = listed, .hashed = true};
  return ipc_listing_read_entry(listing, &entry, name, failure);
}

/* The process of a live endpoint of the name, which has a file; 0: there is none. */
static uint32_t list_live_process_of(ipc_listing *listing, const char *key) {
  ipc_listed_name name;
  ipc_failure ignored = {0};
  if (list_read_key(listing, key, &name, &ignored) != 1 || name.state != IPC_LISTED_LIVE) return 0;
  for (uint32_t i = 0; i < listing->slot_count; i++)
    if (listing->alive[i]) return ipc_listing_load(&listing->slots[i].pid);
  return 0;
}

/* Of a name that was read. Those whose open has not returned do not count, nor do observers. */
static int32_t list_count_receivers(const ipc_listing *listing) {
  int32_t count = 0;
  for (uint32_t i = 0; i < listing->header.max_receivers; i++) {
    const ipc_slot *slot = &listing->slots[i];
    count += ipc_listing_load(&slot->instance) != 0 && listing->alive[i] && ipc_listing_load(&slot->observer) == 0 &&
             ipc_listing_load(&slot->held) != IPC_SLOT_JOINING;
  }
  return count;
}

/* Why the receivers of a name in this state cannot be counted. */
static int32_t list_refuse(const ipc_listed_name *name, ipc_failure *failure) {
  switch (name->state) {
    case IPC_LISTED_VERSION: return ipc_failure_set(failure, IPC_E_VERSION, name->version, IPC_LAYOUT_VERSION);
    case IPC_LISTED_DENIED:
      failure->system_error = (int32_t)name->system_error;
      return ipc_failure_set(failure, IPC_E_PERMISSION, 0, 0);
    case IPC_LISTED_FOREIGN: return ipc_failure_set(failure, IPC_E_FOREIGN, 0, 0);
    default: return ipc_failure_set(failure, IPC_E_CORRUPT, 0, 0);
  }
}

int32_t ipc_list_receivers(const char *prefix, const char *name, uint32_t kind, uint32_t *most, ipc_failure *failure) {
  char key[IPC_OS_KEY_BYTES];
  ipc_os_file file;
  ipc_listed_name found;
  *failure = (ipc_failure){0};
  *most = 0;
  if (!ipc_segment_is_kind(kind) || !ipc_segment_has_ring(kind))
    return ipc_failure_set(failure, IPC_E_INVALID_ARGUMENT, kind, 0);
  if (ipc_segment_key(key, kind, prefix, name) != IPC_OK) return ipc_failure_set(failure, IPC_E_INVALID_NAME, 0, 0);
  if (ipc_storage_reach(failure) != IPC_OK) return failure->code;
  int error = ipc_os_stat_key(key, &file);
  if (error == -ENOENT) return 0; /* the common case while a program waits: one system call */
  if (error != 0) return ipc_failure_set_refused(failure, IPC_CAUSE_FILE, error, key);
  /* Not cleared: it is large, and what ipc_listing_read_entry() has not filled in is not read. */
  ipc_listing *listing = aligned_alloc(_Alignof(ipc_listing), sizeof *listing);
  if (!listing) return ipc_failure_set_refused(failure, IPC_CAUSE_HEAP, -ENOMEM, NULL);
  listing->is_filtered = listing->wants_leases = false;
  int32_t count = list_read_key(listing, key, &found, failure);
  if (count == 1) {
    if (found.state == IPC_LISTED_LIVE) {
      count = list_count_receivers(listing);
      *most = listing->header.max_receivers;
    } else if (found.state == IPC_LISTED_LEFTOVER || found.state == IPC_LISTED_UNFINISHED) {
      count = 0;
    } else {
      count = list_refuse(&found, failure);
    }
  }
  free(listing);
  return count;
}

uint32_t ipc_list_other_kind(const char *prefix, const char *name, uint32_t kind, uint32_t *pid) {
  *pid = 0;
  if (!ipc_segment_is_kind(kind) || list_groups[kind] == 0) return 0;
  /*
   * Our slot is written before the other name is looked at, here and in the process that opens the other name: at least
   * one of the two sees the slot of the other.
   */
  atomic_thread_fence(memory_order_seq_cst);
  uint32_t found = 0;
  ipc_listing *listing = NULL; /* large: only if there is a file */
  for (uint32_t other = IPC_ROUTE; other < IPC_KINDS && found == 0; other++) {
    char key[IPC_OS_KEY_BYTES];
    ipc_os_file file;
    if (other == kind || list_groups[other] != list_groups[kind]) continue;
    if (ipc_segment_key(key, other, prefix, name) != IPC_OK || ipc_os_stat_key(key, &file) != 0) continue;
    if (!listing && !(listing = aligned_alloc(_Alignof(ipc_listing), sizeof *listing))) break;
    memset(listing, 0, sizeof *listing);
    *pid = list_live_process_of(listing, key);
    if (*pid != 0) found = other;
  }
  free(listing);
  return found;
}

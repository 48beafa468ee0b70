#include "listing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "remove.h"
#include "storage.h"

/* How long a removal waits for a name lock. Its holders need microseconds; one that is stopped is alive. */
static const uint64_t REMOVE_PATIENCE_NS = 200000000u;

/* Bindings read these by offset. */
_Static_assert(offsetof(ipc_listed_name, capacity) == 64 && offsetof(ipc_listed_name, prefix) == 96 &&
                   offsetof(ipc_listed_name, name) == 168 && offsetof(ipc_listed_name, codec) == 304 &&
                   offsetof(ipc_listed_name, path) == 368 && offsetof(ipc_listed_name, stamped) == 1664 &&
                   offsetof(ipc_listed_name, age) == 1672 && offsetof(ipc_listed_name, dead_letter) == 1688 &&
                   sizeof(ipc_listed_name) == 1824,
               "a listed name has no gaps");
_Static_assert(offsetof(ipc_listed_endpoint, position) == 24 && offsetof(ipc_listed_endpoint, holds) == 48 &&
                   offsetof(ipc_listed_endpoint, age) == 64 && sizeof(ipc_listed_endpoint) == 80,
               "a listed endpoint has no gaps");

static void list_remember_file(void *context, const char *listed, bool hashed) {
  ipc_listing *listing = context;
  if (listing->file_count == listing->file_room) {
    uint32_t room = listing->file_room ? listing->file_room * 2 : 64;
    ipc_listing_file *files = realloc(listing->files, room * sizeof *files);
    if (!files) {
      listing->out_of_memory = true;
      return;
    }
    listing->files = files;
    listing->file_room = room;
  }
  size_t bytes = strlen(listed) + 1;
  char *key = malloc(bytes);
  if (!key) {
    listing->out_of_memory = true;
    return;
  }
  memcpy(key, listed, bytes);
  listing->files[listing->file_count++] = (ipc_listing_file){.key = key, .hashed = hashed};
}

ipc_listing *ipc_list_open(const char *prefix, ipc_failure *failure) {
  *failure = (ipc_failure){0};
  char key[IPC_OS_KEY_BYTES];
  if (prefix && ipc_segment_key(key, IPC_ROUTE, prefix, "name") != IPC_OK) {
    ipc_failure_set(failure, IPC_E_INVALID_NAME, 0, 0);
    return NULL;
  }
  ipc_listing *listing = aligned_alloc(_Alignof(ipc_listing), sizeof *listing);
  if (!listing) {
    ipc_failure_set_refused(failure, IPC_CAUSE_HEAP, -ENOMEM, NULL);
    return NULL;
  }
  memset(listing, 0, sizeof *listing);
  listing->is_filtered = prefix != NULL;
  listing->wants_leases = true;
  snprintf(listing->prefix, sizeof listing->prefix, "%s", prefix ? prefix : "");
  int error = 0;
  if (ipc_storage_reach(failure) == IPC_OK) error = ipc_os_list(list_remember_file, listing);
  if (failure->code == 0 && error == 0 && !listing->out_of_memory) return listing;
  if (error != 0)
    ipc_failure_set_refused(failure, IPC_CAUSE_DIRECTORY, error, NULL);
  else if (failure->code == 0)
    ipc_failure_set_refused(failure, IPC_CAUSE_HEAP, -ENOMEM, NULL);
  ipc_list_close(listing);
  return NULL;
}

void ipc_list_close(ipc_listing *listing) {
  if (!listing) return;
  for (uint32_t i = 0; i < listing->file_count; i++) free(listing->files[i].key);
  free(listing->files);
  free(listing);
}

/* What a key says, where it is not hashed: see ipc_segment_key. False: no segment has such a key. */
static bool list_parse_key(const char *key, ipc_listed_name *name) {
  for (uint32_t kind = IPC_ROUTE; kind < IPC_KINDS; kind++) {
    char start[32], again[IPC_OS_KEY_BYTES], *end;
    int length = snprintf(start, sizeof start, "libipc.%s.", ipc_kind_names[kind]);
    if (strncmp(key, start, (size_t)length) != 0) continue;
    unsigned long prefix_bytes = strtoul(key + length, &end, 10);
    if (*end != '.' || prefix_bytes > IPC_MAX_PREFIX || strlen(end + 1) <= prefix_bytes) return false;
    const char *prefix = end + 1, *rest = prefix + prefix_bytes + 1;
    if (prefix[prefix_bytes] != '.' || strlen(rest) > IPC_MAX_NAME) return false;
    name->kind = kind;
    snprintf(name->prefix, sizeof name->prefix, "%.*s", (int)prefix_bytes, prefix);
    snprintf(name->name, sizeof name->name, "%s", rest);
    /* Made again it must be the same: then everything else about it is right, too. */
    if (ipc_segment_key(again, name->kind, name->prefix, name->name) == IPC_OK && strcmp(again, key) == 0) return true;
    name->kind = 0;
    name->prefix[0] = name->name[0] = 0;
    return false;
  }
  return false;
}

int32_t ipc_listing_read_entry(ipc_listing *listing, const ipc_listing_file *entry, ipc_listed_name *name,
                               ipc_failure *failure) {
  *name = (ipc_listed_name){0};
  listing->slot_count = listing->next_slot = 0;
  bool can_be = entry->hashed || list_parse_key(entry->key, name);
  if (listing->is_filtered && !entry->hashed && (!can_be || strcmp(name->prefix, listing->prefix) != 0)) return 0;
  snprintf(name->path, sizeof name->path, "%s/%s", ipc_os_directory(), entry->key);
  int fd = ipc_os_open_to_read(entry->key);
  switch (fd < 0 ? -fd : 0) {
    case 0: break;
    case ENOENT: return 0;
    case EMFILE:
    case ENFILE:
    case ENOMEM: return ipc_failure_set_refused(failure, IPC_CAUSE_FILE, fd, entry->key);
    default:
      name->state = fd == -EACCES || fd == -EPERM ? IPC_LISTED_DENIED : IPC_LISTED_FOREIGN;
      name->system_error = -fd;
  }
  if (fd >= 0) {
    ipc_os_file file = {0};
    int error = ipc_os_stat(fd, &file);
    bool is_there = error == 0 && file.links > 0;
    name->bytes = file.size;
    name->state = IPC_LISTED_FOREIGN;
    if (is_there && can_be) ipc_listing_read_segment(listing, fd, entry->key, name);
    ipc_os_close(fd);
    if (!is_there) return 0;
  }
  return !listing->is_filtered || (name->name[0] && strcmp(name->prefix, listing->prefix) == 0);
}

int32_t ipc_list_next(ipc_listing *listing, ipc_listed_name *name, ipc_failure *failure) {
  *failure = (ipc_failure){0};
  int32_t found = 0;
  while (found == 0 && listing->next_file < listing->file_count)
    found = ipc_listing_read_entry(listing, &listing->files[listing->next_file++], name, failure);
  if (found != 1) listing->slot_count = 0;
  listing->state = found == 1 ? name->state : 0;
  return found;
}

static int32_t list_remove(ipc_listing *listing, bool keeps_died_inside) {
  if (listing->state != IPC_LISTED_LEFTOVER && listing->state != IPC_LISTED_UNFINISHED &&
      listing->state != IPC_LISTED_VERSION)
    return 0;
  const char *key = listing->files[listing->next_file - 1].key;
  return ipc_segment_remove_leftover(key, REMOVE_PATIENCE_NS, keeps_died_inside);
}

int32_t ipc_list_remove(ipc_listing *listing) { return list_remove(listing, false); }

int32_t ipc_list_remove_unneeded(ipc_listing *listing) { return list_remove(listing, true); }

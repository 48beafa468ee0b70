#include "open.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "died_inside.h"
#include "ending.h"
#include "failure.h"
#include "name_lock.h"
#include "orphan.h"
#include "other_layout.h"
#include "segment_options.h"
#include "slots.h"
#include "storage.h"

/* One call of ipc_segment_open(), with the file that it has locked. */
typedef struct opening {
  ipc_segment *segment;
  const char *prefix, *name;
  const ipc_options *options;
  ipc_failure *failure;
  ipc_os_file file;
  int fd;
  bool created;    /* the file, by this call */
  bool owner_died; /* inside the lock that this call replaces */
} opening;

/* The file was removed: look the name up again. Beside the answers of an open, which are failures or IPC_OK. */
enum { OPEN_AGAIN = 1 };

/* Whether an owner died inside a leftover, or inside the lock that an unfinished segment replaces. */
static bool open_died_inside(const opening *it) {
  const ipc_segment *segment = it->segment;
  return segment->receivers ? ipc_died_inside(segment) : ipc_died_inside_unfinished(segment->header, it->options->kind);
}

/*
 * Takes over such a leftover as it is. No live endpoint is on it, and we have the name lock. It is not replaced by a
 * new segment: if this process were killed between the removal and the creation, the information that the owner died
 * would be lost, and an open between the two would not see it.
 */
static void open_inherit(ipc_segment *segment) {
  ipc_slots_reap(segment);
  ipc_died_inside_inherit(segment);
}

/*
 * Whether a mapped segment is to be replaced: its creator was killed before it was ready (we hold the name lock, so
 * no process is at work on it), or all its endpoints are dead and it is not kept. If not, it is joined, or
 * failure->code says why it cannot be.
 */
static bool open_is_leftover(ipc_segment *segment, const ipc_os_file *file, const char *prefix, const char *name,
                             const ipc_options *options, ipc_failure *failure) {
  ipc_header *header = segment->header;
  if (atomic_load_explicit(&header->magic, memory_order_acquire) == 0) return true;
  if (ipc_segment_check_identity(header, file->size, prefix, name, options, segment, failure) != IPC_OK) return false;
  if (!ipc_slots_any_alive(segment) && !ipc_segment_is_kept(segment)) return true;
  if (options->mode == IPC_CREATE)
    ipc_failure_set(failure, IPC_E_EXISTS, 0, 0);
  else
    ipc_segment_options_compare(segment, file, options, failure);
  return false;
}

static int32_t open_create(opening *it) {
  return ipc_segment_create(it->segment, it->fd, it->prefix, it->name, it->options, it->owner_died, it->failure);
}

/* An empty file. */
static int32_t open_create_new(opening *it) {
  /* Its creator was killed, or this call was faster and the creator will notice. Its mode is that of other options. */
  if (!it->created && ipc_os_unlink(it->segment->key) == 0) return OPEN_AGAIN;
  /* Another user's file: just being created, or left so. */
  if (it->options->mode == IPC_OPEN) return ipc_failure_set(it->failure, IPC_E_NOT_FOUND, 0, 0);
  int32_t status = open_create(it);
  if (status != IPC_OK) ipc_os_unlink(it->segment->key);
  return status;
}

/* Whether a leftover is what these options would create: then it can be inherited. A semaphore that is opened without
 * options is not robust, and has one permit. */
static bool open_is_as_wanted(const opening *it) {
  const ipc_segment *segment = it->segment;
  const ipc_options *options = it->options;
  if (segment->kind == IPC_SEMAPHORE &&
      (options->robust != 1 || segment->initial != (options->initial ? options->initial - 1 : 1)))
    return false;
  return ipc_segment_options_compare(segment, &it->file, options, it->failure) == IPC_OK;
}

/* A mapped segment that no live endpoint is on. */
static int32_t open_replace_leftover(opening *it) {
  ipc_segment *segment = it->segment;
  bool died_inside = open_died_inside(it), is_lock = it->options->kind != IPC_SEMAPHORE;
  if (it->options->mode == IPC_OPEN) {
    if (!died_inside) ipc_segment_unlink(segment);
    return ipc_failure_set(it->failure, IPC_E_NOT_FOUND, 0, 0);
  }
  if (died_inside && segment->receivers && open_is_as_wanted(it)) {
    open_inherit(segment);
    return IPC_OK;
  }
  *it->failure = (ipc_failure){0}; /* the options of a leftover bind no new user */
  it->owner_died = died_inside && is_lock;
  /* A lock whose owner died is created again in its file: without the file, an open at that moment, or after a kill,
   * would not see that the owner died. */
  bool removed = !it->owner_died && ipc_segment_unlink(segment);
  if (it->owner_died) {
    if (segment->receivers) ipc_died_inside_keep(segment);
    ipc_os_set_permissions(it->fd, ipc_name_lock_mode(it->options)); /* refused: it is another user's file */
  } else if (!removed) {
    /* Before its size changes: if we are killed half-way, the next open must see that the segment is unfinished. */
    atomic_store_explicit(&segment->header->magic, 0, memory_order_release);
  }
  ipc_segment_close(segment);
  /* If it is not removed, it is written in place, also if it is another user's file. */
  return removed ? OPEN_AGAIN : open_create(it);
}

static int32_t open_existing(opening *it) {
  ipc_segment *segment = it->segment;
  int error = 0;
  if (it->file.size < IPC_HEADER_BYTES)
    return ipc_failure_set(it->failure, IPC_E_CORRUPT, it->file.size, IPC_HEADER_BYTES);
  if (!ipc_segment_map(segment, it->fd, ipc_segment_mapped_bytes(it->options->kind, it->file.size), &error))
    return ipc_failure_set_refused(it->failure, IPC_CAUSE_MAP, error, segment->key);
  if (!open_is_leftover(segment, &it->file, it->prefix, it->name, it->options, it->failure)) return it->failure->code;
  return open_replace_leftover(it);
}

/* A segment of another layout. It is replaced if no process has it open. */
static int32_t open_other_layout(opening *it) {
  ipc_segment_close(it->segment);
  ipc_os_unlock(it->fd);
  it->fd = -1;
  if (ipc_other_layout_remove(it->segment->key, it->failure) < 0) return IPC_E_VERSION;
  *it->failure = (ipc_failure){0};
  return OPEN_AGAIN;
}

/* Opens and locks the file of the key: IPC_OK, or a failure. */
static int32_t open_file(opening *it) {
  ipc_segment *segment = it->segment;
  ipc_failure *failure = it->failure;
  it->fd = ipc_name_lock_open(segment->key, it->options, IPC_NAME_LOCK_PATIENCE_NS, &it->file, &it->created, failure);
  if (failure->code != IPC_OK) return failure->code;
  if (it->fd == -ENOENT && ipc_os_is_directory_removed())
    return ipc_failure_set_refused(failure, IPC_CAUSE_DIRECTORY, it->fd, NULL);
  if (it->fd == -ENOENT) return ipc_failure_set(failure, IPC_E_NOT_FOUND, 0, 0);
  if (it->fd == -EACCES && ipc_os_stat_key(segment->key, &it->file) == 0) ipc_name_lock_refuse(failure, &it->file);
  if (it->fd < 0) return ipc_failure_set_refused(failure, IPC_CAUSE_FILE, it->fd, segment->key);
  segment->inode = it->file.inode;
  segment->access = (ipc_os_access){it->file.group, it->file.permissions};
  return IPC_OK;
}

int32_t ipc_segment_open(ipc_segment *segment, const char *prefix, const char *name, const ipc_options *options,
                         ipc_failure *failure) {
  memset(segment, 0, sizeof *segment);
  *failure = (ipc_failure){0};
  int32_t status = ipc_segment_options_check(options, failure);
  if (status != IPC_OK) return status;
  status = ipc_segment_key(segment->key, options->kind, prefix, name);
  if (status != IPC_OK) return ipc_failure_set(failure, status, 0, 0);
  for (uint32_t i = 0; i < IPC_CODEC_BYTES; i++) segment->codec[i] = options->codec[i];
  segment->keeps = options->keep == 1;
  segment->only_notifies = options->notify_only == 1;
  if (ipc_storage_reach(failure) != IPC_OK) return failure->code;
  int error = ipc_os_identify();
  if (error == -ENOENT) return ipc_failure_set_refused(failure, IPC_CAUSE_DIRECTORY, error, NULL);
  if (error != 0) return ipc_failure_set_refused(failure, IPC_CAUSE_IDENTITY, error, NULL);
  ipc_ending_watch();

  opening it = {.segment = segment, .prefix = prefix, .name = name, .options = options, .failure = failure};
  do {
    status = open_file(&it);
    if (status != IPC_OK) return status;
    status = it.file.size == 0 ? open_create_new(&it) : open_existing(&it);
    if (status == IPC_E_VERSION) status = open_other_layout(&it);
    if (status == OPEN_AGAIN && it.fd >= 0) ipc_os_unlock(it.fd);
  } while (status == OPEN_AGAIN);
  /* A page that was missing: a stranger made the file smaller meanwhile. */
  if (status == IPC_OK && atomic_load_explicit(&segment->mapping->damage.found, memory_order_relaxed))
    status = ipc_failure_set(failure, IPC_E_CORRUPT, 0, segment->mapping->bytes);
  if (status == IPC_OK) return it.fd;
  ipc_segment_close(segment);
  if (it.fd >= 0) ipc_os_unlock(it.fd);
  return status;
}

void *ipc_segment_open_endpoint(size_t bytes, bool has_ring, const char *prefix, const char *name,
                                const ipc_options *options, int32_t *lock, ipc_failure *failure) {
  *failure = (ipc_failure){0};
  ipc_options own;
  if (ipc_segment_options_read(&own, options, failure) != IPC_OK) return NULL;
  if (ipc_segment_has_ring(own.kind) != has_ring) {
    ipc_failure_set(failure, IPC_E_INVALID_ARGUMENT, own.kind, 0);
    return NULL;
  }
  ipc_segment *segment = calloc(1, bytes);
  if (!segment) {
    ipc_failure_set_refused(failure, IPC_CAUSE_HEAP, -ENOMEM, NULL);
    return NULL;
  }
  *lock = ipc_segment_open(segment, prefix, name, &own, failure);
  if (*lock >= 0) return segment;
  free(segment);
  return NULL;
}

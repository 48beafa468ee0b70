#include "remove.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "died_inside.h"
#include "failure.h"
#include "libipc/storage.h"
#include "name_lock.h"
#include "orphan.h"
#include "other_layout.h"
#include "slots.h"
#include "storage.h"

int32_t ipc_clear(const char *prefix, const char *name, uint32_t kind, ipc_failure *failure) {
  memset(failure, 0, sizeof *failure);
  ipc_segment segment = {0};
  if (!ipc_segment_is_kind(kind)) return ipc_failure_set(failure, IPC_E_INVALID_ARGUMENT, kind, 0);
  int32_t status = ipc_segment_key(segment.key, kind, prefix, name);
  if (status != IPC_OK) return ipc_failure_set(failure, status, 0, 0);
  if (ipc_storage_reach(failure) != IPC_OK) return failure->code;
  ipc_os_file file;
  bool created;
  int error = ipc_os_stat_key(segment.key, &file);
  if (error == -ENOENT) return IPC_OK;
  if (error != 0) return ipc_failure_set_refused(failure, IPC_CAUSE_FILE, error, segment.key);
  /* A stranger's file is neither waited for nor mapped. Endpoints that are open on it notice by themselves. */
  if (!ipc_name_lock_is_own(&file)) {
    error = ipc_os_unlink(segment.key);
    if (error == -EPERM || error == -EACCES) ipc_name_lock_refuse(failure, &file);
    return error == 0 || error == -ENOENT ? IPC_OK
                                          : ipc_failure_set_refused(failure, IPC_CAUSE_FILE, error, segment.key);
  }
  int fd = ipc_name_lock_open(segment.key, NULL, IPC_NAME_LOCK_PATIENCE_NS, &file, &created, NULL);
  if (fd == -ENOENT) return IPC_OK;
  if (fd < 0) return ipc_failure_set_refused(failure, IPC_CAUSE_FILE, fd, segment.key);
  error = ipc_os_unlink(segment.key);
  /* Mark it for its endpoints, if it is a segment of ours: any file may have this name. */
  int ignored;
  if (error == 0 && ipc_name_lock_is_own(&file) && file.size >= IPC_HEADER_BYTES &&
      ipc_segment_map(&segment, fd, ipc_segment_mapped_bytes(kind, file.size), &ignored)) {
    const ipc_options options = {.kind = kind};
    ipc_failure damage;
    if (ipc_segment_check_identity(segment.header, file.size, prefix, name, &options, &segment, &damage) == IPC_OK)
      ipc_segment_mark_orphaned(&segment);
    ipc_segment_close(&segment);
  }
  ipc_os_unlock(fd);
  return error == 0 ? IPC_OK : ipc_failure_set_refused(failure, IPC_CAUSE_FILE, error, segment.key);
}

void ipc_clear_dead_processes(void) { ipc_os_remove_dead_identities(); }

/* Whether an unfinished segment replaces a lock whose owner died inside. Its header does not say its kind yet. */
static bool remove_died_inside_unfinished(const ipc_header *header) {
  return ipc_died_inside_unfinished(header, IPC_MUTEX) || ipc_died_inside_unfinished(header, IPC_RWLOCK);
}

/* Whether no live endpoint is on a mapped file that may be a segment. If not, failure->code may say why. Under the name
 * lock. */
static bool remove_is_abandoned(ipc_segment *segment, uint64_t file_bytes, const char *listed, bool keeps_died_inside,
                                ipc_failure *failure) {
  ipc_header *header = segment->header, copy;
  if (atomic_load_explicit(&header->magic, memory_order_acquire) == 0) /* unfinished */
    return !keeps_died_inside || !remove_died_inside_unfinished(header);
  memcpy(&copy, header, offsetof(ipc_header, head));
  if (ipc_segment_check(&copy, file_bytes, failure) != IPC_OK || !ipc_segment_is_named(&copy, listed)) return false;
  ipc_segment_adopt(segment, &copy);
  return !ipc_slots_any_alive(segment) && !ipc_segment_is_kept(segment) &&
         !(keeps_died_inside && ipc_died_inside(segment));
}

bool ipc_segment_remove_leftover(const char *listed, uint64_t patience_ns, bool keeps_died_inside) {
  ipc_segment segment = {0};
  ipc_failure failure = {0};
  ipc_os_file file;
  bool created, removed = false;
  int ignored, fd = ipc_name_lock_open(listed, NULL, patience_ns, &file, &created, NULL);
  if (fd < 0) return false;
  /* All of it may be mapped: nothing of shared memory itself is read. */
  snprintf(segment.key, sizeof segment.key, "%s", listed);
  if (ipc_name_lock_is_own(&file) && file.size == 0)
    removed = ipc_os_unlink(listed) == 0;
  else if (ipc_name_lock_is_own(&file) && file.size >= IPC_HEADER_BYTES &&
           ipc_segment_map(&segment, fd, file.size, &ignored) &&
           remove_is_abandoned(&segment, file.size, listed, keeps_died_inside, &failure))
    removed = ipc_segment_unlink(&segment);
  ipc_segment_close(&segment);
  ipc_os_unlock(fd);
  return removed || (failure.code == IPC_E_VERSION && ipc_other_layout_remove(listed, &failure) == 1);
}

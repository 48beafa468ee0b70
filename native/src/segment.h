/*
 * segment.h - one name's shared memory: made, found, checked, locked, removed.
 *
 * A segment is made, joined, left and removed only under the name lock: a lock on
 * the segment's file that the kernel gives back when its holder dies. So there is
 * nothing to recover when a process is killed anywhere in here; the next holder sees
 * either no magic (the creator died: it initialises again) or a finished segment.
 */
#ifndef LIBIPC_SEGMENT_H
#define LIBIPC_SEGMENT_H

#include <stdbool.h>

#include "layout.h"
#include "libipc/binding_view.h"
#include "libipc/status.h"
#include "mapping.h"
#include "platform/platform.h"

/* What ipc_segment_key() calls each ipc_kind. */
enum { IPC_KINDS = IPC_LATEST + 1 };
extern const char *const ipc_kind_names[IPC_KINDS];

struct ipc_segment {
  ipc_mapping *mapping;
  ipc_header *header;
  ipc_slot *receivers;
  ipc_slot *senders;     /* max_senders of them: none of what has no ring */
  ipc_wait_entry *waits; /* max_waits of them: none of rings */
  uint8_t *body;
  /* Copies of checked header fields: what shared memory says later is not trusted. */
  uint32_t kind;
  uint32_t overflow;
  uint32_t capacity;
  uint32_t max_receivers;
  uint32_t max_senders;
  uint32_t max_waits;
  uint32_t initial; /* of a semaphore */
  bool robust;      /* …too */
  bool stamped;     /* of a ring */
  uint64_t inode;
  uint64_t created;
  uint64_t joined; /* of a receiver: the head word whose position it took */
  /* See open_segments.h; slot is NULL while it is not in the list. */
  struct {
    ipc_segment *next, *previous;
    ipc_slot *slot;
    uint32_t instance, thread;
    void (*leave_as_dead)(ipc_segment *segment, uint32_t instance, uint64_t patience_ns);
  } open;
  int32_t name_lock_and_1;                  /* what a binding holds, see ipc_segment_lock_name(); 0: nothing */
  void (*free_endpoint)(ipc_segment *self); /* frees the endpoint whose first member this is; its slot is left */
  char key[IPC_OS_KEY_BYTES];
  ipc_os_access access;        /* of the file, when it was opened */
  char codec[IPC_CODEC_BYTES]; /* of this endpoint; "": it has none */
  bool keeps;                  /* this handle of a latest value was opened with `keep` */
  bool only_notifies;          /* this handle of a Signal was opened with `notify_only` */
  uint64_t admitted_waker; /* the last one that ipc_event_admit() has opened to the users that may write to the file */
};

/*
 * Takes the name lock of an open segment: a descriptor, IPC_E_ORPHANED if the name
 * leads elsewhere by now, IPC_E_BUSY after `patience_ns`, or IPC_E_FORKED.
 */
int32_t ipc_segment_lock(const ipc_segment *segment, uint64_t patience_ns);

/*
 * Returns `status`; or IPC_E_FORKED in a forked child (see mapping.h); or IPC_E_CORRUPT if a page was missing, here or
 * in another process that marked the segment before the header was gone, too: then zeros were read, and what was
 * written is lost. For all public calls, when they return: one load from a cache line that they all have read anyway.
 */
static inline int32_t ipc_segment_result(const ipc_segment *segment, int32_t status) {
  uint32_t orphaned = atomic_load_explicit(&segment->header->orphaned, memory_order_relaxed);
  if (__builtin_expect(orphaned == 0, 1)) return status;
  return segment->mapping->is_forked ? IPC_E_FORKED : orphaned == IPC_TRUNCATED ? IPC_E_CORRUPT : status;
}

/* Maps `bytes` of the file: the header is there afterwards. False: *error is -errno. */
bool ipc_segment_map(ipc_segment *segment, int fd, uint64_t bytes, int *error);

/* How much of a file an open maps. Of shared memory the header and the tables only: the memory has its own mapping. */
uint64_t ipc_segment_mapped_bytes(uint32_t kind, uint64_t file_bytes);

/* Makes the locked file `fd` a new segment and maps it. owner_died: the next owner of the lock gets IPC_OWNER_DIED. */
int32_t ipc_segment_create(ipc_segment *segment, int fd, const char *prefix, const char *name,
                           const ipc_options *options, bool owner_died, ipc_failure *failure);

/* Takes kind, sizes and options over from a checked header that no other process can change: a copy. */
void ipc_segment_adopt(ipc_segment *segment, const ipc_header *header);

/* Another hold on the mapping: it stays until each has been released. */
ipc_mapping *ipc_mapping_hold(ipc_segment *segment);

/* Unmaps, unless a view is still held. */
void ipc_segment_close(ipc_segment *segment);

/* The memory of a kind with `capacity` and `max_receivers`: total bytes (shared memory: without it), and where the
 * ring, or the first buffer, starts. */
uint64_t ipc_segment_bytes(uint32_t kind, uint32_t capacity, uint32_t max_receivers, uint64_t *body_offset);

/* Routes, channels and queues. */
static inline bool ipc_segment_has_ring(uint32_t kind) { return kind <= IPC_QUEUE; }

static inline bool ipc_segment_is_kind(uint32_t kind) { return kind >= IPC_ROUTE && kind < IPC_KINDS; }

/*
 * Gives the buffers of a latest value memory up to this one: the file has its size, and holes. Takes the name lock.
 * IPC_OK, IPC_E_NO_SPACE, IPC_E_ORPHANED, IPC_E_BUSY or IPC_E_SYSTEM; then nothing has changed.
 */
int32_t ipc_segment_reserve_buffer(const ipc_segment *segment, uint32_t index);

/*
 * Whether the name stays although no handle is open. Set for ever by a handle that is opened with `keep`, under the
 * name lock, under which all read it who would remove the name.
 */
static inline bool ipc_segment_is_kept(const ipc_segment *segment) {
  return atomic_load_explicit(&segment->header->kept, memory_order_relaxed) != 0;
}

/* Maps the shared memory of IPC_MEMORY, as much as there is by now, under the name lock `fd`; NULL: failure->code says
 * why not. */
ipc_mapping *ipc_segment_map_memory(const ipc_segment *segment, int fd, ipc_failure *failure);

/* Makes shared memory at least so large. */
int32_t ipc_segment_grow_memory(const ipc_segment *segment, uint64_t bytes, ipc_failure *failure);

/* Checks prefix and name and makes the system's key of them: IPC_OK or IPC_E_INVALID_NAME. */
int32_t ipc_segment_key(char key[IPC_OS_KEY_BYTES], uint32_t kind, const char *prefix, const char *name);

/* Whether a header has this layout and fits its file: IPC_OK, or the failure that an open would return. */
int32_t ipc_segment_check(const ipc_header *header, uint64_t file_bytes, ipc_failure *failure);

/*
 * Copies all constant fields of a mapped header, checks the copy against the file and the name, and takes it over: what
 * a joiner relies on is read once, and no other process can change it between check and use.
 */
int32_t ipc_segment_check_identity(const ipc_header *header, uint64_t file_bytes, const char *prefix, const char *name,
                                   const ipc_options *options, ipc_segment *segment, ipc_failure *failure);

/*
 * Whether a checked header has the name under which its file was listed: a copied or a renamed file has not. The header
 * is a copy that no other process can change.
 */
bool ipc_segment_is_named(const ipc_header *header, const char *listed);

#endif

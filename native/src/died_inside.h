/* died_inside.h - a lock whose owner died, or was closed, inside it, and that no live handle has open. */
#ifndef LIBIPC_DIED_INSIDE_H
#define LIBIPC_DIED_INSIDE_H

#include "segment.h"

/*
 * Whether the next user must learn of an owner that died or was closed inside: the next owner of a mutex or of a
 * reader-writer lock gets IPC_OWNER_DIED, and a robust semaphore counts the permits in `recovered`. Such a segment
 * keeps its name when its last handle is closed, until an open inherits it or ipc_clear() removes it. Under the name
 * lock, and only if no live handle has a slot. Only loads: a signal handler may call it.
 */
bool ipc_died_inside(const ipc_segment *segment);

/* Whether an unfinished segment replaces one in which an owner died: see ipc_died_inside_keep(). */
bool ipc_died_inside_unfinished(const ipc_header *header, uint32_t kind);

/*
 * Begins to replace a mutex or reader-writer lock in its file: from here on it is unfinished, and its header keeps the
 * information until ipc_segment_create() has made the new lock. Under the name lock.
 */
void ipc_died_inside_keep(const ipc_segment *segment);

/* Makes a segment usable that ipc_died_inside() has accepted. Under the name lock; all slots are empty. */
void ipc_died_inside_inherit(const ipc_segment *segment);

#endif

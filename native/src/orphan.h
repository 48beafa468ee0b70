/* orphan.h - a segment that has lost its name, and the endpoints that must learn about it. */
#ifndef LIBIPC_ORPHAN_H
#define LIBIPC_ORPHAN_H

#include "segment.h"

/*
 * Removes the name and marks the segment as orphaned. Under the name lock. False: the system does not let this user
 * remove it.
 */
bool ipc_segment_unlink(ipc_segment *segment);

/*
 * Whether the name no longer leads to this segment, or its file is damaged. If so, the segment is marked: orphaned, or
 * truncated. Asks the system, unless the segment is marked already.
 */
bool ipc_segment_is_orphaned(ipc_segment *segment);

/* Marks the segment as orphaned and wakes everything that sleeps on it. */
void ipc_segment_mark_orphaned(ipc_segment *segment);

#endif

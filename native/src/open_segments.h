/*
 * open_segments.h - the endpoints and handles that this process has open, with the threads that opened them.
 *
 * A thread that ends, however it ends, marks the slots that it has open as dead: it stores owner = 0. Other processes
 * cannot ask the kernel about a single thread of this one in every namespace.
 */
#ifndef LIBIPC_OPEN_SEGMENTS_H
#define LIBIPC_OPEN_SEGMENTS_H

#include "segment.h"

/* Adds a segment whose slot has just been taken by this thread. */
void ipc_open_segments_add(ipc_segment *segment, ipc_slot *slot);

/* Removes it, if it is there: before its slot is emptied, so that no slot of a later owner is marked. */
void ipc_open_segments_remove(ipc_segment *segment);

typedef void ipc_open_segment_visitor(ipc_segment *segment, void *context);

/*
 * For a signal handler that ends the process: visits all that is open by `first`, then all by `second`. False: another
 * holder of the list did not release it soon, perhaps because this thread was interrupted in it. The list stays locked:
 * no thread may open or close any more.
 */
bool ipc_open_segments_try_each(ipc_open_segment_visitor *first, ipc_open_segment_visitor *second, void *context);

#endif

/*
 * open_segments.h - the endpoints and handles that this process has open, with the threads that opened them.
 *
 * A thread that ends, however it ends, marks the slots that it has open as dead: it stores owner = 0. Other processes
 * cannot ask the kernel about a single thread of this one in every namespace.
 *
 * Where a binding has said that nothing outlives its thread (ipc_process_adopt_threads), the thread also frees what it
 * has open: the name is removed if no other endpoint has it open, and the memory is given back.
 */
#ifndef LIBIPC_OPEN_SEGMENTS_H
#define LIBIPC_OPEN_SEGMENTS_H

#include "segment.h"

/*
 * Adds a segment whose slot has just been taken by this thread. leave_as_dead empties that slot after this thread has
 * marked it: it is given here because this file must not depend on slots.c.
 */
void ipc_open_segments_add(ipc_segment *segment, ipc_slot *slot,
                           void leave_as_dead(ipc_segment *segment, uint32_t instance, uint64_t patience_ns));

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

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

#endif

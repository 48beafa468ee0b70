/* remove.h - removing names that no live endpoint uses. */
#ifndef LIBIPC_REMOVE_H
#define LIBIPC_REMOVE_H

#include "segment.h"

/*
 * Removes a listed file if it is a segment that no live endpoint is on, or one whose creator died before it was ready,
 * or one of another layout that no process has open. Decided under the name lock, so no process can be opening it at
 * that moment. `keeps_died_inside`: a lock or a robust semaphore whose owner died inside stays: see died_inside.h.
 * False: it stays, or was gone.
 */
bool ipc_segment_remove_leftover(const char *listed, uint64_t patience_ns, bool keeps_died_inside);

#endif

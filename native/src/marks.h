/*
 * marks.h - record boundaries that can be found without reading the ring.
 *
 * A receiver that begins with the oldest message, or that was overrun, needs a position at which a record starts. The
 * sender that holds the claim leaves a mark at head before it raises `announced`, so at least every eighth of the ring
 * has one.
 *
 * marks[i % IPC_MARKS] is mark number i, complete once mark_count > i. A reader checks afterwards that the writer has
 * not come round to it again.
 */
#ifndef LIBIPC_MARKS_H
#define LIBIPC_MARKS_H

#include "layout.h"

typedef struct ipc_mark_copy {
  uint64_t position, number;
} ipc_mark_copy;

/* Leaves a mark, unless the last one is at the same position. Under the claim. */
void ipc_marks_add(ipc_header *header, uint64_t position, uint64_t number);

/* The last mark: there always is one. Under the claim. */
ipc_mark_copy ipc_marks_last(const ipc_header *header);

/* Copies the marks that are there, oldest first; answers how many, at most IPC_MARKS - 1. Any thread. */
uint32_t ipc_marks_copy(const ipc_header *header, ipc_mark_copy marks[IPC_MARKS]);

#endif

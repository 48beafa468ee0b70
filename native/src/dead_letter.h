/*
 * dead_letter.h - the limit of attempts of a queue, and the name of its dead-letter queue.
 *
 * They belong to the queue: the first receiver that passes them stores them in the header, under the name lock and
 * after it has taken its slot. Invariant: while max_attempts is not 0, it and the name do not change until the segment
 * is created again. The name comes first, then max_attempts with release, then the bit in take_checks: a process that
 * is killed in between leaves what is not set, and the next receiver with these options stores all of it.
 */
#ifndef LIBIPC_DEAD_LETTER_H
#define LIBIPC_DEAD_LETTER_H

#include "segment.h"

/* Whether a receiver with these options may join: IPC_OK, or *failure says what differs. Under the name lock. */
int32_t ipc_dead_letter_compare(const ipc_segment *segment, const ipc_options *options, ipc_failure *failure);

/* Sets them for the receiver that has just joined, if it has them and the queue has none. Under the name lock. */
void ipc_dead_letter_set(ipc_segment *segment, const ipc_options *options);

/* Copies the name. max_attempts was not 0 before. */
void ipc_dead_letter_read(const ipc_segment *segment, char name[IPC_MAX_NAME + 1]);

/* The limit of attempts of a queue; 0: there is none. */
uint32_t ipc_dead_letter_limit(const ipc_header *header);

/* Says that the failure is about the dead-letter queue of this name. */
void ipc_dead_letter_fail(ipc_failure *failure, const char *name);

#endif

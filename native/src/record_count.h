/*
 * record_count.h - how many messages a stretch of the ring has.
 *
 * The word of head counts messages, and marks take that count over. It is not to be had where a TypeScript sender was
 * killed between the two stores of head, or is between them now: then the records themselves are counted, from the last
 * mark on.
 */
#ifndef LIBIPC_RECORD_COUNT_H
#define LIBIPC_RECORD_COUNT_H

#include "segment.h"

/*
 * How many messages the records from one record boundary up to another one have, as senders count them: a loan when it
 * is published, a message of fragments with its last one. Reads headers only. What others overwrite meanwhile makes the
 * number wrong; the caller checks that.
 */
uint32_t ipc_record_count(const uint8_t *body, uint32_t capacity_units, uint32_t from, uint32_t to);

/*
 * Head and the number of messages before it, which belong together whatever a TypeScript sender does: as the word of
 * head has them, for a joiner that senders do not wait for. Any thread.
 */
uint64_t ipc_record_count_head(const ipc_segment *segment);

/*
 * The claim was taken over from a dead sender: its count of messages may be too high. Under the claim.
 */
void ipc_record_count_again(ipc_segment *segment);

#endif

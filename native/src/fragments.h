/* fragments.h - sending a message that is larger than a record: in fragments, each published by itself. */
#ifndef LIBIPC_FRAGMENTS_H
#define LIBIPC_FRAGMENTS_H

#include "sender_write.h"

/*
 * The largest message of a ring with IPC_DROP_OLDEST that a receiver can get which begins to read after it was sent.
 * The end of a longer one would overwrite its beginning.
 */
uint32_t ipc_fragments_max_overwriting(const ipc_sender *sender);

/* Sends all of it. The time is for the whole message or, per_fragment, for each fragment. */
int32_t ipc_fragments_send(ipc_sender *sender, const void *bytes, uint32_t length, int32_t timeout_ms,
                           bool per_fragment);

/* Sends as much as there is room for, from *offset on, and moves *offset: see ipc_sender_send_part(). */
int32_t ipc_fragments_send_part(ipc_sender *sender, const void *bytes, uint32_t length, uint32_t *offset);

#endif

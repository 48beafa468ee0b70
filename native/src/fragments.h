/* fragments.h - sending a message that is larger than a record: in fragments, each published by itself. */
#ifndef LIBIPC_FRAGMENTS_H
#define LIBIPC_FRAGMENTS_H

#include "sender_write.h"

/* Sends all of it. The time is for the whole message or, per_fragment, for each fragment. */
int32_t ipc_fragments_send(ipc_sender *sender, const void *bytes, uint32_t length, int32_t timeout_ms,
                           bool per_fragment);

/* Sends as much as there is room for, from *offset on, and moves *offset: see ipc_sender_send_part(). */
int32_t ipc_fragments_send_part(ipc_sender *sender, const void *bytes, uint32_t length, uint32_t *offset);

#endif

/* latest.h - how a receiver passes over what it has not read, up to the newest whole message. */
#ifndef LIBIPC_LATEST_H
#define LIBIPC_LATEST_H

#include "receiver_read.h"

/*
 * As ipc_receiver_next_of_any(), but of the newest message that is whole: those before it are passed over, and counted
 * in `skipped`. It stops before a loan that is still written. Large messages that other senders have begun are kept.
 */
int32_t ipc_receiver_next_latest(ipc_receiver *receiver, ipc_record_copy *record, const uint8_t **bytes);

#endif

/*
 * libipc/receiver.h - the reading end of a route or a channel.
 *
 * A receiver belongs to the thread that opened it, like a sender. It gets every
 * message sent after ipc_receiver_open() returned. While it lives, senders never
 * overwrite what it has not read: a slow receiver makes senders wait, it is never
 * thrown out. When its thread ends, senders that wait for it notice within a second.
 */
#ifndef LIBIPC_RECEIVER_H
#define LIBIPC_RECEIVER_H

#include "mapping.h"
#include "options.h"
#include "status.h"

typedef struct ipc_receiver ipc_receiver;

/* Opens `name` in `prefix`, creating it if need be. NULL: *failure says why. */
IPC_API ipc_receiver *ipc_receiver_open(const char *prefix, const char *name, const ipc_options *options,
                                        ipc_failure *failure);

/* Leaves and frees; unread messages no longer hold senders back. NULL is ignored. */
IPC_API void ipc_receiver_close(ipc_receiver *receiver);

/* Copies the next message into `target` and answers its length, waiting for one.
 * IPC_TIMED_OUT: none came. IPC_E_BUFFER_TOO_SMALL: it stays the next message. */
IPC_API int32_t ipc_receiver_recv(ipc_receiver *receiver, void *target, uint32_t capacity, int32_t timeout_ms);

/* The length of the next message, or IPC_TIMED_OUT if none is there now. */
IPC_API int32_t ipc_receiver_next_length(ipc_receiver *receiver);

/* Reading in place. peek() waits for a message, then fills `spans` with up to `max`
 * pairs (byte offset from ipc_receiver_ring(), length) of messages in order and
 * answers how many. They stay valid, and hold senders back, until consume() takes
 * the first `count` of them. One peek at a time; recv() in between is not allowed. */
IPC_API int32_t ipc_receiver_peek(ipc_receiver *receiver, uint32_t *spans, uint32_t max, int32_t timeout_ms);
IPC_API int32_t ipc_receiver_consume(ipc_receiver *receiver, uint32_t count);

/* The ring's bytes as mapped here: read only by contract. */
IPC_API const void *ipc_receiver_ring(const ipc_receiver *receiver);
IPC_API uint32_t ipc_receiver_capacity(const ipc_receiver *receiver);

/* Keeps the ring readable past close(): see mapping.h. */
IPC_API ipc_mapping *ipc_receiver_hold_mapping(ipc_receiver *receiver);

#endif

/*
 * libipc/receiver.h - the reading end of a route, a channel or a queue.
 *
 * A receiver belongs to the thread that opened it, like a sender. It gets every
 * message sent after ipc_receiver_open() returned (of a queue: those that no other
 * receiver took). Unless overflow is IPC_DROP_OLDEST, senders never overwrite what it
 * has not read while it lives: a slow receiver makes senders wait or drop, it is never
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

/* The length of the next message, or IPC_TIMED_OUT if none is there now. Of a queue: another may take it first. */
IPC_API int32_t ipc_receiver_next_length(ipc_receiver *receiver);

/* If the next message was put together from fragments: its memory, the caller's to free(), and *length. Else NULL. */
IPC_API void *ipc_receiver_take_assembled(ipc_receiver *receiver, uint32_t *length);

/* free() for what take_assembled() answered, for who cannot call it; and the address of a `void release(void *memory,
 * void *ignored)`. */
IPC_API void ipc_message_release(void *memory);
IPC_API void *ipc_message_releaser(void);

/* How many messages this receiver has missed by IPC_DROP_OLDEST, of those sent since it was opened. */
IPC_API double ipc_receiver_lost(const ipc_receiver *receiver);

/* Reading in place. peek() waits for a message, then fills `spans` with up to `max`
 * pairs (byte offset from ipc_receiver_ring(), length) of messages in order and
 * answers how many. They stay valid, and hold senders back, until consume() takes
 * the first `count` of them. One peek at a time; recv() in between is not allowed.
 * IPC_NOT_IN_PLACE: the next one does not lie in the ring for reading (it was put
 * together from fragments, or the ring is overwritten); spans[0] is its length. If that
 * is at most `capacity` it has been received into `target`, which may be NULL; else it
 * stays. Not for queues. */
IPC_API int32_t ipc_receiver_peek(ipc_receiver *receiver, uint32_t *spans, uint32_t max, void *target,
                                  uint32_t capacity, int32_t timeout_ms);
IPC_API int32_t ipc_receiver_consume(ipc_receiver *receiver, uint32_t count);

/* Of a queue: takes the next message and fills `lease`: where it lies (byte offset from
 * ipc_receiver_ring()), its length, how often it has been taken. It stays there, for this
 * receiver alone, until done(), or until retry(), which puts it back for any to take; so
 * does closing, and the end of the thread. recv() is take, copy and done. */
IPC_API int32_t ipc_receiver_take(ipc_receiver *receiver, int32_t timeout_ms, uint32_t *lease);
IPC_API int32_t ipc_receiver_done(ipc_receiver *receiver, uint32_t offset);
IPC_API int32_t ipc_receiver_retry(ipc_receiver *receiver, uint32_t offset);

/* The ring's bytes as mapped here: read only by contract. */
IPC_API const void *ipc_receiver_ring(const ipc_receiver *receiver);
IPC_API uint32_t ipc_receiver_capacity(const ipc_receiver *receiver);

/* Keeps the ring readable past close(): see mapping.h. */
IPC_API ipc_mapping *ipc_receiver_hold_mapping(ipc_receiver *receiver);

#endif

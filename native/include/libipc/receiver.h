/*
 * libipc/receiver.h - the reading end of a route, a channel or a queue.
 *
 * A receiver belongs to the thread that opened it (its owner, see status.h). It gets every message sent after its open
 * returned (in a queue: those that no other receiver took). Unless overflow is IPC_DROP_OLDEST, senders never overwrite
 * what a live receiver has not read: a slow receiver makes senders wait or drop, it is never disconnected. When the
 * receiver's thread ends, senders that wait for it notice within a second.
 *
 * An observer (`lossy` of ipc_options; routes and channels) is a receiver that no sender waits for. Senders overwrite
 * what it has not read; it then goes on with newer messages, and ipc_receiver_lost() says exactly how many it missed.
 * It never gets a message that was overwritten in part. In a ring with IPC_DROP_OLDEST all receivers read like this.
 * With from_oldest it starts with the oldest message that is still whole. Calls that read in the ring (peek) copy.
 *
 *   ipc_options options = ipc_options_default(IPC_ROUTE);
 *   ipc_failure failure;
 *   ipc_receiver *prices = ipc_receiver_open("", "prices", &options, &failure);
 *   char text[64];
 *   int32_t length = ipc_receiver_recv(prices, text, sizeof text, 1000);
 *   if (length >= 0) printf("%.*s\n", (int)length, text);
 *   ipc_receiver_close(prices);
 */
#ifndef LIBIPC_RECEIVER_H
#define LIBIPC_RECEIVER_H

#include "mapping.h"
#include "options.h"
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ipc_receiver ipc_receiver;

/*
 * Opens a receiver of `name` in `prefix`, and creates the name if it is not open yet: as ipc_sender_open().
 *
 * Returns:    the receiver; NULL: *failure says why.
 * Fails with: IPC_E_TOO_MANY_RECEIVERS, and as ipc_sender_open() except for IPC_E_HAS_SENDER.
 * Called by:  any thread; opens and closes of one name may run at the same time in any processes.
 * Order:      every send that begins after this call returned reaches the receiver.
 */
IPC_API ipc_receiver *ipc_receiver_open(const char *prefix, const char *name, const ipc_options *options,
                                        ipc_failure *failure);

/*
 * Closes and frees a receiver. NULL is ignored. Unread messages no longer hold senders back; leases go back to the
 * queue.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      its reads from the ring happen before senders overwrite what it has read (release).
 */
IPC_API void ipc_receiver_close(ipc_receiver *receiver);

/*
 * Waits for the next message and copies it into `target`, which has room for `capacity` bytes. In a queue it takes,
 * copies and confirms the message.
 *
 * Returns:    the length of the message. IPC_TIMED_OUT: none arrived.
 * Fails with: IPC_E_BUFFER_TOO_SMALL (the message stays the next one), IPC_E_NO_SPACE (no memory to assemble fragments;
 *             the message stays), IPC_E_ORPHANED (the name was removed and everything has been read).
 * Called by:  the owner.
 * Order:      acquire: what the sender wrote before the send happens before the call returns.
 */
IPC_API int32_t ipc_receiver_recv(ipc_receiver *receiver, void *target, uint32_t capacity, int32_t timeout_ms);

/*
 * Passes over all messages but the newest whole one, and copies that into `target`, which has room for `capacity`
 * bytes; waits if there is none. Messages that were passed over count in ipc_receiver_skipped(). A loan that is still
 * written ends the search: what comes after it is not looked at. Any receiver of a route or channel may call it.
 *
 * Returns:    the length of the message. IPC_TIMED_OUT: none arrived.
 * Fails with: IPC_E_INVALID_ARGUMENT (a queue); as ipc_receiver_recv(). After IPC_E_BUFFER_TOO_SMALL the message stays
 *             the next one, unless a newer one arrives.
 * Called by:  the owner.
 * Order:      as ipc_receiver_recv().
 */
IPC_API int32_t ipc_receiver_recv_latest(ipc_receiver *receiver, void *target, uint32_t capacity, int32_t timeout_ms);

/*
 * The length of the next message. Never waits. In a queue another receiver may take that message first.
 *
 * Returns:    the length; IPC_TIMED_OUT: there is no message now.
 * Fails with: IPC_E_NO_SPACE.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API int32_t ipc_receiver_next_length(ipc_receiver *receiver);

/*
 * Receives the next message without a copy, if it was assembled from fragments.
 *
 * Returns:    its memory, which belongs to the caller (free() or ipc_message_release()), and *length; NULL: the next
 *             message is not one of those, or there is none. Never of a queue.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      as ipc_receiver_recv().
 */
IPC_API void *ipc_receiver_take_assembled(ipc_receiver *receiver, uint32_t *length);

/*
 * free() for memory from ipc_receiver_take_assembled(), for callers in other languages.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  any thread, once for each message.
 * Order:      none.
 */
IPC_API void ipc_message_release(void *memory);

/*
 * The address of a `void release(void *memory, void *ignored)` that does the same: the form that JavaScript engines
 * take for the release of an ArrayBuffer's memory.
 *
 * Returns:    the address.
 * Fails with: nothing.
 * Called by:  any thread; the function as well.
 * Order:      none.
 */
IPC_API void *ipc_message_releaser(void);

/*
 * How many messages sent since the open this receiver has missed because they were overwritten: of an observer, and
 * with IPC_DROP_OLDEST. It is exact: every message that was sent since the open has been received, lost or skipped, or
 * comes next. (A loan counts when it was made, also if it was cancelled later and had been overwritten by then.)
 *
 * Returns:    the count.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API double ipc_receiver_lost(const ipc_receiver *receiver);

/*
 * How many messages ipc_receiver_recv_latest() has passed over.
 *
 * Returns:    the count.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API double ipc_receiver_skipped(const ipc_receiver *receiver);

/*
 * Waits for a message, then fills `spans` with up to `max` pairs (byte offset from ipc_receiver_ring(), length) of the
 * next messages, in order. The bytes stay valid, and hold senders back, until ipc_receiver_consume(). Not for queues.
 *
 * Returns:    how many pairs. IPC_TIMED_OUT: no message arrived. IPC_NOT_IN_PLACE: the next message cannot be read in
 *             the ring, because it was assembled from fragments, the ring has IPC_DROP_OLDEST, or the receiver is an
 *             observer. spans[0] is then its length: if it is at most `capacity`, the message has been received into
 *             `target` (which may be NULL with capacity 0), else it stays.
 * Fails with: IPC_E_INVALID_ARGUMENT (a queue), IPC_E_NO_SPACE, IPC_E_ORPHANED.
 * Called by:  the owner. No other receiving call between a peek and its consume.
 * Order:      as ipc_receiver_recv(), for each message.
 */
IPC_API int32_t ipc_receiver_peek(ipc_receiver *receiver, uint32_t *spans, uint32_t max, void *target,
                                  uint32_t capacity, int32_t timeout_ms);

/*
 * Moves past the first `count` messages of the last peek; senders may overwrite them afterwards.
 *
 * Returns:    IPC_OK.
 * Fails with: IPC_E_INVALID_ARGUMENT: a queue, a ring with IPC_DROP_OLDEST, an observer, or more messages than were
 *             peeked at.
 * Called by:  the owner.
 * Order:      release: the caller's reads of these messages happen before a sender overwrites them.
 */
IPC_API int32_t ipc_receiver_consume(ipc_receiver *receiver, uint32_t count);

/*
 * Waits for a message of a queue and takes it as a lease: lease[0] is where it lies (byte offset from
 * ipc_receiver_ring()), lease[1] its length, lease[2] how often it has been taken. The message stays there for this
 * receiver alone until ipc_receiver_done(), or until ipc_receiver_retry(), a close, or the end of the thread puts it
 * back for any receiver.
 *
 * Returns:    IPC_OK; IPC_TIMED_OUT: no message arrived, or, with timeout 0, there are ipc_options.prefetch leases.
 * Fails with: IPC_E_INVALID_ARGUMENT (not a queue), IPC_E_ORPHANED. IPC_E_DEADLOCK: there are ipc_options.prefetch
 *             leases, and only the caller could end one.
 * Called by:  the owner.
 * Order:      as ipc_receiver_recv().
 */
IPC_API int32_t ipc_receiver_take(ipc_receiver *receiver, int32_t timeout_ms, uint32_t *lease);

/*
 * Confirms the message of the lease at `offset`: no receiver gets it again.
 *
 * Returns:    IPC_OK.
 * Fails with: IPC_E_INVALID_ARGUMENT: this receiver has no lease there.
 * Called by:  the owner.
 * Order:      release: the caller's reads of the message happen before a sender overwrites it.
 */
IPC_API int32_t ipc_receiver_done(ipc_receiver *receiver, uint32_t offset);

/*
 * Like ipc_receiver_retry(), but no receiver gets the message for `delay_ms`, 0 to IPC_MAX_DELAY_MS. It keeps its
 * position: the messages behind it are taken meanwhile. Receivers that wait are woken when its time has come.
 *
 * Returns:    IPC_OK.
 * Fails with: as ipc_receiver_retry(); IPC_E_INVALID_ARGUMENT also: a longer delay.
 * Called by:  the owner.
 * Order:      as ipc_receiver_retry().
 */
IPC_API int32_t ipc_receiver_retry_after(ipc_receiver *receiver, uint32_t offset, uint32_t delay_ms);

/*
 * Moves the message of the lease at `offset` to the dead-letter queue (ipc_options.dead_letter), whatever the number of
 * its attempts. The lease has ended. Exactly once, also if the process is killed during the call. If the dead-letter
 * queue has no room now, the message waits, no receiver gets it, and a receiver moves it later.
 *
 * `reason`: `length` bytes of UTF-8 for people, which go with it; more than IPC_MAX_REASON are cut off. 0: "rejected".
 *
 * Returns:    IPC_OK.
 * Fails with: IPC_E_INVALID_ARGUMENT: this receiver has no lease there. IPC_E_NOT_FOUND: the queue has no dead-letter
 *             queue. IPC_E_BUSY: as ipc_receiver_retry().
 * Called by:  the owner.
 * Order:      as a send to the dead-letter queue.
 */
IPC_API int32_t ipc_receiver_reject(ipc_receiver *receiver, uint32_t offset, const char *reason, uint32_t length);

/* Where a message of a dead-letter queue comes from. */
typedef struct ipc_letter_origin {
  uint32_t attempts;               /* how often it was taken there */
  char queue[IPC_MAX_NAME + 1];    /* the queue, in the same prefix */
  char reason[IPC_MAX_REASON + 1]; /* "max-attempts", "rejected", or what ipc_receiver_reject() got */
} ipc_letter_origin;

/*
 * Where the message of the lease at `offset` comes from, if it is a dead letter.
 *
 * Returns:    1, and *origin says it; 0: it is no dead letter, or was too large to keep this.
 * Fails with: IPC_E_INVALID_ARGUMENT: this receiver has no lease there.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API int32_t ipc_receiver_origin(ipc_receiver *receiver, uint32_t offset, ipc_letter_origin *origin);

/*
 * Moves the dead letter of the lease at `offset` back to the queue that it comes from, behind the messages there, with
 * no attempts. Exactly once, also if the process is killed during the call. Never waits.
 *
 * Returns:    IPC_OK; IPC_TIMED_OUT or IPC_DROPPED: that queue is full, and the lease stays.
 * Fails with: IPC_E_INVALID_ARGUMENT: this receiver has no lease there, or it is no dead letter. IPC_E_NOT_FOUND: that
 *             queue is not open anywhere. The failures of ipc_sender_open() and ipc_sender_send(). The lease stays.
 * Called by:  the owner.
 * Order:      as a send to that queue.
 */
IPC_API int32_t ipc_receiver_redrive(ipc_receiver *receiver, uint32_t offset);

/*
 * When the next message of a queue may be taken that ipc_receiver_retry_after() has put back. An event loop tries again
 * then: no signal comes.
 *
 * Returns:    milliseconds; 0: now; -1: there is no such message.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API int32_t ipc_receiver_next_due(const ipc_receiver *receiver);

/*
 * Puts the message of the lease at `offset` back at its old position in the queue, for any receiver.
 *
 * Returns:    IPC_OK.
 * Fails with: IPC_E_INVALID_ARGUMENT: this receiver has no lease there. IPC_E_BUSY: a stopped process holds the lock
 *             that takes messages; the lease stays.
 * Called by:  the owner.
 * Order:      release, to the receiver that takes it next.
 */
IPC_API int32_t ipc_receiver_retry(ipc_receiver *receiver, uint32_t offset);

/*
 * The ring as it is mapped here. The caller must not write to it: all receivers read the same bytes, and the next
 * holder of a lease gets what this one wrote. It is not mapped read-only: docs/mistakes.md says why.
 *
 * Returns:    its address; valid until the receiver is closed, or longer with ipc_receiver_hold_mapping().
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API const void *ipc_receiver_ring(const ipc_receiver *receiver);

/*
 * Whether the messages of the name begin with an ipc_stamp: see IPC_STAMP_ALL. It was read when the receiver was
 * opened, and never changes.
 *
 * Returns:    1 or 0.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API uint32_t ipc_receiver_stamped(const ipc_receiver *receiver);

/*
 * The size of the ring.
 *
 * Returns:    bytes, a power of two.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API uint32_t ipc_receiver_capacity(const ipc_receiver *receiver);

/*
 * Keeps the addresses of the ring mapped after the close: see mapping.h.
 *
 * Returns:    a hold on the mapping, to be released with ipc_mapping_release().
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API ipc_mapping *ipc_receiver_hold_mapping(ipc_receiver *receiver);

#ifdef __cplusplus
}
#endif

#endif

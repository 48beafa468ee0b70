/*
 * libipc/sender.h - the writing end of a route, a channel or a queue.
 *
 * A sender belongs to the thread that opened it (its owner, see status.h). When that thread ends, even by SIGKILL, even
 * inside a call, the other endpoints treat the sender as gone. A message is then either whole or absent.
 *
 * Delivery: a message that a send accepted is received, whole and exactly once, by every receiver whose open returned
 * before the send began (in a queue: by one receiver). Messages of one sender keep their order; on a channel all
 * receivers see the same order of all messages.
 *
 *   ipc_options options = ipc_options_default(IPC_ROUTE);
 *   ipc_failure failure;
 *   ipc_sender *prices = ipc_sender_open("", "prices", &options, &failure);
 *   if (prices && ipc_sender_send(prices, "42", 2, -1) == IPC_NO_RECEIVERS) puts("no receiver listens");
 *   ipc_sender_close(prices);
 */
#ifndef LIBIPC_SENDER_H
#define LIBIPC_SENDER_H

#include "mapping.h"
#include "options.h"
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ipc_sender ipc_sender;

/*
 * Opens a sender of `name` in the namespace `prefix` ("" for none), and creates the name if it is not open yet.
 * Both are UTF-8 that ends with a zero byte: 1 to IPC_MAX_NAME and 0 to IPC_MAX_PREFIX bytes.
 *
 * Returns:    the sender; NULL: *failure says why.
 * Fails with: IPC_E_HAS_SENDER (a route with a live sender), IPC_E_TOO_MANY_SENDERS, IPC_E_OPTIONS_MISMATCH,
 *             IPC_E_INVALID_ARGUMENT, IPC_E_INVALID_NAME, IPC_E_PERMISSION, IPC_E_VERSION, IPC_E_FOREIGN,
 *             IPC_E_CORRUPT, IPC_E_NO_SPACE, IPC_E_BUSY, IPC_E_SYSTEM.
 * Called by:  any thread; opens and closes of one name may run at the same time in any processes.
 * Order:      what its creator wrote into the segment happens before the open returns.
 */
IPC_API ipc_sender *ipc_sender_open(const char *prefix, const char *name, const ipc_options *options,
                                    ipc_failure *failure);

/*
 * Like ipc_sender_open(), but a live sender of a route is no failure: the new one is opened, and may send once
 * ipc_sender_take_over() has returned IPC_OK. As long as it is open the name exists, so that nothing that the other
 * sender has sent is lost when it leaves. Its other sends before that wait for the other sender, and time out.
 *
 * Returns:    the sender; NULL: *failure says why.
 * Fails with: as ipc_sender_open(), without IPC_E_HAS_SENDER.
 * Called by:  any thread.
 * Order:      as ipc_sender_open().
 */
IPC_API ipc_sender *ipc_sender_open_successor(const char *prefix, const char *name, const ipc_options *options,
                                              ipc_failure *failure);

/*
 * Waits until the live sender of a route has left, and takes its place. If it is killed, its death is noticed within a
 * second. Of several senders that wait, one takes the place.
 *
 * Returns:    IPC_OK: this is the one sender of the route, or it was before, or the kind has many. *failure is zero.
 * Fails with: IPC_E_HAS_SENDER: the time is over; failure->pid and failure->found say whose the live sender is, and
 *             the call may be repeated. With found = 2 it has not waited, because a sender of the calling thread
 *             cannot leave meanwhile. IPC_E_ORPHANED, IPC_E_FORKED, IPC_E_CORRUPT.
 * Called by:  the owner.
 * Order:      acquire: what the other sender has sent lies before what this one sends.
 */
IPC_API int32_t ipc_sender_take_over(ipc_sender *sender, int32_t timeout_ms, ipc_failure *failure);

/*
 * Closes and frees a sender. NULL is ignored. Open loans are given up. The last endpoint that closes removes the
 * segment.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      all messages of this sender were published before.
 */
IPC_API void ipc_sender_close(ipc_sender *sender);

/*
 * Sends one message of `length` bytes; 0 bytes are a message too. With overflow IPC_BLOCK it waits for space for at
 * most `timeout_ms`. A message longer than ipc_sender_max_record() travels in fragments through a ring of any size;
 * other senders' messages go on in between.
 *
 * Returns:    IPC_OK: every receiver (of a queue: one) will get it. IPC_TIMED_OUT, IPC_NO_RECEIVERS, IPC_DROPPED: it
 *             was not sent. A queue and a ring with IPC_DROP_OLDEST keep messages for later receivers and never return
 *             IPC_NO_RECEIVERS. When all receivers were killed, a sender that keeps sending gets IPC_NO_RECEIVERS
 *             within a second, or after 64 messages if it sends fewer than that in a second.
 * Fails with: IPC_E_MESSAGE_TOO_LARGE, IPC_E_ORPHANED.
 * Called by:  the owner. `bytes` must not change during the call.
 * Order:      what the caller wrote before the send happens before what a receiver does after it received the message
 *             (release store of the ring's head, acquire load by the receiver).
 */
IPC_API int32_t ipc_sender_send(ipc_sender *sender, const void *bytes, uint32_t length, int32_t timeout_ms);

/*
 * Like ipc_sender_send(), but the timeout limits the time without progress, not the time of the whole call. It is for
 * callers that repeat the call until the message is sent.
 *
 * Returns:    as ipc_sender_send(); IPC_TIMED_OUT: no further part of the message found space for progress_timeout_ms.
 *             A large message in progress is not restarted because the whole takes longer.
 * Fails with: as ipc_sender_send().
 * Called by:  the owner. `bytes` must not change during the call.
 * Order:      as ipc_sender_send().
 */
IPC_API int32_t ipc_sender_send_with_progress_timeout(ipc_sender *sender, const void *bytes, uint32_t length,
                                                      int32_t progress_timeout_ms);

/*
 * Sends a message in steps that never wait, for event loops: as much of it, from *offset on, as there is space for.
 * The first call has *offset = 0; each call moves it. The same `bytes` and `length` in each call.
 *
 * Returns:    IPC_OK: the whole message is sent. IPC_TIMED_OUT: call again when there is space (waker.h).
 *             IPC_NO_RECEIVERS, IPC_DROPPED: it was not sent.
 * Fails with: IPC_E_INVALID_ARGUMENT (an offset past the end), IPC_E_MESSAGE_TOO_LARGE, IPC_E_ORPHANED.
 * Called by:  the owner. Other sends of this sender only after the message is sent or aborted.
 * Order:      as ipc_sender_send().
 */
IPC_API int32_t ipc_sender_send_part(ipc_sender *sender, const void *bytes, uint32_t length, uint32_t *offset);

/*
 * Aborts a message that ipc_sender_send_part() has begun. Receivers discard its parts, as if it had never been sent.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API void ipc_sender_abort_part(ipc_sender *sender);

/*
 * Copies a message into the sender's own batch (at most 64 KiB, or half the ring). ipc_sender_flush() sends the batch.
 *
 * Returns:    IPC_OK. IPC_TIMED_OUT: the batch is full; flush it, then stage the same message again.
 * Fails with: IPC_E_MESSAGE_TOO_LARGE (longer than ipc_sender_max_record()), IPC_E_NO_SPACE.
 * Called by:  the owner.
 * Order:      none; nothing is visible to receivers before the flush.
 */
IPC_API int32_t ipc_sender_stage(ipc_sender *sender, const void *bytes, uint32_t length);

/*
 * Sends the batch in order, and claims and publishes once for many messages. The batch is empty afterwards, also when
 * not everything was accepted. *accepted: how many staged messages were sent, from the first on; also after a failure.
 * The caller has to send the others again.
 *
 * Returns:    IPC_OK: all. IPC_TIMED_OUT, IPC_NO_RECEIVERS, IPC_DROPPED: the first *accepted only.
 * Fails with: IPC_E_ORPHANED.
 * Called by:  the owner.
 * Order:      as ipc_sender_send(), for each message.
 */
IPC_API int32_t ipc_sender_flush(ipc_sender *sender, int32_t timeout_ms, uint32_t *accepted);

/*
 * Lends `length` bytes of the ring, so that the caller writes a message in place. The message has its place in the
 * order from now on: receivers wait for it there until ipc_sender_end_loan(). Several loans may be open, also of
 * several senders, and may end in any order. Loans of a killed or closed sender are given up for it.
 *
 * Returns:    IPC_OK and *offset: where the bytes begin, counted from ipc_sender_ring(), a multiple of 8.
 *             IPC_TIMED_OUT, IPC_NO_RECEIVERS, IPC_DROPPED: nothing was lent.
 *             IPC_NOT_IN_PLACE: a ring with IPC_DROP_OLDEST lends nothing.
 * Fails with: IPC_E_MESSAGE_TOO_LARGE (longer than ipc_sender_max_loan()), IPC_E_ORPHANED.
 * Called by:  the owner. The caller may write the lent bytes until it ends the loan, and nothing else of the ring.
 * Order:      none; the bytes are published by ipc_sender_end_loan().
 */
IPC_API int32_t ipc_sender_loan(ipc_sender *sender, uint32_t length, int32_t timeout_ms, uint32_t *offset);

/*
 * Sends the first `length` bytes of the loan at `offset` (at most as many as were lent); -1 gives the loan up.
 *
 * Returns:    IPC_OK.
 * Fails with: IPC_E_INVALID_ARGUMENT: there is no open loan at `offset`, or it is shorter.
 * Called by:  the owner.
 * Order:      as ipc_sender_send(): release, of the bytes written in place.
 */
IPC_API int32_t ipc_sender_end_loan(ipc_sender *sender, uint32_t offset, int32_t length);

/*
 * The longest loan.
 *
 * Returns:    bytes: ipc_sender_max_record() less 8.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API uint32_t ipc_sender_max_loan(const ipc_sender *sender);

/*
 * Whether the messages of the name begin with an ipc_stamp, which the caller has to write: see IPC_STAMP_ALL. It was
 * read when the sender was opened, and never changes.
 *
 * Returns:    the number of this sender, for ipc_stamp.sender; 0: the messages have no stamps.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API uint32_t ipc_sender_stamp(const ipc_sender *sender);

/*
 * The ring as it is mapped here, for writing loans.
 *
 * Returns:    its address; valid until the sender is closed, or longer with ipc_sender_hold_mapping().
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API const void *ipc_sender_ring(const ipc_sender *sender);

/*
 * The size of the ring.
 *
 * Returns:    bytes, a power of two.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API uint32_t ipc_sender_capacity(const ipc_sender *sender);

/*
 * Keeps the ring mapped after the close: see mapping.h.
 *
 * Returns:    a hold on the mapping, to be released with ipc_mapping_release().
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API ipc_mapping *ipc_sender_hold_mapping(ipc_sender *sender);

/*
 * How many receivers are connected, without observers (receiver.h). A killed one counts for up to half a second: the
 * call looks for dead receivers that often, and so do all ways to send.
 *
 * Returns:    the count, 0 to max_receivers.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      acquire: messages sent after a receiver was counted reach it.
 */
IPC_API int32_t ipc_sender_receiver_count(ipc_sender *sender);

/*
 * How many observers are connected: receivers that no sender waits for. With observers only, messages are sent.
 *
 * Returns:    the count, 0 to max_receivers.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      acquire: an observer that was counted receives messages sent afterwards, or counts them as lost.
 */
IPC_API int32_t ipc_sender_observer_count(ipc_sender *sender);

/*
 * Waits until at least `count` receivers are connected and alive. Observers do not count.
 *
 * Returns:    IPC_OK, IPC_TIMED_OUT.
 * Fails with: IPC_E_INVALID_ARGUMENT (more than the name allows), IPC_E_ORPHANED.
 * Called by:  the owner.
 * Order:      acquire: messages sent afterwards reach these receivers.
 */
IPC_API int32_t ipc_sender_wait_for_receivers(ipc_sender *sender, uint32_t count, int32_t timeout_ms);

/*
 * The receivers that a wait of ipc_sender_wait_until_read() is for, and what has become of them. The caller has the
 * memory, and reads `receivers`, `read` and `left`. A copy of it is another wait for the same.
 */
typedef struct ipc_read_point {
  uint64_t position;  /* private */
  uint32_t receivers; /* how many there are; of a queue 0 */
  uint32_t read;      /* so many of them have read everything up to the point */
  uint32_t left;      /* so many were closed or killed before they had */
  uint32_t instances; /* private, like all that follows */
  uint32_t slots;
  uint32_t checked;
  uint32_t number;
  uint32_t reserved;
  uint32_t unread[IPC_MAX_RECEIVERS];
} ipc_read_point;

/*
 * Fills *point for what was sent up to now, by all senders: for the receivers that are open now, without observers
 * (receiver.h); of a queue, for its messages. It costs a few nanoseconds for each receiver, and no system call.
 *
 * Returns:    IPC_OK. *point is filled.
 * Fails with: IPC_E_FORKED, IPC_E_CORRUPT.
 * Called by:  the owner.
 * Order:      acquire: all receivers whose open returned before are in *point.
 */
IPC_API int32_t ipc_sender_read_point(ipc_sender *sender, ipc_read_point *point);

/*
 * Waits until every receiver of *point has received all messages before the point, was closed, or was killed, which is
 * noticed within a second. Of a queue: until each message before the point is done. With a timeout of 0 it does not
 * wait; an event loop calls it so, and arms for IPC_WAIT_FOR_READ (waker.h).
 *
 * A receiver has received a message when the call that copies it out has returned, or when it has consumed it. Where
 * only loans that were given up lie before the point, it counts as having read them. A loan that is still open before
 * the point is waited for, also one of this sender. Where overflow is drop-oldest, a receiver that has lost the
 * messages counts as having read them. A receiver that was killed counts as having read what it had told senders: it
 * does so after each message while a sender waits, else at the end of each run of messages.
 *
 * From ipc_sender_read_point() on receivers tell senders of each message. That ends when the wait for the last point of
 * this sender returns IPC_OK, with ipc_sender_end_read_waits(), and with the sender.
 *
 *   ipc_read_point point;
 *   if (ipc_sender_read_point(prices, &point) == IPC_OK && ipc_sender_wait_until_read(prices, &point, 1000) == IPC_OK)
 *     printf("%u have read it, %u have left\n", point.read, point.left);
 *
 * Returns:    IPC_OK: `read` and `left` add up to `receivers`. IPC_TIMED_OUT: they say how many so far; the call may be
 *             repeated.
 * Fails with: IPC_E_ORPHANED: of a queue that has lost its name and has no receiver; IPC_E_INVALID_ARGUMENT: *point was
 *             not filled; IPC_E_FORKED, IPC_E_CORRUPT.
 * Called by:  the owner.
 * Order:      acquire: a receiver's reads of the messages happen before the return.
 */
IPC_API int32_t ipc_sender_wait_until_read(ipc_sender *sender, ipc_read_point *point, int32_t timeout_ms);

/*
 * Ends the waits of this sender that were given up: receivers need not tell senders of each message any more.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API void ipc_sender_end_read_waits(ipc_sender *sender);

/*
 * The longest message that a send takes.
 *
 * Returns:    bytes: IPC_MAX_MESSAGE; of a queue ipc_sender_max_record(); with IPC_DROP_OLDEST about seven eighths of
 *             the ring: the end of a longer message would overwrite its beginning.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API uint32_t ipc_sender_max_message(const ipc_sender *sender);

/*
 * The longest message that travels in one record, and the longest one that ipc_sender_stage() takes.
 *
 * Returns:    bytes: half of the ring less a record header (of a queue: less 16).
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API uint32_t ipc_sender_max_record(const ipc_sender *sender);

#ifdef __cplusplus
}
#endif

#endif

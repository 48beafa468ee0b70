/*
 * libipc/sender.h - the writing end of a route, a channel or a queue.
 *
 * A sender belongs to the thread that opened it: only that thread may call it, and
 * when that thread ends (even by SIGKILL, even inside a call) the others treat the
 * sender as gone. A message is then either whole or absent.
 *
 * Delivery: a message accepted by a send is seen, whole and exactly once, by every
 * receiver whose open call returned before the send began. Messages of one sender
 * keep their order; on a channel all receivers see the same order of all messages.
 * What the sender wrote before the send happens-before what a receiver does after
 * it received (release store of the ring's head, acquire load by the receiver).
 *
 * Timeouts are milliseconds: 0 does not wait, a negative one waits for ever.
 *
 *   ipc_options options = {.kind = IPC_ROUTE};
 *   ipc_failure failure;
 *   ipc_sender *prices = ipc_sender_open("", "prices", &options, &failure);
 *   if (prices && ipc_sender_send(prices, "42", 2, -1) == IPC_NO_RECEIVERS) puts("nobody listens");
 *   ipc_sender_close(prices);
 */
#ifndef LIBIPC_SENDER_H
#define LIBIPC_SENDER_H

#include "mapping.h"
#include "options.h"
#include "status.h"

typedef struct ipc_sender ipc_sender;

/* Opens `name` in the namespace `prefix` ("" for none), creating it if need be.
 * NULL: *failure says why. A route that has a live sender is IPC_E_HAS_SENDER. */
IPC_API ipc_sender *ipc_sender_open(const char *prefix, const char *name, const ipc_options *options,
                                    ipc_failure *failure);

/* Leaves and frees. The last endpoint to leave removes the segment. NULL is ignored. */
IPC_API void ipc_sender_close(ipc_sender *sender);

/* Sends one message, waiting for space if overflow is IPC_BLOCK. IPC_OK: every receiver
 * (of a queue: one) will get it. IPC_TIMED_OUT, IPC_NO_RECEIVERS, IPC_DROPPED: it was not
 * sent. Queues and rings that are overwritten keep it for receivers yet to come.
 * What is longer than ipc_sender_max_record() travels in fragments, through a ring of
 * any size; other senders' messages go on in between. */
IPC_API int32_t ipc_sender_send(ipc_sender *sender, const void *bytes, uint32_t length, int32_t timeout_ms);

/* The same for who waits for ever in calls that end: IPC_TIMED_OUT only when there was
 * no room within progress_timeout_ms for a further part of the message. A large one that is on
 * its way is then not begun anew for taking longer than a call may. */
IPC_API int32_t ipc_sender_send_with_progress_timeout(ipc_sender *sender, const void *bytes, uint32_t length,
                                                      int32_t progress_timeout_ms);

/* The same in steps that never wait, for event loops: sends as much of the message, from
 * *offset on, as there is room for, and moves *offset. IPC_OK: all of it is sent.
 * IPC_TIMED_OUT: call again when there is room. Begin with 0. A message that is not
 * gone on with is given up by abort_part(), and is then as if never sent. */
IPC_API int32_t ipc_sender_send_part(ipc_sender *sender, const void *bytes, uint32_t length, uint32_t *offset);
IPC_API void ipc_sender_abort_part(ipc_sender *sender);

/* A batch: stage() copies messages into the sender's own memory, flush() writes all
 * of them to the ring, claiming and publishing once for many. Order is kept.
 * stage() answers IPC_OK, or IPC_TIMED_OUT when the stage is full: flush, then
 * stage the same message again. flush() answers how many staged messages were
 * accepted, from the first on; those that were not (time-out, nobody connected) are
 * dropped from the stage, so the caller knows exactly which to send again. */
IPC_API int32_t ipc_sender_stage(ipc_sender *sender, const void *bytes, uint32_t length);
IPC_API int32_t ipc_sender_flush(ipc_sender *sender, int32_t timeout_ms);

/* A loan: room in the ring for the caller to write a message in place. loan() answers
 * IPC_OK and *offset, where the `length` bytes begin, counted from ipc_sender_ring().
 * The message takes its place in the order now; receivers wait for it there until
 * end_loan() sends its first `length` bytes (at most as many as were lent), or
 * with -1 gives it up. Several loans may be open, also of several senders, and be
 * ended in any order. What a killed or closed sender leaves open is given up for it.
 * IPC_NOT_IN_PLACE: a ring that is overwritten lends nothing.
 * The caller writes only between loan() and end_loan(). */
IPC_API int32_t ipc_sender_loan(ipc_sender *sender, uint32_t length, int32_t timeout_ms, uint32_t *offset);
IPC_API int32_t ipc_sender_end_loan(ipc_sender *sender, uint32_t offset, int32_t length);

/* The longest loan in bytes: 8 less than max_record(). */
IPC_API uint32_t ipc_sender_max_loan(const ipc_sender *sender);

/* The ring as mapped here: for writing loans into. */
IPC_API const void *ipc_sender_ring(const ipc_sender *sender);
IPC_API uint32_t ipc_sender_capacity(const ipc_sender *sender);

/* Keeps the ring mapped past close(): see mapping.h. */
IPC_API ipc_mapping *ipc_sender_hold_mapping(ipc_sender *sender);

/* How many receivers are connected; a killed one counts until it is noticed. */
IPC_API int32_t ipc_sender_receiver_count(ipc_sender *sender);

/* Waits until at least `count` receivers are connected and alive: IPC_OK or IPC_TIMED_OUT.
 * More than the name allows is IPC_E_INVALID_ARGUMENT. */
IPC_API int32_t ipc_sender_wait_for_receivers(ipc_sender *sender, uint32_t count, int32_t timeout_ms);

/* The longest message in bytes: IPC_MAX_MESSAGE; of a queue as much as max_record(). */
IPC_API uint32_t ipc_sender_max_message(const ipc_sender *sender);

/* The longest message that travels whole: half the ring's capacity less a header, and that of stage(). */
IPC_API uint32_t ipc_sender_max_record(const ipc_sender *sender);

#endif

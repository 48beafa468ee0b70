/*
 * libipc/binding_view.h - for bindings that read and write rings themselves.
 *
 * Where a call into C costs more than the work it does, a binding opens an endpoint here, exports it, and then works on
 * the mapped memory as docs/protocol.md describes it. What needs the system stays in C: liveness, sleeping and waking,
 * and the lock of the name.
 *
 * After the export, the endpoint's own calls must not be used, except for close(), which frees its slot. The binding
 * releases before that what it has claimed, lent or taken. The segment is valid until the close and belongs to the
 * owner of the endpoint.
 */
#ifndef LIBIPC_BINDING_VIEW_H
#define LIBIPC_BINDING_VIEW_H

#include "mapping.h"
#include "receiver.h"
#include "sender.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ipc_segment ipc_segment;

/* What an endpoint has. The first four were checked by the open; what the header says later must not be trusted. */
typedef struct ipc_binding_view {
  uint32_t kind;     /* ipc_kind */
  uint32_t overflow; /* ipc_overflow */
  uint32_t capacity; /* bytes */
  uint32_t max_receivers;
  uint32_t word;                    /* where its slot begins: 32-bit words from the start of the mapping */
  uint32_t instance;                /* its number */
  uint32_t joined_low, joined_high; /* of a receiver: the head at which it joined */
} ipc_binding_view;

/*
 * Exports an endpoint: fills *view, and ends the use of the endpoint by its own calls.
 *
 * Returns:    its segment.
 * Fails with: nothing.
 * Called by:  the owner of the endpoint, once.
 * Order:      none; the open ordered what the view says.
 */
IPC_API ipc_segment *ipc_sender_export(ipc_sender *sender, ipc_binding_view *view);
IPC_API ipc_segment *ipc_receiver_export(ipc_receiver *receiver, ipc_binding_view *view);

/*
 * Keeps the addresses of the whole segment mapped after the close, header first: see mapping.h.
 *
 * Returns:    a hold on the mapping, to be released with ipc_mapping_release().
 * Fails with: nothing.
 * Called by:  the owner of the endpoint.
 * Order:      none.
 */
IPC_API ipc_mapping *ipc_segment_hold_mapping(ipc_segment *segment);

/*
 * Sleeps while the 32-bit word at index `word` of the segment is `expected`, for at most so many milliseconds. It may
 * end early for any reason. An index outside the segment does nothing.
 *
 * Returns:    1 if `ends_early` is not 0, the calling thread is the main one, and a handler of the program for SIGHUP,
 *             SIGINT or SIGTERM ran meanwhile: then a call with a deadline should end. Otherwise 0.
 * Fails with: nothing.
 * Called by:  the owner of the endpoint.
 * Order:      none: the caller loads the word with acquire afterwards, in any case.
 */
IPC_API int32_t ipc_segment_wait(const ipc_segment *segment, uint32_t word, uint32_t expected, double milliseconds,
                                 int32_t ends_early);

/*
 * Wakes all threads of all processes that sleep on the word.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  the owner of the endpoint, after it has changed the word.
 * Order:      none: the change of the word orders (release).
 */
IPC_API void ipc_segment_wake(const ipc_segment *segment, uint32_t word);

/*
 * Takes the lock of the name, which opens and closes take too, and waits for at most `patience_ms`.
 *
 * Returns:    IPC_OK.
 * Fails with: IPC_E_ORPHANED (the name was removed), IPC_E_BUSY (the time is over).
 * Called by:  the owner of the endpoint; not while it holds the lock.
 * Order:      acquire, of what the last holder did; the release is ipc_segment_unlock_name().
 */
IPC_API int32_t ipc_segment_lock_name(ipc_segment *segment, uint32_t patience_ms);

/*
 * Releases the lock of the name, if the endpoint holds it.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  the owner of the endpoint.
 * Order:      release.
 */
IPC_API void ipc_segment_unlock_name(ipc_segment *segment);

/*
 * Lets the users that may write to the segment signal a waker of this thread. Before the binding writes the number of
 * the waker to the segment; more calls for the same waker do nothing.
 *
 * Returns:    nothing.
 * Fails with: nothing; a process that may not signal the waker leaves the endpoint to its poll.
 * Called by:  the owner of the endpoint.
 * Order:      none.
 */
IPC_API void ipc_segment_admit_to_waker(ipc_segment *segment, uint32_t waker_low, uint32_t waker_high);

/*
 * Whether the name still leads to this segment, and to a whole file. If not, the segment is marked, and all its
 * endpoints get IPC_E_ORPHANED or IPC_E_CORRUPT.
 *
 * Returns:    1: yes. 0: no.
 * Fails with: nothing.
 * Called by:  the owner of the endpoint.
 * Order:      none.
 */
IPC_API int32_t ipc_segment_has_name(ipc_segment *segment);

/*
 * Removes the name and marks the segment.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  the owner of the endpoint, while it holds the lock of the name.
 * Order:      none.
 */
IPC_API void ipc_segment_remove_name(ipc_segment *segment);

/*
 * What a slot records about its owner: the identity of this process, which the first call or open makes, and the
 * calling thread.
 *
 * Returns:    nothing; owner[0] and [1] are the low and the high half of the identity, [2] the thread's number in the
 *             process, [3] the namespace of the process id.
 * Fails with: an identity of 0: it could not be made. An open says why.
 * Called by:  any thread.
 * Order:      none.
 */
IPC_API void ipc_owner_self(uint32_t owner[4]);

/*
 * Whether the process with an identity still runs. A stopped process runs. A process that only writes its core dump
 * does not: to recognize it, the process id and its namespace are needed.
 *
 * Returns:    1: yes, or the system gave no answer. 0: it has ended, by itself, by a signal or by exec.
 * Fails with: nothing.
 * Called by:  any thread.
 * Order:      none.
 */
IPC_API int32_t ipc_owner_runs(uint32_t low, uint32_t high, uint32_t pid, uint32_t pid_namespace);

/*
 * Removes the identity file of this process, at its exit, unless an endpoint or handle is open. Where the exit runs the
 * destructors of libraries, this is not needed.
 *
 * Returns:    nothing.
 * Fails with: nothing: a file that stays is removed by a later process.
 * Called by:  one thread, while no other opens a name.
 * Order:      none.
 */
IPC_API void ipc_process_forget(void);

/*
 * Says that no endpoint or handle is used after the thread that opened it has ended. libipc then frees them in that
 * thread, however it ends, as if the thread had been killed: other endpoints continue, a name that no other endpoint
 * has open is removed, and the memory is given back. views_end_too: holds on mappings end with that thread as well.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  the binding of a runtime whose threads share no objects, before the first open.
 * Order:      none.
 */
IPC_API void ipc_process_adopt_threads(int32_t views_end_too);

/*
 * Says that handlers of SIGHUP, SIGINT and SIGTERM that are removed by their first signal (SA_RESETHAND) end the
 * process. Bun and Node install such handlers at their start, to restore the terminal; libipc then removes the files of
 * names that no other process has open before such a handler runs, as it does before the default action.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  the binding of such a runtime, before the first open.
 * Order:      none.
 */
IPC_API void ipc_process_adopt_reset_handlers(void);

#ifdef __cplusplus
}
#endif

#endif

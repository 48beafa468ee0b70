/*
 * libipc/binding_view.h - for bindings that read and write rings by themselves.
 *
 * Where a call into C costs more than what it does, a binding opens an endpoint here and
 * then works on the mapped memory as docs/protocol.md describes it. What needs the system
 * stays in C: who is alive, sleeping and waking, and the lock of the name.
 *
 * From export() on an endpoint's own calls are not for use, except for close(), which
 * gives its place up: what the binding has claimed, lent or taken it gives back before.
 * A segment is valid until then, and is its thread's, like the endpoint.
 */
#ifndef LIBIPC_BINDING_VIEW_H
#define LIBIPC_BINDING_VIEW_H

#include "mapping.h"
#include "receiver.h"
#include "sender.h"

typedef struct ipc_segment ipc_segment;

/* What an endpoint has. The first four were checked when it was opened: what the header says later is not to be
 * trusted. */
typedef struct ipc_binding_view {
  uint32_t kind;     /* ipc_kind */
  uint32_t overflow; /* ipc_overflow */
  uint32_t capacity;
  uint32_t max_receivers;
  uint32_t word; /* where its slot begins: an offset from the start of the mapping, in 32-bit words */
  uint32_t instance;
  uint32_t joined_low, joined_high; /* of a receiver: the head whose position it took */
} ipc_binding_view;

IPC_API ipc_segment *ipc_sender_export(ipc_sender *sender, ipc_binding_view *view);
IPC_API ipc_segment *ipc_receiver_export(ipc_receiver *receiver, ipc_binding_view *view);

/* A hold on all of its memory, header first. */
IPC_API ipc_mapping *ipc_segment_hold_mapping(ipc_segment *segment);

/* Sleeps while a word of it is `expected`, for at most so many milliseconds; may end early. No such word: does nothing.
 */
IPC_API void ipc_segment_wait(const ipc_segment *segment, uint32_t word, uint32_t expected, double milliseconds);

/* Wakes all who sleep on a word. */
IPC_API void ipc_segment_wake(const ipc_segment *segment, uint32_t word);

/* Takes the lock of its name: what unlock() wants, or IPC_E_ORPHANED, IPC_E_BUSY after `timeout_ms`, IPC_E_FORKED. */
IPC_API int32_t ipc_segment_lock_name(const ipc_segment *segment, uint32_t timeout_ms);
IPC_API void ipc_segment_unlock_name(int32_t lock);

/* Whether its name still leads here, and to a whole file. If not, all on it are told: it is marked. */
IPC_API int32_t ipc_segment_has_name(ipc_segment *segment);

/* Removes the name, under its lock, and marks the segment. */
IPC_API void ipc_segment_remove_name(ipc_segment *segment);

/* Who the calling thread is, unique over time, and whether a thread still runs or is stopped: slots and owners are
 * such. */
IPC_API void ipc_thread_self(uint32_t identity[2]);
IPC_API int32_t ipc_thread_is_alive(uint32_t low, uint32_t high);

#endif

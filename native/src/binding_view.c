#include "libipc/binding_view.h"

#include "event.h"
#include "letters.h"
#include "orphan.h"
#include "receiver_state.h"
#include "sender_state.h"
#include "slot_owner.h"

static ipc_segment *binding_view_fill(ipc_segment *segment, const ipc_slot *slot, uint32_t instance,
                                      ipc_binding_view *view) {
  *view = (ipc_binding_view){
      .kind = segment->kind,
      .overflow = segment->overflow,
      .capacity = segment->capacity,
      .max_receivers = segment->max_receivers,
      .word = (uint32_t)((const uint32_t *)slot - (const uint32_t *)segment->header),
      .instance = instance,
      .joined_low = (uint32_t)segment->joined,
      .joined_high = (uint32_t)(segment->joined >> 32),
  };
  return segment;
}

ipc_segment *ipc_sender_export(ipc_sender *sender, ipc_binding_view *view) {
  sender->is_only = false; /* close() would give the claim back, and it is the binding's to */
  return binding_view_fill(&sender->segment, sender->slot, sender->instance, view);
}

ipc_segment *ipc_receiver_export(ipc_receiver *receiver, ipc_binding_view *view) {
  ipc_letters_close(receiver); /* the binding opens its own */
  return binding_view_fill(&receiver->segment, receiver->slot, receiver->instance, view);
}

ipc_mapping *ipc_segment_hold_mapping(ipc_segment *segment) { return ipc_mapping_hold(segment); }

static _Atomic uint32_t *binding_view_word(const ipc_segment *segment, uint32_t word) {
  return word < segment->mapping->bytes / sizeof(uint32_t) ? (_Atomic uint32_t *)segment->header + word : NULL;
}

int32_t ipc_segment_wait(const ipc_segment *segment, uint32_t word, uint32_t expected, double milliseconds,
                         int32_t ends_early) {
  _Atomic uint32_t *there = binding_view_word(segment, word);
  if (!there || milliseconds <= 0) return false;
  uint64_t ns = milliseconds < 1e12 ? (uint64_t)(milliseconds * 1e6) : IPC_FOREVER;
  if (ends_early) return ipc_os_wait_interruptibly(there, expected, ns);
  ipc_os_wait(there, expected, ns);
  return false;
}

void ipc_segment_wake(const ipc_segment *segment, uint32_t word) {
  _Atomic uint32_t *there = binding_view_word(segment, word);
  if (there) ipc_os_wake_all(there);
}

int32_t ipc_segment_lock_name(ipc_segment *segment, uint32_t timeout_ms) {
  int32_t lock = ipc_segment_lock(segment, timeout_ms * UINT64_C(1000000));
  if (lock < 0) return lock;
  segment->name_lock_and_1 = lock + 1;
  return IPC_OK;
}

void ipc_segment_unlock_name(ipc_segment *segment) {
  if (!segment->name_lock_and_1) return;
  ipc_os_unlock(segment->name_lock_and_1 - 1);
  segment->name_lock_and_1 = 0;
}

void ipc_segment_admit_to_waker(ipc_segment *segment, uint32_t low, uint32_t high) {
  ipc_event_admit(segment, (uint64_t)high << 32 | low);
}

int32_t ipc_segment_has_name(ipc_segment *segment) { return !ipc_segment_is_orphaned(segment); }

void ipc_segment_remove_name(ipc_segment *segment) { ipc_segment_unlink(segment); }

void ipc_owner_self(uint32_t owner[4]) {
  ipc_os_identify(); /* if it fails, the identity is 0, and what has it counts as dead */
  uint64_t self = ipc_os_self();
  owner[0] = (uint32_t)self;
  owner[1] = (uint32_t)(self >> 32);
  owner[2] = ipc_os_thread();
  owner[3] = ipc_os_pid_namespace();
}

int32_t ipc_owner_runs(uint32_t low, uint32_t high, uint32_t pid, uint32_t pid_namespace) {
  return ipc_owner_is_alive((uint64_t)high << 32 | low, pid, pid_namespace);
}

#include <stdlib.h>

#include "queue.h"
#include "sender_write.h"

/*
 * Open loans hold the gate by themselves: an observer does not, and a receiver that stopped at a loan may leave or die.
 * The slot of a sender says whether it has open loans (`held`), and where the first of them lies (`position`).
 */
static bool loans_make_room(ipc_sender *sender) {
  if (sender->loan_count < sender->loan_room) return true;
  uint32_t room = sender->loan_room ? 2 * sender->loan_room : 8;
  uint32_t *loans = realloc(sender->loans, room * sizeof *loans);
  if (!loans) return false;
  sender->loans = loans;
  sender->loan_room = room;
  return true;
}

/* Under the claim, before the loan is published: the next sender that has the claim sees it (its acquire). */
static void loans_begin(ipc_sender *sender, uint32_t position) {
  ipc_header *header = sender->segment.header;
  ipc_slot *slot = sender->slot;
  uint32_t kinds = atomic_load_explicit(&header->record_kinds, memory_order_relaxed);
  if (sender->loan_count == 0) {
    atomic_store_explicit(&slot->position, position, memory_order_relaxed);
    atomic_store_explicit(&slot->held, 1, memory_order_relaxed);
  }
  if ((kinds & 1u << IPC_RECORD_LOAN) == 0)
    atomic_store_explicit(&header->record_kinds, kinds | 1u << IPC_RECORD_LOAN, memory_order_relaxed);
  sender->loans[sender->loan_count++] = position;
}

/* The loan that lies at `at` units into the ring has ended. */
static void loans_end(ipc_sender *sender, uint32_t at) {
  uint32_t found = sender->loan_count, first = 0;
  for (uint32_t i = 0; i < sender->loan_count; i++)
    if ((sender->loans[i] & (sender->capacity_units - 1)) == at) found = i;
  if (found == sender->loan_count) return; /* damage: it was no loan of ours */
  sender->loans[found] = sender->loans[--sender->loan_count];
  for (uint32_t i = 1; i < sender->loan_count; i++)
    if ((int32_t)(sender->loans[i] - sender->loans[first]) < 0) first = i;
  /* release pairs with the acquire in slots_lag_of_loans: what was written to the loan comes before what overwrites it
   */
  if (sender->loan_count == 0)
    atomic_store_explicit(&sender->slot->held, 0, memory_order_release);
  else
    atomic_store_explicit(&sender->slot->position, sender->loans[first], memory_order_release);
}

int32_t ipc_sender_loan(ipc_sender *sender, uint32_t length, int32_t timeout_ms, uint32_t *offset) {
  if (length > ipc_sender_max_loan(sender)) return IPC_E_MESSAGE_TOO_LARGE;
  /* Others would write over what is lent. */
  if (sender->segment.overflow == IPC_DROP_OLDEST) return IPC_NOT_IN_PLACE;
  if (!loans_make_room(sender)) return ipc_segment_result(&sender->segment, IPC_E_NO_SPACE);
  uint32_t units = ipc_sender_units(sender, length), lease = sender->lease_bytes;
  ipc_claimed claimed;
  uint64_t deadline = 0;
  int32_t status = ipc_sender_claim(sender, 1 + units, timeout_ms, &deadline, &claimed);
  if (status != IPC_OK) return ipc_sender_refuse(sender, status, 1);
  uint8_t *owner = ipc_sender_at(sender, claimed.at), *record = owner + IPC_UNIT;
  ipc_ring_put_header(owner, sender->instance, IPC_RECORD_OWNER);
  ipc_ring_put_header(record, length + lease, IPC_RECORD_LOAN);
  if (lease) ipc_queue_put_lease(record + sizeof(ipc_record));
  *offset = (uint32_t)(record - sender->segment.body) + (uint32_t)sizeof(ipc_record) + lease;
  if (!lease) loans_begin(sender, claimed.at); /* the tail of a queue does not pass a loan */
  ipc_sender_publish_quietly(sender, claimed.at + 1 + units, 1);
  return ipc_segment_result(&sender->segment, IPC_OK);
}

/*
 * Ends a loan. No receiver reads past a loan before it has ended. So what follows a shortened message becomes padding
 * first; then one store (release; pairs with the acquire in ipc_ring_read) makes all of it readable.
 */
int32_t ipc_sender_end_loan(ipc_sender *sender, uint32_t offset, int32_t length) {
  uint32_t capacity = sender->segment.capacity, lease = sender->lease_bytes;
  uint32_t before = (uint32_t)sizeof(ipc_record) + lease;
  if (offset % IPC_UNIT != 0 || offset < before || offset > capacity) return IPC_E_INVALID_ARGUMENT;
  ipc_record *record = (ipc_record *)(sender->segment.body + offset - before);
  if (atomic_load_explicit(&record->kind, memory_order_relaxed) != IPC_RECORD_LOAN)
    return ipc_segment_result(&sender->segment, IPC_E_INVALID_ARGUMENT);
  uint32_t lent = atomic_load_explicit(&record->length, memory_order_relaxed) - lease;
  if (lent > capacity - offset || (length >= 0 && (uint32_t)length > lent))
    return ipc_segment_result(&sender->segment, IPC_E_INVALID_ARGUMENT);
  if (length >= 0) {
    uint32_t used = ipc_sender_units(sender, (uint32_t)length), all = ipc_sender_units(sender, lent);
    if (used < all) ipc_ring_put_padding((uint8_t *)record + (size_t)used * IPC_UNIT, all - used);
    /* release pairs with the acquire in ipc_ring_read_raced: an observer that passes the loan finds the padding */
    atomic_store_explicit(&record->length, (uint32_t)length + lease, memory_order_release);
  }
  atomic_store_explicit(&record->kind, length >= 0 ? IPC_RECORD_MESSAGE : IPC_RECORD_PADDING, memory_order_release);
  if (!lease) loans_end(sender, (uint32_t)((uint8_t *)record - sender->segment.body) / IPC_UNIT - 1);
  if (ipc_event_notify(&sender->segment, IPC_EVENT_DATA)) ipc_sender_woke_receiver(sender);
  /* The loan held the gate. The fence of the notification serves this, too. */
  if (!lease && IPC_UNLIKELY(atomic_load_explicit(&sender->segment.header->event_flags[IPC_EVENT_SPACE].wanted,
                                                  memory_order_relaxed)))
    ipc_event_wake(&sender->segment, IPC_EVENT_SPACE);
  if (lease && length < 0)
    ipc_event_notify(&sender->segment, IPC_EVENT_SPACE); /* padding: no receiver has to take it first */
  return ipc_segment_result(&sender->segment, IPC_OK);
}

uint32_t ipc_sender_max_loan(const ipc_sender *sender) { return sender->max_record - IPC_UNIT; }

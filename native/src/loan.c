#include "queue.h"
#include "sender_write.h"

int32_t ipc_sender_loan(ipc_sender *sender, uint32_t length, int32_t timeout_ms, uint32_t *offset) {
  if (length > ipc_sender_max_loan(sender)) return IPC_E_MESSAGE_TOO_LARGE;
  /* Others would write over what is lent. */
  if (sender->segment.overflow == IPC_DROP_OLDEST) return IPC_NOT_IN_PLACE;
  uint32_t units = ipc_sender_units(sender, length), lease = sender->lease_bytes;
  ipc_claimed claimed;
  uint64_t deadline = 0;
  int32_t status = ipc_sender_claim(sender, 1 + units, timeout_ms, &deadline, &claimed);
  if (status != IPC_OK) return ipc_segment_result(&sender->segment, status);
  uint8_t *owner = ipc_sender_at(sender, claimed.at), *record = owner + IPC_UNIT;
  ipc_ring_put_header(owner, sender->instance, IPC_RECORD_OWNER);
  ipc_ring_put_header(record, length + lease, IPC_RECORD_LOAN);
  if (lease) ipc_queue_put_lease(record + sizeof(ipc_record));
  *offset = (uint32_t)(record - sender->segment.body) + (uint32_t)sizeof(ipc_record) + lease;
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
    atomic_store_explicit(&record->length, (uint32_t)length + lease, memory_order_relaxed);
  }
  atomic_store_explicit(&record->kind, length >= 0 ? IPC_RECORD_MESSAGE : IPC_RECORD_PADDING, memory_order_release);
  if (ipc_event_notify(&sender->segment, IPC_EVENT_DATA)) ipc_sender_woke_receiver(sender);
  if (lease && length < 0)
    ipc_event_notify(&sender->segment, IPC_EVENT_SPACE); /* padding: no receiver has to take it first */
  return ipc_segment_result(&sender->segment, IPC_OK);
}

uint32_t ipc_sender_max_loan(const ipc_sender *sender) { return sender->max_record - IPC_UNIT; }

#include <stdlib.h>

#include "sender_write.h"

enum { STAGE_BYTES = 64 << 10 };

int32_t ipc_sender_stage(ipc_sender *sender, const void *bytes, uint32_t length) {
  if (IPC_UNLIKELY(length > sender->max_record)) return IPC_E_MESSAGE_TOO_LARGE;
  uint32_t units = ipc_sender_units(sender, length);
  if (IPC_UNLIKELY(!sender->stage || sender->stage_units + units > sender->stage_capacity)) {
    if (sender->stage_units > 0) return IPC_TIMED_OUT;
    /* Empty and still too small, or not there yet: make it fit this one. */
    uint32_t half = sender->segment.capacity / 2, usual = (half < STAGE_BYTES ? half : STAGE_BYTES) / IPC_UNIT;
    uint32_t capacity = units > usual ? units : usual;
    uint8_t *stage = realloc(sender->stage, (size_t)capacity * IPC_UNIT);
    if (!stage) return IPC_E_NO_SPACE;
    sender->stage = stage;
    sender->stage_capacity = capacity;
  }
  uint8_t *record = sender->stage + (size_t)sender->stage_units * IPC_UNIT;
  memset(record + (size_t)(units - 1) * IPC_UNIT, 0, IPC_UNIT); /* no byte of our heap travels in what rounds it up */
  if (IPC_LIKELY(!sender->needs_slow_path))
    ipc_ring_put_message(record, bytes, length);
  else
    ipc_sender_put_slow(sender, record, bytes, length);
  sender->stage_units += units;
  return IPC_OK;
}

static uint32_t sender_staged_units(const ipc_sender *sender, uint32_t at) {
  const ipc_record *record = (const ipc_record *)(sender->stage + (size_t)at * IPC_UNIT);
  return ipc_ring_units(atomic_load_explicit(&record->length, memory_order_relaxed));
}

/* The units of as many staged records, from `from` on, as fit into `limit` units; how many goes to *count. */
static uint32_t sender_staged_run(const ipc_sender *sender, uint32_t from, uint32_t limit, uint32_t *count) {
  uint32_t units = 0;
  *count = 0;
  while (from + units < sender->stage_units) {
    uint32_t next = sender_staged_units(sender, from + units);
    if (units + next > limit) break;
    units += next;
    ++*count;
  }
  return units;
}

int32_t ipc_sender_flush(ipc_sender *sender, int32_t timeout_ms, uint32_t *accepted) {
  uint32_t from = 0;
  int32_t status = IPC_OK;
  uint64_t deadline = 0;
  *accepted = 0;
  while (from < sender->stage_units) {
    ipc_claimed claimed;
    status = ipc_sender_claim(sender, sender_staged_units(sender, from), timeout_ms, &deadline, &claimed);
    if (status != IPC_OK) break;
    /* The first record has room; take along whatever follows it up to the limit or the ring's end. */
    uint32_t to_end = sender->capacity_units - (claimed.at & (sender->capacity_units - 1)), count;
    uint32_t units = sender_staged_run(sender, from, claimed.room < to_end ? claimed.room : to_end, &count);
    uint8_t *at = ipc_sender_at(sender, claimed.at);
    const uint8_t *staged = sender->stage + (size_t)from * IPC_UNIT;
    if (sender->segment.overflow == IPC_DROP_OLDEST)
      ipc_ring_copy_in(at, staged, (size_t)units * IPC_UNIT);
    else
      memcpy(at, staged, (size_t)units * IPC_UNIT);
    ipc_sender_publish(sender, claimed.at + units, count);
    from += units;
    *accepted += count;
  }
  uint32_t refused;
  sender_staged_run(sender, from, sender->stage_units - from, &refused);
  sender->stage_units = 0;
  return ipc_sender_refuse(sender, status, refused);
}

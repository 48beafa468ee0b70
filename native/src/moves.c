#include "moves.h"

#include "event.h"
#include "queue.h"
#include "sender_write.h"

/* A live holder of the claim needs some ten nanoseconds. */
static const uint64_t MOVE_PATIENCE_NS = 5000000;

static uint32_t moves_load(const _Atomic uint32_t *word) { return atomic_load_explicit(word, memory_order_relaxed); }

static bool moves_is_of(const ipc_move *move, const ipc_move_key *key) {
  return moves_load(&move->mover) != 0 &&
         atomic_load_explicit(&move->position, memory_order_relaxed) == key->position &&
         atomic_load_explicit(&move->source, memory_order_relaxed) == key->source;
}

/* Its entry; IPC_MOVES: it has none. */
static uint32_t moves_entry_of(const ipc_header *header, const ipc_move_key *key) {
  uint32_t entry = 0;
  while (entry < IPC_MOVES && !moves_is_of(&header->moves[entry], key)) entry++;
  return entry;
}

int32_t ipc_moves_find(ipc_sender *to, const ipc_move_key *key) {
  ipc_segment *segment = &to->segment;
  _Atomic uint32_t *claim = &segment->header->claim;
  uint32_t pid;
  if (moves_load(&segment->header->orphaned)) return ipc_segment_result(segment, IPC_E_ORPHANED);
  if (!ipc_claim_try_lock(claim, to->instance) &&
      !ipc_claim_lock_slow(segment, claim, to->instance, ipc_os_now() + MOVE_PATIENCE_NS) &&
      !ipc_claim_take_over(segment, claim, to->instance, &pid))
    return IPC_E_BUSY;
  uint32_t entry = moves_entry_of(segment->header, key);
  /* It is ours now: as long as we live, no other mover takes it. */
  if (entry < IPC_MOVES)
    atomic_store_explicit(&segment->header->moves[entry].mover, to->instance, memory_order_relaxed);
  ipc_sender_release_claim(to);
  return ipc_segment_result(segment, entry < IPC_MOVES ? IPC_OK : IPC_TIMED_OUT);
}

/* An entry that is free, or of the mover that has been dead for longest; IPC_MOVES: there is none. Under the claim. */
static uint32_t moves_free_entry(ipc_segment *segment) {
  uint32_t found = IPC_MOVES, oldest = UINT32_MAX, pid;
  for (uint32_t entry = 0; entry < IPC_MOVES; entry++) {
    uint32_t mover = moves_load(&segment->header->moves[entry].mover);
    if (mover == 0) return entry;
    if (mover >= oldest || ipc_slots_is_alive(segment, mover, &pid)) continue;
    oldest = mover;
    found = entry;
  }
  return found;
}

/* Under the claim: steps 1 to 4 of moves.h, without the end of the last. */
static void moves_write(ipc_sender *to, uint32_t entry, const ipc_move_key *key, const ipc_move_parts *parts,
                        const ipc_claimed *claimed, uint32_t total) {
  ipc_header *header = to->segment.header;
  ipc_move *move = &header->moves[entry];
  uint32_t head = (uint32_t)atomic_load_explicit(&header->head, memory_order_relaxed);
  /* An entry of a dead mover: emptied first, or it would be another message for a moment. */
  atomic_store_explicit(&move->mover, 0, memory_order_relaxed);
  atomic_store_explicit(&header->move_at, head, memory_order_relaxed);
  atomic_store_explicit(&header->move_open, entry + 1, memory_order_relaxed);
  atomic_store_explicit(&move->source, key->source, memory_order_relaxed);
  atomic_store_explicit(&move->position, key->position, memory_order_relaxed);
  atomic_store_explicit(&move->mover, to->instance, memory_order_relaxed);

  uint8_t *at = ipc_sender_at(to, claimed->at), *payload = at + sizeof(ipc_record);
  ipc_ring_put_header(at, total + (uint32_t)sizeof(ipc_lease), IPC_RECORD_MESSAGE);
  ipc_queue_put_lease(payload);
  uint8_t *to_bytes = payload + sizeof(ipc_lease);
  if (parts->length) memcpy(to_bytes, parts->message, parts->length);
  to_bytes += parts->length;
  if (parts->origin && total > parts->length) {
    atomic_store_explicit(&((ipc_lease *)payload)->attempts, IPC_LEASE_LETTER, memory_order_relaxed);
    memcpy(to_bytes, parts->name, parts->origin->name_bytes);
    to_bytes += parts->origin->name_bytes;
    if (parts->origin->reason_bytes) memcpy(to_bytes, parts->reason, parts->origin->reason_bytes);
    memcpy(to_bytes + parts->origin->reason_bytes, parts->origin, sizeof *parts->origin);
    ipc_queue_add_checks(&to->segment, IPC_TAKE_FLAGS);
  }
}

int32_t ipc_moves_publish(ipc_sender *to, const ipc_move_key *key, const ipc_move_parts *parts) {
  ipc_segment *segment = &to->segment;
  uint32_t total = parts->length;
  if (total > to->max_record) return IPC_E_MESSAGE_TOO_LARGE;
  if (parts->origin) total += (uint32_t)sizeof *parts->origin + parts->origin->name_bytes + parts->origin->reason_bytes;
  if (total > to->max_record) total = parts->length;
  uint32_t units = ipc_sender_units(to, total);
  ipc_claimed claimed;
  uint64_t deadline = 0;
  int32_t status = ipc_sender_claim(to, units, 0, &deadline, &claimed);
  if (status != IPC_OK) return ipc_segment_result(segment, status);
  uint32_t entry = moves_free_entry(segment);
  if (entry == IPC_MOVES) {
    ipc_sender_release_claim(to);
    return IPC_TIMED_OUT;
  }
  moves_write(to, entry, key, parts, &claimed, total);
  ipc_sender_publish_head(to, claimed.at + units, 1);
  atomic_store_explicit(&segment->header->move_open, 0, memory_order_relaxed);
  ipc_sender_release_claim(to);
  if (ipc_event_notify(segment, IPC_EVENT_DATA)) ipc_sender_woke_receiver(to);
  return ipc_segment_result(segment, IPC_OK);
}

void ipc_moves_forget(ipc_sender *to, const ipc_move_key *key) {
  uint32_t entry = moves_entry_of(to->segment.header, key);
  if (entry < IPC_MOVES) /* release: the lease has ended before another mover may use the entry */
    atomic_store_explicit(&to->segment.header->moves[entry].mover, 0, memory_order_release);
}

#include "fragments.h"

/* Large enough that claiming costs nothing beside the copy, small enough to stay in a processor's cache on the way. */
enum { FRAGMENT_BYTES = 64 << 10 };

static uint32_t fragments_part_bytes(const ipc_sender *sender) {
  uint32_t eighth = sender->segment.capacity / 8;
  return (eighth < FRAGMENT_BYTES ? eighth : FRAGMENT_BYTES) - (uint32_t)(sizeof(ipc_record) + sizeof(ipc_fragment));
}

/*
 * A receiver at the first fragment reads all of it if `announced` is at most the capacity past that position. Senders
 * announce up to an eighth of the ring past the start of the last fragment, which is at most that long. Before the
 * fragments that follow the end of the ring there may be padding, of less than a fragment.
 */
uint32_t ipc_fragments_max_overwriting(const ipc_sender *sender) {
  uint32_t most = fragments_part_bytes(sender), units = ipc_ring_units((uint32_t)sizeof(ipc_fragment) + most);
  return (sender->capacity_units - sender->capacity_units / 8) / units * most;
}

/* Under the claim, before head: a receiver that sees a fragment sees this. */
static void fragments_say_so(ipc_header *header) {
  uint32_t kinds = atomic_load_explicit(&header->record_kinds, memory_order_relaxed);
  if ((kinds & 1u << IPC_RECORD_FRAGMENT) == 0)
    atomic_store_explicit(&header->record_kinds, kinds | 1u << IPC_RECORD_FRAGMENT, memory_order_relaxed);
}

static uint32_t fragments_new_message(ipc_sender *sender) {
  if (++sender->message == 0) ++sender->message; /* 0 says that none is unfinished */
  return sender->message;
}

/*
 * Whether there is room for all fragments of a message now. For a send that does not wait: otherwise it could leave a
 * part behind that fills the ring and is of no use. A guess, since other senders may send meanwhile.
 */
static bool fragments_have_room(ipc_sender *sender, uint32_t length) {
  uint32_t most = fragments_part_bytes(sender), count = length / most + 1;
  uint32_t units = ipc_ring_units((uint32_t)sizeof(ipc_fragment) + most);
  /* One more: where the ring ends there may be padding. */
  return (uint64_t)(count + 1) * units <= ipc_sender_free_units(sender);
}

/*
 * Sends the bytes from fragment->offset on, up to the end or to where it has to wait too
 * long: the time is for all of them, or, `per_fragment`, for each fragment.
 */
static int32_t fragments_send_from(ipc_sender *sender, const uint8_t *bytes, ipc_fragment *fragment, int32_t timeout_ms,
                                   bool per_fragment) {
  uint32_t most = fragments_part_bytes(sender);
  uint64_t deadline = 0;
  while (fragment->offset < fragment->total) {
    uint32_t left = fragment->total - fragment->offset, part = left < most ? left : most;
    uint32_t payload = (uint32_t)sizeof *fragment + part, units = ipc_ring_units(payload);
    ipc_claimed claimed;
    int32_t status = ipc_sender_claim(sender, units, timeout_ms, &deadline, &claimed);
    if (status != IPC_OK) return status;
    if (fragment->offset == 0) fragment->first = claimed.at;
    uint8_t *at = ipc_sender_at(sender, claimed.at), *to = at + sizeof(ipc_record);
    ipc_ring_put_header(at, payload, IPC_RECORD_FRAGMENT);
    fragments_say_so(sender->segment.header);
    if (sender->segment.overflow == IPC_DROP_OLDEST) {
      ipc_ring_copy_in(to, fragment, sizeof *fragment);
      ipc_ring_copy_in(to + sizeof *fragment, bytes + fragment->offset, part);
    } else {
      memcpy(to, fragment, sizeof *fragment);
      memcpy(to + sizeof *fragment, bytes + fragment->offset, part);
    }
    fragment->offset += part;
    if (per_fragment) deadline = 0;
    ipc_sender_publish(sender, claimed.at + units, fragment->offset == fragment->total);
  }
  return IPC_OK;
}

int32_t ipc_fragments_send(ipc_sender *sender, const void *bytes, uint32_t length, int32_t timeout_ms,
                           bool per_fragment) {
  bool overwrites = sender->segment.overflow == IPC_DROP_OLDEST;
  if (!overwrites && (timeout_ms == 0 || !sender->waits) && !fragments_have_room(sender, length))
    return ipc_sender_refusal(sender);
  uint32_t message = fragments_new_message(sender);
  ipc_fragment fragment = {.instance = sender->instance,
                           .message = message,
                           .oldest = sender->unfinished ? sender->unfinished : message,
                           .total = length};
  return fragments_send_from(sender, bytes, &fragment, timeout_ms, per_fragment);
}

int32_t ipc_fragments_send_part(ipc_sender *sender, const void *bytes, uint32_t length, uint32_t *offset) {
  if (*offset == 0 || sender->unfinished == 0) {
    if (*offset != 0) return IPC_E_INVALID_ARGUMENT;
    bool drops = sender->segment.overflow == IPC_DROP_NEWEST;
    if (drops && !fragments_have_room(sender, length)) return ipc_sender_refusal(sender);
    sender->unfinished = fragments_new_message(sender);
  }
  ipc_fragment fragment = {.instance = sender->instance,
                           .message = sender->unfinished,
                           .oldest = sender->unfinished,
                           .first = sender->unfinished_first,
                           .total = length,
                           .offset = *offset};
  int32_t status = fragments_send_from(sender, bytes, &fragment, 0, false);
  *offset = fragment.offset;
  sender->unfinished_first = fragment.first;
  if (status != IPC_TIMED_OUT || *offset == 0) sender->unfinished = 0; /* not begun is not unfinished */
  return status;
}

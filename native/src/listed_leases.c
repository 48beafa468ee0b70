#include "listed_leases.h"

#include <string.h>

#include "platform/platform.h"
#include "ring.h"

/* A lease lies behind the header of its record. */
enum { LEASED = sizeof(ipc_record) + sizeof(ipc_lease) };

static uint32_t leases_load(const _Atomic uint32_t *word) { return atomic_load_explicit(word, memory_order_relaxed); }

/* The slot of the receiver; `max_receivers`: there is none. `guess` is where the last one was. */
static uint32_t leases_find(const ipc_header *header, const ipc_slot *slots, uint32_t instance, uint32_t guess) {
  if (guess < header->max_receivers && leases_load(&slots[guess].instance) == instance) return guess;
  uint32_t i = 0;
  while (i < header->max_receivers && leases_load(&slots[i].instance) != instance) i++;
  return i;
}

static void leases_count(ipc_listed_leases *its, uint32_t attempts, uint32_t behind) {
  its->count++;
  if ((attempts & IPC_LEASE_ATTEMPTS) > its->attempts) its->attempts = attempts & IPC_LEASE_ATTEMPTS;
  if (its->behind == 0) its->behind = behind; /* they are found in their order */
}

/* Reads at most a piece of the ring, from a position on: how many bytes; 0: the file is too short. */
static uint32_t leases_read_piece(int fd, const ipc_header *header, uint32_t at, uint32_t units, uint8_t *piece) {
  uint32_t offset = at & (header->capacity / IPC_UNIT - 1), most = header->capacity / IPC_UNIT - offset;
  if (units > most) units = most;
  if (units > IPC_LEASES_PIECE / IPC_UNIT) units = IPC_LEASES_PIECE / IPC_UNIT;
  uint32_t bytes = units * IPC_UNIT;
  return ipc_os_read(fd, piece, bytes, header->body_offset + (uint64_t)offset * IPC_UNIT) == (int64_t)bytes ? bytes : 0;
}

/*
 * From the tail to head. Beyond the cursor, too: a message that was put back moves the cursor back, before messages
 * that are held.
 *
 * Senders overwrite only what lies before the tail. The tail is read again after each piece of the ring: what is not
 * before it was whole when the piece was read. If the tail has come past the position, all that was counted is done.
 */
void ipc_listed_leases_read(int fd, const ipc_header *header, const ipc_slot *slots, uint8_t *piece,
                            ipc_listed_leases *leases) {
  uint32_t all = header->max_receivers, units_of_ring = header->capacity / IPC_UNIT, slot = 0;
  uint32_t head = (uint32_t)atomic_load_explicit(&header->head, memory_order_relaxed), at = leases_load(&header->tail);
  memset(leases, 0, all * sizeof *leases);
  for (uint64_t read = 0; at != head && head - at <= units_of_ring && read < IPC_LEASES_MOST_BYTES;) {
    uint32_t bytes = leases_read_piece(fd, header, at, head - at, piece), tail;
    read += bytes;
    if (bytes == 0 || ipc_os_read(fd, &tail, sizeof tail, offsetof(ipc_header, tail)) != (int64_t)sizeof tail) return;
    if ((int32_t)(tail - at) > 0) {
      memset(leases, 0, all * sizeof *leases);
      if ((int32_t)(head - tail) <= 0) return;
      at = tail;
      continue;
    }
    uint32_t first = at;
    for (uint32_t in = 0; at != head && in + sizeof(ipc_record) <= bytes; in = (at - first) * IPC_UNIT) {
      uint32_t words[LEASED / sizeof(uint32_t)] = {0};
      bool has_lease = in + LEASED <= bytes;
      memcpy(words, piece + in, has_lease ? LEASED : sizeof(ipc_record));
      const ipc_record_copy record = {.length = words[0], .kind = words[1]};
      uint32_t units = ipc_ring_check(units_of_ring, at, head, &record), holder = words[2];
      if (units == 0) return;
      if (record.kind == IPC_RECORD_MESSAGE) {
        if (record.length < sizeof(ipc_lease)) return;
        if (!has_lease) break; /* it begins the next piece */
        if (holder != 0 && holder < IPC_LEASE_DELAYED) {
          slot = leases_find(header, slots, holder, slot);
          if (slot < all) leases_count(&leases[slot], words[3], head - at);
        }
      }
      at += units;
    }
    if (at == first) return; /* no whole record in a piece: damage */
  }
}

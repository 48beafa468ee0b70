/*
 * ring.h - records in the broadcast log: the one place that turns positions into bytes.
 *
 * Positions count 8-byte units, go on for ever and wrap at 2^32; a capacity is at most
 * 2^27 units, so the difference of two positions in use is always right. The
 * byte of a position is (position mod capacity) * 8.
 *
 * Invariants
 *   - Everything from a live receiver's position up to head is whole records.
 *   - A record never straddles the end of the ring, so its payload is contiguous.
 *   - limit - gate <= capacity, head <= limit: no sender writes over what a receiver still
 *     needs. Where overflow is drop-oldest there is no gate: receivers check afterwards
 *     that what they copied was not overwritten (`announced`, see overrun.h).
 */
#ifndef LIBIPC_RING_H
#define LIBIPC_RING_H

#include <stdbool.h>
#include <string.h>

#include "cpu.h"
#include "layout.h"

/* The units that a message of `length` bytes takes, header included. */
static inline uint32_t ipc_ring_units(uint32_t length) {
  return (uint32_t)(((uint64_t)length + sizeof(ipc_record) + IPC_UNIT - 1) / IPC_UNIT);
}

/*
 * The largest message in one record. A record may need padding before it, of less than its own
 * size; with both within the capacity it always fits once the ring is empty.
 */
static inline uint32_t ipc_ring_max_record(uint32_t capacity) { return capacity / 2 - (uint32_t)sizeof(ipc_record); }

/* The units to skip so that `units` do not straddle the end: 0, or all up to the end. */
static inline uint32_t ipc_ring_padding(uint32_t capacity_units, uint32_t position, uint32_t units) {
  uint32_t to_end = capacity_units - (position & (capacity_units - 1));
  return units > to_end ? to_end : 0;
}

static inline uint8_t *ipc_ring_at(uint8_t *body, uint32_t capacity_units, uint32_t position) {
  return body + (size_t)(position & (capacity_units - 1)) * IPC_UNIT;
}

/* Writes a record's header where no receiver looks yet: the store of head publishes it. */
static inline void ipc_ring_put_header(uint8_t *at, uint32_t length, enum ipc_record_kind kind) {
  ipc_record *record = (ipc_record *)at;
  atomic_store_explicit(&record->length, length, memory_order_relaxed);
  atomic_store_explicit(&record->kind, kind, memory_order_relaxed);
}

static inline void ipc_ring_put_padding(uint8_t *at, uint32_t units) {
  ipc_ring_put_header(at, units * IPC_UNIT - (uint32_t)sizeof(ipc_record), IPC_RECORD_PADDING);
}

static inline void ipc_ring_put_message(uint8_t *at, const void *bytes, uint32_t length) {
  ipc_ring_put_header(at, length, IPC_RECORD_MESSAGE);
  if (length) memcpy(at + sizeof(ipc_record), bytes, length);
}

/*
 * memcpy into and out of rings that are overwritten while receivers read them: by relaxed atomics, so that it is no
 * data race. The receiver checks after its copy that nothing was overwritten meanwhile.
 *
 * Where overflow is not drop-oldest, senders copy with memcpy, and only observers copy out with this. For the language
 * that is a race, whatever the observer does with the bytes; for the compilers and processors it is none, see
 * docs/atomics.md. ThreadSanitizer is not told of these loads.
 */
#if defined(__SANITIZE_THREAD__)
#define IPC_RACES __attribute__((noinline, unused, no_sanitize("thread")))
#define IPC_LOAD_RACED(from) (*(const volatile uint64_t *)(from))
#define IPC_LOAD_RACED_WORD(from) (*(const volatile uint32_t *)(from))
#else
#define IPC_RACES inline
#define IPC_LOAD_RACED(from) atomic_load_explicit((const _Atomic uint64_t *)(from), memory_order_relaxed)
#define IPC_LOAD_RACED_WORD(from) atomic_load_explicit(from, memory_order_acquire)
#endif

static inline void ipc_ring_copy_in(uint8_t *to, const void *bytes, size_t length) {
  const uint8_t *from = bytes;
  for (; length; to += IPC_UNIT) {
    uint64_t word = 0;
    size_t part = length < IPC_UNIT ? length : IPC_UNIT;
    memcpy(&word, from, part);
    atomic_store_explicit((_Atomic uint64_t *)to, word, memory_order_relaxed);
    from += part;
    length -= part;
  }
}

static IPC_RACES void ipc_ring_copy_out(void *bytes, const uint8_t *from, size_t length) {
  uint8_t *to = bytes;
  for (; length; from += IPC_UNIT) {
    uint64_t word = IPC_LOAD_RACED(from);
    size_t part = length < IPC_UNIT ? length : IPC_UNIT;
    memcpy(to, &word, part);
    to += part;
    length -= part;
  }
}

/* What a receiver read of a record: copies, which no other process can change between check and use. */
typedef struct ipc_record_copy {
  uint32_t length;
  uint32_t kind;
} ipc_record_copy;

/* The units of a record that lies at `position`, before `head`; 0: it cannot be one. */
static inline uint32_t ipc_ring_check(uint32_t capacity_units, uint32_t position, uint32_t head,
                                      const ipc_record_copy *record) {
  uint32_t offset = position & (capacity_units - 1);
  uint32_t units = ipc_ring_units(record->length), known = head - position;
  if (IPC_LIKELY(record->kind == IPC_RECORD_MESSAGE))
    return units <= known && units <= capacity_units - offset && known <= capacity_units ? units : 0;
  if (record->kind == IPC_RECORD_OWNER) units = 1;
  if (record->kind == 0 || record->kind > IPC_RECORD_FRAGMENT || units > known || units > capacity_units - offset ||
      known > capacity_units)
    return 0;
  return units;
}

/*
 * Reads the record at a position that lies before `head`. Answers its units, or 0
 * if what is there cannot be a record: shared memory is damaged.
 */
static inline uint32_t ipc_ring_read(const uint8_t *body, uint32_t capacity_units, uint32_t position, uint32_t head,
                                     ipc_record_copy *record) {
  const ipc_record *shared = (const ipc_record *)(body + (size_t)(position & (capacity_units - 1)) * IPC_UNIT);
  /* acquire pairs with the release that ends a loan: its length and payload are whole */
  record->kind = atomic_load_explicit(&shared->kind, memory_order_acquire);
  record->length = atomic_load_explicit(&shared->length, memory_order_relaxed);
  return ipc_ring_check(capacity_units, position, head, record);
}

/* The same where senders may be overwriting it: the caller checks afterwards that what it read was whole. */
static IPC_RACES uint32_t ipc_ring_read_raced(const uint8_t *body, uint32_t capacity_units, uint32_t position,
                                              uint32_t head, ipc_record_copy *record) {
  const ipc_record *shared = (const ipc_record *)(body + (size_t)(position & (capacity_units - 1)) * IPC_UNIT);
  /* acquire: as above */
  record->kind = IPC_LOAD_RACED_WORD(&shared->kind);
  /* acquire pairs with the release of the length in ipc_sender_end_loan: behind a shortened loan there is padding */
  record->length = IPC_LOAD_RACED_WORD(&shared->length);
  return ipc_ring_check(capacity_units, position, head, record);
}

static IPC_RACES uint32_t ipc_ring_length_raced(const ipc_record *shared) {
#if defined(__SANITIZE_THREAD__)
  return IPC_LOAD_RACED_WORD(&shared->length);
#else
  return atomic_load_explicit(&shared->length, memory_order_relaxed);
#endif
}

/* Whether there is a loan that is still written; the same holds. */
static IPC_RACES bool ipc_ring_has_loan_raced(const uint8_t *body, uint32_t capacity_units, uint32_t position) {
  const ipc_record *shared = (const ipc_record *)(body + (size_t)(position & (capacity_units - 1)) * IPC_UNIT);
  return IPC_LOAD_RACED_WORD(&shared->kind) == IPC_RECORD_LOAN;
}

#endif

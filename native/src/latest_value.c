/*
 * A value is written into a buffer that no reader may be reading, and published by one store of `current`: its version
 * and the index of its buffer. Writers hold the claim, as a queued lock. There are more buffers than handles.
 *
 * A reader first copies and checks afterwards: the buffer still has the version that `current` named. If it was taken
 * for another value meanwhile, the reader pins a buffer:
 *
 *   reader                                       writer, with the claim
 *   1 pinning += 1                               1 publishes (of the set before): current = …
 *   2 pin = WANTED                               2 if pinning: of each slot, pin: WANTED -> PINNED + current's buffer
 *   3 c = current's buffer                       3 takes a buffer that is neither current's nor pinned
 *   4 pin: WANTED -> PINNED + c                  4 writes it
 *   5 copies the buffer that the pin names       5 publishes
 *   6 pin = NONE, pinning -= 1
 *
 * Steps 4 of the reader and 2 of the writer are compare-and-swaps, so one of them decides which buffer it is.
 *
 * Invariant: from step 4 to step 6, no writer writes into the buffer that the pin names, and it holds a whole value
 * that was current at some moment since step 1.
 *
 * 1. The reader's swap succeeded: c was current at step 3. A writer takes the buffer c only in a set that began after
 *    another value was published, so after step 3. Steps 1 to 3 of the reader and steps 1 and 2 of the writer are
 *    sequentially consistent (Dekker): since the reader did not see that publication, the writer sees `pinning` and the
 *    pin. If it had seen WANTED, its swap would have succeeded. So it sees PINNED + c, and takes another buffer.
 * 2. The writer's swap succeeded: the buffer is the current one of its own set, which does not write into it. Each
 *    later set sees the pin, as in 1: the swap is later than steps 1 and 2.
 * 3. A reader that a writer does not see because `pinning` was 0 has not done step 1. It will do step 3 after that, and
 *    see the value that is current in this set, or a later one.
 * 4. There is a buffer for step 3 of the writer: a handle has one pin, and it is not the writer's own. So at most
 *    max_handles buffers are current or pinned, and there are more.
 *
 * Steps of a reader: at most two copies that have to be repeated, then 1 to 6, without a loop. A writer waits for no
 * reader.
 *
 * A reader that is killed or stopped anywhere leaves `pinning` too high, which costs writers a look at the slots, and a
 * pin, which costs one buffer until the slot is emptied.
 *
 * A writer that is killed before step 5 leaves a buffer without a version, which no reader looks at, and the claim,
 * which the next writer takes over. Killed after step 5, it leaves a set without a notification: see `deaths` in
 * waits.h.
 *
 * Only the first buffers of the file have memory. When all that have it are pinned, the writer reserves the next one.
 *
 * Versions have 53 bits. After the last one comes 1: 0 would say that the value was never set.
 */
#include "libipc/latest_value.h"

#include <string.h>

#include "buffers.h"
#include "orphan.h"
#include "queued_lock.h"

/* How often a reader copies before it pins. */
#ifndef IPC_LATEST_TRIES
#define IPC_LATEST_TRIES 2
#endif

enum { LATEST_SET_BITS = 64, LATEST_SETS = (1 << IPC_BUFFER_BITS) / LATEST_SET_BITS };

/* Buffers of a segment; the words past its last one are not used. */
typedef struct latest_set {
  uint64_t bits[LATEST_SETS];
} latest_set;

static void latest_set_add(latest_set *set, uint32_t index) {
  set->bits[index / LATEST_SET_BITS] |= UINT64_C(1) << index % LATEST_SET_BITS;
}

static bool latest_set_has(const latest_set *set, uint32_t index) {
  return set->bits[index / LATEST_SET_BITS] >> index % LATEST_SET_BITS & 1;
}

static ipc_buffer *latest_buffer(const ipc_segment *segment, uint32_t index) {
  return (ipc_buffer *)(segment->body + index * ipc_buffer_stride(segment->capacity));
}

/*
 * Bytes go into a buffer and out of it by memcpy, also where a writer may be at work on them: the reader uses such a
 * copy only if the version was the same afterwards. For the language that is a race; docs/atomics.md says why it is
 * none for the compilers and processors. Where races are looked for, the copies are of relaxed words.
 */
#if defined(__SANITIZE_THREAD__) || defined(IPC_COPY_WORDS)
/* Fewer bytes than a word. */
static __attribute__((noinline)) uint64_t latest_last_word(const uint8_t *from, uint32_t bytes) {
  uint64_t word = 0;
  memcpy(&word, from, bytes);
  return word;
}

static __attribute__((noinline)) void latest_put_last_word(uint8_t *to, uint64_t word, uint32_t bytes) {
  memcpy(to, &word, bytes);
}

static void latest_copy_in(ipc_buffer *buffer, const void *bytes, uint32_t length) {
  _Atomic uint64_t *to = (_Atomic uint64_t *)(buffer + 1);
  const uint8_t *from = bytes;
  for (; length >= 8; length -= 8, from += 8) {
    uint64_t word;
    __builtin_memcpy(&word, from, 8);
    atomic_store_explicit(to++, word, memory_order_relaxed);
  }
  if (length > 0) atomic_store_explicit(to, latest_last_word(from, length), memory_order_relaxed);
}

static void latest_copy_out(void *bytes, const ipc_buffer *buffer, uint32_t length) {
  const _Atomic uint64_t *from = (const _Atomic uint64_t *)(buffer + 1);
  uint8_t *to = bytes;
  for (; length >= 8; length -= 8, to += 8) {
    uint64_t word = atomic_load_explicit(from++, memory_order_relaxed);
    __builtin_memcpy(to, &word, 8);
  }
  if (length > 0) latest_put_last_word(to, atomic_load_explicit(from, memory_order_relaxed), length);
}
#else
static inline void latest_copy_in(ipc_buffer *buffer, const void *bytes, uint32_t length) {
  memcpy(buffer + 1, bytes, length);
}

static inline void latest_copy_out(void *bytes, const ipc_buffer *buffer, uint32_t length) {
  memcpy(bytes, buffer + 1, length);
}
#endif

/* The length of the value in a buffer, which is copied if `size` bytes have room for it. */
static inline int32_t latest_read(const ipc_segment *segment, const ipc_buffer *buffer, void *bytes, uint32_t size) {
  uint32_t length = atomic_load_explicit(&buffer->length, memory_order_relaxed);
  if (IPC_UNLIKELY(length > segment->capacity)) return IPC_E_CORRUPT;
  if (IPC_UNLIKELY(length > size)) return IPC_E_BUFFER_TOO_SMALL;
  latest_copy_out(bytes, buffer, length);
  return (int32_t)length;
}

static __attribute__((noinline)) int32_t latest_get_pinned(ipc_handle *latest, void *bytes, uint32_t size) {
  const ipc_segment *segment = &latest->segment;
  ipc_header *header = segment->header;
  _Atomic uint32_t *pin = &latest->slot->pin;
  /* seq_cst, like the next two: either a writer sees the pin, or we see what it has published before it looked */
  atomic_fetch_add_explicit(&header->pinning, 1, memory_order_seq_cst);
  atomic_store_explicit(pin, IPC_PIN_WANTED, memory_order_seq_cst);
  uint32_t ours = IPC_PINNED + ipc_buffer_of(atomic_load_explicit(&header->current, memory_order_seq_cst));
  uint32_t pinned = IPC_PIN_WANTED;
  /* acquire pairs with the release of the writer that has pinned for us: what it knew to be current is whole */
  if (atomic_compare_exchange_strong_explicit(pin, &pinned, ours, memory_order_acquire, memory_order_acquire))
    pinned = ours;
  uint32_t index = pinned - IPC_PINNED;
  int32_t status = IPC_E_CORRUPT;
  if (index < ipc_buffer_count(segment->max_receivers)) {
    const ipc_buffer *buffer = latest_buffer(segment, index);
    uint64_t version = atomic_load_explicit(&buffer->version, memory_order_relaxed);
    status = version == 0 ? IPC_E_CORRUPT : latest_read(segment, buffer, bytes, size);
    if (status >= 0) latest->seen = version;
  }
  /* release: what we have read comes before what a writer that does not see the pin any more writes there */
  atomic_store_explicit(pin, IPC_PIN_NONE, memory_order_release);
  atomic_fetch_sub_explicit(&header->pinning, 1, memory_order_release);
  return status;
}

int32_t ipc_latest_get(ipc_handle *latest, void *bytes, uint32_t size) {
  const ipc_segment *segment = &latest->segment;
  int32_t status = ipc_handle_check(latest);
  if (IPC_UNLIKELY(status != IPC_OK)) return ipc_segment_result(segment, status);
  for (int tries = 0; tries < IPC_LATEST_TRIES; tries++) {
    /* acquire pairs with the release in latest_publish: the value is whole */
    uint64_t current = atomic_load_explicit(&segment->header->current, memory_order_acquire);
    if (IPC_UNLIKELY(current == 0)) return ipc_segment_result(segment, IPC_NOT_SET);
    uint32_t index = ipc_buffer_of(current);
    if (IPC_UNLIKELY(index >= ipc_buffer_count(segment->max_receivers)))
      return ipc_segment_result(segment, IPC_E_CORRUPT);
    const ipc_buffer *buffer = latest_buffer(segment, index);
    status = latest_read(segment, buffer, bytes, size);
    /* acquire pairs with the release fence in latest_publish: if we have read a later byte, we see that the version is
     * gone */
    atomic_thread_fence(memory_order_acquire);
    uint64_t version = atomic_load_explicit(&buffer->version, memory_order_relaxed);
    if (IPC_UNLIKELY(version != ipc_version_of(current))) continue;
    if (IPC_LIKELY(status >= 0)) latest->seen = version;
    return ipc_segment_result(segment, status);
  }
  return ipc_segment_result(segment, latest_get_pinned(latest, bytes, size));
}

int32_t ipc_latest_length(ipc_handle *latest) {
  const ipc_segment *segment = &latest->segment;
  int32_t status = ipc_handle_check(latest);
  if (status != IPC_OK) return ipc_segment_result(segment, status);
  uint64_t current = atomic_load_explicit(&segment->header->current, memory_order_acquire);
  uint32_t index = ipc_buffer_of(current);
  if (current == 0) return ipc_segment_result(segment, IPC_NOT_SET);
  if (index >= ipc_buffer_count(segment->max_receivers)) return ipc_segment_result(segment, IPC_E_CORRUPT);
  /* If the buffer is taken meanwhile, it is the length of another value: the caller must expect that in any case. */
  uint32_t length = atomic_load_explicit(&latest_buffer(segment, index)->length, memory_order_relaxed);
  return ipc_segment_result(segment, length > segment->capacity ? IPC_E_CORRUPT : (int32_t)length);
}

uint32_t ipc_latest_max_length(const ipc_handle *latest) { return latest->segment.capacity; }

double ipc_latest_version(const ipc_handle *latest) {
  return (double)ipc_version_of(atomic_load_explicit(&latest->segment.header->current, memory_order_relaxed));
}

double ipc_latest_seen(const ipc_handle *latest) { return (double)latest->seen; }

/* Writer, step 2: pins for the readers that want it, and collects what is pinned. */
static void latest_collect_pins(ipc_handle *latest, uint32_t current, latest_set *pinned) {
  const ipc_segment *segment = &latest->segment;
  for (uint32_t i = 0; i <= ipc_buffer_count(segment->max_receivers) / LATEST_SET_BITS; i++) pinned->bits[i] = 0;
  uint32_t used = ipc_slots_of_receivers(segment);
  for (uint32_t i = 0; i < used; i++) {
    ipc_slot *slot = &segment->receivers[i];
    /* A slot that is empty has no reader that has done step 2. */
    if (atomic_load_explicit(&slot->instance, memory_order_acquire) == 0) continue;
    /* seq_cst: see latest_get_pinned. It acquires, too: what a reader has read comes before what we write. */
    uint32_t pin = atomic_load_explicit(&slot->pin, memory_order_seq_cst);
    /* release: see latest_get_pinned */
    if (pin == IPC_PIN_WANTED && atomic_compare_exchange_strong_explicit(&slot->pin, &pin, IPC_PINNED + current,
                                                                         memory_order_acq_rel, memory_order_acquire))
      continue; /* the current buffer is not taken anyway */
    if (pin >= IPC_PINNED && pin - IPC_PINNED < ipc_buffer_count(segment->max_receivers))
      latest_set_add(pinned, pin - IPC_PINNED);
  }
}

/* The next buffer after the current one that is not pinned; -1: all that have memory are. */
static int32_t latest_find_free(uint32_t current, uint32_t buffers, const latest_set *pinned) {
  for (uint32_t i = 1; i <= buffers; i++) {
    uint32_t index = (current + i) % buffers;
    if (index != current && !latest_set_has(pinned, index)) return (int32_t)index;
  }
  return -1;
}

/* When all are pinned: the readers may be dead. If not, another buffer gets memory. */
static int32_t latest_find_more(ipc_handle *latest, uint32_t current, uint32_t buffers, latest_set *pinned) {
  const ipc_segment *segment = &latest->segment;
  uint32_t most = ipc_buffer_count(segment->max_receivers);
  if (buffers == most || ipc_handle_is_time_to_reap(latest)) {
    ipc_slots_evict_dead(&latest->segment);
    latest_collect_pins(latest, current, pinned);
    int32_t index = latest_find_free(current, buffers, pinned);
    if (index >= 0) return index;
  }
  if (buffers == most) return IPC_E_CORRUPT; /* more pins than handles */
  int32_t status = ipc_segment_reserve_buffer(segment, buffers);
  if (status != IPC_OK) return status;
  atomic_store_explicit(&segment->header->buffers, buffers + 1, memory_order_relaxed); /* the claim orders it */
  return (int32_t)buffers;
}

/* Writer, steps 2 and 3: a buffer, or why there is none. */
static int32_t latest_take_buffer(ipc_handle *latest, uint32_t current) {
  const ipc_segment *segment = &latest->segment;
  const ipc_header *header = segment->header;
  uint32_t buffers = atomic_load_explicit(&header->buffers, memory_order_relaxed);
  uint32_t most = ipc_buffer_count(segment->max_receivers);
  if (IPC_UNLIKELY(buffers < 2 || buffers > most || current >= buffers)) return IPC_E_CORRUPT;
  /* seq_cst: see latest_get_pinned. If it is 0, what readers have read comes before what we write. */
  if (IPC_LIKELY(atomic_load_explicit(&header->pinning, memory_order_seq_cst) == 0))
    return (int32_t)(current + 1 < buffers ? current + 1 : 0);
  latest_set pinned;
  latest_collect_pins(latest, current, &pinned);
  int32_t index = latest_find_free(current, buffers, &pinned);
  return index >= 0 ? index : latest_find_more(latest, current, buffers, &pinned);
}

/* Writer, steps 2 to 5. */
static int32_t latest_publish(ipc_handle *latest, const void *bytes, uint32_t length) {
  ipc_header *header = latest->segment.header;
  uint64_t current = atomic_load_explicit(&header->current, memory_order_relaxed); /* the claim orders it */
  int32_t index = latest_take_buffer(latest, ipc_buffer_of(current));
  if (IPC_UNLIKELY(index < 0)) return index;
  uint64_t version = (ipc_version_of(current) + 1) & (UINT64_MAX >> IPC_BUFFER_BITS);
  if (IPC_UNLIKELY(version == 0)) version = 1;
  ipc_buffer *buffer = latest_buffer(&latest->segment, (uint32_t)index);
  atomic_store_explicit(&buffer->version, 0, memory_order_relaxed);
  /* release pairs with the acquire fence in ipc_latest_get: a reader that sees what follows sees that the version is
   * gone */
  atomic_thread_fence(memory_order_release);
  atomic_store_explicit(&buffer->length, length, memory_order_relaxed);
  latest_copy_in(buffer, bytes, length);
  atomic_store_explicit(&buffer->version, version, memory_order_relaxed);
  /* seq_cst: release, to readers; see latest_get_pinned; and see ipc_waits_notify_of_store */
  atomic_store_explicit(&header->current, version << IPC_BUFFER_BITS | (uint32_t)index, memory_order_seq_cst);
  latest->seen = version;
  return IPC_OK;
}

int32_t ipc_latest_lock(ipc_handle *latest, int32_t timeout_ms) {
  uint64_t deadline = 0;
  int32_t status = ipc_queued_lock_take(latest, timeout_ms, &deadline);
  if (IPC_UNLIKELY(status < 0)) return ipc_segment_result(&latest->segment, status);
  status = ipc_handle_check(latest);
  if (IPC_LIKELY(status == IPC_OK)) return ipc_segment_result(&latest->segment, IPC_OK);
  ipc_queued_lock_release(latest);
  return ipc_segment_result(&latest->segment, status);
}

int32_t ipc_latest_unlock(ipc_handle *latest) {
  if (IPC_UNLIKELY(!ipc_queued_lock_is_held(latest))) return ipc_segment_result(&latest->segment, IPC_E_NOT_OWNER);
  ipc_queued_lock_release(latest);
  return ipc_segment_result(&latest->segment, IPC_OK);
}

int32_t ipc_latest_set(ipc_handle *latest, const void *bytes, uint32_t length, int32_t timeout_ms) {
  ipc_segment *segment = &latest->segment;
  if (IPC_UNLIKELY(length > segment->capacity)) return ipc_segment_result(segment, IPC_E_MESSAGE_TOO_LARGE);
  bool is_held = ipc_queued_lock_is_held(latest);
  int32_t status = is_held ? ipc_handle_check(latest) : ipc_latest_lock(latest, timeout_ms);
  if (IPC_UNLIKELY(status != IPC_OK)) return ipc_segment_result(segment, status);
  status = latest_publish(latest, bytes, length);
  if (!is_held) ipc_queued_lock_release(latest);
  /* seq_cst: see ipc_waits_notify_of_store; the store is that of `current` */
  if (IPC_UNLIKELY(atomic_load_explicit(&segment->header->waiting, memory_order_seq_cst) != 0) && status == IPC_OK)
    ipc_waits_notify_all(segment, IPC_WAIT_CHANGE);
  return ipc_segment_result(segment, status);
}

static bool latest_has_version(const ipc_handle *latest, double version) {
  /* seq_cst: after the fence in ipc_waits_enter. A set that this does not see finds the wait. */
  uint64_t current = atomic_load_explicit(&latest->segment.header->current, memory_order_seq_cst);
  return (double)ipc_version_of(current) == version;
}

int32_t ipc_latest_enter(ipc_handle *latest, double version, uint32_t low, uint32_t high) {
  ipc_segment *segment = &latest->segment;
  int32_t status = ipc_handle_check(latest);
  if (status != IPC_OK) return ipc_segment_result(segment, status);
  if (!latest_has_version(latest, version)) return ipc_segment_result(segment, IPC_NOT_EQUAL);
  uint64_t waker = (uint64_t)high << 32 | low;
  int32_t wait = ipc_waits_enter(segment, latest->instance, IPC_WAIT_CHANGE, waker);
  if (wait == IPC_E_TOO_MANY_WAITS && ipc_slots_evict_dead(segment))
    wait = ipc_waits_enter(segment, latest->instance, IPC_WAIT_CHANGE, waker);
  if (wait < 0 || latest_has_version(latest, version)) return ipc_segment_result(segment, wait);
  ipc_waits_leave(segment, wait); /* each set notifies all, so no other wait needs this notification */
  return ipc_segment_result(segment, IPC_NOT_EQUAL);
}

static bool latest_is_available(const ipc_handle *latest) { return ipc_queued_lock_is_available(latest); }

/* Nothing is half done: the next writer need not learn that the lock was held. */
static void latest_abandon(ipc_handle *latest) {
  if (ipc_queued_lock_is_held(latest)) ipc_queued_lock_release(latest);
}

const ipc_lock_kind ipc_latest_kind = {.is_available = latest_is_available, .abandon = latest_abandon};

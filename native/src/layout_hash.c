/*
 * layout_hash.c - the fingerprint of layout.h.
 *
 * FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/), over name, offset and size of every field of every
 * structure in shared memory. A field that moves, grows, is renamed, or changes places with its neighbour changes it.
 * packages/protocol/src/layout_hash.ts computes the same from the offsets in layout.ts; its test compares the two, and
 * both with the fields that layout.h declares.
 */
#include "layout_hash.h"

#include "layout.h"

#define FIELD(type, field) {#type "." #field, (uint32_t)offsetof(type, field), (uint32_t)sizeof(((type *)0)->field)},
#define SIZE(type) {#type, 0, (uint32_t)sizeof(type)},

/* One entry to a line: */
/* clang-format off */
static const ipc_layout_field layout_fields[] = {
  SIZE(ipc_header)
  FIELD(ipc_header, magic)
  FIELD(ipc_header, version)
  FIELD(ipc_header, layout_hash)
  FIELD(ipc_header, kind)
  FIELD(ipc_header, capacity)
  FIELD(ipc_header, max_receivers)
  FIELD(ipc_header, max_senders)
  FIELD(ipc_header, permissions)
  FIELD(ipc_header, overflow)
  FIELD(ipc_header, initial)
  FIELD(ipc_header, robust)
  FIELD(ipc_header, stamped)
  FIELD(ipc_header, created)
  FIELD(ipc_header, segment_bytes)
  FIELD(ipc_header, body_offset)
  FIELD(ipc_header, prefix)
  FIELD(ipc_header, name)
  FIELD(ipc_header, head)
  FIELD(ipc_header, write_limit)
  FIELD(ipc_header, claim)
  FIELD(ipc_header, writing)
  FIELD(ipc_header, permits)
  FIELD(ipc_header, recovered)
  FIELD(ipc_header, buffers)
  FIELD(ipc_header, announced)
  FIELD(ipc_header, mark_count)
  FIELD(ipc_header, marks)
  FIELD(ipc_header, take_claim)
  FIELD(ipc_header, cursor)
  FIELD(ipc_header, tail)
  FIELD(ipc_header, take_checks)
  FIELD(ipc_header, next_due)
  FIELD(ipc_header, max_attempts)
  FIELD(ipc_header, receiver_count)
  FIELD(ipc_header, sender_count)
  FIELD(ipc_header, receiver_slots_used)
  FIELD(ipc_header, sender_slots_used)
  FIELD(ipc_header, orphaned)
  FIELD(ipc_header, unusable)
  FIELD(ipc_header, event_flags)
  FIELD(ipc_header, gated_count)
  FIELD(ipc_header, record_kinds)
  FIELD(ipc_header, kept)
  FIELD(ipc_header, next_instance)
  FIELD(ipc_header, deaths)
  FIELD(ipc_header, event_words)
  FIELD(ipc_header, waiting)
  FIELD(ipc_header, wait_entries_used)
  FIELD(ipc_header, next_ticket)
  FIELD(ipc_header, pinning)
  FIELD(ipc_header, memory_bytes)
  FIELD(ipc_header, current)
  FIELD(ipc_header, codec_length)
  FIELD(ipc_header, codec_pid)
  FIELD(ipc_header, codec)
  FIELD(ipc_header, dead_letter)
  FIELD(ipc_header, move_open)
  FIELD(ipc_header, move_at)
  FIELD(ipc_header, moves)
  SIZE(ipc_mark)
  FIELD(ipc_mark, position)
  FIELD(ipc_mark, number)
  SIZE(ipc_move)
  FIELD(ipc_move, source)
  FIELD(ipc_move, position)
  FIELD(ipc_move, mover)
  FIELD(ipc_move, reserved)
  SIZE(ipc_event_flag)
  FIELD(ipc_event_flag, wanted)
  SIZE(ipc_event_word)
  FIELD(ipc_event_word, value)
  SIZE(ipc_slot)
  FIELD(ipc_slot, position)
  FIELD(ipc_slot, instance)
  FIELD(ipc_slot, owner)
  FIELD(ipc_slot, pid)
  FIELD(ipc_slot, asleep)
  FIELD(ipc_slot, lost)
  FIELD(ipc_slot, armed)
  FIELD(ipc_slot, observer)
  FIELD(ipc_slot, waker)
  FIELD(ipc_slot, held)
  FIELD(ipc_slot, thread)
  FIELD(ipc_slot, pid_namespace)
  FIELD(ipc_slot, died)
  FIELD(ipc_slot, pending)
  FIELD(ipc_slot, since)
  FIELD(ipc_slot, opened)
  FIELD(ipc_slot, pin)
  SIZE(ipc_buffer)
  FIELD(ipc_buffer, version)
  FIELD(ipc_buffer, length)
  FIELD(ipc_buffer, reserved)
  SIZE(ipc_wait_entry)
  FIELD(ipc_wait_entry, instance)
  FIELD(ipc_wait_entry, state)
  FIELD(ipc_wait_entry, what)
  FIELD(ipc_wait_entry, deaths)
  FIELD(ipc_wait_entry, waker)
  FIELD(ipc_wait_entry, since)
  SIZE(ipc_record)
  FIELD(ipc_record, length)
  FIELD(ipc_record, kind)
  SIZE(ipc_fragment)
  FIELD(ipc_fragment, instance)
  FIELD(ipc_fragment, message)
  FIELD(ipc_fragment, oldest)
  FIELD(ipc_fragment, first)
  FIELD(ipc_fragment, total)
  FIELD(ipc_fragment, offset)
  SIZE(ipc_lease)
  FIELD(ipc_lease, holder)
  FIELD(ipc_lease, attempts)
  SIZE(ipc_origin)
  FIELD(ipc_origin, attempts)
  FIELD(ipc_origin, name_bytes)
  FIELD(ipc_origin, reason_bytes)
};
/* clang-format on */

static uint32_t layout_hash_byte(uint32_t hash, uint32_t byte) { return (hash ^ byte) * 16777619u; }

static uint32_t layout_hash_word(uint32_t hash, uint32_t word) {
  for (unsigned shift = 0; shift < 32; shift += 8) hash = layout_hash_byte(hash, word >> shift & 0xffu);
  return hash;
}

uint32_t ipc_layout_hash_of(const ipc_layout_field *fields, size_t count) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < count; i++) {
    for (const char *name = fields[i].name; *name; name++) hash = layout_hash_byte(hash, (unsigned char)*name);
    hash = layout_hash_word(hash, fields[i].offset);
    hash = layout_hash_word(hash, fields[i].size);
  }
  return hash;
}

uint32_t ipc_layout_hash(void) {
  /* Relaxed: each thread that finds 0 computes the same value, which orders nothing. */
  static _Atomic uint32_t known;
  uint32_t hash = atomic_load_explicit(&known, memory_order_relaxed);
  if (hash == 0) {
    hash = ipc_layout_hash_of(layout_fields, sizeof(layout_fields) / sizeof(layout_fields[0]));
    atomic_store_explicit(&known, hash, memory_order_relaxed);
  }
  return hash;
}

const ipc_layout_field *ipc_layout_fields(size_t *count) {
  *count = sizeof(layout_fields) / sizeof(layout_fields[0]);
  return layout_fields;
}

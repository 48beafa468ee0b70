#include "record_count.h"

#include "marks.h"
#include "ring.h"

/* Whether a fragment is the last one of its message. */
static bool record_is_last(const uint8_t *payload, uint32_t length) {
  ipc_fragment fragment;
  if (length <= sizeof fragment) return false;
  ipc_ring_copy_out(&fragment, payload, sizeof fragment);
  return fragment.offset + (length - (uint32_t)sizeof fragment) == fragment.total;
}

uint32_t ipc_record_count(const uint8_t *body, uint32_t capacity_units, uint32_t from, uint32_t to) {
  uint32_t count = 0, lent_at = to; /* `to`: no loan */
  for (uint32_t position = from, units; position != to; position += units) {
    ipc_record_copy record;
    units = ipc_ring_read_raced(body, capacity_units, position, to, &record);
    if (units == 0) break; /* overwritten, or damage */
    if (record.kind == IPC_RECORD_FRAGMENT) {
      const uint8_t *at = body + (size_t)(position & (capacity_units - 1)) * IPC_UNIT;
      count += record_is_last(at + sizeof(ipc_record), record.length);
    } else {
      /* Padding in the place of a loan: it was counted, and then cancelled. */
      count += record.kind == IPC_RECORD_MESSAGE || record.kind == IPC_RECORD_LOAN ||
               (record.kind == IPC_RECORD_PADDING && position == lent_at);
    }
    lent_at = record.kind == IPC_RECORD_OWNER ? position + units : to;
  }
  return count;
}

/* A joiner is slower than senders that go round the whole ring so often: then it begins at a mark. */
enum { TRIES = 64 };

uint64_t ipc_record_count_head(const ipc_segment *segment) {
  const ipc_header *header = segment->header;
  uint32_t capacity_units = segment->capacity / IPC_UNIT;
  ipc_mark_copy marks[IPC_MARKS];
  for (int tries = 0; tries < TRIES; tries++) {
    /* acquire: the records before it are whole, and the marks before it are there */
    uint32_t head = (uint32_t)atomic_load_explicit(&header->head, memory_order_acquire);
    uint32_t newest = ipc_marks_copy(header, marks);
    while (newest > 0 && (int32_t)(head - (uint32_t)marks[newest - 1].position) < 0) newest--;
    if (newest == 0) continue;
    const ipc_mark_copy *mark = &marks[newest - 1];
    uint32_t count = ipc_record_count(segment->body, capacity_units, (uint32_t)mark->position, head);
    /* As ipc_overrun_found(): what was read was whole. */
    atomic_thread_fence(memory_order_acquire);
    uint64_t announced = atomic_load_explicit(&header->announced, memory_order_acquire);
    if (announced - mark->position <= capacity_units) return (mark->number + count) << 32 | head;
  }
  ipc_mark_copy last = ipc_marks_last(header);
  return last.number << 32 | (uint32_t)last.position;
}

void ipc_record_count_again(ipc_segment *segment) {
  ipc_header *header = segment->header;
  bool is_counted = segment->kind == IPC_ROUTE || segment->kind == IPC_CHANNEL;
  if (!is_counted || segment->overflow == IPC_DROP_OLDEST) return; /* there head and count are one store */
  uint64_t head = atomic_load_explicit(&header->head, memory_order_relaxed);
  ipc_mark_copy mark = ipc_marks_last(header);
  uint32_t capacity_units = segment->capacity / IPC_UNIT, position = (uint32_t)head;
  if (position - (uint32_t)mark.position > capacity_units) return; /* damage */
  uint64_t number = mark.number + ipc_record_count(segment->body, capacity_units, (uint32_t)mark.position, position);
  if ((uint32_t)number != (uint32_t)(head >> 32))
    atomic_store_explicit(&header->head, number << 32 | position, memory_order_release);
}

#include "latest.h"

#include "marks.h"
#include "overrun.h"

/* What a walk over the headers has found. */
typedef struct newest_message {
  bool is_found;
  uint32_t position;        /* of its record, or of its last fragment */
  uint32_t sender, message; /* of fragments */
} newest_message;

/* Whether the receiver has all fragments of the message whose last one is at `position`. */
static bool latest_has_all(const ipc_receiver *receiver, const ipc_fragment *last, uint32_t position) {
  return position - last->first <= position - receiver->position || ipc_assembly_has(&receiver->assembly, last);
}

static void latest_look_at_fragment(const ipc_receiver *receiver, uint32_t position, uint32_t length,
                                    newest_message *newest) {
  ipc_fragment fragment;
  if (length <= sizeof fragment) return;
  const uint8_t *at = ipc_ring_at(receiver->segment.body, receiver->capacity_units, position);
  ipc_ring_copy_out(&fragment, at + sizeof(ipc_record), sizeof fragment);
  bool is_last = fragment.offset + (length - (uint32_t)sizeof fragment) == fragment.total;
  if (is_last && latest_has_all(receiver, &fragment, position))
    *newest = (newest_message){true, position, fragment.instance, fragment.message};
}

/*
 * Reads the headers from our position up to head. Where senders do not wait for us they may be overwritten meanwhile;
 * what is found is then no message, and ipc_receiver_next_of_any() notices.
 */
static newest_message latest_find(const ipc_receiver *receiver) {
  newest_message newest = {0};
  for (uint32_t position = receiver->position, units; position != receiver->head; position += units) {
    ipc_record_copy record;
    units = ipc_ring_read_raced(receiver->segment.body, receiver->capacity_units, position, receiver->head, &record);
    if (units == 0 || record.kind == IPC_RECORD_LOAN) break;
    if (record.kind == IPC_RECORD_MESSAGE)
      newest = (newest_message){.is_found = true, .position = position};
    else if (record.kind == IPC_RECORD_FRAGMENT)
      latest_look_at_fragment(receiver, position, record.length, &newest);
  }
  return newest;
}

/*
 * To the last mark before head, whose number says how many messages are passed over: then at most some eighth of the
 * ring has to be read. Only where records are nothing but whole messages.
 */
static void latest_go_to_mark(ipc_receiver *receiver) {
  const ipc_header *header = receiver->segment.header;
  ipc_mark_copy marks[IPC_MARKS];
  if (!receiver->is_overrun || receiver->assembly.parts ||
      atomic_load_explicit(&header->record_kinds, memory_order_relaxed) != 0)
    return;
  uint64_t head = receiver->passed + (receiver->head - receiver->position);
  uint32_t last = ipc_marks_copy(header, marks);
  while (last > 0 && marks[last - 1].position >= head) last--; /* a message lies between the mark and head */
  if (last == 0 || marks[last - 1].position <= receiver->passed) return;
  const ipc_mark_copy *mark = &marks[last - 1];
  receiver->skipped += mark->number - receiver->number;
  receiver->passed = mark->position;
  receiver->number = mark->number;
  receiver->position = (uint32_t)mark->position;
}

int32_t ipc_receiver_next_latest(ipc_receiver *receiver, ipc_record_copy *record, const uint8_t **bytes) {
  for (;;) {
    if (receiver->is_overrun) ipc_overrun_found(receiver);
    /* What is known by now may be old: head is loaded. acquire pairs with the sender's release. */
    receiver->head = (uint32_t)atomic_load_explicit(&receiver->segment.header->head, memory_order_acquire);
    if (receiver->head == receiver->position) return IPC_TIMED_OUT;
    latest_go_to_mark(receiver);
    newest_message newest = latest_find(receiver);
    receiver->is_passing = newest.is_found && receiver->segment.kind == IPC_ROUTE;
    receiver->newest_of = newest.sender;
    receiver->newest = newest.message;
    int32_t units;
    for (;;) {
      units = ipc_receiver_next_of_any(receiver, record, bytes);
      if (units < 0 || !newest.is_found || (int32_t)(receiver->position - newest.position) >= 0) break;
      if (record->kind == IPC_RECORD_FRAGMENT) ipc_assembly_finish(&receiver->assembly, false);
      receiver->skipped++;
      ipc_receiver_advance_message(receiver, (uint32_t)units);
    }
    receiver->is_passing = false;
    /* Past it: it was overwritten, and what is next now is not the newest. */
    if (units < 0 || !newest.is_found || receiver->position == newest.position) return units;
  }
}

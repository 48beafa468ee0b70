#include "overrun.h"

#include "marks.h"

static void overrun_go_to(ipc_receiver *receiver, uint64_t position, uint64_t number) {
  receiver->passed = position;
  receiver->number = number;
  receiver->position = receiver->head = (uint32_t)position;
  receiver->lender = 0;
}

/*
 * The oldest mark with at most `most` units between it and what is announced; else the last one, which always is whole.
 * `seen` was announced: it may be less by now, when senders have found how far they may really write.
 */
static ipc_mark_copy overrun_mark_within(const ipc_header *header, uint64_t most, uint64_t seen) {
  ipc_mark_copy marks[IPC_MARKS];
  uint32_t count;
  while ((count = ipc_marks_copy(header, marks)) == 0) /* senders have replaced all marks meanwhile */
    if (atomic_load_explicit(&header->mark_count, memory_order_relaxed) == 0)
      return ipc_marks_last(header); /* damage */
  uint64_t announced = atomic_load_explicit(&header->announced, memory_order_relaxed);
  if (announced < seen) announced = seen;
  for (uint32_t i = 0; i < count; i++)
    if (announced - marks[i].position <= most) return marks[i];
  return marks[count - 1];
}

void ipc_overrun_start(ipc_receiver *receiver, bool from_oldest) {
  const ipc_header *header = receiver->segment.header;
  if (from_oldest) {
    ipc_mark_copy mark = overrun_mark_within(header, receiver->capacity_units, 0);
    overrun_go_to(receiver, mark.position, mark.number);
  } else {
    /* Position and number as one load found them, before any sender counted us; any mark near has their high bits. */
    ipc_mark_copy mark = overrun_mark_within(header, receiver->capacity_units, 0);
    uint64_t head = receiver->segment.joined;
    uint64_t position = mark.position + (uint64_t)(int64_t)(int32_t)((uint32_t)head - (uint32_t)mark.position);
    overrun_go_to(receiver, position,
                  mark.number + (uint64_t)(int64_t)(int32_t)((uint32_t)(head >> 32) - (uint32_t)mark.number));
  }
  receiver->joined = receiver->passed;
}

bool ipc_overrun_found(ipc_receiver *receiver) {
  const ipc_header *header = receiver->segment.header;
  /* acquire pairs with the release fence in sender_recompute_write_limit: if we read a new byte, we see that it was
   * announced */
  atomic_thread_fence(memory_order_acquire);
  /* acquire pairs with the release in sender_recompute_write_limit: if we see an announcement, we see its mark */
  uint64_t announced = atomic_load_explicit(&header->announced, memory_order_acquire);
  if (IPC_LIKELY(announced - receiver->passed <= receiver->capacity_units)) return false;
  if ((int64_t)(announced - receiver->passed) < 0) {
    /* We have read what was not announced: damage. Going back could go on for ever. No record is read before this head.
     */
    receiver->head = receiver->position - 1;
    return false;
  }
  /* With a quarter of the ring to spare, or the next record would be overwritten before it is read. */
  ipc_mark_copy mark = overrun_mark_within(header, receiver->capacity_units / 4 * 3, announced);
  /* No mark ahead of us is damage. The position where nothing has been written yet then serves as one; what comes next
   * will be found damaged, too. */
  if ((int64_t)(mark.position - receiver->passed) <= 0) mark = (ipc_mark_copy){announced, receiver->number};
  receiver->lost += mark.number - receiver->number;
  ipc_assembly_clear(&receiver->assembly);
  overrun_go_to(receiver, mark.position, mark.number);
  atomic_store_explicit(&receiver->slot->lost, receiver->lost, memory_order_relaxed);
  return true;
}

void ipc_overrun_missed(ipc_receiver *receiver, const ipc_fragment *fragment) {
  uint32_t ago = (uint32_t)receiver->passed - fragment->first;
  if (!receiver->is_overrun || receiver->passed - receiver->joined < ago) return;
  receiver->lost++;
  atomic_store_explicit(&receiver->slot->lost, receiver->lost, memory_order_relaxed);
}

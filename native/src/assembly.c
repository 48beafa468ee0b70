#include "assembly.h"

#include <stdlib.h>
#include <string.h>

#include "slots.h"

struct ipc_part {
  ipc_part *next;
  uint32_t instance, message, total, received;
  bool is_orphan; /* its sender was found gone, … */
  uint32_t until; /* …and nothing that it sent lies at or past this position */
  uint8_t *bytes; /* its own memory: there from the start, so that going on in it cannot fail */
  uint8_t *at;    /* where it is put together: that, or the target */
};

/* Larger ones go back to the system. */
enum { SPARE_BYTES = 16 << 20 };

static void assembly_drop(ipc_assembly *assembly, ipc_part **link) {
  ipc_part *part = *link;
  *link = part->next;
  if (part == assembly->whole) assembly->whole = NULL;
  if (part->bytes && part->total <= SPARE_BYTES && part->total > assembly->spare_bytes) {
    free(assembly->spare);
    assembly->spare = part->bytes;
    assembly->spare_bytes = part->total;
  } else {
    free(part->bytes);
  }
  free(part);
}

/*
 * Whether the sender of a part is gone and all is read that it sent before: that it is gone does not mean that it did
 * not finish. What it sent lies before the head that is loaded once it is gone.
 */
static bool assembly_is_left_behind(ipc_part *part, const ipc_segment *segment, uint32_t position) {
  uint32_t pid;
  if (part->is_orphan) return (int32_t)(position - part->until) >= 0;
  if (ipc_slots_is_alive(segment, part->instance, &pid)) return false;
  part->is_orphan = true;
  part->until = (uint32_t)atomic_load_explicit(&segment->header->head, memory_order_acquire);
  return false;
}

/* Drops the parts that their sender has given up, and those whose sender has left or died. */
static void assembly_drop_unfinished(ipc_assembly *assembly, const ipc_segment *segment, uint32_t position,
                                     const ipc_fragment *by) {
  for (ipc_part **link = &assembly->parts; *link;) {
    ipc_part *part = *link;
    bool given_up = part->instance == by->instance ? (int32_t)(part->message - by->oldest) < 0
                                                   : assembly_is_left_behind(part, segment, position);
    if (given_up)
      assembly_drop(assembly, link);
    else
      link = &part->next;
  }
}

static ipc_part *assembly_begin(ipc_assembly *assembly, const ipc_fragment *fragment) {
  ipc_part *part = calloc(1, sizeof *part);
  if (!part) return NULL;
  *part = (ipc_part){.instance = fragment->instance, .message = fragment->message, .total = fragment->total};
  if (assembly->spare_bytes >= part->total) {
    part->bytes = assembly->spare;
    assembly->spare = NULL;
    assembly->spare_bytes = 0;
  } else {
    part->bytes = malloc(part->total);
  }
  if (!part->bytes) {
    free(part);
    return NULL;
  }
  part->at = part->bytes;
  if (assembly->target && assembly->target_bytes >= part->total) {
    part->at = assembly->target;
    assembly->target = NULL;
  }
  part->next = assembly->parts;
  return assembly->parts = part;
}

static ipc_part *assembly_find(const ipc_assembly *assembly, const ipc_fragment *fragment) {
  for (ipc_part *part = assembly->parts; part; part = part->next)
    if (part->instance == fragment->instance && part->message == fragment->message) return part;
  return NULL;
}

bool ipc_assembly_has(const ipc_assembly *assembly, const ipc_fragment *fragment) {
  return assembly_find(assembly, fragment) != NULL;
}

uint8_t *ipc_assembly_room(ipc_assembly *assembly, const ipc_segment *segment, uint32_t position,
                           const ipc_fragment *fragment, uint32_t length, enum ipc_assembly_step *step) {
  bool is_last = fragment->offset + length == fragment->total;
  ipc_part *part = assembly_find(assembly, fragment);
  if (!part && fragment->offset == 0) {
    assembly_drop_unfinished(assembly, segment, position, fragment);
    part = assembly_begin(assembly, fragment);
    *step = IPC_ASSEMBLY_NO_SPACE;
    return part ? part->at : NULL;
  }
  *step = is_last ? IPC_ASSEMBLY_MISSED : IPC_ASSEMBLY_MORE;
  bool fits = part && part->total == fragment->total && part->received == fragment->offset;
  return fits ? part->at + part->received : NULL;
}

void ipc_assembly_lend_target(ipc_assembly *assembly, void *target, uint32_t capacity) {
  assembly->target = target;
  assembly->target_bytes = capacity;
}

void ipc_assembly_give_target_back(ipc_assembly *assembly) {
  assembly->target = NULL;
  for (ipc_part *part = assembly->parts; part; part = part->next) {
    if (part->at == part->bytes) continue;
    memcpy(part->bytes, part->at, part->received);
    part->at = part->bytes;
  }
}

enum ipc_assembly_step ipc_assembly_add(ipc_assembly *assembly, const ipc_fragment *fragment, uint32_t length) {
  ipc_part *part = assembly_find(assembly, fragment);
  part->received += length;
  if (part->received < part->total) return IPC_ASSEMBLY_MORE;
  assembly->whole = part;
  return IPC_ASSEMBLY_WHOLE;
}

const uint8_t *ipc_assembly_bytes(const ipc_assembly *assembly, uint32_t *length) {
  *length = assembly->whole->total;
  return assembly->whole->at;
}

void ipc_assembly_finish(ipc_assembly *assembly, bool keep) {
  ipc_part **link = &assembly->parts;
  while (*link != assembly->whole) link = &(*link)->next;
  if (keep) (*link)->bytes = NULL;
  assembly_drop(assembly, link);
}

void ipc_assembly_clear(ipc_assembly *assembly) {
  while (assembly->parts) assembly_drop(assembly, &assembly->parts);
}

#include "receiver_read.h"

#include <stdlib.h>

#include "codec.h"
#include "dead_letter.h"
#include "failure.h"
#include "letters.h"
#include "open.h"
#include "overrun.h"
#include "queue.h"
#include "segment_options.h"

static void receiver_free(ipc_segment *segment) {
  ipc_receiver *receiver = (ipc_receiver *)segment;
  ipc_assembly_clear(&receiver->assembly);
  free(receiver->assembly.spare);
  ipc_segment_close(segment);
  free(receiver);
}

ipc_receiver *ipc_receiver_open(const char *prefix, const char *name, const ipc_options *given, ipc_failure *failure) {
  int32_t lock;
  ipc_options own, *options = &own; /* the caller's may have fewer fields */
  *failure = (ipc_failure){0};
  if (ipc_segment_options_read(options, given, failure) != IPC_OK) return NULL;
  if (options->dead_letter[0] && strncmp(options->dead_letter, name, IPC_MAX_NAME) == 0) {
    ipc_failure_set_option(failure, IPC_E_INVALID_ARGUMENT, IPC_OPTION_DEAD_LETTER, 0, 0);
    return NULL;
  }
  ipc_receiver *receiver = ipc_segment_open_endpoint(sizeof *receiver, true, prefix, name, options, &lock, failure);
  if (!receiver) return NULL;
  ipc_segment *segment = &receiver->segment;
  segment->free_endpoint = receiver_free;
  bool is_observer = options->lossy != 0;
  int32_t index = ipc_slots_join_receiver(segment, options->from_oldest != 0, is_observer);
  if (index >= 0) ipc_codec_set(segment);
  if (index >= 0) ipc_dead_letter_set(segment, options);
  ipc_os_unlock(lock);
  if (index < 0) {
    failure->code = index;
    failure->wanted = segment->max_receivers;
    receiver_free(segment);
    return NULL;
  }
  receiver->slot = &segment->receivers[index];
  receiver->instance = atomic_load_explicit(&receiver->slot->instance, memory_order_relaxed);
  receiver->capacity_units = segment->capacity / IPC_UNIT;
  receiver->quota = receiver->capacity_units / 8;
  ipc_receiver_start_looks(receiver);
  receiver->position = atomic_load_explicit(&receiver->slot->position, memory_order_relaxed);
  receiver->head = receiver->published = receiver->position;
  receiver->is_queue = segment->kind == IPC_QUEUE;
  receiver->is_overrun = is_observer || segment->overflow == IPC_DROP_OLDEST;
  if (receiver->is_overrun) ipc_overrun_start(receiver, options->from_oldest != 0);
  receiver->run_head = receiver->position;
  receiver->prefetch = options->prefetch ? options->prefetch : UINT32_MAX;
  receiver->permissions = options->permissions;
  strcpy(receiver->prefix, prefix);
  strcpy(receiver->name, name);
  if (ipc_letters_open(receiver, failure) == IPC_OK) return receiver;
  ipc_receiver_close(receiver);
  return NULL;
}

void ipc_receiver_close(ipc_receiver *receiver) {
  if (!receiver) return;
  if (receiver->leases) ipc_queue_recover(&receiver->segment, receiver->instance, receiver->instance);
  ipc_letters_close(receiver);
  /* A sender that waits for it is to know what it has read. If we were taken for dead, the slot may be another one's.
   */
  if (!receiver->is_queue && receiver->published != receiver->position &&
      atomic_load_explicit(&receiver->slot->instance, memory_order_relaxed) == receiver->instance)
    ipc_receiver_publish(receiver);
  ipc_slots_leave(&receiver->segment, receiver->slot, receiver->instance);
  receiver_free(&receiver->segment);
}

double ipc_receiver_skipped(const ipc_receiver *receiver) { return (double)receiver->skipped; }

double ipc_receiver_lost(const ipc_receiver *receiver) { return (double)receiver->lost; }

const void *ipc_receiver_ring(const ipc_receiver *receiver) { return receiver->segment.body; }

uint32_t ipc_receiver_stamped(const ipc_receiver *receiver) { return receiver->segment.stamped; }

uint32_t ipc_receiver_capacity(const ipc_receiver *receiver) { return receiver->segment.capacity; }

ipc_mapping *ipc_receiver_hold_mapping(ipc_receiver *receiver) { return ipc_mapping_hold(&receiver->segment); }

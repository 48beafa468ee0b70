#include "listing.h"

#include "event.h"

/* For a message or for space. An endpoint that waits for peers to join does not count as sleeping. */
static bool list_is_sleeping(const ipc_slot *slot, bool is_sender) {
  const uint32_t space = 1u << IPC_EVENT_SPACE | 1u << IPC_EVENT_CLAIM_FREE;
  uint32_t armed = ipc_listing_load(&slot->armed);
  return ipc_listing_load(&slot->asleep) != 0 ||
         (is_sender ? (armed & space) != 0 : (armed & 1u << IPC_EVENT_DATA) != 0);
}

/* Whether a handle waits; *slept: how long, of the longest of its waits. */
static bool list_has_wait(const ipc_listing *listing, uint32_t instance, uint32_t *slept) {
  bool waits = false;
  for (uint32_t i = 0; i < ipc_listing_waits_of(&listing->header); i++) {
    const ipc_wait_entry *wait = &listing->waits[i];
    if (ipc_listing_load(&wait->instance) != instance ||
        (ipc_listing_load(&wait->state) & IPC_WAIT_TAGS) != IPC_WAIT_WAITING)
      continue;
    uint32_t its = ipc_listing_slept(ipc_listing_load(&wait->since));
    if (its > *slept) *slept = its;
    waits = true;
  }
  return waits;
}

static void list_describe_hold(const ipc_header *header, const ipc_slot *slot, ipc_listed_endpoint *endpoint) {
  if (header->kind == IPC_SIGNAL) {
    endpoint->observer = ipc_listing_load(&slot->observer) != 0;
    for (int i = 0; i < 2; i++) endpoint->holds += (uint32_t)__builtin_popcount(ipc_listing_load(&slot->pending[i]));
    return;
  }
  uint32_t owner = ipc_listing_load(&header->claim);
  /* A handle that has the queued lock of a reader-writer lock may still wait for readers to leave. */
  bool is_locked = header->kind == IPC_MUTEX || header->kind == IPC_LATEST ||
                   (header->kind == IPC_RWLOCK && ipc_listing_load(&header->writing) == owner);
  if (is_locked && owner != 0) /* what others seem to hold shared is over, or is a try that fails */
    endpoint->holds = endpoint->exclusive = endpoint->instance == owner;
  else
    endpoint->holds = ipc_listing_load(&slot->held);
}

static void list_describe_handle(const ipc_listing *listing, uint32_t index, ipc_listed_endpoint *endpoint) {
  const ipc_slot *slot = &listing->slots[index];
  uint32_t instance = ipc_listing_load(&slot->instance);
  *endpoint = (ipc_listed_endpoint){.role = IPC_HANDLE,
                                    .slot = index,
                                    .instance = instance,
                                    .pid = ipc_listing_load(&slot->pid),
                                    .alive = listing->alive[index],
                                    .pid_namespace = ipc_listing_load(&slot->pid_namespace),
                                    .age = ipc_listing_age_of(ipc_listing_load_long(&slot->opened))};
  if (endpoint->alive && list_has_wait(listing, instance, &endpoint->slept)) {
    endpoint->sleeping = 1;
  } else if (endpoint->alive && list_is_sleeping(slot, false)) {
    endpoint->sleeping = 1;
    endpoint->slept = ipc_listing_slept(ipc_listing_load(&slot->since));
  }
  list_describe_hold(&listing->header, slot, endpoint);
}

int32_t ipc_list_endpoint(ipc_listing *listing, ipc_listed_endpoint *endpoint) {
  const ipc_header *header = &listing->header;
  while (listing->next_slot < listing->slot_count) {
    uint32_t number = listing->next_slot++;
    bool is_sender = number < header->max_senders;
    uint32_t index = is_sender ? header->max_receivers + number : number - header->max_senders;
    const ipc_slot *slot = &listing->slots[index];
    uint32_t instance = ipc_listing_load(&slot->instance);
    if (instance == 0) continue;
    if (!ipc_segment_has_ring(header->kind)) {
      list_describe_handle(listing, index, endpoint);
      return 1;
    }
    bool is_reader = !is_sender && header->kind != IPC_QUEUE; /* each has its position */
    uint32_t position = is_reader   ? ipc_listing_load(&slot->position)
                        : is_sender ? ipc_listing_head_of(header)
                                    : ipc_listing_load(&header->cursor);
    *endpoint = (ipc_listed_endpoint){.role = is_sender ? IPC_SENDER : IPC_RECEIVER,
                                      .slot = is_sender ? number : index,
                                      .instance = instance,
                                      .pid = ipc_listing_load(&slot->pid),
                                      .alive = listing->alive[index],
                                      .sleeping = listing->alive[index] && list_is_sleeping(slot, is_sender),
                                      .position = ipc_listing_bytes_before(header, position),
                                      .lag = is_reader ? ipc_listing_lag_of(header, position) : 0,
                                      .lost = ipc_listing_load_long(&slot->lost),
                                      .pid_namespace = ipc_listing_load(&slot->pid_namespace),
                                      .age = ipc_listing_age_of(ipc_listing_load_long(&slot->opened)),
                                      .observer = !is_sender && ipc_listing_load(&slot->observer) != 0};
    if (endpoint->sleeping) endpoint->slept = ipc_listing_slept(ipc_listing_load(&slot->since));
    if (!is_sender && header->kind == IPC_QUEUE) {
      const ipc_listed_leases *leases = &listing->leases[index];
      endpoint->holds = leases->count;
      endpoint->attempts = leases->attempts;
      endpoint->lag = (uint64_t)leases->behind * IPC_UNIT;
    }
    return 1;
  }
  return 0;
}

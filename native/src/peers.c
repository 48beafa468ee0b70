#include "libipc/peers.h"

#include "receiver_state.h"
#include "sender_state.h"
#include "slot_owner.h"

_Static_assert(sizeof(ipc_peer) == 24 + 4 * IPC_PEER_DEATHS, "bindings read 32-bit words");

/* The endpoint that reads, and what it fills in. */
typedef struct snapshot {
  const ipc_slot *own;
  uint32_t instance;
  ipc_peer *peers;
  uint32_t max, count;
} snapshot;

/*
 * A slot may change its owner meanwhile: what was read belongs to the instance only if the instance is still the same
 * afterwards. Otherwise the slot is read again. That ends: each time an endpoint has joined or left.
 */
static ipc_peer peers_read_slot(const ipc_slot *slot) {
  for (;;) {
    /* acquire pairs with the release of the endpoint that took the slot: owner and pid are its own */
    uint32_t instance = atomic_load_explicit(&slot->instance, memory_order_acquire);
    uint64_t owner = atomic_load_explicit(&slot->owner, memory_order_relaxed);
    uint32_t pid_namespace = atomic_load_explicit(&slot->pid_namespace, memory_order_relaxed);
    ipc_peer peer = {.instance = instance,
                     .pid = instance ? atomic_load_explicit(&slot->pid, memory_order_relaxed) : 0};
    peer.observer = instance ? atomic_load_explicit(&slot->observer, memory_order_relaxed) : 0;
    /* Stored before the slot is emptied, so that an empty slot has them. */
    for (int i = 0; i < IPC_PEER_DEATHS; i++) peer.died[i] = atomic_load_explicit(&slot->died[i], memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&slot->instance, memory_order_relaxed) != instance) continue;
    peer.alive = instance != 0 && ipc_owner_is_alive(owner, peer.pid, pid_namespace);
    return peer;
  }
}

static void peers_add(snapshot *to, const ipc_slot *slots, uint32_t count, uint32_t role) {
  for (uint32_t index = 0; index < count; index++) {
    const ipc_slot *slot = &slots[index];
    ipc_peer peer = peers_read_slot(slot);
    /* If we were taken for dead, we have lost our slot: then it belongs to another endpoint. */
    if (slot == to->own && (peer.instance == to->instance || peer.instance == 0)) continue;
    if (peer.instance == 0 && peer.died[0] == 0) continue; /* the first death is recorded there */
    peer.role = role;
    peer.slot = index;
    if (to->count < to->max) to->peers[to->count] = peer;
    to->count++;
  }
}

static int32_t peers_of(const ipc_segment *segment, snapshot *to) {
  peers_add(to, segment->senders, segment->max_senders, IPC_SENDER);
  peers_add(to, segment->receivers, segment->max_receivers, IPC_RECEIVER);
  return (int32_t)to->count;
}

int32_t ipc_sender_peers(ipc_sender *sender, ipc_peer *peers, uint32_t max) {
  return peers_of(&sender->segment,
                  &(snapshot){.own = sender->slot, .instance = sender->instance, .peers = peers, .max = max});
}

int32_t ipc_receiver_peers(ipc_receiver *receiver, ipc_peer *peers, uint32_t max) {
  return peers_of(&receiver->segment,
                  &(snapshot){.own = receiver->slot, .instance = receiver->instance, .peers = peers, .max = max});
}

#include "libipc/waker.h"

#include "receiver_state.h"
#include "sender_state.h"

enum {
  DATA = 1 << IPC_EVENT_DATA,
  PEERS = 1 << IPC_EVENT_PEERS,
  /* A sender waits for one of these, whichever was missing. */
  SPACE = 1 << IPC_EVENT_SPACE,
  CLAIM_FREE = 1 << IPC_EVENT_CLAIM_FREE
};

static uint64_t waker_number(uint32_t low, uint32_t high) { return (uint64_t)high << 32 | low; }

int32_t ipc_waker_open(uint32_t waker[2]) {
  uint64_t number;
  int fd = ipc_os_open_waker(&number);
  if (fd < 0) return IPC_E_SYSTEM;
  waker[0] = (uint32_t)number;
  waker[1] = (uint32_t)(number >> 32);
  return fd;
}

int32_t ipc_waker_open_kept(uint32_t waker[2]) {
  uint64_t number;
  if (ipc_os_keep_waker(&number) < 0) return IPC_E_SYSTEM;
  waker[0] = (uint32_t)number;
  waker[1] = (uint32_t)(number >> 32);
  return IPC_OK;
}

int32_t ipc_waker_wait(uint32_t low, uint32_t high, int32_t timeout_ms) {
  int result = ipc_os_wait_for_signal(waker_number(low, high), timeout_ms);
  return result < 0 ? IPC_E_INVALID_ARGUMENT : result;
}

int32_t ipc_waker_reserve(void) {
  int fd = ipc_os_reserve_waker();
  return fd < 0 ? IPC_E_SYSTEM : fd;
}

int32_t ipc_waker_open_at(int32_t descriptor, uint32_t waker[2]) {
  int fd = ipc_waker_open(waker);
  if (fd < 0) return fd;
  if (ipc_os_move(fd, descriptor) == 0) return IPC_OK;
  ipc_waker_close(waker[0], waker[1]);
  return IPC_E_SYSTEM;
}

void ipc_waker_signal(uint32_t low, uint32_t high) { ipc_os_signal(waker_number(low, high)); }

void ipc_waker_test(uint32_t low, uint32_t high) { ipc_os_test_waker(waker_number(low, high)); }

void ipc_waker_close(uint32_t low, uint32_t high) { ipc_os_close_waker(waker_number(low, high)); }

void ipc_sender_arm(ipc_sender *sender, uint32_t wait, uint32_t low, uint32_t high) {
  uint32_t events = (wait & IPC_WAIT_FOR_PEERS ? PEERS : 0) | (wait & IPC_WAIT_FOR_READ ? SPACE : 0);
  if (wait & IPC_WAIT_FOR_SPACE) {
    /*
     * Not for the claim while it waits for space: releasing a claim without success would signal our own waker, again
     * and again. An arming for space stays: a wait for receivers needs it, and for others it is one signal too many.
     */
    atomic_fetch_and_explicit(&sender->slot->armed, ~(uint32_t)CLAIM_FREE, memory_order_relaxed);
    events |= sender->awaits_claim ? CLAIM_FREE : SPACE;
  }
  ipc_event_arm(&sender->segment, sender->slot, events, waker_number(low, high));
}

void ipc_receiver_arm(ipc_receiver *receiver, uint32_t wait, uint32_t low, uint32_t high) {
  uint32_t events = (wait & IPC_WAIT_FOR_DATA ? DATA : 0) | (wait & IPC_WAIT_FOR_PEERS ? PEERS : 0);
  ipc_event_arm(&receiver->segment, receiver->slot, events, waker_number(low, high));
}

static int32_t waker_bits(const ipc_slot *slot, uint32_t of) {
  uint32_t events = atomic_load_explicit(&slot->armed, memory_order_relaxed) & of;
  return (events & (SPACE | CLAIM_FREE) ? IPC_WAIT_FOR_SPACE : 0) | (events & PEERS ? IPC_WAIT_FOR_PEERS : 0) |
         (events & DATA ? IPC_WAIT_FOR_DATA : 0);
}

int32_t ipc_sender_poll(ipc_sender *sender, uint32_t wait, uint32_t low, uint32_t high) {
  ipc_sender_arm(sender, wait, low, high);
  bool changed = wait & IPC_WAIT_FOR_PEERS && ipc_slots_poll(&sender->segment, &sender->peers_seen);
  /* a sender that tries to send, or looks at its receivers, checks for dead peers itself */
  return changed || wait & (IPC_WAIT_FOR_SPACE | IPC_WAIT_FOR_READ);
}

/* The try after arm() may have found the other of the two missing: then it is not armed for what it waits for. */
int32_t ipc_sender_armed(const ipc_sender *sender) {
  uint32_t armed = atomic_load_explicit(&sender->slot->armed, memory_order_relaxed);
  return waker_bits(sender->slot, PEERS | (sender->awaits_claim ? CLAIM_FREE : SPACE)) |
         (armed & SPACE && armed & IPC_AWAITS_READING ? IPC_WAIT_FOR_READ : 0);
}

int32_t ipc_receiver_armed(const ipc_receiver *receiver) { return waker_bits(receiver->slot, PEERS | DATA); }

#include "libipc/waker.h"

#include "receiver_state.h"
#include "sender_state.h"

enum { DATA = 1 << IPC_EVENT_DATA, SPACE = 1 << IPC_EVENT_SPACE | 1 << IPC_EVENT_TURN, MEMBERS = 1 << IPC_EVENT_MEMBERS };

static uint64_t whole(uint32_t low, uint32_t high) { return (uint64_t)high << 32 | low; }

int32_t ipc_waker_open(uint32_t waker[2]) {
  uint64_t number;
  int fd = ipc_os_open_waker(&number);
  if (fd < 0) return IPC_E_SYSTEM;
  waker[0] = (uint32_t)number;
  waker[1] = (uint32_t)(number >> 32);
  return fd;
}

void ipc_waker_close(uint32_t low, uint32_t high) { ipc_os_close_waker(whole(low, high)); }

void ipc_receiver_arm(ipc_receiver *receiver, uint32_t low, uint32_t high) {
  ipc_event_arm(&receiver->segment, receiver->member, DATA, whole(low, high));
}

void ipc_sender_arm(ipc_sender *sender, uint32_t wait, uint32_t low, uint32_t high) {
  uint32_t events = (wait & IPC_WAIT_FOR_SPACE ? SPACE : 0) | (wait & IPC_WAIT_FOR_RECEIVERS ? MEMBERS : 0);
  ipc_event_arm(&sender->segment, sender->member, events, whole(low, high));
}

int32_t ipc_receiver_armed(const ipc_receiver *receiver) {
  return (atomic_load_explicit(&receiver->member->armed, memory_order_relaxed) & DATA) != 0;
}

int32_t ipc_sender_armed(const ipc_sender *sender) {
  uint32_t armed = atomic_load_explicit(&sender->member->armed, memory_order_relaxed);
  return ((armed & SPACE) == SPACE ? IPC_WAIT_FOR_SPACE : 0) | (armed & MEMBERS ? IPC_WAIT_FOR_RECEIVERS : 0);
}

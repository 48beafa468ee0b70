#include "slot_owner.h"

void ipc_slot_owner_set(ipc_slot *slot) {
  atomic_store_explicit(&slot->owner, ipc_os_self(), memory_order_relaxed);
  atomic_store_explicit(&slot->thread, ipc_os_thread(), memory_order_relaxed);
  atomic_store_explicit(&slot->pid, ipc_os_pid(), memory_order_relaxed);
  atomic_store_explicit(&slot->pid_namespace, ipc_os_pid_namespace(), memory_order_relaxed);
}

bool ipc_slot_owner_sweep(const ipc_slot *slot, bool thorough, ipc_owner_answer *last) {
  uint64_t owner = atomic_load_explicit(&slot->owner, memory_order_relaxed);
  if (owner != last->owner) {
    bool is_alive = thorough ? ipc_slot_owner_is_alive(slot) : ipc_os_alive(owner);
    *last = (ipc_owner_answer){.owner = owner, .is_alive = is_alive};
  }
  return last->is_alive;
}

bool ipc_owner_is_alive(uint64_t owner, uint32_t pid, uint32_t pid_namespace) {
  return ipc_os_alive(owner) && (owner == ipc_os_self() || !ipc_os_is_dumping(pid, pid_namespace));
}

bool ipc_slot_owner_is_alive(const ipc_slot *slot) {
  return ipc_owner_is_alive(atomic_load_explicit(&slot->owner, memory_order_relaxed),
                            atomic_load_explicit(&slot->pid, memory_order_relaxed),
                            atomic_load_explicit(&slot->pid_namespace, memory_order_relaxed));
}

bool ipc_slot_owner_is_this_thread(const ipc_slot *slot) {
  return atomic_load_explicit(&slot->owner, memory_order_relaxed) == ipc_os_self() &&
         atomic_load_explicit(&slot->thread, memory_order_relaxed) == ipc_os_thread();
}

#include "slot_owner.h"

void ipc_slot_owner_set(ipc_slot *slot) {
  atomic_store_explicit(&slot->owner, ipc_os_self(), memory_order_relaxed);
  atomic_store_explicit(&slot->thread, ipc_os_thread(), memory_order_relaxed);
  atomic_store_explicit(&slot->pid, ipc_os_pid(), memory_order_relaxed);
  atomic_store_explicit(&slot->pid_namespace, ipc_os_pid_namespace(), memory_order_relaxed);
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

static bool slot_owner_ask(const ipc_slot *slot, ipc_owner_answers *answers, bool is_quick) {
  uint64_t owner = atomic_load_explicit(&slot->owner, memory_order_relaxed);
  __auto_type answer = &answers->of[(owner >> 32) % (sizeof answers->of / sizeof answers->of[0])];
  if (owner != answer->owner) {
    answer->owner = owner;
    answer->is_alive = is_quick ? ipc_os_alive(owner) : ipc_slot_owner_is_alive(slot);
  }
  return answer->is_alive;
}

bool ipc_slot_owner_has_process(const ipc_slot *slot, ipc_owner_answers *answers) {
  return slot_owner_ask(slot, answers, true);
}

bool ipc_slot_owner_runs(const ipc_slot *slot, ipc_owner_answers *answers) {
  return slot_owner_ask(slot, answers, false);
}

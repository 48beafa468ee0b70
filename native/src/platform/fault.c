/*
 * A file that is made smaller while it is mapped: the system answers a touch of the missing pages with SIGBUS.
 *
 * The handler puts zero pages in their place, private to this process, and marks the mapping as damaged, so that the
 * call goes on and returns IPC_E_CORRUPT. It passes other faults on to the handler that was there before.
 *
 * The handler may interrupt any thread anywhere: it takes no lock. It reads a table. An entry whose `version` is odd,
 * or changes while it is read, is being taken or freed by another thread; it is not the entry of the mapping that the
 * interrupted thread works in, because that one stays as it is until all its users have released it.
 */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include "fault.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

enum { ENTRIES = 64 };

typedef struct guarded {
  _Atomic uint32_t version; /* odd: being changed */
  _Atomic uint32_t taken;
  _Atomic uintptr_t start, end;
  _Atomic(ipc_os_damage *) damage;
} guarded;

typedef struct table {
  guarded entries[ENTRIES];
  _Atomic(struct table *) next; /* made when this one is full, and kept for ever */
} table;

static table first;
static struct sigaction previous;
static uintptr_t page;

static bool guard_zero_from(uintptr_t start, uintptr_t end) {
  const int how = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
#ifdef __linux__
  /* Not the C library's mmap(): musl's waits for other threads. */
  return syscall(SYS_mmap, start, end - start, how, flags, -1, 0) == (long)start;
#else
  return mmap((void *)start, end - start, how, flags, -1, 0) == (void *)start;
#endif
}

bool ipc_fault_may_be_a_missing_page(const siginfo_t *info, bool codes_are_exact) {
  if (codes_are_exact) return info->si_code == BUS_ADRERR;
  return ipc_posix_ask_page(info->si_addr) != IPC_PAGE_THERE;
}

bool ipc_fault_was_sent(const siginfo_t *info, bool codes_are_exact) {
  if (codes_are_exact) return info->si_code <= 0;
  return ipc_posix_ask_page(info->si_addr) == IPC_PAGE_THERE;
}

static void guard_set(guarded *it, uintptr_t start, uintptr_t end, ipc_os_damage *damage) {
  atomic_fetch_add_explicit(&it->version, 1, memory_order_seq_cst);
  atomic_store_explicit(&it->start, start, memory_order_seq_cst);
  atomic_store_explicit(&it->end, end, memory_order_seq_cst);
  atomic_store_explicit(&it->damage, damage, memory_order_seq_cst);
  atomic_fetch_add_explicit(&it->version, 1, memory_order_seq_cst);
}

/* True: the entry has the address, and it was mended. */
static bool guard_mend(guarded *it, uintptr_t address) {
  uint32_t version = atomic_load(&it->version);
  uintptr_t start = atomic_load(&it->start), end = atomic_load(&it->end);
  ipc_os_damage *damage = atomic_load(&it->damage);
  if (version % 2 != 0 || atomic_load(&it->version) != version || address < start || address >= end) return false;
  /* What lies behind is missing, too. */
  if (!guard_zero_from(address & ~(page - 1), end)) return false;
  atomic_store(&damage->found, 1);
  if (!damage->mark) return true;
  /* The mark may lie in a page that is missing, too. If that is not seen, another fault interrupts this, and it goes
   * on. */
  if (ipc_posix_ask_page(damage->mark) == IPC_PAGE_MISSING) guard_zero_from((uintptr_t)damage->mark & ~(page - 1), end);
  atomic_store(damage->mark, damage->value);
  return true;
}

static bool guard_mend_any(uintptr_t address) {
  for (table *it = &first; it; it = atomic_load(&it->next))
    for (int i = 0; i < ENTRIES; i++)
      if (guard_mend(&it->entries[i], address)) return true;
  return false;
}

/* As the system would have called it. */
static void guard_call_previous(int signal, siginfo_t *info, void *context) {
  struct sigaction then = previous;
  bool by_handler = then.sa_flags & SA_SIGINFO || (then.sa_handler != SIG_DFL && then.sa_handler != SIG_IGN);
  if (!by_handler || then.sa_flags & (int)SA_RESETHAND) {
    const bool is_exact = ipc_posix_fault_codes_are_exact, was_sent = ipc_fault_was_sent(info, is_exact);
    /* A signal that a process sent may be ignored; a fault may not: ignored, it would come again without end. */
    if (!by_handler && then.sa_handler == SIG_IGN && was_sent && is_exact) return;
    struct sigaction none = {.sa_handler = SIG_DFL};
    sigaction(SIGBUS, &none, NULL);
    if (!by_handler && was_sent) raise(SIGBUS); /* a fault comes again by itself */
    if (!by_handler) return;
  }
  sigset_t blocked = then.sa_mask, before;
  if (!(then.sa_flags & SA_NODEFER)) sigaddset(&blocked, SIGBUS);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  if (then.sa_flags & SA_SIGINFO)
    then.sa_sigaction(signal, info, context);
  else
    then.sa_handler(signal);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void guard_on_fault(int signal, siginfo_t *info, void *context) {
  int error = errno;
  if (!ipc_fault_may_be_a_missing_page(info, ipc_posix_fault_codes_are_exact) ||
      !guard_mend_any((uintptr_t)info->si_addr))
    guard_call_previous(signal, info, context);
  errno = error;
}

static void guard_install(void) {
  page = (uintptr_t)sysconf(_SC_PAGESIZE);
  if (sigaction(SIGBUS, NULL, &previous) != 0) return;
  struct sigaction ours = {.sa_sigaction = guard_on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  sigemptyset(&ours.sa_mask);
  sigaction(SIGBUS, &ours, NULL);
}

static guarded *guard_take(void) {
  for (table *it = &first;;) {
    for (int i = 0; i < ENTRIES; i++) {
      uint32_t none = 0;
      if (atomic_load(&it->entries[i].taken) == 0 && atomic_compare_exchange_strong(&it->entries[i].taken, &none, 1))
        return &it->entries[i];
    }
    table *next = atomic_load(&it->next);
    if (!next) {
      table *made = calloc(1, sizeof *made);
      if (!made) return NULL;
      if (atomic_compare_exchange_strong(&it->next, &next, made))
        next = made;
      else
        free(made);
    }
    it = next;
  }
}

bool ipc_os_guard(void *address, uint64_t size, ipc_os_damage *damage) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, guard_install);
  guarded *it = guard_take();
  damage->entry = it;
  if (it) guard_set(it, (uintptr_t)address, (uintptr_t)address + ((size + page - 1) & ~(page - 1)), damage);
  return it != NULL;
}

void ipc_os_unguard(ipc_os_damage *damage) {
  guarded *it = damage->entry;
  if (!it) return;
  damage->entry = NULL;
  guard_set(it, 0, 0, NULL);
  atomic_store(&it->taken, 0);
}

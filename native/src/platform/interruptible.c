/*
 * interruptible.c - a sleep that says whether a signal handler of the program ran meanwhile.
 *
 * JavaScript runs its signal handlers from the event loop only, so a blocking call has to end before one can run. The
 * kernel ends a sleep after any handler (EINTR), also after those of a profiler, of a garbage collector or of a child
 * that ended, and does not say which signal it was. So the handlers of SIGHUP, SIGINT and SIGTERM are replaced during
 * the sleep: ours notes that it ran, and calls the handler that it replaced.
 *
 * Only the main thread does this: it is the thread on which JavaScript installs and removes handlers, so none of them
 * can change during the sleep and none is seen to be replaced; and the kernel prefers it for signals to the process. If
 * another thread of a C program changes a handler during the sleep, its change stays.
 *
 * Signals that are ignored or have their default action keep it. So do handlers that are removed by their first signal
 * (SA_RESETHAND): Bun and Node install such handlers at their start, to restore the terminal before the process ends.
 *
 * The handler calls nothing but the handler that it replaced, which has to be async-signal-safe anyway.
 */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include <signal.h>

#include "posix.h"

enum { SIGNALS = 3 };

static const int interrupting[SIGNALS] = {SIGHUP, SIGINT, SIGTERM};

/*
 * What a replaced handler was. Only the main thread writes it, while our handler is not installed. All accesses are
 * relaxed: sigaction() orders them, because the kernel runs our handler only after it.
 */
static struct {
  _Atomic(uintptr_t) handler;
  _Atomic bool takes_info; /* SA_SIGINFO */
} replaced[SIGNALS];

/* A handler ran since the sleep began. Set by the handler, on whichever thread it runs. */
static _Atomic bool interrupted;

static void interruptible_handler(int signal, siginfo_t *info, void *context) {
  atomic_store_explicit(&interrupted, true, memory_order_relaxed);
  for (int i = 0; i < SIGNALS; i++) {
    if (interrupting[i] != signal) continue;
    uintptr_t handler = atomic_load_explicit(&replaced[i].handler, memory_order_relaxed);
    if (atomic_load_explicit(&replaced[i].takes_info, memory_order_relaxed))
      ((void (*)(int, siginfo_t *, void *))handler)(signal, info, context);
    else
      ((void (*)(int))handler)(signal);
  }
}

/* The handler as an address: which member of the union is in use does not matter for a comparison. */
static uintptr_t interruptible_handler_of(const struct sigaction *action) {
  return action->sa_flags & SA_SIGINFO ? (uintptr_t)action->sa_sigaction : (uintptr_t)action->sa_handler;
}

/* Whether the action is a handler of the program's own. */
static bool interruptible_is_handler(const struct sigaction *action) {
  if ((unsigned)action->sa_flags & (unsigned)SA_RESETHAND) return false;
  if (!(action->sa_flags & SA_SIGINFO) && (action->sa_handler == SIG_DFL || action->sa_handler == SIG_IGN))
    return false;
  uintptr_t handler = interruptible_handler_of(action);
  return handler != (uintptr_t)interruptible_handler && !ipc_posix_is_ending_handler(handler);
}

bool ipc_os_wait_interruptibly(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
  struct sigaction before[SIGNALS];
  bool is_replaced[SIGNALS] = {false}, is_any = false;
  for (int i = 0; ipc_posix_is_main_thread() && i < SIGNALS; i++) {
    if (sigaction(interrupting[i], NULL, &before[i]) != 0 || !interruptible_is_handler(&before[i])) continue;
    struct sigaction ours = before[i];
    ours.sa_sigaction = interruptible_handler;
    ours.sa_flags |= SA_SIGINFO;
    if (!is_any) atomic_store_explicit(&interrupted, false, memory_order_relaxed);
    atomic_store_explicit(&replaced[i].handler, interruptible_handler_of(&before[i]), memory_order_relaxed);
    atomic_store_explicit(&replaced[i].takes_info, before[i].sa_flags & SA_SIGINFO, memory_order_relaxed);
    is_replaced[i] = sigaction(interrupting[i], &ours, NULL) == 0;
    is_any |= is_replaced[i];
  }
  /* A signal between these two lines does not end the sleep; it is noticed at its end. Slices are short enough. */
  if (!is_any || !atomic_load_explicit(&interrupted, memory_order_relaxed)) ipc_os_wait(word, expected, timeout_ns);
  for (int i = 0; i < SIGNALS; i++) {
    struct sigaction found;
    if (!is_replaced[i] || sigaction(interrupting[i], &before[i], &found) != 0) continue;
    if (interruptible_handler_of(&found) != (uintptr_t)interruptible_handler) sigaction(interrupting[i], &found, NULL);
  }
  return is_any && atomic_load_explicit(&interrupted, memory_order_relaxed);
}

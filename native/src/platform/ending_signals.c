/*
 * ending_signals.c - SIGHUP, SIGINT and SIGTERM, where they end the process.
 *
 * A handler runs an action and then ends the process as if there had been no handler: it puts back what it replaced and
 * raises the signal again. The kernel delivers that when the handler returns, before the thread runs another
 * instruction. So the exit status is the same, and the interrupted code does not go on.
 *
 * Only signals with the default action are watched. Ignored ones stay ignored (nohup). A handler that the program
 * installs later replaces ours, and nothing of ours runs; not even if it calls ours, as those of Deno do (the crate
 * signal-hook calls the handler that it has replaced). Bun and Node install handlers at their start that restore the
 * terminal and raise the signal again, with SA_RESETHAND; their bindings say that those end the process, too.
 *
 * Not watched: the first process of a PID namespace, which the kernel does not end by a signal with the default action;
 * and a forked child before its own first open.
 *
 * A second signal may arrive on another thread during the action, for example because a parent passes on the Ctrl-C
 * that the terminal has sent already. Its handler waits, because ending at once would cut the action short.
 *
 * Async-signal-safe (signal-safety(7)): getpid(), sigaction(), raise(), clock_gettime(), lock-free atomics; and futex,
 * a bare system call. What the action calls is listed in ending.c.
 */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "posix.h"

enum { SIGNALS = 3 };

static const int ending[SIGNALS] = {SIGHUP, SIGINT, SIGTERM};

/* What our handlers replaced. Under the guard; a handler reads an entry only after sigaction() has installed it. */
static struct sigaction replaced[SIGNALS];
static atomic_flag guard = ATOMIC_FLAG_INIT;

static void (*_Atomic action)(void);
static _Atomic int watched_pid; /* the process that has opened something: no forked child of it */
static _Atomic bool has_reset_handlers, is_ending;

/* A second handler waits for so long: the action takes less. */
static const uint64_t ENDING_PATIENCE_NS = 300000000;

static void ending_wait(void) {
  _Atomic uint32_t never = 0;
  for (uint64_t end = ipc_os_now() + ENDING_PATIENCE_NS, now; (now = ipc_os_now()) < end;)
    ipc_os_wait(&never, 0, end - now);
}

static void ending_handler(int signal);

static bool ending_is_installed(int signal) {
  struct sigaction found;
  return sigaction(signal, NULL, &found) == 0 && found.sa_handler == ending_handler;
}

static void ending_handler(int signal) {
  int before = errno;
  if (!ending_is_installed(signal) && !atomic_load_explicit(&is_ending, memory_order_relaxed)) {
    errno = before; /* the handler that was installed later decides */
    return;
  }
  if (getpid() == atomic_load_explicit(&watched_pid, memory_order_relaxed)) {
    if (atomic_exchange_explicit(&is_ending, true, memory_order_relaxed))
      ending_wait();
    else
      atomic_load_explicit(&action, memory_order_acquire)();
  }
  for (int i = 0; i < SIGNALS; i++)
    if (ending[i] == signal) sigaction(signal, &replaced[i], NULL);
  raise(signal);
  errno = before;
}

bool ipc_posix_is_ending_handler(uintptr_t handler) { return handler == (uintptr_t)ending_handler; }

static bool ending_is_to_be_watched(const struct sigaction *found) {
  if (!(found->sa_flags & SA_SIGINFO) && found->sa_handler == SIG_DFL) return true;
  if (!(found->sa_flags & SA_SIGINFO) && found->sa_handler == SIG_IGN) return false;
  return ((unsigned)found->sa_flags & (unsigned)SA_RESETHAND) != 0 &&
         atomic_load_explicit(&has_reset_handlers, memory_order_relaxed);
}

/* Under the guard. */
static void ending_watch_one(int i) {
  struct sigaction found, before = {0}, ours = {.sa_handler = ending_handler, .sa_flags = SA_RESTART | SA_ONSTACK};
  if (sigaction(ending[i], NULL, &found) != 0 || !ending_is_to_be_watched(&found)) return;
  sigemptyset(&ours.sa_mask);
  for (int other = 0; other < SIGNALS; other++) sigaddset(&ours.sa_mask, ending[other]);
  replaced[i] = found;
  /* If another thread has installed a handler since, that one stays. */
  if (sigaction(ending[i], &ours, &before) == 0 && before.sa_handler != found.sa_handler)
    sigaction(ending[i], &before, NULL);
}

void ipc_os_watch_ending(void (*end)(void)) {
  const char *choice = getenv("LIBIPC_SIGNALS");
  if ((choice && strcmp(choice, "0") == 0) || getpid() == 1) return;
  if (atomic_flag_test_and_set_explicit(&guard, memory_order_acquire)) return; /* another open watches at this moment */
  /* release pairs with the acquire in the handler, which other threads run as well */
  atomic_store_explicit(&action, end, memory_order_release);
  atomic_store_explicit(&watched_pid, getpid(), memory_order_relaxed);
  for (int i = 0; i < SIGNALS; i++) ending_watch_one(i);
  atomic_flag_clear_explicit(&guard, memory_order_release);
}

void ipc_os_adopt_reset_handlers(void) { atomic_store_explicit(&has_reset_handlers, true, memory_order_relaxed); }

/* interruptible_test.c - a handler of SIGHUP, SIGINT or SIGTERM ends a sleep; no other does, and none is changed. */
#include <pthread.h>

#include "asleep.h"
#include "ends.h"
#include "platform/platform.h"

/* ThreadSanitizer runs handlers after its next interceptor, not when the kernel would: nothing ends a sleep there. */
#ifdef __SANITIZE_THREAD__
enum { DEFERS_HANDLERS = true };
#else
enum { DEFERS_HANDLERS = false };
#endif

static _Atomic uint32_t word;
static volatile sig_atomic_t handled, with_info;

static void count(int signal) {
  (void)signal;
  handled++;
}

static void count_with_info(int signal, siginfo_t *info, void *context) {
  (void)context;
  handled++;
  with_info += info->si_signo == signal;
}

static void handle(int signal, int flags) {
  struct sigaction action = {.sa_flags = flags};
  if (flags & SA_SIGINFO)
    action.sa_sigaction = count_with_info;
  else
    action.sa_handler = count;
  CHECK_EQ(sigaction(signal, &action, NULL), 0);
}

static _Atomic uint32_t *sent; /* by the child that sends now */

/* A child sends the signal to this process each time that it sleeps, until the child is killed. */
static pid_t send_often(int signal) {
  sent = test_shared(sizeof *sent);
  pid_t to = getpid(), child = fork();
  if (child != 0) return child;
  for (;; test_pause()) {
    test_await_asleep(to, to);
    kill(to, signal);
    atomic_fetch_add(sent, 1);
  }
}

static void stop(pid_t child) {
  kill(child, SIGKILL);
  CHECK_EQ(waitpid(child, NULL, 0), child);
}

enum { LONG_MS = 20000 };

static bool sleeps_early(uint64_t ms) { return ipc_os_wait_interruptibly(&word, 0, ms * 1000000); }

static void each_of_three_signals_ends_the_sleep(void) {
  if (DEFERS_HANDLERS) return;
  static const int signals[] = {SIGHUP, SIGINT, SIGTERM}, flags[] = {0, SA_RESTART, SA_SIGINFO};
  for (int i = 0; i < 3; i++) {
    handle(signals[i], flags[i]);
    struct sigaction before, after;
    sigaction(signals[i], NULL, &before);
    pid_t child = send_often(signals[i]);
    handled = 0;
    uint64_t started = ipc_os_now();
    while (!sleeps_early(LONG_MS)) CHECK_LE(ipc_os_now() - started, LONG_MS * UINT64_C(1000000));
    CHECK_GE(handled, 1);
    stop(child);
    sigaction(signals[i], NULL, &after);
    CHECK(after.sa_handler == before.sa_handler);
    CHECK_EQ(after.sa_flags, before.sa_flags);
    signal(signals[i], SIG_DFL);
  }
  CHECK_GE(with_info, 1);
}

static void other_handlers_do_not(void) {
  handle(SIGUSR1, 0);
  handle(SIGTERM, 0);
  pid_t child = send_often(SIGUSR1);
  while (handled < 2) CHECK(!sleeps_early(100));
  stop(child);
}

static void ignored_signals_do_not(void) {
  signal(SIGINT, SIG_IGN);
  pid_t child = send_often(SIGINT);
  do CHECK(!sleeps_early(20));
  while (atomic_load(sent) < 2);
  stop(child);
  struct sigaction after;
  sigaction(SIGINT, NULL, &after);
  CHECK(after.sa_handler == SIG_IGN);
}

static void handlers_that_run_once_do_not(void) {
  handle(SIGTERM, (int)SA_RESETHAND);
  raise(SIGTERM);
  CHECK_EQ(handled, 1);
  handle(SIGTERM, (int)SA_RESETHAND);
  CHECK(!sleeps_early(10));
  struct sigaction after;
  sigaction(SIGTERM, NULL, &after);
  CHECK(after.sa_handler == count);
}

/* What ends a process ends it during a sleep, too. */
static void a_default_action_stays(void) {
  handle(SIGHUP, 0);
  pid_t child = fork();
  if (child == 0) {
    sleeps_early(LONG_MS);
    _exit(0);
  }
  test_await_asleep(child, child);
  kill(child, SIGTERM);
  int status;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static _Atomic bool is_over;
static _Atomic pid_t sleeper;

static void *sleep_elsewhere(void *early) {
  atomic_store(&sleeper, (pid_t)ipc_os_thread());
  *(bool *)early = sleeps_early(LONG_MS);
  atomic_store(&is_over, true);
  return NULL;
}

/* The kernel ends the sleep in another thread as well, but it does not count as interrupted. */
static void other_threads_are_not_interrupted(void) {
  if (DEFERS_HANDLERS) return;
  handle(SIGTERM, 0);
  bool early = true;
  pthread_t thread;
  CHECK_EQ(pthread_create(&thread, NULL, sleep_elsewhere, &early), 0);
  for (; !atomic_load(&is_over); test_pause())
    if (atomic_load(&sleeper) && test_is_asleep(getpid(), atomic_load(&sleeper))) pthread_kill(thread, SIGTERM);
  CHECK_EQ(pthread_join(thread, NULL), 0);
  CHECK(!early);
  CHECK_GE(handled, 1);
}

/* During the sleep of the main thread, whose handlers are replaced then. */
static void *change_handler(void *unused) {
  (void)unused;
  struct sigaction found;
  do {
    test_pause();
    sigaction(SIGTERM, NULL, &found);
  } while (!(found.sa_flags & SA_SIGINFO));
  handle(SIGTERM, SA_SIGINFO);
  atomic_store(&is_over, true);
  ipc_os_wake_all(&word);
  return NULL;
}

static void a_handler_that_another_thread_installs_meanwhile_stays(void) {
  handle(SIGTERM, 0);
  pthread_t thread;
  CHECK_EQ(pthread_create(&thread, NULL, change_handler, NULL), 0);
  while (!atomic_load(&is_over)) sleeps_early(1000); /* a wake-up may come before the sleep */
  CHECK_EQ(pthread_join(thread, NULL), 0);
  struct sigaction after;
  sigaction(SIGTERM, NULL, &after);
  CHECK(after.sa_flags & SA_SIGINFO && after.sa_sigaction == count_with_info);
}

static void calls_end_early(void) {
  if (DEFERS_HANDLERS) return;
  handle(SIGTERM, 0);
  ipc_receiver *receiver = must_receive((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL});
  pid_t child = send_often(SIGTERM);
  uint8_t byte;
  uint64_t started = ipc_os_now();
  CHECK_EQ(ipc_receiver_recv(receiver, &byte, 1, LONG_MS), IPC_TIMED_OUT);
  CHECK_LE(ipc_os_now() - started, LONG_MS * UINT64_C(1000000));
  stop(child);
  ipc_receiver_close(receiver);
}

TEST_MAIN(TEST_CASE(each_of_three_signals_ends_the_sleep), TEST_CASE(other_handlers_do_not),
          TEST_CASE(ignored_signals_do_not), TEST_CASE(handlers_that_run_once_do_not),
          TEST_CASE(a_default_action_stays), TEST_CASE(other_threads_are_not_interrupted),
          TEST_CASE(a_handler_that_another_thread_installs_meanwhile_stays), TEST_CASE(calls_end_early))

/*
 * test.h - the harness: checks, cases, and what a case may leave behind.
 *
 * Each case runs in a forked child that leads a separate process group and has an
 * alarm: a crash or a hang is one failed case, and nothing that the case started
 * outlives it. The first failed CHECK of any of its processes is what is printed.
 * The harness itself never starts a thread, so every fork in here is of a process
 * with one thread, which is what ThreadSanitizer needs to stay sound.
 *
 * Names are unique per run: the prefix is "test<pid>". The harness removes the
 * segments of a case's names after it, however it ended.
 */
#ifndef LIBIPC_TEST_H
#define LIBIPC_TEST_H

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libipc/libipc.h"
#include "segment.h"

enum { TEST_LIMIT_SECONDS = 120, TEST_MAX_NAMES = 64, TEST_PATIENCE_MS = 20000, TEST_MOST_RUNS = 5 };

typedef struct test_case {
  const char *name;
  void (*run)(void);
} test_case;

#define TEST_CASE(function) {#function, function}

typedef struct test_state {
  _Atomic uint32_t failed, skipped;
  char reason[1024];
  _Atomic uint32_t waits, late; /* see check_within_a_second() */
  _Atomic uint32_t name_count;
  char prefixes[TEST_MAX_NAMES][IPC_MAX_PREFIX + 1];
  char names[TEST_MAX_NAMES][IPC_MAX_NAME + 1];
} test_state;

static test_state *test_now_running; /* shared by all processes of the run */
static char test_prefix[32];
static const char *test_name; /* of the case, and a name it may use */

/* Memory that the processes of a case share: zero at first, gone with them. */
static inline void *test_shared(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) abort();
  return memory;
}

__attribute__((format(printf, 3, 4))) _Noreturn static inline void test_fail(const char *file, int line,
                                                                             const char *format, ...) {
  if (atomic_exchange(&test_now_running->failed, 1) == 0) {
    char *reason = test_now_running->reason;
    size_t size = sizeof test_now_running->reason;
    int used = snprintf(reason, size, "%s:%d: ", file, line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason + used, size - (size_t)used, format, arguments);
    va_end(arguments);
  }
  kill(0, SIGKILL); /* the whole case: the others would wait for this process without end */
  _exit(1);
}

/* Ends a case that cannot run on this machine. It is neither passed nor failed; scripts/test_native.ts prints why. */
_Noreturn static inline void test_skip(const char *reason) {
  snprintf(test_now_running->reason, sizeof test_now_running->reason, "%s", reason);
  atomic_store(&test_now_running->skipped, 1);
  exit(0);
}
#define SKIP(reason) test_skip(reason)

/* For cases with another user. */
static inline void need_root(void) {
  if (geteuid() != 0) SKIP("only root may become another user");
}

/* Whether $RUNNER has started this program: qemu-user, which does not have all that the kernel has. */
static inline bool test_is_emulated(void) { return getenv("RUNNER") != NULL; }

/* For cases that an emulator cannot run; the reason says what it lacks. */
static inline void need_the_kernel(const char *reason) {
  if (test_is_emulated()) SKIP(reason);
}

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(condition) ((condition) ? (void)0 : FAIL("%s is false", #condition))

static inline void test_compare(const char *file, int line, const char *text, long long actual, const char *relation,
                                bool holds, const char *wanted_text, long long wanted) {
  if (!holds) test_fail(file, line, "%s is %lld, not %s %s (%lld)", text, actual, relation, wanted_text, wanted);
}
#define TEST_COMPARE(actual, relation, wanted)                                                                      \
  do {                                                                                                              \
    long long actual_value = (long long)(actual), wanted_value = (long long)(wanted);                               \
    test_compare(__FILE__, __LINE__, #actual, actual_value, #relation, actual_value relation wanted_value, #wanted, \
                 wanted_value);                                                                                     \
  } while (0)
#define CHECK_EQ(actual, wanted) TEST_COMPARE(actual, ==, wanted)
#define CHECK_GE(actual, wanted) TEST_COMPARE(actual, >=, wanted)
#define CHECK_LE(actual, wanted) TEST_COMPARE(actual, <=, wanted)

/* Has the harness remove what the case makes under this name. */
static inline void test_own(const char *prefix, const char *name) {
  uint32_t index = atomic_fetch_add(&test_now_running->name_count, 1);
  if (index >= TEST_MAX_NAMES) FAIL("a case has more than %d names", TEST_MAX_NAMES);
  snprintf(test_now_running->prefixes[index], IPC_MAX_PREFIX + 1, "%s", prefix);
  snprintf(test_now_running->names[index], IPC_MAX_NAME + 1, "%s", name);
}

static inline void test_remove_segments(void) {
  uint32_t count = atomic_exchange(&test_now_running->name_count, 0);
  for (uint32_t i = 0; i < count && i < TEST_MAX_NAMES; i++)
    for (uint32_t kind = IPC_ROUTE; kind < IPC_KINDS; kind++) {
      char key[IPC_OS_KEY_BYTES];
      if (ipc_segment_key(key, kind, test_now_running->prefixes[i], test_now_running->names[i]) == IPC_OK)
        ipc_os_unlink(key); /* not ipc_clear(): a broken library must not keep this from working */
    }
}

/* Flushes a batch, checks why it ended, and returns how many of its messages were sent. */
static inline uint32_t test_flush(ipc_sender *sender, int32_t timeout_ms, int32_t wanted_status) {
  uint32_t accepted = UINT32_MAX;
  CHECK_EQ(ipc_sender_flush(sender, timeout_ms, &accepted), wanted_status);
  return accepted;
}

static inline double test_ms(void) { return ipc_now_ns() / 1e6; }

/* Since `started`: what has not happened after so long never will. */
static inline void check_not_hung(double started) { CHECK_LE(test_ms() - started, TEST_PATIENCE_MS); }

/*
 * A wait that began at `started` has ended within a second. The scheduler of a machine that is busy with other things
 * may add seconds to any wait. So a late wait does not fail the case. A case of whose waits more than a quarter were
 * late runs again, and fails if it was late in TEST_MOST_RUNS runs.
 */
static inline void check_within_a_second(double started) {
  check_not_hung(started);
  atomic_fetch_add(&test_now_running->waits, 1);
  if (test_ms() - started > 1000) atomic_fetch_add(&test_now_running->late, 1);
}

static inline bool test_was_late(void) {
  return atomic_load(&test_now_running->late) * 4 > atomic_load(&test_now_running->waits);
}

/* Between two looks at something that another process is about to change. */
static inline void test_pause(void) { nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL); }

/* Fails the case if a child of this process has crashed, or was ended by a sanitizer. */
static inline void test_look_after_children(void) {
  siginfo_t info = {0};
  if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
  if (info.si_code == CLD_EXITED ? info.si_status != 0 : info.si_status != SIGKILL)
    FAIL("a worker ended with %s %d", info.si_code == CLD_EXITED ? "status" : "signal", info.si_status);
}

/* Waits until a counter has got so far. An alarm ends a case that waits too long. */
static inline void test_await(_Atomic uint32_t *counter, uint32_t at_least) {
  for (; atomic_load(counter) < at_least; test_pause()) test_look_after_children();
}

/* A small generator with a seed, so that a failure can be had again. */
static inline uint32_t test_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static inline bool test_run_once(const char *program, const test_case *one) {
  atomic_store(&test_now_running->failed, 0);
  atomic_store(&test_now_running->waits, 0);
  atomic_store(&test_now_running->late, 0);
  atomic_store(&test_now_running->skipped, 0);
  test_now_running->reason[0] = 0;
  test_name = one->name;
  test_own(test_prefix, test_name);
  fflush(NULL);
  pid_t pid = fork();
  if (pid < 0) abort();
  if (pid == 0) {
    setpgid(0, 0);
    alarm(TEST_LIMIT_SECONDS);
    one->run();
    exit(0); /* not _exit: AddressSanitizer looks for leaks at exit */
  }
  setpgid(pid, pid); /* in parent and child: either may be first */
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  kill(-pid, SIGKILL);
  test_remove_segments();
  if (status == 0 && atomic_load(&test_now_running->failed) == 0) return true;
  printf("FAILED %s %s: ", program, one->name);
  if (atomic_load(&test_now_running->failed))
    printf("%s\n", test_now_running->reason);
  else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    printf("hung for %d s\n", TEST_LIMIT_SECONDS);
  else if (WIFSIGNALED(status))
    printf("killed by signal %d\n", WTERMSIG(status));
  else
    printf("ended with status %d\n", WEXITSTATUS(status));
  return false;
}

static inline bool test_run_case(const char *program, const test_case *one) {
  for (int runs = 0; runs < TEST_MOST_RUNS; runs++) {
    if (!test_run_once(program, one)) return false;
    if (!test_was_late()) return true;
  }
  printf("FAILED %s %s: %u of %u waits took longer than a second, in the last of %d runs\n", program, one->name,
         atomic_load(&test_now_running->late), atomic_load(&test_now_running->waits), TEST_MOST_RUNS);
  return false;
}

static inline int test_run_cases(int argc, char **argv, const test_case *cases, size_t count) {
  const char *slash = strrchr(argv[0], '/'), *program = slash ? slash + 1 : argv[0];
  int passed = 0, failed = 0, skipped = 0;
  test_now_running = test_shared(sizeof *test_now_running);
  snprintf(test_prefix, sizeof test_prefix, "test%ld", (long)getpid());
  for (size_t i = 0; i < count; i++) {
    if (argc > 1 && strcmp(argv[1], cases[i].name) != 0) continue;
    if (!test_run_case(program, &cases[i]))
      failed++;
    else if (atomic_load(&test_now_running->skipped)) {
      printf("skipped: %s: %s\n", cases[i].name, test_now_running->reason);
      skipped++;
    } else
      passed++;
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed || passed + skipped == 0;
}

/* The program: every case, or only the case that the first argument names. */
#define TEST_MAIN(...)                                                        \
  int main(int argc, char **argv) {                                           \
    static const test_case cases[] = {__VA_ARGS__};                           \
    return test_run_cases(argc, argv, cases, sizeof cases / sizeof cases[0]); \
  }

#endif

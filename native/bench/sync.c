/*
 * sync - what locks cost in C: the locks of the system, and those of libipc without TypeScript.
 *
 *   sync pairs KIND COUNT NAME                 without competition: one line, the ns of COUNT pairs of lock and unlock
 *   sync contended KIND COUNT NAME PROCESSES   COUNT operations in each process: one line, the ns of all of them
 *   sync turn KIND COUNT NAME                  two processes with a condition: the ns of each turn, one on each line
 *   sync asleep KIND COUNT NAME                one process holds the lock for 1 ms while the other sleeps: the ns
 *                                              from unlock until the other holds it, one on each line
 *
 * KIND is one of NAMES below; the kinds of libipc open NAME. An operation adds one to a
 * counter that is not atomic; with a reader-writer lock nine of ten compare it with its copy.
 * A wrong count, or a copy that differs, ends the program with status 1.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libipc/libipc.h"
#include "platform/platform.h"

enum { MAX_PROCESSES = 64, START_NS = 5000000, HOLD_US = 1000, POLL_US = 50, WARM_UP_ROUNDS = 20 };

/* "nothing" is no lock: the count goes wrong, as it would with a lock that fails. */
enum kind {
  NOTHING,
  PLAIN,
  ROBUST,
  RWLOCK,
  RWLOCK_SHARED,
  SEMAPHORE,
  FUTEX,
  IPC_KINDS,
  OUR_MUTEX = IPC_KINDS,
  OUR_RWLOCK,
  OUR_SEMAPHORE,
  KINDS
};
static const char *const NAMES[KINDS] = {"nothing",   "mutex", "robust",       "rwlock",        "rwlock-shared",
                                         "semaphore", "futex", "libipc-mutex", "libipc-rwlock", "libipc-semaphore"};

typedef struct shared {
  _Alignas(128) pthread_mutex_t mutex;
  pthread_rwlock_t rwlock;
  sem_t semaphore;
  _Atomic uint32_t word;
  _Alignas(128) volatile uint64_t counter, copy;
  _Alignas(128) pthread_cond_t condition;
  uint32_t turn;
  uint64_t stamp;
  _Alignas(128) _Atomic uint32_t held, taken, torn;
  uint64_t times[];
} shared;

static shared *s;
static const char *name;
static ipc_handle *ours, *our_condition;

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "sync: %s\n", what);
  exit(1);
}

static ipc_handle *open_ours(uint32_t kind) {
  ipc_failure failure;
  ipc_options options = {.struct_size = sizeof(ipc_options), .kind = kind};
  ipc_handle *handle = ipc_handle_open("", name, &options, &failure);
  if (!handle) fail("what is of libipc cannot be opened");
  return handle;
}

/* In each process: a handle belongs to the thread that opened it. */
static void join(enum kind kind, bool turns) {
  static const uint32_t kinds[] = {IPC_MUTEX, IPC_RWLOCK, IPC_SEMAPHORE};
  if (kind < IPC_KINDS) return;
  ours = open_ours(kinds[kind - IPC_KINDS]);
  if (turns) our_condition = open_ours(IPC_CONDITION);
}

static void leave_ours(void) {
  ipc_handle_close(ours);
  ipc_handle_close(our_condition);
}

static void make(bool robust) {
  pthread_mutexattr_t mutex;
  pthread_rwlockattr_t rwlock;
  pthread_condattr_t condition;
  if (pthread_mutexattr_init(&mutex) || pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED) ||
      (robust && pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST)) || pthread_mutex_init(&s->mutex, &mutex) ||
      pthread_rwlockattr_init(&rwlock) || pthread_rwlockattr_setpshared(&rwlock, PTHREAD_PROCESS_SHARED) ||
      pthread_rwlock_init(&s->rwlock, &rwlock) || pthread_condattr_init(&condition) ||
      pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED) || pthread_cond_init(&s->condition, &condition) ||
      sem_init(&s->semaphore, 1, 1))
    fail("this system has no locks between processes");
}

#define INLINE static inline __attribute__((always_inline))

INLINE void enter(enum kind kind, bool reading) {
  int status = 0;
  if (kind == PLAIN || kind == ROBUST) status = pthread_mutex_lock(&s->mutex);
  if (kind == RWLOCK_SHARED || (kind == RWLOCK && reading)) status = pthread_rwlock_rdlock(&s->rwlock);
  if (kind == RWLOCK && !reading) status = pthread_rwlock_wrlock(&s->rwlock);
  if (kind == SEMAPHORE) status = sem_wait(&s->semaphore);
  if (kind == OUR_MUTEX) status = ipc_mutex_lock(ours, -1);
  if (kind == OUR_RWLOCK)
    status = reading ? ipc_rwlock_lock_shared(ours, -1) : ipc_rwlock_lock(ours, -1, IPC_KEEP_NOTHING);
  if (kind == OUR_SEMAPHORE) status = ipc_semaphore_acquire(ours, -1);
  if (status != 0) fail("a lock failed");
}

INLINE void leave(enum kind kind, bool reading) {
  int status = 0;
  if (kind == PLAIN || kind == ROBUST) status = pthread_mutex_unlock(&s->mutex);
  if (kind == RWLOCK || kind == RWLOCK_SHARED) status = pthread_rwlock_unlock(&s->rwlock);
  if (kind == SEMAPHORE) status = sem_post(&s->semaphore);
  if (kind == OUR_MUTEX) status = ipc_mutex_unlock(ours);
  if (kind == OUR_RWLOCK) status = reading ? ipc_rwlock_unlock_shared(ours) : ipc_rwlock_unlock(ours);
  if (kind == OUR_SEMAPHORE) status = ipc_semaphore_release(ours, 1);
  if (status != 0) fail("an unlock failed");
}

INLINE void pairs_of(enum kind kind, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    enter(kind, false);
    leave(kind, false);
  }
}

INLINE void operations_of(enum kind kind, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    bool reading = (kind == RWLOCK || kind == OUR_RWLOCK) && i % 10 != 0;
    enter(kind, reading);
    if (reading) {
      if (s->counter != s->copy) atomic_store(&s->torn, 1);
    } else {
      s->counter = s->counter + 1;
      s->copy = s->copy + 1;
    }
    leave(kind, reading);
  }
}

/* The kind is a constant in each case, as in a program that has one lock. */
#define EACH_KIND(of)                                  \
  case NOTHING: of(NOTHING, count); break;             \
  case PLAIN: of(PLAIN, count); break;                 \
  case ROBUST: of(ROBUST, count); break;               \
  case RWLOCK: of(RWLOCK, count); break;               \
  case RWLOCK_SHARED: of(RWLOCK_SHARED, count); break; \
  case SEMAPHORE: of(SEMAPHORE, count); break;         \
  case OUR_MUTEX: of(OUR_MUTEX, count); break;         \
  case OUR_RWLOCK: of(OUR_RWLOCK, count); break;       \
  case OUR_SEMAPHORE: of(OUR_SEMAPHORE, count); break; \
  default: fail("this mode does not have that kind")

static void sleep_us(uint32_t us) {
  struct timespec left = {.tv_nsec = (long)us * 1000};
  nanosleep(&left, NULL);
}

static void sleep_until(uint64_t moment) {
  for (uint64_t now; (now = ipc_os_now()) < moment;) sleep_us((uint32_t)((moment - now) / 1000 + 1));
}

static pid_t start_child(void) {
  fflush(stdout);
  pid_t parent = getpid(), child = fork();
  if (child < 0) fail("no process could be started");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* it ends with us */
    if (getppid() != parent) _exit(1);
  }
  return child;
}

static void await_child(void) {
  int status;
  if (wait(&status) < 0 || status != 0) fail("another process failed");
}

static void pairs(enum kind kind, uint32_t count) {
  join(kind, false);
  uint64_t start = ipc_os_now();
  switch (kind) { EACH_KIND(pairs_of); }
  printf("%llu\n", (unsigned long long)(ipc_os_now() - start));
  leave_ours();
}

static void contended(enum kind kind, uint32_t count, uint32_t processes) {
  uint64_t start = ipc_os_now() + START_NS, last = 0;
  for (uint32_t i = 0; i < processes; i++) {
    if (start_child() != 0) continue;
    join(kind, false);
    sleep_until(start);
    switch (kind) { EACH_KIND(operations_of); }
    s->times[i] = ipc_os_now();
    leave_ours();
    _exit(0);
  }
  for (uint32_t i = 0; i < processes; i++) await_child();
  for (uint32_t i = 0; i < processes; i++)
    if (s->times[i] > last) last = s->times[i];
  bool is_rwlock = kind == RWLOCK || kind == OUR_RWLOCK;
  uint64_t expected = (uint64_t)processes * (is_rwlock ? (count + 9) / 10 : count);
  if (s->counter != expected || s->copy != expected || s->torn) {
    fprintf(stderr, "sync: %s counted to %llu, not %llu\n", NAMES[kind], (unsigned long long)s->counter,
            (unsigned long long)expected);
    exit(1);
  }
  printf("%llu\n", (unsigned long long)(last - start));
}

static void await_turn(enum kind kind, uint32_t me) {
  while (s->turn != me) {
    int status =
        kind == OUR_MUTEX ? ipc_condition_wait(our_condition, ours, -1) : pthread_cond_wait(&s->condition, &s->mutex);
    if (status != 0) fail("a wait failed");
  }
}

static void take_turns(enum kind kind, uint32_t count, uint32_t me) {
  join(kind, true);
  for (uint32_t i = 0; i < count + WARM_UP_ROUNDS; i++) {
    enter(kind, false);
    await_turn(kind, me);
    uint64_t now = ipc_os_now();
    if (i >= WARM_UP_ROUNDS) s->times[2 * (i - WARM_UP_ROUNDS) + me] = now - s->stamp;
    s->turn = 1 - me;
    s->stamp = ipc_os_now();
    if (kind == OUR_MUTEX)
      ipc_condition_notify(our_condition);
    else
      pthread_cond_signal(&s->condition);
    leave(kind, false);
  }
  leave_ours();
}

static void print_times(uint32_t count) {
  for (uint32_t i = 0; i < count; i++) printf("%llu\n", (unsigned long long)s->times[i]);
}

static void turn(enum kind kind, uint32_t count) {
  s->stamp = ipc_os_now();
  if (start_child() == 0) {
    take_turns(kind, count, 1);
    _exit(0);
  }
  take_turns(kind, count, 0);
  await_child();
  print_times(2 * count);
}

static void hold(enum kind kind, uint32_t round) {
  if (kind != FUTEX) enter(kind, false);
  atomic_store(&s->held, round);
  sleep_us(HOLD_US);
  s->stamp = ipc_os_now();
  if (kind == FUTEX) {
    atomic_store(&s->word, round);
    ipc_os_wake_all(&s->word);
  } else {
    leave(kind, false);
  }
  while (atomic_load(&s->taken) != round) sleep_us(POLL_US);
}

static uint64_t take(enum kind kind, uint32_t round) {
  while (atomic_load(&s->held) != round) sleep_us(POLL_US);
  if (kind == FUTEX)
    while (atomic_load(&s->word) != round) ipc_os_wait(&s->word, round - 1, IPC_FOREVER);
  else
    enter(kind, false);
  uint64_t took = ipc_os_now() - s->stamp;
  if (kind != FUTEX) leave(kind, false);
  atomic_store(&s->taken, round);
  return took;
}

static void asleep(enum kind kind, uint32_t count) {
  uint32_t rounds = count + WARM_UP_ROUNDS;
  if (start_child() == 0) {
    join(kind, false);
    for (uint32_t i = 0; i < rounds; i++) {
      uint64_t took = take(kind, i + 1);
      if (i >= WARM_UP_ROUNDS) s->times[i - WARM_UP_ROUNDS] = took;
    }
    leave_ours();
    _exit(0);
  }
  join(kind, false);
  for (uint32_t i = 0; i < rounds; i++) hold(kind, i + 1);
  leave_ours();
  await_child();
  print_times(count);
}

static uint32_t number(const char *text, uint32_t max) {
  char *rest;
  unsigned long value = strtoul(text, &rest, 10);
  return *text < '0' || *text > '9' || *rest || value < 1 || value > max ? 0 : (uint32_t)value;
}

int main(int given, char **arguments) {
  int kind = 0;
  uint32_t count = 0, processes = 0;
  if (given == 5 || given == 6) {
    while (kind < KINDS && strcmp(arguments[2], NAMES[kind]) != 0) kind++;
    count = number(arguments[3], 100000000);
    name = arguments[4];
    if (given == 6) processes = number(arguments[5], MAX_PROCESSES);
  }
  const char *mode = count > 0 && kind < KINDS ? arguments[1] : "";
  size_t times = strcmp(mode, "turn") == 0 || strcmp(mode, "asleep") == 0 ? 2 * (size_t)count : MAX_PROCESSES;
  s = mmap(NULL, sizeof(shared) + times * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (s == MAP_FAILED) fail("no memory");
  make(kind == ROBUST);
  bool waits = kind == PLAIN || kind == ROBUST || kind == OUR_MUTEX;
  if (strcmp(mode, "pairs") == 0 && processes == 0 && kind != FUTEX)
    pairs((enum kind)kind, count);
  else if (strcmp(mode, "contended") == 0 && processes > 0 && kind != FUTEX)
    contended((enum kind)kind, count, processes);
  else if (strcmp(mode, "turn") == 0 && processes == 0 && waits)
    turn((enum kind)kind, count);
  else if (strcmp(mode, "asleep") == 0 && processes == 0 && (waits || kind == FUTEX))
    asleep((enum kind)kind, count);
  else {
    fprintf(stderr, "usage: sync pairs|contended|turn|asleep KIND COUNT NAME [PROCESSES]\n");
    return 2;
  }
  return fflush(stdout) == 0 ? 0 : 1;
}

/* liveness_fixture.h - a process that holds something of each kind, and one that waits for all of it. */
#ifndef LIBIPC_TEST_LIVENESS_FIXTURE_H
#define LIBIPC_TEST_LIVENESS_FIXTURE_H

#include <fcntl.h>
#include <sys/resource.h>

#include "ends.h"
#include "handles.h"
#include "libipc/mutex.h"
#include "libipc/rwlock.h"
#include "libipc/semaphore.h"

static const ipc_options channel = {
    .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 4096, .max_receivers = 4};
static const ipc_options mutex = {.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX},
                         rwlock = {.struct_size = sizeof(ipc_options), .kind = IPC_RWLOCK};
static const ipc_options semaphore = {.struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE, .robust = 1};

typedef struct board {
  _Atomic uint32_t ready, go;
} board;

static board *shared;

/* Holds something of each kind: a place in a full ring, two locks, a permit. */
static inline void *hold(void *unused) {
  (void)unused;
  must_receive(channel);
  CHECK_EQ(ipc_mutex_lock(must_handle(mutex), 0), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock_shared(must_handle(rwlock), 0), IPC_OK);
  CHECK_EQ(ipc_semaphore_acquire(must_handle(semaphore), 0), IPC_OK);
  return NULL;
}

static inline void hold_and_report(void) {
  hold(NULL);
  atomic_store(&shared->ready, 1);
  test_await(&shared->go, 1);
}

/* The other side. */
typedef struct watcher {
  ipc_sender *sender;
  ipc_receiver *receiver;
  ipc_handle *mutex, *rwlock, *semaphore;
} watcher;

/* Starts the holder, and fills the ring that it does not read. */
static inline watcher watch(void (*holder)(void *), test_worker *worker) {
  shared = test_shared(sizeof *shared);
  watcher it = {must_send(channel), must_receive(channel), must_handle(mutex), must_handle(rwlock),
                must_handle(semaphore)};
  *worker = test_start(TEST_PROCESS, holder, NULL);
  test_await(&shared->ready, 1);
  uint8_t byte;
  while (ipc_sender_send(it.sender, "x", 1, 0) == IPC_OK) continue;
  while (ipc_receiver_recv(it.receiver, &byte, 1, 0) > 0) continue;
  return it;
}

/* While the holder runs. A wait of 450 ms is long enough to look for the dead. */
static inline void check_held(const watcher *it) {
  CHECK_EQ(ipc_sender_send(it->sender, "x", 1, 450), IPC_TIMED_OUT);
  CHECK_EQ(ipc_mutex_lock(it->mutex, 450), IPC_TIMED_OUT);
  CHECK_EQ(ipc_rwlock_lock(it->rwlock, 0, IPC_KEEP_NOTHING), IPC_TIMED_OUT);
  CHECK_EQ(ipc_semaphore_acquire(it->semaphore, 0), IPC_TIMED_OUT);
}

static inline void check_given_back(const watcher *it) {
  double started = test_ms();
  CHECK_EQ(ipc_sender_send(it->sender, "x", 1, -1), IPC_OK);
  check_within_a_second(started);
  started = test_ms();
  CHECK_EQ(ipc_mutex_lock(it->mutex, -1), IPC_OWNER_DIED);
  check_within_a_second(started);
  started = test_ms();
  CHECK_EQ(ipc_rwlock_lock(it->rwlock, -1, IPC_KEEP_NOTHING), IPC_OK);
  check_within_a_second(started);
  started = test_ms();
  CHECK_EQ(ipc_semaphore_acquire(it->semaphore, -1), IPC_OK);
  check_within_a_second(started);
}

static inline void hold_until_killed(void *unused) {
  (void)unused;
  hold_and_report();
}

static void (*lose)(void), (*check_end)(const watcher *);

static inline void watch_with_less(void *unused) {
  (void)unused;
  test_worker worker;
  watcher it = watch(hold_until_killed, &worker);
  pid_t killer = fork(); /* it keeps the rights */
  CHECK_GE(killer, 0);
  if (killer == 0) {
    test_await(&shared->go, 1);
    kill(worker.pid, SIGKILL);
    _exit(0);
  }
  lose();
  check_held(&it);
  atomic_store(&shared->go, 1);
  CHECK_EQ(waitpid(killer, NULL, 0), killer);
  CHECK_EQ(waitpid(worker.pid, NULL, 0), worker.pid);
  check_end(&it);
}

static inline void check_with_less(void (*loses)(void), void (*checks)(const watcher *)) {
  lose = loses;
  check_end = checks;
  test_finish(test_start(TEST_PROCESS, watch_with_less, NULL));
}

#ifdef __linux__
/* Dumping core, page by page, all of 256 GiB of which two pages are in use: it takes many seconds and no room. */
static inline void prepare_to_dump(void) {
  signal(SIGQUIT, SIG_DFL); /* a shell starts programs in the background with SIGQUIT ignored */
  size_t bytes = (size_t)256 << 30;
  uint8_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || setrlimit(RLIMIT_CORE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}) != 0) _exit(2);
  memory[0] = memory[bytes - 1] = 1;
}

static inline void dump_core(void *unused) {
  (void)unused;
  prepare_to_dump();
  raise(SIGQUIT);
}

static inline void hold_and_dump_core(void *unused) {
  (void)unused;
  prepare_to_dump();
  hold_and_report();
  raise(SIGQUIT);
}

static inline bool is_dumping(pid_t pid) {
  char path[64], line[128];
  bool is = false;
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *status = fopen(path, "re");
  while (status && fgets(line, sizeof line, status)) is |= strcmp(line, "CoreDumping:\t1\n") == 0;
  if (status) fclose(status);
  return is;
}

/* Has core dumps written to a new directory, whose path it returns. */
static inline char *dump_core_to_a_directory(void) {
  static char directory[] = "/tmp/libipc-test-XXXXXX";
  char pattern[2] = "|";
  need_the_kernel("qemu-user writes core dumps itself");
  int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
  if (fd < 0 || read(fd, pattern, 1) != 1 || strchr("|/@\n", pattern[0]))
    SKIP("core dumps are not written to the working directory here");
  close(fd);
  if (setrlimit(RLIMIT_CORE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}) != 0) SKIP("core dumps are not allowed");
  CHECK(mkdtemp(directory) != NULL);
  CHECK_EQ(chdir(directory), 0);
  return directory;
}

static inline void end_dump(const test_worker *worker, const char *directory) {
  kill(worker->pid, SIGKILL);
  CHECK_EQ(waitpid(worker->pid, NULL, 0), worker->pid);
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", directory);
  CHECK_EQ(system(command), 0);
}
#endif

#endif

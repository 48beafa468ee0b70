/*
 * liveness_test.c - what a process holds is given back when it ends, however it ends, to others that may be able to do
 * less than when they opened the names.
 */
#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "ends.h"
#include "handles.h"
#include "libipc/mutex.h"
#include "libipc/rwlock.h"
#include "libipc/semaphore.h"

static const ipc_options channel = {.kind = IPC_CHANNEL, .capacity = 4096, .max_receivers = 4};
static const ipc_options mutex = {.kind = IPC_MUTEX}, rwlock = {.kind = IPC_RWLOCK};
static const ipc_options semaphore = {.kind = IPC_SEMAPHORE, .robust = 1};

typedef struct board {
  _Atomic uint32_t ready, go;
} board;

static board *shared;

/* Holds something of each kind: a place in a full ring, two locks, a permit. */
static void *hold(void *unused) {
  (void)unused;
  must_receive(channel);
  CHECK_EQ(ipc_mutex_lock(must_handle(mutex), 0), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock_shared(must_handle(rwlock), 0), IPC_OK);
  CHECK_EQ(ipc_semaphore_acquire(must_handle(semaphore), 0), IPC_OK);
  return NULL;
}

static void hold_and_report(void) {
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
static watcher watch(void (*holder)(void *), test_worker *worker) {
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
static void check_held(const watcher *it) {
  CHECK_EQ(ipc_sender_send(it->sender, "x", 1, 450), IPC_TIMED_OUT);
  CHECK_EQ(ipc_mutex_lock(it->mutex, 450), IPC_TIMED_OUT);
  CHECK_EQ(ipc_rwlock_lock(it->rwlock, 0, IPC_KEEP_NOTHING), IPC_TIMED_OUT);
  CHECK_EQ(ipc_semaphore_acquire(it->semaphore, 0), IPC_TIMED_OUT);
}

static void check_given_back(const watcher *it) {
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
  check_recoveries();
}

/* Another program has taken the place of the holder's, in the same process. */
static void await_exec(const test_worker *worker) {
  char path[64], link[256] = {0};
  snprintf(path, sizeof path, "/proc/%d/exe", worker->pid);
  for (; !strstr(link, "sleep") && !strstr(link, "busybox") && !strstr(link, "coreutils"); test_pause()) {
    ssize_t length = readlink(path, link, sizeof link - 1);
    link[length < 0 ? 0 : length] = 0;
  }
}

static void become_sleep(void) {
  char *arguments[] = {"sleep", "600", NULL};
  execvp("sleep", arguments);
  FAIL("there is no sleep: %d", errno);
}

static void replace_alone(void *unused) {
  (void)unused;
  hold_and_report();
  become_sleep();
}

/* The thread that holds everything ends with exec, which another one calls. */
static void *hold_in_thread(void *unused) {
  hold(unused);
  atomic_store(&shared->ready, 1);
  test_idle();
}

static void replace_beside_a_thread(void *unused) {
  (void)unused;
  pthread_t thread;
  CHECK_EQ(pthread_create(&thread, NULL, hold_in_thread, NULL), 0);
  test_await(&shared->go, 1);
  become_sleep();
}

static void check_exec(void (*holder)(void *)) {
  test_worker worker;
  watcher it = watch(holder, &worker);
  check_held(&it);
  atomic_store(&shared->go, 1);
  await_exec(&worker);
  check_given_back(&it);
  test_kill(worker);
}

static void exec_gives_back(void) { check_exec(replace_alone); }
static void exec_gives_back_what_another_thread_has(void) { check_exec(replace_beside_a_thread); }

static void fork_and_idle(void *unused) {
  (void)unused;
  hold(NULL);
  pid_t child = fork();
  CHECK_GE(child, 0);
  atomic_fetch_add(&shared->ready, 1);
  test_idle();
}

/* A daemon's way: the parent ends, and its child goes on, without exec. It holds nothing of its parent's. */
static void a_forked_child_does_not_keep_what_its_dead_parent_had(void) {
  test_worker worker;
  watcher it = watch(fork_and_idle, &worker);
  test_await(&shared->ready, 2);
  check_held(&it);
  test_kill(worker);
  check_given_back(&it);
}

static void hold_until_killed(void *unused) {
  (void)unused;
  hold_and_report();
}

static void become_nobody(void) {
  CHECK_EQ(setgroups(0, NULL), 0);
  CHECK_EQ(setgid(65534), 0);
  CHECK_EQ(setuid(65534), 0);
}

static void change_root(void) {
  char directory[] = "/tmp/libipc-test-XXXXXX";
  CHECK(mkdtemp(directory) != NULL);
  CHECK_EQ(chdir(directory), 0);
  CHECK_EQ(rmdir(directory), 0); /* nobody could remove it later */
  CHECK_EQ(chroot("."), 0);
  CHECK_EQ(open("/dev/shm", O_RDONLY | O_CLOEXEC), -1);
}

static void take_all_descriptors(void) {
  CHECK_EQ(setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, 64}), 0);
  while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) continue;
  CHECK_EQ(errno, EMFILE);
}

/* A program closes descriptors that it has not opened, and gets their numbers for other directories. */
static void take_the_numbers_of_all_descriptors(void) {
  for (int fd = 3; fd < 256; fd++) close(fd);
  while (open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 255) continue;
}

static void (*lose)(void);

static void watch_with_less(void *unused) {
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
  check_given_back(&it);
}

static void check_with_less(void (*loses)(void)) {
  lose = loses;
  test_finish(test_start(TEST_PROCESS, watch_with_less, NULL));
}

static void another_user_sees_a_death(void) {
  if (geteuid() != 0) SKIP("only root may become another user");
  check_with_less(become_nobody);
}

static void a_process_in_another_root_sees_a_death(void) {
  if (geteuid() != 0) SKIP("only root may change its root");
  check_with_less(change_root);
}

static void a_process_without_descriptors_sees_a_death(void) { check_with_less(take_all_descriptors); }

/* Until then it takes no other for dead, and no name for removed: both are missing in the other directories. */
static void a_process_that_has_lost_its_directory_sees_a_death(void) {
  check_with_less(take_the_numbers_of_all_descriptors);
}

#ifdef __linux__
/* Dumping core, page by page, all of 256 GiB of which two pages are in use: it takes many seconds and no room. */
static void hold_and_dump_core(void *unused) {
  (void)unused;
  size_t bytes = (size_t)256 << 30;
  uint8_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || setrlimit(RLIMIT_CORE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}) != 0) _exit(2);
  memory[0] = memory[bytes - 1] = 1;
  hold_and_report();
  raise(SIGQUIT);
}

static bool is_dumping(pid_t pid) {
  char path[64], line[128];
  bool is = false;
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *status = fopen(path, "re");
  while (status && fgets(line, sizeof line, status)) is |= strcmp(line, "CoreDumping:\t1\n") == 0;
  if (status) fclose(status);
  return is;
}

static void a_process_that_is_dumping_core_is_dead(void) {
  char pattern[2] = "|";
  int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
  if (fd < 0 || read(fd, pattern, 1) != 1 || strchr("|/@\n", pattern[0]))
    SKIP("core dumps are not written to the working directory here");
  close(fd);
  if (setrlimit(RLIMIT_CORE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}) != 0) SKIP("core dumps are not allowed");
  char directory[] = "/tmp/libipc-test-XXXXXX";
  CHECK(mkdtemp(directory) != NULL);
  CHECK_EQ(chdir(directory), 0);
  test_worker worker;
  watcher it = watch(hold_and_dump_core, &worker);
  check_held(&it);
  atomic_store(&shared->go, 1);
  while (!is_dumping(worker.pid)) test_pause();
  check_given_back(&it);
  CHECK(is_dumping(worker.pid)); /* else it was not the dump that they did not wait for */
  kill(worker.pid, SIGKILL);     /* ends the dump */
  CHECK_EQ(waitpid(worker.pid, NULL, 0), worker.pid);
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", directory);
  CHECK_EQ(system(command), 0);
}
#endif

TEST_MAIN(TEST_CASE(exec_gives_back), TEST_CASE(exec_gives_back_what_another_thread_has),
          TEST_CASE(a_forked_child_does_not_keep_what_its_dead_parent_had), TEST_CASE(another_user_sees_a_death),
          TEST_CASE(a_process_in_another_root_sees_a_death), TEST_CASE(a_process_without_descriptors_sees_a_death),
          TEST_CASE(a_process_that_has_lost_its_directory_sees_a_death),
#ifdef __linux__
          TEST_CASE(a_process_that_is_dumping_core_is_dead),
#endif
)

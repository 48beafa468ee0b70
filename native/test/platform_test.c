/* platform_test.c - identities, waits and the name lock, as the operating system really gives them. */
#include "platform/platform.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "worker.h"

typedef struct board {
  _Atomic uint64_t identity;
  _Atomic uint32_t ready, go, word, answer;
} board;

/* The kernel closes the descriptors of a process a moment before or after its parent knows of the end. */
static void check_is_dead(uint64_t identity) {
  double started = test_ms();
  while (ipc_os_alive(identity)) check_not_hung(started);
}

static void tell_identity(void *argument) {
  board *shared = argument;
  CHECK_EQ(ipc_os_identify(), 0);
  atomic_store(&shared->identity, ipc_os_self());
  atomic_store(&shared->ready, 1);
  test_await(&shared->go, 1);
}

static void tell_thread(void *argument) {
  board *shared = argument;
  atomic_store(&shared->identity, ipc_os_thread());
  atomic_store(&shared->ready, 1);
  test_await(&shared->go, 1);
}

static void self_is_alive(void) {
  CHECK_EQ(ipc_os_identify(), 0);
  uint64_t self = ipc_os_self();
  CHECK(self != 0);
  CHECK_EQ(ipc_os_self(), self);
  CHECK(ipc_os_alive(self));
  CHECK_EQ(ipc_os_pid(), getpid());
}

static void threads_have_numbers_of_their_own(void) {
  board *shared = test_shared(sizeof *shared);
  test_worker worker = test_start(TEST_THREAD, tell_thread, shared);
  test_await(&shared->ready, 1);
  CHECK(shared->identity != ipc_os_thread());
  CHECK_EQ(ipc_os_thread(), ipc_os_thread());
  atomic_store(&shared->go, 1);
  test_finish(worker);
}

static void child_has_another_identity(void) {
  board *shared = test_shared(sizeof *shared);
  CHECK_EQ(ipc_os_identify(), 0);
  uint64_t self = ipc_os_self(); /* before the fork: whatever it remembers is the parent's */
  test_worker worker = test_start(TEST_PROCESS, tell_identity, shared);
  test_await(&shared->ready, 1);
  CHECK(shared->identity != self);
  CHECK(ipc_os_alive(shared->identity));
  atomic_store(&shared->go, 1);
  test_finish(worker);
}

static void zombie_and_reaped_child_are_dead(void) {
  board *shared = test_shared(sizeof *shared);
  test_worker worker = test_start(TEST_PROCESS, tell_identity, shared);
  test_await(&shared->ready, 1);
  CHECK(ipc_os_alive(shared->identity));
  test_kill(worker);
  CHECK_EQ(kill(worker.pid, 0), 0); /* it is a zombie: the id is still taken */
  check_is_dead(shared->identity);
  test_reap(worker);
  check_is_dead(shared->identity);
}

#ifdef F_OFD_SETLK
/* This test locks the file as a process does that is about to remove it. */
static void finder_does_not_look_like_an_owner(void) {
  board *shared = test_shared(sizeof *shared);
  test_worker worker = test_start(TEST_PROCESS, tell_identity, shared);
  test_await(&shared->ready, 1);
  uint64_t identity = shared->identity;
  char path[64];
  snprintf(path, sizeof path, "%s/libipc-process.%08x", ipc_os_directory(), (unsigned)(identity >> 32));
  int fd = open(path, O_RDWR | O_CLOEXEC);
  CHECK(fd >= 0);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1};
  CHECK_EQ(fcntl(fd, F_OFD_SETLK, &lock), -1); /* the owner has it */
  test_kill(worker);
  test_reap(worker);
  /* Any process that starts at this moment may be about to remove the file. */
  while (fcntl(fd, F_OFD_SETLK, &lock) != 0) test_pause();
  CHECK(!ipc_os_alive(identity));
  close(fd);
  CHECK(!ipc_os_alive(identity));
  while (access(path, F_OK) == 0) test_pause();
}
#define CASES_WITH_BYTE_LOCKS TEST_CASE(finder_does_not_look_like_an_owner),
#else
#define CASES_WITH_BYTE_LOCKS
#endif

static void stopped_child_is_alive(void) {
  board *shared = test_shared(sizeof *shared);
  test_worker worker = test_start(TEST_PROCESS, tell_identity, shared);
  test_await(&shared->ready, 1);
  test_stop(worker);
  CHECK(ipc_os_alive(shared->identity));
  test_continue(worker);
  atomic_store(&shared->go, 1);
  test_finish(worker);
}

static void odd_identities_are_dead(void) {
  CHECK_EQ(ipc_os_identify(), 0);
  uint64_t self = ipc_os_self();
  CHECK(!ipc_os_alive(self ^ 1)); /* the file is there, and locked, but is another one */
  CHECK(!ipc_os_alive(self ^ UINT64_C(1) << 32));
  CHECK(!ipc_os_alive(0));
  CHECK(!ipc_os_alive(UINT64_MAX));
  CHECK(!ipc_os_alive((uint64_t)INT32_MAX << 32));
}

static void *outlive_the_first_thread(void *argument) {
  test_await(&((board *)argument)->go, 1);
  _exit(0);
}

static void end_the_first_thread(void *argument) {
  board *shared = argument;
  pthread_t thread;
  CHECK_EQ(ipc_os_identify(), 0);
  shared->identity = ipc_os_self();
  CHECK_EQ(pthread_create(&thread, NULL, outlive_the_first_thread, shared), 0);
  atomic_store(&shared->ready, 1);
  pthread_exit(NULL);
}

static void first_thread_may_end_before_its_process(void) {
  board *shared = test_shared(sizeof *shared);
  test_worker worker = test_start(TEST_PROCESS, end_the_first_thread, shared);
  test_await(&shared->ready, 1);
  CHECK(ipc_os_alive(shared->identity)); /* the process runs; slots of the first thread are open_segments.h's affair */
  atomic_store(&shared->go, 1);
  test_finish(worker);
  check_is_dead(shared->identity);
}

static void wait_returns_at_once_on_another_value(void) {
  _Atomic uint32_t word = 1;
  ipc_os_wait(&word, 0, IPC_FOREVER);
  ipc_os_wait(&word, 2, 1000000000000u);
}

static void wait_ends_by_its_time_out(void) {
  board *shared = test_shared(sizeof *shared);
  uint64_t end = ipc_os_now() + 30000000u, now;
  while ((now = ipc_os_now()) < end) ipc_os_wait(&shared->word, 0, end - now);
  ipc_os_wait(&shared->word, 0, 1); /* the shortest there is */
}

static board *map_twice(int fd) {
  int error = 0;
  board *mapped = ipc_os_map(fd, 0, 4096, &error);
  CHECK_EQ(error, 0);
  return mapped;
}

static int make_file(uint64_t bytes, uint32_t permissions) {
  char key[IPC_OS_KEY_BYTES];
  CHECK_EQ(ipc_segment_key(key, IPC_ROUTE, test_prefix, test_name), IPC_OK);
  int fd = ipc_os_open(key, true, permissions);
  CHECK_GE(fd, 0);
  CHECK_EQ(ipc_os_resize(fd, bytes), 0);
  return fd;
}

enum { ROUNDS = 2000 };

static void answer_rounds(void *argument) {
  board *mine = map_twice(*(int *)argument);
  for (uint32_t round = 1; round <= ROUNDS; round++) {
    while (atomic_load(&mine->word) != round) ipc_os_wait(&mine->word, round - 1, IPC_FOREVER);
    atomic_store(&mine->answer, round);
    ipc_os_wake_all(&mine->answer);
  }
}

/* Each maps the file at its own address, and none has a time-out: a wake that does not cross hangs. */
static void check_wakes_cross(test_form form) {
  int fd = make_file(4096, 0600);
  test_worker worker = test_start(form, answer_rounds, &fd);
  board *mine = map_twice(fd);
  for (uint32_t round = 1; round <= ROUNDS; round++) {
    atomic_store(&mine->word, round);
    ipc_os_wake_all(&mine->word);
    while (atomic_load(&mine->answer) != round) ipc_os_wait(&mine->answer, round - 1, IPC_FOREVER);
  }
  test_finish(worker);
}
static void wakes_cross_processes(void) { check_wakes_cross(TEST_PROCESS); }
static void wakes_cross_threads(void) { check_wakes_cross(TEST_THREAD); }

static void wait_for_word(void *argument) {
  board *shared = argument;
  atomic_fetch_add(&shared->ready, 1);
  while (atomic_load(&shared->word) == 0) ipc_os_wait(&shared->word, 0, IPC_FOREVER);
}

static void wake_reaches_all(void) {
  board *shared = test_shared(sizeof *shared);
  test_worker workers[4];
  for (int i = 0; i < 4; i++) workers[i] = test_start(TEST_PROCESS, wait_for_word, shared);
  test_await(&shared->ready, 4);
  atomic_store(&shared->word, 1);
  ipc_os_wake_all(&shared->word);
  for (int i = 0; i < 4; i++) test_finish(workers[i]);
  ipc_os_wake_all(&shared->word); /* without sleepers */
}

static void files_are_made_once_with_the_mode_asked_for(void) {
  umask(077);
  int fd = make_file(8192, 0644);
  struct stat status;
  CHECK_EQ(fstat(fd, &status), 0);
  CHECK_EQ(status.st_mode & 07777, 0644); /* the umask takes nothing from it */
  char key[IPC_OS_KEY_BYTES];
  ipc_segment_key(key, IPC_ROUTE, test_prefix, test_name);
  CHECK_EQ(ipc_os_open(key, true, 0600), -EEXIST);
  ipc_os_file file;
  CHECK_EQ(ipc_os_stat(fd, &file), 0);
  CHECK_GE(file.size, 8192);
  CHECK_EQ(file.links, 1);
  CHECK(file.is_regular);
  CHECK_EQ(file.owner, ipc_os_user());
  CHECK_EQ(file.permissions, 0644);
  CHECK_EQ(file.inode, status.st_ino);
  CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC); /* a program started meanwhile must not keep the lock */
  CHECK_EQ(ipc_os_unlink(key), 0);
  CHECK_EQ(ipc_os_stat(fd, &file), 0);
  CHECK_EQ(file.links, 0);
  CHECK_EQ(ipc_os_unlink(key), -ENOENT);
  CHECK_EQ(ipc_os_open(key, false, 0), -ENOENT);
  ipc_os_close(fd);
}

static int open_again(char key[IPC_OS_KEY_BYTES]) {
  ipc_segment_key(key, IPC_ROUTE, test_prefix, test_name);
  int fd = ipc_os_open(key, false, 0);
  CHECK_GE(fd, 0);
  return fd;
}

static void lock_and_map(void *argument) {
  board *shared = argument;
  char key[IPC_OS_KEY_BYTES];
  int fd = open_again(key);
  CHECK_EQ(ipc_os_try_lock(fd, key), 0);
  map_twice(fd);
  atomic_store(&shared->ready, 1);
  test_idle();
}

static void name_lock_dies_with_its_holder(void) {
  board *shared = test_shared(sizeof *shared);
  ipc_os_unlock(make_file(4096, 0600));
  char key[IPC_OS_KEY_BYTES];
  int fd = open_again(key);
  map_twice(fd);
  test_worker worker = test_start(TEST_PROCESS, lock_and_map, shared);
  test_await(&shared->ready, 1);
  CHECK_EQ(ipc_os_try_lock(fd, key), -EWOULDBLOCK);
  test_stop(worker);
  CHECK_EQ(ipc_os_try_lock(fd, key), -EWOULDBLOCK); /* a stopped holder still holds it */
  test_kill(worker);
  CHECK_EQ(ipc_os_try_lock(fd, key), 0); /* a zombie does not */
}

static void name_lock_is_given_back_though_mapped(void) {
  ipc_os_unlock(make_file(4096, 0600));
  char key[IPC_OS_KEY_BYTES];
  int first = open_again(key), second = open_again(key);
  CHECK_EQ(ipc_os_try_lock(first, key), 0);
  CHECK_EQ(ipc_os_try_lock(second, key), -EWOULDBLOCK);
  map_twice(first);
  ipc_os_unlock(first);
  CHECK_EQ(ipc_os_try_lock(second, key), 0);
  ipc_os_unlock(second);
}

static void tell_time(void *argument) { atomic_store(&((board *)argument)->identity, ipc_os_now()); }

static void clock_is_shared_and_monotonic(void) {
  board *shared = test_shared(sizeof *shared);
  uint64_t before = ipc_os_now();
  test_finish(test_start(TEST_PROCESS, tell_time, shared));
  uint64_t after = ipc_os_now();
  CHECK_GE(shared->identity, before);
  CHECK_GE(after, shared->identity);
  CHECK_GE(ipc_os_processors(), 1);
}

TEST_MAIN(TEST_CASE(self_is_alive), TEST_CASE(threads_have_numbers_of_their_own), TEST_CASE(child_has_another_identity),
          TEST_CASE(zombie_and_reaped_child_are_dead), CASES_WITH_BYTE_LOCKS TEST_CASE(stopped_child_is_alive),
          TEST_CASE(odd_identities_are_dead), TEST_CASE(first_thread_may_end_before_its_process),
          TEST_CASE(wait_returns_at_once_on_another_value), TEST_CASE(wait_ends_by_its_time_out),
          TEST_CASE(wakes_cross_processes), TEST_CASE(wakes_cross_threads), TEST_CASE(wake_reaches_all),
          TEST_CASE(files_are_made_once_with_the_mode_asked_for), TEST_CASE(name_lock_dies_with_its_holder),
          TEST_CASE(name_lock_is_given_back_though_mapped), TEST_CASE(clock_is_shared_and_monotonic))

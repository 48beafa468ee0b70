/*
 * liveness_test.c - what a process holds is given back when it ends, however it ends, to others that may be able to do
 * less than when they opened the names.
 */
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>

#include "liveness_fixture.h"

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

static void another_user_sees_a_death(void) {
  need_root();
  check_with_less(become_nobody, check_given_back);
}

static void a_process_in_another_root_sees_a_death(void) {
  if (geteuid() != 0) SKIP("only root may change its root");
  check_with_less(change_root, check_given_back);
}

static void a_process_without_descriptors_sees_a_death(void) {
  check_with_less(take_all_descriptors, check_given_back);
}

/* Until then it takes no other for dead, and no name for removed: both are missing in the other directories. */
static void a_process_that_has_lost_its_directory_sees_a_death(void) {
  check_with_less(take_the_numbers_of_all_descriptors, check_given_back);
}

/* Until it may go. Then it gives everything back itself. */
static void hold_and_give_back(void *unused) {
  (void)unused;
  ipc_receiver *receiver = must_receive(channel);
  ipc_handle *locks[] = {must_handle(mutex), must_handle(rwlock), must_handle(semaphore)};
  CHECK_EQ(ipc_mutex_lock(locks[0], 0), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock_shared(locks[1], 0), IPC_OK);
  CHECK_EQ(ipc_semaphore_acquire(locks[2], 0), IPC_OK);
  atomic_store(&shared->ready, 1);
  test_await(&shared->go, 1);
  CHECK_EQ(ipc_mutex_unlock(locks[0]), IPC_OK);
  CHECK_EQ(ipc_rwlock_unlock_shared(locks[1]), IPC_OK);
  CHECK_EQ(ipc_semaphore_release(locks[2], 1), IPC_OK);
  uint8_t byte;
  CHECK_EQ(ipc_receiver_recv(receiver, &byte, 1, 0), 1);
  ipc_receiver_close(receiver);
  for (int i = 0; i < 3; i++) ipc_handle_close(locks[i]);
}

/* For minutes, by the clock of the others. */
static void a_stopped_process_keeps_everything(void) {
  test_worker worker;
  watcher it = watch(hold_and_give_back, &worker);
  test_stop(worker);
  for (int minute = 0; minute < 2; minute++) {
    check_held(&it);
    hooks.clock_ahead_ns += UINT64_C(60000000000);
  }
  atomic_store(&shared->go, 1);
  test_continue(worker);
  CHECK_EQ(ipc_sender_send(it.sender, "x", 1, -1), IPC_OK);
  CHECK_EQ(ipc_mutex_lock(it.mutex, -1), IPC_OK); /* no owner has died */
  CHECK_EQ(ipc_rwlock_lock(it.rwlock, -1, IPC_KEEP_NOTHING), IPC_OK);
  CHECK_EQ(ipc_semaphore_acquire(it.semaphore, -1), IPC_OK);
  CHECK_EQ(ipc_semaphore_recovered(it.semaphore), 0);
  test_finish(worker);
}

#ifdef __linux__
static void a_process_that_is_dumping_core_is_dead(void) {
  const char *directory = dump_core_to_a_directory();
  test_worker worker;
  watcher it = watch(hold_and_dump_core, &worker);
  check_held(&it);
  atomic_store(&shared->go, 1);
  while (!is_dumping(worker.pid)) test_pause();
  check_given_back(&it);
  CHECK(is_dumping(worker.pid)); /* else it was not the dump that they did not wait for */
  end_dump(&worker, directory);
}
#endif

TEST_MAIN(TEST_CASE(exec_gives_back), TEST_CASE(exec_gives_back_what_another_thread_has),
          TEST_CASE(a_forked_child_does_not_keep_what_its_dead_parent_had), TEST_CASE(another_user_sees_a_death),
          TEST_CASE(a_process_in_another_root_sees_a_death), TEST_CASE(a_process_without_descriptors_sees_a_death),
          TEST_CASE(a_process_that_has_lost_its_directory_sees_a_death), TEST_CASE(a_stopped_process_keeps_everything),
#ifdef __linux__
          TEST_CASE(a_process_that_is_dumping_core_is_dead),
#endif
)

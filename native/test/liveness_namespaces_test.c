/* liveness_namespaces_test.c - liveness where pids are used again, are those of other namespaces, or clocks differ. */
#include "liveness_fixture.h"

/* Sanitizers have threads and child processes, which cannot follow into a namespace. */
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <sched.h>

static void enter(int flags) {
  if (unshare(flags) != 0) SKIP("it needs Linux namespaces, which take root's rights");
}

/* The system gives the next process this number in the namespace of the caller. */
static void set_next_pid(pid_t pid) {
  FILE *file = fopen("/proc/sys/kernel/ns_last_pid", "w");
  if (!file) SKIP("it has to choose the next pid, in /proc/sys/kernel/ns_last_pid");
  CHECK(fprintf(file, "%d", pid - 1) > 0);
  CHECK_EQ(fclose(file), 0);
}

static void use_names_and_idle(void *unused) {
  (void)unused;
  must_handle(mutex);
  atomic_fetch_add(&shared->ready, 1);
  test_idle();
}

/* As process 1 of a PID namespace, in which no other process takes a number meanwhile. */
static void meet_a_pid_again(void *unused) {
  (void)unused;
  CHECK_EQ(getpid(), 1);
  test_worker worker;
  watcher it = watch(hold_until_killed, &worker);
  test_kill(worker);
  test_reap(worker);
  set_next_pid(worker.pid);
  test_worker same = test_start(TEST_PROCESS, use_names_and_idle, NULL);
  CHECK_EQ(same.pid, worker.pid); /* and the number of its thread */
  test_await(&shared->ready, 2);
  check_given_back(&it);
  test_kill(same);
  test_reap(same);
}

static void a_process_with_the_pid_of_a_dead_one_is_another_one(void) {
  enter(CLONE_NEWPID);
  test_finish(test_start(TEST_PROCESS, meet_a_pid_again, NULL));
}

/* The clocks of this process go back to half of the time since the system has started. */
static void set_clocks_back(void) {
  struct timespec now;
  CHECK_EQ(unshare(CLONE_NEWTIME), 0);
  CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &now), 0);
  FILE *offsets = fopen("/proc/self/timens_offsets", "w");
  CHECK(offsets != NULL);
  CHECK(fprintf(offsets, "monotonic -%ld 0\nboottime -%ld 0\n", (long)now.tv_sec / 2, (long)now.tv_sec / 2) > 0);
  CHECK_EQ(fclose(offsets), 0);
  int fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
  CHECK_EQ(setns(fd, CLONE_NEWTIME), 0);
  CHECK_EQ(close(fd), 0);
  struct timespec later;
  CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &later), 0);
  CHECK(later.tv_sec <= now.tv_sec);
}

static bool can_set_clocks_back(void) {
  need_the_kernel("qemu-user has a second thread, and a process with two cannot enter a time namespace");
  pid_t child = fork();
  CHECK_GE(child, 0);
  if (child == 0) _exit(unshare(CLONE_NEWTIME) == 0 ? 0 : 1);
  int status;
  CHECK_EQ(waitpid(child, &status, 0), child);
  return status == 0;
}

/* Of the process that waits: what it has noted before lies in the future. */
static void a_clock_that_is_set_back_does_not_hide_a_death(void) {
  if (!can_set_clocks_back()) SKIP("it needs Linux time namespaces, which take root's rights");
  check_with_less(set_clocks_back, check_given_back);
}

static void hold_with_an_earlier_clock(void *unused) {
  set_clocks_back();
  hold_until_killed(unused);
}

/* Of the process that holds. */
static void a_process_with_an_earlier_clock_is_alive_until_it_ends(void) {
  if (!can_set_clocks_back()) SKIP("it needs Linux time namespaces, which take root's rights");
  test_worker worker;
  watcher it = watch(hold_with_an_earlier_clock, &worker);
  check_held(&it);
  test_kill(worker);
  check_given_back(&it);
}

/* The first process of a namespace: no signal with a default action ends it. */
static void use_no_names(void *unused) {
  (void)unused;
  test_idle();
}

/* Others cannot see that it is dumping core, because their pid with its number is another process. They wait for its
 * end. */
static void a_core_dump_in_another_pid_namespace_is_waited_for(void) {
  const char *directory = dump_core_to_a_directory();
  watcher it;
  test_worker worker;
  enter(CLONE_NEWPID);
  test_worker first = test_start(TEST_PROCESS, use_no_names, NULL);
  it = watch(hold_and_dump_core, &worker);
  atomic_store(&shared->go, 1);
  while (!is_dumping(worker.pid)) test_pause();
  check_held(&it);
  CHECK(is_dumping(worker.pid)); /* else it was not the dump that kept it alive */
  end_dump(&worker, directory);
  check_given_back(&it);
  test_kill(first);
}

/* Here /proc is still that of the outer namespace, where the number of the holder is another process that ends. */
static void watch_where_proc_is_of_another_namespace(void *outer) {
  test_worker worker;
  pid_t dumping = *(const pid_t *)outer;
  set_next_pid(dumping);
  watcher it = watch(hold_until_killed, &worker);
  CHECK_EQ(worker.pid, dumping);
  CHECK(is_dumping(dumping)); /* as /proc says */
  check_held(&it);
  CHECK(is_dumping(dumping));
  test_kill(worker);
  test_reap(worker);
  check_given_back(&it);
}

static void enter_and_watch(void *outer) {
  enter(CLONE_NEWPID);
  test_finish(test_start(TEST_PROCESS, watch_where_proc_is_of_another_namespace, outer));
}

static void a_pid_is_not_looked_up_in_the_proc_of_another_namespace(void) {
  const char *directory = dump_core_to_a_directory();
  shared = test_shared(sizeof *shared);
  test_worker dumping = test_start(TEST_PROCESS, dump_core, NULL);
  while (!is_dumping(dumping.pid)) test_pause();
  test_finish(test_start(TEST_PROCESS, enter_and_watch, &dumping.pid));
  end_dump(&dumping, directory);
}

TEST_MAIN(TEST_CASE(a_process_with_the_pid_of_a_dead_one_is_another_one),
          TEST_CASE(a_clock_that_is_set_back_does_not_hide_a_death),
          TEST_CASE(a_process_with_an_earlier_clock_is_alive_until_it_ends),
          TEST_CASE(a_core_dump_in_another_pid_namespace_is_waited_for),
          TEST_CASE(a_pid_is_not_looked_up_in_the_proc_of_another_namespace))
#else
static void liveness_in_namespaces(void) { SKIP("it needs Linux, and a program without a sanitizer"); }

TEST_MAIN(TEST_CASE(liveness_in_namespaces))
#endif

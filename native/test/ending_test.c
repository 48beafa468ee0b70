/* ending_test.c - what SIGHUP, SIGINT and SIGTERM leave of a process: its exit status, and no file where it was the
 * last. */
#include <fcntl.h>
#include <sys/file.h>

#include "ends.h"
#include "handles.h"
#include "libipc/mutex.h"

static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
enum { SIGNALS = sizeof signals / sizeof signals[0] };

static const ipc_options channel = {.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL},
                         mutex = {.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX};

typedef struct board {
  _Atomic uint32_t ready, go, steps, removals;
  _Atomic uint64_t identity, waker;
} board;

static board *shared;

static void start(void) { shared = test_shared(sizeof *shared); }

static void say_ready(void) {
  atomic_store(&shared->identity, ipc_os_self());
  atomic_fetch_add(&shared->ready, 1);
}

static bool has_file(const ipc_options *options) {
  char key[IPC_OS_KEY_BYTES];
  ipc_os_file file;
  CHECK_EQ(ipc_segment_key(key, options->kind, test_prefix, test_name), IPC_OK);
  return ipc_os_stat_key(key, &file) == 0;
}

static bool has_identity_file(void) {
  char name[64];
  snprintf(name, sizeof name, "libipc-process.%08x", (unsigned)(atomic_load(&shared->identity) >> 32));
  ipc_os_file file;
  return ipc_os_stat_key(name, &file) == 0;
}

/* Sends the signal when the worker is ready; it must end by it, and soon. */
static void end_by(test_worker worker, int signal) {
  double started = test_ms();
  int status;
  kill(worker.pid, signal);
  CHECK_EQ(waitpid(worker.pid, &status, 0), worker.pid);
  CHECK(WIFSIGNALED(status));
  CHECK_EQ(WTERMSIG(status), signal);
  check_not_hung(started);
}

/* The only worker of a case, when it is ready. */
static test_worker start_alone(void (*run)(void *)) {
  start();
  test_worker worker = test_start(TEST_PROCESS, run, NULL);
  test_await(&shared->ready, 1);
  return worker;
}

static void receive_for_ever(void *unused) {
  (void)unused;
  ipc_receiver *receiver = must_receive(channel);
  uint8_t byte;
  say_ready();
  ipc_receiver_recv(receiver, &byte, 1, -1);
}

static bool has_waker_file(void) {
  char name[64];
  snprintf(name, sizeof name, "libipc-wake.%016llx", (unsigned long long)atomic_load(&shared->waker));
  ipc_os_file file;
  return ipc_os_stat_key(name, &file) == 0;
}

static void receive_with_a_waker(void *unused) {
  uint64_t number;
  ipc_receiver *receiver = must_receive(channel); /* for the identity that the waker's file is named after */
  CHECK_GE(ipc_os_open_waker(&number), 0);
  ipc_receiver_close(receiver);
  atomic_store(&shared->waker, number);
  receive_for_ever(unused);
}

static void the_last_leaves_no_file(void) {
  start();
  for (int i = 0; i < SIGNALS; i++) {
    test_worker worker = test_start(TEST_PROCESS, receive_with_a_waker, NULL);
    test_await(&shared->ready, (uint32_t)i + 1);
    CHECK(has_file(&channel) && has_identity_file() && has_waker_file());
    end_by(worker, signals[i]);
    CHECK(!has_file(&channel));
    CHECK(!has_identity_file());
    CHECK(!has_waker_file());
  }
}

static void others_keep_the_file_and_notice_the_end(void) {
  start();
  ipc_sender *sender = must_send(channel);
  test_worker worker = test_start(TEST_PROCESS, receive_for_ever, NULL);
  test_await(&shared->ready, 1);
  end_by(worker, SIGTERM);
  CHECK(has_file(&channel));
  CHECK(!has_identity_file());
  for (double started = test_ms(); ipc_sender_receiver_count(sender) != 0; test_pause()) {
    ipc_sender_wait_for_receivers(sender, 1, 0); /* looks for the dead */
    check_not_hung(started);
  }
  ipc_sender_close(sender);
  CHECK(!has_file(&channel));
}

/* One Ctrl-C ends all processes of the group: the last one removes the file. */
static void processes_that_end_at_once_leave_no_file(void) {
  enum { AT_ONCE = 6 };
  start();
  for (uint32_t round = 0; round < 5 * TEST_SCALE; round++) {
    test_worker workers[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++) workers[i] = test_start(TEST_PROCESS, receive_for_ever, NULL);
    test_await(&shared->ready, (round + 1) * AT_ONCE);
    CHECK(has_file(&channel));
    for (int i = 0; i < AT_ONCE; i++) kill(workers[i].pid, SIGINT);
    for (int i = 0; i < AT_ONCE; i++) {
      int status;
      CHECK_EQ(waitpid(workers[i].pid, &status, 0), workers[i].pid);
      CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    }
    CHECK(!has_file(&channel));
    CHECK(!has_identity_file());
  }
}

static void lock_and_wait(void *unused) {
  (void)unused;
  CHECK_EQ(ipc_mutex_lock(must_handle(mutex), -1), IPC_OK);
  say_ready();
  for (;;) pause();
}

static void the_next_owner_learns_of_an_owner_that_a_signal_ended(void) {
  start();
  for (int others = 0; others < 2; others++) {
    ipc_handle *other = others ? must_handle(mutex) : NULL;
    test_worker owner = test_start(TEST_PROCESS, lock_and_wait, NULL);
    test_await(&shared->ready, (uint32_t)others + 1);
    end_by(owner, SIGTERM);
    CHECK(has_file(&mutex));
    ipc_handle *it = other ? other : must_handle(mutex);
    CHECK_EQ(ipc_mutex_lock(it, TEST_PATIENCE_MS), IPC_OWNER_DIED);
    CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
    ipc_handle_close(it);
  }
}

static void *lock_in_thread(void *unused) {
  lock_and_wait(unused);
  return NULL;
}

static void *open_in_thread(void *unused) {
  (void)unused;
  must_handle(mutex);
  say_ready();
  for (;;) pause();
  return NULL;
}

static void count_removals(const char *call) {
  if (strcmp(call, "remove_own_identity") == 0) atomic_fetch_add(&shared->removals, 1);
}

/* The main thread has a handle, too. */
static void own_in_two_threads(void *locks) {
  pthread_t thread;
  hooks.before = count_removals;
  must_handle(mutex);
  CHECK_EQ(pthread_create(&thread, NULL, *(const bool *)locks ? lock_in_thread : open_in_thread, NULL), 0);
  for (;;) pause();
}

static void a_lock_that_another_thread_holds_stays(void) {
  start();
  for (int locks = 0; locks < 2; locks++) {
    bool argument = locks;
    test_worker worker = test_start(TEST_PROCESS, own_in_two_threads, &argument);
    test_await(&shared->ready, (uint32_t)locks + 1);
    end_by(worker, SIGTERM);
    CHECK_EQ(has_file(&mutex), locks);
    /* The identity file of a dead process may be removed by any other process at any time. */
    CHECK_EQ(atomic_load(&shared->removals), 1);
    if (!locks) CHECK(!has_identity_file());
  }
  ipc_handle *it = must_handle(mutex);
  CHECK_EQ(ipc_mutex_lock(it, TEST_PATIENCE_MS), IPC_OWNER_DIED);
  ipc_mutex_unlock(it);
  ipc_handle_close(it);
}

static void *open_and_close(void *unused) {
  (void)unused;
  for (;;) {
    ipc_failure failure;
    ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &channel, &failure);
    if (receiver) ipc_receiver_close(receiver);
    atomic_fetch_add(&shared->steps, 1);
  }
  return NULL;
}

static void open_and_close_in(void *in_thread) {
  pthread_t thread;
  must_handle(mutex);
  say_ready();
  if (!*(const bool *)in_thread) open_and_close(NULL);
  CHECK_EQ(pthread_create(&thread, NULL, open_and_close, NULL), 0);
  for (;;) pause();
}

/* The signal meets every step of an open and a close, in its own thread and in another one. */
static void a_signal_during_opens_and_closes_ends_the_process(void) {
  start();
  for (uint32_t round = 0; round < 30 * TEST_SCALE; round++) {
    bool in_thread = round % 2;
    uint32_t steps = atomic_load(&shared->steps);
    test_worker worker = test_start(TEST_PROCESS, open_and_close_in, &in_thread);
    test_await(&shared->ready, round + 1);
    test_await(&shared->steps, steps + 1 + round % 5);
    end_by(worker, signals[round % SIGNALS]);
  }
  ipc_receiver_close(must_receive(channel)); /* whatever was left */
  CHECK(!has_file(&channel));
}

/* A stopped holder of the name lock delays the end only briefly. */
static void a_name_lock_that_is_held_does_not_hold_the_process_up(void) {
  test_worker worker = start_alone(receive_for_ever);
  char key[IPC_OS_KEY_BYTES];
  ipc_segment_key(key, IPC_CHANNEL, test_prefix, test_name);
  int fd = ipc_os_open(key, false, 0);
  CHECK_GE(fd, 0);
  CHECK_EQ(ipc_os_try_lock(fd, key), 0);
  end_by(worker, SIGTERM);
  CHECK(has_file(&channel));
  ipc_os_unlock(fd);
  ipc_receiver_close(must_receive(channel));
  CHECK(!has_file(&channel));
}

static void ignore_and_wait(void *unused) {
  (void)unused;
  signal(SIGHUP, SIG_IGN);
  must_receive(channel);
  raise(SIGHUP); /* a signal to the own thread is delivered before this returns */
  say_ready();
  for (;;) pause();
}

static void an_ignored_signal_stays_ignored(void) {
  test_worker worker = start_alone(ignore_and_wait);
  CHECK(has_file(&channel));
  end_by(worker, SIGINT);
  CHECK(!has_file(&channel));
}

static void exit_with_7(int signal) {
  (void)signal;
  _exit(7);
}

static void handle_and_wait(void *before) {
  if (*(const bool *)before) signal(SIGTERM, exit_with_7);
  must_receive(channel);
  if (!*(const bool *)before) signal(SIGTERM, exit_with_7);
  say_ready();
  for (;;) pause();
}

static void a_handler_of_the_program_is_what_runs(void) {
  start();
  for (int before = 0; before < 2; before++) {
    bool argument = before;
    test_worker worker = test_start(TEST_PROCESS, handle_and_wait, &argument);
    test_await(&shared->ready, (uint32_t)before + 1);
    kill(worker.pid, SIGTERM);
    int status;
    CHECK_EQ(waitpid(worker.pid, &status, 0), worker.pid);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 7);
    CHECK(has_file(&channel));
  }
}

static struct sigaction called; /* what call_and_exit has replaced */

static void call_and_exit(int signal) {
  called.sa_handler(signal);
  _exit(7);
}

static void chain_and_wait(void *unused) {
  (void)unused;
  must_receive(channel);
  struct sigaction action = {.sa_handler = call_and_exit};
  sigaction(SIGTERM, &action, &called);
  CHECK(called.sa_handler != SIG_DFL);
  say_ready();
  for (;;) pause();
}

/* As Deno's. */
static void a_handler_that_calls_the_one_before_it_decides(void) {
  test_worker worker = start_alone(chain_and_wait);
  int status;
  kill(worker.pid, SIGTERM);
  CHECK_EQ(waitpid(worker.pid, &status, 0), worker.pid);
  CHECK(WIFEXITED(status));
  CHECK_EQ(WEXITSTATUS(status), 7);
  CHECK(has_file(&channel));
}

static void remove_handler_and_open(void *unused) {
  (void)unused;
  must_receive(channel);
  signal(SIGTERM, exit_with_7);
  signal(SIGTERM, SIG_DFL);
  must_receive(channel);
  say_ready();
  for (;;) pause();
}

static void a_later_open_watches_again(void) {
  test_worker worker = start_alone(remove_handler_and_open);
  end_by(worker, SIGTERM);
  CHECK(!has_file(&channel));
}

static void count_and_raise(int signal) {
  atomic_fetch_add(&shared->steps, 1);
  raise(signal);
}

static void reset_and_wait(void *unused) {
  (void)unused;
  struct sigaction action = {.sa_handler = count_and_raise, .sa_flags = (int)SA_RESETHAND};
  sigaction(SIGINT, &action, NULL);
  ipc_process_adopt_reset_handlers();
  must_receive(channel);
  say_ready();
  for (;;) pause();
}

/* As Bun and Node have them. */
static void a_handler_that_ends_the_process_runs_after_ours(void) {
  test_worker worker = start_alone(reset_and_wait);
  end_by(worker, SIGINT);
  CHECK_EQ(shared->steps, 1);
  CHECK(!has_file(&channel));
}

static void switched_off(void *unused) {
  setenv("LIBIPC_SIGNALS", "0", 1);
  receive_for_ever(unused);
}

static void it_can_be_switched_off(void) {
  test_worker worker = start_alone(switched_off);
  end_by(worker, SIGTERM);
  CHECK(has_file(&channel));
}

static void wait_only(void *unused) {
  (void)unused;
  atomic_fetch_add(&shared->ready, 1);
  for (;;) pause();
}

static void a_forked_child_leaves_what_its_parent_has_open(void) {
  start();
  ipc_receiver *receiver = must_receive(channel);
  say_ready();
  test_worker child = test_start(TEST_PROCESS, wait_only, NULL);
  test_await(&shared->ready, 2);
  end_by(child, SIGTERM);
  CHECK(has_file(&channel) && has_identity_file());
  ipc_receiver_close(receiver);
  CHECK(!has_file(&channel));
}

/* Two signals on two threads: the second does not cut the action of the first short. */
static void a_second_signal_on_another_thread_waits(void) {
#ifdef __SANITIZE_THREAD__
  /* Seen in gdb: both threads in pause(), no signal pending in the kernel, our handler installed and not called. */
  SKIP(
      "a fault of ThreadSanitizer: it takes the signals, and does not call the handler of a thread that begins to "
      "sleep");
#endif
  start();
  for (uint32_t round = 0; round < 20 * TEST_SCALE; round++) {
    bool locks = false;
    test_worker worker = test_start(TEST_PROCESS, own_in_two_threads, &locks);
    test_await(&shared->ready, round + 1);
    kill(worker.pid, SIGINT);
    kill(worker.pid, SIGTERM);
    int status;
    CHECK_EQ(waitpid(worker.pid, &status, 0), worker.pid);
    CHECK(WIFSIGNALED(status));
    CHECK(!has_file(&mutex));
  }
}

TEST_MAIN(TEST_CASE(the_last_leaves_no_file), TEST_CASE(others_keep_the_file_and_notice_the_end),
          TEST_CASE(processes_that_end_at_once_leave_no_file),
          TEST_CASE(the_next_owner_learns_of_an_owner_that_a_signal_ended),
          TEST_CASE(a_lock_that_another_thread_holds_stays),
          TEST_CASE(a_signal_during_opens_and_closes_ends_the_process),
          TEST_CASE(a_name_lock_that_is_held_does_not_hold_the_process_up), TEST_CASE(an_ignored_signal_stays_ignored),
          TEST_CASE(a_handler_of_the_program_is_what_runs), TEST_CASE(a_handler_that_calls_the_one_before_it_decides),
          TEST_CASE(a_later_open_watches_again), TEST_CASE(a_handler_that_ends_the_process_runs_after_ours),
          TEST_CASE(it_can_be_switched_off), TEST_CASE(a_forked_child_leaves_what_its_parent_has_open),
          TEST_CASE(a_second_signal_on_another_thread_waits))

/*
 * worker.h - a process or a thread that a case starts. The same function runs as
 * either: processes are what the library is for, threads of one process are what
 * ThreadSanitizer can judge.
 */
#ifndef LIBIPC_TEST_WORKER_H
#define LIBIPC_TEST_WORKER_H

#include <pthread.h>

#include "test.h"

typedef enum test_form { TEST_PROCESS, TEST_THREAD } test_form;

typedef struct test_worker {
  test_form form;
  pid_t pid;
  pthread_t thread;
} test_worker;

typedef struct test_task {
  void (*run)(void *);
  void *argument;
} test_task;

static inline void *test_run_task(void *memory) {
  test_task task = *(test_task *)memory;
  free(memory);
  task.run(task.argument);
  return NULL;
}

static inline test_worker test_start(test_form form, void (*run)(void *), void *argument) {
  test_worker worker = {.form = form};
  if (form == TEST_THREAD) {
    test_task *task = malloc(sizeof *task);
    if (!task) abort();
    *task = (test_task){run, argument};
    CHECK_EQ(pthread_create(&worker.thread, NULL, test_run_task, task), 0);
    return worker;
  }
  worker.pid = fork();
  CHECK_GE(worker.pid, 0);
  if (worker.pid == 0) {
    alarm(TEST_LIMIT_SECONDS); /* fork does not inherit it */
    run(argument);
    ipc_process_forget(); /* as at the end of main() */
    _exit(0);
  }
  return worker;
}

/* Waits for its end. A worker that failed, crashed or was killed fails the case. */
static inline void test_finish(test_worker worker) {
  if (worker.form == TEST_THREAD) {
    CHECK_EQ(pthread_join(worker.thread, NULL), 0);
    return;
  }
  int status = 0;
  CHECK_EQ(waitpid(worker.pid, &status, 0), worker.pid);
  CHECK_EQ(status, 0);
}

/* SIGKILL, and back when it is dead: a zombie until test_reap(). */
static inline void test_kill(test_worker worker) {
  siginfo_t info;
  CHECK_EQ(kill(worker.pid, SIGKILL), 0);
  CHECK_EQ(waitid(P_PID, (id_t)worker.pid, &info, WEXITED | WNOWAIT), 0);
}

static inline void test_reap(test_worker worker) {
  int status = 0;
  CHECK_EQ(waitpid(worker.pid, &status, 0), worker.pid);
  CHECK(WIFSIGNALED(status));
  CHECK_EQ(WTERMSIG(status), SIGKILL);
}

static inline void test_stop(test_worker worker) {
  int status = 0;
  CHECK_EQ(kill(worker.pid, SIGSTOP), 0);
  CHECK_EQ(waitpid(worker.pid, &status, WUNTRACED), worker.pid);
  CHECK(WIFSTOPPED(status));
}

static inline void test_continue(test_worker worker) { CHECK_EQ(kill(worker.pid, SIGCONT), 0); }

/* For processes that are there to be killed. */
_Noreturn static inline void test_idle(void) {
  for (;;) pause();
}

#endif

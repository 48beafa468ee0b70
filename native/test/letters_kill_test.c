/*
 * letters_kill_test.c - workers that take, put back, delay and reject the jobs of a queue, and workers that move its
 * dead letters back, are killed at random moments: each job is done, or is a dead letter, once.
 */
#include "queue_fixture.h"

enum { WORKERS = 3, JOBS = 200, KILLS = 100 * TEST_SCALE }; /* 200 in "bun run test:all" */
static const char letters_name[] = "dead letters";

/* What the test process finds at the end, and what workers did: a worker notes before it ends a lease. */
typedef struct notes {
  _Atomic uint32_t done[JOBS], begun, turns;
} notes;

static notes *seen;

static ipc_receiver *open_jobs(void) {
  ipc_options options = queue;
  options.capacity = 32768;
  options.max_attempts = 4;
  strcpy(options.dead_letter, letters_name);
  return must_receive(options);
}

static ipc_receiver *open_letters(void) {
  ipc_failure failure;
  ipc_options options = ipc_options_default(IPC_QUEUE);
  ipc_receiver *letters = ipc_receiver_open(test_prefix, letters_name, &options, &failure);
  CHECK(letters);
  return letters;
}

static uint64_t job_at(ipc_receiver *receiver, uint32_t offset) {
  uint64_t job;
  memcpy(&job, (const uint8_t *)ipc_receiver_ring(receiver) + offset, sizeof job);
  CHECK(job < JOBS);
  return job;
}

/* Works without an end. What it does with a job depends on the job and the turn. */
static void work(void *which) {
  ipc_receiver *jobs = open_jobs(), *letters = open_letters();
  atomic_fetch_add(&seen->begun, 1);
  for (uint32_t turn = *(uint32_t *)which;; turn++) {
    uint32_t lease[3];
    atomic_fetch_add(&seen->turns, 1);
    if (turn % 3 == 0 && ipc_receiver_take(letters, 0, lease) == IPC_OK)
      CHECK(ipc_receiver_redrive(letters, lease[0]) > IPC_E_FIRST);
    if (ipc_receiver_take(jobs, 2, lease) != IPC_OK) continue;
    uint64_t job = job_at(jobs, lease[0]);
    switch ((job + turn) % 4) {
      case 0: CHECK_EQ(ipc_receiver_retry(jobs, lease[0]), IPC_OK); break;
      case 1: CHECK_EQ(ipc_receiver_retry_after(jobs, lease[0], 1 + turn % 3), IPC_OK); break;
      case 2: CHECK_EQ(ipc_receiver_reject(jobs, lease[0], NULL, 0), IPC_OK); break;
      default: break; /* it keeps the lease until it is killed, or has as many as there may be */
    }
  }
}

static void count_all(ipc_receiver *receiver, uint32_t *found, uint32_t *total, int32_t timeout_ms) {
  uint64_t job;
  while (ipc_receiver_recv(receiver, &job, sizeof job, timeout_ms) == sizeof job) {
    CHECK(job < JOBS);
    found[job]++;
    ++*total;
  }
}

static void killed_at_random_each_job_is_there_once(void) {
  seen = test_shared(sizeof *seen);
  ipc_receiver *jobs = open_jobs(), *letters = open_letters();
  ipc_options options = queue;
  options.capacity = 32768;
  sender = must_send(options);
  uint32_t state = 12345, numbers_of[WORKERS] = {0, 1, 2};
  for (uint64_t job = 0; job < JOBS; job++) CHECK_EQ(ipc_sender_send(sender, &job, sizeof job, 0), IPC_OK);
  test_worker workers[WORKERS];
  for (uint32_t i = 0; i < WORKERS; i++) workers[i] = test_start(TEST_PROCESS, work, &numbers_of[i]);
  test_await(&seen->begun, WORKERS);
  for (uint32_t kill = 0; kill < KILLS; kill++) {
    state = state * 1664525 + 1013904223;
    /* The kill comes at a random moment of the work; nothing is expected of when it comes. */
    nanosleep(&(struct timespec){.tv_nsec = (long)(state >> 8) % 3000000}, NULL);
    uint32_t victim = (state >> 4) % WORKERS;
    test_kill(workers[victim]);
    test_reap(workers[victim]);
    uint32_t begun = atomic_load(&seen->begun);
    workers[victim] = test_start(TEST_PROCESS, work, &numbers_of[victim]);
    if (kill % 8 == 0) test_await(&seen->begun, begun + 1);
  }
  for (uint32_t i = 0; i < WORKERS; i++) {
    test_kill(workers[i]);
    test_reap(workers[i]);
  }
  uint32_t found[JOBS] = {0}, total = 0;
  double started = test_ms();
  while (total < JOBS && test_ms() - started < 30000) {
    count_all(jobs, found, &total, 50);
    count_all(letters, found, &total, 50);
  }
  count_all(jobs, found, &total, 1500); /* longer than a message waits that could not be moved */
  count_all(letters, found, &total, 500);
  CHECK_EQ(total, JOBS);
  for (uint32_t job = 0; job < JOBS; job++) CHECK_EQ(found[job], 1);
  CHECK(atomic_load(&seen->turns) > KILLS);
  ipc_receiver_close(jobs);
  ipc_receiver_close(letters);
  ipc_sender_close(sender);
}

TEST_MAIN(TEST_CASE(killed_at_random_each_job_is_there_once))

/* handles.h - opens handles of the case's name, reads the wait queue, and waits as an event loop does. */
#ifndef LIBIPC_TEST_HANDLES_H
#define LIBIPC_TEST_HANDLES_H

#include <poll.h>
#include <sys/socket.h>

#include "handle_state.h"
#include "interpose.h"
#include "libipc/waker.h"
#include "worker.h"

/* How many processes contend, and how many turns each takes. */
enum { CROWD = 8, TURNS_EACH = 25000 * TEST_SCALE, TURNS = TURNS_EACH * CROWD };

static inline ipc_handle *try_handle(ipc_options options, ipc_failure *failure) {
  return ipc_handle_open(test_prefix, test_name, &options, failure);
}

static inline ipc_handle *must_handle(ipc_options options) {
  ipc_failure failure;
  ipc_handle *handle = try_handle(options, &failure);
  if (!handle) FAIL("a handle could not open: %d", failure.code);
  return handle;
}

static inline uint32_t count_waits(const ipc_handle *handle, uint32_t tag) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < handle->segment.max_waits; i++)
    count += (atomic_load(&handle->segment.waits[i].state) & IPC_WAIT_TAGS) == tag;
  return count;
}

/* Until so many are in line and have not been notified: asleep, or just about to be. */
static inline void await_waits(const ipc_handle *handle, uint32_t count) {
  for (; count_waits(handle, IPC_WAIT_WAITING) < count; test_pause()) test_look_after_children();
}

typedef struct waker {
  int fd;
  uint32_t number[2];
} waker;

static inline waker open_waker(void) {
  waker it;
  it.fd = ipc_waker_open(it.number);
  CHECK_GE(it.fd, 0);
  return it;
}

static inline void close_waker(waker *it) {
  close(it->fd);
  ipc_waker_close(it->number[0], it->number[1]);
}

/* Takes the rings that are there: answers how many. */
static inline uint32_t rings(const waker *it) {
  char ring[16];
  uint32_t count = 0;
  while (recv(it->fd, ring, sizeof ring, 0) >= 0) count++;
  return count;
}

/* Waits for a ring for ever: a lost one hangs. */
static inline void await_signal(const waker *it) {
  CHECK_EQ(poll(&(struct pollfd){.fd = it->fd, .events = POLLIN}, 1, -1), 1);
  CHECK_GE(rings(it), 1);
}

static inline void arm(ipc_handle *handle, uint32_t wait, const waker *by) {
  CHECK_EQ(ipc_handle_arm(handle, wait, by->number[0], by->number[1]), IPC_OK);
}

/* As an event loop gets a lock: nothing but rings leads to the next try. */
static inline int32_t get_by_events(ipc_handle *handle, uint32_t wait, ipc_attempt *attempt, const waker *mine) {
  int32_t status;
  while ((status = attempt(handle)) == IPC_TIMED_OUT) {
    arm(handle, wait, mine);
    if ((status = attempt(handle)) != IPC_TIMED_OUT) break;
    await_signal(mine);
  }
  return status;
}

/* For hooks.before: the process dies instead of making one more call than these. */
static uint32_t calls_left;
static inline void die_at_last_call(const char *call) {
  (void)call;
  if (calls_left-- == 0) raise(SIGKILL);
}

/* The coarse clock is read without the system. Whether the name is still there is asked every IPC_SLICE_NS. */
static uint32_t calls_made, name_checks;
static inline void count_call(const char *call) {
  if (strcmp(call, "stat_key") == 0)
    name_checks++;
  else if (strcmp(call, "now_coarse") != 0)
    calls_made++;
}

/* Since `started`, by so many handles. */
static inline void check_name_checks(double started, uint32_t handles) {
  CHECK_LE(name_checks, (uint32_t)((test_ms() - started) / (IPC_SLICE_NS / 1e6) + 1) * handles);
}

/* Whether a worker came to its end; false: it was killed. */
static inline bool test_survived(test_worker worker) {
  int status = 0;
  CHECK_EQ(waitpid(worker.pid, &status, 0), worker.pid);
  if (status != 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) FAIL("a worker ended with %x", status);
  return status == 0;
}

/*
 * Two survivors (numbers 0 and 1) and, again and again, ten victims (2 to 11) work until *stop; the victims are killed
 * at random moments, `kills` in all. After each ten the survivors must get on within a second: rounds[number] counts
 * what each did.
 */
static inline void kill_at_random(uint32_t seed, int kills, void (*work)(void *number), _Atomic uint32_t *rounds,
                                  _Atomic uint32_t *stop) {
  enum { VICTIMS_AT_ONCE = 10, OVERLAP = 3 };
  test_worker survivors[2], victims[VICTIMS_AT_ONCE];
  for (uintptr_t i = 0; i < 2; i++) survivors[i] = test_start(TEST_PROCESS, work, (void *)i);
  for (int killed = 0; killed < kills; killed += VICTIMS_AT_ONCE) {
    for (uintptr_t i = 0; i < VICTIMS_AT_ONCE; i++) {
      victims[i] = test_start(TEST_PROCESS, work, (void *)(2 + i));
      for (uint32_t spin = test_random(&seed) % 20000; spin; spin--) ipc_cpu_relax();
      if (i >= OVERLAP) test_kill(victims[i - OVERLAP]);
    }
    for (int i = VICTIMS_AT_ONCE - OVERLAP; i < VICTIMS_AT_ONCE; i++) test_kill(victims[i]);
    double started = test_ms();
    uint32_t before[2] = {rounds[0], rounds[1]};
    for (int i = 0; i < 2; i++) test_await(&rounds[i], before[i] + 1);
    check_within_a_second(started);
    for (int i = 0; i < VICTIMS_AT_ONCE; i++) test_reap(victims[i]);
  }
  atomic_store(stop, 1);
  for (int i = 0; i < 2; i++) test_finish(survivors[i]);
}

#endif

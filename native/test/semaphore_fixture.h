/* semaphore_fixture.h - what the tests of semaphores share. */
#ifndef LIBIPC_SEMAPHORE_FIXTURE_H
#define LIBIPC_SEMAPHORE_FIXTURE_H

#include "libipc/semaphore.h"
#include "handles.h"
#include "libipc/list.h"

enum { ROBUST = 1, PLAIN = 2 };

static inline ipc_options of(uint32_t robust, uint32_t permits) {
  return (ipc_options){
      .struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE, .robust = robust, .initial = permits + 1};
}

typedef struct board {
  _Atomic uint32_t ready, go, stop, most, died_inside, order[CROWD], taken, next, waits, rounds[16];
  _Atomic int32_t inside, answer;
} board;

static __attribute__((unused)) board *shared;

static __attribute__((unused)) ipc_options options_now;

/* Acquires, publishes the result, and waits for a command to continue. */
static inline void acquire_and_tell(void *timeout_ms) {
  ipc_handle *it = must_handle(options_now);
  atomic_store(&shared->answer, ipc_semaphore_acquire(it, (int32_t)(intptr_t)timeout_ms));
  atomic_fetch_add(&shared->ready, 1);
  test_await(&shared->go, 1);
  ipc_handle_close(it);
}

static inline test_worker start_taker(int32_t timeout_ms) {
  shared = test_shared(sizeof *shared);
  return test_start(TEST_PROCESS, acquire_and_tell, (void *)(intptr_t)timeout_ms);
}

static inline void finish_taker(test_worker worker, int32_t answer) {
  test_await(&shared->ready, 1);
  CHECK_EQ(shared->answer, answer);
  atomic_store(&shared->go, 1);
  test_finish(worker);
}

#endif

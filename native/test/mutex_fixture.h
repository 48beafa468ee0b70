/* mutex_fixture.h - what the tests of mutexes share. */
#ifndef LIBIPC_MUTEX_FIXTURE_H
#define LIBIPC_MUTEX_FIXTURE_H

#include "libipc/mutex.h"
#include "handles.h"
#include "libipc/list.h"
#include "queued_lock.h"

static const ipc_options mutex = {.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX};

typedef struct board {
  _Atomic uint32_t ready, go, stop, told, died_torn, mended, waits, order[CROWD], next;
  _Atomic int32_t answer;
  _Atomic uint32_t rounds[32];
  uint64_t first, second; /* not atomic: the mutex is what orders them; equal when it is free */
  uint32_t inside;
} board;

static __attribute__((unused)) board *shared;

/* Locks, publishes the answer, and waits until the test kills it, stops it, or lets it continue. */
static inline void lock_and_publish_status(void *timeout_ms) {
  ipc_handle *it = must_handle(mutex);
  atomic_store(&shared->answer, ipc_mutex_lock(it, (int32_t)(intptr_t)timeout_ms));
  atomic_fetch_add(&shared->ready, 1);
  test_await(&shared->go, 1);
  if (ipc_mutex_is_held(it)) CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
  ipc_handle_close(it);
}

static inline test_worker start_locker(int32_t timeout_ms) {
  if (!shared) shared = test_shared(sizeof *shared);
  return test_start(TEST_PROCESS, lock_and_publish_status, (void *)(intptr_t)timeout_ms);
}

#endif

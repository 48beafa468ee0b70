/* rwlock_fixture.h - what the tests of reader-writer locks share. */
#ifndef LIBIPC_RWLOCK_FIXTURE_H
#define LIBIPC_RWLOCK_FIXTURE_H

#include "libipc/rwlock.h"
#include "handles.h"
#include "libipc/list.h"
#include "queued_lock.h"

static const ipc_options rwlock = {.struct_size = sizeof(ipc_options), .kind = IPC_RWLOCK};

typedef struct board {
  _Atomic uint32_t ready, go, stop, told, died_torn, mended, written, rounds[32], next;
  _Atomic int32_t readers, answer;
  uint64_t first, second; /* written by writers alone; equal whenever a reader is inside */
} board;

static __attribute__((unused)) board *shared;

enum { READ = 1, WRITE = 2 };

static inline void lock_and_publish_status(void *how) {
  ipc_handle *it = must_handle(rwlock);
  int32_t status = (uintptr_t)how == READ ? ipc_rwlock_lock_shared(it, -1) : ipc_rwlock_lock(it, -1, 0);
  atomic_store(&shared->answer, status);
  atomic_fetch_add(&shared->ready, 1);
  test_await(&shared->go, 1);
  if (status >= 0) CHECK_EQ((uintptr_t)how == READ ? ipc_rwlock_unlock_shared(it) : ipc_rwlock_unlock(it), IPC_OK);
  ipc_handle_close(it);
}

static inline test_worker start_locker(uintptr_t how) {
  if (!shared) shared = test_shared(sizeof *shared);
  return test_start(TEST_PROCESS, lock_and_publish_status, (void *)how);
}

#endif

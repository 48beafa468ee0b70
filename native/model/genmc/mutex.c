/*
 * mutex.c - ipc_mutex_lock() and ipc_mutex_unlock() with the wait queue (waits.h), and an owner that is killed.
 *
 * Invariant: one owner at a time, which sees what the owners before it wrote; each that waits gets the lock; the first
 * owner after one that was killed inside, and no other, gets IPC_OWNER_DIED.
 *
 * config two -DHANDLES=2 -DKILLED=0 each locks once
 * threads killed -DHANDLES=2 -DKILLED=1 -DDEATHS=1 the first one is killed inside
 */
#include "harness.h"
#include "libipc/mutex.h"

static model_segment shared;
static ipc_handle handles[HANDLES];
static uint32_t written; /* not atomic: two owners at a time are a data race */
static _Atomic uint32_t reports;

static void *own(void *argument) {
  ipc_handle *handle = argument;
  int32_t status = ipc_mutex_lock(handle, -1);
  CHECK(status == IPC_OK || (KILLED && status == IPC_OWNER_DIED));
  if (status == IPC_OWNER_DIED) atomic_fetch_add_explicit(&reports, 1, memory_order_relaxed);
  uint32_t before = written;
  written = before + 1;
  CHECK(status != IPC_OWNER_DIED || before > 0);
  if (KILLED && handle == &handles[0])
    model_die(2);
  else
    CHECK(ipc_mutex_unlock(handle) == IPC_OK);
  return NULL;
}

static void begin(void) {
  CLEAR(shared);
  CLEAR(handles);
  CLEAR(written);
  CLEAR(reports);
  model_clear_deaths();
  for (uint32_t i = 0; i < HANDLES; i++) model_be_handle(&shared, &handles[i], IPC_MUTEX, &ipc_mutex_kind, i, HANDLES);
}

int main(void) {
  MODEL_LOOP {
    model_thread threads[HANDLES];
    begin();
    for (uint32_t i = 0; i < HANDLES; i++) MODEL_START(&threads[i], own, &handles[i]);
    for (uint32_t i = 0; i < HANDLES; i++) MODEL_JOIN(threads[i]);
    CHECK(written == HANDLES);
    CHECK(GET(reports) <= KILLED);
  }
  return 0;
}

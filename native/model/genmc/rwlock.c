/*
 * rwlock.c - a writer and readers of a reader-writer lock.
 *
 * Invariant: a writer is inside alone; readers see what the writers before them wrote; each that waits comes in.
 *
 * config reader -DREADERS=1 -DWRITERS=1 a writer and a reader
 * config writers -DREADERS=0 -DWRITERS=2 two writers
 */
#include "harness.h"
#include "libipc/rwlock.h"

static model_segment shared;
static ipc_handle handles[WRITERS + READERS];
static uint32_t written[2]; /* not atomic: a writer beside another handle is a data race. Equal outside of writers */

static void *write_twice(void *argument) {
  ipc_handle *handle = argument;
  CHECK(ipc_rwlock_lock(handle, -1, IPC_KEEP_NOTHING) == IPC_OK);
  written[0]++;
  written[1]++;
  CHECK(ipc_rwlock_unlock(handle) == IPC_OK);
  return NULL;
}

static void *read_both(void *argument) {
  ipc_handle *handle = argument;
  CHECK(ipc_rwlock_lock_shared(handle, -1) == IPC_OK);
  CHECK(written[0] == written[1]);
  CHECK(ipc_rwlock_unlock_shared(handle) == IPC_OK);
  return NULL;
}

static void begin(void) {
  CLEAR(shared);
  CLEAR(handles);
  CLEAR(written);
  model_clear_deaths();
  for (uint32_t i = 0; i < WRITERS + READERS; i++)
    model_be_handle(&shared, &handles[i], IPC_RWLOCK, &ipc_rwlock_kind, i, WRITERS + READERS);
}

int main(void) {
  MODEL_LOOP {
    model_thread threads[WRITERS + READERS];
    begin();
    for (uint32_t i = 0; i < WRITERS + READERS; i++)
      MODEL_START(&threads[i], i < WRITERS ? write_twice : read_both, &handles[i]);
    for (uint32_t i = 0; i < WRITERS + READERS; i++) MODEL_JOIN(threads[i]);
    CHECK(written[0] == WRITERS);
  }
  return 0;
}

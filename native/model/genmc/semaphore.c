/*
 * semaphore.c - ipc_semaphore_acquire() and ipc_semaphore_release(), plain and robust, and a holder that is killed.
 *
 * Invariant: no more holders than permits; a holder sees what was written before the release that freed its permit;
 * each that waits gets a permit; the permit of a dead holder of a robust semaphore comes back once.
 *
 * config plain -DROBUST=0 -DKILLED=0 one permit, two handles
 * config robust -DROBUST=1 -DKILLED=0 the same with permits that are counted by handle, under the claim
 * threads killed -DROBUST=1 -DKILLED=1 -DDEATHS=1 the first one is killed while it holds the permit
 */
#include "harness.h"
#include "libipc/semaphore.h"

enum { HANDLES = 2 };

static model_segment shared;
static ipc_handle handles[HANDLES];
static uint32_t written; /* not atomic: two holders of the one permit are a data race */

static void *hold(void *argument) {
  ipc_handle *handle = argument;
  CHECK(ipc_semaphore_acquire(handle, -1) == IPC_OK);
  written++;
  if (KILLED && handle == &handles[0])
    model_die(2);
  else
    CHECK(ipc_semaphore_release(handle, 1) == IPC_OK);
  return NULL;
}

static void begin(void) {
  CLEAR(shared);
  CLEAR(handles);
  CLEAR(written);
  model_clear_deaths();
  SET(shared.header.permits, 1);
  for (uint32_t i = 0; i < HANDLES; i++) {
    model_be_handle(&shared, &handles[i], IPC_SEMAPHORE, &ipc_semaphore_kind, i, HANDLES);
    handles[i].segment.initial = 1;
    handles[i].segment.robust = ROBUST;
  }
}

int main(void) {
  MODEL_LOOP {
    model_thread threads[HANDLES];
    begin();
    for (uint32_t i = 0; i < HANDLES; i++) MODEL_START(&threads[i], hold, &handles[i]);
    for (uint32_t i = 0; i < HANDLES; i++) MODEL_JOIN(threads[i]);
    CHECK(written == HANDLES);
    CHECK(GET(shared.header.permits) == 1 || KILLED);
  }
  return 0;
}

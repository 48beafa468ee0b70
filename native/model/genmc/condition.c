/*
 * condition.c - a task that waits for a condition under a mutex, and the one that makes it true and notifies it.
 *
 * Invariant: the waiter ends; it then has the mutex, and what the notifier wrote under the mutex is there.
 *
 * config one one waiter, one notifier
 */
#include "harness.h"
#include "libipc/condition.h"
#include "libipc/mutex.h"

static model_segment lock_memory, condition_memory;
static ipc_handle mutexes[2], conditions[2];
static uint32_t is_ready; /* under the mutex */

static void *wait(void *unused) {
  CHECK(ipc_mutex_lock(&mutexes[0], -1) == IPC_OK);
  if (!is_ready) CHECK(ipc_condition_wait(&conditions[0], &mutexes[0], -1) == IPC_OK);
  CHECK(is_ready);
  CHECK(ipc_mutex_unlock(&mutexes[0]) == IPC_OK);
  return unused;
}

static void *notify(void *unused) {
  CHECK(ipc_mutex_lock(&mutexes[1], -1) == IPC_OK);
  is_ready = 1;
  CHECK(ipc_condition_notify(&conditions[1]) >= 0);
  CHECK(ipc_mutex_unlock(&mutexes[1]) == IPC_OK);
  return unused;
}

static void begin(void) {
  CLEAR(lock_memory);
  CLEAR(condition_memory);
  CLEAR(mutexes);
  CLEAR(conditions);
  CLEAR(is_ready);
  model_clear_deaths();
  for (uint32_t i = 0; i < 2; i++) {
    model_be_handle(&lock_memory, &mutexes[i], IPC_MUTEX, &ipc_mutex_kind, i, 2);
    model_be_handle(&condition_memory, &conditions[i], IPC_CONDITION, &ipc_mutex_kind, i, 2);
  }
}

int main(void) {
  MODEL_LOOP {
    begin();
    model_run_two(wait, notify);
  }
  return 0;
}

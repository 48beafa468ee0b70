/* memories.c - shared memory that grows, and waits on one of its words. */
#include <signal.h>
#include <sys/resource.h>

#include "libipc/memory.h"
#include "lock_scenario.h"

/* RLIMIT_FSIZE stands in for a full /dev/shm. */
static void grow_too_far(ipc_handle *memory) {
  struct rlimit before;
  ipc_failure failure;
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &before);
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 8 << 20, .rlim_max = before.rlim_max});
  int32_t status = DO(ipc_memory_grow(memory, 64 << 20, &failure));
  CHECK(status == IPC_E_NO_SPACE || (plan()->closes && status == IPC_E_ORPHANED));
  setrlimit(RLIMIT_FSIZE, &before);
}

/* A word is incremented; the actors that wait for it to change are woken. */
static void run_memory(uint32_t actor) {
  static loop_waker mine;
  ipc_handle *memory = open_it();
  ipc_failure failure;
  meet_others();
  if (actor == A) grow_too_far(memory);
  mine = open_waker();
  ipc_mapping *mapping = DO(ipc_memory_map(memory, &failure));
  if (!mapping && plan()->closes && failure.code == IPC_E_ORPHANED) {
    /* It has grown since this one opened it, and its name is gone. */
    if (actor == LAST) atomic_store(&ledger()->told, 1);
    close_it(memory);
    return;
  }
  CHECK(mapping);
  _Atomic uint32_t *word = ipc_mapping_address(mapping);
  for (uint32_t round = 0; round < ROUNDS; round++) {
    if (actor == A || actor == LAST) {
      /* Larger, and what was there stays. */
      int32_t grown = DO(ipc_memory_grow(memory, (round + 1) * 65536 + actor * 4096, &failure));
      CHECK(grown == IPC_OK || (plan()->closes && grown == IPC_E_ORPHANED));
      ipc_mapping *larger = DO(ipc_memory_map(memory, &failure));
      CHECK(larger || (plan()->closes && failure.code == IPC_E_ORPHANED));
      if (larger) {
        ipc_mapping_release(mapping);
        mapping = larger;
        word = ipc_mapping_address(mapping);
      }
      if (round < 4) LIKELY_AFTER(5, is_waited_for(memory));
      atomic_fetch_add(word, 1);
      DO(ipc_memory_wake(memory, 0, round % 2 ? 1 : 16));
      continue;
    }
    uint32_t seen = atomic_load(word);
    bool is_loop = actor == C;
    int32_t wait = ipc_memory_enter(memory, 0, seen, is_loop ? mine.low : 0, is_loop ? mine.high : 0, &failure);
    if (wait == IPC_NOT_EQUAL) continue;
    CHECK(wait >= 0);
    if (round == 2) {
      ipc_handle_leave(memory, wait); /* given up */
      continue;
    }
    int32_t status = IPC_OK;
    if (is_loop)
      while ((status = ipc_handle_sleep(memory, wait, 0)) == IPC_TIMED_OUT && atomic_load(word) == seen &&
             !atomic_load(&ledger()->told)) {
        if (!await_signal(mine)) ipc_handle_poll(memory);
      }
    else
      status = ipc_handle_sleep(memory, wait, 60);
    if (status == IPC_TIMED_OUT) ipc_handle_leave(memory, wait);
  }
  if (actor == LAST) {
    atomic_store(&ledger()->told, 1);
    for (uint32_t i = A; i < LAST; i++)
      while (!has_ended(i)) {
        atomic_fetch_add(word, 1);
        ipc_memory_wake(memory, 0, 16);
        a_moment();
      }
    if (!plan()->closes) CHECK(ipc_memory_byte_length(memory) >= (ROUNDS + LAST) * 4096);
    if (!plan()->closes) CHECK_EQ(ipc_handle_count(memory), 1);
  }
  if (plan()->closes && actor == B) {
    /* One that opens after the unlink would be alone on a new segment, and nobody would clean up when it is killed. */
    for (uint32_t i = A; i <= LAST; i++)
      while (!atomic_load(&ledger()->opened[i]) && !has_ended(i)) a_moment();
    CHECK_EQ(DO(ipc_memory_unlink(memory)), IPC_OK);
  }
  ipc_mapping_release(mapping);
  close_it(memory);
  close(mine.fd);
  ipc_waker_close(mine.low, mine.high);
}

const scenario memory_scenarios[] = {
    {.name = "memory", CAST_OF(run_memory, .kind = IPC_MEMORY, .size = 4096), PLAN(0)},
    {.name = "memory, unlinked", CAST_OF(run_memory, .kind = IPC_MEMORY, .size = 4096), PLAN(.closes = true)},
    {.name = NULL}};

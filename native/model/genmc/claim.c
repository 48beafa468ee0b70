/*
 * claim.c - the claim lock, and who takes it over: from an owner that has released it, and from one that was killed.
 *
 * Invariant: one owner at a time; each finds what all owners before it have written, the dead one too.
 *
 * config released -DPROCESSES=3 -DKILLED=0 each takes it once, if it can
 * config killed -DPROCESSES=3 -DKILLED=1 -DDEATHS=1 the first one is killed while it is the owner
 */
#include "harness.h"

static model_segment shared;
static ipc_segment segment;
static uint32_t written; /* not atomic: two owners at a time are a data race */

static void *own(void *argument) {
  const uint32_t instance = (uint32_t)(uintptr_t)argument;
  _Atomic uint32_t *claim = &shared.header.claim;
  uint32_t pid;
  if (!ipc_claim_try_lock(claim, instance) && !ipc_claim_take_over(&segment, claim, instance, &pid)) return NULL;
  uint32_t before = written;
  written = before + 1;
  CHECK(GET(*claim) == instance);
  CHECK(written == before + 1);
  if (KILLED && instance == 1)
    model_die(instance + 1);
  else
    ipc_claim_unlock(claim);
  return NULL;
}

static void begin(void) {
  CLEAR(shared);
  CLEAR(segment);
  CLEAR(written);
  model_clear_deaths();
  model_join_ring(&shared, &segment, IPC_CHANNEL, NULL, 4, 1, PROCESSES);
  model_start_ring(&shared, 4, 1, PROCESSES);
  for (uint32_t i = 0; i < PROCESSES; i++) model_set_slot(&segment.senders[i], i + 1, i + 2);
}

int main(void) {
  MODEL_LOOP {
    model_thread threads[PROCESSES];
    begin();
    for (uint32_t i = 0; i < PROCESSES; i++) MODEL_START(&threads[i], own, (void *)(uintptr_t)(i + 1));
    for (uint32_t i = 0; i < PROCESSES; i++) MODEL_JOIN(threads[i]);
  }
  return 0;
}

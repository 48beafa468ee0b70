/*
 * overrun_crowd.h - senders and receivers that work at once until all is received, for the stress tests of receivers
 * that may be overrun. The test defines what one of each does: send_all() and receive_what_comes(), as `now` plans it.
 */
#ifndef LIBIPC_OVERRUN_CROWD_H
#define LIBIPC_OVERRUN_CROWD_H

#include "overrun_fixture.h"

/* Sends now.count messages, or until shared->enough, and counts them in shared->accepted. `number`: which sender. */
static void send_all(void *number);

/* Receives until shared->stop and nothing is left, and stores in shared->total how many messages it knows of. */
static void receive_what_comes(void *number);

/* `patient`: a sleep never ends by itself, so that a lost wake-up hangs. Not where senders die: the dead wake no
 * thread. */
static inline void start_receivers(test_worker *receivers, bool patient) {
  shared = test_shared(sizeof *shared);
  for (uint32_t i = 0; i < MESSAGE_SENDERS; i++) numbers[i] = i;
  hooks.patient = patient;
  for (uint32_t i = 0; i < now.receivers; i++) receivers[i] = test_start(now.form, receive_what_comes, &numbers[i]);
  test_await(&shared->ready, now.receivers);
}

static inline void check_stream(plan wanted) {
  now = wanted;
  test_worker senders[MAX_ENDS], receivers[MAX_ENDS];
  start_receivers(receivers, true);
  for (uint32_t i = 0; i < now.senders; i++) senders[i] = test_start(now.form, send_all, &numbers[i]);
  for (uint32_t i = 0; i < now.senders; i++) test_finish(senders[i]);
  atomic_store(&shared->stop, 1);
  for (uint32_t i = 0; i < now.receivers; i++) test_finish(receivers[i]);
  for (uint32_t i = 0; i < now.receivers; i++) CHECK_EQ(shared->total[i], (uint64_t)now.senders * now.count);
}

/* Starts VICTIMS senders, two at once, and kills each at a random moment. Returns how many messages they have counted.
 */
static inline uint32_t kill_senders_at_random(uint32_t seed) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < VICTIMS; i += 2) {
    test_worker victims[2];
    for (uint32_t v = 0; v < 2; v++) victims[v] = test_start(TEST_PROCESS, send_all, &numbers[i + v]);
    for (uint32_t v = 0; v < 2; v++) {
      test_await(&shared->accepted[i + v], 1 + test_random(&seed) % 300);
      for (uint32_t spin = test_random(&seed) % 20000; spin; spin--) atomic_signal_fence(memory_order_seq_cst);
      test_kill(victims[v]);
      if (v) test_reap(victims[v]);
    }
  }
  for (uint32_t i = 0; i < VICTIMS; i++) sum += shared->accepted[i];
  return sum;
}

static const message_range tiny = {MESSAGE_TAG, 64}, mixed = {MESSAGE_TAG, 2040}, large = {MESSAGE_TAG, 6000};

#endif

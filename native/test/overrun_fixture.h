/* overrun_fixture.h - what the tests of rings that drop messages share. */
#ifndef LIBIPC_OVERRUN_FIXTURE_H
#define LIBIPC_OVERRUN_FIXTURE_H

#include "overrun.h"
#include "ends.h"
#include "interpose.h"
#include "message.h"
#include "view.h"
#include "worker.h"

enum { CAPACITY = 4096, UNITS = CAPACITY / 8, RECORD = 16, MAX_ENDS = 8, VICTIMS = 8 * TEST_SCALE };

/* Where positions wrap: as signed numbers, as numbers, and at once. */
static const uint32_t starts[] = {0, 0x80000000u - 300, UINT32_MAX - 300, UINT32_MAX};

enum { STARTS = sizeof starts / sizeof starts[0] };

static __attribute__((unused)) uint8_t bytes[1 << 20];

static inline void fail_on_sleep(const char *call) {
  if (strcmp(call, "wait") == 0) FAIL("a sender waits");
}

typedef struct plan {
  uint32_t kind, capacity, senders, receivers, count, first_position; /* count: messages of each sender */
  message_range range;
  bool batches;
  test_form form;
} plan;

typedef struct board {
  _Atomic uint32_t ready, stop, enough, accepted[MESSAGE_SENDERS];
  _Atomic uint64_t total[MAX_ENDS];
} board;

static __attribute__((unused)) board *shared;

static __attribute__((unused)) plan now;

static __attribute__((unused)) uint32_t numbers[MESSAGE_SENDERS];

#endif

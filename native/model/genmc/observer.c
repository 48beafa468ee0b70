/*
 * observer.c - a receiver that no sender waits for, where overflow is to block: a sender writes over what it has not
 * read, and announces that first.
 *
 * The sender's plain stores into the ring are relaxed ones here, as stub.h makes them: for C11 they would be a race
 * with the loads of the observer (docs/atomics.md). One sender: with several, the order is that of the processor.
 *
 * config route -DMESSAGES=3 -DREADS=1 -DCOPY=8 -DOBSERVED -DINLINED three messages in a ring of two
 * config pauses -DMESSAGES=3 -DREADS=1 -DCOPY=8 -DOBSERVED -DPAUSES -DINLINED it pauses before it looks at head
 * threads long -DMESSAGES=200 -DREADS=150 -DCOPY=8 -DROUNDS=200 many
 */
#include "overrun_reading.h"

static void begin(void) {
  CLEAR(shared);
  CLEAR(body);
  CLEAR(sender);
  CLEAR(receiver);
  model_start_route(&shared, body, UNITS, &sender, &receiver);
  SET(receiver.slot->observer, 1);
  receiver.is_overrun = true;
}

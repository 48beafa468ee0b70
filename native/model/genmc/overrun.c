/*
 * overrun.c - a ring that is overwritten (drop-oldest): marks, the check after the copy, and the count of what was
 * lost.
 *
 * config messages -DMESSAGES=4 -DREADS=2 -DCOPY=8 -DINLINED four messages, two reads
 * config pauses -DMESSAGES=3 -DREADS=2 -DCOPY=8 -DPAUSES -DINLINED the receiver pauses before it looks at head
 */
#include "overrun_reading.h"

static void begin(void) {
  CLEAR(shared);
  CLEAR(body);
  CLEAR(sender);
  CLEAR(receiver);
  model_start_ring(&shared, UNITS, 1, 1);
  SET(shared.header.claim, 1);
  model_join_ring(&shared, &sender.segment, IPC_ROUTE, body, UNITS, 1, 1);
  sender.segment.overflow = IPC_DROP_OLDEST;
  model_be_sender(&sender, 0, 1, 2);
  sender.is_only = true;
  model_join_ring(&shared, &receiver.segment, IPC_ROUTE, body, UNITS, 1, 1);
  receiver.segment.overflow = IPC_DROP_OLDEST;
  model_be_receiver(&receiver, 0, 2, 3);
}

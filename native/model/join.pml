/*
 * Joining: a receiver comes while senders rely on a limit that they computed without it (slots.c: take_position,
 * ipc_slots_join_receiver, ipc_slots_gate; sender.c: look).
 *
 * Modelled: a sender and a receiver that joins at the head, or (OLDEST) at the oldest mark that is still whole, and then reads
 * all there is; announcements and marks (who joins at the head takes no notice of them); the limit on places that may be
 * taken. A ring of two units, records of one. A sender may be killed anywhere before head is stored: another begins
 * again from what the segment says; that is the same process here.
 * Abstracted: the claim (claim_lock.pml), so limit and head are the sender's own until others read them; positions do
 * not wrap (gate.pml); the marks' table is never full, and the check of a mark that is overwritten meanwhile left out;
 * recounting. Positions begin at 2.
 *
 * Invariant: a receiver's position is never more than a capacity below a limit that a sender relies on. So it reads
 * every record from its position on, whole.
 *
 * config HEAD -DJOINS_AT_HEAD at head
 * config OLDEST -DFROM_OLDEST at a mark
 * fault NO_FENCE_OF_JOINER in HEAD       between the place and the second look at head
 * fault NO_FENCE_OF_SENDER in HEAD       before the positions are read for the gate
 * fault NO_SECOND_LOOK in HEAD           the position stays the head seen before the place was visible
 * fault PLACES_AFTER_POSITION in HEAD    the gate may not look at the place until the position is taken
 * fault NO_FENCE_AFTER_MARK in OLDEST    between the mark's position and `announced`
 * fault NO_ANNOUNCED_CHECK in OLDEST     the oldest mark is taken as it is
 * fault ANNOUNCED_LATE in OLDEST         announced after the gate was computed
 * fault LIMIT_PAST_ANNOUNCED in OLDEST   announced less than the limit then is
 */
#define PROCESSES 2
#define WORDS 11
#define HEAD 0
#define ANNOUNCED 1
#define PLACES 2      /* receiver_slots_used */
#define INSTANCE 3
#define POSITION 4
#define SLOT 5        /* and 6 */
#define MARKS 7       /* how many */
#define MARK 8        /* 8, 9, 10: positions */
#include "memory.pml"

#define CAPACITY 2
#define FIRST 2
#define LAST 6

/* A sender, and one after another in its stead. */
proctype sender() {
  byte head = FIRST, limit = FIRST, room, used, marks, last_mark, ahead, announced = FIRST;
  do
  :: head == LAST -> break
  :: else ->
    if
    :: limit > head -> skip
    :: else ->
      /* look(): a mark, an announcement, a full fence, the gate */
      if :: ahead = 1 :: ahead = 2 fi; /* an eighth of the ring, or a record that is larger */
#ifdef FROM_OLDEST
      if
      :: marks < 3 && last_mark != head ->
        STORE(0, MARK + marks, head, false);
        STORE(0, MARKS, marks + 1, true);
        last_mark = head; marks++
      :: else
      fi;
#ifdef LIMIT_PAST_ANNOUNCED
      STORE(0, ANNOUNCED, head + 1, true);
#elif !defined(ANNOUNCED_LATE)
      if
      :: announced < head + ahead -> announced = head + ahead; STORE(0, ANNOUNCED, announced, true)
      :: else
      fi;
#endif
#endif
      if :: true -> skip :: true -> goto killed fi;
#ifndef NO_FENCE_OF_SENDER
      FENCE(0);
#endif
      used = 0;
      if
      :: LOAD(0, PLACES) == 0 -> skip
      :: else ->
        if
        :: LOAD(0, INSTANCE) == 0 -> skip
        :: else -> used = (LOAD(0, POSITION) < head -> head - LOAD(0, POSITION) : 0)
        fi
      fi;
      room = (used < CAPACITY -> CAPACITY - used : 0);
      room = (room < ahead -> room : ahead);
      if
      :: room > limit - head -> limit = head + room
      :: else
      fi;
#ifdef FROM_OLDEST
      announced = limit;
      STORE(0, ANNOUNCED, announced, false)
#endif
    fi;
    if
    :: limit > head ->
      STORE(0, SLOT + head % CAPACITY, head, false);
      if :: true -> skip :: true -> goto killed fi;
      STORE(0, HEAD, head + 1, true);
      head++
    :: else -> /* wait_for_space */
      LOAD(0, POSITION) + CAPACITY > head
    fi;
killed:
    room = 0; used = 0; ahead = 0
  od
}

proctype joiner() {
  byte position, head, at, count, announced;
  /* ipc_slots_join_receiver */
#ifndef PLACES_AFTER_POSITION
  STORE(1, PLACES, 1, true);
#endif
  head = LOAD(1, HEAD);
  STORE(1, POSITION, head, false);
  STORE(1, INSTANCE, 1, true); /* (1) */
#ifdef FROM_OLDEST
  count = LOAD(1, MARKS);
  do
  :: at == count -> break
  :: else ->
    position = LOAD(1, MARK + at);
    STORE(1, POSITION, position, true);
#ifndef NO_FENCE_AFTER_MARK
    FENCE(1); /* (2) */
#endif
    announced = LOAD(1, ANNOUNCED); /* (4) */
    if
#ifdef NO_ANNOUNCED_CHECK
    :: true -> goto joined
#else
    :: announced - position <= CAPACITY -> goto joined
    :: else
#endif
    fi;
    at++
  od;
#endif
#ifdef NO_SECOND_LOOK
  position = head;
#else
#ifndef NO_FENCE_OF_JOINER
  FENCE(1); /* (2) */
#endif
  position = LOAD(1, HEAD); /* (3) */
  STORE(1, POSITION, position, true);
#endif
#ifdef FROM_OLDEST
joined:
#endif
#ifdef PLACES_AFTER_POSITION
  STORE(1, PLACES, 1, true);
#endif
  head = 0; at = 0; count = 0; announced = 0;
  do
  :: position == LAST -> break
  :: LOAD(1, HEAD) > position ->
    atomic { at = LOAD(1, HEAD); assert(at - position <= CAPACITY); at = 0 }
    atomic { at = LOAD(1, SLOT + position % CAPACITY); assert(at == position); at = 0 }
    position++;
    STORE(1, POSITION, position, true)
  od
}

init {
  atomic {
    mem[HEAD] = FIRST; mem[ANNOUNCED] = FIRST;
    run sender(); run joiner()
  }
}

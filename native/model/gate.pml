/*
 * Publishing and the gate: sender_write.c (ipc_sender_claim, recompute_write_limit, publish), receiver_read.c (advance, publish),
 * slots.c (ipc_slots_gate).
 *
 * Modelled: two senders that share claim, head and limit (in TWO, one); a receiver (in TWO, two) that publishes its
 * position lazily; positions modulo 8 that begin shortly before they wrap; a ring of two units, records of one. In
 * LONG one sender sends so much that positions go all the way round while the other stands by. In SHORT a sender
 * is killed between any two steps, and the other takes the claim over.
 * Abstracted: padding; how waiters sleep (event.pml): they continue when there is something to do; which endpoints join and
 * goes (join.pml). A limit reaches as far as the gate allows.
 *
 * Invariant: every receiver reads every record, whole, in order: nothing is overwritten that a receiver has not read.
 * Nobody waits while there is room.
 *
 * config SHORT -DSENDS=3 -DOTHERS=2 -DRECEIVERS=1 -DKILLS kills
 * config TWO -DSENDS=5 -DOTHERS=0 -DRECEIVERS=2 two receivers
 * config LONG -DSENDS=9 -DOTHERS=2 -DRECEIVERS=1 the positions go round
 * fault RELAXED_HEAD in SHORT            head may be seen before the record
 * fault RELAXED_UNLOCK in SHORT          the claim may be free before head is seen
 * fault POSITION_BEFORE_READ in SHORT    published, or visible for lack of release, before the record is read
 * fault LIMIT_FIRST in SHORT             the limit is stored before the gate is known, and set right afterwards
 * fault NO_PUBLISH_AT_END in SHORT       a receiver that has read all there is keeps its position to itself
 * fault GATE_BY_MINIMUM in TWO           the lowest position as a number, not by its distance from head
 * fault PRIVATE_LIMIT in LONG            each sender keeps its own limit
 */
#define PROCESSES (2 + RECEIVERS)
#define WORDS 7
#define CLAIM 0
#define HEAD 1
#define LIMIT 2
#define POSITION 3 /* and 4 */
#define SLOT 5     /* and 6 */
#include "memory.pml"

#define CAPACITY 2
#define ROUND 8
#define FIRST 6
#define MINUS(a, b) (((a) + ROUND - (b)) % ROUND)

bool killed, is_gone; /* sender 1 */
#ifdef KILLS
bool can_kill = true;
#else
bool can_kill;
#endif

#ifdef RELAXED_HEAD
#define HEAD_ORDER false
#else
#define HEAD_ORDER true
#endif
#ifdef RELAXED_UNLOCK
#define UNLOCK_ORDER false
#else
#define UNLOCK_ORDER true
#endif

/* The units that receivers still need before head; a position past the head that is known counts as none. */
#define BEHIND(me, r, head) (MINUS(head, LOAD(me, POSITION + r)) < ROUND / 2 -> MINUS(head, LOAD(me, POSITION + r)) : 0)

inline find_gate(me) {
#ifdef GATE_BY_MINIMUM
  used = LOAD(me, POSITION);
#if RECEIVERS == 2
  atomic { if :: LOAD(me, POSITION + 1) < used -> used = LOAD(me, POSITION + 1) :: else fi }
#endif
  used = MINUS(head, used);
  if :: used >= ROUND / 2 -> used = 0 :: else fi
#else
  used = BEHIND(me, 0, head);
#if RECEIVERS == 2
  atomic { if :: BEHIND(me, 1, head) > used -> used = BEHIND(me, 1, head) :: else fi }
#endif
#endif
}

inline send(me) {
  do
  :: sent_one -> sent_one = false; break
  :: else ->
    atomic { (LOAD(me, CLAIM) == 0 || (LOAD(me, CLAIM) == 2 && is_gone)) -> used = LOAD(me, CLAIM) }
    COMPARE_SWAP(me, CLAIM, used, me + 1, false, has_claim);
    if
    :: !has_claim -> skip
    :: else ->
      head = LOAD(me, HEAD);
#ifdef PRIVATE_LIMIT
      room = MINUS(private, head);
#else
      room = MINUS(LOAD(me, LIMIT), head);
#endif
#ifdef PRIVATE_LIMIT
      if :: room > CAPACITY -> room = 0 :: else fi;
#endif
      if
      :: room > 0 -> skip
      :: else ->
#ifdef LIMIT_FIRST
        STORE(me, LIMIT, (head + CAPACITY) % ROUND, false);
#endif
        find_gate(me);
        room = (used < CAPACITY -> CAPACITY - used : 0);
#ifdef PRIVATE_LIMIT
        private = (head + room) % ROUND
#else
        STORE(me, LIMIT, (head + room) % ROUND, false)
#endif
      fi;
      if
      :: room > 0 ->
        STORE(me, SLOT + head % CAPACITY, head, false);
        STORE(me, HEAD, (head + 1) % ROUND, HEAD_ORDER);
        STORE(me, CLAIM, 0, UNLOCK_ORDER);
        sent_one = true
      :: else ->
        STORE(me, CLAIM, 0, UNLOCK_ORDER);
        /* wait_for_space: until the gate is another, or senders have moved head */
        (BEHIND(me, 0, LOAD(me, HEAD)) < CAPACITY
#if RECEIVERS == 2
         && BEHIND(me, 1, LOAD(me, HEAD)) < CAPACITY
#endif
        )
      fi;
      has_claim = false; room = 0; used = 0; head = 0
    fi
  od
}

proctype sender(byte me; byte count) {
  byte head, room, used, private = FIRST;
  bool has_claim, sent_one;
  {
    do
    :: count == 0 -> break
    :: else -> send(me); count--
    od
  } unless { me == 1 && killed };
  if
  :: me == 1 && killed -> atomic { IS_FENCED(1) -> is_gone = true }
  :: else
  fi
}

proctype receiver(byte me; byte number) {
  byte position = FIRST, head = FIRST, found;
end:
  do
  :: atomic { (position != head || LOAD(me, HEAD) != position) ->
       if :: position == head -> head = LOAD(me, HEAD) :: else fi }
    assert(MINUS(head, position) <= CAPACITY);
#ifdef POSITION_BEFORE_READ
    STORE(me, POSITION + number, (position + 1) % ROUND, true);
#endif
    atomic { found = LOAD(me, SLOT + position % CAPACITY); assert(found == position); found = 0 }
    position = (position + 1) % ROUND;
    /* when the run known to us ends, every so many units, or if a sender waits: here, at any time */
    if
#ifndef NO_PUBLISH_AT_END
    :: STORE(me, POSITION + number, position, true)
    :: position != head
#else
    :: position != head -> STORE(me, POSITION + number, position, true)
    :: true
#endif
    fi
  od
}

proctype killer() {
end:
  if
  :: d_step { can_kill -> killed = true; can_kill = false }
  :: true /* no process is killed */
  fi
}

init {
  atomic {
    mem[HEAD] = FIRST; mem[LIMIT] = FIRST; mem[POSITION] = FIRST; mem[POSITION + 1] = FIRST;
    run sender(0, SENDS); run sender(1, OTHERS); run receiver(2, 0);
#if RECEIVERS == 2
    run receiver(3, 1);
#endif
    run killer()
  }
}

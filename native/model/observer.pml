/*
 * Observers and loans: sender_write.c (sender_recompute_write_limit), overrun.c (ipc_overrun_found), loan.c (loans_begin,
 * loans_end), slots.c (ipc_slots_gate, ipc_slots_join_receiver).
 *
 * Modelled, COPY: two senders with a claim, of which the first may be killed anywhere; no receiver but an observer, which
 * copies the two halves of a record and then looks at `announced`. The announcement is raised, lowered to the limit after
 * the gate, and used by the other sender. A ring of two units, records of one.
 * Modelled, LOAN: a sender that goes on, and a lender that writes its loan after it was published, and ends it.
 * Modelled, SLOT: an observer leaves its slot, and an ordinary receiver takes it, while the sender computes the gate.
 * Abstracted: the claim's wait; marks; positions do not wrap (gate.pml). A process that the system reports as dead has all
 * its stores in memory.
 *
 * Invariant: what an observer gives out is one record. A loan is not overwritten while it is open. No record is overwritten
 * that a receiver needs which is no observer.
 *
 * config COPY -DCOPY
 * config LOAN -DLOAN
 * config SLOT -DSLOT
 * fault ANNOUNCED_LATE in COPY             announced after the limit was stored and used
 * fault LOWERED_TOO_FAR in COPY            to head, although the limit is further
 * fault CHECKED_EARLY in COPY              the observer looks at `announced` before the second half of the copy
 * fault LOAN_NOT_IN_GATE in LOAN           the gate does not look at the slots of senders
 * fault LOAN_FREED_EARLY in LOAN           the slot says that the loan has ended before it has
 * fault LOAN_SAID_LATE in LOAN             the slot says so after the loan was published and the claim released
 * fault OBSERVER_AFTER_INSTANCE in SLOT    the joiner says that it is no observer after its instance is visible
 */
#define PROCESSES 3
#define WORDS 10
#define CLAIM 0
#define HEAD 1
#define LIMIT 2
#define ANNOUNCED 3
#define LOW 4       /* 4, 5: one half of each unit of the ring */
#define HIGH 6      /* 6, 7: the other half */
#define HELD 8      /* a lender has an open loan; SLOT: the instance */
#define POSITION 9  /* …there; SLOT: 1 = observer */
#include "memory.pml"

#define CAPACITY 2
#define FIRST 2
#define LAST 6

bool is_killed, is_gone; /* sender 0 */

#ifdef COPY
/* A send of one record, under the claim. */
inline send(me) {
  atomic { (LOAD(me, CLAIM) == 0 || (LOAD(me, CLAIM) == 1 && is_gone)) -> old = LOAD(me, CLAIM) }
  COMPARE_SWAP(me, CLAIM, old, me + 1, false, has_claim);
  if
  :: !has_claim -> skip
  :: else ->
    head = LOAD(me, HEAD);
    if
    :: LOAD(me, LIMIT) > head -> skip
    :: else ->
      if :: ahead = 1 :: ahead = 2 fi;
#ifndef ANNOUNCED_LATE
      if :: LOAD(me, ANNOUNCED) < head + ahead -> STORE(me, ANNOUNCED, head + ahead, true) :: else fi;
#endif
      FENCE(me);
      /* The gate: nobody needs anything. The limit may stay behind what was announced. */
      if :: ahead > 1 -> ahead = 1 :: true fi;
      STORE(me, LIMIT, head + ahead, false);
#ifdef LOWERED_TOO_FAR
      STORE(me, ANNOUNCED, head, false)
#else
#ifndef ANNOUNCED_LATE
      STORE(me, ANNOUNCED, head + ahead, false)
#else
      skip
#endif
#endif
    fi;
    STORE(me, LOW + head % CAPACITY, head, false);
    STORE(me, HIGH + head % CAPACITY, head, false);
#ifdef ANNOUNCED_LATE
    STORE(me, ANNOUNCED, LOAD(me, LIMIT), true);
#endif
    STORE(me, HEAD, head + 1, true);
    STORE(me, CLAIM, 0, true);
    count--; has_claim = false
  fi;
  head = 0; ahead = 0; old = 0
}

proctype sender(byte me; byte count) {
  byte head, ahead, old;
  bool has_claim;
  {
    do
    :: count == 0 -> break
    :: else -> send(me)
    od
  } unless { me == 0 && is_killed };
  if
  :: me == 0 && is_killed -> atomic { IS_FENCED(0) -> is_gone = true }
  :: else
  fi
}

proctype killer() {
end:
  if
  :: true -> is_killed = true
  :: true
  fi
}

proctype observer() {
  byte position = FIRST, low, high, announced;
end:
  do
  :: LOAD(2, HEAD) > position ->
    low = LOAD(2, LOW + position % CAPACITY);
#ifdef CHECKED_EARLY
    announced = LOAD(2, ANNOUNCED);
#endif
    high = LOAD(2, HIGH + position % CAPACITY);
#ifndef CHECKED_EARLY
    announced = LOAD(2, ANNOUNCED);
#endif
    if
    :: announced - position <= CAPACITY -> assert(low == position && high == position); position++
    :: else -> position = LOAD(2, HEAD) /* a mark */
    fi;
    low = 0; high = 0; announced = 0
  od
}

init {
  atomic {
    mem[HEAD] = FIRST; mem[LIMIT] = FIRST; mem[ANNOUNCED] = FIRST;
    run sender(0, 1); run sender(1, 2); run observer(); run killer()
  }
}
#endif

#ifdef LOAN
/* Only this sender moves head after the loan; it has the claim as it needs it. */
proctype sender() {
  byte head, used;
  do
  :: LOAD(0, HEAD) == LAST -> break
  :: else ->
    atomic { LOAD(0, CLAIM) == 0 && CAN_SWAP(0, CLAIM) -> SWAP(0, CLAIM, 1, false) }
    head = LOAD(0, HEAD);
    if
    :: head == LAST -> skip
    :: else ->
      FENCE(0);
      used = 0;
#ifndef LOAN_NOT_IN_GATE
      if
      :: LOAD(0, HELD) == 1 -> used = (head > LOAD(0, POSITION) -> head - LOAD(0, POSITION) : 0)
      :: else
      fi;
#endif
      if
      :: used < CAPACITY ->
        STORE(0, LOW + head % CAPACITY, head, false);
        STORE(0, HEAD, head + 1, true)
      :: else
      fi
    fi;
    STORE(0, CLAIM, 0, true)
  od
}

proctype lender() {
  byte at;
  atomic { LOAD(1, CLAIM) == 0 && CAN_SWAP(1, CLAIM) -> SWAP(1, CLAIM, 2, false) }
  at = LOAD(1, HEAD);
  if
  :: at >= LAST - 1 -> STORE(1, CLAIM, 0, true)
  :: else ->
#ifndef LOAN_SAID_LATE
    STORE(1, POSITION, at, false);
    STORE(1, HELD, 1, false);
#endif
    STORE(1, HEAD, at + 1, true);
    STORE(1, CLAIM, 0, true);
#ifdef LOAN_SAID_LATE
    STORE(1, POSITION, at, false);
    STORE(1, HELD, 1, false);
#endif
#ifdef LOAN_FREED_EARLY
    STORE(1, HELD, 0, true);
#endif
    /* What lies there is ours until the loan ends: no later record. */
    d_step { buffers[1].count < 2 -> assert(LOAD(1, LOW + at % CAPACITY) <= at); PUT(1, LOW + at % CAPACITY, at, false) }
    assert(LOAD(1, LOW + at % CAPACITY) == at);
#ifndef LOAN_FREED_EARLY
    STORE(1, HELD, 0, true)
#endif
  fi
}

proctype last() {
end:
  /* All have ended: the ring has the last two records, not what the lender wrote over them. */
  atomic {
    LOAD(2, HEAD) == LAST && mem[CLAIM] == 0 && IS_FENCED(0) && IS_FENCED(1) && mem[HELD] == 0 && _nr_pr == 2 ->
      assert(mem[LOW + (LAST - 1) % CAPACITY] == LAST - 1 && mem[LOW + (LAST - 2) % CAPACITY] == LAST - 2)
  }
}

init {
  atomic {
    mem[HEAD] = FIRST; mem[LIMIT] = FIRST; mem[ANNOUNCED] = FIRST;
    run sender(); run lender(); run last()
  }
}
#endif

#ifdef SLOT
#define INSTANCE HELD
#define OBSERVER POSITION
#define ITS 5 /* the position of the slot */
bool is_there;
byte position;

proctype sender() {
  byte head = FIRST, limit, used, instance, observes;
  do
  :: head == LAST -> break
  :: else ->
    if
    :: limit > head -> skip
    :: else ->
      FENCE(0);
      instance = LOAD(0, INSTANCE);
      observes = LOAD(0, OBSERVER);
      used = 0;
      if
      :: instance != 0 && observes == 0 -> used = (head > LOAD(0, ITS) -> head - LOAD(0, ITS) : 0)
      :: else
      fi;
      if :: used < CAPACITY -> limit = head + CAPACITY - used :: else fi;
      used = 0; instance = 0; observes = 0
    fi;
    if
    :: limit > head ->
      /* The unit is overwritten: nobody may need what was there. */
      assert(!(is_there && head >= position + CAPACITY));
      STORE(0, HEAD, head + 1, true);
      head++
    :: else -> break /* it waits for the receiver, which does not move here */
    fi
  od
}

proctype joiner() {
  /* The observer leaves; the ordinary receiver takes its slot. */
  STORE(1, INSTANCE, 0, true);
  STORE(1, ITS, LOAD(1, HEAD), false);
#ifndef OBSERVER_AFTER_INSTANCE
  STORE(1, OBSERVER, 0, false);
#endif
  STORE(1, INSTANCE, 2, true);
#ifdef OBSERVER_AFTER_INSTANCE
  FENCE(1);
  position = LOAD(1, HEAD);
  STORE(1, ITS, position, true);
  is_there = true;
  STORE(1, OBSERVER, 0, false)
#else
  FENCE(1);
  atomic { position = LOAD(1, HEAD); is_there = true }
  STORE(1, ITS, position, true)
#endif
}

init {
  atomic {
    mem[HEAD] = FIRST; mem[INSTANCE] = 1; mem[OBSERVER] = 1; mem[ITS] = FIRST;
    run sender(); run joiner()
  }
}
#endif

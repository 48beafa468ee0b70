/*
 * The reader-writer lock (rwlock.c), on the turn (queued_lock.h).
 *
 * Modelled: process 0 writes, then reads; process 1 reads twice; process 2 writes, and reads in the same breath
 * what the others left. A reader says `held` and looks at the claim; a writer takes the claim and looks at every
 * `held`; `writing` tells of a writer that was killed inside. One process is killed between any two steps.
 * Abstracted: the wait queue (waits.pml): a waiter continues when the claim is free or its owner dead, and
 * the writer when no reader is left inside. A dead reader's slot is freed in one step. No reader enters twice.
 *
 * Invariant: no writer is inside together with anybody else, and all see what earlier writers wrote; after a
 * writer was killed inside, every lock reports it until a writer has unlocked; once a writer that waits
 * for readers has passed its fence, no new reader comes in, so it waits for those alone who are inside.
 *
 * fault NO_FENCE_OF_READER     between `held` and the claim
 * fault NO_FENCE_OF_WRITER     between the claim and `held`
 * fault NO_CLAIM_CHECK         a reader does not check whether a writer holds the claim
 * fault NO_WAIT_FOR_READERS    a writer goes in once it has the turn
 * fault TURN_BEFORE_HELD       a reader that took the turn gives it back before it says `held`
 * fault WRITING_AFTER_TURN     an unlocking writer clears `writing` after it gave the turn back
 * fault NO_WRITING             a writer does not say that it is inside
 * fault DEAD_READERS_STAY      the places of dead readers are not emptied
 */
#define PROCESSES 3
#define WORDS 7
#define CLAIM 0
#define WRITING 1
#define DATA 2 /* and 3: written one after the other; equal outside of writers */
#define HELD 4 /* and 5 and 6 */
#include "memory.pml"

bool killed[PROCESSES], is_gone[PROCESSES];
bool can_kill = true;
byte writers, readers;
byte truth;           /* what the last writer to come out wrote */
bool died_inside;     /* and no writer has unlocked since */
bool closed;          /* a writer has the turn and has passed its fence */

#define IS_FREE_TURN(me) (LOAD(me, CLAIM) == 0 || is_gone[LOAD(me, CLAIM) - 1])
#ifdef DEAD_READERS_STAY
#define HOLDS(me, p) (LOAD(me, HELD + p) > 0)
#else
#define HOLDS(me, p) (!is_gone[p] && LOAD(me, HELD + p) > 0)
#endif

inline take_turn(me) {
  do
  :: has_turn -> break
  :: else ->
    atomic { IS_FREE_TURN(me) -> owner_seen = LOAD(me, CLAIM) }
    atomic { CAN_SWAP(me, CLAIM) ->
      if :: mem[CLAIM] == owner_seen -> SWAP(me, CLAIM, me + 1, false); has_turn = true :: else fi;
      owner_seen = 0 }
  od;
  skip
}

inline give_turn(me) {
  d_step { buffers[me].count < 2 -> PUT(me, CLAIM, 0, true); has_turn = false; closed = false }
}

inline write(me) {
  take_turn(me);
#ifndef NO_FENCE_OF_WRITER
  FENCE(me);
  closed = true;
#endif
#ifndef NO_WAIT_FOR_READERS
  !HOLDS(me, 0) || me == 0;
  !HOLDS(me, 1) || me == 1;
  !HOLDS(me, 2) || me == 2;
#endif
  owner_seen = LOAD(me, WRITING);
  assert(!died_inside || owner_seen != 0);
#ifdef NO_WRITING
  atomic { is_inside = true; writers++ }
#else
  d_step { buffers[me].count < 2 -> PUT(me, WRITING, me + 1, false); is_inside = true; writers++; owner_seen = 0 }
#endif
  assert(writers == 1 && readers == 0);
  STORE(me, DATA, (truth + 1) % 4, false);
  STORE(me, DATA + 1, (truth + 1) % 4, false);
  assert(writers == 1 && readers == 0);
  d_step { is_inside = false; writers--; truth = (truth + 1) % 4; died_inside = false }
#ifdef WRITING_AFTER_TURN
  give_turn(me);
  STORE(me, WRITING, 0, true)
#else
  STORE(me, WRITING, 0, true);
  give_turn(me)
#endif
}

inline come_in(me) {
  STORE(me, HELD + me, 1, true);
#ifndef NO_FENCE_OF_READER
  FENCE(me);
#endif
  if
#ifdef NO_CLAIM_CHECK
  :: true -> skip
#else
  :: atomic { LOAD(me, CLAIM) == 0 -> assert(!closed) }
  :: LOAD(me, CLAIM) != 0 ->
    STORE(me, HELD + me, 0, true);
    take_turn(me);
#ifdef TURN_BEFORE_HELD
    give_turn(me);
    STORE(me, HELD + me, 1, true)
#else
    STORE(me, HELD + me, 1, true);
    give_turn(me)
#endif
#endif
  fi
}

inline read(me) {
  come_in(me);
  owner_seen = LOAD(me, WRITING);
  if
  :: owner_seen == 0 ->
    atomic { assert(!died_inside); is_inside = true; readers++ }
    assert(writers == 0);
    owner_seen = LOAD(me, DATA);
    assert(owner_seen == truth);
    owner_seen = LOAD(me, DATA + 1);
    assert(owner_seen == truth);
    atomic { readers--; is_inside = false; owner_seen = 0 }
  :: else -> owner_seen = 0 /* told that what is there may be half written */
  fi;
  STORE(me, HELD + me, 0, true)
}

proctype handle(byte me) {
  byte owner_seen;
  bool has_turn, is_inside;
  {
    if
    :: me == 0 -> write(0); read(0)
    :: me == 1 -> read(1); read(1)
    :: else -> write(2)
    fi
  } unless { killed[me] };
  if
  :: killed[me] ->
    atomic {
      IS_FENCED(me) -> is_gone[me] = true;
      if
      :: is_inside && has_turn -> writers--; died_inside = true
      :: is_inside && !has_turn -> readers--
      :: else
      fi;
      if :: has_turn -> closed = false :: else fi
    }
  :: else
  fi
}

proctype killer() {
end:
  if
  :: atomic { can_kill -> killed[0] = true; can_kill = false }
  :: atomic { can_kill -> killed[1] = true; can_kill = false }
  :: true /* no process is killed */
  fi
}

init {
  atomic { run handle(0); run handle(1); run handle(2); run killer() }
}

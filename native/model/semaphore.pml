/*
 * The robust semaphore (semaphore.c): `permits`, each handle's `held`, both under the claim lock.
 *
 * Modelled: take_robust, release_robust, recover and count_free with two permits. Process 0 takes one and
 * gives it back, twice; processes 1 and 2 do so once. Processes 0 and 1 are killed between
 * any two steps; one that finds no permit checks liveness and counts again. At the end process 2 does so, if there are
 * dead processes that none has noticed.
 * Abstracted: waiting (waits.pml; here one goes on when there is a permit or a death to find); the claim's
 * own waits (claim_lock.pml); a dead handle's place is emptied in one step.
 *
 * Invariant: the permits and what live handles hold are never more than there were initially; once the dead have been
 * found and counted they are exactly that, and every live handle has got what it asked for.
 *
 * fault NO_RECOVER             no process checks liveness
 * fault PERMITS_FIRST          a permit is given back before `held` says that it is no longer held
 * fault HELD_AFTER_UNLOCK      `held` says that a permit was taken once the claim is given back
 * fault COUNTED_OUTSIDE        counted without the claim lock
 * fault RELAXED_UNLOCK         the claim is given back without release
 * fault NOT_EVICTED            counted before the dead one's place is emptied
 */
#define PROCESSES 3
#define WORDS 5
#define CLAIM 0
#define PERMITS 1
#define HELD 2 /* and 3 and 4 */
#include "memory.pml"

#define INITIAL 2

bool killed[PROCESSES], is_gone[PROCESSES], is_evicted[PROCESSES];
byte kills = 2;
byte has[PROCESSES]; /* permits that a live process can rely on */

#ifdef RELAXED_UNLOCK
#define UNLOCK_ORDER false
#else
#define UNLOCK_ORDER true
#endif

#define UNFOUND ((is_gone[0] && !is_evicted[0]) || (is_gone[1] && !is_evicted[1]))

inline lock(me) {
  do
  :: is_locked -> break
  :: else ->
    atomic { (LOAD(me, CLAIM) == 0 || is_gone[LOAD(me, CLAIM) - 1]) -> value = LOAD(me, CLAIM) }
    atomic { CAN_SWAP(me, CLAIM) ->
      if :: mem[CLAIM] == value -> SWAP(me, CLAIM, me + 1, false); is_locked = true :: else fi;
      value = 0 }
  od;
  skip
}

inline unlock(me) {
  d_step { buffers[me].count < 2 -> PUT(me, CLAIM, 0, UNLOCK_ORDER); is_locked = false }
}

inline evict(me) {
  d_step {
    if :: is_gone[0] -> is_evicted[0] = true :: else fi;
    if :: is_gone[1] -> is_evicted[1] = true :: else fi
  }
}

inline recover(me) {
#ifndef NOT_EVICTED
  evict(me);
#endif
#ifndef COUNTED_OUTSIDE
  lock(me);
#endif
  value = INITIAL;
  if :: is_evicted[0] -> skip :: else -> value = value - (LOAD(me, HELD) < value -> LOAD(me, HELD) : value) fi;
  if :: is_evicted[1] -> skip :: else -> value = value - (LOAD(me, HELD + 1) < value -> LOAD(me, HELD + 1) : value) fi;
  value = value - (LOAD(me, HELD + 2) < value -> LOAD(me, HELD + 2) : value);
  STORE(me, PERMITS, value, false);
  value = 0;
#ifdef NOT_EVICTED
  evict(me);
#endif
#ifndef COUNTED_OUTSIDE
  unlock(me)
#endif
}

/* Takes one, waiting. */
inline acquire(me) {
  do
  :: got -> got = false; break
  :: else ->
#ifdef NO_RECOVER
    LOAD(me, PERMITS) > 0;
#else
    atomic { (LOAD(me, PERMITS) > 0 || UNFOUND) }
#endif
    if
    :: LOAD(me, PERMITS) > 0 ->
      lock(me);
      value = LOAD(me, PERMITS);
      if
      :: value > 0 ->
#ifndef HELD_AFTER_UNLOCK
        STORE(me, HELD + me, LOAD(me, HELD + me) + 1, false);
#endif
        d_step { buffers[me].count < 2 -> PUT(me, PERMITS, value - 1, false); has[me]++; got = true }
      :: else
      fi;
      value = 0;
      assert(has[0] + has[1] + has[2] <= INITIAL);
      unlock(me);
#ifdef HELD_AFTER_UNLOCK
      if :: got -> STORE(me, HELD + me, LOAD(me, HELD + me) + 1, false) :: else fi
#endif
#ifndef NO_RECOVER
    :: UNFOUND -> recover(me)
#endif
    :: else
    fi
  od;
  skip
}

inline give_back(me) {
  has[me]--;
  lock(me);
#ifdef PERMITS_FIRST
  value = LOAD(me, PERMITS);
  STORE(me, PERMITS, value + 1, false);
  unlock(me);
  STORE(me, HELD + me, LOAD(me, HELD + me) - 1, false)
#else
  STORE(me, HELD + me, LOAD(me, HELD + me) - 1, false);
  value = LOAD(me, PERMITS);
  STORE(me, PERMITS, value + 1, false);
  unlock(me)
#endif
}

proctype handle(byte me) {
  byte value;
  bool is_locked, got;
  {
    if
    :: me == 0 -> acquire(0); give_back(0); acquire(0); give_back(0)
    :: me == 1 -> acquire(1); give_back(1)
    :: else ->
      acquire(2); give_back(2);
      /* at the end: all others have gone on as far as they can */
      timeout;
#ifndef NO_RECOVER
      if :: UNFOUND -> recover(2) :: else fi;
#endif
      IS_FENCED(2);
      assert(mem[PERMITS] + has[0] + has[1] + has[2] == INITIAL)
    fi
  } unless { killed[me] };
  if
  :: killed[me] -> atomic { IS_FENCED(me) -> is_gone[me] = true; has[me] = 0 }
  :: else
  fi
}

proctype killer() {
end:
  do
  :: atomic { kills > 0 && !killed[0] -> killed[0] = true; kills-- }
  :: atomic { kills > 0 && !killed[1] -> killed[1] = true; kills-- }
  :: kills > 0 -> kills = 0 /* no other process is killed */
  od
}

init {
  atomic {
    mem[PERMITS] = INITIAL;
    run handle(0); run handle(1); run handle(2); run killer()
  }
}

/*
 * The claim lock (claim_lock.h, claim_lock.c): one word, the instance of its owner or 0.
 *
 * Modelled: ipc_claim_try_lock, ipc_claim_unlock and ipc_claim_take_over by three processes that lock,
 * one of them twice, and what the owner writes (head). Any of them is killed between any two steps, and
 * one comes back in its old place, with a new instance. Whether an owner is alive is asked in two steps,
 * as in ipc_slots_is_alive: whose place is it, is its thread there.
 * Abstracted: how waiters sleep (event.pml). Here one goes on when the word changes or its owner is dead.
 *
 * Invariant: no two live processes own the lock; an owner sees all that earlier owners wrote; a process that
 * is not killed gets the lock.
 *
 * fault NO_TAKE_OVER           no process takes the lock from a dead owner
 * fault NO_TAKE_OVER_CHECK     it is taken from any owner
 * fault TAKE_OVER_BY_STORE     taken over by a store instead of a swap from the dead owner's number
 * fault INSTANCE_USED_TWICE    a process that reuses a slot has the instance of the one before it
 * fault RELAXED_UNLOCK         given back without release
 */
#define PROCESSES 3
#define WORDS 2
#define CLAIM 0
#define HEAD 1
#include "memory.pml"

byte instance[PROCESSES];  /* of the slot in each place */
bool killed[PROCESSES];
bool is_gone[PROCESSES]; /* its thread is, which others can see */
byte inside;               /* live owners */
byte kills = 2;
byte next_instance = 4;
byte truth;                /* head, as the last owner left it */

#ifdef RELAXED_UNLOCK
#define UNLOCK_ORDER false
#else
#define UNLOCK_ORDER true
#endif

#define IS_DEAD(p) is_gone[p]
#define IS_GONE(i) ((instance[0] != (i) || IS_DEAD(0)) && (instance[1] != (i) || IS_DEAD(1)) && \
                    (instance[2] != (i) || IS_DEAD(2)))

proctype slot(byte me) {
  byte seen, place, rounds;
  bool done, dead, born_again;
again:
  {
    do
    :: rounds == (me == 0 -> 2 : 1) -> break
    :: else ->
      do
      :: done -> break
      :: else ->
        /* wait until there is something to do */
#ifdef NO_TAKE_OVER
        LOAD(me, CLAIM) == 0;
        seen = 0;
#else
        atomic { (LOAD(me, CLAIM) == 0 || LOAD(me, CLAIM) == instance[me] || IS_GONE(LOAD(me, CLAIM))) -> seen = LOAD(me, CLAIM) }
        seen = LOAD(me, CLAIM); /* by the time that it is read, another may have it */
#endif
        dead = false;
#ifndef NO_TAKE_OVER_CHECK
        if
        :: seen == 0 -> skip
        :: seen == instance[me] -> dead = true /* our own, though we do not hold it: damage */
        :: else ->
          atomic {
            place = 0;
            do :: place < 3 && instance[place] != seen -> place++ :: else -> break od;
            dead = place == 3
          }
          if
          :: dead -> skip /* no process has that instance any more */
          :: else -> dead = IS_DEAD(place)
          fi
        fi;
#else
        dead = true;
#endif
        if
        :: seen == 0 || dead ->
#ifdef TAKE_OVER_BY_STORE
          if
          :: seen != 0 -> atomic { CAN_SWAP(me, CLAIM) -> SWAP(me, CLAIM, instance[me], false); inside++; done = true }
          :: else -> atomic { CAN_SWAP(me, CLAIM) ->
              if :: mem[CLAIM] == 0 -> SWAP(me, CLAIM, instance[me], false); inside++; done = true :: else fi }
          fi
#else
          atomic { CAN_SWAP(me, CLAIM) ->
            if
            :: mem[CLAIM] == seen -> SWAP(me, CLAIM, instance[me], false); inside++; done = true
            :: else
            fi }
#endif
        :: else -> skip
        fi
      od;
      assert(inside == 1);
      place = LOAD(me, HEAD);
      assert(place == truth);
      atomic { buffers[me].count < 2 -> PUT(me, HEAD, (place + 1) % 4, false); truth = (place + 1) % 4 }
      assert(inside == 1);
      atomic { buffers[me].count < 2 -> PUT(me, CLAIM, 0, UNLOCK_ORDER); inside--; done = false; place = 0; seen = 0; rounds++ }
    od
  } unless { killed[me] };
  if
  :: killed[me] ->
    atomic {
      IS_FENCED(me) -> is_gone[me] = true;
      if :: done -> inside-- :: else fi;
      done = false; seen = 0; place = 0; dead = false
    }
    if
    :: me == 0 && !born_again -> /* its place is emptied, and taken by another */
      born_again = true;
      atomic {
        killed[me] = false; is_gone[me] = false;
#ifndef INSTANCE_USED_TWICE
        instance[me] = next_instance; next_instance++;
#endif
        rounds = 0
      }
      goto again
    :: else
    fi
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
    instance[0] = 1; instance[1] = 2; instance[2] = 3;
    run slot(0); run slot(1); run slot(2); run killer()
  }
}

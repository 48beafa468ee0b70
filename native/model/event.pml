/*
 * Sleeping and waking (event.h, event.c): a flag and a word.
 *
 * Modelled: ipc_event_prepare, ipc_event_sleep, ipc_event_notify and ipc_event_wake. Process 0 sleeps until
 * it has seen both changes; process 1, which notifies too, makes one and then waits for the other (but
 * for its first: so an exchange of the flag meets two notifiers and a second sleeper); process 2 makes
 * the other. In LOOP, process 0 is an event loop: it arms (ipc_event_arm) and waits for a datagram.
 * Abstracted: the system's wait compares and goes to sleep in one step, as futex does; the changes are
 * single words; the condition is just those.
 * A slice ends only when nothing else can happen at all, and only after a kill: without a kill every wake-up must
 * arrive without slices. A kill strikes a notifier between any two of its steps.
 *
 * That the bump comes after the clear follows from the exchange's acquire alone: with a bump that is
 * relaxed the model holds too.
 *
 * Invariant: no process keeps sleeping while its condition holds; after a kill, at most until a slice ends.
 *
 * config SLEEP -DTHREADS two sleeping threads, two notifiers
 * config LOOP -DEVENT_LOOP one of them an event loop
 * fault NO_FENCE_OF_WAITER in SLEEP      after the flag is set
 * fault NO_FENCE_OF_NOTIFIER in SLEEP    between the change and the flag
 * fault NO_RECHECK in SLEEP              the condition is not looked at again
 * fault WORD_READ_LATE in SLEEP          read after the condition instead of before the flag
 * fault CLEAR_AFTER_BUMP in SLEEP        the flag is cleared after the word changed
 * fault NO_SLICE in SLEEP                sleeps are not ended after a while
 * fault FLAG_BEFORE_ARMED in LOOP        the flag tells of wakers before the place is armed
 * fault NO_FENCE_OF_LOOP in LOOP         after the flag is set
 * fault NO_LOOP_RECHECK in LOOP          the condition is not looked at again
 */
#define PROCESSES 3
#define WORDS 5
#define FLAG 0
#define WORD 1
#define ARMED 2
#define CHANGES 3 /* and 4 */
#include "memory.pml"

#define SLEEPERS 1
#define WAKERS 2

bool asleep[2];
bool rung;
bool killed[PROCESSES];
bool can_kill = true;
byte running = 3;

#define WANTED(me) (LOAD(me, CHANGES) && LOAD(me, CHANGES + 1))

#ifdef NO_SLICE
#define SLICE false
#else
#define SLICE (timeout && !can_kill)
#endif

inline wait(me) {
  do
  :: WANTED(me) -> break
  :: else ->
#ifndef WORD_READ_LATE
    seen = LOAD(me, WORD);
#endif
    EXCHANGE(me, FLAG, old, old | SLEEPERS, false);
#ifndef NO_FENCE_OF_WAITER
    FENCE(me);
#endif
    if
#ifndef NO_RECHECK
    :: WANTED(me) -> break
#endif
    :: else ->
#ifdef WORD_READ_LATE
      seen = LOAD(me, WORD);
#endif
      if
      :: d_step { mem[WORD] == seen -> asleep[me] = true }
        if
        :: !asleep[me]
        :: SLICE -> asleep[me] = false
        fi
      :: mem[WORD] != seen
      fi
    fi
  od;
  seen = 0; old = 0
}

inline wait_in_loop(me) {
  do
  :: WANTED(me) -> break
  :: else ->
#ifdef FLAG_BEFORE_ARMED
    EXCHANGE(me, FLAG, old, old | WAKERS, true);
    EXCHANGE(me, ARMED, old, 1, true);
#else
    EXCHANGE(me, ARMED, old, 1, true);
    EXCHANGE(me, FLAG, old, old | WAKERS, true);
#endif
#ifndef NO_FENCE_OF_LOOP
    FENCE(me);
#endif
    if
#ifndef NO_LOOP_RECHECK
    :: WANTED(me) -> break
#endif
    :: else ->
      if
      :: d_step { rung -> rung = false }
      :: SLICE
      fi
    fi
  od;
  old = 0
}

/* Makes its change, and wakes the waiters. */
inline notify(me, change) {
  STORE(me, change, 1, true);
#ifndef NO_FENCE_OF_NOTIFIER
  FENCE(me);
#endif
  if
  :: LOAD(me, FLAG) == 0 -> skip
  :: else ->
#ifdef CLEAR_AFTER_BUMP
    wanted = LOAD(me, FLAG);
    if
    :: wanted & SLEEPERS ->
      EXCHANGE(me, WORD, old, (old + 1) % 8, true);
      d_step { IS_FENCED(me) -> asleep[0] = false; asleep[1] = false }
    :: else
    fi;
    EXCHANGE(me, FLAG, wanted, 0, false);
#else
    EXCHANGE(me, FLAG, wanted, 0, false);
    if
    :: wanted & SLEEPERS ->
      EXCHANGE(me, WORD, old, (old + 1) % 8, true);
      /* the system call is a barrier too: the bump has arrived */
      d_step { !IS_PENDING(me, WORD) -> asleep[0] = false; asleep[1] = false }
    :: else
    fi;
#endif
    if
    :: wanted & WAKERS ->
      if
      :: LOAD(me, ARMED) ->
        EXCHANGE(me, ARMED, old, 0, false);
        if :: old -> rung = true :: else fi
      :: else
      fi
    :: else
    fi
  fi;
  wanted = 0; old = 0
}

proctype sleeper() {
  byte seen, old;
#ifdef EVENT_LOOP
  wait_in_loop(0)
#else
  wait(0)
#endif
}

proctype both() {
  byte seen, old, wanted;
  {
    notify(1, CHANGES)
  } unless { killed[1] };
  if
  :: killed[1]
  :: else -> wait(1)
  fi
}

proctype notifier() {
  byte old, wanted;
  {
    notify(2, CHANGES + 1)
  } unless { killed[2] }
}

/* A killed process has made its change: a change that was not made cannot be missed. */
proctype killer() {
end:
  if
  :: d_step { mem[CHANGES] && can_kill -> killed[1] = true; can_kill = false }
  :: d_step { mem[CHANGES + 1] && can_kill -> killed[2] = true; can_kill = false }
  :: true /* no process is killed */
  fi
}

init {
  atomic { run sleeper(); run both(); run notifier(); run killer() }
}

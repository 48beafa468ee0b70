/*
 * Notifications of a Signal (signal.c): bits that others set and the owner clears, and an event (event.h).
 *
 * Modelled: ipc_signal_notify and ipc_signal_wait. Process 0 owns a slot, and takes its pending ids. Process 1 notifies
 * id 0 twice, process 2 notifies id 1 once; before each notification they write a value that belongs to it. In LOOP,
 * process 0 is an event loop: it arms and waits for a datagram. In SLEEP, a kill strikes process 1 after it has set a bit.
 * Abstracted: the search for slots (each notifier has found this one); two ids; the system's wait compares and goes to
 * sleep in one step, as futex does. A slice ends only when nothing else can happen at all, and only after a kill.
 *
 * Invariant: the owner takes each id after its last notification, with the value that was written before that. It does
 * not keep sleeping while an id is pending; after a kill, at most until a slice ends.
 *
 * config SLEEP -DTHREAD a thread that sleeps
 * config LOOP -DEVENT_LOOP an event loop
 * fault NO_FENCE_OF_NOTIFIER in SLEEP   between the bits and the flag
 * fault FLAG_FIRST in SLEEP             the notifier looks at the flag before it sets the bits
 * fault SET_RELAXED in SLEEP            the bits are set without release
 * fault SET_BY_STORE in SLEEP           a notifier reads the bits and stores them with one more
 * fault CLEARED_BY_STORE in SLEEP       the owner reads the bits and stores the rest
 * fault ALL_CLEARED in SLEEP            the owner clears all bits and takes one id
 * fault TAKEN_BEFORE_VALUE in SLEEP     the owner reads the value and clears the bit afterwards
 * fault NO_FENCE_OF_OWNER in SLEEP      after the flag is set
 * fault NO_RECHECK in SLEEP             the bits are not looked at again before the sleep
 * fault NO_SLICE in SLEEP               sleeps are not ended after a while
 * fault NO_FENCE_OF_LOOP in LOOP        after the flag is set
 * fault NO_LOOP_RECHECK in LOOP         the bits are not looked at again after arming
 */
#define PROCESSES 3
#define WORDS 6
#define FLAG 0
#define WORD 1
#define ARMED 2
#define PENDING 3
#define VALUES 4 /* and 5 */
#include "memory.pml"

#define SLEEPERS 1
#define WAKERS 2

bool asleep, rung;
#ifdef EVENT_LOOP
bool can_kill; /* event.pml kills where event loops wait */
#else
bool can_kill = true;
#endif
bool killed[PROCESSES];
/* Not of the protocol: for each id the last value with whose notification a bit was set, what the owner has seen with the
 * id, and whether its notifier does nothing more. */
byte last[2], seen[2];
bool over[2];

#define IS_OVER (over[0] && over[1] && seen[0] == last[0] && seen[1] == last[1])

#if defined(NO_SLICE) || defined(EVENT_LOOP)
#define SLICE false
#else
#define SLICE (timeout && !can_kill)
#endif

#ifdef SET_RELAXED
#define RELEASE false
#else
#define RELEASE true
#endif

/* Takes the id: the value is read after its bit is cleared. */
inline take(id) {
#ifdef TAKEN_BEFORE_VALUE
  seen[id] = LOAD(0, VALUES + id);
#endif
#ifdef CLEARED_BY_STORE
  STORE(0, PENDING, bits & ~(1 << id), true);
#else
#ifdef ALL_CLEARED
  EXCHANGE(0, PENDING, old, 0, false);
#else
  EXCHANGE(0, PENDING, old, old & ~(1 << id), false);
#endif
#endif
#ifndef TAKEN_BEFORE_VALUE
  seen[id] = LOAD(0, VALUES + id);
#endif
}

proctype listener() {
  byte bits, old, word;
  do
  :: IS_OVER -> break
  :: else ->
    bits = LOAD(0, PENDING);
    if
    :: bits & 1 -> take(0)
    :: bits & 2 -> take(1)
    :: bits == 0 ->
#ifdef EVENT_LOOP
      EXCHANGE(0, ARMED, old, 1, true);
      EXCHANGE(0, FLAG, old, old | WAKERS, true);
#ifndef NO_FENCE_OF_LOOP
      FENCE(0);
#endif
      if
#ifndef NO_LOOP_RECHECK
      :: LOAD(0, PENDING) != 0 -> skip
#endif
      :: else ->
        if
        :: d_step { rung -> rung = false }
        :: IS_OVER
        :: SLICE
        fi
      fi
#else
      word = LOAD(0, WORD);
      EXCHANGE(0, FLAG, old, old | SLEEPERS, false);
#ifndef NO_FENCE_OF_OWNER
      FENCE(0);
#endif
      if
#ifndef NO_RECHECK
      :: LOAD(0, PENDING) != 0 -> skip
#endif
      :: else ->
        if
        :: d_step { mem[WORD] == word -> asleep = true }
          if
          :: !asleep
          :: IS_OVER
          :: SLICE -> asleep = false
          fi
        :: mem[WORD] != word
        fi
      fi
#endif
    fi;
    bits = 0; old = 0; word = 0
  od
}

inline wake(me) {
  EXCHANGE(me, FLAG, wanted, 0, false);
  if
  :: wanted & SLEEPERS ->
    EXCHANGE(me, WORD, old, (old + 1) % 4, true);
    /* the system call is a barrier too: the increment has arrived */
    d_step { !IS_PENDING(me, WORD) -> asleep = false }
  :: else
  fi;
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
}

inline notify(me, id, number) {
  STORE(me, VALUES + id, number, false);
#ifdef FLAG_FIRST
  flag = LOAD(me, FLAG);
#endif
#ifdef SET_BY_STORE
  old = LOAD(me, PENDING);
  d_step { buffers[me].count < 2 -> PUT(me, PENDING, old | (1 << id), true); last[id] = number }
#else
  d_step {
    CAN_SWAP(me, PENDING) -> old = mem[PENDING];
    SWAP(me, PENDING, old | (1 << id), RELEASE); last[id] = number
  }
#endif
#ifndef NO_FENCE_OF_NOTIFIER
  FENCE(me);
#endif
#ifndef FLAG_FIRST
  flag = LOAD(me, FLAG);
#endif
  if
  :: flag == 0 -> skip
  :: else -> wake(me)
  fi;
  wanted = 0; old = 0; flag = 0
}

proctype notifier(byte me) {
  byte old, wanted, flag;
  {
    notify(me, me - 1, 1);
    if
    :: me == 1 -> notify(me, 0, 2)
    :: else
    fi
  } unless { killed[me] };
  over[me - 1] = true
}

proctype killer() {
end:
  if
  :: d_step { last[0] && can_kill -> killed[1] = true; can_kill = false }
  :: true /* it is not killed */
  fi
}

init {
  atomic { run listener(); run notifier(1); run notifier(2); run killer() }
}

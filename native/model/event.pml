/*
 * Sleeping and waking (event.h, event.c): a flag and a word.
 *
 * Modelled: ipc_event_prepare, ipc_event_sleep, ipc_event_notify and ipc_event_wake. Process 0 sleeps until
 * it has seen both changes; process 1, which notifies too, makes one and then waits for the other (but
 * for its first: so an exchange of the flag meets two notifiers and a second sleeper); process 2 makes
 * the other. In LOOP, process 0 is an event loop: it arms (ipc_event_arm) and waits for a datagram.
 * In READING, process 0 is a sender that waits until receivers have read (read_point.c, ipc_event_want_always): the flag
 * has a third bit and a number, left by an earlier wait. Process 1 is a receiver that has one message to read, and then
 * does nothing more: it publishes its position if its run ends or the flag is set. Process 2 notifies
 * (event_drop_always). It may send, as may process 0.
 * The word is bumped for event loops, too, which do not look at it: it counts wake-ups for list().
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
 * config READING -DREADING a sender that waits until a receiver has read
 * fault NO_FENCE_OF_WAITER in SLEEP      after the flag is set
 * fault NO_FENCE_OF_NOTIFIER in SLEEP    between the change and the flag
 * fault NO_RECHECK in SLEEP              the condition is not looked at again
 * fault WORD_READ_LATE in SLEEP          read after the condition instead of before the flag
 * fault CLEAR_AFTER_BUMP in SLEEP        the flag is cleared after the word changed
 * fault NO_SLICE in SLEEP                sleeps are not ended after a while
 * fault FLAG_BEFORE_ARMED in LOOP        the flag tells of wakers before the place is armed
 * fault NO_FENCE_OF_LOOP in LOOP         after the flag is set
 * fault NO_LOOP_RECHECK in LOOP          the condition is not looked at again
 * fault CLEARED_BLINDLY in READING       the third bit is cleared although a sender may have set it again meanwhile
 * fault SAME_NUMBER in READING           a wait that begins does not change the number
 * fault FLAG_BEFORE_SLOT in READING      a sender sets the flag before the bit of its slot
 * fault POINT_BEFORE_FLAG in READING     a sender loads head before receivers have to see the flag
 * fault NO_FENCE_OF_POINT in READING     between the flag and head
 * fault THIRD_BIT_CLEARED in READING     each notifier clears the third bit
 */
#define PROCESSES 3
#define WORDS 5
#define FLAG 0
#define WORD 1
#define ARMED 2
#define CHANGES 3 /* and 4 */
#define HEAD 3
#define POSITION 4
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
    :: wanted ->
      EXCHANGE(me, WORD, old, (old + 1) % 8, true);
      if
      :: wanted & SLEEPERS ->
        /* the system call is a barrier too: the bump has arrived */
        d_step { !IS_PENDING(me, WORD) -> asleep[0] = false; asleep[1] = false }
      :: else
      fi
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

#ifdef READING
#define ALWAYS 4
#define NUMBER 8

/* Process 0: the point is head. */
inline wait_until_read() {
#ifdef POINT_BEFORE_FLAG
  point = LOAD(0, HEAD);
#endif
#ifndef FLAG_BEFORE_SLOT
  EXCHANGE(0, ARMED, old, 1, false);
#endif
  do
  :: old = LOAD(0, FLAG);
#ifdef SAME_NUMBER
    COMPARE_SWAP(0, FLAG, old, (old & (SLEEPERS | WAKERS)) | ALWAYS | NUMBER, true, done);
#else
    COMPARE_SWAP(0, FLAG, old, (old & (SLEEPERS | WAKERS)) | ALWAYS | 2 * NUMBER, true, done);
#endif
    if :: done -> break :: else fi
  od;
  skip; /* a loop does not end in a d_step */
#ifdef FLAG_BEFORE_SLOT
  EXCHANGE(0, ARMED, old, 1, false);
#endif
#ifndef NO_FENCE_OF_POINT
  FENCE(0);
#endif
#ifndef POINT_BEFORE_FLAG
  point = LOAD(0, HEAD);
#endif
  if :: point == 1 -> STORE(0, HEAD, 2, true) :: true fi;
  do
  :: point == 2 -> break /* it would wait for what is not modelled */
  :: LOAD(0, POSITION) >= point -> break
  :: else ->
    seen = LOAD(0, WORD);
    EXCHANGE(0, FLAG, old, old | SLEEPERS, false);
    FENCE(0);
    if
    :: LOAD(0, POSITION) >= point -> break
    :: else ->
      if
      :: d_step { mem[WORD] == seen -> asleep[0] = true }
        if
        :: !asleep[0]
        :: SLICE -> asleep[0] = false
        fi
      :: mem[WORD] != seen
      fi
    fi
  od
}

inline wake_the_sender(me) {
  if
  :: LOAD(me, FLAG) == 0 -> skip
  :: else ->
#ifdef THIRD_BIT_CLEARED
    EXCHANGE(me, FLAG, wanted, 0, false);
#else
    EXCHANGE(me, FLAG, wanted, wanted & ~(SLEEPERS | WAKERS), false);
#endif
    if
    :: wanted & ALWAYS ->
      if
      :: LOAD(me, ARMED) -> skip
      :: else ->
#ifdef CLEARED_BLINDLY
        EXCHANGE(me, FLAG, old, old & (SLEEPERS | WAKERS), false);
        if :: LOAD(me, ARMED) -> EXCHANGE(me, FLAG, old, old | ALWAYS, true) :: else fi
#else
        COMPARE_SWAP(me, FLAG, wanted & ~(SLEEPERS | WAKERS), 0, false, done)
#endif
      fi
    :: else
    fi;
    if
    :: wanted & SLEEPERS ->
      EXCHANGE(me, WORD, old, (old + 1) % 8, true);
      d_step { !IS_PENDING(me, WORD) -> asleep[0] = false }
    :: else
    fi
  fi
}

proctype waiting_sender() {
  byte seen, old, point;
  bool done;
  wait_until_read()
}

proctype receiver() {
  byte head, old, wanted;
  bool done;
  head = LOAD(1, HEAD);
  if
  :: head == 1 || LOAD(1, FLAG) != 0 ->
    STORE(1, POSITION, 1, true);
    FENCE(1);
    wake_the_sender(1)
  :: else
  fi
}

proctype other() {
  byte old, wanted;
  bool done;
  if
  :: STORE(2, HEAD, 2, true)
  :: true
  fi;
  {
    wake_the_sender(2)
  } unless { killed[2] };
  if
  :: STORE(2, HEAD, 2, true)
  :: true
  fi
}

proctype other_killer() {
end:
  if
  :: d_step { can_kill -> killed[2] = true; can_kill = false }
  :: true
  fi
}

init {
  atomic {
    mem[HEAD] = 1;
    mem[FLAG] = ALWAYS | NUMBER;
    run waiting_sender(); run receiver(); run other(); run other_killer()
  }
}
#else
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
#endif

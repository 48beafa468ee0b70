/*
 * The latest value (latest_value.c, and locks/latest.ts in TypeScript): writers that publish, a reader, a wait for a change.
 *
 * Modelled, COPY: ipc_latest_set by two writers, ipc_latest_get twice: a reader that copies, checks, and pins if it has to.
 * Two buffers are in use, and a third one if the reader has pinned one; a value has two halves. The first writer or the
 * reader is killed between any two steps. The other writer takes the claim over from a dead one.
 * Modelled, PIN: the same, with a reader that pins at once, as after copies without success.
 * Modelled, WAIT: the same writers, without contents, and a process that waits for a change (ipc_latest_enter,
 * ipc_handle_sleep) again and again; ipc_waits_notify_all. A writer notifies after it has released the claim, or under
 * it, as in an update. The first writer is killed between any two steps.
 * Abstracted: the queue of the writers (waits.pml): a writer goes on when the claim is free or its owner dead. One pin:
 * the harness latest_value of genmc has two. The slots of the dead are not emptied; the death of a writer ends a wait when
 * a slice ends, see `deaths` in waits.h. Versions do not wrap. `current` is one word; TypeScript loads it in halves until both
 * belong together. A slice ends only when nothing else can happen at all, and only after a kill.
 *
 * Invariant: what is got was published, whole, with its version, and versions do not go back; no get waits. Each version is
 * published once, and each writer that is not killed ends. No process keeps waiting for a change that has come; after a kill, at
 * most until one slice ends.
 *
 * config COPY -DREADING -DGETS=2 copies, kills
 * config PIN -DREADING -DPINNING_AT_ONCE -DGETS=1 pins, kills
 * config WAIT -DWAITING_FOR_CHANGE waits, kills
 * fault CURRENT_RELAXED in COPY      `current` is stored without release
 * fault VERSION_KEPT in COPY         a buffer keeps its version while it is written
 * fault NO_FENCE_OF_WRITER in COPY   between the version 0 and the bytes
 * fault NOT_CHECKED in COPY          a reader does not compare the version after the copy
 * fault IN_PLACE in COPY             a writer writes into the current buffer
 * fault PUBLISHED_FIRST in COPY      `current` is stored before the value is whole
 * fault PINS_IGNORED in PIN          a writer does not look at pins
 * fault NOT_HELPED in PIN            a writer leaves a reader alone that wants a pin
 * fault PIN_RELEASED in PIN          the pin is stored with release only
 * fault COUNTED_LATE in PIN          `pinning` is raised after the pin
 * fault UNPINNED_EARLY in PIN        a reader drops its pin before it copies
 * fault RELAXED_UNLOCK in COPY       the claim may be free before `current` is seen
 * fault NO_TAKE_OVER in COPY         no writer takes the claim over from a dead one
 * fault NO_RECHECK in WAIT           the version is not looked at again after entering
 * fault NO_FENCE_OF_WAITER in WAIT   after the wait is in the table
 * fault PUBLISH_RELEASED in WAIT     `current` and `waiting` have no order
 * fault NOTIFIED_FIRST in WAIT       a writer looks for waits before it publishes
 * fault NO_SLICE in WAIT             sleeps are not ended after a while
 */
#define PROCESSES 3
#define CLAIM 0
#define CURRENT 1 /* version * 4 + buffer */
#ifdef READING
#define WORDS 14
#define PINNING 2
#define PIN 3
#define BUFFERS 4
#define VERSION 5 /* 5, 6, 7 */
#define LOW 8     /* 8, 9, 10: one half of each value */
#define HIGH 11   /* 11, 12, 13: the other half */
#else
#define WORDS 5
#define WAITING 2
#define TICKET 3
#define STATE 4
#endif
#include "memory.pml"

#define VERSION_OF(current) ((current) / 4)
#define BUFFER_OF(current) ((current) % 4)
#define NONE 0
#define WANTED 1
#define PINNED 2 /* + the buffer */

#define TAG(state) ((state) & 3)
#define IDLE 0
#define IS_WAITING 1
#define NOTIFIED 2
#define IS_OLDER(a, b) ((((a) & 28) - ((b) & 28) + 32) % 32 >= 16)

bool killed[PROCESSES], is_gone[PROCESSES];
bool can_kill = true;
bool over[PROCESSES];
bool asleep;
/* Not of the protocol: the version that was published last, and the value of each version. */
byte last = 1;
byte truth[6];

/* A sequentially consistent load: it comes after the sequentially consistent stores of its process. */
#ifdef READING
#define IN_ORDER(p) (!IS_PENDING(p, CURRENT) && !IS_PENDING(p, PIN) && !IS_PENDING(p, PINNING))
#else
#define IN_ORDER(p) (!IS_PENDING(p, CURRENT) && !IS_PENDING(p, CLAIM))
#endif

#ifdef NO_TAKE_OVER
#define IS_FREE_CLAIM(me) (LOAD(me, CLAIM) == 0)
#else
#define IS_FREE_CLAIM(me) (LOAD(me, CLAIM) == 0 || is_gone[LOAD(me, CLAIM)])
#endif
#ifdef RELAXED_UNLOCK
#define UNLOCK_ORDER false
#else
#define UNLOCK_ORDER true
#endif
#ifdef CURRENT_RELAXED
#define CURRENT_ORDER false
#else
#define CURRENT_ORDER true
#endif
#ifdef NO_FENCE_OF_WRITER
#define FENCED false
#else
#define FENCED true
#endif

inline take_claim(me) {
  do
  :: has_claim -> break
  :: else ->
    atomic { IS_FREE_CLAIM(me) -> seen = LOAD(me, CLAIM) }
    COMPARE_SWAP(me, CLAIM, seen, me, false, has_claim)
  od
}

inline release_claim(me) {
  d_step { buffers[me].count < 2 -> PUT(me, CLAIM, 0, UNLOCK_ORDER); has_claim = false; seen = 0 }
}

inline publish(me) {
  d_step {
    buffers[me].count < 2 ->
      PUT(me, CURRENT, (VERSION_OF(current) + 1) * 4 + index, CURRENT_ORDER);
      assert(VERSION_OF(current) == last);
      last++;
      truth[last] = last * 4 + me
  }
}

#ifdef READING
/* Steps 2 and 3: the next buffer that is neither the current one nor pinned. */
inline take_buffer(me) {
#ifdef IN_PLACE
  index = BUFFER_OF(current);
#else
  index = (BUFFER_OF(current) + 1) % LOAD(me, BUFFERS);
#endif
#ifndef PINS_IGNORED
  IN_ORDER(me);
  if
  :: LOAD(me, PINNING) == 0 -> skip
  :: else ->
    pin = LOAD(me, PIN);
    if
#ifndef NOT_HELPED
    :: pin == WANTED ->
      atomic { CAN_SWAP(me, PIN) ->
        if
        :: mem[PIN] == WANTED -> SWAP(me, PIN, PINNED + BUFFER_OF(current), true); pin = NONE
        :: else -> pin = mem[PIN]
        fi }
#endif
    :: else
    fi;
    if
    :: pin == PINNED + index ->
      index = (index + 1) % LOAD(me, BUFFERS);
      if
      :: index == BUFFER_OF(current) -> index = 2; STORE(me, BUFFERS, 3, false)
      :: else
      fi
    :: else
    fi;
    pin = 0
  fi
#endif
}

inline set(me) {
  take_claim(me);
  current = LOAD(me, CURRENT);
  take_buffer(me);
#ifdef PUBLISHED_FIRST
  publish(me);
#endif
#ifndef VERSION_KEPT
  STORE(me, VERSION + index, 0, false);
#endif
  STORE(me, LOW + index, (VERSION_OF(current) + 1) * 4 + me, FENCED);
  STORE(me, HIGH + index, (VERSION_OF(current) + 1) * 4 + me, false);
  STORE(me, VERSION + index, VERSION_OF(current) + 1, false);
#ifndef PUBLISHED_FIRST
  publish(me);
#endif
  release_claim(me);
  current = 0; index = 0
}

inline get_pinned() {
#ifndef COUNTED_LATE
  EXCHANGE(0, PINNING, old, old + 1, true);
#endif
  STORE(0, PIN, WANTED, true);
#ifndef PIN_RELEASED
  IN_ORDER(0);
#endif
  current = LOAD(0, CURRENT);
  atomic { CAN_SWAP(0, PIN) ->
    if
    :: mem[PIN] == WANTED -> pin = PINNED + BUFFER_OF(current); SWAP(0, PIN, pin, false)
    :: else -> pin = mem[PIN]
    fi }
#ifdef COUNTED_LATE
  EXCHANGE(0, PINNING, old, old + 1, true);
#endif
#ifdef UNPINNED_EARLY
  STORE(0, PIN, NONE, true);
#endif
  version = LOAD(0, VERSION + pin - PINNED);
  low = LOAD(0, LOW + pin - PINNED);
  high = LOAD(0, HIGH + pin - PINNED);
#ifndef UNPINNED_EARLY
  STORE(0, PIN, NONE, true);
#endif
  EXCHANGE(0, PINNING, old, old - 1, true);
  pin = 0; old = 0
}

proctype reader() {
  byte current, version, low, high, pin, old, got = 1, gets;
  {
    do
    :: gets == GETS -> break
    :: else ->
#ifdef PINNING_AT_ONCE
      get_pinned();
#else
      current = LOAD(0, CURRENT);
      low = LOAD(0, LOW + BUFFER_OF(current));
      high = LOAD(0, HIGH + BUFFER_OF(current));
      version = LOAD(0, VERSION + BUFFER_OF(current));
#ifdef NOT_CHECKED
      version = VERSION_OF(current);
#endif
      if
      :: version != VERSION_OF(current) -> get_pinned()
      :: else
      fi;
#endif
      assert(version >= got && low == truth[version] && high == truth[version]);
      atomic { got = version; gets++; current = 0; version = 0; low = 0; high = 0 }
    od
  } unless { killed[0] }
}
#endif

#ifdef WAITING_FOR_CHANGE
/* After the change: `current` and this load of `waiting` are sequentially consistent. */
inline notify_all(me) {
#ifndef PUBLISH_RELEASED
  IN_ORDER(me);
#endif
  if
  :: LOAD(me, WAITING) == 0 -> skip
  :: else ->
    FENCE(me);
    end = LOAD(me, TICKET);
    state = LOAD(me, STATE);
    if
    :: TAG(state) == IS_WAITING && IS_OLDER(state, end) ->
      COMPARE_SWAP(me, STATE, state, (state & 28) | NOTIFIED, true, done);
      if
      :: done -> atomic { IS_FENCED(me) -> asleep = false; done = false }
      :: else
      fi
    :: else
    fi;
    end = 0; state = 0
  fi
}

inline set(me) {
  take_claim(me);
  current = LOAD(me, CURRENT);
#ifdef NOTIFIED_FIRST
  notify_all(me);
#endif
  publish(me);
  if
  :: me == 1 -> release_claim(me)
  :: else
  fi;
#ifndef NOTIFIED_FIRST
  notify_all(me);
#endif
  if
  :: has_claim -> release_claim(me)
  :: else
  fi;
  current = 0
}

#define IS_OVER (over[1] && over[2] && got == last)
#ifdef NO_SLICE
#define SLICE false
#else
#define SLICE (timeout && !can_kill)
#endif

proctype waiter() {
  byte got = 1, old, state;
  bool is_sliced;
  do
  :: IS_OVER -> break
  :: else ->
    EXCHANGE(0, WAITING, old, old + 1, false);
    EXCHANGE(0, TICKET, state, (state + 4) % 32, false);
    STORE(0, STATE, state | IS_WAITING, true);
#ifndef NO_FENCE_OF_WAITER
    FENCE(0);
#endif
    if
#ifndef NO_RECHECK
    :: VERSION_OF(LOAD(0, CURRENT)) != got -> skip
#endif
    :: else ->
      state = LOAD(0, STATE);
      if
      :: TAG(state) != IS_WAITING -> skip
      :: else ->
        if
        :: d_step { mem[STATE] == state -> asleep = true }
          if
          :: !asleep
          :: IS_OVER
          :: SLICE -> assert(!is_sliced); is_sliced = true /* one is enough: all others have ended */
          fi;
          asleep = false
        :: mem[STATE] != state
        fi
      fi
    fi;
    EXCHANGE(0, STATE, state, IDLE, false);
    EXCHANGE(0, WAITING, old, old - 1, false);
    atomic {
      IS_FENCED(0) && VERSION_OF(LOAD(0, CURRENT)) >= got -> got = VERSION_OF(LOAD(0, CURRENT));
      old = 0; state = 0
    }
  od
}
#endif

proctype writer(byte me; byte sets) {
  byte current, index, seen;
#ifdef READING
  byte pin;
#else
  byte state, end;
  bool done;
#endif
  bool has_claim;
  {
    do
    :: sets == 0 -> break
    :: else -> set(me); sets--
    od
  } unless { killed[me] };
  atomic {
    IS_FENCED(me) -> over[me] = true;
    if :: killed[me] -> is_gone[me] = true :: else fi
  }
}

proctype killer() {
end:
  if
  :: d_step { can_kill -> killed[1] = true; can_kill = false }
#ifdef READING
  :: d_step { can_kill -> killed[0] = true; can_kill = false }
#endif
  :: true /* no process is killed */
  fi
}

init {
  atomic {
    mem[CURRENT] = 4; truth[1] = 7;
#ifdef READING
    mem[BUFFERS] = 2; mem[VERSION] = 1; mem[LOW] = 7; mem[HIGH] = 7;
    run reader();
#else
    run waiter();
#endif
    run writer(1, 1); run writer(2, 1); run killer()
  }
}

/*
 * The table of waits (waits.h, waits.c) and what waits in it: a mutex (queued_lock.c), a semaphore that is not robust
 * (semaphore.c), a condition (condition.c), by ipc_handle_wait_for and ipc_handle_sleep (handle.c).
 *
 * Modelled: enter, renew, sleep, leave, forget and notify_some of one; tickets that wrap; a process killed between
 * any two steps, and then found by those whose slice is over. MUTEX: three processes lock, and one of them gives up at
 * any moment, or one is killed. SEMAPHORE: two take a permit each, the third releases one, then another. CONDITION: two
 * take an item each, and the third puts one or two there. CLOSE: it puts one there and leaves (ipc_slots_leave).
 * Abstracted: a place of the table is taken in one step; of the mutex, the table is looked through in one step (of
 * the others place by place); the condition's mutex is a bit; taking the dead out is a few steps, under the name lock;
 * notify_all; event loops wait in the same table, and only sleep elsewhere.
 * A slice ends only when nothing else can happen, and only after a kill.
 *
 * Invariant: no wait keeps sleeping while what it waits for is there and no other wait was notified for it; a mutex has one
 * owner; after a kill the survivors get on with the end of a slice.
 *
 * config MUTEX -DIS_MUTEX the turn; one may give up
 * config MUTEX_KILL -DIS_MUTEX -DIS_KILLING the turn; one may be killed
 * config SEMAPHORE -DIS_SEMAPHORE two permits, one after another
 * config CONDITION -DIS_CONDITION notified once for each item
 * config CLOSE -DIS_CONDITION -DIS_CLOSING one item; the notifier closes, finds the dead and is killed meanwhile
 * fault NO_FENCE_OF_WAITER in MUTEX      after the wait is in the table
 * fault NO_FENCE_OF_NOTIFIER in MUTEX    before `waiting` is read
 * fault NO_FENCE_IN_RENEW in SEMAPHORE   after a notified wait waits again
 * fault NO_RECHECK in MUTEX              no attempt between entering and sleeping
 * fault COUNTED_LATE in MUTEX            `waiting` is raised after the fence
 * fault NO_PASS_ON in MUTEX              who gives up keeps its notification
 * fault NO_PASS_ON_OF_THE_REST in SEMAPHORE   a handle that got a permit keeps the notification of another
 * fault NOTIFIED_BY_STORE in SEMAPHORE   a store instead of a swap of the state that was seen
 * fault NO_SLICE in MUTEX_KILL           sleeps are not ended after a while
 * fault NO_DEATHS in CONDITION           a death is not taken for a notification
 * fault DEATH_COUNTED_LAST in CLOSE      once the dead one's place is empty: killed before that, it is never counted
 */
#define PROCESSES 3
#define WORDS 6
#define LOCK 0 /* the mutex's claim, or the permits */
#define WAITING 1
#define TICKET 2
#define STATE 3 /* and 4 and 5 */
#include "memory.pml"

#define IDLE 0
#define IS_WAITING 1
#define NOTIFIED 2
#define TAG(state) ((state) & 3)
#define IS_OLDER(a, b) ((((a) & 28) - ((b) & 28) + 32) % 32 >= 16)

byte place_of[3];       /* of each process in the table; 3: none */
byte holder[3];         /* of each place of the table: 1 + process */
bool asleep[3];
bool killed[3], is_gone[3], is_evicted[3];
bool can_kill = true;
byte inside;
byte deaths;
byte slices;
bool mutex;             /* the condition's */
byte items;
byte name;              /* 1 + the process that holds the name lock */

#ifdef IS_KILLING
#define GIVES_UP false
#else
#define GIVES_UP true
#endif

#ifdef NO_SLICE
#define SLICE false
#else
#define SLICE (timeout && !can_kill)
#endif

#ifdef IS_CONDITION
/* While there is nothing to be had they sleep on. */
#define SLICE_OVER if :: items > 0 -> slices++; assert(slices <= 3) :: else fi
#else
#define SLICE_OVER slices++; assert(slices <= 3)
#endif

inline enter(me) {
  atomic {
    place = 0;
    do :: holder[place] != 0 -> place++ :: else -> break od;
    holder[place] = me + 1
  }
#ifndef COUNTED_LATE
  EXCHANGE(me, WAITING, state, state + 1, false);
#endif
  EXCHANGE(me, TICKET, state, (state + 4) % 32, false);
  STORE(me, STATE + place, state | IS_WAITING, true);
#ifndef NO_FENCE_OF_WAITER
  FENCE(me);
#endif
#ifdef COUNTED_LATE
  EXCHANGE(me, WAITING, state, state + 1, false)
#endif
}

inline leave(me) {
  EXCHANGE(me, STATE + place, state, IDLE, false);
  EXCHANGE(me, WAITING, end, end - 1, false);
  atomic { IS_FENCED(me) -> holder[place] = 0; end = 0; place = 3 } /* release */
}

/* Until notified, or a slice is over. */
inline sleep(me) {
  state = LOAD(me, STATE + place);
  if
  :: TAG(state) != IS_WAITING -> skip
  :: else ->
    if
    :: d_step { mem[STATE + place] == state -> asleep[me] = true }
      if
      :: !asleep[me]
      :: SLICE -> asleep[me] = false; SLICE_OVER
#ifdef IS_CONDITION
      :: timeout && items == 0 -> goto over /* nothing comes any more */
#endif
      fi
    :: mem[STATE + place] != state
    fi
  fi
}

inline notify_one(me) {
#ifndef NO_FENCE_OF_NOTIFIER
  FENCE(me);
#endif
  if
  :: LOAD(me, WAITING) == 0 -> skip
  :: else ->
    end = LOAD(me, TICKET);
    do
    :: true ->
      at = 0; oldest = 3;
#ifdef IS_MUTEX
      atomic {
#endif
      do
      :: at == 3 -> break
      :: else ->
        atomic {
          state = LOAD(me, STATE + at);
          if
          :: TAG(state) == IS_WAITING && IS_OLDER(state, end) && (oldest == 3 || IS_OLDER(state, oldest_state)) ->
            oldest = at; oldest_state = state
          :: else
          fi;
          at++
        }
      od;
#ifdef IS_MUTEX
      }
#endif
      if
      :: oldest == 3 -> break
      :: else ->
#ifdef NOTIFIED_BY_STORE
        STORE(me, STATE + oldest, (oldest_state & 28) | NOTIFIED, true);
        done = true;
#else
        COMPARE_SWAP(me, STATE + oldest, oldest_state, (oldest_state & 28) | NOTIFIED, true, done);
#endif
        if
        :: done ->
          atomic { IS_FENCED(me) -> done = false;
            if :: holder[oldest] != 0 -> asleep[holder[oldest] - 1] = false :: else fi }
          break
        :: else
        fi
      fi
    od
  fi;
  atomic { end = 0; at = 0; oldest = 0; oldest_state = 0; state = 0; done = false }
}

#ifdef IS_CLOSING
#define NEXT } atomic {
#else
#define NEXT ;
#endif

/* Takes one of the dead out of the table, under the name lock: ipc_slots_evict_dead, and reap. */
inline evict(me) {
  atomic {
    IS_FENCED(me) && name == 0 -> name = me + 1;
    at = 0;
    do :: at < 3 && !(is_gone[at] && !is_evicted[at]) -> at++ :: else -> break od
  }
  if
  :: at == 3 -> skip
  :: else ->
    atomic {
      /* ipc_waits_forget */
      oldest = 0;
      do
      :: oldest == 3 -> break
      :: else ->
        if
        :: holder[oldest] == at + 1 ->
          if
          :: TAG(mem[STATE + oldest]) != IDLE -> mem[STATE + oldest] = IDLE; mem[WAITING] = mem[WAITING] - 1
          :: else
          fi;
          holder[oldest] = 0
        :: else
        fi;
        oldest++
      od
#ifdef DEATH_COUNTED_LAST
      NEXT is_evicted[at] = true NEXT deaths++
#else
      NEXT deaths++ NEXT is_evicted[at] = true
#endif
    }
  fi;
  atomic { at = 0; oldest = 0; name = 0 }
}

#ifdef IS_MUTEX
inline attempt(me) {
  atomic { CAN_SWAP(me, LOCK) ->
    if :: mem[LOCK] == 0 -> SWAP(me, LOCK, me + 1, false); inside++; got = true :: else fi }
}
inline look(me) {
  attempt(me);
  if
  :: got -> skip
  :: else ->
    state = LOAD(me, LOCK);
    if
    :: state != 0 && is_gone[state - 1] ->
      atomic { CAN_SWAP(me, LOCK) ->
        if :: mem[LOCK] == state -> SWAP(me, LOCK, me + 1, false); inside++; got = true :: else fi }
      evict(me)
    :: else
    fi
  fi;
  state = 0
}
#define LEAVES_SOME(me) (LOAD(me, LOCK) == 0)
#else
inline attempt(me) {
  atomic { CAN_SWAP(me, LOCK) ->
    if :: mem[LOCK] > 0 -> SWAP(me, LOCK, mem[LOCK] - 1, false); got = true :: else fi }
}
inline look(me) {
  attempt(me)
}
#define LEAVES_SOME(me) (LOAD(me, LOCK) > 0)
#endif

/* ipc_handle_wait_for. `may_give_up`: its time may be over at any moment. */
inline acquire(me, may_give_up) {
  attempt(me);
  if
  :: got -> skip
  :: else ->
    enter(me);
    do
    :: true ->
#ifndef NO_RECHECK
      attempt(me);
      if :: got -> break :: else fi;
#endif
      if
      :: may_give_up -> break
      :: true ->
        sleep(me);
        if
        :: TAG(LOAD(me, STATE + place)) == NOTIFIED ->
          STORE(me, STATE + place, (LOAD(me, STATE + place) & 28) | IS_WAITING, true);
#ifndef NO_FENCE_IN_RENEW
          FENCE(me);
#endif
#ifdef NO_RECHECK
          attempt(me);
          if :: got -> break :: else fi
#endif
        :: else ->
          look(me);
          if :: got -> break :: else fi
        fi
      fi
    od;
    leave(me);
    if
#ifdef NO_PASS_ON
    :: false ->
#elif defined(NO_PASS_ON_OF_THE_REST)
    :: TAG(state) == NOTIFIED && !got ->
#else
    :: TAG(state) == NOTIFIED && (!got || LEAVES_SOME(me)) ->
#endif
      notify_one(me)
    :: else
    fi;
    state = 0
  fi
}

inline put(me) {
  atomic { !mutex -> mutex = true }
  items++;
  atomic { IS_FENCED(me) -> mutex = false }
  notify_one(me)
}

proctype handle(byte me) {
  byte place = 3, state, end, at, oldest, oldest_state, seen_deaths;
  bool got, done;
  {
#ifdef IS_MUTEX
    acquire(me, GIVES_UP && me == 2);
    if
    :: got ->
      assert(inside == 1);
      d_step { buffers[me].count < 2 -> PUT(me, LOCK, 0, true); inside--; got = false }
      notify_one(me)
    :: else
    fi
#endif
#ifdef IS_SEMAPHORE
    if
    :: me == 2 ->
      EXCHANGE(me, LOCK, state, state + 1, true);
      notify_one(me);
      EXCHANGE(me, LOCK, state, state + 1, true);
      notify_one(me)
    :: else -> acquire(me, false)
    fi
#endif
#ifdef IS_CONDITION
    if
    :: me == 2 ->
      put(me);
#ifdef IS_CLOSING
      is_evicted[me] = true; /* ipc_slots_leave: its own place first */
      evict(me)
#else
      if :: put(me) :: true fi
#endif
    :: else ->
      atomic { !mutex -> mutex = true }
      do
      :: items > 0 -> break
      :: else ->
        seen_deaths = deaths;
        enter(me);
        atomic { IS_FENCED(me) -> mutex = false }
        do
        :: TAG(LOAD(me, STATE + place)) == NOTIFIED -> break
#ifndef NO_DEATHS
        :: deaths != seen_deaths -> break
#endif
        :: else -> sleep(me);
          if :: TAG(LOAD(me, STATE + place)) != NOTIFIED -> evict(me) :: else fi
        od;
        leave(me);
        atomic { state = 0; seen_deaths = 0 }
        atomic { !mutex -> mutex = true }
      od;
      atomic { IS_FENCED(me) -> items--; mutex = false }
    fi;
over: skip
#endif
  } unless { killed[me] };
  if
  :: killed[me] ->
    atomic {
      IS_FENCED(me) -> is_gone[me] = true; asleep[me] = false;
      if :: got && inside > 0 -> inside-- :: else fi;
      if :: name == me + 1 -> name = 0 :: else fi
    }
  :: else
  fi
}

proctype killer() {
end:
  if
#ifdef IS_KILLING
  :: atomic { can_kill -> killed[1] = true; can_kill = false }
#endif
#ifdef IS_SEMAPHORE
  :: atomic { can_kill -> killed[1] = true; can_kill = false }
#endif
#ifdef IS_CONDITION
  :: atomic { can_kill && !mutex -> killed[1] = true; can_kill = false }
#ifdef IS_CLOSING
    if
    :: is_evicted[2] -> killed[2] = true
    :: true
    fi
#endif
#endif
  :: true /* no process is killed */
  fi
}

init {
  atomic {
    mem[TICKET] = 28; /* the next one is the last before they wrap */
    run handle(0); run handle(1); run handle(2); run killer()
  }
}

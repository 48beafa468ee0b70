/*
 * Eviction without the name lock: slots.c (slots_reap_one, slots_recount), waits.c (ipc_waits_forget, ipc_waits_enter).
 *
 * Modelled: a slot whose owner has died while it waited; two processes that evict it at the same time, the first of which may
 * be killed between any two steps (then the second finds its slot dead, and counts again); a process that takes the slot
 * under the name lock, waits in the same entry, and leaves or stays.
 * Abstracted: how an evictor finds out that the owner is dead (liveness.pml); other slots and entries; what the wait is for;
 * notifications (waits.pml); the name lock, which only the joiner takes; `died`.
 *
 * Invariant: only the slot and the wait of the dead owner are emptied. The joiner sees that a death was counted. When all
 * have ended, the counts are those of the slots, and `waiting` is not less than what waits. Until then the count of a
 * process that was slow may be stored; that of receiver_slots_used never is, or senders would pass over a receiver.
 *
 * fault SLOT_BY_STORE          the slot is emptied by a store, not by a swap from the instance of the dead
 * fault WAIT_BY_EXCHANGE       the state of the wait becomes idle, whatever it was
 * fault WAIT_FREED_BY_STORE    the entry is freed by a store
 * fault STATE_AFTER_INSTANCE   the state is read after the check whose entry it is
 * fault DEATH_COUNTED_LATE     the death is counted after the slot is empty
 * fault NO_SECOND_COUNT        slots are counted once
 * fault NO_FENCE               between the store of a count and the second count
 * fault USED_IS_LOWERED        an evictor stores receiver_slots_used, too
 * fault INSTANCE_USED_TWICE    the joiner has the instance of the one before it
 */
#define PROCESSES 3
#define WORDS 8
#define INSTANCE 0
#define OWNER 1         /* 1: dead, 2: the joiner */
#define COUNT 2
#define USED 3          /* receiver_slots_used */
#define DEATHS 4
#define WAIT_INSTANCE 5
#define WAIT_STATE 6    /* 0: idle; otherwise it waits, and this is its ticket */
#define WAITING 7
#include "memory.pml"

#define DEAD 1
#ifdef INSTANCE_USED_TWICE
#define JOINER 1
#else
#define JOINER 2
#endif

bool is_killed;      /* the first evictor */
bool first_has_ended;
byte ended;
bool has_left;

#define ADD(me, w, n) d_step { CAN_SWAP(me, w) -> old = mem[w]; SWAP(me, w, old + (n), true) }

/* slots_recount */
inline recount(me) {
  counted = (LOAD(me, INSTANCE) != 0);
  do
  :: true ->
    STORE(me, COUNT, counted, true);
#ifdef USED_IS_LOWERED
    STORE(me, USED, counted, true);
#endif
#ifdef NO_SECOND_COUNT
    break
#else
#ifndef NO_FENCE
    FENCE(me);
#endif
    if
    :: atomic { (LOAD(me, INSTANCE) != 0) == counted -> break }
    :: atomic { (LOAD(me, INSTANCE) != 0) != counted -> counted = 1 - counted }
    fi
#endif
  od
}

inline forget(me) {
#ifdef STATE_AFTER_INSTANCE
  LOAD(me, WAIT_INSTANCE) == LOAD(me, WAIT_INSTANCE);
  is_of = (LOAD(me, WAIT_INSTANCE) == seen);
  state = LOAD(me, WAIT_STATE);
#else
  state = LOAD(me, WAIT_STATE);
  is_of = (LOAD(me, WAIT_INSTANCE) == seen);
#endif
  if
  :: is_of ->
#ifdef WAIT_BY_EXCHANGE
    EXCHANGE(me, WAIT_STATE, state, 0, false);
    if :: state != 0 -> ADD(me, WAITING, -1) :: else fi;
#else
    do
    :: state == 0 -> break
#ifdef STATE_AFTER_INSTANCE
    :: state != 0 ->
#else
    :: state != 0 && LOAD(me, WAIT_INSTANCE) != seen -> break
    :: state != 0 && LOAD(me, WAIT_INSTANCE) == seen ->
#endif
      atomic { CAN_SWAP(me, WAIT_STATE) ->
        if
        :: mem[WAIT_STATE] == state -> SWAP(me, WAIT_STATE, 0, false); is_of = true
        :: else -> state = mem[WAIT_STATE]; is_of = false
        fi }
      if
      :: is_of -> ADD(me, WAITING, -1); break
      :: else
      fi
    od;
#endif
#ifdef WAIT_FREED_BY_STORE
    skip;
    STORE(me, WAIT_INSTANCE, 0, true)
#else
    COMPARE_SWAP(me, WAIT_INSTANCE, seen, 0, true, is_of)
#endif
  :: else
  fi
}

/* slots_reap_one */
inline reap(me) {
  seen = LOAD(me, INSTANCE);
  if
  :: seen != 0 && LOAD(me, OWNER) == DEAD ->
    forget(me);
#ifndef DEATH_COUNTED_LATE
    ADD(me, DEATHS, 1);
#endif
#ifdef SLOT_BY_STORE
    STORE(me, INSTANCE, 0, true)
#else
    COMPARE_SWAP(me, INSTANCE, seen, 0, true, is_of)
#endif
#ifdef DEATH_COUNTED_LATE
    ;
    ADD(me, DEATHS, 1)
#endif
  :: else
  fi;
  recount(me)
}

proctype evictor(byte me) {
  byte seen, state, counted, old;
  bool is_of;
  { reap(me) } unless { me == 1 && is_killed };
  if
  :: me == 2 -> first_has_ended; seen = 0; reap(me) /* the first one has ended, or is found dead */
  :: else
  fi;
  atomic {
    IS_FENCED(me) -> seen = 0; state = 0; counted = 0; old = 0; is_of = false; ended++;
    if :: me == 1 -> first_has_ended = true :: else fi
  }
}

proctype killer() {
end:
  do
  :: atomic { !is_killed && !first_has_ended -> is_killed = true }
  od
}

/* ipc_slots_join_handle, ipc_waits_enter, ipc_waits_leave, ipc_slots_leave */
proctype joiner() {
  byte counted, old;
  bool is_done;
  /* The owner died before anybody could have its slot: the entry goes first, so it is free, too. */
  LOAD(0, INSTANCE) == 0;
  assert(LOAD(0, DEATHS) >= 1);
  STORE(0, OWNER, 2, false);
  STORE(0, INSTANCE, JOINER, true);
  STORE(0, USED, 1, true);
  recount(0);
  FENCE(0); /* the name lock is given back */
  COMPARE_SWAP(0, WAIT_INSTANCE, 0, JOINER, false, is_done);
  assert(is_done);
  ADD(0, WAITING, 1);
  STORE(0, WAIT_STATE, 2, true);
  FENCE(0);
  assert(mem[USED] == 1);
  if
  :: true -> skip
  :: true ->
    EXCHANGE(0, WAIT_STATE, old, 0, false);
    assert(old == 2);
    ADD(0, WAITING, -1);
    STORE(0, WAIT_INSTANCE, 0, true);
    COMPARE_SWAP(0, INSTANCE, JOINER, 0, true, is_done);
    recount(0);
    has_left = true
  fi;
  atomic { IS_FENCED(0) -> counted = 0; old = 0; ended = ended + 4 }
}

proctype last() {
  d_step {
    ended == 6 ->
      if
      :: has_left -> assert(mem[INSTANCE] == 0 && mem[COUNT] == 0 && mem[WAIT_INSTANCE] == 0 && mem[WAIT_STATE] == 0)
      :: else ->
        assert(mem[INSTANCE] == JOINER && mem[COUNT] == 1 && mem[USED] == 1);
        assert(mem[WAIT_INSTANCE] == JOINER && mem[WAIT_STATE] == 2)
      fi;
      assert(mem[WAITING] >= (mem[WAIT_STATE] != 0) && mem[WAITING] <= 1 + is_killed)
  }
}

init {
  atomic {
    mem[INSTANCE] = DEAD; mem[OWNER] = DEAD; mem[COUNT] = 1; mem[USED] = 1;
    mem[WAIT_INSTANCE] = DEAD; mem[WAIT_STATE] = 1; mem[WAITING] = 1;
    run joiner(); run evictor(1); run evictor(2); run killer(); run last()
  }
}

/*
 * Eviction without the name lock: slots.c (slots_reap_one, slots_update_count), waits.c (ipc_waits_forget,
 * ipc_waits_enter).
 *
 * Modelled: a slot whose owner has died while it waited; two processes that evict it at the same time, the first of which may
 * be killed between any two steps (then the second finds its slot dead, and counts again); a process that takes the slot
 * under the name lock, waits in the same entry, and leaves or stays. receiver_slots_used was lowered before, under the
 * name lock; the process that joins raises it.
 * Abstracted: how an evictor finds out that the owner is dead (liveness.pml); other slots and entries; what the wait is for;
 * notifications (waits.pml); the name lock, which only the joiner takes; `died`; that the rounds of a count are limited.
 *
 * Invariant: only the slot and the wait of the dead owner are emptied. The joiner sees that a death was counted. When all
 * have ended, the counts are those of the slots, and `waiting` is not less than what waits. Until then the count of a
 * process that was slow may be stored: a sender that reads 0 counts the slots itself. receiver_slots_used is never too low,
 * or senders would pass over a receiver.
 *
 * Slots and waits are separate configurations, because neither reads what the other one changes.
 *
 * config SLOTS -DSLOTS         the slot and its count
 * config WAITS -DWAITS         the slot and its entry in the table of waits
 *
 * fault SLOT_BY_STORE in SLOTS         the slot is emptied by a store, not by a swap from the instance of the dead
 * fault WAIT_BY_EXCHANGE in WAITS      the state of the wait becomes idle, whatever it was
 * fault WAIT_FREED_BY_STORE in WAITS   the entry is freed by a store
 * fault STATE_AFTER_INSTANCE in WAITS  the state is read after the check whose entry it is
 * fault DEATH_COUNTED_LATE in SLOTS    the death is counted after the slot is empty
 * fault NO_SECOND_COUNT in SLOTS       slots are counted once
 * fault NO_FENCE in SLOTS              between the swap of a count and the second count
 * fault USED_READ_ONCE in SLOTS        up to which slot is counted is read before the first count only
 * fault USED_IS_LOWERED in SLOTS       an evictor stores receiver_slots_used, too
 * fault INSTANCE_USED_TWICE in SLOTS   the joiner has the instance of the one before it
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

#ifdef USED_READ_ONCE
#define RESET_MOST skip
#else
#define RESET_MOST most = 0
#endif

/* slots_count: the index up to which slots are taken first, then the slot. */
inline count_slots(me) {
#ifndef USED_READ_ONCE
  most = LOAD(me, USED);
#endif
  d_step { counted = (most != 0 && LOAD(me, INSTANCE) != 0); RESET_MOST }
}

/* slots_update_count */
inline update_count(me) {
#ifdef USED_READ_ONCE
  most = LOAD(me, USED);
#endif
  do
  :: true ->
    old = LOAD(me, COUNT);
    count_slots(me);
    if
    :: old != counted -> COMPARE_SWAP(me, COUNT, old, counted, true, is_of)
    :: else -> is_of = true
    fi;
#ifdef USED_IS_LOWERED
    STORE(me, USED, counted, true);
#endif
    old = counted;
    if
    :: is_of ->
#ifdef NO_SECOND_COUNT
      break
#else
#ifndef NO_FENCE
      FENCE(me);
#endif
      count_slots(me);
      if :: old == counted && LOAD(me, COUNT) == counted -> break :: else fi
#endif
    :: else
    fi
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
#ifdef WAITS
    forget(me);
#endif
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
  d_step { seen = 0; state = 0; old = 0; is_of = false }
#ifdef SLOTS
  ;
  update_count(me)
#endif
}

proctype evictor(byte me) {
  byte seen, state, counted, most, old;
  bool is_of;
  { reap(me) } unless { me == 1 && is_killed };
  if
  :: me == 2 -> first_has_ended; seen = 0; reap(me) /* the first one has ended, or is found dead */
  :: else
  fi;
  atomic {
    IS_FENCED(me) -> seen = 0; state = 0; counted = 0; most = 0; old = 0; is_of = false; ended++;
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
  byte counted, most, old;
  bool is_of;
  /* The owner died before anybody could have its slot: the entry goes first, so it is free, too. */
  LOAD(0, INSTANCE) == 0;
  assert(LOAD(0, DEATHS) >= 1);
  STORE(0, USED, 0, true); /* another process has counted under the name lock before */
  FENCE(0);
  STORE(0, USED, 1, true);
  STORE(0, OWNER, 2, false);
  STORE(0, INSTANCE, JOINER, true);
#ifdef SLOTS
  update_count(0);
#endif
  FENCE(0); /* the name lock is given back */
#ifdef WAITS
  COMPARE_SWAP(0, WAIT_INSTANCE, 0, JOINER, false, is_of);
  assert(is_of);
  ADD(0, WAITING, 1);
  STORE(0, WAIT_STATE, 2, true);
  FENCE(0);
#endif
  assert(mem[USED] == 1);
  if
  :: true -> skip
  :: true ->
#ifdef WAITS
    EXCHANGE(0, WAIT_STATE, old, 0, false);
    assert(old == 2);
    ADD(0, WAITING, -1);
    STORE(0, WAIT_INSTANCE, 0, true);
#endif
    COMPARE_SWAP(0, INSTANCE, JOINER, 0, true, is_of);
    STORE(0, USED, 0, true); /* under the name lock */
#ifdef SLOTS
    update_count(0);
#endif
    has_left = true
  fi;
  atomic { IS_FENCED(0) -> counted = 0; most = 0; old = 0; is_of = false; ended = ended + 4 }
}

proctype last() {
  d_step {
    ended == 6 ->
      assert(mem[INSTANCE] == (has_left -> 0 : JOINER) && mem[USED] == 1 - has_left);
#ifdef SLOTS
      assert(mem[COUNT] == 1 - has_left);
#endif
#ifdef WAITS
      assert(mem[WAIT_INSTANCE] == (has_left -> 0 : JOINER) && mem[WAIT_STATE] == (has_left -> 0 : 2));
      assert(mem[WAITING] >= (mem[WAIT_STATE] != 0) && mem[WAITING] <= 1 + is_killed)
#endif
  }
}

init {
  atomic {
    mem[INSTANCE] = DEAD; mem[OWNER] = DEAD; mem[COUNT] = 1; mem[USED] = 1;
    mem[WAIT_INSTANCE] = DEAD; mem[WAIT_STATE] = 1; mem[WAITING] = 1;
    run joiner(); run evictor(1); run evictor(2); run killer(); run last()
  }
}

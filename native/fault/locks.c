/*
 * locks.c - mutexes, conditions, semaphores, reader-writer locks and shared memory: four actors that use one lock in
 * turn.
 *
 * The ledger shows whether the lock excludes: which actors are inside, and at which step of its script each was.
 * Killed while its step was INSIDE, the victim must be told of (IPC_OWNER_DIED); on the way in or out it may be.
 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "common.h"
#include "handle_state.h"
#include "libipc/condition.h"
#include "libipc/memory.h"
#include "libipc/rwlock.h"
#include "libipc/semaphore.h"
#include "queued_lock.h"

enum { A, B, C, LAST, ROUNDS = 6, WAIT_LIMIT_MS = 8000 };
enum step { OUTSIDE, ENTERING, INSIDE, LEAVING };
enum how { BLOCKING, EVENTS, TRYING };

typedef struct lock_plan {
  enum how how;
  bool gives_up;      /* waits now and then end before they get anything */
  bool closes;        /* handles are closed with the lock held, and opened again */
  bool other_options; /* all but the first open it with other ones than it has */
} lock_plan;

typedef struct lock_ledger {
  _Atomic uint32_t opened[MAX_ACTORS];
  _Atomic uint32_t step[MAX_ACTORS], shared[MAX_ACTORS];
  _Atomic uint32_t inside;   /* 1 + the actor that holds it alone */
  _Atomic uint32_t told;     /* how often IPC_OWNER_DIED was */
  _Atomic uint32_t closings; /* how often a handle was closed with the lock held */
  _Atomic uint32_t turns, items, taken, lost_item;
  uint64_t counter, counter_copy;
} lock_ledger;

static lock_ledger *ledger(void) { return (lock_ledger *)now->ledger; }
static const lock_plan *plan(void) { return playing->plan; }
static void step(enum step at) { atomic_store(&ledger()->step[fault_actor], at); }

static ipc_handle *open_kind(uint32_t kind) {
  ipc_options options = playing->options;
  ipc_failure failure;
  options.kind = kind;
  if (plan()->other_options && fault_actor != A) options.max_receivers = 8;
  if (kind != playing->options.kind) options = (ipc_options){.kind = kind};
  ipc_handle *handle = DO(ipc_handle_open(fault_prefix, now->name, &options, &failure));
  if (!handle) FAIL("a handle could not open: %d", failure.code);
  return handle;
}

static ipc_handle *open_it(void) {
  ipc_handle *handle = open_kind(playing->options.kind);
  atomic_store(&ledger()->opened[fault_actor], 1);
  return handle;
}

static void close_it(ipc_handle *handle) { DO((ipc_handle_close(handle), 0)); }

/* Closes a handle, whatever it holds. Another one is opened first: with the last one the name would go. */
static ipc_handle *exchange(ipc_handle *handle) {
  ipc_handle *next = open_it();
  close_it(handle);
  step(OUTSIDE);
  return next;
}

/* So that no actor is always the first or the last. */
static void meet_others(void) {
  for (uint32_t i = A; i <= LAST; i++) LIKELY_AFTER(50, atomic_load(&ledger()->opened[i]) || has_ended(i));
}

/* So that the last close is not by an actor that left the lock locked: that state vanishes with the name. */
static void await_last(void) {
  while (!atomic_load(&ledger()->opened[LAST]) && !has_ended(LAST)) a_moment();
}

static bool is_waited_for(const ipc_handle *handle) {
  for (uint32_t i = 0; i < 16; i++)
    if ((atomic_load(&handle->segment.waits[i].state) & IPC_WAIT_TAGS) == IPC_WAIT_WAITING) return true;
  return false;
}

/* The victim of the case, or of the scenario, died at this step. */
static bool died_at(enum step at) {
  for (uint32_t i = A; i < LAST; i++)
    if (was_killed(i) && atomic_load(&ledger()->step[i]) == at) return true;
  return false;
}

static bool is_struck(void) {
  return atomic_load(&now->struck) != 0 && (now->armed[0].signal != SIGSTOP || playing->first.point);
}

/* The lock is held alone: no other actor is inside, except for one that died there. */
static void go_in(int32_t status) {
  uint32_t before = atomic_load(&ledger()->inside);
  if (status == IPC_OWNER_DIED) {
    atomic_fetch_add(&ledger()->told, 1);
    if (!is_struck() && atomic_load(&ledger()->closings) == 0) FAIL("a death was reported, and no actor has died");
  } else {
    CHECK_EQ(status, IPC_OK);
    if (before) FAIL("%s is inside too, or died there and no lock reported it", playing->cast[before - 1]);
  }
  atomic_store(&ledger()->inside, fault_actor + 1);
  step(INSIDE);
  if (status == IPC_OWNER_DIED) ledger()->counter = ledger()->counter_copy; /* what was left half done */
  CHECK_EQ(ledger()->counter, ledger()->counter_copy);
  ledger()->counter++;
  atomic_fetch_add(&ledger()->turns, 1);
}

static void go_out(void) {
  ledger()->counter_copy = ledger()->counter;
  CHECK_EQ(atomic_load(&ledger()->inside), fault_actor + 1);
  atomic_store(&ledger()->inside, 0);
  step(LEAVING);
}

/* As an event loop gets a lock. */
static int32_t by_events(ipc_handle *handle, uint32_t wait, ipc_attempt *attempt) {
  static waker mine;
  if (!mine.fd) mine = open_waker();
  for (;;) {
    int32_t status = attempt(handle);
    if (status != IPC_TIMED_OUT) return status;
    CHECK_EQ(ipc_handle_arm(handle, wait, mine.low, mine.high), IPC_OK);
    if ((status = attempt(handle)) != IPC_TIMED_OUT) return status;
    if (ipc_handle_armed(handle) & (int32_t)wait && !await_signal(mine)) ipc_handle_poll(handle);
  }
}

/* Fills the socket with signals: a process that signals it then must use its other way. */
static void stuff(waker it) {
  struct sockaddr_un address;
  socklen_t length = sizeof address;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  CHECK_EQ(getsockname(it.fd, (struct sockaddr *)&address, &length), 0);
  while (sendto(fd, "", 1, MSG_DONTWAIT, (struct sockaddr *)&address, length) > 0) continue;
  close(fd);
}

/* Waits as an event loop does, and cancels the wait after a short time. */
static void give_up(ipc_handle *handle, uint32_t wait, ipc_attempt *attempt, int32_t (*unlock)(ipc_handle *)) {
  waker mine = open_waker();
  stuff(mine);
  int32_t status = attempt(handle);
  if (status == IPC_TIMED_OUT) {
    CHECK_EQ(ipc_handle_arm(handle, wait, mine.low, mine.high), IPC_OK);
    status = attempt(handle);
  }
  if (status == IPC_TIMED_OUT) LIKELY_AFTER(3, ipc_handle_armed(handle) == 0);
  ipc_handle_disarm(handle, wait);
  if (status >= 0) {
    if (unlock != ipc_rwlock_unlock_shared && playing->options.kind != IPC_SEMAPHORE) {
      go_in(status);
      go_out();
    }
    CHECK_EQ(unlock(handle), IPC_OK);
  }
  step(OUTSIDE);
  close(mine.fd);
  ipc_waker_close(mine.low, mine.high);
}

static int32_t try_mutex(ipc_handle *mutex) { return ipc_mutex_lock(mutex, 0); }
static int32_t try_rwlock(ipc_handle *lock) { return ipc_rwlock_lock(lock, 0, IPC_KEEP_QUEUE_POSITION); }
static int32_t try_shared(ipc_handle *lock) { return ipc_rwlock_lock_shared(lock, 0); }
static int32_t try_semaphore(ipc_handle *semaphore) { return ipc_semaphore_acquire(semaphore, 0); }

static int32_t by_trying(ipc_handle *handle, ipc_attempt *attempt) {
  int32_t status;
  while ((status = attempt(handle)) == IPC_TIMED_OUT) a_moment();
  return status;
}

static int32_t lock_mutex(ipc_handle *mutex) {
  if (plan()->how == EVENTS) return DO(by_events(mutex, IPC_WAIT_FOR_LOCK, try_mutex));
  if (plan()->how == TRYING) return DO(by_trying(mutex, try_mutex));
  return DO(ipc_mutex_lock(mutex, -1));
}

static void be_mutex(uint32_t actor) {
  ipc_handle *mutex = open_it();
  meet_others();
  for (uint32_t round = 0; round < ROUNDS; round++) {
    step(ENTERING);
    if (plan()->gives_up && round % 3 == 1) {
      give_up(mutex, IPC_WAIT_FOR_LOCK, try_mutex, ipc_mutex_unlock);
      continue;
    }
    go_in(lock_mutex(mutex));
    if (round < 4) LIKELY_AFTER(10, is_waited_for(mutex));
    if (plan()->closes && round % 2 == 1) {
      atomic_fetch_add(&ledger()->closings, 1);
      mutex = exchange(mutex);
      continue;
    }
    go_out();
    CHECK_EQ(DO(ipc_mutex_unlock(mutex)), IPC_OK);
    step(OUTSIDE);
  }
  if (actor != LAST) {
    await_last();
    close_it(mutex);
    return;
  }
  for (uint32_t i = A; i < LAST; i++)
    while (!has_ended(i)) a_moment();
  int32_t status = DO(ipc_mutex_lock(mutex, WAIT_LIMIT_MS));
  go_in(status);
  /* Once for each death, and for each handle that was closed with the lock held. */
  uint32_t told = atomic_load(&ledger()->told), closings = atomic_load(&ledger()->closings);
  CHECK(told >= closings + (died_at(INSIDE) && !plan()->closes));
  CHECK(told <= closings + 2);
  go_out();
  CHECK_EQ(ipc_mutex_unlock(mutex), IPC_OK);
  CHECK_EQ(ipc_handle_count(mutex), 1);
  close_it(mutex);
}

/* One marks the lock unusable while others wait for it. */
static void be_unusable(uint32_t actor) {
  bool is_mutex = playing->options.kind == IPC_MUTEX;
  ipc_handle *lock = open_it();
  meet_others();
  int32_t status;
  if (actor == A) {
    status = is_mutex ? DO(ipc_mutex_lock(lock, -1)) : DO(ipc_rwlock_lock(lock, -1, IPC_KEEP_NOTHING));
    CHECK_EQ(status, IPC_OK);
    reach(1);
    LIKELY_AFTER(10, is_waited_for(lock));
    CHECK_EQ(is_mutex ? ipc_mutex_mark_unusable(lock) : ipc_rwlock_mark_unusable(lock), IPC_OK);
    reach(2);
  } else {
    await_stage(A, 1);
    for (;;) {
      status = is_mutex ? DO(ipc_mutex_lock(lock, -1)) : DO(ipc_rwlock_lock(lock, -1, IPC_KEEP_NOTHING));
      if (status == IPC_E_UNUSABLE) break;
      /* A died before it could mark it. */
      CHECK(status == IPC_OK || status == IPC_OWNER_DIED);
      CHECK_EQ(is_mutex ? ipc_mutex_unlock(lock) : ipc_rwlock_unlock(lock), IPC_OK);
      if (has_ended(A)) break;
    }
    if (actor == B && !is_mutex) {
      status = ipc_rwlock_lock_shared(lock, 0);
      if (status >= 0) ipc_rwlock_unlock_shared(lock);
    }
  }
  if (actor == LAST)
    for (uint32_t i = A; i < LAST; i++)
      while (!has_ended(i)) a_moment();
  close_it(lock);
}

static int32_t lock_alone(ipc_handle *lock) {
  if (plan()->how == EVENTS) return DO(by_events(lock, IPC_WAIT_FOR_LOCK, try_rwlock));
  return DO(ipc_rwlock_lock(lock, -1, IPC_KEEP_NOTHING));
}

static int32_t lock_shared(ipc_handle *lock) {
  if (plan()->how == EVENTS) return DO(by_events(lock, IPC_WAIT_FOR_SHARED, try_shared));
  return DO(ipc_rwlock_lock_shared(lock, -1));
}

/* A writer is inside: no reader is inside, except a reader that died there. */
static void check_no_readers(void) {
  for (uint32_t i = A; i <= LAST; i++) {
    bool is_dead = (now->armed[0].actor == i && atomic_load(&now->armed[0].is_struck) && is_struck()) ||
                   (now->armed[1].actor == i && atomic_load(&now->armed[1].is_struck));
    if (atomic_load(&ledger()->shared[i]) && !is_dead) FAIL("%s reads beside a writer", playing->cast[i]);
  }
}

static void read_once(ipc_handle *lock, uint32_t round) {
  int32_t status = lock_shared(lock);
  CHECK(status == IPC_OK || status == IPC_OWNER_DIED);
  atomic_store(&ledger()->shared[fault_actor], 1);
  if (status == IPC_OK) {
    CHECK_EQ(ledger()->counter, ledger()->counter_copy);
    if (atomic_load(&ledger()->inside))
      FAIL("a writer is inside beside a reader, or died there and no lock reports it");
  }
  /* Once more, if that can be had at once. */
  if (round % 2 == 0 && ipc_rwlock_lock_shared(lock, 0) >= 0) CHECK_EQ(ipc_rwlock_unlock_shared(lock), IPC_OK);
  if (round < 3) LIKELY_AFTER(10, is_waited_for(lock));
  atomic_store(&ledger()->shared[fault_actor], 0);
  CHECK_EQ(DO(ipc_rwlock_unlock_shared(lock)), IPC_OK);
}

static void write_once(ipc_handle *lock, uint32_t round) {
  step(ENTERING);
  int32_t status = lock_alone(lock);
  check_no_readers();
  go_in(status);
  if (round < 3) LIKELY_AFTER(10, is_waited_for(lock));
  go_out();
  CHECK_EQ(DO(ipc_rwlock_unlock(lock)), IPC_OK);
  step(OUTSIDE);
}

static void be_rwlock(uint32_t actor) {
  ipc_handle *lock = open_it();
  meet_others();
  for (uint32_t round = 0; round < ROUNDS; round++) {
    if (plan()->gives_up && round % 3 == 1) {
      /* Has the claim, waits for readers, and leaves the wait queue. */
      if (actor % 2)
        give_up(lock, IPC_WAIT_FOR_SHARED, try_shared, ipc_rwlock_unlock_shared);
      else
        give_up(lock, IPC_WAIT_FOR_LOCK, try_rwlock, ipc_rwlock_unlock);
    } else if (plan()->gives_up && round % 3 == 2 && actor == B) {
      step(ENTERING);
      int32_t status = DO(ipc_rwlock_lock(lock, 2, IPC_KEEP_NOTHING));
      if (status >= 0) {
        go_in(status);
        go_out();
        CHECK_EQ(ipc_rwlock_unlock(lock), IPC_OK);
      }
      step(OUTSIDE);
    } else if (plan()->closes && round == 3) {
      if (actor == A) {
        step(ENTERING);
        go_in(lock_alone(lock));
        atomic_fetch_add(&ledger()->closings, 1);
      } else {
        int32_t status = lock_shared(lock);
        CHECK(status == IPC_OK || status == IPC_OWNER_DIED);
      }
      lock = exchange(lock);
    } else if ((round + actor) % 2) {
      read_once(lock, round);
    } else {
      write_once(lock, round);
    }
  }
  if (actor == LAST) {
    for (uint32_t i = A; i < LAST; i++)
      while (!has_ended(i)) a_moment();
    /* Died writing, and no writer came after it: still reported. */
    go_in(DO(ipc_rwlock_lock(lock, WAIT_LIMIT_MS, IPC_KEEP_NOTHING)));
    go_out();
    CHECK_EQ(ipc_rwlock_unlock(lock), IPC_OK);
    CHECK_EQ(ipc_handle_count(lock), 1);
  }
  close_it(lock);
}

/* The permits that a victim holds of a semaphore that is not robust are lost: there are enough for the others to
 * continue. */
enum { PERMITS = 2 };

static void be_semaphore(uint32_t actor) {
  bool is_robust = playing->options.robust == 1;
  uint32_t permits = playing->options.initial - 1;
  ipc_handle *semaphore = open_it();
  meet_others();
  /* Where an actor is sure to die, the others have to notice it. */
  for (uint32_t round = 0; round < ROUNDS && !(playing->first.point && actor == LAST); round++) {
    step(ENTERING);
    if (plan()->gives_up && round % 3 == 1) {
      waker mine = open_waker();
      int32_t status = try_semaphore(semaphore);
      if (status == IPC_TIMED_OUT) {
        CHECK_EQ(ipc_handle_arm(semaphore, IPC_WAIT_FOR_LOCK, mine.low, mine.high), IPC_OK);
        status = try_semaphore(semaphore);
      }
      if (status == IPC_TIMED_OUT) LIKELY_AFTER(3, ipc_handle_armed(semaphore) == 0);
      ipc_handle_disarm(semaphore, IPC_WAIT_FOR_LOCK);
      if (status == IPC_OK) CHECK_EQ(DO(ipc_semaphore_release(semaphore, 1)), IPC_OK);
      close(mine.fd);
      ipc_waker_close(mine.low, mine.high);
      continue;
    }
    int32_t status = plan()->how == EVENTS   ? DO(by_events(semaphore, IPC_WAIT_FOR_LOCK, try_semaphore))
                     : plan()->how == TRYING ? DO(by_trying(semaphore, try_semaphore))
                                             : DO(ipc_semaphore_acquire(semaphore, -1));
    CHECK_EQ(status, IPC_OK);
    step(INSIDE);
    atomic_store(&ledger()->shared[actor], 1);
    uint32_t inside = 0;
    for (uint32_t i = A; i <= LAST; i++) inside += atomic_load(&ledger()->shared[i]);
    if (inside > permits + (is_struck() ? 1 : 0)) FAIL("%u are inside with %u permits", inside, permits);
    if (round < 3) LIKELY_AFTER(10, is_waited_for(semaphore));
    atomic_store(&ledger()->shared[actor], 0);
    step(LEAVING);
    if (plan()->closes && round % 2 == 1) {
      semaphore = exchange(semaphore);
      continue;
    }
    CHECK_EQ(DO(ipc_semaphore_release(semaphore, 1)), IPC_OK);
    step(OUTSIDE);
  }
  if (actor == LAST) {
    for (uint32_t i = A; i < LAST; i++)
      while (!has_ended(i)) a_moment();
    /* All are there again: of a robust one those of the dead, too. */
    uint32_t all = permits - (!is_robust && (was_killed(A) || was_killed(B) || was_killed(C)));
    for (uint32_t i = 0; i < all; i++) CHECK_EQ(DO(ipc_semaphore_acquire(semaphore, WAIT_LIMIT_MS)), IPC_OK);
    if (is_robust) CHECK_EQ(ipc_semaphore_acquire(semaphore, 0), IPC_TIMED_OUT);
    CHECK(ipc_semaphore_recovered(semaphore) <= 2);
    CHECK_EQ(DO(ipc_semaphore_release(semaphore, all)), IPC_OK);
    CHECK_EQ(ipc_handle_count(semaphore), 1);
  }
  close_it(semaphore);
}

/* Items go from two to two; the waiting ones wait on a condition, and the last one ends it. */
static void be_condition(uint32_t actor) {
  ipc_handle *mutex = open_kind(IPC_MUTEX), *condition = open_it();
  meet_others();
  bool is_producer = actor == A || actor == LAST;
  for (uint32_t round = 0; is_producer && round < ROUNDS; round++) {
    int32_t status = DO(ipc_mutex_lock(mutex, -1));
    CHECK(status == IPC_OK || status == IPC_OWNER_DIED);
    atomic_fetch_add(&ledger()->items, 1);
    if (round < 4) LIKELY_AFTER(5, is_waited_for(condition));
    CHECK_EQ(DO(ipc_mutex_unlock(mutex)), IPC_OK);
    if (round % 3 == 2)
      DO(ipc_condition_notify_all(condition));
    else
      DO(ipc_condition_notify(condition));
  }
  reach(1);
  if (actor == LAST) {
    await_stage(A, 1);
    /* All is taken but what the dead one was at. */
    uint64_t begun = fault_begin("items are taken");
    while (atomic_load(&ledger()->taken) + 1 < atomic_load(&ledger()->items)) a_moment();
    fault_end("items are taken", begun);
    int32_t status = DO(ipc_mutex_lock(mutex, -1));
    CHECK(status >= 0);
    atomic_store(&ledger()->told, 1);
    CHECK_EQ(ipc_mutex_unlock(mutex), IPC_OK);
    CHECK(DO(ipc_condition_notify_all(condition)) >= 0);
    for (uint32_t i = A; i < LAST; i++)
      while (!has_ended(i)) a_moment();
  }
  for (bool over = is_producer; !over;) {
    int32_t status = DO(ipc_mutex_lock(mutex, -1));
    CHECK(status == IPC_OK || status == IPC_OWNER_DIED);
    while (atomic_load(&ledger()->items) == atomic_load(&ledger()->taken) && !atomic_load(&ledger()->told)) {
      if (plan()->how == BLOCKING) {
        status = DO(ipc_condition_wait(condition, mutex, plan()->gives_up ? 20 : -1));
        CHECK(status >= 0 || (plan()->gives_up && status == IPC_TIMED_OUT));
      } else {
        /* As an event loop waits. */
        static waker mine;
        if (!mine.fd) mine = open_waker();
        int32_t wait = ipc_condition_enter(condition, mine.low, mine.high);
        CHECK(wait >= 0);
        CHECK_EQ(ipc_mutex_unlock(mutex), IPC_OK);
        while ((status = ipc_handle_sleep(condition, wait, 0)) == IPC_TIMED_OUT &&
               !(plan()->gives_up && atomic_load(&ledger()->told)))
          if (!await_signal(mine)) ipc_handle_poll(condition);
        if (status == IPC_TIMED_OUT) ipc_handle_leave(condition, wait);
        status = DO(ipc_mutex_lock(mutex, -1));
        CHECK(status >= 0);
      }
    }
    over = atomic_load(&ledger()->told);
    if (atomic_load(&ledger()->items) > atomic_load(&ledger()->taken)) atomic_fetch_add(&ledger()->taken, 1);
    CHECK_EQ(DO(ipc_mutex_unlock(mutex)), IPC_OK);
  }
  close_it(condition);
  close_it(mutex);
}

/* RLIMIT_FSIZE stands in for a full /dev/shm. */
static void try_too_much(ipc_handle *memory) {
  struct rlimit before;
  ipc_failure failure;
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &before);
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 8 << 20, .rlim_max = before.rlim_max});
  int32_t status = DO(ipc_memory_grow(memory, 64 << 20, &failure));
  CHECK(status == IPC_E_NO_SPACE || (plan()->closes && status == IPC_E_ORPHANED));
  setrlimit(RLIMIT_FSIZE, &before);
}

/* A word is incremented; a wait for its change is woken. */
static void be_memory(uint32_t actor) {
  static waker mine;
  ipc_handle *memory = open_it();
  ipc_failure failure;
  meet_others();
  if (actor == A) try_too_much(memory);
  mine = open_waker();
  ipc_mapping *mapping = DO(ipc_memory_map(memory, &failure));
  if (!mapping && plan()->closes && failure.code == IPC_E_ORPHANED) {
    /* It has grown since this one opened it, and its name is gone. */
    if (actor == LAST) atomic_store(&ledger()->told, 1);
    close_it(memory);
    return;
  }
  CHECK(mapping);
  _Atomic uint32_t *word = ipc_mapping_address(mapping);
  for (uint32_t round = 0; round < ROUNDS; round++) {
    if (actor == A || actor == LAST) {
      /* Larger, and what was there stays. */
      int32_t grown = DO(ipc_memory_grow(memory, (round + 1) * 65536 + actor * 4096, &failure));
      CHECK(grown == IPC_OK || (plan()->closes && grown == IPC_E_ORPHANED));
      ipc_mapping *larger = DO(ipc_memory_map(memory, &failure));
      CHECK(larger || (plan()->closes && failure.code == IPC_E_ORPHANED));
      if (larger) {
        ipc_mapping_release(mapping);
        mapping = larger;
        word = ipc_mapping_address(mapping);
      }
      if (round < 4) LIKELY_AFTER(5, is_waited_for(memory));
      atomic_fetch_add(word, 1);
      DO(ipc_memory_wake(memory, 0, round % 2 ? 1 : 16));
      continue;
    }
    uint32_t seen = atomic_load(word);
    bool is_loop = actor == C;
    int32_t wait = ipc_memory_enter(memory, 0, seen, is_loop ? mine.low : 0, is_loop ? mine.high : 0, &failure);
    if (wait == IPC_NOT_EQUAL) continue;
    CHECK(wait >= 0);
    if (round == 2) {
      ipc_handle_leave(memory, wait); /* given up */
      continue;
    }
    int32_t status = IPC_OK;
    if (is_loop)
      while ((status = ipc_handle_sleep(memory, wait, 0)) == IPC_TIMED_OUT && atomic_load(word) == seen &&
             !atomic_load(&ledger()->told)) {
        if (!await_signal(mine)) ipc_handle_poll(memory);
      }
    else
      status = ipc_handle_sleep(memory, wait, 60);
    if (status == IPC_TIMED_OUT) ipc_handle_leave(memory, wait);
  }
  if (actor == LAST) {
    atomic_store(&ledger()->told, 1);
    for (uint32_t i = A; i < LAST; i++)
      while (!has_ended(i)) {
        atomic_fetch_add(word, 1);
        ipc_memory_wake(memory, 0, 16);
        a_moment();
      }
    if (!plan()->closes) CHECK(ipc_memory_byte_length(memory) >= (ROUNDS + LAST) * 4096);
    if (!plan()->closes) CHECK_EQ(ipc_handle_count(memory), 1);
  }
  if (plan()->closes && actor == B) CHECK_EQ(DO(ipc_memory_unlink(memory)), IPC_OK);
  ipc_mapping_release(mapping);
  close_it(memory);
  close(mine.fd);
  ipc_waker_close(mine.low, mine.high);
}

/* A died inside as the only one that had it open: the next owner learns of it, also if another actor dies while it
 * opens. */
static void be_heir(uint32_t actor) {
  bool is_mutex = playing->options.kind == IPC_MUTEX;
  uint32_t before = actor == LAST ? LAST : actor == A ? A : plan()->other_options && actor == C ? C : B;
  for (uint32_t i = A; i < before; i++)
    while (!has_ended(i)) a_moment();
  ipc_handle *lock = open_it();
  int32_t status = is_mutex ? DO(ipc_mutex_lock(lock, -1)) : DO(ipc_rwlock_lock(lock, -1, IPC_KEEP_NOTHING));
  CHECK(status == IPC_OK || status == IPC_OWNER_DIED);
  atomic_fetch_add(&ledger()->told, status == IPC_OWNER_DIED);
  /* With other options it is created again, and an actor killed at that moment loses the report. */
  if (actor == LAST && !(plan()->other_options && (was_killed(B) || was_killed(C))))
    CHECK(atomic_load(&ledger()->told) > 0);
  CHECK_EQ(is_mutex ? ipc_mutex_unlock(lock) : ipc_rwlock_unlock(lock), IPC_OK);
  close_it(lock);
}

#define CAST_OF(run_, ...) .cast = {"A", "B", "C", "last"}, .victims = 3, .run = run_, .options = {__VA_ARGS__}
#define PLAN(...) \
  .plan = &(const lock_plan) { __VA_ARGS__ }

const scenario lock_scenarios[] = {
    {.name = "mutex", CAST_OF(be_mutex, .kind = IPC_MUTEX), PLAN(0)},
    {.name = "mutex, event loops", CAST_OF(be_mutex, .kind = IPC_MUTEX), PLAN(.how = EVENTS, .gives_up = true)},
    {.name = "mutex, tries", CAST_OF(be_mutex, .kind = IPC_MUTEX), PLAN(.how = TRYING)},
    {.name = "mutex, closed", CAST_OF(be_mutex, .kind = IPC_MUTEX), PLAN(.closes = true)},
    {.name = "mutex, unusable", CAST_OF(be_unusable, .kind = IPC_MUTEX), PLAN(0)},
    {.name = "mutex, heir",
     CAST_OF(be_mutex, .kind = IPC_MUTEX),
     PLAN(0),
     .first = {A, "ipc_claim_unlock (mutex.c) store", 2}},
    {.name = "mutex, heir of a wait",
     CAST_OF(be_mutex, .kind = IPC_MUTEX),
     PLAN(0),
     .first = {A, "ipc_waits_sleep wait", 1}},
    {.name = "mutex, heir of a notification",
     CAST_OF(be_mutex, .kind = IPC_MUTEX),
     PLAN(.how = EVENTS),
     .first = {A, "ipc_waits_leave exchange", 1}},
    {.name = "condition, heir of a notification",
     CAST_OF(be_condition, .kind = IPC_CONDITION),
     PLAN(0),
     .survivors = 1 << C,
     .first = {B, "ipc_waits_leave exchange", 1}},
    {.name = "condition", CAST_OF(be_condition, .kind = IPC_CONDITION), PLAN(0)},
    {.name = "condition, event loops", CAST_OF(be_condition, .kind = IPC_CONDITION), PLAN(.how = EVENTS)},
    {.name = "condition, given up", CAST_OF(be_condition, .kind = IPC_CONDITION), PLAN(.gives_up = true)},
    {.name = "semaphore", CAST_OF(be_semaphore, .kind = IPC_SEMAPHORE, .initial = 1 + 3), PLAN(.gives_up = true)},
    {.name = "semaphore, event loops",
     CAST_OF(be_semaphore, .kind = IPC_SEMAPHORE, .initial = 1 + 3),
     PLAN(.how = EVENTS)},
    {.name = "robust semaphore", CAST_OF(be_semaphore, .kind = IPC_SEMAPHORE, .initial = 1 + 1, .robust = 1), PLAN(0)},
    {.name = "robust semaphore, event loops",
     CAST_OF(be_semaphore, .kind = IPC_SEMAPHORE, .initial = 1 + 1, .robust = 1),
     PLAN(.how = EVENTS, .gives_up = true)},
    {.name = "robust semaphore, closed",
     CAST_OF(be_semaphore, .kind = IPC_SEMAPHORE, .initial = 1 + 2, .robust = 1),
     PLAN(.closes = true)},
    {.name = "robust semaphore, heir",
     CAST_OF(be_semaphore, .kind = IPC_SEMAPHORE, .initial = 1 + 1, .robust = 1),
     PLAN(0),
     .first = {A, "release_robust add", 2}},
    {.name = "rwlock", CAST_OF(be_rwlock, .kind = IPC_RWLOCK), PLAN(0)},
    {.name = "rwlock, event loops", CAST_OF(be_rwlock, .kind = IPC_RWLOCK), PLAN(.how = EVENTS, .gives_up = true)},
    {.name = "rwlock, given up", CAST_OF(be_rwlock, .kind = IPC_RWLOCK), PLAN(.gives_up = true)},
    {.name = "rwlock, closed", CAST_OF(be_rwlock, .kind = IPC_RWLOCK), PLAN(.closes = true)},
    {.name = "rwlock, unusable", CAST_OF(be_unusable, .kind = IPC_RWLOCK), PLAN(0)},
    {.name = "rwlock, heir of a writer",
     CAST_OF(be_rwlock, .kind = IPC_RWLOCK),
     PLAN(0),
     .first = {A, "ipc_rwlock_unlock store", 1}},
    {.name = "rwlock, heir of a reader",
     CAST_OF(be_rwlock, .kind = IPC_RWLOCK),
     PLAN(0),
     .first = {B, "set_held store", 2}},
    {.name = "mutex, left locked",
     CAST_OF(be_heir, .kind = IPC_MUTEX),
     PLAN(0),
     .first = {A, "ipc_claim_unlock (mutex.c) store", 1}},
    {.name = "mutex, left locked, other options",
     CAST_OF(be_heir, .kind = IPC_MUTEX),
     PLAN(.other_options = true),
     .survivors = 1 << C,
     .first = {A, "ipc_claim_unlock (mutex.c) store", 1}},
    {.name = "rwlock, left locked, other options",
     CAST_OF(be_heir, .kind = IPC_RWLOCK),
     PLAN(.other_options = true),
     .survivors = 1 << C,
     .first = {A, "ipc_rwlock_unlock store", 1}},
    {.name = "rwlock, left locked",
     CAST_OF(be_heir, .kind = IPC_RWLOCK),
     PLAN(0),
     .first = {A, "ipc_rwlock_unlock store", 1}},
    {.name = "memory", CAST_OF(be_memory, .kind = IPC_MEMORY, .size = 4096), PLAN(0)},
    {.name = "memory, unlinked", CAST_OF(be_memory, .kind = IPC_MEMORY, .size = 4096), PLAN(.closes = true)},
    {.name = NULL}};

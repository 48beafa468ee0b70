/* last_close_test.c - a lock whose owner died or was closed inside, and in what order its handles were closed. */
#include "mutex_fixture.h"

#include "interpose.h"
#include "libipc/rwlock.h"
#include "libipc/semaphore.h"
#include "view.h"

static const ipc_options rwlock = {.struct_size = sizeof(ipc_options), .kind = IPC_RWLOCK};
static const ipc_options robust = {
    .struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE, .initial = 1 + 3, .robust = 1};

static int32_t lock_it(ipc_handle *it) {
  return it->segment.kind == IPC_MUTEX ? ipc_mutex_lock(it, -1) : ipc_rwlock_lock(it, -1, IPC_KEEP_NOTHING);
}

static int32_t unlock_it(ipc_handle *it) {
  return it->segment.kind == IPC_MUTEX ? ipc_mutex_unlock(it) : ipc_rwlock_unlock(it);
}

static void check_nothing_is_left(ipc_options options) {
  ipc_failure failure;
  options.mode = IPC_OPEN;
  CHECK(try_handle(options, &failure) == NULL);
  CHECK_EQ(failure.code, IPC_E_NOT_FOUND);
}

/* The next owner gets IPC_OWNER_DIED, the one after it does not, and then nothing is left. */
static void check_the_next_owner(ipc_options options) {
  ipc_handle *it = must_handle(options);
  options.mode = 0;
  ipc_handle *other = must_handle(options);
  CHECK_EQ(lock_it(it), IPC_OWNER_DIED);
  CHECK_EQ(unlock_it(it), IPC_OK);
  CHECK_EQ(lock_it(other), IPC_OK);
  CHECK_EQ(unlock_it(other), IPC_OK);
  ipc_handle_close(it);
  ipc_handle_close(other);
  check_nothing_is_left(options);
}

enum { CLOSES, IS_KILLED, THREAD_ENDS, LEAVINGS };

typedef struct user {
  ipc_options options;
  bool locks;
  int leaving;
} user;

/* What the ended threads leave open is lost on purpose: AddressSanitizer need not see it. */
static ipc_handle *lost[32];

static void use(void *argument) {
  static int losses;
  const user *it = argument;
  ipc_handle *handle = must_handle(it->options);
  if (it->locks) CHECK_EQ(lock_it(handle), IPC_OK);
  if (it->leaving == THREAD_ENDS) {
    lost[losses++] = handle;
    return;
  }
  atomic_fetch_add(&shared->ready, 1);
  if (it->leaving == CLOSES)
    ipc_handle_close(handle);
  else
    pause();
}

static void leave(user *it) {
  uint32_t before = atomic_load(&shared->ready);
  test_worker worker = test_start(it->leaving == THREAD_ENDS ? TEST_THREAD : TEST_PROCESS, use, it);
  if (it->leaving == IS_KILLED) {
    test_await(&shared->ready, before + 1);
    test_kill(worker);
    test_reap(worker);
  } else {
    test_finish(worker);
  }
}

static void the_next_owner_learns_of_it_in_every_order(void) {
  if (!shared) shared = test_shared(sizeof *shared);
  for (int kind = 0; kind < 2; kind++)
    for (int leaving = 0; leaving < LEAVINGS; leaving++)
      for (int order = 0; order < 8; order++) {
        ipc_options options = kind == 0 ? mutex : rwlock;
        ipc_handle *first = order & 1 ? must_handle(options) : NULL;
        leave(&(user){options, true, leaving});
        ipc_handle *last = order & 2 ? must_handle(options) : NULL;
        if (order & 4) leave(&(user){options, false, IS_KILLED});
        ipc_handle_close(first);
        ipc_handle_close(last);
        check_nothing_is_left(options);                        /* that could be joined */
        if (order & 4) ipc_handle_close(must_handle(options)); /* it does not lock */
        if (order == 0) options.mode = IPC_CREATE;
        if (order == 3) options.max_receivers = 9;
        if (order == 5) options.max_receivers = 900;
        if (order == 6) options.permissions = 0660;
        check_the_next_owner(options);
      }
}

static void clear_removes_what_was_left_locked(void) {
  ipc_failure failure;
  for (int way = 0; way < 2; way++) {
    ipc_handle *it = must_handle(mutex);
    CHECK_EQ(lock_it(it), IPC_OK);
    ipc_handle_close(it);
    if (way == 0) {
      CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_MUTEX, &failure), IPC_OK);
    } else {
      ipc_listing *listing = ipc_list_open(test_prefix, &failure);
      ipc_listed_name name;
      uint32_t removed = 0;
      while (ipc_list_next(listing, &name, &failure) == 1) {
        CHECK_EQ(name.state, IPC_LISTED_LEFTOVER);
        CHECK_EQ(name.senders + name.receivers + name.dead, 0);
        removed += (uint32_t)ipc_list_remove(listing);
      }
      CHECK_EQ(removed, 1);
      ipc_list_close(listing);
    }
    it = must_handle(mutex);
    CHECK_EQ(lock_it(it), IPC_OK);
    CHECK_EQ(unlock_it(it), IPC_OK);
    ipc_handle_close(it);
  }
}

/* How many names it has removed. */
static uint32_t remove_all(int32_t (*remove)(ipc_listing *)) {
  ipc_failure failure;
  ipc_listed_name name;
  uint32_t removed = 0;
  ipc_listing *listing = ipc_list_open(test_prefix, &failure);
  while (ipc_list_next(listing, &name, &failure) == 1) removed += (uint32_t)remove(listing);
  ipc_list_close(listing);
  return removed;
}

/* Also if it is being created again in its file, by a process that was killed. */
static void what_was_left_locked_is_not_unneeded(void) {
  for (int unfinished = 0; unfinished < 2; unfinished++) {
    ipc_handle *it = must_handle(mutex);
    CHECK_EQ(lock_it(it), IPC_OK);
    ipc_handle_close(it);
    CHECK_EQ(remove_all(ipc_list_remove_unneeded), 0);
    if (unfinished) {
      view seen = view_open(test_prefix, test_name, IPC_MUTEX);
      atomic_store(&seen.header->claim, IPC_CLAIM_ABANDONED);
      atomic_store(&seen.header->magic, 0);
      view_close(&seen);
      CHECK_EQ(remove_all(ipc_list_remove_unneeded), 0);
    }
    it = must_handle(mutex);
    CHECK_EQ(lock_it(it), IPC_OWNER_DIED);
    ipc_handle_close(it); /* locked again */
    CHECK_EQ(remove_all(ipc_list_remove_unneeded), 0);
    CHECK_EQ(remove_all(ipc_list_remove), 1);
  }
}

static void open_with_other_options(void *calls) {
  calls_left = (uint32_t)(intptr_t)calls;
  hooks.before = die_at_last_call;
  ipc_options options = {.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX, .max_receivers = 900};
  ipc_handle *it = must_handle(options);
  hooks.before = NULL;
  (void)it;
  atomic_store(&shared->go, 1);
}

/* It is created again with other options, by a process that is killed at each of its calls to the system. */
static void a_kill_during_the_replacement_does_not_lose_it(void) {
  if (!shared) shared = test_shared(sizeof *shared);
  for (intptr_t calls = 0; !atomic_load(&shared->go); calls++) {
    ipc_handle *it = must_handle(mutex);
    CHECK_EQ(lock_it(it), IPC_OK);
    ipc_handle_close(it);
    test_worker opener = test_start(TEST_PROCESS, open_with_other_options, (void *)calls);
    CHECK_EQ(test_survived(opener), atomic_load(&shared->go));
    check_the_next_owner(mutex);
    CHECK(calls < 200);
  }
}

static void an_unusable_lock_is_a_new_one_after_its_last_close(void) {
  for (int kind = 0; kind < 2; kind++) {
    const ipc_options options = kind == 0 ? mutex : rwlock;
    ipc_handle *it = must_handle(options);
    CHECK_EQ(lock_it(it), IPC_OK);
    CHECK_EQ(kind == 0 ? ipc_mutex_mark_unusable(it) : ipc_rwlock_mark_unusable(it), IPC_OK);
    ipc_handle_close(it);
    check_nothing_is_left(options);
    it = must_handle(options);
    CHECK_EQ(lock_it(it), IPC_OK);
    CHECK_EQ(unlock_it(it), IPC_OK);
    ipc_handle_close(it);
  }
}

static void hold_permits(void *count) {
  ipc_handle *it = must_handle(robust);
  for (intptr_t i = 0; i < (intptr_t)count; i++) CHECK_EQ(ipc_semaphore_acquire(it, 0), IPC_OK);
  atomic_fetch_add(&shared->ready, 1);
  pause();
}

static void the_permits_of_the_dead_are_counted_by_the_next_open(void) {
  if (!shared) shared = test_shared(sizeof *shared);
  for (intptr_t permits = 0; permits <= 3; permits++)
    for (int order = 0; order < 4; order++) {
      ipc_handle *first = order & 1 ? must_handle(robust) : NULL;
      uint32_t before = atomic_load(&shared->ready);
      test_worker holder = test_start(TEST_PROCESS, hold_permits, (void *)permits);
      test_await(&shared->ready, before + 1);
      ipc_handle *last = order & 2 ? must_handle(robust) : NULL;
      test_kill(holder);
      test_reap(holder);
      ipc_handle_close(first);
      ipc_handle_close(last);
      check_nothing_is_left(robust); /* that could be joined */
      ipc_handle *it = must_handle(robust);
      CHECK_EQ(ipc_semaphore_permits(it), 3);
      CHECK_EQ(ipc_semaphore_recovered(it), permits);
      CHECK_EQ(ipc_semaphore_acquire(it, 0), IPC_OK);
      ipc_handle_close(it); /* it gives its permit back */
      it = must_handle(robust);
      CHECK_EQ(ipc_semaphore_recovered(it), 0);
      ipc_handle_close(it);
    }
}

TEST_MAIN(TEST_CASE(the_next_owner_learns_of_it_in_every_order), TEST_CASE(clear_removes_what_was_left_locked),
          TEST_CASE(what_was_left_locked_is_not_unneeded), TEST_CASE(a_kill_during_the_replacement_does_not_lose_it),
          TEST_CASE(an_unusable_lock_is_a_new_one_after_its_last_close),
          TEST_CASE(the_permits_of_the_dead_are_counted_by_the_next_open))

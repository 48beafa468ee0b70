/* handle_test.c - how names of all kinds without a ring are opened, refused, counted, closed and left behind. */
#include "libipc/handle.h"

#include "handles.h"
#include "libipc/condition.h"
#include "libipc/list.h"
#include "libipc/memory.h"
#include "libipc/rwlock.h"
#include "libipc/semaphore.h"
#include "libipc/signal.h"
#include "view.h"

typedef struct board {
  _Atomic uint32_t ready, go, rounds;
} board;
static board *shared;
static ipc_options options_now;

static ipc_options of(uint32_t kind) {
  return (ipc_options){.struct_size = sizeof(ipc_options), .kind = kind, .size = kind == IPC_MEMORY ? 4096 : 0};
}

static ipc_options with_mode(uint32_t kind, uint32_t mode) {
  ipc_options options = of(kind);
  options.mode = mode;
  return options;
}

static void check_refused(ipc_options options, int32_t code, int32_t option) {
  ipc_failure failure;
  CHECK(!try_handle(options, &failure));
  CHECK_EQ(failure.code, code);
  CHECK_EQ(failure.option, option);
}

static void each_kind_is_made_and_gone(void) {
  for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++) {
    ipc_handle *it = must_handle(of(kind)), *other = must_handle(of(kind));
    CHECK(view_exists(test_prefix, test_name, kind));
    CHECK_EQ(ipc_handle_count(it), 2);
    CHECK(it->instance != other->instance);
    ipc_handle_close(it);
    CHECK_EQ(ipc_handle_count(other), 1);
    ipc_handle_close(other);
    ipc_handle_close(NULL);
    CHECK(!view_exists(test_prefix, test_name, kind));
  }
}

static void kinds_are_names_of_their_own(void) {
  ipc_failure failure;
  ipc_handle *all[IPC_KINDS];
  for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++) all[kind] = must_handle(with_mode(kind, IPC_CREATE));
  for (uint32_t kind = 0; kind <= IPC_KINDS; kind++) {
    if (kind >= IPC_MUTEX && kind < IPC_KINDS) continue;
    check_refused(of(kind), IPC_E_INVALID_ARGUMENT, 0);
  }
  for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++) {
    const ipc_options options = of(kind);
    CHECK(!ipc_sender_open(test_prefix, test_name, &options, &failure));
    CHECK_EQ(failure.code, IPC_E_INVALID_ARGUMENT);
    CHECK(!ipc_receiver_open(test_prefix, test_name, &options, &failure));
    CHECK_EQ(failure.code, IPC_E_INVALID_ARGUMENT);
    CHECK(!ipc_handle_open(test_prefix, "", &options, &failure));
    CHECK_EQ(failure.code, IPC_E_INVALID_NAME);
    ipc_handle_close(all[kind]);
  }
}

static void leave_it_behind(void *kind) {
  ipc_options options = of((uint32_t)(uintptr_t)kind);
  options.max_receivers = 7;
  options.initial = 5;
  options.robust = 1;
  must_handle(options);
  atomic_store(&shared->ready, 1);
  test_idle();
}

static void modes_tell_who_is_there(void) {
  shared = test_shared(sizeof *shared);
  for (uintptr_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++) {
    check_refused(with_mode((uint32_t)kind, IPC_OPEN), IPC_E_NOT_FOUND, 0);
    CHECK(!view_exists(test_prefix, test_name, (uint32_t)kind));
    ipc_handle *it = must_handle(with_mode((uint32_t)kind, IPC_CREATE));
    check_refused(with_mode((uint32_t)kind, IPC_CREATE), IPC_E_EXISTS, 0);
    ipc_handle *other = must_handle(with_mode((uint32_t)kind, IPC_OPEN));
    CHECK_EQ(ipc_handle_count(it), 2);
    ipc_handle_close(it);
    ipc_handle_close(other);
    /* A leftover does not count, and its options do not bind. */
    for (uint32_t mode = IPC_CREATE_OR_OPEN; mode <= IPC_OPEN; mode++) {
      test_worker worker = test_start(TEST_PROCESS, leave_it_behind, (void *)kind);
      test_await(&shared->ready, 1);
      if (mode == IPC_CREATE) check_refused(with_mode((uint32_t)kind, IPC_CREATE), IPC_E_EXISTS, 0);
      test_kill(worker);
      if (mode == IPC_OPEN) {
        check_refused(with_mode((uint32_t)kind, IPC_OPEN), IPC_E_NOT_FOUND, 0);
        CHECK(!view_exists(test_prefix, test_name, (uint32_t)kind));
      } else {
        ipc_options options = with_mode((uint32_t)kind, mode);
        options.max_receivers = 3;
        it = must_handle(options);
        CHECK_EQ(ipc_handle_count(it), 1);
        CHECK_EQ(it->segment.header->robust, 0);
        ipc_handle_close(it);
      }
      atomic_store(&shared->ready, 0);
    }
  }
  check_refused((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX, .mode = IPC_OPEN + 1},
                IPC_E_INVALID_ARGUMENT, 0);
}

/* An unfinished file, as its creator leaves it that dies at once. */
static void an_unfinished_name_is_no_name(void) {
  for (uint32_t mode = IPC_CREATE_OR_OPEN; mode <= IPC_OPEN; mode++)
    for (uint32_t filled = 0; filled < 2; filled++) {
      char key[IPC_OS_KEY_BYTES];
      CHECK_EQ(ipc_segment_key(key, IPC_MUTEX, test_prefix, test_name), IPC_OK);
      int fd = ipc_os_open(key, true, 0600);
      CHECK_GE(fd, 0);
      if (filled) CHECK_EQ(ipc_os_resize(fd, 65536), 0);
      ipc_os_close(fd);
      if (mode == IPC_OPEN) {
        check_refused(with_mode(IPC_MUTEX, mode), IPC_E_NOT_FOUND, 0);
        CHECK(!view_exists(test_prefix, test_name, IPC_MUTEX));
      } else {
        ipc_handle_close(must_handle(with_mode(IPC_MUTEX, mode)));
      }
    }
}

static void options_must_be_the_creators(void) {
  ipc_handle *it = must_handle((ipc_options){
      .struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE, .initial = 4, .robust = 1, .max_receivers = 5});
  check_refused((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE, .initial = 5},
                IPC_E_OPTIONS_MISMATCH, IPC_OPTION_INITIAL);
  check_refused((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE, .initial = 1},
                IPC_E_OPTIONS_MISMATCH, IPC_OPTION_INITIAL);
  check_refused((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE, .robust = 2},
                IPC_E_OPTIONS_MISMATCH, IPC_OPTION_ROBUST);
  check_refused((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE, .max_receivers = 6},
                IPC_E_OPTIONS_MISMATCH, IPC_OPTION_MAX_RECEIVERS);
  check_refused((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE, .permissions = 0666},
                IPC_E_OPTIONS_MISMATCH, IPC_OPTION_PERMISSIONS);
  ipc_handle *same = must_handle((ipc_options){
      .struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE, .initial = 4, .robust = 1, .max_receivers = 5});
  ipc_handle *any = must_handle((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE});
  CHECK_EQ(ipc_handle_count(it), 3); /* a refused handle is not counted */
  ipc_handle_close(it);
  ipc_handle_close(same);
  ipc_handle_close(any);
  it = must_handle((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE});
  check_refused((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE, .robust = 1},
                IPC_E_OPTIONS_MISMATCH, IPC_OPTION_ROBUST);
  same =
      must_handle((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE, .initial = 2, .robust = 2});
  ipc_handle_close(same);
  ipc_handle_close(it);
}

static void options_that_cannot_be_are_refused(void) {
  check_refused((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE, .robust = 3},
                IPC_E_INVALID_ARGUMENT, 0);
  check_refused(
      (ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE, .initial = IPC_MAX_PERMITS + 2},
      IPC_E_INVALID_ARGUMENT, 0);
  check_refused(
      (ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX, .max_receivers = IPC_MAX_RECEIVERS + 1},
      IPC_E_INVALID_ARGUMENT, IPC_OPTION_MAX_RECEIVERS);
  /* Only of rings: no handle could join a mutex that was created with them. */
  for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++) {
    ipc_options options = of(kind);
    options.capacity = IPC_MIN_CAPACITY;
    check_refused(options, IPC_E_INVALID_ARGUMENT, IPC_OPTION_CAPACITY);
    options.capacity = 0;
    options.overflow = IPC_BLOCK;
    check_refused(options, IPC_E_INVALID_ARGUMENT, IPC_OPTION_OVERFLOW);
  }
}

static void stay(void *unused) {
  (void)unused;
  must_handle(options_now);
  atomic_fetch_add(&shared->ready, 1);
  test_idle();
}

/* More than there are by default; each open and close checks liveness, so 1024 would take long. */
enum { MANY = 150 };

static void there_is_room_for_so_many_handles(void) {
  shared = test_shared(sizeof *shared);
  for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++) {
    ipc_failure failure;
    options_now = of(kind);
    options_now.max_receivers = 3;
    ipc_handle *all[2] = {must_handle(options_now), must_handle(options_now)};
    test_worker worker = test_start(TEST_PROCESS, stay, NULL);
    test_await(&shared->ready, 1);
    CHECK(!try_handle(options_now, &failure));
    CHECK_EQ(failure.code, IPC_E_TOO_MANY_HANDLES);
    CHECK_EQ(failure.wanted, 3);
    CHECK_EQ(ipc_handle_count(all[0]), 3);
    test_stop(worker);
    CHECK(!try_handle(options_now, &failure)); /* stopped is not dead */
    test_kill(worker);
    CHECK_EQ(ipc_handle_count(all[0]), 2);
    ipc_handle *third = must_handle(options_now);
    CHECK_EQ(ipc_handle_count(all[0]), 3);
    ipc_handle_close(third);
    for (int i = 0; i < 2; i++) ipc_handle_close(all[i]);
    atomic_store(&shared->ready, 0);
  }
  options_now = of(IPC_MUTEX);
  options_now.max_receivers = MANY;
  static ipc_handle *many[MANY];
  for (uint32_t i = 0; i < MANY; i++) many[i] = must_handle(options_now);
  check_refused(options_now, IPC_E_TOO_MANY_HANDLES, 0);
  for (uint32_t i = 0; i < MANY; i++) ipc_handle_close(many[i]);
}

static void a_look_notices_the_dead(void) {
  shared = test_shared(sizeof *shared);
  for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++) {
    options_now = of(kind);
    ipc_handle *it = must_handle(options_now);
    test_worker worker = test_start(TEST_PROCESS, stay, NULL);
    test_await(&shared->ready, 1);
    ipc_handle_poll(it);
    CHECK_EQ(it->segment.header->receiver_count, 2);
    CHECK_EQ(it->segment.header->deaths, 0);
    test_kill(worker);
    ipc_handle_poll(it);
    CHECK_EQ(it->segment.header->receiver_count, 1);
    CHECK_EQ(it->segment.header->deaths, 1);
    CHECK_EQ(it->segment.header->orphaned, 0);
    ipc_os_unlink(it->segment.key);
    ipc_handle_poll(it);
    CHECK_EQ(it->segment.header->orphaned, 1);
    ipc_handle_close(it);
    atomic_store(&shared->ready, 0);
  }
}

/* The header's constant fields are checked by each process that opens the name. */
static void damage_is_refused(void) {
  ipc_failure failure;
  for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++)
    for (int field = 0; field < 8; field++) {
      ipc_handle *it = must_handle(of(kind));
      view seen = view_open(test_prefix, test_name, kind);
      uint32_t *const fields[] = {&seen.header->kind,          &seen.header->capacity,
                                  &seen.header->max_receivers, &seen.header->max_senders,
                                  &seen.header->overflow,      &seen.header->initial,
                                  &seen.header->robust,        (uint32_t *)(void *)&seen.header->segment_bytes};
      const uint32_t wild[] = {
          kind == IPC_MUTEX ? IPC_MEMORY : IPC_MUTEX, 4096, 1024, 1024, 1, IPC_MAX_PERMITS + 1, 2, 4096};
      const uint32_t before = *fields[field];
      *fields[field] = wild[field];
      CHECK(!try_handle(with_mode(kind, IPC_OPEN), &failure));
      CHECK_EQ(failure.code, IPC_E_CORRUPT);
      *fields[field] = before;
      ipc_handle_close(must_handle(of(kind)));
      view_close(&seen);
      ipc_handle_close(it);
    }
}

static void use(ipc_handle *it) {
  ipc_failure failure;
  uint8_t bytes[16];
  switch (options_now.kind) {
    case IPC_MUTEX:
      if (ipc_mutex_lock(it, 5) >= 0) ipc_mutex_unlock(it);
      ipc_mutex_lock(it, 0);
      break;
    case IPC_CONDITION:
      ipc_condition_notify_all(it);
      ipc_handle_sleep(it, ipc_condition_enter(it, 0, 0), 5);
      break;
    case IPC_SEMAPHORE:
      if (ipc_semaphore_acquire(it, 5) == IPC_OK) ipc_semaphore_release(it, 1);
      ipc_semaphore_acquire(it, 0);
      break;
    case IPC_RWLOCK:
      if (ipc_rwlock_lock(it, 5, 0) >= 0) ipc_rwlock_unlock(it);
      if (ipc_rwlock_lock_shared(it, 5) >= 0) ipc_rwlock_unlock_shared(it);
      ipc_rwlock_lock(it, 0, 1);
      break;
    case IPC_SIGNAL:
      ipc_signal_notify(it, 1, 1);
      ipc_signal_wait(it, 5);
      break;
    case IPC_LATEST:
      if (ipc_latest_set(it, "abcdefghi", 9, 5) == IPC_OK && ipc_latest_lock(it, 5) == IPC_OK) ipc_latest_unlock(it);
      ipc_latest_get(it, bytes, sizeof bytes);
      ipc_latest_length(it);
      ipc_latest_set(it, "", 0, 0);
      ipc_handle_sleep(it, ipc_latest_enter(it, ipc_latest_version(it), 0, 0), 5);
      break;
    default: ipc_memory_wake(it, 0, 9); ipc_handle_sleep(it, ipc_memory_enter(it, 0, 0, 0, 0, &failure), 5);
  }
}

/* Wild values in all that changes: nothing crashes, hangs or reaches out of the tables. */
static void damage_is_survived(void) {
  const uint32_t wild[] = {1, 2, 0x80000000u, UINT32_MAX - 1, UINT32_MAX};
  for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++)
    for (int i = 0; i < 21 * 5; i++) {
      options_now = of(kind);
      ipc_handle *it = must_handle(options_now), *other = must_handle(options_now);
      ipc_header *header = it->segment.header;
      _Atomic uint32_t *const fields[] = {&header->claim,
                                          &header->writing,
                                          &header->permits,
                                          &header->recovered,
                                          &header->receiver_slots_used,
                                          &header->receiver_count,
                                          &header->waiting,
                                          &header->wait_entries_used,
                                          &header->next_ticket,
                                          &header->deaths,
                                          &header->next_instance,
                                          &other->slot->held,
                                          &other->slot->pending[0],
                                          &other->slot->pin,
                                          &header->pinning,
                                          &header->buffers,
                                          (_Atomic uint32_t *)(void *)&header->current,
                                          (_Atomic uint32_t *)(void *)&header->current + 1,
                                          &other->segment.waits[1].state,
                                          &other->segment.waits[1].instance,
                                          &other->segment.waits[2].what};
      atomic_store(fields[i / 5], wild[i % 5]);
      use(it);
      ipc_handle_poll(it);
      ipc_handle_count(it);
      ipc_handle_close(it);
      ipc_handle_close(other);
      test_remove_segments();
      test_own(test_prefix, test_name);
    }
}

static void live_a_life(void *unused) {
  (void)unused;
  hooks.before = die_at_last_call;
  ipc_handle *it = must_handle(options_now);
  use(it);
  ipc_handle_close(it);
  hooks.before = NULL;
}

/* A lock that is closed while it is held keeps its name, for the next owner. */
static void unlock_it(ipc_handle *it) {
  if (options_now.kind == IPC_MUTEX && ipc_mutex_is_held(it)) CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
  if (options_now.kind == IPC_RWLOCK && ipc_rwlock_held(it) < 0) CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
}

/* After a death at any single call, the name can be opened, used, unlocked and closed, and is gone then. */
static void a_death_at_every_call_leaves_a_name_to_use(void) {
  for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++) {
    options_now = of(kind);
    for (uint32_t n = 0, finished = 0; !finished && n < 200; n++) {
      calls_left = n;
      finished = test_survived(test_start(TEST_PROCESS, live_a_life, NULL));
      ipc_handle *it = must_handle(options_now);
      use(it);
      CHECK_EQ(ipc_handle_count(it), 1);
      unlock_it(it);
      ipc_handle_close(it);
      CHECK(!view_exists(test_prefix, test_name, kind));
    }
  }
}

static void come_and_go(void *unused) {
  (void)unused;
  for (int i = 0; i < 100 * TEST_SCALE; i++) {
    ipc_handle *it = must_handle(of(IPC_MUTEX));
    int32_t status = ipc_mutex_lock(it, -1);
    CHECK(status == IPC_OK || status == IPC_OWNER_DIED);
    if (i % 3) CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
    ipc_handle_close(it);
  }
}

static void names_come_and_go_under_load(void) {
  test_worker workers[4];
  for (int i = 0; i < 4; i++) workers[i] = test_start(TEST_PROCESS, come_and_go, NULL);
  for (int i = 0; i < 4; i++) test_finish(workers[i]);
  ipc_handle *it = must_handle(of(IPC_MUTEX));
  CHECK_GE(ipc_mutex_lock(it, 0), IPC_OK); /* one of them may have left it locked */
  CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
  ipc_handle_close(it);
  CHECK(!view_exists(test_prefix, test_name, IPC_MUTEX));
}

static ipc_listed_name find_listed(uint32_t kind, uint32_t *endpoints) {
  static ipc_listed_name name;
  ipc_listed_endpoint endpoint;
  ipc_failure failure;
  ipc_listing *listing = ipc_list_open(test_prefix, &failure);
  CHECK(listing);
  *endpoints = 0;
  int32_t told;
  while ((told = ipc_list_next(listing, &name, &failure)) == 1)
    if (name.kind == kind) {
      while (ipc_list_endpoint(listing, &endpoint) == 1) {
        ++*endpoints;
        CHECK_EQ(endpoint.pid, getpid());
        CHECK_EQ(endpoint.role, IPC_HANDLE);
      }
      break;
    }
  CHECK_EQ(told, 1);
  ipc_list_close(listing);
  return name;
}

static void they_are_listed(void) {
  for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++) {
    uint32_t endpoints;
    ipc_handle *it = must_handle(of(kind)), *other = must_handle(of(kind));
    int32_t wait = ipc_waits_enter(&it->segment, it->instance, 1, 12345); /* no place of a sender */
    ipc_listed_name name = find_listed(kind, &endpoints);
    CHECK_EQ(name.state, IPC_LISTED_LIVE);
    CHECK_EQ(name.receivers, 2);
    CHECK_EQ(name.senders, 0);
    CHECK_EQ(name.dead, 0);
    CHECK_EQ(endpoints, 2);
    ipc_waits_leave(&it->segment, wait);
    ipc_handle_close(it);
    ipc_handle_close(other);
  }
}

TEST_MAIN(TEST_CASE(each_kind_is_made_and_gone), TEST_CASE(kinds_are_names_of_their_own),
          TEST_CASE(modes_tell_who_is_there), TEST_CASE(an_unfinished_name_is_no_name),
          TEST_CASE(options_must_be_the_creators), TEST_CASE(options_that_cannot_be_are_refused),
          TEST_CASE(there_is_room_for_so_many_handles), TEST_CASE(a_look_notices_the_dead),
          TEST_CASE(damage_is_refused), TEST_CASE(damage_is_survived),
          TEST_CASE(a_death_at_every_call_leaves_a_name_to_use), TEST_CASE(names_come_and_go_under_load),
          TEST_CASE(they_are_listed))

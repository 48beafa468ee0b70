/* list_handles_test.c - a listing reports handles: what they hold, what they wait for, which ones died. */
#include "buffers.h"
#include "list_fixture.h"

static void check_handle(const ipc_listed_endpoint *it, uint32_t slot, uint32_t sleeping, uint32_t holds,
                         uint32_t exclusive) {
  CHECK_EQ(it->role, IPC_HANDLE);
  CHECK_EQ(it->slot, slot);
  CHECK(it->instance != 0);
  CHECK_EQ(it->sleeping, sleeping);
  CHECK_EQ(it->holds, holds);
  CHECK_EQ(it->exclusive, exclusive);
  CHECK_EQ(it->position + it->lag + it->lost, 0);
}

static void handles_of_every_kind_are_listed(void) {
  for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++) {
    ipc_options options = options_of(kind);
    options.permissions = 0640;
    ipc_handle *handle = must_open(options), *other = must_open(options);
    report it = must_find(kind);
    uint64_t capacity = kind == IPC_MEMORY ? 100000 : kind == IPC_LATEST ? IPC_DEFAULT_VALUE : 0;
    uint64_t body, bytes = ipc_segment_bytes(kind, 0, 4, &body) + (kind == IPC_MEMORY ? 100000 : 0);
    if (kind == IPC_LATEST) bytes = body + IPC_FIRST_BUFFERS * ipc_buffer_stride(IPC_DEFAULT_VALUE);
    CHECK_EQ(it.name.state, IPC_LISTED_LIVE);
    CHECK_EQ(it.name.max_receivers, 4);
    CHECK_EQ(it.name.permissions, 0640);
    CHECK_EQ(it.name.overflow, 0);
    CHECK_EQ(it.name.version, IPC_LAYOUT_VERSION);
    CHECK_EQ(it.name.senders, 0);
    CHECK_EQ(it.name.receivers, 2);
    CHECK_EQ(it.name.dead, 0);
    CHECK_EQ(it.name.capacity, capacity);
    CHECK_EQ(it.name.bytes, bytes);
    CHECK_EQ(it.name.permits, kind == IPC_SEMAPHORE ? 3 : 0);
    CHECK_EQ(it.name.initial, kind == IPC_SEMAPHORE ? 3 : 0);
    CHECK_EQ(it.name.robust, kind == IPC_SEMAPHORE);
    CHECK_EQ(it.name.waiting + it.name.recovered + it.name.unusable + it.name.head + it.name.messages, 0);
    CHECK_EQ(it.count, 2);
    for (uint32_t i = 0; i < 2; i++) {
      check_handle(&it.endpoints[i], i, 0, 0, 0);
      CHECK_EQ(it.endpoints[i].pid, getpid());
      CHECK_EQ(it.endpoints[i].alive, 1);
    }
    ipc_handle_close(other);
    CHECK_EQ(must_find(kind).count, 1);
    ipc_handle_close(handle);
    CHECK(!find(test_prefix, test_name, kind, &it));
  }
}

static void the_last_slot_and_the_last_wait_are_listed(void) {
  enum { LAST = IPC_MAX_RECEIVERS - 1, LAST_WAIT = IPC_MAX_RECEIVERS * IPC_WAITS_PER_HANDLE - 1 };
  ipc_handle *condition = must_open(
      (ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CONDITION, .max_receivers = IPC_MAX_RECEIVERS});
  for (int32_t i = 0; i <= LAST_WAIT; i++) CHECK_EQ(ipc_condition_enter(condition, 0, 0), i);
  CHECK_EQ(ipc_condition_enter(condition, 0, 0), IPC_E_TOO_MANY_WAITS);
  for (int32_t i = 0; i < LAST_WAIT; i++) ipc_handle_leave(condition, i);
  view seen = view_open(test_prefix, test_name, IPC_CONDITION);
  ipc_slot *last = &view_receivers(&seen)[LAST]; /* as if all places before it had been taken, which takes long */
  last->owner = view_receivers(&seen)->owner;
  last->instance = IPC_MAX_RECEIVERS;
  report it = must_find(IPC_CONDITION);
  CHECK_EQ(it.name.max_receivers, IPC_MAX_RECEIVERS);
  CHECK_EQ(it.name.receivers, 2);
  check_handle(&it.endpoints[0], 0, 1, 0, 0);
  check_handle(&it.endpoints[1], LAST, 0, 0, 0);
  ipc_handle_leave(condition, LAST_WAIT);
  CHECK_EQ(must_find(IPC_CONDITION).endpoints[0].sleeping, 0);
  last->instance = 0;
  ipc_handle_close(condition);
}

static void the_owner_of_a_mutex_is_listed(void) {
  ipc_handle *mutex = must_open(options_of(IPC_MUTEX)), *other = must_open(options_of(IPC_MUTEX));
  CHECK_EQ(ipc_mutex_lock(other, 0), IPC_OK);
  report it = must_find(IPC_MUTEX);
  check_handle(&it.endpoints[0], 0, 0, 0, 0);
  check_handle(&it.endpoints[1], 1, 0, 1, 1);
  ipc_handle_close(other); /* abandoned: no handle holds it */
  it = must_find(IPC_MUTEX);
  CHECK_EQ(it.count, 1);
  check_handle(&it.endpoints[0], 0, 0, 0, 0);
  CHECK_EQ(ipc_mutex_lock(mutex, 0), IPC_OWNER_DIED);
  check_handle(&must_find(IPC_MUTEX).endpoints[0], 0, 0, 1, 1);
  CHECK_EQ(ipc_mutex_mark_unusable(mutex), IPC_OK);
  it = must_find(IPC_MUTEX);
  check_handle(&it.endpoints[0], 0, 0, 0, 0);
  CHECK_EQ(it.name.unusable, 1);
  ipc_handle_close(mutex);
}

static void lock_and_unlock(void *unused) {
  (void)unused;
  ipc_handle *mutex = must_open(options_of(IPC_MUTEX));
  CHECK_EQ(ipc_mutex_lock(mutex, -1), IPC_OK);
  atomic_store(&shared->ready, 1);
  test_await(&shared->go, 1);
  ipc_mutex_unlock(mutex);
  ipc_handle_close(mutex);
}

static void waiters_for_a_mutex_are_listed(void) {
  shared = test_shared(sizeof *shared);
  ipc_handle *mutex = must_open(options_of(IPC_MUTEX));
  CHECK_EQ(ipc_mutex_lock(mutex, 0), IPC_OK);
  test_worker worker = test_start(TEST_PROCESS, lock_and_unlock, NULL);
  await_sleeping(IPC_MUTEX, IPC_HANDLE, 1);
  check_handle(&must_find(IPC_MUTEX).endpoints[0], 0, 0, 1, 1);
  CHECK_EQ(ipc_mutex_unlock(mutex), IPC_OK);
  test_await(&shared->ready, 1);
  uint32_t waker[2];
  int fd = ipc_waker_open(waker);
  CHECK_GE(fd, 0);
  CHECK_EQ(ipc_handle_arm(mutex, IPC_WAIT_FOR_LOCK, waker[0], waker[1]), IPC_OK);
  CHECK_EQ(ipc_mutex_lock(mutex, 0), IPC_TIMED_OUT);
  report it = must_find(IPC_MUTEX);
  check_handle(&it.endpoints[0], 0, 1, 0, 0); /* in its event loop */
  check_handle(&it.endpoints[1], 1, 0, 1, 1);
  atomic_store(&shared->go, 1);
  test_finish(worker);
  check_handle(&must_find(IPC_MUTEX).endpoints[0], 0, 0, 0, 0); /* it was rung */
  ipc_handle_close(mutex);
  close(fd);
  ipc_waker_close(waker[0], waker[1]);
}

static void readers_and_writers_inside_are_listed(void) {
  uint32_t waker[2];
  int fd = ipc_waker_open(waker);
  CHECK_GE(fd, 0);
  ipc_handle *reader = must_open(options_of(IPC_RWLOCK)), *other = must_open(options_of(IPC_RWLOCK)),
             *writer = must_open(options_of(IPC_RWLOCK));
  for (int i = 0; i < 2; i++) CHECK_EQ(ipc_rwlock_lock_shared(reader, 0), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(writer, 0, 1), IPC_TIMED_OUT);
  ipc_handle_arm(writer, IPC_WAIT_FOR_LOCK, waker[0], waker[1]);
  report it = must_find(IPC_RWLOCK);
  check_handle(&it.endpoints[0], 0, 0, 2, 0);
  check_handle(&it.endpoints[1], 1, 0, 1, 0);
  check_handle(&it.endpoints[2], 2, 1, 0, 0); /* it has the turn, but is not inside */
  for (int i = 0; i < 2; i++) ipc_rwlock_unlock_shared(reader);
  ipc_rwlock_unlock_shared(other);
  CHECK_EQ(ipc_rwlock_lock(writer, 0, 1), IPC_OK);
  it = must_find(IPC_RWLOCK);
  check_handle(&it.endpoints[0], 0, 0, 0, 0);
  check_handle(&it.endpoints[2], 2, 0, 1, 1);
  ipc_handle_close(writer); /* inside: the next owners learn of it */
  CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_OWNER_DIED);
  it = must_find(IPC_RWLOCK);
  check_handle(&it.endpoints[1], 1, 0, 1, 0);
  ipc_rwlock_unlock_shared(other);
  CHECK_EQ(ipc_rwlock_lock(other, 0, 0), IPC_OWNER_DIED);
  CHECK_EQ(ipc_rwlock_mark_unusable(other), IPC_OK);
  it = must_find(IPC_RWLOCK);
  check_handle(&it.endpoints[1], 1, 0, 0, 0);
  CHECK_EQ(it.name.unusable, 1);
  ipc_handle_close(other);
  ipc_handle_close(reader);
  close(fd);
  ipc_waker_close(waker[0], waker[1]);
}

/* Has something happen just before the listing reads the header for the second time. */
static void (*meanwhile)(void);

static int reads_before;

static void count_reads(const char *call) {
  if (strcmp(call, "read") != 0 || reads_before-- > 0) return;
  hooks.before = NULL;
  meanwhile();
}

static report find_while(uint32_t kind, void (*happens)(void)) {
  meanwhile = happens;
  reads_before = 3; /* header, places, waits */
  hooks.before = count_reads;
  report it = must_find(kind);
  CHECK(!hooks.before);
  return it;
}

static ipc_handle *first_handle, *second_handle;

static void leave_to_a_writer(void) {
  CHECK_EQ(ipc_rwlock_unlock_shared(first_handle), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(second_handle, 0, 0), IPC_OK);
}

static void a_writer_is_never_listed_beside_readers(void) {
  first_handle = must_open(options_of(IPC_RWLOCK));
  second_handle = must_open(options_of(IPC_RWLOCK));
  CHECK_EQ(ipc_rwlock_lock_shared(first_handle, 0), IPC_OK);
  report it = find_while(IPC_RWLOCK, leave_to_a_writer);
  check_handle(&it.endpoints[0], 0, 0, 0, 0);
  check_handle(&it.endpoints[1], 1, 0, 1, 1);
  ipc_handle_close(first_handle);
  ipc_handle_close(second_handle);
}

static void permits_and_their_holders_are_listed(void) {
  ipc_options options = options_of(IPC_SEMAPHORE);
  ipc_handle *semaphore = must_open(options), *other = must_open(options);
  for (int i = 0; i < 2; i++) CHECK_EQ(ipc_semaphore_acquire(other, 0), IPC_OK);
  report it = must_find(IPC_SEMAPHORE);
  CHECK_EQ(it.name.permits, 1);
  CHECK_EQ(it.name.initial, 3);
  check_handle(&it.endpoints[0], 0, 0, 0, 0);
  check_handle(&it.endpoints[1], 1, 0, 2, 0);
  ipc_handle_close(other);
  CHECK_EQ(must_find(IPC_SEMAPHORE).name.permits, 3);
  ipc_handle_close(semaphore);
  options.robust = 2;
  semaphore = must_open(options);
  CHECK_EQ(ipc_semaphore_acquire(semaphore, 0), IPC_OK);
  CHECK_EQ(ipc_semaphore_release(semaphore, IPC_MAX_PERMITS - 2), IPC_OK);
  it = must_find(IPC_SEMAPHORE);
  CHECK_EQ(it.name.robust, 0);
  CHECK_EQ(it.name.permits, IPC_MAX_PERMITS);
  check_handle(&it.endpoints[0], 0, 0, 0, 0);
  ipc_handle_close(semaphore);
}

static void waiters_for_a_condition_or_a_word_are_listed(void) {
  ipc_handle *condition = must_open(options_of(IPC_CONDITION));
  int32_t first = ipc_condition_enter(condition, 0, 0), second = ipc_condition_enter(condition, 0, 0);
  check_handle(&must_find(IPC_CONDITION).endpoints[0], 0, 1, 0, 0);
  CHECK_EQ(ipc_condition_notify(condition), 1);
  CHECK_EQ(must_find(IPC_CONDITION).endpoints[0].sleeping, 1); /* the second still does */
  CHECK_EQ(ipc_condition_notify(condition), 1);
  CHECK_EQ(must_find(IPC_CONDITION).endpoints[0].sleeping, 0); /* notified: it is about to go on */
  CHECK_EQ(ipc_handle_leave(condition, first) + ipc_handle_leave(condition, second), 2);
  ipc_handle_close(condition);
  ipc_failure failure;
  ipc_handle *memory = must_open(options_of(IPC_MEMORY));
  int32_t wait = ipc_memory_enter(memory, 400, 0, 0, 0, &failure);
  CHECK_GE(wait, 0);
  check_handle(&must_find(IPC_MEMORY).endpoints[0], 0, 1, 0, 0);
  ipc_handle_leave(memory, wait);
  check_handle(&must_find(IPC_MEMORY).endpoints[0], 0, 0, 0, 0);
  ipc_handle_close(memory);
}

static void grow(void) {
  ipc_failure failure;
  CHECK_EQ(ipc_memory_grow(first_handle, 200000, &failure), IPC_OK);
}

static void memory_that_grows_during_the_listing_is_listed(void) {
  first_handle = must_open(options_of(IPC_MEMORY));
  uint64_t body = must_find(IPC_MEMORY).name.bytes - 100000;
  report it = find_while(IPC_MEMORY, grow);
  CHECK_EQ(it.name.state, IPC_LISTED_LIVE);
  CHECK_EQ(it.name.capacity, 100000);
  CHECK_EQ(it.name.bytes, body + 100000);
  it = must_find(IPC_MEMORY);
  CHECK_EQ(it.name.capacity, 200000);
  CHECK_EQ(it.name.bytes, body + 200000);
  ipc_handle_close(first_handle);
}

static void memory_of_4_gib_is_listed(void) {
  ipc_handle *memory = must_open(options_of(IPC_MEMORY));
  view it = view_open(test_prefix, test_name, IPC_MEMORY);
  int fd = view_file(test_prefix, test_name, IPC_MEMORY);
  CHECK_EQ(ftruncate(fd, (off_t)(it.header->body_offset + IPC_MAX_MEMORY)),
           0); /* takes no memory until it is touched */
  ipc_os_close(fd);
  atomic_store(&it.header->memory_bytes, IPC_MAX_MEMORY);
  report seen = must_find(IPC_MEMORY);
  CHECK_EQ(seen.name.capacity, IPC_MAX_MEMORY);
  CHECK_EQ(seen.name.bytes, it.header->body_offset + IPC_MAX_MEMORY);
  ipc_handle_close(memory);
}

static void leftovers_of_dead_handles_are_listed_and_removed(void) {
  for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++) {
    bool waits = kind == IPC_CONDITION || kind == IPC_MEMORY;
    bool locks = kind == IPC_MUTEX || kind == IPC_RWLOCK || kind == IPC_LATEST;
    test_worker victim = start_using(&kind);
    report it = must_find(kind);
    CHECK_EQ(it.name.state, IPC_LISTED_LIVE);
    check_handle(&it.endpoints[0], 0, waits, !waits, locks);
    test_stop(victim);
    CHECK(!remove_of(kind));
    test_kill(victim);
    it = must_find(kind);
    CHECK_EQ(it.name.state, IPC_LISTED_LEFTOVER);
    CHECK_EQ(it.name.dead, 1);
    CHECK_EQ(it.name.receivers + it.name.senders, 0);
    CHECK_EQ(it.count, 1);
    CHECK_EQ(it.endpoints[0].alive, 0);
    CHECK_EQ(it.endpoints[0].pid, victim.pid);
    check_handle(&it.endpoints[0], 0, 0, !waits, locks); /* the dead do not wait, but hold on until they are missed */
    CHECK(remove_of(kind));
    CHECK(!view_exists(test_prefix, test_name, kind));
  }
}

static void a_dead_holder_is_listed_until_its_death_is_noticed(void) {
  uint32_t kind = IPC_MUTEX;
  ipc_handle *mutex = must_open(options_of(kind));
  test_kill(start_using(&kind));
  report it = must_find(kind);
  CHECK_EQ(it.name.state, IPC_LISTED_LIVE);
  CHECK_EQ(it.name.dead, 1);
  CHECK_EQ(it.name.receivers, 1);
  check_handle(&it.endpoints[1], 1, 0, 1, 1);
  CHECK(!remove_of(kind));
  CHECK_EQ(ipc_mutex_lock(mutex, TEST_PATIENCE_MS), IPC_OWNER_DIED);
  it = must_find(kind);
  CHECK_EQ(it.count, 1);
  check_handle(&it.endpoints[0], 0, 0, 1, 1);
  ipc_handle_close(mutex);

  kind = IPC_SEMAPHORE;
  ipc_handle *semaphore = must_open(options_of(kind));
  test_kill(start_using(&kind));
  it = must_find(kind);
  CHECK_EQ(it.name.permits, 2);
  CHECK_EQ(it.name.recovered, 0);
  check_handle(&it.endpoints[1], 1, 0, 1, 0);
  for (int i = 0; i < 3; i++) CHECK_EQ(ipc_semaphore_acquire(semaphore, TEST_PATIENCE_MS), IPC_OK);
  it = must_find(kind);
  CHECK_EQ(it.name.permits, 0);
  CHECK_EQ(it.name.recovered, 1);
  CHECK_EQ(it.count, 1);
  check_handle(&it.endpoints[0], 0, 0, 3, 0);
  ipc_handle_close(semaphore);
}

TEST_MAIN(TEST_CASE(handles_of_every_kind_are_listed), TEST_CASE(the_last_slot_and_the_last_wait_are_listed),
          TEST_CASE(the_owner_of_a_mutex_is_listed), TEST_CASE(waiters_for_a_mutex_are_listed),
          TEST_CASE(readers_and_writers_inside_are_listed), TEST_CASE(a_writer_is_never_listed_beside_readers),
          TEST_CASE(permits_and_their_holders_are_listed), TEST_CASE(waiters_for_a_condition_or_a_word_are_listed),
          TEST_CASE(memory_that_grows_during_the_listing_is_listed), TEST_CASE(memory_of_4_gib_is_listed),
          TEST_CASE(leftovers_of_dead_handles_are_listed_and_removed),
          TEST_CASE(a_dead_holder_is_listed_until_its_death_is_noticed))

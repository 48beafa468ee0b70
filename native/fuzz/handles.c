/*
 * handles.c - live handles of locks, semaphores, conditions, Signals and shared memory that is damaged under them.
 *
 * An input is a kind, and then a script, as in decode.c.
 */
#include <stdlib.h>

#include "calls.h"
#include "damage.h"

enum { HANDLES = 3, WAITS = 4, MAPPINGS = 4 };

static struct {
  ipc_options options, of_mutex;
  ipc_handle *handles[HANDLES], *mutex;
  int32_t waits[WAITS];
  ipc_mapping *mappings[MAPPINGS];
} all;

static void open_handle(uint32_t which) {
  ipc_failure failure;
  world_become(which % 2); /* two of them are the same thread's */
  DO(all.handles[which] = ipc_handle_open("p", "n", &all.options, &failure));
  if (!all.handles[which]) check_status(failure.code);
}

static void close_handle(uint32_t which) {
  DO(ipc_handle_close(all.handles[which]));
  all.handles[which] = NULL;
}

static void call_mutex(ipc_handle *mutex, uint8_t what, input *from) {
  int32_t timeout = take_timeout(from);
  switch (what) {
    default: CALL(timeout, ipc_mutex_lock(mutex, timeout)); break;
    case 1: CALL(0, ipc_mutex_unlock(mutex)); break;
    case 2: CALL(0, ipc_mutex_mark_unusable(mutex)); break;
    case 3: WORLD_CHECK((ipc_mutex_is_held(mutex) & ~1) == 0); break;
  }
}

static void call_semaphore(ipc_handle *semaphore, uint8_t what, input *from) {
  int32_t timeout = take_timeout(from);
  uint32_t count = input_byte(from);
  switch (what) {
    default: CALL(timeout, ipc_semaphore_acquire(semaphore, timeout)); break;
    case 1: CALL(0, ipc_semaphore_release(semaphore, count & 128 ? count << 24 : count & 3)); break;
    case 2: DO(ipc_semaphore_permits(semaphore)); break;
    case 3: DO(ipc_semaphore_recovered(semaphore)); break;
  }
}

static void call_rwlock(ipc_handle *lock, uint8_t what, input *from) {
  int32_t timeout = take_timeout(from);
  switch (what) {
    default: CALL(timeout, ipc_rwlock_lock(lock, timeout, input_byte(from) % 3)); break;
    case 1: CALL(0, ipc_rwlock_unlock(lock)); break;
    case 2: CALL(timeout, ipc_rwlock_lock_shared(lock, timeout)); break;
    case 3: CALL(0, ipc_rwlock_unlock_shared(lock)); break;
    case 4: CALL(0, ipc_rwlock_mark_unusable(lock)); break;
    case 5: DO(ipc_rwlock_held(lock)); break;
  }
}

static void remember(int32_t wait, input *from) {
  if (wait >= 0) all.waits[input_byte(from) % WAITS] = wait;
}

static void call_condition(ipc_handle *condition, uint8_t what, input *from) {
  int32_t timeout = take_timeout(from);
  switch (what) {
    default: remember(CALL(0, ipc_condition_enter(condition, what & 1, 9)), from); break;
    case 1: CALL(0, ipc_condition_notify(condition)); break;
    case 2: CALL(0, ipc_condition_notify_all(condition)); break;
    case 3:
      CALL(timeout, ipc_mutex_lock(all.mutex, timeout));
      CALL(timeout, ipc_condition_wait(condition, all.mutex, timeout));
      break;
  }
}

static void map(ipc_handle *memory, input *from) {
  ipc_failure failure;
  ipc_mapping *mapping, **place = &all.mappings[input_byte(from) % MAPPINGS];
  DO(mapping = ipc_memory_map(memory, &failure));
  if (!mapping) {
    check_status(failure.code);
    return;
  }
  check_readable(ipc_mapping_address(mapping), (uint64_t)ipc_mapping_byte_length(mapping));
  if (*place) ipc_mapping_release(*place);
  *place = mapping;
}

static void call_memory(ipc_handle *memory, uint8_t what, input *from) {
  ipc_failure failure = {0};
  uint32_t word = input_word(from);
  switch (what) {
    default: map(memory, from); break;
    case 1: CALL(0, ipc_memory_grow(memory, (double)(word >> (word & 15)), &failure)); break;
    case 2: CALL(0, ipc_memory_unlink(memory)); break;
    case 3: remember(CALL(0, ipc_memory_enter(memory, word >> (word & 31), 0, word & 1, 9, &failure)), from); break;
    case 4: CALL(0, ipc_memory_wake(memory, word >> (word & 31), input_byte(from))); break;
    case 5: WORLD_CHECK(ipc_memory_byte_length(memory) >= 0); break;
  }
}

static void call_signal(ipc_handle *signal, uint8_t what, input *from) {
  int32_t timeout = take_timeout(from);
  uint32_t ids = input_word(from);
  if (what & 1)
    WORLD_CHECK(CALL(0, ipc_signal_notify(signal, ids, ids >> 16)) <= (int32_t)IPC_MAX_RECEIVERS);
  else
    WORLD_CHECK(CALL(timeout, ipc_signal_wait(signal, timeout)) < IPC_SIGNAL_IDS);
}

static void call_latest(ipc_handle *latest, uint8_t what, input *from) {
  static uint8_t bytes[512];
  int32_t timeout = take_timeout(from), length;
  uint32_t size = input_byte(from) * 2u;
  switch (what) {
    default: CALL(timeout, ipc_latest_set(latest, bytes, size, timeout)); break;
    case 2:
    case 3:
      length = CALL(0, ipc_latest_get(latest, bytes, size));
      WORLD_CHECK(length <= (int32_t)size);
      break;
    case 4: WORLD_CHECK(CALL(0, ipc_latest_length(latest)) <= (int32_t)ipc_latest_max_length(latest)); break;
    case 5: CALL(timeout, ipc_latest_lock(latest, timeout)); break;
    case 6: CALL(0, ipc_latest_unlock(latest)); break;
    case 7: remember(CALL(0, ipc_latest_enter(latest, input_byte(from), size & 2, 9)), from); break;
  }
  WORLD_CHECK(ipc_latest_version(latest) >= 0 && ipc_latest_seen(latest) >= 0);
}

static void call_any(ipc_handle *handle, uint8_t what, input *from) {
  int32_t wait = all.waits[input_byte(from) % WAITS], timeout = take_timeout(from);
  uint32_t kind = all.options.kind, arms = input_byte(from) & 1 ? IPC_WAIT_FOR_SHARED : IPC_WAIT_FOR_LOCK;
  if (kind == IPC_MEMORY && timeout < 0) timeout = 30; /* it is as good without its name: nothing would end this */
  bool has_line = kind == IPC_MUTEX || kind == IPC_SEMAPHORE || kind == IPC_RWLOCK || kind == IPC_SIGNAL;
  switch (what) {
    default: WORLD_CHECK(CALL(0, ipc_handle_count(handle)) <= (int32_t)IPC_MAX_RECEIVERS); break;
    case 1:
      if (has_line) CALL(0, ipc_handle_arm(handle, arms, 3, 4));
      break;
    case 2: DO(ipc_handle_disarm(handle, arms)); break;
    case 3: WORLD_CHECK((CALL(0, ipc_handle_armed(handle)) & ~5) == 0); break;
    case 4: DO(ipc_handle_poll(handle)); break;
    case 5:
      if (!has_line) CALL(timeout, ipc_handle_sleep(handle, wait, timeout));
      break;
    case 6:
      if (!has_line) CALL(0, ipc_handle_leave(handle, wait));
      break;
  }
}

static void call(uint32_t which, uint8_t what, input *from) {
  ipc_handle *handle = all.handles[which];
  if (!handle) return open_handle(which);
  world_become(which % 2);
  switch (all.options.kind) {
    case IPC_MUTEX: return call_mutex(handle, what, from);
    case IPC_CONDITION: return call_condition(handle, what, from);
    case IPC_SEMAPHORE: return call_semaphore(handle, what, from);
    case IPC_RWLOCK: return call_rwlock(handle, what, from);
    case IPC_SIGNAL: return call_signal(handle, what, from);
    case IPC_LATEST: return call_latest(handle, what, from);
    default: return call_memory(handle, what, from);
  }
}

static void change_world(uint8_t what) {
  ipc_failure failure;
  switch (what) {
    case 0: check_list(false); break;
    case 1: CALL(0, ipc_clear("p", "n", all.options.kind, &failure)); break;
    case 2: world_set_alive(0, false); break;
    case 3: world_set_alive(1, false); break;
    case 4: world_set_alive(0, true); break;
    case 5: world_is_locked = !world_is_locked; break;
    case 6: world_keeps_names = !world_keeps_names; break;
    default: break;
  }
}

static void step(input *from) {
  uint8_t operation = input_byte(from), what = operation & 7;
  uint32_t which = (operation >> 3 & 3) % HANDLES;
  switch (operation >> 5) {
    case 0:
    case 1:
    case 2: return call(which, what, from);
    case 3:
      if (all.handles[which]) return call_any(all.handles[which], what, from);
      return open_handle(which);
    case 4:
    case 5: return damage_do(damage_read(from));
    case 6:
      return what & 1 ? damage_later(damage_read(from), 1 + input_byte(from) % 16u, 0)
                      : damage_later(damage_read(from), 0, 1 + input_byte(from) % 64u);
    default: break;
  }
  if (what == 7 && all.handles[which]) return close_handle(which);
  change_world(what);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 1024) return -1;
  input from = {data, size};
  memset(&all, 0, sizeof all);
  world_begin();
  uint8_t kind = input_byte(&from);
  all.options = (ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX + kind % 5u, .max_receivers = 4};
  /* The inputs that were kept first chose among the five others. */
  if ((kind & 15) == 14) all.options.kind = IPC_SIGNAL;
  if ((kind & 15) == 15) all.options.kind = IPC_LATEST;
  if (all.options.kind == IPC_LATEST) all.options.size = 200 + (kind >> 4), all.options.keep = kind >> 6 & 1;
  if (all.options.kind == IPC_SEMAPHORE)
    all.options.initial = 1 + (kind >> 4 & 3), all.options.robust = 1 + (kind >> 6 & 1);
  if (all.options.kind == IPC_MEMORY) all.options.size = 1 + (kind >> 4) * 1000u;
  open_handle(0);
  if (kind & 128) open_handle(1);
  all.of_mutex = (ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX, .max_receivers = 4};
  ipc_failure failure;
  if (all.options.kind == IPC_CONDITION) DO(all.mutex = ipc_handle_open("p", "m", &all.of_mutex, &failure));
  while (from.left > 0) step(&from);
  world_strike = NULL;
  for (uint32_t i = 0; i < HANDLES; i++)
    if (all.handles[i]) close_handle(i);
  if (all.mutex) DO(ipc_handle_close(all.mutex));
  for (uint32_t i = 0; i < MAPPINGS; i++)
    if (all.mappings[i]) ipc_mapping_release(all.mappings[i]);
  world_end();
  return 0;
}

/* latest_values.c - four actors that set, get and wait for one latest value. */
#include "buffers.h"
#include "libipc/latest_value.h"
#include "lock_scenario.h"

enum { WORDS = 20 };

/* A value: its words are equal. */
static void set(ipc_handle *latest, uint32_t number) {
  uint32_t value[WORDS];
  for (int i = 0; i < WORDS; i++) value[i] = number;
  CHECK_EQ(DO(ipc_latest_set(latest, value, sizeof value, WAIT_LIMIT_MS)), IPC_OK);
}

/* Whole, also if a writer was killed in the middle of it. 0: none was set. */
static uint32_t get(ipc_handle *latest) {
  uint32_t value[WORDS] = {0};
  int32_t length = DO(ipc_latest_get(latest, value, sizeof value));
  if (length == IPC_NOT_SET) return 0;
  CHECK_EQ(length, sizeof value);
  for (int i = 1; i < WORDS; i++) CHECK_EQ(value[i], value[0]);
  return value[0];
}

static ipc_buffer *current_buffer(ipc_handle *latest) {
  const ipc_segment *segment = &latest->segment;
  uint32_t index = ipc_buffer_of(atomic_load(&segment->header->current));
  return (ipc_buffer *)(segment->body + index * ipc_buffer_stride(segment->capacity));
}

/* No writer is at work. The copy seems to be torn each time: the reader pins. */
static void get_pinned(ipc_handle *latest) {
  ipc_buffer *buffer = current_buffer(latest);
  uint64_t version = atomic_load(&buffer->version);
  if (version == 0) return;
  atomic_store(&buffer->version, version + (UINT64_C(1) << 40));
  get(latest);
  atomic_store(&buffer->version, version);
}

/* This actor is the writer. All buffers that have memory are pinned, so that one more gets it; a reader wants a pin. */
static void set_among_pins(ipc_handle *latest, uint32_t number) {
  ipc_header *header = latest->segment.header;
  while (ipc_buffer_of(atomic_load(&header->current)) > 1) set(latest, number);
  atomic_store(&header->buffers, 2);
  atomic_fetch_add(&header->pinning, 1);
  atomic_store(&latest->slot->pin, IPC_PINNED + 1 - ipc_buffer_of(atomic_load(&header->current)));
  set(latest, number);
  atomic_store(&latest->slot->pin, IPC_PIN_WANTED);
  set(latest, number);
  CHECK(atomic_load(&latest->slot->pin) >= IPC_PINNED);
  atomic_store(&latest->slot->pin, IPC_PIN_NONE);
  atomic_fetch_sub(&header->pinning, 1);
}

static void wait_for_change(ipc_handle *latest, uint32_t actor, uint32_t round, loop_waker mine) {
  bool is_loop = actor == C;
  int32_t wait = ipc_latest_enter(latest, ipc_latest_version(latest), is_loop ? mine.low : 0, is_loop ? mine.high : 0);
  if (wait == IPC_NOT_EQUAL) return;
  CHECK(wait >= 0);
  int32_t status = IPC_TIMED_OUT;
  if (is_loop && round != 2) {
    for (int i = 0; i < 3 && (status = ipc_handle_sleep(latest, wait, 0)) == IPC_TIMED_OUT; i++)
      if (!await_signal(mine)) ipc_handle_poll(latest);
  } else if (round != 2) {
    status = ipc_handle_sleep(latest, wait, 60);
  }
  if (status == IPC_TIMED_OUT) ipc_handle_leave(latest, wait);
}

static void run_latest(uint32_t actor) {
  static loop_waker mine;
  ipc_handle *latest = open_it();
  meet_others();
  mine = open_waker();
  for (uint32_t round = 0; round < ROUNDS; round++) {
    uint32_t number = 1 + actor + round * MAX_ACTORS;
    get(latest);
    if (actor == A || actor == LAST) {
      if (round < 3) LIKELY_AFTER(5, is_waited_for(latest));
      set(latest, number);
    } else if (actor == B || round % 2 == 0) {
      CHECK_EQ(DO(ipc_latest_lock(latest, WAIT_LIMIT_MS)), IPC_OK);
      if (round % 2 == 0) get_pinned(latest);
      if (actor == B && round == 3) set_among_pins(latest, number);
      if (actor == B) set(latest, get(latest) + 1);
      CHECK_EQ(DO(ipc_latest_unlock(latest)), IPC_OK);
    }
    if (actor == C || (actor == B && round % 2)) wait_for_change(latest, actor, round, mine);
    if (plan()->closes && round % 3 == 1) latest = exchange(latest);
  }
  if (actor == LAST) {
    for (uint32_t i = A; i < LAST; i++)
      while (!has_ended(i)) a_moment();
    set(latest, 77);
    CHECK_EQ(get(latest), 77);
  }
  close_it(latest);
  close(mine.fd);
  ipc_waker_close(mine.low, mine.high);
}

const scenario latest_scenarios[] = {
    {.name = "latest", CAST_OF(run_latest, .kind = IPC_LATEST, .size = 200), PLAN(0)},
    {.name = "latest, closed and opened", CAST_OF(run_latest, .kind = IPC_LATEST, .size = 200), PLAN(.closes = true)},
    {.name = NULL}};

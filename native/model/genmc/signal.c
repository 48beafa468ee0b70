/*
 * signal.c - ipc_signal_notify() and ipc_signal_wait(): a handle that listens, and others that notify it.
 *
 * Each notifier has an id, and stores the number of each notification before it notifies. The ids are 3, 5 and 35: two
 * in one word, and one in the other. LOOP: the listener is an event loop. It arms its slot, and its signals are
 * counted.
 *
 * Invariant: after each id that it takes, the listener sees a number that is not older than the one before; and it gets
 * the last number of each notifier, without a notification more.
 *
 * config again -DNOTIFIERS=1 -DTIMES=2 -DROUNDS=500 one id, notified twice
 * config two -DNOTIFIERS=2 -DTIMES=1 -DROUNDS=500 two ids in one word
 * config loop -DNOTIFIERS=1 -DTIMES=1 -DLOOP -DROUNDS=500 an event loop, notified once
 * threads many -DNOTIFIERS=3 -DTIMES=500 -DROUNDS=20 three notifiers, many times
 */
#include "harness.h"
#include "libipc/signal.h"

enum { HANDLES = NOTIFIERS + 1 };

static const uint32_t ids[] = {3, 5, 35};

static model_segment shared;
static ipc_handle handles[HANDLES]; /* the last one listens */
static _Atomic uint32_t numbers[NOTIFIERS];

#ifdef LOOP
/* An event loop tries to take an id, arms, tries again, waits for its signal, and then has one. */
static int32_t wait(ipc_handle *listener) {
  enum { WAKER = 1 };
  int32_t id = ipc_signal_wait(listener, 0);
  if (id != IPC_TIMED_OUT) return id;
  CHECK(ipc_handle_arm(listener, IPC_WAIT_FOR_LOCK, WAKER, 0) == IPC_OK);
  id = ipc_signal_wait(listener, 0);
  if (id != IPC_TIMED_OUT) return id;
  while (atomic_load_explicit(&model_signals[WAKER], memory_order_acquire) == 0) ipc_os_yield();
  return ipc_signal_wait(listener, 0);
}
#else
static int32_t wait(ipc_handle *listener) { return ipc_signal_wait(listener, -1); }
#endif

static void *listen(void *argument) {
  uint32_t last[NOTIFIERS] = {0};
  for (uint32_t ended = 0; ended < NOTIFIERS;) {
    int32_t id = wait(argument);
    uint32_t notifier = 0;
    while (notifier < NOTIFIERS && ids[notifier] != (uint32_t)id) notifier++;
    CHECK(notifier < NOTIFIERS);
    uint32_t number = GET(numbers[notifier]);
    CHECK(number >= last[notifier]);
    if (number == TIMES && last[notifier] < TIMES) ended++;
    last[notifier] = number;
  }
  return NULL;
}

static void *notify(void *argument) {
  ipc_handle *notifier = argument;
  uint32_t index = (uint32_t)(notifier - handles), id = ids[index];
  for (uint32_t i = 1; i <= TIMES; i++) {
    SET(numbers[index], i);
    CHECK(ipc_signal_notify(notifier, id < 32 ? 1u << id : 0, id < 32 ? 0 : 1u << (id - 32)) == 1);
  }
  return NULL;
}

static void begin(void) {
  CLEAR(shared);
  CLEAR(handles);
  CLEAR(numbers);
  model_clear_deaths();
  for (uint32_t i = 0; i < HANDLES; i++) {
    model_be_handle(&shared, &handles[i], IPC_SIGNAL, &ipc_signal_kind, i, HANDLES);
    SET(handles[i].slot->observer, i < NOTIFIERS); /* as with notify_only */
  }
}

int main(void) {
  MODEL_LOOP {
    model_thread threads[HANDLES];
    begin();
    for (uint32_t i = 0; i < HANDLES; i++) MODEL_START(&threads[i], i < NOTIFIERS ? notify : listen, &handles[i]);
    for (uint32_t i = 0; i < HANDLES; i++) MODEL_JOIN(threads[i]);
  }
  return 0;
}

/*
 * harness.h - what the harnesses share: threads, checks, and the parts of a segment.
 *
 * A harness calls the library's own functions, from sources that are not changed, in a few threads that stand for
 * processes. GenMC runs it in every execution that its memory model allows. Without GENMC the same harness is a
 * program that runs ROUNDS rounds with the machine's own threads: that proves little about memory order, but the
 * harness is compiled, and its checks hold.
 *
 * The head of a harness says how it is run, one line each (scripts/model.ts reads them):
 *   Invariant: …                         what must hold
 *   config NAME -DX… what                a run with these definitions
 *   threads NAME -DX… what               the same, but only with threads: GenMC cannot run it, or not in time
 * With -DIGNORES_LIVENESS, GenMC does not report loops that do not end. It takes a compare-and-swap that fails, and is
 * then tried with the value that it found, for such a loop; the harness checks at the end what must have happened.
 * With -DINLINED, GenMC does not inline calls itself, because LLVM has done enough of that: where a receiver is
 * overrun, GenMC takes longer to inline than to run all executions. See PASSES in scripts/genmc.ts for why this is not
 * the rule. scripts/genmc_faults.ts has the faults that GenMC must find.
 */
#ifndef LIBIPC_MODEL_HARNESS_H
#define LIBIPC_MODEL_HARNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "handle_state.h"
#include "receiver_state.h"
#include "sender_state.h"

#ifdef GENMC

typedef long model_thread;
long __VERIFIER_thread_create(const void *attributes, void *(*run)(void *), void *argument);
void *__VERIFIER_thread_join(long thread);
void __VERIFIER_assert_fail(const char *text, const char *file, int line);
#define MODEL_START(thread, run, argument) (*(thread) = __VERIFIER_thread_create(0, run, argument))
#define MODEL_JOIN(thread) (void)__VERIFIER_thread_join(thread)
#define CHECK(condition) ((condition) ? (void)0 : __VERIFIER_assert_fail(#condition, __FILE__, __LINE__))
/* Memory is zero at first, and there is one round. */
#define CLEAR(object) (void)0
#define MODEL_LOOP for (int round = 0; round < 1; round++)

#else

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
typedef pthread_t model_thread;
#define MODEL_START(thread, run, argument) \
  (pthread_create(thread, NULL, run, argument) == 0 ? (void)0 : model_fail("no thread", __FILE__, __LINE__))
#define MODEL_JOIN(thread) (void)pthread_join(thread, NULL)
#define CHECK(condition) ((condition) ? (void)0 : model_fail(#condition, __FILE__, __LINE__))
#define CLEAR(object) memset(&(object), 0, sizeof(object))
#ifndef ROUNDS
#define ROUNDS 1000
#endif
#define MODEL_LOOP for (int round = 0; round < ROUNDS; round++)
_Noreturn static inline void model_fail(const char *text, const char *file, int line) {
  fprintf(stderr, "%s:%d: %s is false\n", file, line, text);
  exit(1);
}

#endif

/* Most harnesses are two processes. */
static inline void model_run_two(void *(*one)(void *), void *(*other)(void *)) {
  model_thread first, second;
  MODEL_START(&first, one, NULL);
  MODEL_START(&second, other, NULL);
  MODEL_JOIN(first);
  MODEL_JOIN(second);
}

/* Before the threads start. */
#define SET(word, value) atomic_store_explicit(&(word), value, memory_order_relaxed)
#define GET(word) atomic_load_explicit(&(word), memory_order_relaxed)

/*
 * A process of a harness is a small number, the `owner` of its slots. After model_die() nothing of it runs, and the
 * others can find that out, as after a kill: what it stored before is visible to a process that has found out.
 */
enum { MODEL_PROCESSES = 8 };
void model_clear_deaths(void);
void model_die(uint64_t process);

/* How often ipc_os_signal() was called for a waker, which is one of these numbers. */
extern _Atomic uint32_t model_signals[MODEL_PROCESSES];

/* The first paced check comes late: none of them is part of what is modelled. */
#define MODEL_UNHURRIED ((ipc_paced_check){.calls_to_clock = 1000, .interval = 1000})

typedef struct model_segment {
  ipc_header header;
  ipc_slot slots[6]; /* receivers, then senders; or handles */
  ipc_wait_entry waits[6];
  ipc_mapping mapping;
} model_segment;

/* The parts of a segment with a ring, as one endpoint knows them. Its `capacity_units` are a power of two. */
static inline void model_join_ring(model_segment *it, ipc_segment *segment, uint32_t kind, void *body,
                                   uint32_t capacity_units, uint32_t receivers, uint32_t senders) {
  segment->mapping = &it->mapping;
  segment->header = &it->header;
  segment->receivers = it->slots;
  segment->senders = it->slots + receivers;
  segment->body = body;
  segment->kind = kind;
  segment->overflow = IPC_BLOCK;
  segment->capacity = capacity_units * IPC_UNIT;
  segment->max_receivers = receivers;
  segment->max_senders = senders;
}

/* A ring in which nothing was sent, with so many endpoints. */
static inline void model_start_ring(model_segment *it, uint32_t capacity_units, uint32_t receivers, uint32_t senders) {
  SET(it->header.write_limit, capacity_units);
  SET(it->header.announced, capacity_units);
  SET(it->header.mark_count, 1);
  SET(it->header.receiver_count, receivers);
  SET(it->header.receiver_slots_used, receivers);
  SET(it->header.sender_count, senders);
  SET(it->header.sender_slots_used, senders);
  SET(it->header.next_instance, receivers + senders + 1);
}

static inline void model_set_slot(ipc_slot *slot, uint32_t instance, uint64_t process) {
  SET(slot->instance, instance);
  SET(slot->owner, process);
}

/* The segment of the endpoint was joined; its slot is the one with that index. */
static inline void model_be_sender(ipc_sender *sender, uint32_t index, uint32_t instance, uint64_t process) {
  sender->slot = &sender->segment.senders[index];
  sender->instance = instance;
  sender->capacity_units = sender->segment.capacity / IPC_UNIT;
  sender->lease_bytes = sender->segment.kind == IPC_QUEUE ? (uint32_t)sizeof(ipc_lease) : 0;
  sender->max_record = ipc_ring_max_record(sender->segment.capacity) - sender->lease_bytes;
  sender->needs_slow_path = sender->segment.kind == IPC_QUEUE || sender->segment.overflow == IPC_DROP_OLDEST;
  sender->waits = sender->segment.overflow == IPC_BLOCK;
  sender->needs_receivers = !sender->needs_slow_path;
  sender->liveness = MODEL_UNHURRIED;
  model_set_slot(sender->slot, instance, process);
}

static inline void model_be_receiver(ipc_receiver *receiver, uint32_t index, uint32_t instance, uint64_t process) {
  receiver->slot = &receiver->segment.receivers[index];
  receiver->instance = instance;
  receiver->capacity_units = receiver->segment.capacity / IPC_UNIT;
  receiver->quota = receiver->capacity_units / 8;
  receiver->is_queue = receiver->segment.kind == IPC_QUEUE;
  receiver->is_overrun = receiver->segment.overflow == IPC_DROP_OLDEST;
#ifdef PAUSES
  /* As under load: it pauses before the first look, and decides after each one whether to pause again. */
  receiver->long_run = UINT32_MAX;
  receiver->pauses = 1;
  receiver->patience = 1;
#else
  receiver->long_run = 0; /* every run is long: the receiver never pauses */
#endif
  model_set_slot(receiver->slot, instance, process);
}

/* A route with one sender, which has the claim (instance 1, process 2), and one receiver (2, 3). All is zero before. */
static inline void model_start_route(model_segment *it, void *body, uint32_t capacity_units, ipc_sender *sender,
                                     ipc_receiver *receiver) {
  model_start_ring(it, capacity_units, 1, 1);
  SET(it->header.claim, 1);
  model_join_ring(it, &sender->segment, IPC_ROUTE, body, capacity_units, 1, 1);
  model_be_sender(sender, 0, 1, 2);
  sender->is_only = true;
  model_join_ring(it, &receiver->segment, IPC_ROUTE, body, capacity_units, 1, 1);
  model_be_receiver(receiver, 0, 2, 3);
}

/* A handle of a lock: its slot has the index, its instance is index + 1, its process index + 2. */
static inline void model_be_handle(model_segment *it, ipc_handle *handle, uint32_t kind, const ipc_lock_kind *lock,
                                   uint32_t index, uint32_t handles) {
  ipc_segment *segment = &handle->segment;
  segment->mapping = &it->mapping;
  segment->header = &it->header;
  segment->receivers = it->slots;
  segment->waits = it->waits;
  segment->kind = kind;
  segment->max_receivers = handles;
  segment->max_waits = handles;
  SET(it->header.receiver_count, handles);
  SET(it->header.receiver_slots_used, handles);
  SET(it->header.next_instance, handles + 1);
  handle->slot = &it->slots[index];
  handle->instance = index + 1;
  handle->armed[ARMED_LOCK] = handle->armed[ARMED_SHARED] = -1;
  handle->name_check = MODEL_UNHURRIED;
  handle->kind = lock;
  model_set_slot(handle->slot, index + 1, index + 2);
}

#endif

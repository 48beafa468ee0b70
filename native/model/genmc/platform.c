/*
 * platform.c - the system for the harnesses: time stands still, a sleep polls its word, there are no files and names.
 *
 * A sleep ends when its word changes, or when a process has died, as the real one ends after a slice. So a wake-up that
 * is lost while no process dies leaves a thread in its loop for ever: GenMC reports that as a violation of liveness
 * (--check-liveness), and the native program does not end in time.
 */
#include "harness.h"
#include "codec.h"
#include "dead_letter.h"
#include "died_inside.h"
#include "failure.h"
#include "letters.h"
#include "libipc/waker.h"
#include "open.h"
#include "open_segments.h"
#include "orphan.h"
#include "segment_options.h"

#ifdef GENMC
#define PAUSE() (void)0
#else
#include <sched.h>
#define PAUSE() sched_yield()
#endif

static _Atomic uint32_t dead[MODEL_PROCESSES];
static _Atomic uint32_t deaths;
_Atomic uint32_t model_signals[MODEL_PROCESSES];

void model_clear_deaths(void) {
  CLEAR(dead);
  CLEAR(deaths);
  CLEAR(model_signals);
}

void model_die(uint64_t process) {
  /* release pairs with ipc_os_alive(): the kernel has ended the process before it says so */
  atomic_store_explicit(&dead[process], 1, memory_order_release);
  atomic_store_explicit(&deaths, 1, memory_order_release);
}

bool ipc_os_alive(uint64_t process) {
  return process != 0 && atomic_load_explicit(&dead[process], memory_order_acquire) == 0;
}

#ifdef DEATHS
static bool platform_has_death(void) { return GET(deaths) != 0; }
#else
static bool platform_has_death(void) { return false; }
#endif

void ipc_os_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
  (void)timeout_ns;
  while (GET(*word) == expected && !platform_has_death()) PAUSE();
}

bool ipc_os_wait_interruptibly(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
  ipc_os_wait(word, expected, timeout_ns);
  return false;
}

void ipc_os_wake_all(_Atomic uint32_t *word) { (void)word; }
void ipc_os_signal(uint64_t waker) { atomic_fetch_add_explicit(&model_signals[waker], 1, memory_order_release); }
int ipc_os_open_waker(uint64_t *waker) { return (void)waker, -1; }
int ipc_os_keep_waker(uint64_t *waker) { return (void)waker, -1; }
int ipc_os_wait_for_signal(uint64_t waker, int milliseconds) { return (void)waker, (void)milliseconds, -1; }
int ipc_os_reserve_waker(void) { return -1; }
int ipc_os_move(int descriptor, int to) { return (void)descriptor, (void)to, -1; }
void ipc_os_test_waker(uint64_t waker) { (void)waker; }
void ipc_os_close_waker(uint64_t waker) { (void)waker; }
void ipc_os_admit_to_waker(uint64_t waker, const ipc_os_access *segment) { (void)waker, (void)segment; }

uint64_t ipc_os_now(void) { return 1; }
uint64_t ipc_os_now_coarse(void) { return 1; }
void ipc_os_yield(void) { PAUSE(); }
#ifdef PAUSES
uint32_t ipc_os_processors(void) { return 8; } /* receivers do not pause where endpoints outnumber processors */
#else
uint32_t ipc_os_processors(void) { return 1; }
#endif
uint32_t ipc_os_pid(void) { return 1; }
uint32_t ipc_os_pid_namespace(void) { return 0; }
uint32_t ipc_os_thread(void) { return 1; }
uint64_t ipc_os_self(void) { return 1; } /* of a process that is not one of the harness's */
bool ipc_os_is_dumping(uint32_t pid, uint32_t pid_namespace) { return (void)pid, (void)pid_namespace, false; }
void ipc_os_unlock(int fd) { (void)fd; }

int32_t ipc_segment_lock(const ipc_segment *segment, uint64_t patience_ns) {
  return (void)segment, (void)patience_ns, IPC_E_BUSY;
}
int32_t ipc_segment_reserve_buffer(const ipc_segment *segment, uint32_t index) {
  return (void)segment, (void)index, IPC_OK;
}
void *ipc_segment_open_endpoint(size_t bytes, bool has_ring, const char *prefix, const char *name,
                                const ipc_options *options, int32_t *lock, ipc_failure *failure) {
  return (void)bytes, (void)has_ring, (void)prefix, (void)name, (void)options, (void)lock, (void)failure, NULL;
}
int32_t ipc_segment_options_read(ipc_options *own, const ipc_options *given, ipc_failure *failure) {
  return *own = *given, (void)failure, IPC_OK;
}
int32_t ipc_failure_set_option(ipc_failure *failure, int32_t code, int32_t option, uint64_t found, uint64_t wanted) {
  return (void)failure, (void)option, (void)found, (void)wanted, code;
}
void ipc_codec_set(const ipc_segment *segment) { (void)segment; }
void ipc_dead_letter_set(ipc_segment *segment, const ipc_options *options) { (void)segment, (void)options; }
int32_t ipc_letters_open(ipc_receiver *receiver, ipc_failure *failure) { return (void)receiver, (void)failure, IPC_OK; }
void ipc_letters_close(ipc_receiver *receiver) { (void)receiver; }
int32_t ipc_letters_settle(ipc_receiver *receiver, uint32_t offset) {
  return (void)receiver, (void)offset, IPC_E_NOT_FOUND;
}
void ipc_segment_close(ipc_segment *segment) { (void)segment; }
bool ipc_segment_unlink(ipc_segment *segment) { return (void)segment, false; }
bool ipc_segment_is_orphaned(ipc_segment *segment) { return (void)segment, false; }
ipc_mapping *ipc_mapping_hold(ipc_segment *segment) { return segment->mapping; }
bool ipc_died_inside(const ipc_segment *segment) { return (void)segment, false; }
void ipc_open_segments_add(ipc_segment *segment, ipc_slot *slot,
                           void (*leave_as_dead)(ipc_segment *, uint32_t, uint64_t)) {
  (void)segment, (void)slot, (void)leave_as_dead;
}
void ipc_open_segments_remove(ipc_segment *segment) { (void)segment; }

#ifdef GENMC
/* A thread that waits does not poll first: more reads of the same words show nothing new. See scripts/model.ts. */
bool ipc_backoff_pause(ipc_backoff *backoff, uint64_t deadline) { return (void)backoff, (void)deadline, false; }

void *__VERIFIER_malloc(unsigned long bytes);
void __VERIFIER_free(void *memory);
void *malloc(unsigned long bytes) { return __VERIFIER_malloc(bytes); }
void *calloc(unsigned long count, unsigned long bytes) { return __VERIFIER_malloc(count * bytes); }
void *realloc(void *memory, unsigned long bytes) { return (void)memory, __VERIFIER_malloc(bytes); }
void free(void *memory) {
  if (memory) __VERIFIER_free(memory);
}
#endif

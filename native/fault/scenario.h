/*
 * scenario.h - what a scenario is, and what its processes have in common.
 *
 * A scenario is a cast of processes that work on one name. One of them, the victim, is killed or stopped at
 * a fault point; the others must come to the end of their scripts, and what they noted down must be right.
 * So no script waits for another without a limit, unless for "it has got so far, or has ended".
 */
#ifndef LIBIPC_SCENARIO_H
#define LIBIPC_SCENARIO_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "libipc/libipc.h"
#include "platform/platform.h"

enum { MAX_ACTORS = 6, MAX_POINTS = 512, ARMED = 2, LEDGER_BYTES = 256 << 10 };
#define NOBODY UINT32_MAX

/* As fault.h has it, which only sources of the library include. */
typedef struct fault_point {
  const char *base, *file;
  uint32_t line, order;
  const char *function, *operation;
} fault_point;

typedef struct fault_armed {
  uint32_t actor, point, nth;
  int signal;
  _Atomic uint32_t is_struck;
} fault_armed;

enum ended { RUNS, FINISHED, KILLED };

/* Shared by the processes of one case. */
typedef struct fault_case {
  fault_armed armed[ARMED]; /* the case's own; the scenario's first death */
  char name[64];
  pid_t pids[MAX_ACTORS];
  _Atomic uint32_t ended[MAX_ACTORS];
  _Atomic uint32_t stage[MAX_ACTORS]; /* as the script says */
  const char *_Atomic doing[MAX_ACTORS];
  _Atomic uint64_t struck;                  /* when, last */
  uint64_t delays[MAX_ACTORS];              /* …and how long each had waited for a processor by then */
  _Atomic uint64_t last_delays[MAX_ACTORS]; /* and by its end */
  _Atomic uint64_t slowest;
  const char *_Atomic slowest_doing;
  _Atomic uint32_t failed, is_slow; /* is_slow: it failed because of the time that a recovery took */
  char reason[512];
  uint32_t counts[MAX_ACTORS][MAX_POINTS];
  _Alignas(64) uint8_t ledger[LEDGER_BYTES]; /* the scenario's notes */
} fault_case;

extern fault_case *now;
extern uint32_t fault_actor;
extern bool fault_keeps_names;     /* this process may not remove any */
extern bool fault_names_all_files; /* this process cannot make files without a name */
extern bool fault_opens_nothing;   /* this process has no descriptor left for files of names */

typedef struct scenario {
  const char *name;
  const char *cast[MAX_ACTORS]; /* in order; the first `victims` of them are killed and stopped in turn */
  uint32_t victims;
  uint32_t survivors; /* bits of those that are not, all the same */
  void (*run)(uint32_t actor);
  void (*check)(void); /* when all have ended */
  ipc_options options; /* of the name; more in `plan` */
  const void *plan;
  /* The actor that dies in every case, and where. The case then tests the actors that clean up after it. */
  struct {
    uint32_t actor;
    const char *point;
    uint32_t nth;
  } first;
  bool is_left; /* no actor may remove the name: its file stays */
} scenario;

extern const scenario *playing;

uint32_t fault_points(void);
void fault_name(uint32_t index, char *text, size_t size);
uint32_t fault_find(const char *text);
uint64_t fault_delay_of(uint32_t actor);
uint64_t fault_delays(void);

_Noreturn void fault_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define FAIL(...) fault_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(condition) ((condition) ? (void)0 : FAIL("%s is false", #condition))
#define CHECK_EQ(actual, wanted)                                                                         \
  do {                                                                                                   \
    long long actual_value = (long long)(actual), wanted_value = (long long)(wanted);                    \
    if (actual_value != wanted_value) FAIL("%s is %lld, not %lld", #actual, actual_value, wanted_value); \
  } while (0)

/* One call into the library by a survivor: after a death it must be over within a second. */
uint64_t fault_begin(const char *what);
void fault_end(const char *what, uint64_t begun);
#define DO(call)                          \
  ({                                      \
    uint64_t begun_ = fault_begin(#call); \
    __auto_type result_ = (call);         \
    fault_end(#call, begun_);             \
    result_;                              \
  })

/*
 * An open or a clear waits 5 s for the lock of the name, then it fails with IPC_E_BUSY. On a busy machine a process
 * that is stopped for 3 s with the lock may hold it for longer. A file of another layout that it has open is refused
 * sooner (IPC_E_VERSION). Then the call is made again.
 */
static inline bool is_stopped_for_too_long(int32_t code) {
  return (code == IPC_E_BUSY || code == IPC_E_VERSION) && now->armed[0].signal == SIGSTOP;
}
/* A call that opens; `failure` is the caller's. */
#define OPEN(call)                                                                \
  ({                                                                              \
    __auto_type opened_ = DO(call);                                               \
    while (!opened_ && is_stopped_for_too_long(failure.code)) opened_ = DO(call); \
    opened_;                                                                      \
  })

/* The cast. */
bool has_ended(uint32_t actor);
bool was_killed(uint32_t actor);
/* Between two looks at something that another process is about to change. */
void a_moment(void);
void reach(uint32_t stage);
/* Until an actor got so far or has ended; a stopped one delays this. */
void await_stage(uint32_t actor, uint32_t stage);
/* To make something likely, never to make it right: until it holds, or so many ms have passed. */
#define LIKELY_AFTER(ms, condition) \
  for (uint64_t until_ = ipc_os_now() + (ms) * 1000000ull; !(condition) && ipc_os_now() < until_;) a_moment()

/* Whether the case's name has a file. */
bool has_file(void);

extern const char fault_prefix[];

/* The scenarios; each list ends with one without a name. */
extern const scenario ring_scenarios[], queue_scenarios[], name_scenarios[], mutex_scenarios[], rwlock_scenarios[],
    abandoned_lock_scenarios[], semaphore_scenarios[], condition_scenarios[], memory_scenarios[], signal_scenarios[],
    latest_scenarios[];

#endif

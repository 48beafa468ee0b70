/*
 * run.c - the program: runs scenarios, each in a separate process with its actors as children.
 *
 *   points                 every point: its number and its name
 *   discover               each scenario without a fault, several times: how often each actor passes each point
 *   run [at once]          cases from the standard input, one on a line: scenario actor point hit signal
 *
 * scripts/faults.ts chooses the cases and sums up.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "scenario.h"
#include "segment.h"

enum { LIMIT_S = 25, STOP_S = 3, MAX_AT_ONCE = 512, RECOVERY_MS = 1000, ROUNDS = 4 };

const char fault_prefix[] = "fault";
const scenario *playing;

static const scenario *all[128];
static uint32_t count;

static void collect(const scenario *list) {
  for (; list->name; list++) all[count++] = list;
}

static uint32_t cast_of(const scenario *it) {
  uint32_t size = 0;
  while (size < MAX_ACTORS && it->cast[size]) size++;
  return size;
}

void fault_fail(const char *file, int line, const char *format, ...) {
  if (atomic_exchange(&now->failed, 1) == 0) {
    const char *slash = strrchr(file, '/');
    int used = snprintf(now->reason, sizeof now->reason, "%s:%d: %s: ", slash ? slash + 1 : file, line,
                        fault_actor == NOBODY ? "afterwards" : playing->cast[fault_actor]);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(now->reason + used, sizeof now->reason - (size_t)used, format, arguments);
    va_end(arguments);
  }
  _exit(1);
}

uint64_t fault_begin(const char *what) {
  if (fault_actor != NOBODY) atomic_store(&now->doing[fault_actor], what);
  return ipc_os_now();
}

void fault_end(const char *what, uint64_t begun) {
  if (fault_actor != NOBODY) atomic_store(&now->doing[fault_actor], NULL);
  uint64_t struck = atomic_load(&now->struck), end = ipc_os_now();
  if (struck == 0 || now->armed[0].signal == SIGSTOP) return; /* the stopped are waited for */
  uint64_t took = end - (begun > struck ? begun : struck);
  if (end < struck || took <= atomic_load(&now->slowest)) return;
  atomic_store(&now->slowest_doing, what);
  atomic_store(&now->slowest, took);
  uint64_t limit = RECOVERY_MS * 1000000ull;
  if (took <= limit) return;
  uint64_t waited = fault_delays();
  if (took <= limit + waited) return;
  if (!atomic_load(&now->failed)) atomic_store(&now->is_slow, 1);
  FAIL("%s took %llu ms after the death, and %llu ms of waiting for a processor do not explain it", what,
       (unsigned long long)(took / 1000000), (unsigned long long)(waited / 1000000));
}

bool has_ended(uint32_t actor) { return atomic_load(&now->ended[actor]) != RUNS; }
bool was_killed(uint32_t actor) { return atomic_load(&now->ended[actor]) == KILLED; }

/* The pause grows with the time waited: most processes of a run wait for a process that is stopped. */
void a_moment(void) {
  static uint64_t last;
  static uint32_t streak;
  streak = ipc_os_now() - last > 1000000 ? 0 : streak + 1;
  nanosleep(&(struct timespec){.tv_nsec = streak < 50 ? 200000 : streak < 200 ? 1000000 : 5000000}, NULL);
  last = ipc_os_now();
}

void reach(uint32_t stage) { atomic_store(&now->stage[fault_actor], stage); }
void await_stage(uint32_t actor, uint32_t stage) {
  while (atomic_load(&now->stage[actor]) < stage && !has_ended(actor)) a_moment();
}

static void path_of(uint32_t kind, char path[IPC_OS_KEY_BYTES + 16]) {
  char key[IPC_OS_KEY_BYTES];
  ipc_segment_key(key, kind, fault_prefix, now->name);
  snprintf(path, IPC_OS_KEY_BYTES + 16, "/dev/shm/%s", key);
}

bool has_file(void) {
  char path[IPC_OS_KEY_BYTES + 16];
  for (uint32_t kind = IPC_ROUTE; kind < IPC_KINDS; kind++) {
    path_of(kind, path);
    if (access(path, F_OK) == 0) return true;
  }
  return false;
}

/* A fresh open of the name works, and leaves nothing behind. */
static void check_anew(void) {
  const ipc_options *options = &playing->options;
  ipc_failure failure;
  fault_keeps_names = playing->is_left;
  if (has_file() && !playing->is_left) FAIL("the last to leave left the file behind");
  if (!ipc_segment_has_ring(options->kind)) {
    ipc_handle *handle = ipc_handle_open(fault_prefix, now->name, options, &failure);
    if (!handle) FAIL("a handle could not open again: %d", failure.code);
    CHECK_EQ(ipc_handle_count(handle), 1);
    ipc_handle_close(handle);
  } else {
    char word[8] = "";
    ipc_receiver *receiver = ipc_receiver_open(fault_prefix, now->name, options, &failure);
    if (!receiver) FAIL("a receiver could not open again: %d", failure.code);
    ipc_sender *sender = ipc_sender_open(fault_prefix, now->name, options, &failure);
    if (!sender) FAIL("a sender could not open again: %d", failure.code);
    CHECK_EQ(ipc_sender_send(sender, "again", 6, 1000), IPC_OK);
    CHECK_EQ(ipc_receiver_recv(receiver, word, sizeof word, 1000), 6);
    CHECK(strcmp(word, "again") == 0);
    ipc_sender_close(sender);
    ipc_receiver_close(receiver);
  }
  if (has_file() && !playing->is_left) FAIL("the name's file is there though all have closed it");
}

static void start_cast(uint32_t size) {
  for (uint32_t i = 0; i < size; i++) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) FAIL("fork: %d", errno);
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      fault_actor = i;
      now->pids[i] = getpid();
      playing->run(i);
      ipc_process_forget(); /* as at the end of main() */
      fault_actor = NOBODY;
      _exit(0);
    }
    now->pids[i] = pid;
  }
}

static void end_cast(uint32_t size) {
  for (uint32_t i = 0; i < size; i++)
    if (!has_ended(i) && now->pids[i] > 0) {
      kill(now->pids[i], SIGKILL);
      waitpid(now->pids[i], NULL, 0);
    }
}

static void tell_hung(uint32_t size) {
  if (atomic_exchange(&now->failed, 1)) return;
  int used = snprintf(now->reason, sizeof now->reason, "hung for %d s:", LIMIT_S);
  for (uint32_t i = 0; i < size && used < (int)sizeof now->reason; i++) {
    const char *doing = atomic_load(&now->doing[i]);
    if (!has_ended(i))
      used += snprintf(now->reason + used, sizeof now->reason - (size_t)used, " %s (stage %u) in %s;", playing->cast[i],
                       atomic_load(&now->stage[i]), doing ? doing : "its script");
  }
}

static uint32_t actor_of(pid_t pid, uint32_t size) {
  uint32_t actor = 0;
  while (actor < size && now->pids[actor] != pid) actor++;
  return actor;
}

/* As waitpid(). Notes how long a process that has ended had waited for a processor, which nothing tells afterwards. */
static pid_t next_change(uint32_t size, int *status) {
  siginfo_t ended = {0};
  if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0)
    return waitpid(-1, status, WNOHANG | WUNTRACED);
  uint32_t actor = actor_of(ended.si_pid, size);
  if (actor < size) atomic_store(&now->last_delays[actor], fault_delay_of(actor));
  return waitpid(ended.si_pid, status, WNOHANG | WUNTRACED);
}

/* Sees the cast to its end, and has the stopped go on. */
static void supervise(uint32_t size) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  uint64_t end = ipc_os_now() + LIMIT_S * 1000000000ull, go_on = 0;
  pid_t stopped = 0;
  for (uint32_t left = size; left > 0 && !atomic_load(&now->failed);) {
    int status;
    pid_t pid = next_change(size, &status);
    if (pid > 0 && WIFSTOPPED(status)) {
      stopped = pid;
      go_on = ipc_os_now() + STOP_S * 1000000000ull;
    } else if (pid > 0) {
      uint32_t actor = actor_of(pid, size);
      bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
      bool meant = false;
      for (int i = 0; i < ARMED; i++) meant |= now->armed[i].actor == actor && atomic_load(&now->armed[i].is_struck);
      if (status != 0 && !(killed && meant) && atomic_exchange(&now->failed, 1) == 0)
        snprintf(now->reason, sizeof now->reason, "%s ended with status %x", playing->cast[actor], (unsigned)status);
      atomic_store(&now->ended[actor], killed ? KILLED : FINISHED);
      left--;
    }
    uint64_t time = ipc_os_now();
    if (stopped && time >= go_on) {
      kill(stopped, SIGCONT);
      stopped = 0;
    }
    if (time >= end) tell_hung(size);
    if (pid > 0) continue;
    uint64_t until = stopped && go_on < end ? go_on : end, rest = until > time ? until - time : 1;
    struct timespec wait = {.tv_sec = (time_t)(rest / 1000000000u), .tv_nsec = (long)(rest % 1000000000u)};
    sigtimedwait(&child, NULL, &wait);
  }
}

/* A case from beginning to end, in a separate process. */
static void play(void) {
  uint32_t size = cast_of(playing);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, NULL);
  start_cast(size);
  supervise(size);
  end_cast(size);
  if (atomic_load(&now->failed)) _exit(1);
  if (playing->check) playing->check();
  check_anew();
  _exit(0);
}

/* Cases under way. */
static struct {
  pid_t pid;
  fault_case *state;
  const scenario *scenario;
  uint32_t number;
} lanes[MAX_AT_ONCE];

static void start(uint32_t lane, const scenario *it, fault_armed armed, uint32_t number) {
  static uint32_t serial;
  fault_case *state = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (state == MAP_FAILED) abort();
  state->armed[0] = armed;
  state->armed[1].actor = NOBODY;
  if (it->first.point) {
    state->armed[1] = (fault_armed){
        .actor = it->first.actor, .point = fault_find(it->first.point), .nth = it->first.nth, .signal = SIGKILL};
    if (state->armed[1].point == NOBODY) {
      fprintf(stderr, "%s: there is no point \"%s\"\n", it->name, it->first.point);
      exit(2);
    }
  }
  snprintf(state->name, sizeof state->name, "%d.%u", getpid(), serial++);
  lanes[lane].state = state;
  lanes[lane].scenario = it;
  lanes[lane].number = number;
  fflush(NULL);
  lanes[lane].pid = fork();
  if (lanes[lane].pid < 0) abort();
  if (lanes[lane].pid) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  now = state;
  playing = it;
  play();
}

/* Waits for the end of one: its lane. */
static uint32_t finish(void) {
  for (;;) {
    int status;
    pid_t pid = wait(&status);
    for (uint32_t i = 0; i < MAX_AT_ONCE; i++) {
      if (pid <= 0 || lanes[i].pid != pid) continue;
      lanes[i].pid = 0;
      fault_case *state = lanes[i].state;
      if (status != 0 && atomic_exchange(&state->failed, 1) == 0)
        snprintf(state->reason, sizeof state->reason, "the supervisor ended with status %x", (unsigned)status);
      now = state;
      playing = lanes[i].scenario;
      char path[IPC_OS_KEY_BYTES + 16];
      for (uint32_t kind = IPC_ROUTE; kind < IPC_KINDS; kind++) {
        path_of(kind, path);
        unlink(path);
      }
      now = NULL;
      return i;
    }
  }
}

static uint32_t free_lane(uint32_t at_once) {
  for (uint32_t i = 0; i < at_once; i++)
    if (!lanes[i].state) return i;
  return NOBODY;
}

static void drop(uint32_t lane) {
  munmap(lanes[lane].state, sizeof(fault_case));
  lanes[lane].state = NULL;
}

static uint32_t passed[128][MAX_ACTORS][MAX_POINTS][2]; /* the fewest and the most times */

static void note(uint32_t lane) {
  const fault_case *state = lanes[lane].state;
  uint32_t number = lanes[lane].number;
  if (atomic_load(&state->failed))
    printf("%s\t%s\t%s\n", atomic_load(&state->is_slow) ? "slow" : "failed", all[number]->name, state->reason);
  for (uint32_t actor = 0; actor < MAX_ACTORS; actor++)
    for (uint32_t point = 0; point < fault_points(); point++) {
      uint32_t *fewest = &passed[number][actor][point][0], hits = state->counts[actor][point];
      if (hits < fewest[0]) fewest[0] = hits;
      if (hits > fewest[1]) fewest[1] = hits;
    }
  drop(lane);
}

static bool is_victim(const scenario *it, uint32_t actor) {
  bool dies_anyway = it->first.point && it->first.actor == actor;
  return actor < it->victims && !dies_anyway && !(it->survivors & 1u << actor);
}

static void discover(uint32_t at_once, const char *only) {
  memset(passed, 0xff, sizeof passed);
  for (uint32_t i = 0; i < count; i++)
    for (uint32_t actor = 0; actor < MAX_ACTORS; actor++)
      for (uint32_t point = 0; point < MAX_POINTS; point++) passed[i][actor][point][1] = 0;
  uint32_t running = 0;
  for (uint32_t i = 0; i < count * ROUNDS; i++) {
    if (only && !strstr(all[i % count]->name, only)) continue;
    if (running == at_once) note(finish()), running--;
    start(free_lane(at_once), all[i % count], (fault_armed){.actor = NOBODY}, i % count);
    running++;
  }
  for (; running; running--) note(finish());
  for (uint32_t i = 0; i < count; i++)
    for (uint32_t actor = 0; actor < cast_of(all[i]); actor++)
      for (uint32_t point = 0; point < fault_points(); point++)
        if (passed[i][actor][point][1] && passed[i][actor][point][1] != NOBODY)
          printf("hit\t%s\t%u\t%s\t%d\t%u\t%u\t%u\n", all[i]->name, actor, all[i]->cast[actor],
                 is_victim(all[i], actor), point, passed[i][actor][point][0], passed[i][actor][point][1]);
}

static void tell(uint32_t lane) {
  const fault_case *state = lanes[lane].state;
  const char *outcome = atomic_load(&state->is_slow)  ? "slow"
                        : atomic_load(&state->failed) ? "failed"
                        : state->armed[0].is_struck   ? "ok"
                                                      : "missed";
  const char *doing = atomic_load(&state->slowest_doing);
  printf("%s\t%u\t%.1f\t%s\t%s\n", outcome, lanes[lane].number, (double)atomic_load(&state->slowest) / 1e6,
         doing ? doing : "", state->reason);
  fflush(stdout);
  drop(lane);
}

static void run(uint32_t at_once) {
  char line[512];
  uint32_t running = 0;
  for (uint32_t number = 0; fgets(line, sizeof line, stdin); number++) {
    char name[128];
    fault_armed armed = {0};
    if (sscanf(line, "%127[^\t]\t%u\t%u\t%u\t%d", name, &armed.actor, &armed.point, &armed.nth, &armed.signal) != 5) {
      fprintf(stderr, "not a case: %s", line);
      exit(2);
    }
    const scenario *it = NULL;
    for (uint32_t i = 0; i < count; i++)
      if (strcmp(all[i]->name, name) == 0) it = all[i];
    if (!it) {
      fprintf(stderr, "no such scenario: %s\n", name);
      exit(2);
    }
    if (running == at_once) tell(finish()), running--;
    start(free_lane(at_once), it, armed, number);
    running++;
  }
  for (; running; running--) tell(finish());
}

int main(int argc, char **argv) {
  collect(ring_scenarios);
  collect(queue_scenarios);
  collect(name_scenarios);
  collect(mutex_scenarios);
  collect(abandoned_lock_scenarios);
  collect(rwlock_scenarios);
  collect(semaphore_scenarios);
  collect(condition_scenarios);
  collect(memory_scenarios);
  collect(signal_scenarios);
  collect(latest_scenarios);
  const char *command = argc > 1 ? argv[1] : "";
  uint32_t at_once = argc > 2 ? (uint32_t)atoi(argv[2]) : 8;
  if (at_once == 0 || at_once > MAX_AT_ONCE || fault_points() > MAX_POINTS) return 2;
  if (strcmp(command, "points") == 0) {
    for (uint32_t i = 0; i < fault_points(); i++) {
      char name[256];
      fault_name(i, name, sizeof name);
      printf("%u\t%s\n", i, name);
    }
  } else if (strcmp(command, "discover") == 0) {
    discover(at_once, argc > 3 ? argv[3] : NULL);
  } else if (strcmp(command, "run") == 0) {
    run(at_once);
  } else {
    return 2;
  }
  return 0;
}

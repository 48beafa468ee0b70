/*
 * baseline - the fastest lossless byte ring between processes that we know how to write
 * in C for the messages of the benchmark. It has nothing that a library must have: no
 * names, no endpoints that come and go, no sleeping, no crash recovery, no checks of
 * what is in shared memory. The benchmark divides the time of libipc by this time.
 *
 *   baseline SENDERS RECEIVERS COUNT MIN MAX RING_BYTES
 *
 * Forks the processes once; then each line on standard input runs one round of COUNT
 * messages in all, every message to every receiver, and prints the nanoseconds
 * from the first send to the moment the last receiver has everything. Receivers check
 * every byte; a wrong one ends the program with status 1.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cpu.h"
#include "platform/platform.h"
#include "workload.h"

enum { LINE = 128, MAX_ENDS = 256, RECORD_HEADER = 8 };
static const uint32_t PADDING = UINT32_MAX;

typedef struct shared {
  _Alignas(LINE) _Atomic uint32_t head; /* bytes, wraps at 2^32 */
  _Alignas(LINE) _Atomic uint32_t lock;
  _Alignas(LINE) _Atomic uint32_t round; /* bumped to start one */
  _Alignas(LINE) _Atomic uint32_t arrived;
  _Alignas(LINE) _Atomic uint32_t done;
  struct {
    _Alignas(LINE) _Atomic uint32_t position;
    uint64_t time;
    uint32_t failed;
  } receivers[MAX_ENDS];
  uint64_t starts[MAX_ENDS];
} shared;

static shared *s;
static uint8_t *ring;
static uint32_t senders, receivers, per_sender, ring_bytes;
static workload messages;

/* Spinning is fastest if each process has a processor. Otherwise it only keeps the others from running. */
static uint32_t spins;

/*
 * Before a receiver looks at head again it pauses, as ipc_receiver_look() does and for its reasons. Here the load is
 * known to be full, so there is no more to it than a run that is long enough.
 */
enum { LONG_RUN = 65536, MOST_PAUSES = 64 };

static void pause_or_yield(uint32_t *spun) {
  if (++*spun > spins) {
    sched_yield();
    return;
  }
  for (int i = 0; i < 16; i++) ipc_cpu_relax();
}

static uint32_t lowest_position(uint32_t head) {
  uint32_t lag = 0;
  for (uint32_t i = 0; i < receivers; i++) {
    uint32_t behind = head - atomic_load_explicit(&s->receivers[i].position, memory_order_acquire);
    if (behind > lag) lag = behind;
  }
  return head - lag;
}

static void send_all(uint32_t sender) {
  bool shares = senders > 1;
  uint32_t gate =
      atomic_load_explicit(&s->head, memory_order_relaxed) - ring_bytes; /* unknown: computed at the first send */
  for (uint32_t i = 0; i < per_sender; i++) {
    uint32_t length, spun = 0;
    const uint8_t *message = workload_message(&messages, sender, i, &length);
    uint32_t bytes = (length + RECORD_HEADER + 7) & ~7u;
    for (;;) {
      uint32_t free_lock = 0;
      if (shares && (atomic_load_explicit(&s->lock, memory_order_relaxed) != 0 ||
                     !atomic_compare_exchange_strong_explicit(&s->lock, &free_lock, 1, memory_order_acquire,
                                                              memory_order_relaxed))) {
        pause_or_yield(&spun);
        continue;
      }
      uint32_t head = atomic_load_explicit(&s->head, memory_order_relaxed);
      uint32_t offset = head & (ring_bytes - 1);
      uint32_t padding = bytes > ring_bytes - offset ? ring_bytes - offset : 0;
      if (head + padding + bytes - gate > ring_bytes) gate = lowest_position(head);
      if (head + padding + bytes - gate <= ring_bytes) {
        if (padding) {
          memcpy(ring + offset, &PADDING, sizeof PADDING);
          offset = 0;
        }
        memcpy(ring + offset, &length, sizeof length);
        memcpy(ring + offset + RECORD_HEADER, message, length);
        atomic_store_explicit(&s->head, head + padding + bytes, memory_order_release);
        if (shares) atomic_store_explicit(&s->lock, 0, memory_order_release);
        break;
      }
      if (shares) atomic_store_explicit(&s->lock, 0, memory_order_release);
      pause_or_yield(&spun);
    }
  }
}

static bool receive_all(uint32_t receiver, uint32_t position) {
  uint8_t target[65536];
  uint32_t head = position, published = position, pauses = 0;
  uint32_t long_run = ring_bytes / 8 < LONG_RUN ? ring_bytes / 8 : LONG_RUN;
  memset(messages.next, 0, sizeof messages.next);
  for (uint32_t left = per_sender * senders; left > 0;) {
    if (position == head) {
      uint32_t spun = 0;
      for (uint32_t i = 0; i < pauses; i++) ipc_cpu_relax();
      while ((head = atomic_load_explicit(&s->head, memory_order_acquire)) == position) {
        if (published != position)
          atomic_store_explicit(&s->receivers[receiver].position, published = position, memory_order_release);
        pause_or_yield(&spun);
      }
      if (spins == 0 || spun > 0)
        pauses = 0;
      else if (head - position < long_run)
        pauses += pauses < MOST_PAUSES;
      else
        pauses -= (pauses + 7) / 8;
    }
    uint32_t offset = position & (ring_bytes - 1), length;
    memcpy(&length, ring + offset, sizeof length);
    if (length == PADDING) {
      position += ring_bytes - offset;
      continue;
    }
    memcpy(target, ring + offset + RECORD_HEADER, length);
    if (!workload_accept(&messages, target, length)) return false;
    position += (length + RECORD_HEADER + 7) & ~7u;
    left--;
    if (position - published >= ring_bytes / 8)
      atomic_store_explicit(&s->receivers[receiver].position, published = position, memory_order_release);
  }
  s->receivers[receiver].time = ipc_os_now();
  atomic_store_explicit(&s->receivers[receiver].position, position, memory_order_release);
  return true;
}

/* Sleeps until the next round starts, then waits until every process has arrived. */
static void await_round(uint32_t *round) {
  while (atomic_load(&s->round) == *round) ipc_os_wait(&s->round, *round, IPC_FOREVER);
  ++*round;
  atomic_fetch_add(&s->arrived, 1);
  while (atomic_load(&s->arrived) % (senders + receivers) != 0) sched_yield();
}

static void finish(void) {
  atomic_fetch_add(&s->done, 1);
  ipc_os_wake_all(&s->done);
}

static _Noreturn void be_sender(uint32_t sender) {
  for (uint32_t round = 0;;) {
    await_round(&round);
    s->starts[sender] = ipc_os_now();
    send_all(sender);
    finish();
  }
}

static _Noreturn void be_receiver(uint32_t receiver) {
  for (uint32_t round = 0;;) {
    await_round(&round);
    uint32_t position = atomic_load(&s->receivers[receiver].position);
    if (!receive_all(receiver, position)) s->receivers[receiver].failed = 1;
    finish();
  }
}

static pid_t children[2 * MAX_ENDS];
static uint32_t child_count;

static void end_children(int signal_number) {
  for (uint32_t i = 0; i < child_count; i++) kill(children[i], SIGKILL);
  _exit(signal_number ? 130 : 0);
}

static pid_t start_child(void) {
  pid_t parent = getpid(), child = fork();
  if (child < 0) end_children(1);
  if (child > 0) return children[child_count++] = child;
  signal(SIGTERM, SIG_DFL);
  signal(SIGINT, SIG_IGN); /* the parent ends us */
#ifdef __linux__
  extern int prctl(int, ...);
  prctl(1 /* PR_SET_PDEATHSIG */, SIGKILL);
#endif
  if (getppid() != parent) _exit(1);
  return 0;
}

int main(int count, char **arguments) {
  if (count != 7) {
    fprintf(stderr, "usage: baseline SENDERS RECEIVERS COUNT MIN MAX RING_BYTES\n");
    return 2;
  }
  senders = (uint32_t)atoi(arguments[1]);
  receivers = (uint32_t)atoi(arguments[2]);
  ring_bytes = (uint32_t)atoi(arguments[6]);
  uint32_t max = (uint32_t)atoi(arguments[5]);
  if (senders < 1 || senders > MAX_ENDS || receivers < 1 || receivers > MAX_ENDS || max > 65536 ||
      ring_bytes < 4 * max || (ring_bytes & (ring_bytes - 1)) != 0) {
    fprintf(stderr, "baseline: 1 to %d ends, MAX up to 65536, RING_BYTES a power of two of at least 4 x MAX\n",
            MAX_ENDS);
    return 2;
  }
  per_sender = (uint32_t)atoi(arguments[3]) / senders;
  workload_init(&messages, (uint32_t)atoi(arguments[4]), max);
  spins = senders + receivers <= ipc_os_processors() ? 1000 : 0;

  size_t bytes = sizeof(shared) + ring_bytes;
  s = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (s == MAP_FAILED) return 1;
  memset(s, 0, bytes);
  ring = (uint8_t *)(s + 1);

  signal(SIGINT, end_children);
  signal(SIGTERM, end_children);
  for (uint32_t i = 0; i < receivers; i++)
    if (start_child() == 0) be_receiver(i);
  for (uint32_t i = 0; i < senders; i++)
    if (start_child() == 0) be_sender(i);

  char line[64];
  uint32_t finished = 0;
  while (fgets(line, sizeof line, stdin)) {
    atomic_fetch_add(&s->round, 1);
    ipc_os_wake_all(&s->round);
    finished += senders + receivers;
    for (uint32_t done; (done = atomic_load(&s->done)) != finished;) ipc_os_wait(&s->done, done, IPC_FOREVER);
    uint64_t first = UINT64_MAX, last = 0;
    for (uint32_t i = 0; i < senders; i++)
      if (s->starts[i] < first) first = s->starts[i];
    for (uint32_t i = 0; i < receivers; i++) {
      if (s->receivers[i].failed) {
        fprintf(stderr, "baseline: receiver %u got a wrong message\n", i);
        end_children(1);
      }
      if (s->receivers[i].time > last) last = s->receivers[i].time;
    }
    printf("%llu\n", (unsigned long long)(last - first));
    fflush(stdout);
  }
  end_children(0);
}

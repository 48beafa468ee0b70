/*
 * ping_pong - 64 bytes to another process and back: the fastest round trips that we
 * know how to write in C. The benchmark divides the times of libipc by these times.
 *
 *   ping_pong MODE ROUNDS [PAUSE_US]
 *
 *   spin     two lines of shared memory, busy waiting only
 *   yield    the same, but yields the processor after a few pauses
 *   futex    the same, but sleeps at once
 *   backoff  the same, but spins for 20 µs before it sleeps, to be quick under load.
 *            Its price: a side that spins keeps its processor. The side that it has
 *            woken must start on another processor, which takes longer to wake
 *   pipe     two pipes
 *   socket   a pair of Unix sockets
 *
 * With PAUSE_US each side sleeps when a message comes: this side pauses before it
 * sends, the other side before it answers. The other side measures its pauses, and
 * they are not part of the times.
 *
 * Prints the nanoseconds of each round trip, one on each line. Every echo is compared
 * with what was sent; a wrong echo ends the program with status 1.
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "cpu.h"
#include "pair.h"
#include "platform/platform.h"

enum {
  LINE = 128, /* a cache line, or two where the processor fetches them in pairs */
  WORDS = 16,
  WARM_UP_ROUNDS = 1000,
  PAUSES_BEFORE_YIELD = 8,
  BACKOFF_NS = 20000,
  SPINS_PER_PARENT_CHECK = 1 << 16, /* a busy waiter then checks whether its parent still runs */
  SLEEP_NS = 100000000              /* the same for a sleeping one */
};

/* The first word counts the messages of its direction, from 1. */
typedef struct message {
  uint32_t words[WORDS];
} message;

/* A message in shared memory: whole once `sequence`, its first word, is there. */
typedef struct slot {
  _Alignas(LINE) _Atomic uint32_t sequence;
  uint32_t words[WORDS - 1];
} slot;

typedef struct shared {
  slot ping, pong;
  uint64_t held_ns[]; /* how long the other side paused in each round */
} shared;

enum mode { SPIN, YIELD, FUTEX, BACKOFF, PIPE, SOCKET };
static const char *const MODES[] = {"spin", "yield", "futex", "backoff", "pipe", "socket"};

/* One end: where it writes and what it reads. */
typedef struct end {
  slot *out, *in;
  int out_fd, in_fd;
} end;

static enum mode mode;
static void await_sequence(slot *in, uint32_t sequence) {
  uint32_t seen;
  uint64_t asleep_at = mode == BACKOFF ? ipc_os_now() + BACKOFF_NS : 0;
  for (uint32_t spun = 1; (seen = atomic_load_explicit(&in->sequence, memory_order_acquire)) != sequence; spun++) {
    if (mode == FUTEX || (mode == BACKOFF && ipc_os_now() >= asleep_at)) {
      ipc_os_wait(&in->sequence, seen, SLEEP_NS);
      end_without_parent();
      continue;
    }
    if (mode == YIELD && spun > PAUSES_BEFORE_YIELD)
      ipc_os_yield();
    else
      ipc_cpu_relax();
    if (spun % SPINS_PER_PARENT_CHECK == 0) end_without_parent();
  }
}

static void write_all(int fd, const void *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t count = write(fd, (const char *)bytes + done, length - done);
    if (count < 0 && errno != EINTR) _exit(1);
    if (count > 0) done += (size_t)count;
  }
}

/* The end of the stream is the end of the other process. */
static void read_all(int fd, void *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t count = read(fd, (char *)bytes + done, length - done);
    if (count == 0 || (count < 0 && errno != EINTR)) _exit(1);
    if (count > 0) done += (size_t)count;
  }
}

static void put(const end *e, const message *m) {
  if (mode >= PIPE) {
    write_all(e->out_fd, m, sizeof *m);
    return;
  }
  memcpy(e->out->words, m->words + 1, sizeof e->out->words);
  atomic_store_explicit(&e->out->sequence, m->words[0], memory_order_release);
  if (mode == FUTEX || mode == BACKOFF) ipc_os_wake_all(&e->out->sequence);
}

static void take(const end *e, message *m, uint32_t sequence) {
  if (mode >= PIPE) {
    read_all(e->in_fd, m, sizeof *m);
    return;
  }
  await_sequence(e->in, sequence);
  m->words[0] = sequence;
  memcpy(m->words + 1, e->in->words, sizeof e->in->words);
}

static void fill(message *m, uint32_t sequence) {
  m->words[0] = sequence;
  for (uint32_t i = 1; i < WORDS; i++) m->words[i] = sequence * 2654435761u + i * 40503u;
}

static void sleep_us(uint32_t us) {
  struct timespec left = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

static _Noreturn void answer(const end *e, uint32_t rounds, uint32_t pause_us, uint64_t *held_ns) {
  message m;
  for (uint32_t i = 0; i < WARM_UP_ROUNDS + rounds; i++) {
    take(e, &m, i + 1);
    if (pause_us && i >= WARM_UP_ROUNDS) {
      uint64_t start = ipc_os_now();
      sleep_us(pause_us);
      held_ns[i - WARM_UP_ROUNDS] = ipc_os_now() - start;
    }
    put(e, &m);
  }
  _exit(0);
}

int main(int count, char **arguments) {
  int chosen = 0;
  uint32_t rounds = 0, pause_us = 0;
  if (count == 3 || count == 4) {
    while (chosen <= SOCKET && strcmp(arguments[1], MODES[chosen]) != 0) chosen++;
    rounds = number(arguments[2], 1, 100000000, 0);
    if (count == 4) pause_us = number(arguments[3], 1, 1000000, 0);
  }
  if (rounds == 0 || chosen > SOCKET || (count == 4 && pause_us == 0)) {
    fprintf(stderr, "usage: ping_pong spin|yield|futex|backoff|pipe|socket ROUNDS [PAUSE_US]\n");
    return 2;
  }
  mode = (enum mode)chosen;

  size_t bytes = sizeof(shared) + rounds * sizeof(uint64_t);
  shared *s = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  uint64_t *times = malloc(rounds * sizeof *times);
  if (s == MAP_FAILED || !times) return 1;
  memset(s, 0, bytes);
  memset(times, 0, rounds * sizeof *times);

  int there[2] = {-1, -1}, back[2] = {-1, -1};
  if (mode == PIPE && (pipe(there) != 0 || pipe(back) != 0)) return 1;
  if (mode == SOCKET && socketpair(AF_UNIX, SOCK_STREAM, 0, there) != 0) return 1;

  if (is_child()) {
    /* Our copies of its ends go, or we would not see them close. */
    close(mode == PIPE ? there[1] : there[0]);
    close(back[0]);
    end e = {.out = &s->pong, .in = &s->ping};
    e.in_fd = mode == PIPE ? there[0] : there[1];
    e.out_fd = mode == PIPE ? back[1] : there[1];
    answer(&e, rounds, pause_us, s->held_ns);
  }
  close(mode == PIPE ? there[0] : there[1]);
  close(back[1]);
  end e = {.out = &s->ping, .in = &s->pong};
  e.out_fd = mode == PIPE ? there[1] : there[0];
  e.in_fd = mode == PIPE ? back[0] : there[0];

  message ping, pong;
  for (uint32_t i = 0; i < WARM_UP_ROUNDS + rounds; i++) {
    bool measured = i >= WARM_UP_ROUNDS;
    if (pause_us && measured) sleep_us(pause_us);
    fill(&ping, i + 1);
    uint64_t start = ipc_os_now();
    put(&e, &ping);
    take(&e, &pong, i + 1);
    uint64_t time = ipc_os_now() - start;
    if (memcmp(&ping, &pong, sizeof ping) != 0) {
      fprintf(stderr, "ping_pong: echo %u is not what was sent\n", i + 1);
      kill((pid_t)child, SIGKILL);
      _exit(1);
    }
    /* In shared memory the echo came after held_ns was written; through the kernel too. */
    if (measured) times[i - WARM_UP_ROUNDS] = time - s->held_ns[i - WARM_UP_ROUNDS];
  }
  for (uint32_t i = 0; i < rounds; i++) printf("%llu\n", (unsigned long long)times[i]);
  return fflush(stdout) == 0 ? 0 : 1;
}

/*
 * load - messages of 64 bytes from one process to another at an offered load: how long each takes to arrive. It has the
 * fastest queue for such messages that we know how to write in C; the benchmark shows libipc beside it.
 *
 *   load spin|backoff GAP_NS COUNT
 *
 *   spin     the receiver only waits busily
 *   backoff  it spins for 20 µs, then it sleeps until the sender wakes it
 *
 * A message is due every GAP_NS nanoseconds. Its time runs from the moment at which it is due, whenever the sender gets
 * to send it: a message that waits for a sender that is late, or for room, has waited too. With GAP_NS 0 a message is
 * due when the one before it has been sent.
 *
 * Prints the nanoseconds from one message to the next that the sender reached, then the nanoseconds that each message
 * took, one on each line. The receiver compares every message with what was sent; a wrong one ends the program with
 * status 1.
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "cpu.h"
#include "pair.h"
#include "platform/platform.h"

enum {
  LINE = 128, /* a cache line, or two where the processor fetches them in pairs */
  SLOTS = 1 << 14,
  WORDS = 16,
  PATTERN = 4, /* the first word of a message that says nothing but that it is right */
  BACKOFF_NS = 20000,
  SPINS_PER_CHECK = 1 << 16, /* a busy waiter then checks whether the other process still runs */
  SLEEP_NS = 100000000       /* the same for a sleeping one */
};

/* A message. It is whole once `sequence`, which counts from 1, is that of its turn. */
typedef struct slot {
  _Alignas(64) _Atomic uint32_t sequence;
  uint32_t unused;
  uint64_t due;
  uint32_t words[WORDS - PATTERN];
} slot;

typedef struct shared {
  _Alignas(LINE) _Atomic uint32_t received; /* messages that the sender may overwrite */
  _Alignas(LINE) _Atomic uint32_t asleep;
  _Alignas(LINE) slot slots[SLOTS];
  uint64_t times[];
} shared;

static shared *s;
static bool sleeps;
static uint32_t gap_ns, warm_up, count;

static uint32_t pattern(uint32_t sequence, uint32_t word) { return sequence * 2654435761u + word * 40503u; }

static void await_message(const slot *from, uint32_t sequence) {
  uint64_t asleep_at = sleeps ? ipc_os_now() + BACKOFF_NS : 0;
  for (uint32_t spun = 1; atomic_load_explicit(&from->sequence, memory_order_acquire) != sequence; spun++) {
    if (!sleeps || ipc_os_now() < asleep_at) {
      ipc_cpu_relax();
      if (spun % SPINS_PER_CHECK == 0) end_without_parent();
      continue;
    }
    /* Pairs with the fence of put(): the sender sees that we sleep, or we see its message. */
    atomic_store_explicit(&s->asleep, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&from->sequence, memory_order_acquire) != sequence) {
      ipc_os_wait(&s->asleep, 1, SLEEP_NS);
      end_without_parent();
    }
    atomic_store_explicit(&s->asleep, 0, memory_order_relaxed);
  }
}

static _Noreturn void receive_all(void) {
  for (uint32_t i = 0; i < warm_up + count; i++) {
    const slot *from = &s->slots[i % SLOTS];
    await_message(from, i + 1);
    uint64_t time = ipc_os_now() - from->due;
    for (uint32_t word = 0; word < WORDS - PATTERN; word++) {
      if (from->words[word] == pattern(i + 1, word)) continue;
      fprintf(stderr, "load: message %u is not what was sent\n", i);
      _exit(1);
    }
    if (i >= warm_up) s->times[i - warm_up] = time;
    /* As ipc_receiver_recv() does, the position is published every eighth of the ring. */
    if ((i + 1) % (SLOTS / 8) == 0) atomic_store_explicit(&s->received, i + 1, memory_order_release);
  }
  _exit(0);
}

static void put(uint32_t i, uint64_t due, uint32_t *received) {
  slot *to = &s->slots[i % SLOTS];
  while (i - *received >= SLOTS) {
    *received = atomic_load_explicit(&s->received, memory_order_acquire);
    if (i - *received >= SLOTS) ipc_cpu_relax();
  }
  to->due = due;
  for (uint32_t word = 0; word < WORDS - PATTERN; word++) to->words[word] = pattern(i + 1, word);
  atomic_store_explicit(&to->sequence, i + 1, memory_order_release);
  if (!sleeps) return;
  atomic_thread_fence(memory_order_seq_cst); /* pairs with that of await_message() */
  if (atomic_load_explicit(&s->asleep, memory_order_relaxed) == 0) return;
  atomic_store_explicit(&s->asleep, 0, memory_order_relaxed);
  ipc_os_wake_all(&s->asleep);
}

/* Answers the nanoseconds from one message to the next. */
static double send_all(void) {
  uint32_t received = 0;
  uint64_t start = ipc_os_now(), first = 0;
  for (uint32_t i = 0; i < warm_up + count; i++) {
    uint64_t due = start + (uint64_t)i * gap_ns, now;
    while ((now = ipc_os_now()) < due) ipc_cpu_relax();
    if (i == warm_up) first = gap_ns > 0 ? due : now;
    put(i, gap_ns > 0 ? due : now, &received);
  }
  return (double)(ipc_os_now() - first) / count;
}

int main(int argument_count, char **arguments) {
  bool spins = argument_count == 4 && strcmp(arguments[1], "spin") == 0;
  sleeps = argument_count == 4 && strcmp(arguments[1], "backoff") == 0;
  if (argument_count == 4) {
    gap_ns = number(arguments[2], 0, 1000000000, UINT32_MAX);
    count = number(arguments[3], 1, 100000000, 0);
  }
  if (!(spins || sleeps) || gap_ns == UINT32_MAX || count == 0) {
    fprintf(stderr, "usage: load spin|backoff GAP_NS COUNT\n");
    return 2;
  }
  warm_up = 3 * count;

  size_t bytes = sizeof(shared) + count * sizeof(uint64_t);
  s = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (s == MAP_FAILED) return 1;
  memset(s, 0, bytes);

  if (is_child()) receive_all();
  double gap = send_all();
  /* on_child() may have collected a child that ended well. */
  int status = 0;
  while (waitpid((pid_t)child, &status, 0) < 0 && errno == EINTR) continue;
  if (status != 0) return 1;
  printf("%.1f\n", gap);
  for (uint32_t i = 0; i < count; i++) printf("%llu\n", (unsigned long long)s->times[i]);
  return fflush(stdout) == 0 ? 0 : 1;
}

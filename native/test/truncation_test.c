/* truncation_test.c - a stranger makes the file smaller while it is mapped: the calls answer, and the process lives. */
#include <pthread.h>

#include "handle_state.h"
#include "libipc/waker.h"
#include "test.h"
#include "view.h"

static void make_smaller(uint32_t kind, uint64_t size) {
  int fd = view_file(test_prefix, test_name, kind);
  CHECK_GE(fd, 0);
  CHECK_EQ(ftruncate(fd, (off_t)size), 0);
  ipc_os_close(fd);
}

typedef struct ends {
  ipc_receiver *receiver;
  ipc_sender *sender;
} ends;

static ends open_ends(ipc_options options) {
  ipc_failure failure;
  ends it = {.receiver = ipc_receiver_open(test_prefix, test_name, &options, &failure),
             .sender = ipc_sender_open(test_prefix, test_name, &options, &failure)};
  CHECK(it.receiver && it.sender);
  return it;
}

static void close_ends(ends it) {
  ipc_sender_close(it.sender);
  ipc_receiver_close(it.receiver);
}

enum { RING = 65536 };
static uint8_t message[1000];

/* To nothing, to the header, into the places, to the beginning of the ring, to its middle. */
static uint64_t size_of(uint32_t which, uint32_t kind) {
  uint64_t body, all = ipc_segment_bytes(kind, RING, 4, &body);
  const uint64_t sizes[] = {0, 100, IPC_HEADER_BYTES, IPC_HEADER_BYTES + 4096, body, body + 4096, all - 4096};
  return which < sizeof sizes / sizeof sizes[0] ? sizes[which] : all;
}
enum { SIZES = 7 };

static const ipc_options rings[] = {
    {.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .capacity = RING, .max_receivers = 4},
    {.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = RING, .max_receivers = 4},
    {.struct_size = sizeof(ipc_options),
     .kind = IPC_CHANNEL,
     .capacity = RING,
     .max_receivers = 4,
     .overflow = IPC_DROP_OLDEST},
    {.struct_size = sizeof(ipc_options), .kind = IPC_QUEUE, .capacity = RING, .max_receivers = 4},
};
enum { KINDS = sizeof rings / sizeof rings[0] };

/* An endpoint that goes once around the ring meets the missing page; then every call reports it. */
static void all_calls_tell(void) {
  for (uint32_t kind = 0; kind < KINDS; kind++)
    for (uint32_t which = 0; which < SIZES; which++) {
      ends it = open_ends(rings[kind]);
      CHECK_EQ(ipc_sender_send(it.sender, message, sizeof message, 0), IPC_OK);
      make_smaller(rings[kind].kind, size_of(which, rings[kind].kind));
      int32_t status = IPC_OK;
      uint8_t target[sizeof message];
      for (uint32_t i = 0; i < 2 * RING / sizeof message && status != IPC_E_CORRUPT; i++) {
        status = ipc_sender_send(it.sender, message, sizeof message, 0);
        if (status != IPC_E_CORRUPT) status = ipc_receiver_recv(it.receiver, target, sizeof target, 0);
      }
      /* Cut within the header's page there are zeros, but no page is missing: a waiting endpoint finds it. */
      if (status != IPC_E_CORRUPT) status = ipc_receiver_recv(it.receiver, target, sizeof target, 2000);
      if (status != IPC_E_CORRUPT) FAIL("ring %u, size %u: %d", kind, which, status);
      CHECK_EQ(ipc_sender_send(it.sender, message, sizeof message, 100), IPC_E_CORRUPT);
      CHECK_EQ(ipc_receiver_recv(it.receiver, target, sizeof target, 100), IPC_E_CORRUPT);
      uint32_t offset;
      if (rings[kind].overflow != IPC_DROP_OLDEST) CHECK_EQ(ipc_sender_loan(it.sender, 8, 100, &offset), IPC_E_CORRUPT);
      close_ends(it);
      ipc_failure failure;
      CHECK_EQ(ipc_clear(test_prefix, test_name, rings[kind].kind, &failure), IPC_OK);
    }
}

static void *truncate_soon(void *view_of_it) {
  view_await_sleeper(view_of_it, IPC_EVENT_DATA);
  make_smaller(IPC_CHANNEL, 0);
  return NULL;
}

/* No signal is sent to a sleeper: it finds the damage at the end of its slice. */
static void a_sleeper_notices(void) {
  need_the_kernel("qemu-user ends when a page is missing during a system call");
  ends it = open_ends(rings[1]);
  view file = view_open(test_prefix, test_name, IPC_CHANNEL);
  pthread_t thread;
  CHECK_EQ(pthread_create(&thread, NULL, truncate_soon, &file), 0);
  CHECK_EQ(ipc_receiver_recv(it.receiver, message, sizeof message, -1), IPC_E_CORRUPT);
  pthread_join(thread, NULL);
  close_ends(it);
}

/* Many threads meet the same missing page, while others map and unmap. */
enum { THREADS = 6, ROUNDS = 20 * TEST_SCALE };
static _Atomic uint32_t at_start;

static void *meet(void *of) {
  const volatile uint8_t *bytes = of;
  atomic_fetch_add(&at_start, 1);
  while (atomic_load(&at_start) < THREADS) continue;
  uint32_t sum = 0;
  for (uint32_t i = 0; i < RING; i += 512) sum += bytes[i];
  return (void *)(uintptr_t)sum;
}

static void *map_and_unmap(void *ignored) {
  ipc_options options = {.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX};
  for (uint32_t i = 0; i < 4; i++) {
    ipc_failure failure;
    ipc_handle *handle = ipc_handle_open(test_prefix, test_name, &options, &failure);
    CHECK(handle != NULL);
    ipc_handle_close(handle);
  }
  return ignored;
}

static void threads_meet_it_together(void) {
  for (uint32_t round = 0; round < ROUNDS; round++) {
    ends it = open_ends(rings[1]);
    make_smaller(IPC_CHANNEL, size_of(4 + round % 2, IPC_CHANNEL));
    pthread_t threads[THREADS], other;
    atomic_store(&at_start, 0);
    CHECK_EQ(pthread_create(&other, NULL, map_and_unmap, NULL), 0);
    for (uint32_t i = 0; i < THREADS; i++)
      CHECK_EQ(pthread_create(&threads[i], NULL, meet, (void *)(uintptr_t)ipc_receiver_ring(it.receiver)), 0);
    for (uint32_t i = 0; i < THREADS; i++) {
      void *sum;
      pthread_join(threads[i], &sum);
      CHECK_EQ((uintptr_t)sum, 0);
    }
    pthread_join(other, NULL);
    CHECK_EQ(ipc_receiver_recv(it.receiver, message, sizeof message, 0), IPC_E_CORRUPT);
    close_ends(it);
    ipc_failure failure;
    ipc_clear(test_prefix, test_name, IPC_CHANNEL, &failure);
  }
}

/* More mappings than the first table has places for. */
static void there_may_be_many(void) {
  enum { MANY = 200 };
  ipc_sender *senders[MANY];
  ipc_failure failure;
  ipc_options options = rings[1];
  options.capacity = 2 * IPC_SMALL_CAPACITY; /* with room for so many senders */
  for (uint32_t i = 0; i < MANY; i++)
    CHECK((senders[i] = ipc_sender_open(test_prefix, test_name, &options, &failure)) != NULL);
  make_smaller(IPC_CHANNEL, 0);
  ipc_sender_wait_for_receivers(senders[MANY - 1], 1, 0);
  for (uint32_t i = 0; i < MANY; i++) CHECK_EQ(ipc_sender_send(senders[i], "x", 1, 0), IPC_E_CORRUPT);
  for (uint32_t i = 0; i < MANY; i++) ipc_sender_close(senders[i]);
}

static int32_t use(ipc_handle *handle, uint32_t kind) {
  switch (kind) {
    case IPC_MUTEX: return ipc_mutex_lock(handle, 50);
    case IPC_CONDITION: return ipc_condition_enter(handle, 0, 0);
    case IPC_SEMAPHORE: return ipc_semaphore_acquire(handle, 50);
    default: return ipc_rwlock_lock(handle, 50, IPC_KEEP_NOTHING);
  }
}

static void handles_tell(void) {
  need_the_kernel("qemu-user ends when a page is missing during a system call");
  for (uint32_t kind = IPC_MUTEX; kind <= IPC_RWLOCK; kind++)
    for (uint32_t held = 0; held < 2; held++) {
      ipc_options options = {
          .struct_size = sizeof(ipc_options), .kind = kind, .robust = kind == IPC_SEMAPHORE ? 1 + held : 0};
      ipc_failure failure;
      ipc_handle *handle = ipc_handle_open(test_prefix, test_name, &options, &failure);
      CHECK(handle != NULL);
      if (held) CHECK_GE(use(handle, kind), 0);
      make_smaller(kind, 0);
      CHECK_EQ(use(handle, kind), IPC_E_CORRUPT);
      if (held && kind == IPC_MUTEX) CHECK_EQ(ipc_mutex_unlock(handle), IPC_E_CORRUPT);
      ipc_handle_close(handle);
      CHECK_EQ(ipc_clear(test_prefix, test_name, kind, &failure), IPC_OK);
    }
}

static void memory_reads_zeros(void) {
  const ipc_options options = {.struct_size = sizeof(ipc_options), .kind = IPC_MEMORY, .size = 100000};
  ipc_failure failure;
  ipc_handle *memory = ipc_handle_open(test_prefix, test_name, &options, &failure);
  CHECK(memory != NULL);
  ipc_mapping *mapping = ipc_memory_map(memory, &failure);
  CHECK(mapping != NULL);
  volatile uint8_t *bytes = ipc_mapping_address(mapping);
  bytes[0] = bytes[99999] = 1;
  uint64_t body;
  ipc_segment_bytes(IPC_MEMORY, 0, IPC_DEFAULT_RECEIVERS, &body);
  make_smaller(IPC_MEMORY, body + 4096);
  CHECK_EQ(bytes[99999], 0);
  CHECK_EQ(bytes[0], 1);
  CHECK(ipc_memory_map(memory, &failure) == NULL);
  CHECK_EQ(failure.code, IPC_E_CORRUPT);
  CHECK_EQ(ipc_memory_grow(memory, 200000, &failure), IPC_E_CORRUPT);
  CHECK_EQ(ipc_memory_enter(memory, 0, 1, 0, 0, &failure), IPC_E_CORRUPT);
  ipc_handle_close(memory);
  CHECK_EQ(bytes[50000], 0);
  ipc_mapping_release(mapping);
}

/* Faults that are not ours go where they went before. */
static void *missing_page(void) {
  FILE *file = tmpfile();
  CHECK(file != NULL);
  CHECK_EQ(ftruncate(fileno(file), 4096), 0);
  void *bytes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
  CHECK(bytes != MAP_FAILED);
  CHECK_EQ(ftruncate(fileno(file), 0), 0);
  return bytes;
}

static void touch(void) { *(volatile uint8_t *)missing_page() = 1; }
static void send_signal(void) { kill(getpid(), SIGBUS); }

static int status_of(void (*set_up)(void), void (*fault)(void)) {
  pid_t child = fork();
  if (child == 0) {
    set_up();
    close_ends(open_ends(rings[1]));
    fault();
    _exit(0);
  }
  int status;
  CHECK_EQ(waitpid(child, &status, 0), child);
  return status;
}

static void by_default(void) { signal(SIGBUS, SIG_DFL); }
static void ignored(void) { signal(SIGBUS, SIG_IGN); }
static void leave_by(int signal) { _exit(signal == SIGBUS ? 33 : 1); }
static void simply_handled(void) { signal(SIGBUS, leave_by); }
static void leave_knowing(int signal, siginfo_t *info, void *context) {
  (void)context;
  _exit(signal == SIGBUS && info->si_code == BUS_ADRERR && info->si_addr ? 34 : 1);
}
static void handled(void) {
  struct sigaction action = {.sa_sigaction = leave_knowing, .sa_flags = SA_SIGINFO};
  sigaction(SIGBUS, &action, NULL);
}

static void other_faults_go_on(void) {
  int status = status_of(by_default, touch);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
  status = status_of(by_default, send_signal);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
  status = status_of(ignored, send_signal);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  status = status_of(ignored, touch);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
  status = status_of(simply_handled, touch);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 33);
  status = status_of(handled, touch);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 34);
}

TEST_MAIN(TEST_CASE(all_calls_tell), TEST_CASE(a_sleeper_notices), TEST_CASE(threads_meet_it_together),
          TEST_CASE(there_may_be_many), TEST_CASE(handles_tell), TEST_CASE(memory_reads_zeros),
          TEST_CASE(other_faults_go_on))

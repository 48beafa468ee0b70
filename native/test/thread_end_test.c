/* thread_end_test.c - what a close and the end of a thread give back: memory, names, descriptors. */
#include <dirent.h>

#include "ends.h"
#include "handles.h"
#include "libipc/binding_view.h"
#include "libipc/rwlock.h"
#include "view.h"

static const ipc_options channel = {
    .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 65536, .max_receivers = 4};
static const ipc_options shared_memory = {.struct_size = sizeof(ipc_options), .kind = IPC_MEMORY, .size = 65536};

enum { VIEWS_STAY, VIEWS_END };

#ifdef __linux__
/* Segments that this process has mapped: a file that was created without a name is shown without one. */
static int count_maps(void) {
  FILE *maps = fopen("/proc/self/maps", "r");
  CHECK(maps);
  int count = 0;
  for (char line[1024]; fgets(line, sizeof line, maps);) count += strstr(line, " /dev/shm/") != NULL;
  fclose(maps);
  return count;
}

static int count_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  CHECK(directory);
  int count = 0;
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}
#else
static int count_maps(void) { return 0; }
static int count_descriptors(void) { return 0; }
#endif

static bool is_any_left(void) {
  for (uint32_t kind = IPC_ROUTE; kind < IPC_KINDS; kind++)
    if (view_exists(test_prefix, test_name, kind)) return true;
  return false;
}

static bool is_zeros(const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (bytes[i] != 0) return false;
  return true;
}

typedef struct board {
  _Atomic uint32_t ready, go;
} board;

static board *shared;

/* In another process, so that the two have different mappings also for ThreadSanitizer: see interpose.c. */
static void use_until_the_other_has_written(void *unused) {
  (void)unused;
  ipc_receiver *receiver = must_receive(channel);
  ipc_sender *sender = must_send(channel);
  CHECK_EQ(ipc_sender_send(sender, "secret", 6, 0), IPC_OK);
  atomic_store(&shared->ready, 1);
  test_await(&shared->go, 1);
  char text[8];
  CHECK_EQ(ipc_receiver_recv(receiver, text, sizeof text, 0), 6);
  CHECK_EQ(memcmp(text, "secret", 6), 0);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

static void a_view_that_is_kept_after_the_close_reads_zeros(void) {
  shared = test_shared(sizeof *shared);
  ipc_receiver *receiver = must_receive(channel);
  test_worker other = test_start(TEST_PROCESS, use_until_the_other_has_written, NULL);
  test_await(&shared->ready, 1);
  ipc_mapping *mapping = ipc_receiver_hold_mapping(receiver);
  uint8_t *ring = (uint8_t *)(uintptr_t)ipc_receiver_ring(receiver);
  CHECK(!is_zeros(ring, 65536));
  ipc_receiver_close(receiver);
  CHECK(is_zeros(ring, 65536));
  CHECK_EQ(count_maps(), 0);
  memset(ring, 0xff, 65536); /* memory of this process now: the segment does not change */
  atomic_store(&shared->go, 1);
  test_finish(other);
  CHECK_EQ(ring[0], 0xff);
  ipc_mapping_release(mapping);
}

static void without_addresses_for_zeros_a_view_that_is_kept_stays_as_it_is(void) {
  hooks.no_zeros = true;
  ipc_receiver *receiver = must_receive(channel);
  ipc_mapping *mapping = ipc_receiver_hold_mapping(receiver);
  const uint32_t *words = ipc_mapping_address(mapping);
  ipc_receiver_close(receiver);
  CHECK_EQ(words[0], IPC_MAGIC);
  CHECK_EQ(count_maps(), 1);
  ipc_mapping_release(mapping);
  CHECK_EQ(count_maps(), 0);
}

static void shared_memory_that_is_held_stays_and_is_counted(void) {
  ipc_handle *memory = must_handle(shared_memory);
  ipc_failure failure;
  ipc_mapping *mapping = ipc_memory_map(memory, &failure);
  CHECK(mapping);
  uint8_t *bytes = ipc_mapping_address(mapping);
  bytes[65535] = 7;
  CHECK_EQ(ipc_memory_kept_bytes(), 0);
  ipc_handle_close(memory);
  CHECK_EQ(ipc_memory_kept_bytes(), 65536);
  CHECK_EQ(bytes[65535], 7);
  ipc_mapping_release(mapping);
  CHECK_EQ(ipc_memory_kept_bytes(), 0);
  CHECK_EQ(count_maps(), 0);
}

/* One of each kind, in use, left open. */
static void open_all_and_end(void *unused) {
  (void)unused;
  ipc_failure failure;
  uint32_t offset;
  uint8_t large[100000] = {1};
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_QUEUE; kind++) {
    const ipc_options options = {.struct_size = sizeof(ipc_options), .kind = kind, .capacity = 4096};
    ipc_receiver *receiver = must_receive(options);
    ipc_sender *sender = must_send(options);
    CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK);
    CHECK_EQ(ipc_sender_loan(sender, 8, 0, &offset), IPC_OK);
    CHECK_EQ(ipc_sender_stage(sender, "y", 1), IPC_OK);
    ipc_receiver_hold_mapping(receiver);
    uint32_t sent = 0;
    if (kind != IPC_QUEUE) CHECK_EQ(ipc_sender_send_part(sender, large, sizeof large, &sent), IPC_TIMED_OUT);
  }
  for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++) {
    const ipc_options options = {
        .struct_size = sizeof(ipc_options), .kind = kind, .size = kind == IPC_MEMORY ? 65536 : 0};
    ipc_handle *handle = must_handle(options);
    if (kind == IPC_MEMORY) CHECK(ipc_memory_map(handle, &failure));
  }
}

static void a_thread_that_ends_gives_back_all_that_it_has_open(void) {
  ipc_process_adopt_threads(VIEWS_END);
  test_finish(test_start(TEST_THREAD, open_all_and_end, NULL)); /* the process opens descriptors that it keeps */
  int before = count_descriptors();
  for (int i = 0; i < 5; i++) {
    test_finish(test_start(TEST_THREAD, open_all_and_end, NULL));
    CHECK(!is_any_left());
    CHECK_EQ(count_maps(), 0);
    CHECK_EQ(count_descriptors(), before);
  }
}

static ipc_mapping *held[2];

static void hold_and_end(void *unused) {
  (void)unused;
  ipc_failure failure;
  ipc_sender *sender = must_send(channel);
  held[0] = ipc_sender_hold_mapping(sender);
  held[1] = ipc_memory_map(must_handle(shared_memory), &failure);
  CHECK(held[1]);
  memset(ipc_mapping_address(held[1]), 7, 65536);
}

static void views_that_other_threads_hold_stay(void) {
  ipc_process_adopt_threads(VIEWS_STAY);
  test_finish(test_start(TEST_THREAD, hold_and_end, NULL));
  CHECK(!is_any_left());
  CHECK_EQ(count_maps(), 1); /* the shared memory */
  uint8_t *ring = ipc_mapping_address(held[0]), *memory = ipc_mapping_address(held[1]);
  CHECK(is_zeros(ring, (size_t)ipc_mapping_byte_length(held[0])));
  CHECK_EQ(memory[65535], 7);
  CHECK_EQ(ipc_memory_kept_bytes(), 65536);
  for (int i = 0; i < 2; i++) ipc_mapping_release(held[i]);
  CHECK_EQ(count_maps(), 0);
}

static ipc_sender *used;

static void use_and_end(void *unused) {
  (void)unused;
  must_receive(channel);
  CHECK_EQ(ipc_sender_receiver_count(used), 1);
  ipc_handle *mutex = must_handle((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX});
  CHECK_EQ(ipc_mutex_lock(mutex, 0), IPC_OK);
  ipc_handle *rwlock = must_handle((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_RWLOCK});
  CHECK_EQ(ipc_rwlock_lock(rwlock, 0, IPC_KEEP_NOTHING), IPC_OK);
}

static void others_see_an_ended_thread_as_one_that_was_killed(void) {
  ipc_process_adopt_threads(VIEWS_END);
  used = must_send(channel);
  ipc_handle *rwlock = must_handle((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_RWLOCK});
  test_finish(test_start(TEST_THREAD, use_and_end, NULL));
  CHECK_EQ(ipc_sender_receiver_count(used), 0);
  ipc_peer peers[4];
  CHECK_EQ(ipc_sender_peers(used, peers, 4), 1);
  CHECK(peers[0].died[0] != 0);
  CHECK_EQ(ipc_rwlock_lock(rwlock, 0, IPC_KEEP_NOTHING), IPC_OWNER_DIED);
  /* Its last owner died inside, and nobody has it open: it waits for the next one. */
  ipc_handle *mutex = must_handle((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX});
  CHECK_EQ(ipc_mutex_lock(mutex, 0), IPC_OWNER_DIED);
  CHECK_EQ(ipc_mutex_unlock(mutex), IPC_OK);
  CHECK_EQ(ipc_rwlock_unlock(rwlock), IPC_OK);
  ipc_handle_close(mutex);
  ipc_handle_close(rwlock);
  ipc_sender_close(used);
  CHECK(!is_any_left());
}

static void lock_name_and_end(void *unused) {
  (void)unused;
  ipc_binding_view exported;
  ipc_segment *segment = ipc_receiver_export(must_receive(channel), &exported);
  CHECK_EQ(ipc_segment_lock_name(segment, 1000), IPC_OK);
}

static void a_thread_that_ends_with_a_name_lock_releases_it(void) {
  ipc_process_adopt_threads(VIEWS_END);
  ipc_sender *sender = must_send(channel);
  int before = count_descriptors();
  test_finish(test_start(TEST_THREAD, lock_name_and_end, NULL));
  CHECK_EQ(count_descriptors(), before);
  ipc_receiver *receiver = must_receive(channel); /* BUSY, if it were locked */
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
  CHECK(!is_any_left());
}

enum { THREADS = 4, ROUNDS = 25 * TEST_SCALE };

static void end_again_and_again(void *unused) {
  (void)unused;
  for (int i = 0; i < ROUNDS; i++) test_finish(test_start(TEST_THREAD, open_all_and_end, NULL));
}

/* Routes have one sender each, so each process has names of its own. */
static void end_in_a_process(void *number) {
  char name[IPC_MAX_NAME];
  snprintf(name, sizeof name, "%s.%d", test_name, *(int *)number);
  test_name = name;
  test_own(test_prefix, test_name);
  ipc_process_adopt_threads(VIEWS_END);
  end_again_and_again(NULL);
  CHECK(!is_any_left());
  CHECK_EQ(count_maps(), 0);
}

static void threads_end_beside_each_other(void) {
  static int numbers[THREADS] = {0, 1, 2, 3};
  test_worker workers[THREADS];
  for (int i = 0; i < THREADS; i++) workers[i] = test_start(TEST_PROCESS, end_in_a_process, &numbers[i]);
  for (int i = 0; i < THREADS; i++) test_finish(workers[i]);
}

TEST_MAIN(TEST_CASE(a_view_that_is_kept_after_the_close_reads_zeros),
          TEST_CASE(without_addresses_for_zeros_a_view_that_is_kept_stays_as_it_is),
          TEST_CASE(shared_memory_that_is_held_stays_and_is_counted),
          TEST_CASE(a_thread_that_ends_gives_back_all_that_it_has_open), TEST_CASE(views_that_other_threads_hold_stay),
          TEST_CASE(others_see_an_ended_thread_as_one_that_was_killed),
          TEST_CASE(a_thread_that_ends_with_a_name_lock_releases_it), TEST_CASE(threads_end_beside_each_other))

/* list_damage_test.c - damaged, truncated, foreign and unreadable files are listed as such and left alone. */
#include "list_fixture.h"

static void check_refused(uint32_t state) {
  report it = see_file();
  CHECK_EQ(it.name.state, state);
  CHECK_EQ(it.count, 0);
  CHECK_EQ(it.name.senders + it.name.receivers + it.name.dead, 0);
  CHECK(!remove_file()); /* only clear(), by name */
  CHECK(view_exists(test_prefix, test_name, IPC_CHANNEL));
}

static void damaged_segments_are_listed_and_left_alone(void) {
  test_kill(start_idle());
  view it = view_open(test_prefix, test_name, IPC_CHANNEL);
  ipc_header *header = it.header, whole;
  memcpy(&whole, header, sizeof whole);
#define REFUSED(damage, state)            \
  do {                                    \
    damage;                               \
    check_refused(state);                 \
    memcpy(header, &whole, sizeof whole); \
  } while (0)
  REFUSED(header->magic = 0x12345678, IPC_LISTED_FOREIGN);
  REFUSED(memset(header, 0xff, IPC_HEADER_BYTES), IPC_LISTED_FOREIGN);
  REFUSED(header->version = IPC_LAYOUT_VERSION + 1, IPC_LISTED_VERSION);
  REFUSED(header->layout_hash ^= 1, IPC_LISTED_VERSION);
  REFUSED(header->kind = IPC_ROUTE, IPC_LISTED_DAMAGED);
  REFUSED(header->kind = 77, IPC_LISTED_DAMAGED);
  REFUSED(header->capacity = 0, IPC_LISTED_DAMAGED);
  REFUSED(header->capacity = 16384, IPC_LISTED_DAMAGED);
  REFUSED(header->capacity = 1u << 31, IPC_LISTED_DAMAGED);
  REFUSED(header->max_receivers = 0, IPC_LISTED_DAMAGED);
  REFUSED(header->max_receivers = UINT32_MAX, IPC_LISTED_DAMAGED);
  REFUSED(header->max_senders = UINT32_MAX, IPC_LISTED_DAMAGED);
  REFUSED(header->overflow = 9, IPC_LISTED_DAMAGED);
  REFUSED(header->segment_bytes = 0, IPC_LISTED_DAMAGED);
  REFUSED(header->body_offset = 0, IPC_LISTED_DAMAGED);
  REFUSED(header->name[0] ^= 1, IPC_LISTED_DAMAGED);
  REFUSED(memset(header->name, 'x', sizeof header->name), IPC_LISTED_DAMAGED);
  REFUSED(memset(header->prefix, 'x', sizeof header->prefix), IPC_LISTED_DAMAGED);
  report seen = see_file();
  CHECK_EQ(seen.name.state, IPC_LISTED_LEFTOVER);
  header->version = 99;
  CHECK_EQ(see_file().name.version, 99);
}

static void truncated_files_are_listed_and_left_alone(void) {
  test_kill(start_idle());
  uint64_t bytes = see_file().name.bytes;
  int fd = view_file(test_prefix, test_name, IPC_CHANNEL);
  uint64_t sizes[] = {bytes - 1, bytes - 8192, IPC_HEADER_BYTES, IPC_HEADER_BYTES - 1, 100, 4};
  for (int i = 0; i < 6; i++) {
    CHECK_EQ(ftruncate(fd, (off_t)sizes[i]), 0);
    check_refused(IPC_LISTED_DAMAGED);
    CHECK_EQ(see_file().name.bytes, sizes[i]);
  }
  CHECK_EQ(ftruncate(fd, 3), 0);
  check_refused(IPC_LISTED_FOREIGN);
  CHECK_EQ(ftruncate(fd, 0), 0);
  CHECK_EQ(pwrite(fd, "not a segment, though it has a name of one", 42, 0), 42);
  check_refused(IPC_LISTED_FOREIGN);
  ipc_os_close(fd);
}

static void a_copy_under_another_name_is_listed_as_damaged(void) {
  ipc_receiver *receiver = must_receive(channel);
  view it = view_open(test_prefix, test_name, IPC_CHANNEL);
  test_own(test_prefix, "copy");
  int fd = make_file("copy", 0, 0600);
  CHECK_EQ(write(fd, it.base, it.bytes), it.bytes);
  ipc_os_close(fd);
  bool removed;
  CHECK_EQ(find_file(IPC_CHANNEL, "copy", true, &removed).name.state, IPC_LISTED_DAMAGED);
  CHECK(!removed);
  CHECK_EQ(must_find(IPC_CHANNEL).name.state, IPC_LISTED_LIVE);
  ipc_receiver_close(receiver);
}

/* Whatever the words that may change say: numbers, at most nonsense; no crash, no hang, no read past the file. */
static void garbage_behind_a_sound_header_is_survived(void) {
  ipc_receiver *receiver = must_receive(channel);
  view it = view_open(test_prefix, test_name, IPC_CHANNEL);
  uint32_t seed = 20260104, *words = (uint32_t *)it.base;
  size_t first = offsetof(ipc_header, head) / 4, last = it.header->body_offset / 4;
  for (int round = 0; round < 20 * TEST_SCALE; round++) {
    for (size_t i = first; i < last; i++) words[i] = round % 2 ? test_random(&seed) : (uint32_t)(round % 4) - 1;
    report seen = must_find(IPC_CHANNEL);
    CHECK_LE(seen.count, 4 + IPC_MAX_SENDERS);
    for (uint32_t i = 0; i < seen.count && i < MOST_ENDPOINTS; i++) CHECK_LE(seen.endpoints[i].lag, 8192);
  }
  memset(words + first, 0, (last - first) * 4);
  ipc_receiver_close(receiver);
}

/* The same of a queue, whose leases lie in its ring. */
static void garbage_in_the_ring_of_a_queue_is_survived(void) {
  const ipc_options options = {.struct_size = sizeof(ipc_options), .kind = IPC_QUEUE, .capacity = 4096};
  ipc_receiver *receiver = must_receive(options);
  view it = view_open(test_prefix, test_name, IPC_QUEUE);
  uint32_t seed = 20260106, *words = (uint32_t *)(it.base + it.header->body_offset);
  uint64_t held = 0;
  for (int round = 0; round < 400 * TEST_SCALE; round++) {
    /* Lengths and kinds that are nearly right come further than noise. */
    for (size_t i = 0; i < 1024; i++)
      words[i] = round % 2 ? test_random(&seed) : i % 2 ? 1 + test_random(&seed) % 5 : test_random(&seed) % 40;
    atomic_store(&it.header->tail, round % 3 ? 0 : test_random(&seed));
    atomic_store(&it.header->head, round % 3 ? test_random(&seed) % 512 : test_random(&seed));
    report seen = must_find(IPC_QUEUE);
    CHECK_EQ(seen.count, 1);
    CHECK_LE(seen.endpoints[0].lag, 4096);
    CHECK_LE(seen.endpoints[0].holds, 4096 / 16);
    held += seen.endpoints[0].holds;
  }
  CHECK(held > 0); /* some of it looked like leases */
  memset(words, 0, 4096);
  atomic_store(&it.header->tail, 0);
  atomic_store(&it.header->head, 0);
  view_close(&it);
  ipc_receiver_close(receiver);
}

static void shrink_and_grow(void *unused) {
  (void)unused;
  int fd = view_file(test_prefix, test_name, IPC_CHANNEL);
  CHECK_GE(fd, 0);
  struct stat status;
  CHECK_EQ(fstat(fd, &status), 0);
  for (uint32_t seed = 20260105; !atomic_load(&shared->stop);) {
    CHECK_EQ(ftruncate(fd, (off_t)(test_random(&seed) % (uint32_t)status.st_size)), 0);
    CHECK_EQ(ftruncate(fd, status.st_size), 0);
    atomic_fetch_add(&shared->rounds, 1);
  }
}

static void files_that_shrink_during_the_listing_do_no_harm(void) {
  test_kill(start_idle());
  test_worker worker = test_start(TEST_PROCESS, shrink_and_grow, NULL);
  while (atomic_load(&shared->rounds) < 500 * TEST_SCALE) see_file();
  atomic_store(&shared->stop, 1);
  test_finish(worker);
}

static void foreign_files_are_listed(void) {
  char key[IPC_OS_KEY_BYTES], listed[IPC_OS_KEY_BYTES], path[IPC_LISTED_PATH];
  CHECK_EQ(ipc_segment_key(key, IPC_CHANNEL, test_prefix, test_name), IPC_OK);
  ipc_os_listed_key(key, listed);
  snprintf(path, sizeof path, "%s/%s", ipc_os_directory(), listed);
  CHECK_EQ(mkfifo(path, 0600), 0); /* opened for reading, it would wait for a writer */
  CHECK_EQ(see_file().name.state, IPC_LISTED_FOREIGN);
  CHECK(!remove_file());
  CHECK_EQ(unlink(path), 0);
  CHECK_EQ(mkdir(path, 0700), 0);
  CHECK_EQ(see_file().name.state, IPC_LISTED_FOREIGN);
  CHECK(!remove_file());
  CHECK_EQ(rmdir(path), 0);
  CHECK_EQ(symlink("/etc/passwd", path), 0);
  CHECK_EQ(see_file().name.state, IPC_LISTED_FOREIGN);
  CHECK(!remove_file());
  CHECK_EQ(unlink(path), 0);
}

static void list_as_nobody(void *unused) {
  (void)unused;
  if (geteuid() == 0) CHECK_EQ(setuid(65534), 0);
  report it = see_file();
  CHECK_EQ(it.name.state, IPC_LISTED_DENIED);
  CHECK_EQ(it.name.system_error, EACCES);
  CHECK(!remove_file());
}

static void list_readable_as_nobody(void *unused) {
  (void)unused;
  if (geteuid() == 0) CHECK_EQ(setuid(65534), 0);
  report it = see_file();
  CHECK_EQ(it.name.state, IPC_LISTED_LIVE); /* to look it is enough to be allowed to read */
  CHECK_EQ(it.count, 1);
  CHECK(!remove_file());
}

static void unreadable_files_are_listed_as_denied(void) {
  ipc_receiver *receiver = must_receive((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL});
  int fd = view_file(test_prefix, test_name, IPC_CHANNEL);
  if (geteuid() != 0) fchmod(fd, 0);
  test_finish(test_start(TEST_PROCESS, list_as_nobody, NULL));
  fchmod(fd, 0644);
  test_finish(test_start(TEST_PROCESS, list_readable_as_nobody, NULL));
  ipc_os_close(fd);
  ipc_receiver_close(receiver);
}

static void damaged_handle_segments_are_listed_and_left_alone(void) {
  for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++) {
    test_kill(start_using(&kind));
    view it = view_open(test_prefix, test_name, kind);
    ipc_header *header = it.header, whole;
    memcpy(&whole, header, sizeof whole);
#define DAMAGED(damage)                                             \
  do {                                                              \
    damage;                                                         \
    report seen = see_file_of(kind);                                \
    CHECK_EQ(seen.name.state, IPC_LISTED_DAMAGED);                  \
    CHECK_EQ(seen.count + seen.name.receivers + seen.name.dead, 0); \
    CHECK_EQ(seen.name.capacity, 0);                                \
    CHECK(!remove_of(kind));                                        \
    memcpy(header, &whole, sizeof whole);                           \
  } while (0)
    DAMAGED(header->kind = kind == IPC_MUTEX ? IPC_RWLOCK : IPC_MUTEX);
    DAMAGED(header->kind = IPC_CHANNEL);
    DAMAGED(header->capacity = 4096);
    DAMAGED(header->overflow = IPC_BLOCK);
    DAMAGED(header->max_receivers = IPC_MAX_RECEIVERS);
    DAMAGED(header->max_receivers = UINT32_MAX);
    DAMAGED(header->max_senders = 1);
    DAMAGED(header->max_senders = IPC_MAX_SENDERS);
    DAMAGED(header->initial = IPC_MAX_PERMITS + 1);
    DAMAGED(header->robust = 2);
    if (kind == IPC_MEMORY) {
      DAMAGED(header->memory_bytes = 0);
      DAMAGED(header->memory_bytes = 100001);
      DAMAGED(header->memory_bytes = IPC_MAX_MEMORY + 1);
      DAMAGED(header->memory_bytes = UINT64_MAX);
    }
    CHECK_EQ(see_file_of(kind).name.state, IPC_LISTED_LEFTOVER);
    int fd = view_file(test_prefix, test_name, kind);
    CHECK_EQ(ftruncate(fd, (off_t)it.bytes - 1), 0);
    ipc_os_close(fd);
    report seen = see_file_of(kind);
    CHECK_EQ(seen.name.state, IPC_LISTED_DAMAGED);
    CHECK_EQ(seen.name.bytes, it.bytes - 1);
    CHECK(!remove_of(kind));
    view_close(&it);
  }
}

/* As for rings: header, places and waits. */
static void garbage_in_handle_segments_is_survived(void) {
  uint32_t seed = 20260106;
  for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++) {
    ipc_handle *handle = must_open(options_of(kind));
    view it = view_open(test_prefix, test_name, kind);
    uint32_t *words = (uint32_t *)it.base;
    size_t first = offsetof(ipc_header, head) / 4, last = it.header->body_offset / 4;
    for (int round = 0; round < 20 * TEST_SCALE; round++) {
      for (size_t i = first; i < last; i++) words[i] = round % 2 ? test_random(&seed) : (uint32_t)(round % 4) - 1;
      it.header->memory_bytes = 100000; /* else it is damaged */
      report seen = must_find(kind);
      CHECK_EQ(seen.count, 4);
      CHECK_LE(seen.name.unusable, kind == IPC_MUTEX || kind == IPC_RWLOCK);
      for (uint32_t i = 0; i < 4; i++) CHECK_LE(seen.endpoints[i].sleeping | seen.endpoints[i].exclusive, 1);
    }
    memset(words + first, 0, (last - first) * 4);
    view_close(&it);
    ipc_handle_close(handle);
  }
}

TEST_MAIN(TEST_CASE(damaged_segments_are_listed_and_left_alone), TEST_CASE(truncated_files_are_listed_and_left_alone),
          TEST_CASE(a_copy_under_another_name_is_listed_as_damaged),
          TEST_CASE(garbage_behind_a_sound_header_is_survived), TEST_CASE(garbage_in_the_ring_of_a_queue_is_survived),
          TEST_CASE(files_that_shrink_during_the_listing_do_no_harm), TEST_CASE(foreign_files_are_listed),
          TEST_CASE(unreadable_files_are_listed_as_denied),
          TEST_CASE(damaged_handle_segments_are_listed_and_left_alone),
          TEST_CASE(garbage_in_handle_segments_is_survived))

/* memory_test.c - sizes, growth, removal and damage of shared memory. */
#include "memory_fixture.h"

static void all_sizes_are_what_was_asked_for(void) {
  const uint64_t sizes[] = {1, 3, 4095, 4096, 4097, 65535, 65536, 65537, 1000001};
  for (int i = 0; i < 9; i++) {
    ipc_handle *it = must_handle(of(sizes[i])),
               *other = must_handle((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_MEMORY, .size = 1});
    ipc_mapping *mine = must_map(it), *others = must_map(other);
    CHECK_EQ(ipc_memory_byte_length(other), sizes[i]);
    CHECK_EQ(ipc_mapping_byte_length(mine), sizes[i]);
    CHECK_EQ(ipc_mapping_byte_length(others), sizes[i]);
    CHECK_EQ((uintptr_t)bytes_of(mine) % 4096, 0);
    for (uint64_t n = 0; n < sizes[i]; n++) CHECK_EQ(bytes_of(mine)[n], 0);
    bytes_of(mine)[0] = 7;
    bytes_of(others)[sizes[i] - 1] = 9;
    CHECK_EQ(bytes_of(others)[0], sizes[i] == 1 ? 9 : 7);
    CHECK_EQ(bytes_of(mine)[sizes[i] - 1], 9);
    ipc_mapping_release(mine);
    ipc_mapping_release(others);
    ipc_handle_close(it);
    ipc_handle_close(other);
  }
}

static void read_what_is_there(void *old_bytes) {
  ipc_handle *it = must_handle((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_MEMORY, .mode = IPC_OPEN});
  ipc_mapping *mapping = must_map(it);
  const uint64_t size = (uint64_t)ipc_memory_byte_length(it);
  CHECK_GE(size, (uintptr_t)old_bytes);
  for (uint64_t n = 0; n < size; n++) CHECK_EQ(bytes_of(mapping)[n], n < (uintptr_t)old_bytes ? (uint8_t)(n * 7) : 0);
  bytes_of(mapping)[size - 1] = 77;
  ipc_mapping_release(mapping);
  ipc_handle_close(it);
}

static void it_grows_and_old_views_stay(void) {
  enum { START = 5000, END = 300001 };
  ipc_handle *it = must_handle(of(START)), *other = must_handle(of(START));
  ipc_mapping *first = must_map(it), *again = must_map(it);
  CHECK(first == again); /* as large as there is: the same one */
  ipc_mapping_release(again);
  for (int n = 0; n < START; n++) bytes_of(first)[n] = (uint8_t)(n * 7);
  grow(other, START + 1);
  grow(other, END);
  grow(other, 10); /* never smaller */
  CHECK_EQ(ipc_memory_byte_length(it), END);
  CHECK_EQ(ipc_mapping_byte_length(first), START);
  ipc_mapping *second = must_map(it);
  CHECK(second != first);
  CHECK_EQ(ipc_mapping_byte_length(second), END);
  CHECK_EQ(memcmp(bytes_of(first), bytes_of(second), START), 0);
  test_finish(test_start(TEST_PROCESS, read_what_is_there, (void *)(uintptr_t)START));
  CHECK_EQ(bytes_of(second)[END - 1], 77);
  bytes_of(second)[START - 1] = 1;
  CHECK_EQ(bytes_of(first)[START - 1], 1);
  ipc_handle_close(it);
  ipc_handle_close(other);
  CHECK_EQ(bytes_of(first)[START - 1], 1); /* views outlive their handles */
  CHECK_EQ(bytes_of(second)[END - 1], 77);
  ipc_mapping_release(first);
  ipc_mapping_release(second);
}

static void impossible_sizes_are_refused(void) {
  ipc_failure failure;
  const uint64_t none[] = {0, IPC_MAX_MEMORY + 1ull, UINT64_MAX};
  for (int i = 0; i < 3; i++) {
    CHECK(!try_handle(of(none[i]), &failure));
    CHECK_EQ(failure.code, IPC_E_INVALID_ARGUMENT);
    CHECK_EQ(failure.option, IPC_OPTION_SIZE);
  }
  ipc_handle *it = must_handle(of(100));
  const double not[] = {0, -1, 0.5, 4294967297.0, 1e300, __builtin_nan("")};
  for (int i = 0; i < 6; i++) {
    CHECK_EQ(ipc_memory_grow(it, not[i], &failure), IPC_E_INVALID_ARGUMENT);
    CHECK_EQ(failure.code, IPC_E_INVALID_ARGUMENT);
  }
  CHECK(!try_handle(of(101), &failure));
  CHECK_EQ(failure.code, IPC_E_OPTIONS_MISMATCH);
  CHECK_EQ(failure.option, IPC_OPTION_SIZE);
  CHECK_EQ(failure.found, 100);
  CHECK_EQ(failure.wanted, 101);
  CHECK_EQ(ipc_handle_count(it), 1);
  grow(it, 101);
  ipc_handle *other = must_handle(of(101));
  ipc_handle_close(other);
  ipc_handle_close(it);
}

static uint64_t file_bytes(const ipc_handle *it) {
  ipc_os_file file;
  int fd = ipc_os_open(it->segment.key, false, 0);
  CHECK_GE(fd, 0);
  CHECK_EQ(ipc_os_stat(fd, &file), 0);
  ipc_os_close(fd);
  return file.size;
}

static void no_space_changes_nothing(void) {
#ifdef __linux__
  ipc_failure failure;
  ipc_handle *it = must_handle(of(10000));
  ipc_mapping *mapping = must_map(it);
  memset(bytes_of(mapping), 5, 10000);
  const uint64_t before = file_bytes(it);
  signal(SIGXFSZ, SIG_IGN);
  const struct rlimit most = {.rlim_cur = before + 100000, .rlim_max = RLIM_INFINITY};
  struct rlimit all;
  getrlimit(RLIMIT_FSIZE, &all);
  setrlimit(RLIMIT_FSIZE, &most);
  CHECK_EQ(ipc_memory_grow(it, 1e6, &failure), IPC_E_NO_SPACE);
  CHECK_EQ(failure.code, IPC_E_NO_SPACE);
  CHECK_EQ(failure.system_error, EFBIG);
  CHECK_EQ(ipc_memory_byte_length(it), 10000);
  CHECK_EQ(file_bytes(it), before);
  setrlimit(RLIMIT_FSIZE, &all);
  ipc_mapping *again = must_map(it);
  for (int n = 0; n < 10000; n++) CHECK(bytes_of(mapping)[n] == 5 && bytes_of(again)[n] == 5);
  ipc_mapping_release(again);
  grow(it, 50000);
  again = must_map(it);
  CHECK_EQ(bytes_of(again)[9999], 5);
  CHECK_EQ(bytes_of(again)[10000], 0);
  ipc_mapping_release(again);
  ipc_mapping_release(mapping);
  ipc_handle_close(it);
#endif
}

static void grow_and_die(void *unused) {
  (void)unused;
  ipc_handle *it = must_handle((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_MEMORY, .mode = IPC_OPEN});
  hooks.before = die_at_last_call;
  grow(it, 200000);
  hooks.before = NULL;
  ipc_handle_close(it);
}

static void a_death_while_it_grows_is_survived(void) {
  uint32_t finished = 0;
  for (uint32_t n = 0; n < 20 && !finished; n++) {
    ipc_failure failure;
    ipc_handle *it = must_handle(of(1000));
    ipc_mapping *mapping = must_map(it);
    bytes_of(mapping)[999] = 1;
    calls_left = n;
    finished = test_survived(test_start(TEST_PROCESS, grow_and_die, NULL));
    const double length = ipc_memory_byte_length(it);
    CHECK(length == 1000 || length == 200000);
    ipc_mapping *again = ipc_memory_map(it, &failure);
    CHECK(again);
    CHECK_EQ(ipc_mapping_byte_length(again), length);
    CHECK_EQ(bytes_of(again)[999], 1);
    ipc_mapping_release(again);
    grow(it, 150000);
    again = must_map(it);
    CHECK_EQ(bytes_of(again)[149999], 0);
    ipc_mapping_release(again);
    ipc_mapping_release(mapping);
    ipc_handle_close(it);
  }
  CHECK(finished);
}

static void unlinked_memory_stays_usable(void) {
  ipc_failure failure;
  waker mine = open_waker();
  ipc_handle *it = must_handle(of(4096)), *other = must_handle(of(4096)), *unmapped = must_handle(of(4096));
  ipc_mapping *mapping = must_map(it), *others = must_map(other);
  int32_t wait = ipc_memory_enter(it, 8, 0, mine.number[0], mine.number[1], &failure);
  CHECK_GE(wait, 0);
  CHECK_EQ(ipc_memory_unlink(it), IPC_OK);
  CHECK(!view_exists(test_prefix, test_name, IPC_MEMORY));
  CHECK_EQ(rings(&mine), 0); /* nothing has happened to the word */
  CHECK_EQ(ipc_handle_sleep(it, wait, 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_handle_sleep(it, wait, 5), IPC_TIMED_OUT);
  CHECK_EQ(ipc_memory_unlink(other), IPC_OK); /* it is removed already */
  bytes_of(mapping)[100] = 1;
  CHECK_EQ(bytes_of(others)[100], 1);
  CHECK_EQ(ipc_memory_wake(other, 8, 1), 1);
  CHECK_EQ(rings(&mine), 1);
  CHECK_EQ(ipc_handle_sleep(it, wait, 0), IPC_OK);
  CHECK_EQ(ipc_memory_grow(it, 10000, &failure), IPC_E_ORPHANED);
  CHECK_EQ(failure.code, IPC_E_ORPHANED);
  ipc_mapping *again = must_map(it);
  CHECK(again == mapping);
  ipc_mapping_release(again);
  ipc_mapping *late = must_map(unmapped); /* it has had it since it was opened */
  CHECK_EQ(bytes_of(late)[100], 1);
  ipc_mapping_release(late);
  ipc_handle *fresh = must_handle(of(50));
  ipc_mapping *new = must_map(fresh);
  CHECK_EQ(ipc_memory_unlink(it), IPC_OK); /* of this name only */
  CHECK(view_exists(test_prefix, test_name, IPC_MEMORY));
  CHECK_EQ(bytes_of(new)[1], 0);
  CHECK_EQ(ipc_handle_count(fresh), 1);
  ipc_handle_close(it);
  ipc_handle_close(other);
  ipc_handle_close(unmapped);
  CHECK(view_exists(test_prefix, test_name, IPC_MEMORY));
  CHECK_EQ(bytes_of(mapping)[100], 1);
  ipc_mapping_release(mapping);
  ipc_mapping_release(others);
  ipc_mapping_release(new);
  ipc_handle_close(fresh);
  close_waker(&mine);
}

static void hold_until_killed(void *ready) {
  must_handle(of(4096));
  atomic_fetch_add((_Atomic uint32_t *)ready, 1);
  pause();
}

/* Without a name there is no name lock, and a death must be noticed all the same: it may have taken a wake-up along. */
static void a_death_is_noticed_after_unlink(void) {
  _Atomic uint32_t *ready = test_shared(sizeof *ready);
  ipc_failure failure;
  ipc_handle *it = must_handle(of(4096));
  test_worker other = test_start(TEST_PROCESS, hold_until_killed, ready);
  test_await(ready, 1);
  CHECK_EQ(ipc_memory_unlink(it), IPC_OK);
  int32_t wait = ipc_memory_enter(it, 0, 0, 0, 0, &failure);
  CHECK_EQ(ipc_handle_sleep(it, wait, 1), IPC_TIMED_OUT);
  test_kill(other);
  double started = test_ms();
  CHECK_EQ(ipc_handle_sleep(it, wait, TEST_PATIENCE_MS), IPC_OK);
  check_within_a_second(started);
  ipc_handle_close(it);
}

static void memory_that_may_not_be_removed_stays(void) {
  ipc_handle *it = must_handle(of(100));
  hooks.keep_names = true;
  CHECK_EQ(ipc_memory_unlink(it), IPC_E_PERMISSION);
  hooks.keep_names = false;
  ipc_handle_close(it);
}

/* What others write into the header is not believed. */
static void a_damaged_length_is_not_followed(void) {
  ipc_failure failure;
  const uint64_t wild[] = {0, IPC_MAX_MEMORY + 1ull, UINT64_MAX, UINT64_MAX / 2, 1 << 20, 10001};
  for (int i = 0; i < 6; i++) {
    ipc_handle *it = must_handle(of(10000));
    ipc_mapping *mapping = must_map(it);
    atomic_store(&it->segment.header->memory_bytes, wild[i]);
    ipc_mapping *again = ipc_memory_map(it, &failure);
    if (wild[i] <= 10000) { /* what there is, is mapped already */
      CHECK(again == mapping);
      ipc_mapping_release(again);
    } else {
      CHECK(!again);
      CHECK_EQ(failure.code, IPC_E_CORRUPT);
    }
    ipc_handle *other = try_handle(of(1), &failure);
    CHECK(other || failure.code == IPC_E_OPTIONS_MISMATCH || failure.code == IPC_E_CORRUPT);
    if (other) {
      CHECK(!ipc_memory_map(other, &failure));
      CHECK_EQ(failure.code, IPC_E_CORRUPT);
      CHECK_EQ(ipc_memory_enter(other, 0, 0, 0, 0, &failure), IPC_E_CORRUPT);
      ipc_handle_close(other);
    }
    ipc_memory_grow(it, 5000, &failure);
    bytes_of(mapping)[9999] = 1; /* its file has not become smaller */
    ipc_mapping_release(mapping);
    ipc_handle_close(it);
  }
}

TEST_MAIN(TEST_CASE(all_sizes_are_what_was_asked_for), TEST_CASE(it_grows_and_old_views_stay),
          TEST_CASE(impossible_sizes_are_refused), TEST_CASE(no_space_changes_nothing),
          TEST_CASE(a_death_while_it_grows_is_survived), TEST_CASE(unlinked_memory_stays_usable),
          TEST_CASE(a_death_is_noticed_after_unlink), TEST_CASE(memory_that_may_not_be_removed_stays),
          TEST_CASE(a_damaged_length_is_not_followed))

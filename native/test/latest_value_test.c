/* latest_value_test.c - one named value: content, versions, pins, the lock of the writers, waits, and names that are
 * kept. */
#include <sys/mman.h>

#include "buffers.h"
#include "handles.h"
#include "libipc/list.h"
#include "view.h"

static const ipc_options latest = {.struct_size = sizeof(ipc_options), .kind = IPC_LATEST, .size = 100};

typedef struct meeting {
  _Atomic uint32_t ready, go, got;
} meeting;

static meeting *shared;

static void set(ipc_handle *it, const char *text) {
  CHECK_EQ(ipc_latest_set(it, text, (uint32_t)strlen(text), -1), IPC_OK);
}

static void check_value(ipc_handle *it, const char *text, double version) {
  char value[101] = {0};
  CHECK_EQ(ipc_latest_get(it, value, 100), strlen(text));
  CHECK(strcmp(value, text) == 0);
  CHECK_EQ(ipc_latest_seen(it), version);
}

static void a_value_is_replaced_as_a_whole(void) {
  ipc_handle *it = must_handle(latest), *other = must_handle(latest);
  char value[100];
  CHECK_EQ(ipc_latest_get(it, value, 100), IPC_NOT_SET);
  CHECK_EQ(ipc_latest_length(it), IPC_NOT_SET);
  CHECK_EQ(ipc_latest_version(it), 0);
  CHECK_EQ(ipc_latest_max_length(it), 100);
  set(it, "first");
  CHECK_EQ(ipc_latest_seen(it), 1);
  CHECK_EQ(ipc_latest_seen(other), 0);
  check_value(other, "first", 1);
  set(other, "");
  check_value(it, "", 2);
  CHECK_EQ(ipc_latest_length(it), 0);
  /* Every length, and so often that each buffer is used many times. */
  for (uint32_t i = 0; i <= 100; i++) {
    uint8_t bytes[100], found[100];
    memset(bytes, (int)i, sizeof bytes);
    CHECK_EQ(ipc_latest_set(it, bytes, i, -1), IPC_OK);
    CHECK_EQ(ipc_latest_length(other), i);
    if (i > 0) CHECK_EQ(ipc_latest_get(other, found, i - 1), IPC_E_BUFFER_TOO_SMALL);
    CHECK_EQ(ipc_latest_get(other, found, i), i);
    CHECK(memcmp(bytes, found, i) == 0);
    CHECK_EQ(ipc_latest_version(other), 3 + i);
  }
  uint8_t longer[101] = {0};
  CHECK_EQ(ipc_latest_set(it, longer, 101, -1), IPC_E_MESSAGE_TOO_LARGE);
  CHECK_EQ(ipc_latest_version(it), 103);
  /* Late joiners get it, and it is gone with the last handle. */
  ipc_handle_close(it);
  it = must_handle(latest);
  CHECK_EQ(ipc_latest_get(it, value, 100), 100);
  ipc_handle_close(it);
  ipc_handle_close(other);
  it = must_handle(latest);
  CHECK_EQ(ipc_latest_get(it, value, 100), IPC_NOT_SET);
  ipc_handle_close(it);
  CHECK(!view_exists(test_prefix, test_name, IPC_LATEST));
}

static void options_are_checked(void) {
  ipc_failure failure;
  ipc_options options = latest;
  ipc_handle *it = must_handle(latest);
  options.size = 101;
  CHECK(!try_handle(options, &failure));
  CHECK_EQ(failure.code, IPC_E_OPTIONS_MISMATCH);
  CHECK_EQ(failure.option, IPC_OPTION_SIZE);
  CHECK_EQ(failure.found, 100);
  options.size = 0;
  ipc_handle_close(must_handle(options));
  options.size = IPC_MAX_VALUE + 1;
  CHECK(!try_handle(options, &failure));
  CHECK_EQ(failure.code, IPC_E_INVALID_ARGUMENT);
  options = latest;
  options.keep = 2;
  CHECK(!try_handle(options, &failure));
  CHECK_EQ(failure.option, IPC_OPTION_KEEP);
  options.kind = IPC_MUTEX;
  options.size = 0;
  options.keep = 1;
  CHECK(!try_handle(options, &failure));
  CHECK_EQ(failure.option, IPC_OPTION_KEEP);
  /* The codec belongs to the name. */
  options = latest;
  strcpy(options.codec, "json");
  ipc_handle_close(must_handle(options));
  strcpy(options.codec, "text");
  CHECK(!try_handle(options, &failure));
  CHECK_EQ(failure.option, IPC_OPTION_CODEC);
  CHECK(strcmp(failure.codec, "json") == 0);
  ipc_handle_close(it);
  options = latest;
  options.size = 0;
  it = must_handle(options);
  CHECK_EQ(ipc_latest_max_length(it), IPC_DEFAULT_VALUE);
  ipc_handle_close(it);
  /* The largest value, for the most handles: a file of 70 GB, of which four values have memory. */
  options.size = IPC_MAX_VALUE;
  options.max_receivers = IPC_MAX_RECEIVERS;
  if (sizeof(void *) == 8 && !test_is_emulated() && (it = try_handle(options, &failure))) {
    struct stat file;
    int fd = view_file(test_prefix, test_name, IPC_LATEST);
    CHECK_EQ(fstat(fd, &file), 0);
    ipc_os_close(fd);
    CHECK_LE(file.st_blocks * 512, IPC_FIRST_BUFFERS * (int64_t)IPC_MAX_VALUE + (2 << 20));
    ipc_handle_close(it);
  }
}

/* The low half of `current` wraps after 2^21 versions, a version after 2^53: then comes 1. */
static void versions_wrap(void) {
  ipc_handle *it = must_handle(latest), *other = must_handle(latest);
  const uint64_t last = (UINT64_C(1) << 53) - 1, near[] = {(1u << 21) - 2, (UINT64_C(1) << 32) - 2, last - 1};
  for (int i = 0; i < 3; i++) {
    set(it, "before");
    /* As if it had been set so often. */
    uint32_t index = ipc_buffer_of(it->segment.header->current);
    ((ipc_buffer *)(it->segment.body + index * ipc_buffer_stride(100)))->version = near[i];
    it->segment.header->current = near[i] << IPC_BUFFER_BITS | index;
    check_value(other, "before", (double)near[i]);
    for (uint64_t version = near[i] + 1; version <= near[i] + 5; version++) {
      uint64_t shown = version <= last ? version : version - last;
      set(it, "after");
      CHECK_EQ(ipc_latest_version(it), shown);
      check_value(other, "after", (double)shown);
    }
  }
  ipc_handle_close(it);
  ipc_handle_close(other);
}

/* The buffer that is read, as if its reader had been stopped there: no set writes into it. */
static void a_stopped_reader_costs_one_buffer(void) {
  ipc_options options = latest;
  options.max_receivers = 8;
  ipc_handle *writer = must_handle(options), *readers[7];
  ipc_header *header = writer->segment.header;
  for (int i = 0; i < 7; i++) readers[i] = must_handle(options);
  for (uint32_t i = 0; i < 7; i++) {
    char text[16];
    snprintf(text, sizeof text, "value %u", i);
    set(writer, text);
    header->pinning++;
    readers[i]->slot->pin = IPC_PINNED + ipc_buffer_of(header->current);
  }
  for (uint32_t i = 0; i < 100; i++) {
    char text[16];
    snprintf(text, sizeof text, "later %u", i);
    set(writer, text);
    check_value(writer, text, 8 + i);
  }
  /* Each of the seven still has its own; the writer has used two more by turns. */
  for (uint32_t i = 0; i < 7; i++) {
    char text[16];
    snprintf(text, sizeof text, "value %u", i);
    uint32_t index = readers[i]->slot->pin - IPC_PINNED;
    ipc_buffer *buffer = (ipc_buffer *)(writer->segment.body + index * ipc_buffer_stride(100));
    CHECK_EQ(buffer->version, i + 1);
    CHECK(memcmp(buffer + 1, text, strlen(text)) == 0);
    for (uint32_t j = 0; j < i; j++) CHECK(readers[j]->slot->pin != readers[i]->slot->pin);
  }
  CHECK_EQ(header->buffers, 9);
  /* A reader that wants a pin gets the current buffer from the next set. */
  readers[0]->slot->pin = IPC_PIN_WANTED;
  uint32_t current = ipc_buffer_of(header->current);
  set(writer, "helped");
  CHECK_EQ(readers[0]->slot->pin, IPC_PINNED + current);
  for (int i = 0; i < 7; i++) readers[i]->slot->pin = IPC_PIN_NONE;
  for (int i = 0; i < 7; i++) ipc_handle_close(readers[i]);
  ipc_handle_close(writer);
}

static void pin_and_idle(void *unused) {
  (void)unused;
  ipc_handle *it = must_handle(latest);
  it->segment.header->pinning++;
  it->slot->pin = IPC_PINNED + ipc_buffer_of(it->segment.header->current);
  atomic_fetch_add(&shared->ready, 1);
  test_idle();
}

/* Buffers of killed readers are used again: the file does not grow. */
static void pins_of_the_dead_end(void) {
  shared = test_shared(sizeof *shared);
  ipc_handle *writer = must_handle(latest);
  ipc_header *header = writer->segment.header;
  for (uint32_t i = 0; i < 40; i++) {
    set(writer, "alive");
    test_worker reader = test_start(TEST_PROCESS, pin_and_idle, NULL);
    test_await(&shared->ready, i + 1);
    test_kill(reader);
    test_reap(reader);
    hooks.clock_ahead_ns += 500000000; /* the next set that finds no buffer looks for the dead */
    for (int j = 0; j < 5; j++) set(writer, "later");
  }
  CHECK_LE(header->buffers, IPC_FIRST_BUFFERS + 1);
  ipc_handle_close(writer);
}

/* The same without a handle that is opened after the deaths, which would look for the dead, too. */
static void a_set_looks_for_the_dead(void) {
  enum { PINNED = IPC_FIRST_BUFFERS - 1 };
  test_worker readers[PINNED];
  shared = test_shared(sizeof *shared);
  ipc_handle *writer = must_handle(latest);
  for (uint32_t i = 0; i < PINNED; i++) {
    set(writer, "alive");
    readers[i] = test_start(TEST_PROCESS, pin_and_idle, NULL);
    test_await(&shared->ready, i + 1);
  }
  set(writer, "all others are pinned");
  for (uint32_t i = 0; i < PINNED; i++) {
    test_kill(readers[i]);
    test_reap(readers[i]);
  }
  CHECK_EQ(writer->segment.header->buffers, IPC_FIRST_BUFFERS);
  hooks.clock_ahead_ns += 500000000;
  set(writer, "later");
  CHECK_EQ(writer->segment.header->buffers, IPC_FIRST_BUFFERS);
  ipc_handle_close(writer);
}

/* The writer is stopped in the middle of its copy: by bytes that cannot be read yet. */
static struct {
  ipc_handle *writer;
  uint8_t *page;
  size_t size;
  uint32_t without_version;
  bool is_current;
} copying;

static void look_at_the_buffers(int number) {
  (void)number;
  ipc_header *header = copying.writer->segment.header;
  for (uint32_t i = 0; i < header->buffers; i++) {
    const ipc_buffer *buffer = (ipc_buffer *)(copying.writer->segment.body + i * ipc_buffer_stride(100));
    if (buffer->version != 0) continue;
    copying.without_version++;
    copying.is_current |= i == ipc_buffer_of(header->current);
  }
  if (mprotect(copying.page, copying.size, PROT_READ | PROT_WRITE) != 0) _exit(99);
}

/* So a reader that has copied some of both values sees that it has to copy again. */
static void a_buffer_has_no_version_while_it_is_written(void) {
  ipc_handle *it = must_handle(latest);
  for (int i = 0; i < 2 * IPC_FIRST_BUFFERS; i++) set(it, "before");
  size_t size = (size_t)sysconf(_SC_PAGESIZE);
  uint8_t *pages = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED);
  memset(pages, 'x', 2 * size);
  copying.writer = it;
  copying.page = pages + size;
  copying.size = size;
  CHECK_EQ(mprotect(copying.page, size, PROT_NONE), 0);
  struct sigaction looks = {.sa_handler = look_at_the_buffers}, before;
  CHECK_EQ(sigaction(SIGSEGV, &looks, &before), 0);
  CHECK_EQ(ipc_latest_set(it, copying.page - 50, 100, -1), IPC_OK);
  CHECK_EQ(sigaction(SIGSEGV, &before, NULL), 0);
  CHECK_EQ(copying.without_version, 1);
  CHECK(!copying.is_current);
  uint8_t value[100];
  CHECK_EQ(ipc_latest_get(it, value, 100), 100);
  CHECK(memcmp(value, pages, 100) == 0);
  munmap(pages, 2 * size);
  ipc_handle_close(it);
}

/* A reader whose buffer was taken reads the pinned one, and has seen the version of that. Lengths are not believed. */
static void a_pinned_value_is_seen_and_checked(void) {
  ipc_handle *it = must_handle(latest), *other = must_handle(latest);
  char value[200];
  set(it, "pinned");
  uint32_t index = ipc_buffer_of(it->segment.header->current);
  ipc_buffer *buffer = (ipc_buffer *)(it->segment.body + index * ipc_buffer_stride(100));
  buffer->version = 77; /* another one than `current` says: taken for another value, at each attempt */
  check_value(other, "pinned", 77);
  CHECK_EQ(other->slot->pin, IPC_PIN_NONE);
  CHECK_EQ(it->segment.header->pinning, 0);
  buffer->version = 0;
  CHECK_EQ(ipc_latest_get(other, value, 200), IPC_E_CORRUPT);
  CHECK_EQ(it->segment.header->pinning, 0);
  buffer->version = 1;
  buffer->length = 101; /* less than the target has room for */
  CHECK_EQ(ipc_latest_get(other, value, 200), IPC_E_CORRUPT);
  CHECK_EQ(ipc_latest_length(other), IPC_E_CORRUPT);
  buffer->length = 6;
  check_value(other, "pinned", 1);
  ipc_handle_close(it);
  ipc_handle_close(other);
}

static void set_and_die(void *unused) {
  (void)unused;
  ipc_handle *it = must_handle(latest);
  /* As a writer that is killed before it publishes: it holds the lock, and has written half. */
  CHECK_EQ(ipc_latest_lock(it, -1), IPC_OK);
  uint32_t next = (ipc_buffer_of(it->segment.header->current) + 1) % IPC_FIRST_BUFFERS;
  ipc_buffer *buffer = (ipc_buffer *)(it->segment.body + next * ipc_buffer_stride(100));
  buffer->version = 0;
  buffer->length = 77;
  memset(buffer + 1, 0xee, 40);
  atomic_fetch_add(&shared->ready, 1);
  test_idle();
}

static void a_killed_writer_leaves_the_value_before(void) {
  shared = test_shared(sizeof *shared);
  ipc_handle *it = must_handle(latest), *other = must_handle(latest);
  set(it, "before");
  for (int stopped = 0; stopped < 2; stopped++) {
    test_worker writer = test_start(TEST_PROCESS, set_and_die, NULL);
    test_await(&shared->ready, (uint32_t)stopped + 1);
    if (stopped) test_stop(writer);
    check_value(it, stopped ? "after" : "before", stopped ? 2 : 1);
    CHECK_EQ(ipc_latest_set(it, "x", 1, 0), IPC_TIMED_OUT);
    test_kill(writer);
    check_value(other, stopped ? "after" : "before", stopped ? 2 : 1);
    double started = test_ms();
    set(it, "after");
    check_within_a_second(started);
    check_value(other, "after", stopped ? 3 : 2);
    test_reap(writer);
  }
  ipc_handle_close(it);
  ipc_handle_close(other);
}

static void the_lock_makes_changes_whole(void) {
  ipc_handle *it = must_handle(latest), *other = must_handle(latest);
  CHECK_EQ(ipc_latest_unlock(it), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_latest_lock(it, 0), IPC_OK);
  CHECK_EQ(ipc_latest_lock(it, -1), IPC_E_DEADLOCK);
  CHECK_EQ(ipc_latest_set(other, "x", 1, -1), IPC_E_DEADLOCK); /* of the same thread */
  CHECK_EQ(ipc_latest_set(other, "x", 1, 0), IPC_TIMED_OUT);
  set(it, "one");
  check_value(other, "one", 1);
  CHECK_EQ(ipc_latest_set(other, "x", 1, 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_latest_unlock(it), IPC_OK);
  set(other, "two");
  check_value(it, "two", 2);
  /* Closed while it holds the lock: nothing is half done. */
  CHECK_EQ(ipc_latest_lock(it, 0), IPC_OK);
  ipc_handle_close(it);
  set(other, "three");
  ipc_handle_close(other);
  CHECK(!view_exists(test_prefix, test_name, IPC_LATEST));
}

static void wait_for_changes(void *times) {
  ipc_handle *it = must_handle(latest);
  double version = 0;
  char value[100];
  atomic_fetch_add(&shared->ready, 1);
  for (uint32_t i = 0; i < *(uint32_t *)times || version < *(uint32_t *)times;) {
    int32_t wait = ipc_latest_enter(it, version, 0, 0);
    if (wait >= 0) CHECK_EQ(ipc_handle_sleep(it, wait, -1), IPC_OK);
    if (wait < 0) CHECK_EQ(wait, IPC_NOT_EQUAL);
    if (ipc_latest_get(it, value, 100) < 0) continue; /* another handle has died */
    CHECK_GE(ipc_latest_seen(it), version);
    version = ipc_latest_seen(it);
    if (version >= *(uint32_t *)times) break;
    i++;
  }
  atomic_fetch_add(&shared->got, 1);
  ipc_handle_close(it);
}

static void waits_end_with_a_change(void) {
  enum { SLEEPERS = 5 };
  static uint32_t times = 300;
  shared = test_shared(sizeof *shared);
  hooks.patient = true; /* a lost wake-up hangs */
  ipc_handle *it = must_handle(latest);
  CHECK_EQ(ipc_latest_enter(it, 1, 0, 0), IPC_NOT_EQUAL);
  test_worker workers[SLEEPERS];
  for (int i = 0; i < SLEEPERS; i++) workers[i] = test_start(TEST_PROCESS, wait_for_changes, &times);
  test_await(&shared->ready, SLEEPERS);
  for (uint32_t i = 0; i < times; i++) {
    set(it, "changed");
    if (i % 7 == 0) test_pause();
  }
  test_await(&shared->got, SLEEPERS);
  for (int i = 0; i < SLEEPERS; i++) test_finish(workers[i]);
  /* By an event loop. */
  waker mine = open_waker();
  int32_t wait = ipc_latest_enter(it, times, mine.number[0], mine.number[1]);
  CHECK_GE(wait, 0);
  CHECK_EQ(ipc_handle_sleep(it, wait, 0), IPC_TIMED_OUT);
  ipc_handle *other = must_handle(latest);
  set(other, "once more");
  await_signal(&mine);
  CHECK_EQ(ipc_handle_sleep(it, wait, 0), IPC_OK);
  CHECK_EQ(it->segment.header->waiting, 0);
  /* A wait of a writer for the lock is none for a change. */
  wait = ipc_latest_enter(it, times + 1, mine.number[0], mine.number[1]);
  CHECK_EQ(ipc_latest_lock(other, 0), IPC_OK);
  CHECK_EQ(ipc_latest_unlock(other), IPC_OK);
  CHECK_EQ(ipc_handle_sleep(it, wait, 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_handle_leave(it, wait), 0);
  close_waker(&mine);
  ipc_handle_close(other);
  ipc_handle_close(it);
}

static ipc_handle *setter;

static void set_at_the_clock(const char *call) {
  if (strcmp(call, "now_coarse") != 0 || setter->segment.waits[0].instance == 0) return;
  hooks.before = NULL;
  set(setter, "meanwhile");
}

/* The clock is read when the wait has been taken and does not wait yet: the set there finds nothing to notify. */
static void a_set_that_finds_no_wait_ends_it(void) {
  ipc_handle *it = must_handle(latest);
  setter = must_handle(latest);
  set(setter, "first");
  hooks.before = set_at_the_clock;
  CHECK_EQ(ipc_latest_enter(it, 1, 0, 0), IPC_NOT_EQUAL);
  CHECK(!hooks.before);
  CHECK_EQ(count_waits(it, IPC_WAIT_WAITING), 0);
  CHECK_EQ(it->segment.header->waiting, 0);
  ipc_handle_close(setter);
  ipc_handle_close(it);
}

static void wait_for_all_and_idle(void *unused) {
  (void)unused;
  ipc_handle *it = must_handle(latest);
  int32_t wait;
  while ((wait = ipc_latest_enter(it, 0, 0, 0)) >= 0) continue;
  CHECK_EQ(wait, IPC_E_TOO_MANY_WAITS);
  atomic_fetch_add(&shared->ready, 1);
  test_idle();
}

static void a_full_table_of_the_dead_has_space(void) {
  shared = test_shared(sizeof *shared);
  ipc_handle *it = must_handle(latest);
  test_worker dead = test_start(TEST_PROCESS, wait_for_all_and_idle, NULL);
  test_await(&shared->ready, 1);
  CHECK_EQ(ipc_latest_enter(it, 0, 0, 0), IPC_E_TOO_MANY_WAITS);
  test_kill(dead);
  test_reap(dead);
  int32_t wait = ipc_latest_enter(it, 0, 0, 0);
  CHECK_GE(wait, 0);
  CHECK_EQ(ipc_handle_leave(it, wait), 0);
  CHECK_EQ(count_waits(it, IPC_WAIT_WAITING), 0);
  ipc_handle_close(it);
}

/* Until *seen handles and a state are listed. */
static ipc_listed_name listed(void) {
  static ipc_listed_name name;
  ipc_failure failure;
  ipc_listing *listing = ipc_list_open(test_prefix, &failure);
  CHECK(listing);
  int32_t found;
  while ((found = ipc_list_next(listing, &name, &failure)) == 1 && strcmp(name.name, test_name) != 0) continue;
  if (found != 1) name = (ipc_listed_name){0};
  if (found == 1 && name.state == IPC_LISTED_KEPT) CHECK_EQ(ipc_list_remove(listing), 0);
  ipc_list_close(listing);
  return name;
}

static void open_keep_and_idle(void *unused) {
  (void)unused;
  ipc_options options = latest;
  options.keep = 1;
  set(must_handle(options), "kept by a killed process");
  atomic_fetch_add(&shared->ready, 1);
  test_idle();
}

static void a_kept_name_stays(void) {
  ipc_failure failure;
  ipc_options options = latest;
  shared = test_shared(sizeof *shared);
  options.keep = 1;
  ipc_handle *it = must_handle(latest), *keeper = must_handle(options);
  set(it, "kept");
  ipc_handle_close(keeper);
  ipc_handle_close(it);
  ipc_listed_name name = listed();
  CHECK_EQ(name.state, IPC_LISTED_KEPT);
  CHECK_EQ(name.messages, 1);
  CHECK_EQ(name.waiting, 4);
  CHECK_EQ(name.capacity, 100);
  CHECK_EQ(name.receivers, 0);
  for (int way = 0; way < 3; way++) {
    options = latest;
    if (way == 1) options.mode = IPC_OPEN;
    it = must_handle(options);
    check_value(it, "kept", 1);
    CHECK_EQ(listed().state, IPC_LISTED_LIVE);
    ipc_handle_close(it);
  }
  options.size = 200;
  CHECK(!try_handle(options, &failure));
  CHECK_EQ(failure.code, IPC_E_OPTIONS_MISMATCH);
  options = latest;
  options.mode = IPC_CREATE;
  CHECK(!try_handle(options, &failure));
  CHECK_EQ(failure.code, IPC_E_EXISTS);
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_LATEST, &failure), IPC_OK);
  CHECK_EQ(listed().state, 0);
  /* Killed, too; with the lock of the writers held by the dead. */
  test_worker killed = test_start(TEST_PROCESS, open_keep_and_idle, NULL);
  test_await(&shared->ready, 1);
  test_kill(killed);
  CHECK_EQ(listed().state, IPC_LISTED_KEPT);
  it = must_handle(latest);
  check_value(it, "kept by a killed process", 1);
  set(it, "after");
  ipc_handle_close(it);
  it = must_handle(latest);
  check_value(it, "after", 2);
  /* Cleared while it is open. */
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_LATEST, &failure), IPC_OK);
  char value[100];
  CHECK_EQ(ipc_latest_get(it, value, 100), IPC_E_ORPHANED);
  CHECK_EQ(ipc_latest_set(it, value, 1, -1), IPC_E_ORPHANED);
  CHECK_EQ(ipc_latest_length(it), IPC_E_ORPHANED);
  CHECK_EQ(ipc_latest_enter(it, 0, 0, 0), IPC_E_ORPHANED);
  ipc_handle_close(it);
  CHECK(!view_exists(test_prefix, test_name, IPC_LATEST));
}

TEST_MAIN(TEST_CASE(a_value_is_replaced_as_a_whole), TEST_CASE(options_are_checked), TEST_CASE(versions_wrap),
          TEST_CASE(a_stopped_reader_costs_one_buffer), TEST_CASE(pins_of_the_dead_end),
          TEST_CASE(a_set_looks_for_the_dead), TEST_CASE(a_buffer_has_no_version_while_it_is_written),
          TEST_CASE(a_pinned_value_is_seen_and_checked), TEST_CASE(a_set_that_finds_no_wait_ends_it),
          TEST_CASE(a_full_table_of_the_dead_has_space), TEST_CASE(a_killed_writer_leaves_the_value_before),
          TEST_CASE(the_lock_makes_changes_whole), TEST_CASE(waits_end_with_a_change), TEST_CASE(a_kept_name_stays))

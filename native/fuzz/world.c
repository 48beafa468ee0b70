#include "world.h"

#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/platform.h"

enum { FILES = 6, FILE_BYTES = 3 << 16, GUARD_BYTES = 4096, DESCRIPTORS = 8 };

typedef struct file {
  char key[IPC_OS_KEY_BYTES];
  uint8_t *bytes; /* the end of its slot is the end of the largest file; what is before and after is guarded */
  uint64_t size, reach, inode; /* reach: what can be touched; more than the size once it shrank, see ipc_os_resize */
  uint32_t maps;
  bool exists, linked, locked;
} file;

static _Alignas(65536) uint8_t slots[FILES][FILE_BYTES + 65536];
static file files[FILES];
static file *descriptors[DESCRIPTORS];
static uint64_t now, next_inode, call_started, call_limit;
static uint32_t steps;
static const char *call_name;
static bool ends_by_orphaning, is_gone;
static uint32_t self_thread;
static bool alive[WORLD_THREADS];
bool world_is_locked, world_keeps_names;
void (*world_strike)(void);
uint32_t world_strike_calls, world_strike_loads;

static const uint64_t MS = 1000000;
/* What calls may take past their timeouts: name locks (5 s), and taking turns. */
static const uint64_t SLACK_MS = 12000, LONGEST_WAIT_MS = 4000;
enum { MOST_STEPS = 50000 };

_Noreturn void world_fail(const char *what, long long number) {
  fprintf(stderr, "FOUND: %s (%lld) in %s\n", what, number, call_name ? call_name : "no call");
  abort();
}

static void strike(void) {
  void (*how)(void) = world_strike;
  world_strike = NULL; /* once */
  world_strike_calls = world_strike_loads = 0;
  if (how) how();
}

static void step(void) {
  now += 500;
  if (++steps > MOST_STEPS) world_fail("it does not end: steps", steps);
  if (world_strike_calls && --world_strike_calls == 0) strike();
  if (!call_name || now - call_started <= call_limit) return;
  if (!ends_by_orphaning) world_fail("it goes on past its timeout: ms", (long long)((now - call_started) / MS));
  is_gone = true;
  memset(alive, 0, sizeof alive); /* loans and locks of live threads are waited for too */
  if (now - call_started > call_limit + SLACK_MS * MS) world_fail("it waits on though its name is gone", 0);
}

void world_call_begins(const char *call, int32_t timeout_ms) {
  call_name = call;
  call_started = now;
  steps = 0;
  ends_by_orphaning = timeout_ms < 0;
  call_limit = (timeout_ms < 0 ? LONGEST_WAIT_MS : SLACK_MS + (uint64_t)timeout_ms) * MS;
}

void world_call_ends(void) { call_name = NULL; }

static void guard(file *it) {
  uint8_t *slot = slots[it - files];
  __asan_poison_memory_region(slot, sizeof slots[0]);
  if (it->exists) __asan_unpoison_memory_region(it->bytes, it->reach);
}

void world_begin(void) {
  for (int i = 0; i < FILES; i++) {
    if (files[i].exists) memset(files[i].bytes, 0, files[i].reach);
    files[i].exists = files[i].linked = false;
  }
  memset(descriptors, 0, sizeof descriptors);
  now = 1000000 * MS;
  next_inode = 100;
  steps = 0;
  call_name = NULL;
  is_gone = world_is_locked = world_keeps_names = false;
  world_strike = NULL;
  world_strike_calls = world_strike_loads = 0;
  for (int i = 0; i < WORLD_THREADS; i++) alive[i] = i < 3;
  self_thread = 0;
}

void world_end(void) {
  for (int i = 0; i < FILES; i++) WORLD_CHECK(!files[i].exists || files[i].maps == 0);
  for (int i = 0; i < DESCRIPTORS; i++) WORLD_CHECK(descriptors[i] == NULL);
}

void world_become(uint32_t thread) { self_thread = thread % WORLD_THREADS; }
void world_set_alive(uint32_t thread, bool is_alive) { alive[thread % WORLD_THREADS] = is_alive; }
uint64_t world_identity(uint32_t thread) { return (uint64_t)(1000 + thread) << 32 | 77; }

static file *find(const char *key) {
  for (int i = 0; i < FILES; i++)
    if (files[i].exists && files[i].linked && strcmp(files[i].key, key) == 0) return &files[i];
  return NULL;
}

static file *make(const char *key) {
  for (int i = 0; i < FILES; i++) {
    file *it = &files[i];
    if (it->exists && (it->linked || it->maps > 0)) continue;
    if (it->exists) {
      memset(it->bytes, 0, it->reach);
      it->exists = false;
    }
    *it = (file){.bytes = slots[i] + 65536, .inode = next_inode++, .exists = true, .linked = true};
    snprintf(it->key, sizeof it->key, "%s", key);
    guard(it);
    return it;
  }
  return NULL;
}

static int resize(file *it, uint64_t size) {
  if (size > FILE_BYTES - GUARD_BYTES) return -ENOSPC;
  if (size < it->size) memset(it->bytes + size, 0, it->size - size);
  it->size = size;
  if (size > it->reach || it->maps == 0) it->reach = size;
  guard(it);
  return 0;
}

uint8_t *world_put_file(const char *key, uint64_t size) {
  file *it = find(key);
  if (!it) it = make(key);
  return it && resize(it, size) == 0 ? it->bytes : NULL;
}

uint8_t *world_bytes(uint64_t *size) {
  *size = files[0].exists ? files[0].size : 0;
  return files[0].bytes;
}

static file *file_of(int fd) {
  WORLD_CHECK(fd >= 3 && fd < 3 + DESCRIPTORS && descriptors[fd - 3]);
  return descriptors[fd - 3];
}

uint64_t ipc_os_now(void) {
  step();
  return now;
}

uint64_t ipc_os_now_coarse(void) { return ipc_os_now(); }

void ipc_os_yield(void) { step(); }
uint32_t ipc_os_processors(void) { return 0; /* no thread spins */ }

void ipc_os_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
  step();
  /* At least 100 ms, as on a busy machine: a wait that never succeeds must not need many steps. */
  if (atomic_load(word) == expected)
    now += timeout_ns < 100 * MS ? 100 * MS : timeout_ns > 1000 * MS ? 1000 * MS : timeout_ns;
}

bool ipc_os_wait_interruptibly(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
  ipc_os_wait(word, expected, timeout_ns);
  return false;
}

void ipc_os_wake_all(_Atomic uint32_t *word) {
  (void)word;
  step();
}

int ipc_os_open_waker(uint64_t *waker) {
  *waker = 1;
  return -EMFILE;
}
/* Of the binding for Node, which no target has. */
int ipc_os_keep_waker(uint64_t *waker) { return (void)waker, -ENOSYS; }
int ipc_os_wait_for_signal(uint64_t waker, int milliseconds) { return (void)waker, (void)milliseconds, -EINVAL; }
int ipc_os_reserve_waker(void) { return -ENOSYS; }

int ipc_os_move(int descriptor, int to) {
  (void)descriptor;
  (void)to;
  return -ENOSYS;
}

void ipc_os_signal(uint64_t waker) {
  (void)waker;
  step();
}
void ipc_os_test_waker(uint64_t waker) { (void)waker; }

void ipc_os_admit_to_waker(uint64_t waker, const ipc_os_access *segment) {
  (void)waker;
  (void)segment;
}
void ipc_os_close_waker(uint64_t waker) { (void)waker; }

/* Each thread is a process of its own. */
int ipc_os_identify(void) { return 0; }
uint64_t ipc_os_self(void) { return world_identity(self_thread); }
void ipc_os_forget_identity(void) {}
void ipc_os_remove_own_identity(void) {}
bool ipc_os_alive_without_waiting(uint64_t identity) { return ipc_os_alive(identity); }
void ipc_os_watch_ending(void (*end)(void)) { (void)end; }
void ipc_os_adopt_reset_handlers(void) {}
void ipc_os_remove_dead_identities(void) {}
uint32_t ipc_os_thread(void) { return 1; }
uint32_t ipc_os_pid_namespace(void) { return 0; }
bool ipc_os_is_dumping(uint32_t pid, uint32_t pid_namespace) {
  (void)pid;
  (void)pid_namespace;
  return false;
}
uint32_t ipc_os_pid(void) { return 4711; }
bool ipc_os_alive(uint64_t identity) {
  for (uint32_t i = 0; i < WORLD_THREADS; i++)
    if (identity == world_identity(i)) return alive[i];
  return false;
}

static int describe(file *it) {
  for (int i = 0; i < DESCRIPTORS; i++)
    if (!descriptors[i]) {
      descriptors[i] = it;
      return i + 3;
    }
  return -EMFILE;
}

/* The name of a call that waits without an end was removed. What opens and looks agree, as in a system. */
static bool is_hidden(void) { return is_gone && call_name && ends_by_orphaning; }

int ipc_os_open(const char *key, bool create, uint32_t permissions) {
  (void)permissions;
  step();
  file *it = find(key);
  if (it && is_hidden()) return -ENOENT;
  if (create && it) return -EEXIST;
  if (create) it = make(key);
  if (!it) return create ? -ENOSPC : -ENOENT;
  return describe(it);
}

int ipc_os_unlink(const char *key) {
  step();
  file *it = find(key);
  if (world_keeps_names) return -EPERM;
  if (!it) return -ENOENT;
  it->linked = false;
  return 0;
}

static ipc_os_file told(const file *it) {
  return (ipc_os_file){.size = it->size,
                       .inode = it->inode,
                       .links = it->linked,
                       .owner = 1000,
                       .permissions = 0600,
                       .is_regular = true};
}

int ipc_os_stat(int fd, ipc_os_file *out) {
  step();
  *out = told(file_of(fd));
  return 0;
}

int ipc_os_stat_key(const char *key, ipc_os_file *out) {
  step();
  const file *it = find(key);
  if (!it || is_hidden()) return -ENOENT;
  *out = told(it);
  return 0;
}

uint32_t ipc_os_user(void) { return 1000; }

/* No view is held after a close in here, and nothing forks. */
bool ipc_os_replace(void *address, uint64_t size) {
  (void)address;
  (void)size;
  return false;
}

void ipc_os_close(int fd) {
  step();
  file_of(fd);
  descriptors[fd - 3] = NULL;
}

const char *ipc_os_choose_directory(const char *path) { return path ? path : "/world"; }
const char *ipc_os_directory(void) { return "/world"; }
const char *ipc_os_own_directory(void) { return "/world"; }
int ipc_os_reach_directory(uint64_t *length, uint64_t *limit) { return (int)(*length = *limit = 0); }
bool ipc_os_is_directory_removed(void) { return false; }
void ipc_os_path(const char *key, char path[IPC_OS_PATH_BYTES]) {
  snprintf(path, IPC_OS_PATH_BYTES, "/world/%s", key ? key : "");
}
bool ipc_os_is_short(int fd, uint64_t size, ipc_os_shortage *shortage) {
  (void)fd, (void)size, (void)shortage;
  return false;
}
bool ipc_os_is_short_of_memory(int fd, uint64_t more, ipc_os_shortage *shortage) {
  return ipc_os_is_short(fd, more, shortage);
}
uint64_t ipc_os_free_bytes(int fd) { return (void)fd, FILE_BYTES; }
void ipc_os_listed_key(const char *key, char listed[IPC_OS_KEY_BYTES]) {
  snprintf(listed, IPC_OS_KEY_BYTES, "%s", key);
}

int ipc_os_list(ipc_os_found *found, void *context) {
  for (int i = 0; i < FILES; i++)
    if (files[i].exists && files[i].linked) found(context, files[i].key, false);
  return 0;
}

int ipc_os_open_to_read(const char *key) { return ipc_os_open(key, false, 0); }

int64_t ipc_os_read(int fd, void *bytes, uint64_t size, uint64_t offset) {
  step();
  const file *it = file_of(fd);
  if (offset >= it->size) return 0;
  if (size > it->size - offset) size = it->size - offset;
  memcpy(bytes, it->bytes + offset, size);
  return (int64_t)size;
}

int ipc_os_is_in_use(int fd) {
  step();
  return file_of(fd)->maps > 0;
}

int ipc_os_set_permissions(int fd, uint32_t permissions) {
  (void)fd;
  (void)permissions;
  step();
  return 0;
}

/*
 * The library itself never makes a mapped file smaller, with one exception: it takes another user's
 * file for a leftover, because damage says so, may not remove it, and creates it again in place. Then the others find
 * zeros, as fault.c gives them.
 */
int ipc_os_resize(int fd, uint64_t size) {
  step();
  file *it = file_of(fd);
  if (size < it->size && it->maps > 0 && !world_keeps_names) world_fail("a mapped file shrinks", (long long)size);
  return resize(it, size);
}

int ipc_os_extend(int fd, uint64_t size) { return ipc_os_resize(fd, size); }

/* Where a file has a hole is not modelled. */
int ipc_os_reserve(int fd, uint64_t from, uint64_t to) {
  step();
  if (from > to || to > file_of(fd)->size) world_fail("memory for what lies past the end of the file", (long long)to);
  return 0;
}

void *ipc_os_map(int fd, uint64_t offset, uint64_t size, int *error) {
  step();
  file *it = file_of(fd);
  *error = -EINVAL;
  if (size == 0 || offset % 65536 != 0) return NULL;
  /* What is mapped past the end of a file are bytes that cannot be touched; to ask for them is a mistake. */
  WORLD_CHECK(offset <= it->size && size <= it->size - offset);
  *error = 0;
  it->maps++;
  return it->bytes + offset;
}

void ipc_os_unmap(void *address, uint64_t size) {
  step();
  (void)size;
  file *it = &files[((size_t)((uint8_t *)address - slots[0])) / sizeof slots[0]];
  WORLD_CHECK(it->maps > 0);
  it->maps--;
}

bool ipc_os_guard(void *address, uint64_t size, ipc_os_damage *damage) {
  (void)address, (void)size, (void)damage;
  return false;
}
void ipc_os_unguard(ipc_os_damage *damage) { (void)damage; }

int ipc_os_try_lock(int fd, const char *key) {
  (void)key;
  step();
  file *it = file_of(fd);
  if (world_is_locked || it->locked) return -EWOULDBLOCK;
  it->locked = true;
  return 0;
}

void ipc_os_unlock(int fd) {
  step();
  file_of(fd)->locked = false;
  descriptors[fd - 3] = NULL;
}

/* The compiler has the library call these before each load. */
static void load(const void *address) {
  if (!world_strike_loads) return;
  uint64_t size;
  const uint8_t *base = world_bytes(&size);
  if ((const uint8_t *)address >= base && (const uint8_t *)address < base + size && --world_strike_loads == 0) strike();
}
void __sanitizer_cov_load1(uint8_t *address);
void __sanitizer_cov_load2(uint16_t *address);
void __sanitizer_cov_load4(uint32_t *address);
void __sanitizer_cov_load8(uint64_t *address);
void __sanitizer_cov_load16(void *address);
void __sanitizer_cov_load1(uint8_t *address) { (void)address; }
void __sanitizer_cov_load2(uint16_t *address) { (void)address; }
void __sanitizer_cov_load4(uint32_t *address) { load(address); }
void __sanitizer_cov_load8(uint64_t *address) { load(address); }
void __sanitizer_cov_load16(void *address) { (void)address; }

#include "interpose.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "platform/platform.h"

test_hooks hooks;

static void before(const char *call) {
  if (hooks.before) hooks.before(call);
}

uint64_t test_os_now(void);
uint64_t test_os_now_coarse(void);
uint64_t test_os_self(void);
void test_os_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns);
bool test_os_wait_interruptibly(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns);
void test_os_wake_all(_Atomic uint32_t *word);
int test_os_open(const char *key, bool create, uint32_t permissions);
int test_os_unlink(const char *key);
int test_os_stat(int fd, ipc_os_file *out);
int test_os_stat_key(const char *key, ipc_os_file *out);
int64_t test_os_read(int fd, void *bytes, uint64_t size, uint64_t offset);
int test_os_resize(int fd, uint64_t size);
void *test_os_map(int fd, uint64_t offset, uint64_t size, int *error);
void test_os_unmap(void *address, uint64_t size);
bool test_os_replace(void *address, uint64_t size);
int test_os_try_lock(int fd, const char *key);
void test_os_unlock(int fd);
void test_os_remove_own_identity(void);

uint64_t test_os_now(void) {
  before("now");
  return ipc_os_now() + hooks.clock_ahead_ns;
}

uint64_t test_os_now_coarse(void) {
  before("now_coarse");
  return ipc_os_now_coarse() + hooks.clock_ahead_ns;
}

uint64_t test_os_self(void) {
  before("self");
  return ipc_os_self();
}

static uint64_t interpose_slice(uint64_t timeout_ns) {
  before("wait");
  return hooks.patient && (timeout_ns == IPC_SLICE_NS || timeout_ns == IPC_FIRST_SLICE_NS) ? IPC_FOREVER : timeout_ns;
}

void test_os_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
  ipc_os_wait(word, expected, interpose_slice(timeout_ns));
}

bool test_os_wait_interruptibly(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
  return ipc_os_wait_interruptibly(word, expected, interpose_slice(timeout_ns));
}

void test_os_wake_all(_Atomic uint32_t *word) {
  before("wake_all");
  ipc_os_wake_all(word);
}

int test_os_open(const char *key, bool create, uint32_t permissions) {
  before(create ? "create" : "open");
  return ipc_os_open(key, create, permissions);
}

int test_os_unlink(const char *key) {
  before("unlink");
  if (hooks.keep_names) return -EPERM;
  return ipc_os_unlink(key);
}

int test_os_stat(int fd, ipc_os_file *out) {
  before("stat");
  int error = ipc_os_stat(fd, out);
  if (error == 0 && hooks.owner) out->owner = hooks.owner;
  return error;
}

int test_os_stat_key(const char *key, ipc_os_file *out) {
  before("stat_key");
  int error = ipc_os_stat_key(key, out);
  if (error == 0 && hooks.owner) out->owner = hooks.owner;
  return error;
}

int64_t test_os_read(int fd, void *bytes, uint64_t size, uint64_t offset) {
  before("read");
  return ipc_os_read(fd, bytes, size, offset);
}

int test_os_resize(int fd, uint64_t size) {
  before("resize");
  ipc_os_file file;
  if (hooks.no_room && ipc_os_stat(fd, &file) == 0 && file.size < size) return -hooks.no_room;
  return hooks.resize ? hooks.resize(fd, size) : ipc_os_resize(fd, size);
}

int test_os_try_lock(int fd, const char *key) {
  before("try_lock");
  return ipc_os_try_lock(fd, key);
}

void test_os_unlock(int fd) {
  before("unlock");
  ipc_os_unlock(fd);
}

void test_os_remove_own_identity(void) {
  before("remove_own_identity");
  ipc_os_remove_own_identity();
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ONE_MAPPING
#endif
#elif defined(__SANITIZE_THREAD__)
#define ONE_MAPPING
#endif

#ifdef ONE_MAPPING
/*
 * ThreadSanitizer knows memory by its address: two mappings of one segment are
 * strangers to it, and it would find no race at all. So all endpoints of a process
 * get the same mapping of the same file.
 */
enum { MAX_MAPPINGS = 256 };
static struct {
  uint64_t inode, offset, size;
  void *address;
  uint32_t users;
} mappings[MAX_MAPPINGS];
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

static uint32_t owner_of_mappings; /* a process */

/* A forked child's are no segments any more. Under the guard. */
static void forget_inherited(void) {
  if (owner_of_mappings != ipc_os_pid()) memset(mappings, 0, sizeof mappings);
  owner_of_mappings = ipc_os_pid();
}

void *test_os_map(int fd, uint64_t offset, uint64_t size, int *error) {
  before("map");
  ipc_os_file file;
  *error = ipc_os_stat(fd, &file);
  if (*error) return NULL;
  void *address = NULL;
  pthread_mutex_lock(&guard);
  forget_inherited();
  int place = -1;
  for (int i = 0; i < MAX_MAPPINGS && !address; i++) {
    if (mappings[i].users == 0) {
      place = i;
    } else if (mappings[i].inode == file.inode && mappings[i].offset == offset && size <= mappings[i].size) {
      mappings[i].users++;
      address = mappings[i].address;
    }
  }
  if (!address) {
    if (place < 0) abort();
    address = ipc_os_map(fd, offset, size, error);
    if (address) {
      mappings[place].inode = file.inode;
      mappings[place].offset = offset;
      mappings[place].size = size;
      mappings[place].address = address;
      mappings[place].users = 1;
    }
  }
  pthread_mutex_unlock(&guard);
  return address;
}

void test_os_unmap(void *address, uint64_t size) {
  (void)size;
  before("unmap");
  pthread_mutex_lock(&guard);
  for (int i = 0; i < MAX_MAPPINGS; i++)
    if (mappings[i].users && mappings[i].address == address) {
      if (--mappings[i].users == 0) ipc_os_unmap(address, mappings[i].size);
      break;
    }
  pthread_mutex_unlock(&guard);
}

/* While other endpoints of this process use the mapping, it stays, as when the system has no memory for the zeros. */
bool test_os_replace(void *address, uint64_t size) {
  before("replace");
  if (hooks.no_zeros) return false;
  if (owner_of_mappings != ipc_os_pid()) return ipc_os_replace(address, size); /* in a child that was just forked */
  bool replaced = false;
  pthread_mutex_lock(&guard);
  for (int i = 0; i < MAX_MAPPINGS; i++) {
    if (mappings[i].users != 1 || mappings[i].address != address) continue;
    replaced = ipc_os_replace(address, size);
    if (replaced) mappings[i].inode = 0; /* no new endpoint gets it */
  }
  pthread_mutex_unlock(&guard);
  return replaced;
}
#else
bool test_os_replace(void *address, uint64_t size) {
  before("replace");
  if (hooks.no_zeros) return false;
  return ipc_os_replace(address, size);
}

void *test_os_map(int fd, uint64_t offset, uint64_t size, int *error) {
  before("map");
  return ipc_os_map(fd, offset, size, error);
}

void test_os_unmap(void *address, uint64_t size) {
  before("unmap");
  ipc_os_unmap(address, size);
}
#endif

#ifdef __linux__

#define _GNU_SOURCE
#include "posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

uint64_t ipc_os_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint32_t ipc_os_processors(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 2;
  int count = CPU_COUNT(&set);
  return count < 1 ? 1 : (uint32_t)count;
}

/* No FUTEX_PRIVATE_FLAG: the word is keyed by its page, the same in every process. */
void ipc_os_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
  struct timespec t = {.tv_sec = (time_t)(timeout_ns / 1000000000u), .tv_nsec = (long)(timeout_ns % 1000000000u)};
  syscall(SYS_futex, word, FUTEX_WAIT, expected, timeout_ns == IPC_FOREVER ? NULL : &t, NULL, 0);
}

void ipc_os_wake_all(_Atomic uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, 0x7fffffff, NULL, NULL, 0); }

/*
 * Wakers have abstract names (unix(7)): they are gone with their socket, however its process ended, and leave no file.
 * Any process on the machine may signal one: that wakes an event loop without a reason. They are seen within one
 * network namespace.
 */
socklen_t ipc_posix_waker_address(uint64_t waker, struct sockaddr_un *address) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  int length = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "libipc.wake.%016" PRIx64, waker);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

int ipc_posix_socket(int type) {
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return fd < 0 ? -errno : fd;
}

int ipc_os_open_waker(uint64_t *waker) {
  int fd = ipc_posix_socket(SOCK_DGRAM);
  if (fd < 0) return fd;
  /* Takes a datagram at its length, that is, none that is empty: to event loops that would be the end of a stream. */
  struct sock_filter length_of[] = {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_RET | BPF_A, 0)};
  const struct sock_fprog filter = {.len = 2, .filter = length_of};
  setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter); /* where that is forbidden, we do without */
  for (uint64_t attempt = 0;; attempt++) {
    struct sockaddr_un address;
    /* Unique but for the odd stranger: that is what the next attempt is for. */
    *waker = ((uint64_t)syscall(SYS_gettid) << 32 | (uint32_t)ipc_os_now()) + attempt;
    socklen_t length = ipc_posix_waker_address(*waker, &address);
    if (bind(fd, (const struct sockaddr *)&address, length) == 0) return fd;
    if (errno == EADDRINUSE && attempt < 1000) continue;
    int error = -errno;
    close(fd);
    return error;
  }
}

int ipc_os_move(int descriptor, int to) {
  int error = dup3(descriptor, to, O_CLOEXEC) < 0 ? -errno : 0;
  close(descriptor);
  return error;
}

void ipc_os_close_waker(uint64_t waker) { (void)waker; }

/*
 * State and start time of a thread, from /proc/<tid>/stat: field 3 and field 22
 * (proc(5)), counted from the last ')' because the name before it may hold anything.
 * The start time is in clock ticks since boot; its low 32 bits go round in 497 days.
 */
static int os_read_stat(uint32_t tid, char *state, uint32_t *started) {
  char path[32], text[1024];
  snprintf(path, sizeof path, "/proc/%u/stat", tid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  ssize_t length;
  do {
    length = read(fd, text, sizeof text - 1);
  } while (length < 0 && errno == EINTR);
  int error = length < 0 ? -errno : 0;
  close(fd);
  if (error) return error;
  if (length == 0) return -ESRCH;
  text[length] = 0;
  const char *field = strrchr(text, ')');
  if (!field) return -EIO;
  *state = field[2];
  for (int i = 2; i < 22 && field; i++) field = strchr(field + 1, ' ');
  if (!field) return -EIO;
  *started = (uint32_t)strtoull(field + 1, NULL, 10);
  return 0;
}

uint64_t ipc_os_self(void) {
  static _Thread_local uint64_t self;
  uint32_t tid = (uint32_t)syscall(SYS_gettid);
  if ((uint32_t)(self >> 32) == tid) return self;
  char state;
  uint32_t started = 0;
  int error = os_read_stat(tid, &state, &started); /* without /proc: 0, and alive() asks kill() */
  uint64_t identity = (uint64_t)tid << 32 | started;
  if (error != -EMFILE && error != -ENFILE && error != -ENOMEM) self = identity; /* those pass: ask again next time */
  return identity;
}

bool ipc_os_alive(uint64_t identity) {
  uint32_t tid = (uint32_t)(identity >> 32), started;
  char state;
  if (tid == 0 || tid > INT32_MAX) return false; /* to kill() these would mean groups of processes */
  int error = os_read_stat(tid, &state, &started);
  /* 0: the thread itself could not learn when it started. */
  if (error == 0) return state != 'Z' && state != 'X' && (started == (uint32_t)identity || (uint32_t)identity == 0);
  if (error == -ESRCH) return false;
  /* ENOENT: no such thread, or no /proc (or one that hides others): then the kernel's own answer counts. */
  return kill((pid_t)tid, 0) == 0 || errno == EPERM;
}

/* Where glibc and musl have what shm_open makes. */
const char ipc_os_directory[] = "/dev/shm";

void ipc_posix_path(const char *key, char path[IPC_POSIX_PATH_BYTES]) {
  snprintf(path, IPC_POSIX_PATH_BYTES, "%s/%s", ipc_os_directory, key);
}

int ipc_posix_open(const char *key, int flags, uint32_t permissions) {
  int fd = shm_open(key, flags, permissions);
  if (fd >= 0) return fd;
  return errno == EINVAL ? -EISDIR : -errno; /* glibc says EINVAL for a directory */
}

int ipc_os_unlink(const char *key) { return shm_unlink(key) == 0 ? 0 : -errno; }

bool ipc_posix_is_key(const char *name) { return strncmp(name, "libipc.", 7) == 0; }
const bool ipc_posix_keys_are_hashed = false;

void ipc_os_listed_key(const char *key, char listed[IPC_OS_KEY_BYTES]) {
  snprintf(listed, IPC_OS_KEY_BYTES, "%s", key);
}

int ipc_os_resize(int fd, uint64_t size) {
  if (ftruncate(fd, (off_t)size) != 0) return -errno;
  int error;
  do {
    error = fallocate(fd, 0, 0, (off_t)size) == 0 ? 0 : errno;
  } while (error == EINTR);
  return -error;
}

/* Small rings are mapped in at once: 256 page faults cost more than the first 100,000 messages. */
enum { POPULATE_UP_TO = 4 << 20 };

void *ipc_os_map(int fd, uint64_t offset, uint64_t size, int *error) {
  int flags = MAP_SHARED | (size <= POPULATE_UP_TO + (256u << 10) ? MAP_POPULATE : 0);
  void *address = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, (off_t)offset);
  if (address != MAP_FAILED) return address;
  *error = -errno;
  return NULL;
}

#endif

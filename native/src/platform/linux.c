#ifdef __linux__

#define _GNU_SOURCE
#include "fault.h"
#include "file_size.h"
#include "wake_socket.h"

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
#include <time.h>
#include <unistd.h>

static uint64_t linux_clock(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t ipc_os_now(void) { return linux_clock(CLOCK_MONOTONIC); }

uint64_t ipc_os_now_coarse(void) { return linux_clock(CLOCK_MONOTONIC_COARSE); }

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

bool ipc_posix_is_main_thread(void) {
  static _Thread_local int8_t is_main; /* 0: not asked yet. In a forked child it may stay -1: then no signal is seen */
  if (is_main == 0) is_main = (pid_t)syscall(SYS_gettid) == getpid() ? 1 : -1;
  return is_main > 0;
}

void ipc_os_wake_all(_Atomic uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, 0x7fffffff, NULL, NULL, 0); }

int ipc_posix_socket(int type) {
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return fd < 0 ? -errno : fd;
}

bool ipc_posix_protect_waker(int fd) {
  /* Takes a datagram at its length, that is, none that is empty: to event loops that would be the end of a stream. */
  struct sock_filter length_of[] = {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_RET | BPF_A, 0)};
  const struct sock_fprog filter = {.len = 2, .filter = length_of};
  setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter); /* where that is forbidden, we do without */
  /* No descriptors: to close one may take as long as its sender likes (SO_LINGER). From Linux 6.16 on. */
  enum { PASS_RIGHTS = 83 }; /* SO_PASSRIGHTS */
  const int no = 0;
  setsockopt(fd, SOL_SOCKET, PASS_RIGHTS, &no, sizeof no);
  return fchmod(fd, 0600) == 0; /* the mode that bind() gives the file, less the umask */
}

/* Not renameat2(): older C libraries lack it. */
/* It has the group of this process. In a directory that gives its own group (setgid), that is what its owner wants. */
int ipc_posix_give_group(int fd) {
  (void)fd;
  return 0;
}

int ipc_posix_rename_new(int directory, const char *from, const char *to) {
  enum { NO_REPLACE = 1 }; /* RENAME_NOREPLACE */
  return syscall(SYS_renameat2, directory, from, directory, to, NO_REPLACE) == 0 ? 0 : -errno;
}

int ipc_posix_refer(const char *name, struct stat *found) {
  int fd = openat(ipc_posix_directory(), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -errno;
  if (fstat(fd, found) == 0) return fd;
  int error = -errno;
  close(fd);
  return error;
}

int ipc_posix_set_file_group(int reference, const char *name, gid_t group) {
  (void)name;
  return fchownat(reference, "", (uid_t)-1, group, AT_EMPTY_PATH) == 0 ? 0 : -errno;
}

int ipc_posix_set_file_mode(int reference, const char *name, mode_t mode) {
  (void)name;
  enum { FCHMODAT2 = 452 }; /* of every architecture, from Linux 6.6 on */
  if (syscall(FCHMODAT2, reference, "", mode, AT_EMPTY_PATH) == 0) return 0;
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", reference);
  return chmod(link, mode) == 0 ? 0 : -errno;
}

int ipc_os_move(int descriptor, int to) {
  int error = dup3(descriptor, to, O_CLOEXEC) < 0 ? -errno : 0;
  close(descriptor);
  return error;
}

uint32_t ipc_os_thread(void) { return (uint32_t)syscall(SYS_gettid); }

/* Not getrandom(): older C libraries lack it. */
int ipc_posix_random(uint32_t *value) {
  return syscall(SYS_getrandom, value, sizeof *value, 0) == (long)sizeof *value ? 0 : -errno;
}

/* 0 also where /proc is that of an outer namespace: there our pids are the numbers of other processes. */
uint32_t ipc_posix_pid_namespace(void) {
  char self[16] = "";
  struct stat s;
  if (readlink("/proc/self", self, sizeof self - 1) <= 0 || strtol(self, NULL, 10) != getpid()) return 0;
  return stat("/proc/self/ns/pid", &s) == 0 ? (uint32_t)s.st_ino : 0;
}

/* Field 9 of /proc/<pid>/stat (proc(5)), counted from the last ')' because the name before it may hold anything. */
static bool os_read_flags(uint32_t pid, unsigned long *flags) {
  char path[32], text[1024];
  snprintf(path, sizeof path, "/proc/%u/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return false;
  text[length] = 0;
  const char *field = strrchr(text, ')');
  for (int i = 2; i < 9 && field; i++) field = strchr(field + 1, ' ');
  if (!field) return false;
  *flags = strtoul(field + 1, NULL, 10);
  return true;
}

bool ipc_os_is_dumping(uint32_t pid, uint32_t pid_namespace) {
  /*
   * PF_SIGNALED of the kernel's sched.h: a fatal signal has reached the first thread, so no thread returns to the
   * program. PF_DUMPCORE is set only in the thread that writes, which need not be the first.
   */
  enum { SIGNALED = 0x400 };
  unsigned long flags;
  if (pid_namespace == 0 || pid_namespace != ipc_os_pid_namespace() || !os_read_flags(pid, &flags)) return false;
  return (flags & SIGNALED) != 0;
}

/* Where glibc and musl have what shm_open makes. */
const char ipc_posix_default_directory[] = "/dev/shm";

void ipc_posix_path(const char *key, char path[IPC_POSIX_PATH_BYTES]) {
  memcpy(path, key, strnlen(key, IPC_POSIX_PATH_BYTES - 1) + 1); /* and not snprintf: ending.c comes here */
  path[IPC_POSIX_PATH_BYTES - 1] = 0;
}

bool ipc_posix_is_key(const char *name) { return strncmp(name, "libipc.", 7) == 0; }
const bool ipc_posix_keys_are_hashed = false;

void ipc_os_listed_key(const char *key, char listed[IPC_OS_KEY_BYTES]) {
  snprintf(listed, IPC_OS_KEY_BYTES, "%s", key);
}

const bool ipc_posix_fault_codes_are_exact = true;

/* The call reads the 8 bytes before it sees that there is no such operation. */
ipc_posix_page ipc_posix_ask_page(const void *address) {
  const uintptr_t bytes = (uintptr_t)address & ~(uintptr_t)7;
  bool is_missing = syscall(SYS_rt_sigprocmask, ~0, bytes, NULL, 8) != 0 && errno == EFAULT;
  return is_missing ? IPC_PAGE_MISSING : IPC_PAGE_THERE;
}

/* Of a file system that cannot, such as ramfs. */
static int os_allocate_nothing(int fd, uint64_t bytes) { return (void)fd, (void)bytes, -EOPNOTSUPP; }

/* fallocate() makes the file larger, too: a file that it refuses has no part that is not reserved. */
int ipc_os_resize(int fd, uint64_t size) {
  struct stat s;
  if (fstat(fd, &s) != 0) return -errno;
  if ((uint64_t)s.st_size > size && ftruncate(fd, (off_t)size) != 0) return -errno;
  int error;
  do {
    error = fallocate(fd, 0, 0, (off_t)size) == 0 ? 0 : errno;
  } while (error == EINTR);
  if (error == EOPNOTSUPP || error == ENOSYS) return ipc_posix_resize(fd, size, os_allocate_nothing);
  return -error;
}

int ipc_os_reserve(int fd, uint64_t from, uint64_t to) {
  int error;
  do {
    error = fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(to - from)) == 0 ? 0 : errno;
  } while (error == EINTR);
  return error == EOPNOTSUPP || error == ENOSYS ? ipc_posix_reserve(fd, from, to) : -error;
}

/*
 * A lease for reading is granted if no open file of the inode, of any process, can write; a mapping keeps its open
 * file. A process that opens the file for writing while the lease is held has it broken, by a signal to this process.
 * SIGIO would end the process; SIGURG is ignored unless a program handles it, and then means nothing without a socket.
 */
int ipc_os_is_in_use(int fd) {
  if (fcntl(fd, F_SETSIG, SIGURG) != 0) return -errno;
  if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN ? 1 : -errno;
  fcntl(fd, F_SETLEASE, F_UNLCK);
  return 0;
}

/* Small rings are mapped in at once: 256 page faults cost more than the first 100,000 messages. Not holes: they would
 * get memory. */
enum { POPULATE_UP_TO = 4 << 20 };

static bool os_is_small_and_whole(int fd, uint64_t size) {
  struct stat s;
  return size <= POPULATE_UP_TO + (256u << 10) && fstat(fd, &s) == 0 && (uint64_t)s.st_blocks * 512 >= size;
}

void *ipc_os_map(int fd, uint64_t offset, uint64_t size, int *error) {
  int flags = MAP_SHARED | (os_is_small_and_whole(fd, size) ? MAP_POPULATE : 0);
  void *address = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, (off_t)offset);
  if (address != MAP_FAILED) return address;
  *error = -errno;
  return NULL;
}

#endif

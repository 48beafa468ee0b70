#ifdef __APPLE__

/*
 * A segment is a regular file in /var/tmp, mapped by all processes that use it; what the
 * name lock, the inode and `linked` are asked of is that same file, as on Linux.
 *
 * Why not shm_open: such an object has no lock, no inode, no link count, no fchmod (so
 * the umask always takes its share), a name of at most 31 bytes and no list of names.
 * Each would have to come from a second, ordinary file, kept in step through every
 * crash. The price is that the kernel may write dirty pages to disk; nothing waits for
 * that, and what is unlinked before its last unmap need not be written at all.
 *
 * Why /var/tmp: all users can reach it and none can remove another's file (mode 1777).
 * /tmp and the per-user temporary directories are cleaned of files that no process has used
 * for three days. A file can outlive a reboot here; its endpoints are then known to be
 * dead, as after a crash: nothing has their files locked.
 */
#include "fault.h"
#include "file_group.h"
#include "file_size.h"
#include "hashed_key.h"
#include "wake_socket.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysctl.h>
#include <time.h>
#include <unistd.h>

/* The clock that the kernel's own timeouts run on: like Linux's, it stops while the machine sleeps. */
uint64_t ipc_os_now(void) { return clock_gettime_nsec_np(CLOCK_UPTIME_RAW); }

uint64_t ipc_os_now_coarse(void) { return clock_gettime_nsec_np(CLOCK_UPTIME_RAW_APPROX); }

uint32_t ipc_os_processors(void) {
  int32_t count = 0;
  size_t bytes = sizeof count;
  if (sysctlbyname("hw.logicalcpu", &count, &bytes, NULL, 0) != 0) return 2;
  return count < 1 ? 1 : (uint32_t)count;
}

/*
 * Waiting. The public calls (os/os_sync_wait_on_address.h, macOS 14.4) are looked up
 * when the library is loaded, so that it builds with older SDKs and loads on older
 * systems. There the private calls under them serve (bsd/sys/ulock.h of XNU, macOS 11):
 * both reach the same kernel queue, so it does not matter which process uses which.
 *
 * SHARED keys the word by the memory behind it, the same in every process. Size and
 * flags must be equal in wait and wake.
 */
typedef int wait_function(void *address, uint64_t value, size_t size, uint32_t flags, uint32_t clock, uint64_t ns);
typedef int wake_function(void *address, size_t size, uint32_t flags);

enum {
  OS_SYNC_SHARED = 1,                /* OS_SYNC_WAIT_ON_ADDRESS_SHARED, OS_SYNC_WAKE_BY_ADDRESS_SHARED */
  MACH_ABSOLUTE_CLOCK = 32,          /* OS_CLOCK_MACH_ABSOLUTE_TIME */
  ULOCK_COMPARE_AND_WAIT_SHARED = 3, /* UL_COMPARE_AND_WAIT_SHARED: a 4-byte word */
  ULOCK_WAKE_ALL = 0x100             /* ULF_WAKE_ALL */
};

int __ulock_wait2(uint32_t operation, void *address, uint64_t value, uint64_t timeout_ns, uint64_t value2);
int __ulock_wake(uint32_t operation, void *address, uint64_t wake_value);

static wait_function *os_sync_wait;
static wake_function *os_sync_wake;

/* The library has handlers that run after a runtime has closed it: of signals, of fork, of the end of a thread. */
__attribute__((constructor)) static void os_stay_loaded(void) {
  Dl_info here;
  if (dladdr((const void *)&os_sync_wait, &here)) dlopen(here.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

__attribute__((constructor)) static void os_find_os_sync(void) {
  wait_function *wait = (wait_function *)dlsym(RTLD_DEFAULT, "os_sync_wait_on_address_with_timeout");
  wake_function *wake = (wake_function *)dlsym(RTLD_DEFAULT, "os_sync_wake_by_address_all");
  if (!wait || !wake) return;
  os_sync_wait = wait;
  os_sync_wake = wake;
}

/* "For ever" is this long, too: callers check again anyway, and no deadline overflows in the kernel. */
static const uint64_t LONGEST_WAIT_NS = 3600u * UINT64_C(1000000000);

/*
 * Results are ignored. Timed out, woken, changed before it slept, interrupted, or EFAULT (the page was not in memory;
 * the caller's next read brings it in): the caller re-reads what it waits for in any case.
 */
void ipc_os_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
  if (timeout_ns == 0) return; /* os_sync rejects 0, ulock takes it for "no limit" */
  if (timeout_ns > LONGEST_WAIT_NS) timeout_ns = LONGEST_WAIT_NS;
  if (os_sync_wait)
    os_sync_wait(word, expected, sizeof *word, OS_SYNC_SHARED, MACH_ABSOLUTE_CLOCK, timeout_ns);
  else
    __ulock_wait2(ULOCK_COMPARE_AND_WAIT_SHARED, word, expected, timeout_ns, 0);
}

bool ipc_posix_is_main_thread(void) { return pthread_main_np() != 0; }

/* ENOENT is normal: nothing sleeps there. */
void ipc_os_wake_all(_Atomic uint32_t *word) {
  if (os_sync_wake)
    os_sync_wake(word, sizeof *word, OS_SYNC_SHARED);
  else
    __ulock_wake(ULOCK_COMPARE_AND_WAIT_SHARED | ULOCK_WAKE_ALL, word, 0);
}

int ipc_posix_socket(int type) {
  int fd = socket(AF_UNIX, type, 0);
  if (fd < 0) return -errno;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

/* bind() gives the file 0777 less the umask, and sockets have no filters. */
bool ipc_posix_protect_waker(int fd) {
  (void)fd;
  return false;
}

/* A directory of LIBIPC_DIR may have been given its group for this. */
int ipc_posix_give_group(int fd) {
  return strcmp(ipc_os_directory(), ipc_posix_default_directory) == 0 ? ipc_posix_give_own_group(fd) : 0;
}

int ipc_posix_rename_new(int directory, const char *from, const char *to) {
  int error = renameatx_np(directory, from, directory, to, RENAME_EXCL) == 0 ? 0 : -errno;
  return error == -ENOTSUP ? -EOPNOTSUPP : error;
}

/* A file that cannot be opened has no reference. The sticky bit of the directory keeps others from replacing it. */
int ipc_posix_refer(const char *name, struct stat *found) {
  int fd = fcntl(ipc_posix_directory(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (fstatat(fd, name, found, AT_SYMLINK_NOFOLLOW) == 0) return fd;
  int error = -errno;
  close(fd);
  return error;
}

int ipc_posix_set_file_group(int reference, const char *name, gid_t group) {
  return fchownat(reference, name, (uid_t)-1, group, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno;
}

int ipc_posix_set_file_mode(int reference, const char *name, mode_t mode) {
  return fchmodat(reference, name, mode, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno;
}

int ipc_os_move(int descriptor, int to) {
  int error = dup2(descriptor, to) < 0 ? -errno : 0;
  if (error == 0) fcntl(to, F_SETFD, FD_CLOEXEC);
  close(descriptor);
  return error;
}

uint32_t ipc_os_thread(void) {
  uint64_t id = 0;
  pthread_threadid_np(NULL, &id);
  return (uint32_t)id;
}

int ipc_posix_random(uint32_t *value) {
  *value = arc4random();
  return 0;
}

uint32_t ipc_posix_pid_namespace(void) { return 0; } /* there is only one, and nothing is asked by process id */

bool ipc_os_is_dumping(uint32_t pid, uint32_t pid_namespace) {
  (void)pid;
  (void)pid_namespace;
  return false;
}

const bool ipc_posix_keys_are_hashed = true; /* wakers have other names */

const char ipc_posix_default_directory[] = "/var/tmp";

bool ipc_posix_is_key(const char *name) { return ipc_hashed_is_key(name); }

void ipc_os_listed_key(const char *key, char listed[IPC_OS_KEY_BYTES]) { ipc_hashed_listed_key(key, listed); }

void ipc_posix_path(const char *key, char path[IPC_POSIX_PATH_BYTES]) { ipc_hashed_path(key, path); }

const bool ipc_posix_fault_codes_are_exact = false;

/* Of libsystem_kernel: the system call and nothing else. It reads the set before it sees that there is no such
 * operation. */
int __pthread_sigmask(int operation, const sigset_t *set, sigset_t *before);

static bool os_cannot_read(const void *address) {
  const uintptr_t bytes = (uintptr_t)address & ~(uintptr_t)7;
  return __pthread_sigmask(~0, (const sigset_t *)bytes, NULL) != 0 && errno == EFAULT;
}

static bool os_can_ask_pages;

/* Two addresses with known answers: the first page is never mapped. */
__attribute__((constructor)) static void os_try_to_ask_pages(void) {
  static const uint64_t there = 0;
  os_can_ask_pages = os_cannot_read((const void *)8) && !os_cannot_read(&there);
}

ipc_posix_page ipc_posix_ask_page(const void *address) {
  if (!os_can_ask_pages) return IPC_PAGE_UNKNOWN;
  return os_cannot_read(address) ? IPC_PAGE_MISSING : IPC_PAGE_THERE;
}

/* F_PEOFPOSMODE counts from the last allocated byte. */
static int os_allocate(int fd, uint64_t bytes) {
  fstore_t space = {.fst_flags = F_ALLOCATEALL, .fst_posmode = F_PEOFPOSMODE, .fst_length = (off_t)bytes};
  return fcntl(fd, F_PREALLOCATE, &space) == -1 ? -errno : 0;
}

int ipc_os_resize(int fd, uint64_t size) { return ipc_posix_resize(fd, size, os_allocate); }

int ipc_os_reserve(int fd, uint64_t from, uint64_t to) { return ipc_posix_reserve(fd, from, to); }

int ipc_os_is_in_use(int fd) {
  (void)fd;
  return -ENOTSUP; /* there are no leases */
}

void *ipc_os_map(int fd, uint64_t offset, uint64_t size, int *error) {
  void *address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
  if (address != MAP_FAILED) return address;
  *error = -errno;
  return NULL;
}

#endif

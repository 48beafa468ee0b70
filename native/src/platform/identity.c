/*
 * identity.c - the identity of a process: a lock that the kernel takes back when the process ends.
 *
 * A process keeps an empty file of its own open, with a write lock on the open file (an "open file description lock",
 * fcntl(2)). The kernel drops the lock at the end of the process and at exec, because exec closes the descriptor. It
 * does so in every namespace, whatever the process ids, the clocks and the users are called there.
 *
 * The identity is the random number in the file's name (high half) and the low half of its inode number. So a file that
 * somebody makes later under the same name is another identity.
 *
 *   owner                               finder of a leftover
 *   1 create the file, exclusively      1 open it, for writing
 *   2 lock it                           2 lock it; locked: leave it
 *   3 a link is left? done              3 a link is left? remove it
 *     else again, under another name
 *
 * Invariant: a process that has an identity has a locked file under its name. Both take their locks before they look
 * for the link: if the finder's lock was first, the owner's fails or finds no link; if the owner's was first, the
 * finder's fails. A process that is killed between 1 and 2 leaves an unlocked file, which the next finder removes.
 *
 * Only write locks count for the question: other users may open the file for reading only, and so cannot place one.
 */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "identity_lock.h"
#include "posix.h"

#define PREFIX "libipc-process."
enum { NAME_BYTES = sizeof PREFIX + 8, ATTEMPTS = 100 };

/* Under the guard: everything but reads of `identity`. */
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint64_t identity;
static _Atomic uint32_t pid_namespace; /* of the process with the identity: no process changes its own */
static int held = -1;                  /* the descriptor with the lock */
static int spare = -1;                 /* closed when there is no other descriptor to ask with */

static void identity_name(uint64_t of, char name[NAME_BYTES]) {
  memcpy(name, PREFIX, sizeof PREFIX - 1);
  ipc_posix_write_hex(name + sizeof PREFIX - 1, of >> 32, 8);
  name[NAME_BYTES - 1] = 0;
}

static bool identity_is_file_of(const struct stat *file, uint64_t of) {
  return S_ISREG(file->st_mode) && (uint32_t)file->st_ino == (uint32_t)of;
}

/* Removes the file of a dead process, and what else that process has left. Others than its user and root cannot. */
static void identity_remove_leftover(int directory, const char *name, uint64_t of) {
  int fd = openat(directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return;
  struct stat file;
  /* The links are read under the lock: after another finder has removed this file, the name may be a new owner's. */
  if (ipc_identity_locks_used->as_finder(fd) == 0 && fstat(fd, &file) == 0 && identity_is_file_of(&file, of) &&
      file.st_nlink > 0) {
    /* The wakers first: if not all of them can be removed, the file stays, and leads the next finder to them. */
    bool has_wakers = (file.st_mode & S_IXUSR) != 0;
    if (!has_wakers || ipc_os_remove_wakers((uint32_t)(of >> 32), (uint32_t)file.st_uid)) unlinkat(directory, name, 0);
  }
  close(fd);
}

typedef enum identity_answer {
  IDENTITY_DEAD,
  IDENTITY_ALIVE,
  IDENTITY_UNKNOWN,
  IDENTITY_NO_DESCRIPTOR
} identity_answer;

static identity_answer identity_ask(int directory, uint64_t of, bool removes) {
  char name[NAME_BYTES];
  identity_name(of, name);
  int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) switch (errno) {
      case ENOENT: return ipc_posix_lost_directory(directory, ENOENT) ? IDENTITY_UNKNOWN : IDENTITY_DEAD;
      case ELOOP: return IDENTITY_DEAD; /* a link: not ours */
      case EMFILE:
      case ENFILE: return IDENTITY_NO_DESCRIPTOR;
      default: return IDENTITY_UNKNOWN;
    }
  struct stat file;
  int locked = fstat(fd, &file) == 0 ? 0 : -errno;
  bool is_of = locked == 0 && identity_is_file_of(&file, of);
  if (is_of) locked = ipc_identity_locks_used->is_locked(fd);
  close(fd);
  if (locked < 0) return IDENTITY_UNKNOWN;
  if (removes && is_of && locked == 0) identity_remove_leftover(directory, name, of);
  return locked ? IDENTITY_ALIVE : IDENTITY_DEAD;
}

static void identity_reserve_spare(int directory) {
  if (spare < 0) spare = fcntl(directory, F_DUPFD_CLOEXEC, 0);
}

/* With the descriptor that was kept for this. Another thread may take it meanwhile: then the next question may succeed.
 */
static identity_answer identity_ask_with_spare(int directory, uint64_t of) {
  pthread_mutex_lock(&guard);
  if (spare >= 0) close(spare);
  spare = -1;
  identity_answer answer = identity_ask(directory, of, true);
  identity_reserve_spare(directory);
  pthread_mutex_unlock(&guard);
  return answer;
}

bool ipc_os_alive(uint64_t of) {
  if (of >> 32 == 0) return false;
  if (of == atomic_load_explicit(&identity, memory_order_relaxed)) return true;
  int directory = ipc_posix_directory();
  if (directory < 0) return true;
  identity_answer answer = identity_ask(directory, of, true);
  if (answer == IDENTITY_NO_DESCRIPTOR) answer = identity_ask_with_spare(directory, of);
  return answer != IDENTITY_DEAD; /* without an answer it may live: the next question decides */
}

bool ipc_os_alive_without_waiting(uint64_t of) {
  if (of >> 32 == 0) return false;
  if (of == atomic_load_explicit(&identity, memory_order_relaxed)) return true;
  int directory = ipc_posix_directory();
  return directory < 0 || identity_ask(directory, of, false) != IDENTITY_DEAD;
}

uint32_t ipc_os_pid_namespace(void) { return atomic_load_explicit(&pid_namespace, memory_order_relaxed); }

uint64_t ipc_os_self(void) { return atomic_load_explicit(&identity, memory_order_relaxed); }

/* Files that were left by processes about which no process asked, or by creators of segments. Checks so many files at
 * most. */
static void identity_remove_leftovers(int directory, uint32_t most) {
  int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *files = fd < 0 ? NULL : fdopendir(fd);
  if (!files) {
    if (fd >= 0) close(fd);
    return;
  }
  uint32_t checked = 0, high;
  for (const struct dirent *entry; checked < most && (entry = readdir(files));) {
    if (ipc_posix_is_unnamed(entry->d_name)) {
      checked++;
      ipc_posix_remove_unnamed(directory, entry->d_name);
      continue;
    }
    if (strlen(entry->d_name) != NAME_BYTES - 1 || sscanf(entry->d_name, PREFIX "%8" SCNx32, &high) != 1) continue;
    struct stat file;
    checked++;
    if (fstatat(directory, entry->d_name, &file, AT_SYMLINK_NOFOLLOW) == 0)
      ipc_os_alive((uint64_t)high << 32 | (uint32_t)file.st_ino);
  }
  closedir(files);
}

/* One attempt: 0, -EAGAIN: under another name, or -errno. */
static int identity_create(int directory, uint64_t *made, int *fd) {
  uint32_t high = 0;
  int random = ipc_posix_random(&high);
  if (random != 0 || high == 0) return random != 0 ? random : -EAGAIN;
  char name[NAME_BYTES];
  identity_name((uint64_t)high << 32, name);
  *fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (*fd < 0) return errno == EEXIST ? -EAGAIN : -errno;
  struct stat file;
  int error = ipc_identity_locks_used->as_owner(*fd);
  /*
   * Readable for all users, whatever the umask: each process that shares a name with this one asks. Not before it is
   * locked: a stranger could keep it locked for reading.
   */
  if (error == 0 && fchmod(*fd, 0644) != 0) error = -errno;
  if (error == 0 && fstat(*fd, &file) != 0) error = -errno;
  bool is_taken = error == -EAGAIN || error == -EACCES || (error == 0 && file.st_nlink == 0);
  if (error == 0 && !is_taken) {
    *made = (uint64_t)high << 32 | (uint32_t)file.st_ino;
    return 0;
  }
  if (!is_taken) unlinkat(directory, name, 0);
  close(*fd);
  return is_taken ? -EAGAIN : error;
}

static void identity_before_fork(void) { pthread_mutex_lock(&guard); }
static void identity_after_fork(void) { pthread_mutex_unlock(&guard); }

/* The child shares the open file: the lock would outlive the parent. Its own first open makes its own identity. */
static void identity_after_fork_in_child(void) {
  if (held >= 0) close(held);
  if (spare >= 0) close(spare);
  held = spare = -1;
  ipc_posix_forget_directory();
  atomic_store_explicit(&identity, 0, memory_order_relaxed);
  identity_after_fork();
}

/* Under the guard. */
static int identity_make(void) {
  static bool is_watching;
  int directory = ipc_posix_directory(), error = directory < 0 ? directory : -EAGAIN, fd = -1;
  if (directory >= 0 && !is_watching) {
    int failed = pthread_atfork(identity_before_fork, identity_after_fork, identity_after_fork_in_child);
    if (failed) return -failed;
    is_watching = true;
  }
  uint64_t made = 0;
  for (int attempt = 0; error == -EAGAIN && attempt < ATTEMPTS; attempt++)
    error = identity_create(directory, &made, &fd);
  if (error != 0) return error;
  identity_reserve_spare(directory);
  held = fd;
  atomic_store_explicit(&pid_namespace, ipc_posix_pid_namespace(), memory_order_relaxed);
  atomic_store_explicit(&identity, made, memory_order_relaxed);
  return 0;
}

/*
 * A program that empties the directory takes this process's file too, and a process that closes all its descriptors
 * loses the lock. Then other processes believe that this one is dead: what it opens from now on needs a new identity.
 * Under the guard.
 */
static void identity_check_held(void) {
  uint64_t self = atomic_load_explicit(&identity, memory_order_relaxed);
  struct stat file;
  if (self == 0) return;
  bool is_own =
      fstat(held, &file) == 0 && identity_is_file_of(&file, self); /* or the number is another file's by now */
  if (is_own && file.st_nlink > 0) return;
  if (is_own) close(held);
  held = -1;
  atomic_store_explicit(&identity, 0, memory_order_relaxed);
}

/* How many files a new process checks: it removes some of what others have left, and its start stays short. */
enum { CHECKED_AT_START = 64 };

int ipc_os_identify(void) {
  pthread_mutex_lock(&guard);
  identity_check_held();
  bool is_new = atomic_load_explicit(&identity, memory_order_relaxed) == 0;
  int error = is_new ? identity_make() : 0;
  pthread_mutex_unlock(&guard);
  if (is_new && error == 0) identity_remove_leftovers(ipc_posix_directory(), CHECKED_AT_START);
  return error;
}

void ipc_os_remove_dead_identities(void) {
  int directory = ipc_posix_directory();
  if (directory >= 0) identity_remove_leftovers(directory, UINT32_MAX);
}

void ipc_posix_note_wakers(void) {
  pthread_mutex_lock(&guard);
  if (held >= 0) fchmod(held, 0744);
  pthread_mutex_unlock(&guard);
}

/* Without the guard: the process ends, and does not use its identity any more. */
void ipc_os_remove_own_identity(void) {
  uint64_t self = atomic_load_explicit(&identity, memory_order_relaxed);
  char name[NAME_BYTES];
  if (self == 0) return;
  if (!ipc_os_remove_own_wakers()) return; /* the file leads the next finder to them */
  identity_name(self, name);
  unlinkat(ipc_posix_directory(), name, 0);
}

void ipc_os_forget_identity(void) {
  if (pthread_mutex_trylock(&guard) != 0) return;
  uint64_t self = atomic_exchange_explicit(&identity, 0, memory_order_relaxed);
  if (self != 0) {
    char name[NAME_BYTES];
    identity_name(self, name);
    ipc_os_remove_own_wakers();
    unlinkat(ipc_posix_directory(), name, 0);
    close(held);
    held = -1;
  }
  pthread_mutex_unlock(&guard);
}

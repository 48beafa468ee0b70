/*
 * platform.h - everything libipc asks of an operating system.
 *
 * linux.c and darwin.c implement it, with what they share in posix.c and fault.c. No other file makes system calls or
 * asks which system this is.
 */
#ifndef LIBIPC_PLATFORM_H
#define LIBIPC_PLATFORM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPC_FOREVER UINT64_MAX

/* Nanoseconds on a monotonic clock that all processes of the machine share. */
uint64_t ipc_os_now(void);

/* A nanosecond clock like ipc_os_now(), up to 10 ms behind it, that takes a fifth of the time to read. */
uint64_t ipc_os_now_coarse(void);

/* Gives the rest of this thread's time slice to others that can run. */
void ipc_os_yield(void);

/* How many processors may run this process; at least 1. */
uint32_t ipc_os_processors(void);

/*
 * Sleeps while *word == expected, for at most timeout_ns (IPC_FOREVER: no limit). May return early for any reason: the
 * caller re-reads what it waits for. The word may lie in memory shared with other processes.
 */
void ipc_os_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns);

/*
 * The same, for a call that has a deadline: true if a handler of the program for SIGHUP, SIGINT or SIGTERM ran during
 * the sleep. The call then ends as if its time were up, so that JavaScript can run its own handler. Threads other than
 * the main one never get true.
 */
bool ipc_os_wait_interruptibly(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns);

/* Wakes every thread of every process that sleeps on the word. */
void ipc_os_wake_all(_Atomic uint32_t *word);

/* Which users may write to a file, besides its owner. */
typedef struct ipc_os_access {
  uint32_t group, permissions;
} ipc_os_access;

/*
 * A waker: a datagram socket that an event loop polls, and that a process that may write to its file can signal by its
 * number. open returns a descriptor, which is the caller's, or -errno; the file belongs to this process and thread and
 * is removed with them. signal never waits and may be called with any number; a socket that cannot take more signals
 * has some to read. test signals one in the same way, and keeps no connection and no descriptor for it. admit lets the
 * users that may write to a segment signal a waker of this process, besides the users that may already. close removes
 * the file of a closed descriptor.
 *
 * keep opens a waker whose descriptor stays with the library: 0, or -errno. It is closed by close, and when the thread
 * that opened it ends. wait_for_signal, on any thread, waits for signals of such a waker and takes them: 1, 0 if there
 * was none in this time (negative: no limit), -EINVAL if it is not open, is closed meanwhile, or another thread waits.
 *
 * remove_own_wakers removes the files of this process's wakers; a signal handler may call it. remove_wakers removes
 * those of another process, which has ended: all whose numbers have this high half. False: some are left that belong to
 * this owner.
 */
int ipc_os_open_waker(uint64_t *waker);
int ipc_os_keep_waker(uint64_t *waker);
int ipc_os_wait_for_signal(uint64_t waker, int milliseconds);
int ipc_os_reserve_waker(void);          /* a stream socket, connected to nothing */
int ipc_os_move(int descriptor, int to); /* closes what `to` was, and `descriptor` in any case; 0, or -errno */
void ipc_os_signal(uint64_t waker);
void ipc_os_test_waker(uint64_t waker);
void ipc_os_admit_to_waker(uint64_t waker, const ipc_os_access *segment);
void ipc_os_close_waker(uint64_t waker);
bool ipc_os_remove_own_wakers(void);
bool ipc_os_remove_wakers(uint32_t prefix, uint32_t owner);

/*
 * The identity of this process, see identity.c: made by the first successful identify() (0, or -errno), 0 before it. A
 * forked child has none until it asks for one. forget removes it; what the process has open counts as dead from then
 * on.
 */
int ipc_os_identify(void);
uint64_t ipc_os_self(void);
void ipc_os_forget_identity(void);

/*
 * For a signal handler that ends the process. remove_own_identity removes the files of the wakers and of the identity
 * only: others take the process for dead from then on. alive_without_waiting is ipc_os_alive() without its locks, and
 * removes nothing.
 */
void ipc_os_remove_own_identity(void);
bool ipc_os_alive_without_waiting(uint64_t identity);

/*
 * Calls `end` in a signal handler when SIGHUP, SIGINT or SIGTERM is about to end this process, see ending_signals.c. To
 * be called again by later opens: a signal may have got its default action back. adopt_reset_handlers: handlers that
 * their first signal removes end the process, too.
 */
void ipc_os_watch_ending(void (*end)(void));
void ipc_os_adopt_reset_handlers(void);

/* Removes what dead processes have left beside segments, as far as this user may. */
void ipc_os_remove_dead_identities(void);

/* The calling thread's number. Threads of one process that live at the same time have different ones. */
uint32_t ipc_os_thread(void);

/* The namespace that ipc_os_pid() counts in; 0: unknown. */
uint32_t ipc_os_pid_namespace(void);

/* The calling process's id: for people to read, never for decisions. */
uint32_t ipc_os_pid(void);

/* Whether the process with that identity still runs, or is stopped. If the system gives no answer: true. */
bool ipc_os_alive(uint64_t identity);

/*
 * Whether a process that is alive has been killed and only writes its core dump any more, which may take seconds. False
 * for a process of another namespace.
 */
bool ipc_os_is_dumping(uint32_t pid, uint32_t pid_namespace);

/* What the system says about a file. */
typedef struct ipc_os_file {
  uint64_t size;
  uint64_t inode;
  uint32_t links; /* its names; 0: removed */
  uint32_t owner;
  uint32_t group;
  uint32_t permissions; /* mode bits, 07777 */
  bool is_regular;      /* no link, pipe, directory, device */
} ipc_os_file;

/* The user as whom this process reaches files; 0 is root on every system. */
uint32_t ipc_os_user(void);

/* The largest key, in bytes with its terminator, that ipc_os_open takes; the same of the directory, and of a path. */
#define IPC_OS_KEY_BYTES 256
#define IPC_OS_DIRECTORY_BYTES 1024
#define IPC_OS_PATH_BYTES (IPC_OS_DIRECTORY_BYTES + IPC_OS_KEY_BYTES + 16)

/*
 * The directory with all files. choose takes a path, "" (the system's own directory) or NULL (LIBIPC_DIR, else the
 * system's own) if nothing has been chosen yet; it returns what is chosen. directory() chooses as choose(NULL) does.
 *
 * reach opens the directory, once: 0, or -errno. -EINVAL: the path is not absolute. -ENAMETOOLONG: it has *length
 * bytes, and *limit are possible here.
 */
const char *ipc_os_choose_directory(const char *path);
const char *ipc_os_directory(void);
const char *ipc_os_own_directory(void); /* the system's own */
int ipc_os_reach_directory(uint64_t *length, uint64_t *limit);
bool ipc_os_is_directory_removed(void); /* after it was reached: nothing can be created in it */
void ipc_os_path(const char *key, char path[IPC_OS_PATH_BYTES]); /* of the key's file; NULL: of the directory */

/*
 * Shared memory by key (see segment.c for how keys are made). Each answers 0 (or a
 * descriptor) or -errno. open with create = true fails with -EEXIST if it exists; a new
 * file has its permissions and the name lock when it gets its name.
 */
int ipc_os_open(const char *key, bool create, uint32_t permissions);
int ipc_os_unlink(const char *key);
int ipc_os_stat(int fd, ipc_os_file *out);
int ipc_os_stat_key(const char *key, ipc_os_file *out); /* without opening it; of a link, not of where it leads */
void ipc_os_close(int fd);

/*
 * The files that may be segments, in no order; 0 or -errno. `listed` is a key that open and unlink take. Hashed: it
 * does not show the key that it was made of; only listed_key() of that key equals it.
 */
typedef void ipc_os_found(void *context, const char *listed, bool hashed);
int ipc_os_list(ipc_os_found *found, void *context);
void ipc_os_listed_key(const char *key, char listed[IPC_OS_KEY_BYTES]);

/*
 * Reading a file without mapping it: whatever happens to it meanwhile, no read can fault. Needs no permission to write
 * and never waits; -EINVAL: it is no regular file. read returns how many bytes there were, or -errno.
 */
int ipc_os_open_to_read(const char *key);
int64_t ipc_os_read(int fd, void *bytes, uint64_t size, uint64_t offset);

/*
 * What would keep a file from having a size, although the system would not refuse it, or would end the process: a limit
 * of this process, of which `most` bytes are allowed, or of a control group, which has `most` bytes left. To be asked
 * before ipc_os_resize(). False: nothing that is known.
 */
enum ipc_os_limit { IPC_OS_FILE_SIZE = 1, IPC_OS_MEMORY_LIMIT = 2 };
typedef struct ipc_os_shortage {
  enum ipc_os_limit of;
  uint64_t most;
  char path[IPC_OS_PATH_BYTES]; /* of the control group; else "" */
} ipc_os_shortage;

bool ipc_os_is_short(int fd, uint64_t size, ipc_os_shortage *shortage);

/* The same for `more` bytes of memory in a hole of a file: only a control group can be short of them. */
bool ipc_os_is_short_of_memory(int fd, uint64_t more, ipc_os_shortage *shortage);
uint64_t ipc_os_free_bytes(int fd); /* in its file system, for this user; 0: none, or unknown */

/*
 * Whether any process, in any namespace, has a file open or mapped for writing; `fd` is of ipc_os_open_to_read(), and
 * the caller must have no other: 1, 0, or -errno if the system does not say. Asked about files of this user only.
 * Another process that opens the file for writing at this moment waits, or gets -EWOULDBLOCK if it does not want to
 * wait.
 */
int ipc_os_is_in_use(int fd);

/*
 * Gives a new segment its size and reserves the memory, so that a later write to it
 * cannot fault for want of space. -ENOSPC: there is not enough. If it fails, the size may have changed.
 */
int ipc_os_resize(int fd, uint64_t size);

/* Makes a file larger by a hole: a write there may fault for want of space, until ipc_os_reserve(). 0, or -errno. */
int ipc_os_extend(int fd, uint64_t size);

/*
 * Gives a part of a file memory, as ipc_os_resize() does; its size stays. No process writes there meanwhile: what the
 * part contains afterwards may be zeros. 0, or -errno.
 */
int ipc_os_reserve(int fd, uint64_t from, uint64_t to);

/* Gives an open file other mode bits. -EPERM: it is another user's. */
int ipc_os_set_permissions(int fd, uint32_t permissions);

/* Maps a part of a segment, shared and writable, from a multiple of 64 KiB on. NULL: *error is -errno. */
void *ipc_os_map(int fd, uint64_t offset, uint64_t size, int *error);
void ipc_os_unmap(void *address, uint64_t size);

/* Replaces a mapping by private zeros, which take memory when they are written only. False: it is as it was. */
bool ipc_os_replace(void *address, uint64_t size);

/*
 * A mapping whose file becomes smaller: the first touch of a missing page would end the process. Guarded, it finds
 * zeros there, private ones; `found` is 1 from then on, and *mark (NULL: none; it may lie in the mapping) is set to
 * `value`. guard returns false if there is no memory for it. unguard comes before the unmapping, when the mapping is no
 * longer in use; further calls do nothing.
 */
typedef struct ipc_os_damage {
  _Atomic uint32_t found;
  _Atomic uint32_t *mark;
  uint32_t value;
  void *entry;
} ipc_os_damage;

bool ipc_os_guard(void *address, uint64_t size, ipc_os_damage *damage);
void ipc_os_unguard(ipc_os_damage *damage);

/*
 * The name lock: one holder at a time over all processes; the kernel gives it back
 * when its holder dies. try_lock tries once: 0, -EWOULDBLOCK or another -errno.
 * unlock gives it back and closes the descriptor; closing alone is not enough, since
 * a mapping keeps the open file, and its lock, alive.
 */
int ipc_os_try_lock(int fd, const char *key);
void ipc_os_unlock(int fd);

#endif

/* posix.h - what posix.c needs from linux.c and darwin.c. */
#ifndef LIBIPC_POSIX_H
#define LIBIPC_POSIX_H

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "platform.h"

/* A path made by ipc_posix_path(). */
enum { IPC_POSIX_PATH_BYTES = IPC_OS_KEY_BYTES + 16 };

/* The last digits of a number, without a terminator. A signal handler may call it, and it is a part of every signal. */
static inline void ipc_posix_write_hex(char *to, uint64_t number, int digits) {
  for (int i = digits - 1; i >= 0; i--, number >>= 4) to[i] = "0123456789abcdef"[number & 15];
}

/* The name of a key's file in ipc_posix_directory(). */
void ipc_posix_path(const char *key, char path[IPC_POSIX_PATH_BYTES]);

/* The directory with the files, see directory.c: a descriptor that stays open, or -errno. */
int ipc_posix_directory(void);

/* Where the files are without LIBIPC_DIR. */
extern const char ipc_posix_default_directory[];

/*
 * The longest directory in which a socket can be named by its path: that has room for so many bytes, less a "/", the
 * name of a waker's file, and a zero byte. In another one, a path through the descriptor is used, which needs /proc.
 */
enum {
  IPC_POSIX_WAKER_NAME_BYTES = 28, /* "libipc-wake." and 16 digits */
  IPC_POSIX_SOCKET_DIRECTORY_BYTES = sizeof(((struct sockaddr_un *)0)->sun_path) - 2 - IPC_POSIX_WAKER_NAME_BYTES
};
bool ipc_posix_fits_socket(const char *directory);

/* A path that leads through a descriptor of the directory. */
typedef char ipc_posix_link[32];
void ipc_posix_directory_link(int fd, ipc_posix_link path);

/*
 * After a call with the descriptor of the directory has failed: whether that was since the descriptor is another one's
 * by now. Then the next ipc_posix_directory() opens the same directory again, or answers -ESTALE if the path leads
 * elsewhere.
 */
bool ipc_posix_lost_directory(int fd, int error);

/* In a forked child, which may get another root and other mounts before it opens a name. */
void ipc_posix_forget_directory(void);

/* The right to look up names is enough, where a system has that. */
#ifdef O_PATH
#define IPC_POSIX_OPEN_DIRECTORY O_PATH
#else
#define IPC_POSIX_OPEN_DIRECTORY O_RDONLY
#endif

/* Whether a file name in the directory is a key, and whether such keys are hashes: see ipc_os_list(). */
bool ipc_posix_is_key(const char *name);
extern const bool ipc_posix_keys_are_hashed;

/*
 * Creates a file under its name, with its permissions and locked: a descriptor, or -errno (-EEXIST: something has the
 * name). See create_file.c. A creator that is killed may leave a file with another name: is_unnamed says whether a name
 * is one of those, and remove_unnamed removes it if its creator has ended and this user has made it.
 */
int ipc_posix_create(int directory, const char *path, uint32_t permissions);
bool ipc_posix_is_unnamed(const char *name);
void ipc_posix_remove_unnamed(int directory, const char *name);

/* Gives a new file the group that its permissions are meant for: 0, or -errno. */
int ipc_posix_give_group(int fd);

/* Renames a file if nothing has the new name: 0, -EEXIST, another -errno. -EINVAL, -ENOSYS: the system cannot. */
int ipc_posix_rename_new(int directory, const char *from, const char *to);

/* Fills *value with random bits: 0, or -errno. */
int ipc_posix_random(uint32_t *value);

/* For ipc_os_pid_namespace(): asks the system. */
uint32_t ipc_posix_pid_namespace(void);

/* Whether an address is the handler of ending_signals.c. */
bool ipc_posix_is_ending_handler(uintptr_t handler);

/* Whether the calling thread is the one that the process began with. */
bool ipc_posix_is_main_thread(void);

/*
 * Notes in the file of this process's identity that it has wakers, before it has one: a process that finds the file of
 * a dead one searches the directory for wakers only then.
 */
void ipc_posix_note_wakers(void);

/* A local socket that never waits and that exec closes: a descriptor, or -errno. */
int ipc_posix_socket(int type);

#endif

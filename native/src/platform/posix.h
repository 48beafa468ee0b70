/* posix.h - what posix.c needs from linux.c and darwin.c. */
#ifndef LIBIPC_POSIX_H
#define LIBIPC_POSIX_H

#include <sys/socket.h>
#include <sys/un.h>

#include "platform.h"

/* A path made by ipc_posix_path(). */
enum { IPC_POSIX_PATH_BYTES = IPC_OS_KEY_BYTES + 16 };

/* Where the file of a key is. */
void ipc_posix_path(const char *key, char path[IPC_POSIX_PATH_BYTES]);

/* Opens the file of a key, closed by exec: a descriptor, or -errno. */
int ipc_posix_open(const char *key, int flags, uint32_t permissions);

/* Whether a file name in ipc_os_directory is a key, and whether such keys are hashes: see ipc_os_list(). */
bool ipc_posix_is_key(const char *name);
extern const bool ipc_posix_keys_are_hashed;

/* A local socket that never waits and that exec closes: a descriptor, or -errno. */
int ipc_posix_socket(int type);

/* The address of a waker's socket; returns its length. */
socklen_t ipc_posix_waker_address(uint64_t waker, struct sockaddr_un *address);

#endif

/*
 * wake_socket.h - what the files that make up wakers share, and what they need from linux.c and darwin.c: wake_socket.c
 * has the wakers of this process, waker_file.c their files, waker_signal.c the signals to wakers of all processes.
 */
#ifndef LIBIPC_WAKE_SOCKET_H
#define LIBIPC_WAKE_SOCKET_H

#include <sys/stat.h>
#include <sys/un.h>

#include "posix.h"

/* The bytes of the name of a waker's file, with the 0 at its end. */
enum { IPC_POSIX_WAKER_FILE_NAME = IPC_POSIX_WAKER_NAME_BYTES + 1 };

void ipc_posix_waker_name(uint64_t waker, char name[IPC_POSIX_WAKER_FILE_NAME]);
void ipc_posix_remove_waker_file(uint64_t waker);

/* The address of a waker in a directory with that path, and how many of its bytes are used. */
socklen_t ipc_posix_waker_address(const char *directory, uint64_t waker, struct sockaddr_un *address);

/* A path of the storage directory that fits into such an address: its own, or a link, which is written to `link`. */
const char *ipc_posix_waker_directory(ipc_posix_link link);
const char *ipc_posix_waker_directory_link(ipc_posix_link link);

/* False after a chroot, or if something else was mounted at the path of the storage directory. */
bool ipc_posix_is_directory_at_its_path(void);

/* For a waker of this process that is closed: a process that opens and closes wakers must not collect descriptors. */
void ipc_posix_disconnect_waker(uint64_t waker);

/*
 * Before the bind: makes the socket ignore what is no signal, as far as the system can. False: the bind will not give
 * its file mode 0600, so that ipc_posix_restrict_waker() has to follow.
 */
bool ipc_posix_protect_waker(int fd);
void ipc_posix_restrict_waker(uint64_t waker);

/*
 * A reference to a file in ipc_posix_directory(), inspected (*found). All changes go to that inode, whatever has the
 * name by then. A descriptor for ipc_posix_set_file_*(), or -errno.
 */
int ipc_posix_refer(const char *name, struct stat *found);
int ipc_posix_set_file_group(int reference, const char *name, gid_t group);
int ipc_posix_set_file_mode(int reference, const char *name, mode_t mode);

#endif

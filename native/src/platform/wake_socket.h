/* wake_socket.h - what wake_socket.c needs from linux.c and darwin.c. */
#ifndef LIBIPC_WAKE_SOCKET_H
#define LIBIPC_WAKE_SOCKET_H

#include <sys/stat.h>

#include "posix.h"

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

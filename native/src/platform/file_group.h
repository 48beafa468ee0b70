/* file_group.h - the group of a new file, on systems that take it from the directory. */
#ifndef LIBIPC_FILE_GROUP_H
#define LIBIPC_FILE_GROUP_H

/* Gives a file the group of this process: 0, or -errno. */
int ipc_posix_give_own_group(int fd);

#endif

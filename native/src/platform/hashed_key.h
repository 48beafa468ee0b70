/*
 * hashed_key.h - keys whose file names are a hash of them: for file systems that take upper and lower case, and
 * differently composed Unicode, for the same name, and reject bytes that are not UTF-8. The header of the segment holds
 * the real name, and joiners compare it.
 */
#ifndef LIBIPC_HASHED_KEY_H
#define LIBIPC_HASHED_KEY_H

#include "posix.h"

/* As ipc_posix_is_key(), ipc_os_listed_key() and ipc_posix_path(). A signal handler may call them. */
bool ipc_hashed_is_key(const char *name);
void ipc_hashed_listed_key(const char *key, char listed[IPC_OS_KEY_BYTES]);
void ipc_hashed_path(const char *key, char path[IPC_POSIX_PATH_BYTES]);

#endif

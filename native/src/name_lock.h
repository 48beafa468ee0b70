/*
 * name_lock.h - the file of a key, opened and locked.
 *
 * A segment is made, joined, left and removed only under this lock. It is a lock on the file of the segment, which the
 * kernel releases when its holder dies.
 */
#ifndef LIBIPC_NAME_LOCK_H
#define LIBIPC_NAME_LOCK_H

#include "libipc/options.h"
#include "libipc/status.h"
#include "platform/platform.h"

/* How long an open waits for the lock: its holders need microseconds unless they are stopped. */
#define IPC_NAME_LOCK_PATIENCE_NS UINT64_C(5000000000)

/* The mode bits of users other than the owner. */
enum { IPC_OTHERS = 077, IPC_OTHERS_WRITE = 022 };

/*
 * Opens the file of a key and locks it while it has that name. Creates the file if the options allow it (*created).
 * Without options, only a file that exists is opened, whatever its owner. Returns the descriptor, which ipc_os_unlock()
 * unlocks and closes, or -errno; -EPERM with failure->code set: the file exists and must not be joined.
 */
int ipc_name_lock_open(const char *key, const ipc_options *options, uint64_t patience_ns, ipc_os_file *file,
                       bool *created, ipc_failure *failure);

/* The permissions that these options ask for. */
uint32_t ipc_name_lock_permissions(const ipc_options *options);

/*
 * The mode bits of a file that these options create: without the right to read of those that may not write. They cannot
 * open the name, but who may read a file may lock it, and so could hold the name lock.
 */
uint32_t ipc_name_lock_mode(const ipc_options *options);

/* Fills in IPC_E_PERMISSION for a file that this user does not want to share with its owner. */
int32_t ipc_name_lock_refuse(ipc_failure *failure, const ipc_os_file *file);

/* Whether the file is a regular file, under one name, of this user or of root (root can do anything to us anyway). */
bool ipc_name_lock_is_own(const ipc_os_file *file);

#endif

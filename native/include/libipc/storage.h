/*
 * libipc/storage.h - what a name leaves in the system.
 *
 * Everything of a name is one segment. It lives from the first open to the last close. If all its processes were
 * killed, the next open replaces it: it need not be removed by hand.
 */
#ifndef LIBIPC_STORAGE_H
#define LIBIPC_STORAGE_H

#include "options.h"
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Chooses the directory with the files of all names, which is that of all processes that are to share them: a path
 * that begins with "/", of at most 1023 bytes; "": the system's own directory (Linux: /dev/shm, macOS: /var/tmp); NULL:
 * what the environment variable LIBIPC_DIR says, else the system's own. It stays for the life of the process. A process
 * that does not call this has the choice of NULL, made by its first call that uses a name.
 *
 * It must exist, on a file system whose files can be mapped shared, and on Linux a path of more than 78 bytes needs
 * /proc. This is checked by the first call that uses a name.
 *
 * Returns:    IPC_OK, also if that directory was chosen before.
 * Fails with: IPC_E_INVALID_ARGUMENT: another one was chosen before; failure->path says which.
 * Called by:  any thread, at any time.
 * Order:      none.
 */
IPC_API int32_t ipc_storage_choose(const char *directory, ipc_failure *failure);

/*
 * Stores the path of that directory in `size` bytes, with a zero byte, and less of it if that is too little.
 *
 * Returns:    the bytes of the path, without the zero byte.
 * Fails with: nothing.
 * Called by:  any thread, at any time.
 * Order:      none.
 */
IPC_API uint32_t ipc_storage_directory(char *path, uint32_t size);

/*
 * Removes a name, also while it is in use, whatever lies under it. Open endpoints read what was sent, then get
 * IPC_E_ORPHANED; new ones start with an empty segment. `kind` is an ipc_kind.
 *
 * Returns:    IPC_OK, also if there was nothing.
 * Fails with: IPC_E_INVALID_NAME, IPC_E_INVALID_ARGUMENT (the kind), IPC_E_PERMISSION, IPC_E_BUSY, IPC_E_SYSTEM;
 *             *failure says more.
 * Called by:  any thread, at any time.
 * Order:      none.
 */
IPC_API int32_t ipc_clear(const char *prefix, const char *name, uint32_t kind, ipc_failure *failure);

/*
 * Removes the files of processes that have ended: their identities, and the sockets of their event loops. Segments
 * stay: see ipc_list_remove(). What belongs to another user stays, too, unless this is root.
 *
 * Returns:    nothing.
 * Fails with: nothing: what stays is removed later, by a process that finds it.
 * Called by:  any thread, at any time.
 * Order:      none.
 */
IPC_API void ipc_clear_dead_processes(void);

#ifdef __cplusplus
}
#endif

#endif

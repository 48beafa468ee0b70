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

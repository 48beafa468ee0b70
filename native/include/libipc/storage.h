/*
 * libipc/storage.h - what a name leaves in the system.
 *
 * Everything of a name is one segment; it lives from the first open to the last
 * close. If all its processes were killed, the next open starts it afresh: nobody
 * has to clear by hand. clear() is for taking a name away while it is in use, or
 * for tidying up a name that will not be opened again.
 */
#ifndef LIBIPC_STORAGE_H
#define LIBIPC_STORAGE_H

#include "options.h"
#include "status.h"

/* Removes the segment of a name. Endpoints still open on it read what was sent, then
 * get IPC_E_ORPHANED; new ones start afresh. IPC_OK, also if there was nothing. */
IPC_API int32_t ipc_clear(const char *prefix, const char *name, uint32_t kind, ipc_failure *failure);

#endif

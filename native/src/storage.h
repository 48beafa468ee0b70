/* storage.h - the directory of all names, with failures. */
#ifndef LIBIPC_SRC_STORAGE_H
#define LIBIPC_SRC_STORAGE_H

#include "libipc/status.h"

/* Whether the directory can be used: IPC_OK, or a failure that says what is wrong with it. */
int32_t ipc_storage_reach(ipc_failure *failure);

#endif

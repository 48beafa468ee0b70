/* failure.h - filling in what an open call says about its failure. */
#ifndef LIBIPC_FAILURE_H
#define LIBIPC_FAILURE_H

#include "libipc/status.h"

/* Stores the code and the two values that explain it, and returns the code. */
int32_t ipc_failure_set(ipc_failure *failure, int32_t code, uint64_t found, uint64_t wanted);

/* The same, with the ipc_option that the code is about. */
int32_t ipc_failure_set_option(ipc_failure *failure, int32_t code, int32_t option, uint64_t found, uint64_t wanted);

/*
 * Stores the code for a call that the system refused with `error` (-errno), errno itself, what the call was about, and
 * the path of the key's file (NULL: of the directory); returns the code. The caller sets found and wanted afterwards.
 */
int32_t ipc_failure_set_refused(ipc_failure *failure, enum ipc_cause cause, int error, const char *key);

#endif

/*
 * other_layout.h - a segment that another version of the library has made, and that no process has open any more.
 *
 * Its slots cannot be read: they lie elsewhere, or mean something else. So the kernel is asked whether any process has
 * the file open or mapped for writing, as each process has that uses a segment, in every version. It answers for all
 * namespaces, and nothing has to be kept for it. Not asked for this are: the slots (another layout may change them),
 * the files of identities (they say who lives, not what a process has open), a lock that each endpoint would keep on
 * the file (versions that exist have none, and it would cost a descriptor for each endpoint).
 */
#ifndef LIBIPC_OTHER_LAYOUT_H
#define LIBIPC_OTHER_LAYOUT_H

#include <stdint.h>

#include "libipc/status.h"

/*
 * Removes the file of a key if it is such a segment: 1. 0: something else has the name by now, or nothing.
 * IPC_E_VERSION: it stays, since a process has it open (failure->system_error 0), or since the system does not say, or
 * does not let this user remove it (errno). Of *failure nothing else is changed.
 *
 * The caller must not have the file open or mapped.
 */
int32_t ipc_other_layout_remove(const char *key, ipc_failure *failure);

#endif

/*
 * libipc/libipc.h - messages, locks and shared memory between processes of one machine: the whole C ABI.
 *
 * Start with status.h, which says how to read the other headers, then sender.h and receiver.h, or handle.h and mutex.h.
 * docs/protocol.md describes the bytes in shared memory and why each step is safe; docs/guarantees.md what users may
 * rely on.
 *
 * A child of fork() inherits its parent's endpoints and handles: every call on them fails with IPC_E_FORKED, except for
 * close(), which changes nothing for the parent.
 */
#ifndef LIBIPC_H
#define LIBIPC_H

#include "binding_view.h"
#include "condition.h"
#include "handle.h"
#include "latest_value.h"
#include "list.h"
#include "mapping.h"
#include "memory.h"
#include "mutex.h"
#include "options.h"
#include "peers.h"
#include "receiver.h"
#include "rwlock.h"
#include "semaphore.h"
#include "sender.h"
#include "signal.h"
#include "status.h"
#include "storage.h"
#include "waker.h"

#endif

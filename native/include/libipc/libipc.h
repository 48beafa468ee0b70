/*
 * libipc - messages between processes through shared memory.
 *
 * A child of fork() gets IPC_E_FORKED from whatever it inherited, and may close it; see docs/guarantees.md.
 *
 * The whole C ABI. Start with sender.h and receiver.h; docs/protocol.md describes
 * the bytes in shared memory and why each step is safe.
 */
#ifndef LIBIPC_H
#define LIBIPC_H

#include "condition.h"
#include "handle.h"
#include "list.h"
#include "mapping.h"
#include "memory.h"
#include "mutex.h"
#include "options.h"
#include "peers.h"
#include "binding_view.h"
#include "receiver.h"
#include "rwlock.h"
#include "semaphore.h"
#include "sender.h"
#include "status.h"
#include "storage.h"

#endif

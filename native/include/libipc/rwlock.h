/*
 * libipc/rwlock.h - many readers or one writer, across processes; robust.
 *
 * A writer that waits keeps new readers out, so readers cannot starve it. A dead reader is
 * forgotten. If a writer dies inside, everybody who locks is told (IPC_OWNER_DIED) until a
 * writer has unlocked: what the lock protects may be half changed until then.
 */
#ifndef LIBIPC_RWLOCK_H
#define LIBIPC_RWLOCK_H

#include "handle.h"

/*
 * Locks for writing: as ipc_mutex_lock(). IPC_E_DEADLOCK also if this handle holds it shared.
 *
 * keep: what becomes of its place when readers are still inside as the time is over. With IPC_KEEP_QUEUE_POSITION the
 * handle stays the next writer and keeps new readers out, until it locks or disarms: for who calls again at once.
 * IPC_KEEP_FOR_TASK: the same for an event loop, where other tasks may hold it shared by this handle and are waited
 * for.
 */
enum ipc_rwlock_keep { IPC_KEEP_NOTHING = 0, IPC_KEEP_QUEUE_POSITION = 1, IPC_KEEP_FOR_TASK = 2 };
IPC_API int32_t ipc_rwlock_lock(ipc_handle *lock, int32_t timeout_ms, int32_t keep);
IPC_API int32_t ipc_rwlock_unlock(ipc_handle *lock);

/* Locks for reading. A handle may hold it shared more than once if it never has to wait for that: else IPC_E_DEADLOCK,
 * or with timeout 0 IPC_TIMED_OUT. */
IPC_API int32_t ipc_rwlock_lock_shared(ipc_handle *lock, int32_t timeout_ms);
IPC_API int32_t ipc_rwlock_unlock_shared(ipc_handle *lock);

/* As ipc_mutex_mark_unusable(), for who holds it for writing. Readers inside are not disturbed. */
IPC_API int32_t ipc_rwlock_mark_unusable(ipc_handle *lock);

/* -1: held for writing; else how often this handle holds it shared. */
IPC_API int32_t ipc_rwlock_held(const ipc_handle *lock);

#endif

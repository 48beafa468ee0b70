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
 * Locks for writing: as ipc_mutex_lock(). IPC_E_DEADLOCK also if this handle holds it shared. keep_place: if readers are
 * still inside when the time is over, the handle stays the next writer and keeps new ones out, until it locks or disarms.
 */
IPC_API int32_t ipc_rwlock_lock(ipc_handle *lock, int32_t timeout_ms, int32_t keep_place);
IPC_API int32_t ipc_rwlock_unlock(ipc_handle *lock);

/* Locks for reading. A handle may hold it shared more than once if it never has to wait for that: else IPC_E_DEADLOCK, or
 * with timeout 0 IPC_TIMED_OUT. */
IPC_API int32_t ipc_rwlock_lock_shared(ipc_handle *lock, int32_t timeout_ms);
IPC_API int32_t ipc_rwlock_unlock_shared(ipc_handle *lock);

/* As ipc_mutex_mark_unusable(), for who holds it for writing. Readers inside are not disturbed. */
IPC_API int32_t ipc_rwlock_mark_unusable(ipc_handle *lock);

/* -1: held for writing; else how often this handle holds it shared. */
IPC_API int32_t ipc_rwlock_held(const ipc_handle *lock);

#endif

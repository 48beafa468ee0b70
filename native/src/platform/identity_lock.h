/* identity_lock.h - the locks on the file of an identity, see identity.c. */
#ifndef LIBIPC_IDENTITY_LOCK_H
#define LIBIPC_IDENTITY_LOCK_H

/*
 * None of them waits. as_owner and as_finder: 0, or -errno (-EAGAIN, -EACCES: another process has the lock). is_locked:
 * 1: the file's owner has it locked. 0: it has no owner any more. Or -errno.
 */
typedef struct ipc_identity_locks {
  int (*as_owner)(int fd);
  int (*as_finder)(int fd);
  int (*is_locked)(int fd);
} ipc_identity_locks;

/*
 * Open file description locks on two bytes. The owner locks both. A finder locks the second one: it excludes the owner
 * and other finders, and does not look like an owner, because the question is about the first byte. A lock for writing
 * takes a descriptor that may write: strangers have none.
 */
extern const ipc_identity_locks ipc_identity_byte_locks;

/*
 * Locks of whole files (flock), where the headers of the system do not have the others: SDKs before macOS 13. A finder,
 * and another process that asks, may look like an owner for a moment, and a stranger that may read the file for as long
 * as he likes.
 */
extern const ipc_identity_locks ipc_identity_file_locks;

/* The first of them that the system has. Tests choose the other one, before the process has an identity. */
extern const ipc_identity_locks *ipc_identity_locks_used;

#endif

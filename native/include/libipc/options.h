/*
 * libipc/options.h - how a name is opened.
 *
 * The first endpoint of a name creates its segment and fixes the options; later
 * ones join it. A zero field means "the default if I create, whatever is there if
 * I join"; a non-zero field that differs from the creator's is
 * IPC_E_OPTIONS_MISMATCH.
 *
 * But permissions: they say with whom the caller is willing to share. 0 is 0600: what is in use is joined only if it
 * belongs to this user (or root) and nobody else may read or write it. Who gives bits to group or others joins what
 * lets them do that and no more, also another user's. Everything else is IPC_E_PERMISSION, with ipc_failure.option =
 * IPC_OPTION_PERMISSIONS, found = the owner, wanted = the file's mode. What is no regular file with one name is
 * IPC_E_FOREIGN. See docs/security.md.
 */
#ifndef LIBIPC_OPTIONS_H
#define LIBIPC_OPTIONS_H

#include <stdint.h>

enum ipc_kind {
  IPC_ROUTE = 1,   /* one sender, many receivers, each gets every message */
  IPC_CHANNEL = 2, /* many senders, many receivers, each gets every message, in one order */
  IPC_QUEUE = 3,   /* many senders, many receivers, each message goes to one of them */
  /* What has no ring; opened by ipc_handle_open(). */
  IPC_MUTEX = 4,
  IPC_CONDITION = 5,
  IPC_SEMAPHORE = 6,
  IPC_RWLOCK = 7,
  IPC_MEMORY = 8
};

/* Whether an open may create a name, or join one that somebody has open. */
enum ipc_mode {
  IPC_CREATE_OR_OPEN = 0,
  IPC_CREATE = 1, /* IPC_E_EXISTS if somebody has it open */
  IPC_OPEN = 2    /* IPC_E_NOT_FOUND if nobody has it open; what the dead left does not count */
};

/* What becomes of a message for which the ring has no room. */
enum ipc_overflow {
  IPC_BLOCK = 1,       /* its sender waits */
  IPC_DROP_NEWEST = 2, /* it is not sent, and its sender is told */
  IPC_DROP_OLDEST = 3  /* it takes the place of the oldest; receivers that had not read those are told how many */
};

enum ipc_option {
  IPC_OPTION_CAPACITY = 1,
  IPC_OPTION_MAX_RECEIVERS = 2,
  IPC_OPTION_PERMISSIONS = 3,
  IPC_OPTION_OVERFLOW = 4,
  IPC_OPTION_INITIAL = 5,
  IPC_OPTION_ROBUST = 6,
  IPC_OPTION_SIZE = 7
};

#define IPC_MIN_CAPACITY 4096u
#define IPC_MAX_CAPACITY (1u << 30)
#define IPC_DEFAULT_CAPACITY (1u << 20)
#define IPC_MAX_RECEIVERS 1024u
#define IPC_DEFAULT_RECEIVERS 64u
#define IPC_MAX_SENDERS 1024u
#define IPC_MAX_PERMITS 0x7fffffffu
#define IPC_MAX_MEMORY 0x100000000u /* bytes: 4 GiB, what a JavaScript engine makes one ArrayBuffer of */
#define IPC_MAX_NAME 128u           /* bytes of UTF-8 */
#define IPC_MAX_PREFIX 64u          /* bytes of UTF-8 */
#define IPC_MAX_MESSAGE 0x7fffffffu /* bytes; of a queue: what its ring can hold at once */

typedef struct ipc_options {
  uint32_t kind;          /* ipc_kind */
  uint32_t capacity;      /* bytes of the ring: a power of two, MIN to MAX_CAPACITY */
  uint32_t max_receivers; /* 1 to IPC_MAX_RECEIVERS; of what has no ring: handles */
  uint32_t permissions;   /* mode bits of a created segment, and the most that one joined may have; 0600 among them; 0 =
                             0600 */
  uint32_t overflow;      /* ipc_overflow; 0 = IPC_BLOCK. A queue cannot drop the oldest */
  uint32_t from_oldest;   /* a receiver of a route or channel: 1 = begin with the oldest message still in the ring */
  /* The position at which a created ring starts, in 8-byte units. Only tests set
   * it, to begin just below a wrap of the 32-bit positions. */
  uint32_t first_position;
  uint32_t mode;    /* ipc_mode */
  uint32_t initial; /* of a semaphore: 1 + its permits at first; 0: one permit */
  uint32_t robust;  /* of a semaphore: 1 = yes, 2 = no; 0: no */
  uint64_t size;    /* of shared memory: bytes, 1 to IPC_MAX_MEMORY. A name that is open may have more */
} ipc_options;

#endif

/*
 * libipc/options.h - how a name is opened.
 *
 * The first endpoint or handle of a name creates its segment and fixes the options; later ones join it. A zero field
 * means "the default if this open creates the name, and any value if it joins". A non-zero field that differs from the
 * creator's is IPC_E_OPTIONS_MISMATCH.
 *
 *   ipc_options options = ipc_options_default(IPC_CHANNEL);
 *   options.capacity = 1 << 16;
 *
 * `permissions` is the exception: it says with which users the caller shares the name. 0 means 0600: a name that is in
 * use is joined only if it belongs to this user (or root) and no other user may read or write it. A caller that gives
 * bits to the group or to others joins a segment that has these bits and no more, also if it belongs to another user.
 * Users that may not write get no right to read either: they cannot open the name, but with that right they could hold
 * its lock. Anything else is IPC_E_PERMISSION with ipc_failure.option = IPC_OPTION_PERMISSIONS, found = the owner's
 * user id, wanted = the file's mode. A file that is not regular, or has more than one name, is IPC_E_FOREIGN. See
 * docs/security.md.
 */
#ifndef LIBIPC_OPTIONS_H
#define LIBIPC_OPTIONS_H

#include <stdint.h>

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a name is. The first three have a ring and are opened by senders and receivers, the others by handles. */
enum ipc_kind {
  IPC_ROUTE = 1,     /* one sender, many receivers, each receiver gets every message */
  IPC_CHANNEL = 2,   /* many senders, many receivers, each receiver gets every message, all in the same order */
  IPC_QUEUE = 3,     /* many senders, many receivers, each message goes to one receiver */
  IPC_MUTEX = 4,     /* mutex.h */
  IPC_CONDITION = 5, /* condition.h */
  IPC_SEMAPHORE = 6, /* semaphore.h */
  IPC_RWLOCK = 7,    /* rwlock.h */
  IPC_MEMORY = 8,    /* memory.h */
  IPC_SIGNAL = 9,    /* signal.h */
  IPC_LATEST = 10    /* latest_value.h */
};

/* Whether an open may create a name, or join one that is open. */
enum ipc_mode {
  IPC_CREATE_OR_OPEN = 0, /* default */
  IPC_CREATE = 1,         /* IPC_E_EXISTS if the name is open */
  IPC_OPEN = 2            /* IPC_E_NOT_FOUND if the name is not open; what killed processes left does not count */
};

/* What happens to a message for which the ring has no space. */
enum ipc_overflow {
  IPC_BLOCK = 1,       /* default: its sender waits */
  IPC_DROP_NEWEST = 2, /* it is not sent, and the send returns IPC_DROPPED */
  IPC_DROP_OLDEST = 3  /* it replaces the oldest messages; receivers that had not read those count them as lost */
};

/* Whether the messages of a name have stamps. */
enum ipc_stamp_option {
  IPC_STAMP_NONE = 0, /* default: they have none. A name whose messages have stamps cannot be opened like this */
  IPC_STAMP_ALL = 1,  /* each has one; if not, the name cannot be opened like this */
  IPC_STAMP_ANY = 2   /* whatever the name has; a name that is created has none. The caller asks ipc_sender_stamp() */
};

/* Which option a failure is about. */
enum ipc_option {
  IPC_OPTION_CAPACITY = 1,
  IPC_OPTION_MAX_RECEIVERS = 2,
  IPC_OPTION_PERMISSIONS = 3,
  IPC_OPTION_OVERFLOW = 4,
  IPC_OPTION_INITIAL = 5,
  IPC_OPTION_ROBUST = 6,
  IPC_OPTION_SIZE = 7,
  IPC_OPTION_STRUCT_SIZE = 8,
  IPC_OPTION_CODEC = 9,
  IPC_OPTION_MAX_ATTEMPTS = 10,
  IPC_OPTION_DEAD_LETTER = 11, /* ipc_failure.dead_letter is the name that is set */
  IPC_OPTION_LOSSY = 12,
  IPC_OPTION_STAMP = 13, /* found, wanted: 1 = the messages have stamps */
  IPC_OPTION_KEEP = 14
};

#define IPC_MIN_CAPACITY 4096u
#define IPC_MAX_CAPACITY (1u << 30)
#define IPC_DEFAULT_CAPACITY (1u << 20)
#define IPC_MAX_RECEIVERS 1024u
#define IPC_DEFAULT_RECEIVERS 64u
#define IPC_MAX_SENDERS 1024u
#define IPC_FEW_SENDERS 64u       /* of a route (one sends, the others wait), and of a channel or queue with a… */
#define IPC_SMALL_CAPACITY 65536u /* …capacity up to this: the table of senders would be larger than the ring */
#define IPC_MAX_PERMITS 0x7fffffffu
#define IPC_MAX_MEMORY 0x100000000u /* bytes: 4 GiB, the longest ArrayBuffer of JavaScript engines */
#define IPC_MAX_VALUE (1u << 26)    /* bytes of a latest value: 64 MiB */
#define IPC_DEFAULT_VALUE 65536u
#define IPC_MAX_NAME 128u           /* bytes of UTF-8 */
#define IPC_MAX_PREFIX 64u          /* bytes of UTF-8 */
#define IPC_MAX_MESSAGE 0x7fffffffu /* bytes; in a queue: less than half of its ring */
#define IPC_MAX_ATTEMPTS 0x0ffffffeu
#define IPC_MAX_REASON 255u         /* bytes of UTF-8 */
#define IPC_MAX_DELAY_MS 604800000u /* a week */

/*
 * A stamp: the first bytes of every message of a name that was created with IPC_STAMP_ALL. The library does not look at
 * them: a caller that sends writes them before its message, and one that receives reads them. Numbers have the byte
 * order of the machine. A message that is shorter than a stamp has none, and is read as an empty one.
 */
typedef struct ipc_stamp {
  uint32_t sender;   /* ipc_sender_stamp() of the sender; ipc_peer.instance says which process that is */
  uint32_t reserved; /* 0 */
  uint64_t sent_at;  /* ipc_now_ns(), when the call was made that sends the message */
} ipc_stamp;

/*
 * How to open a name. The size and the kind are required; zeros in all other fields open it with the defaults.
 *
 * Later versions add fields at the end only, and the size says which fields the caller knows. So a program that was
 * compiled with older headers works with a newer library. With an older library a newer program works as long as the
 * fields that the library does not know are 0; otherwise the open fails with IPC_E_INVALID_ARGUMENT.
 */
typedef struct ipc_options {
  uint32_t struct_size;   /* sizeof(ipc_options); required, so that no field is ignored without notice */
  uint32_t kind;          /* ipc_kind; required */
  uint32_t capacity;      /* bytes of the ring: a power of two, IPC_MIN_CAPACITY to IPC_MAX_CAPACITY; default 1 MiB */
  uint32_t max_receivers; /* 1 to IPC_MAX_RECEIVERS, default 64; of kinds without a ring: how many handles */
  uint32_t permissions;   /* file mode bits, 0600 among them; default 0600; see above */
  uint32_t overflow;      /* ipc_overflow; default IPC_BLOCK. A queue cannot have IPC_DROP_OLDEST */
  uint32_t from_oldest; /* a receiver of a route or channel: 1 = start with the oldest message in the ring; default 0 */
  /* The position at which a created ring starts, in units of 8 bytes. Only tests set it, to start just below a wrap of
   * the 32-bit positions. */
  uint32_t first_position;
  uint32_t mode;    /* ipc_mode; default IPC_CREATE_OR_OPEN */
  uint32_t initial; /* semaphore: 1 + its permits at first; default one permit */
  uint32_t robust;  /* semaphore: 1 = yes, 2 = no; default no */
  uint32_t lossy;   /* a receiver of a route or channel: 1 = an observer, see receiver.h; default 0 */
  /* Shared memory: bytes, 1 to IPC_MAX_MEMORY; required to create. A name that is open may have more. Latest value: the
   * longest value in bytes, 1 to IPC_MAX_VALUE; default IPC_DEFAULT_VALUE. */
  uint64_t size;
  /*
   * What the bytes of messages are, for example "json": printable ASCII, 1 to 63 bytes, with a zero byte. The library
   * does not look at messages: it only compares. The first endpoint of a name that has a codec sets it; one with
   * another codec cannot open the name. "": this endpoint does not say, and can open any name.
   */
  char codec[IPC_CODEC_BYTES];
  /* A receiver of a queue: a message that was taken so often and was not done goes to `dead_letter`, 1 to
   * IPC_MAX_ATTEMPTS; default no limit. Like `dead_letter`, the first receiver that passes it fixes it for the queue.
   */
  uint32_t max_attempts;
  uint32_t prefetch; /* a receiver of a queue: it has at most so many open leases; default no limit. Its own option */
  char dead_letter[IPC_MAX_NAME + 8]; /* a receiver of a queue: the name of another queue in the same prefix; or "" */
  uint32_t stamp;                     /* ipc_stamp_option, of a route, a channel or a queue */
  uint32_t notify_only;               /* of a Signal: 1 = the handle notifies others, and is not notified; default 0 */
  uint32_t keep;                      /* latest value: 1 = the name stays when no handle is open; default 0 */
  uint32_t reserved;                  /* 0 */
} ipc_options;

/*
 * Options with their size, a kind and the defaults.
 *
 * Returns:    the options, to be changed before an open.
 * Fails with: nothing; the open checks the kind.
 * Called by:  any thread, at any time. It is compiled into the caller.
 * Order:      none.
 */
static inline ipc_options ipc_options_default(uint32_t kind) {
  ipc_options options = {sizeof(ipc_options), kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0}, 0, 0, {0}, 0, 0, 0, 0};
  return options;
}

#ifdef __cplusplus
}
#endif

#endif

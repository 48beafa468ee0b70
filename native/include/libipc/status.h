/*
 * libipc/status.h - what calls return, and how to read the headers.
 *
 * Most calls return an int32_t: zero and above is success (a length, a count, or 0). The values from -1 down to, but
 * not including, IPC_E_FIRST are results that a caller expects, such as a timeout. A value at or below IPC_E_FIRST is a
 * failure: nothing was sent, received or changed. The numbers are part of the ABI: they are never reused or renumbered.
 *
 * The comment of each function has the same parts:
 *
 *   Returns      what the call returns when it succeeds, and the results above IPC_E_FIRST.
 *   Fails with   the failures. Two more can come from every call on an open endpoint or handle and are not repeated:
 *                IPC_E_FORKED (the caller is a child of fork() and the object is its parent's) and IPC_E_CORRUPT
 *                (another process truncated or overwrote the shared memory).
 *   Called by    which threads may call it, and what may run at the same time. "The owner" is the thread that opened
 *                the endpoint or handle; it makes one call at a time on it. Different endpoints and handles are
 *                independent of each other.
 *   Order        which memory accesses the call orders between processes. "None": the caller may not conclude anything
 *                about other memory.
 *
 * Timeouts are whole milliseconds: 0 does not wait, a negative value waits without limit. While a call waits, the
 * thread sleeps in the kernel; it wakes up every 0.4 s to check whether peers have died.
 */
#ifndef LIBIPC_STATUS_H
#define LIBIPC_STATUS_H

#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define IPC_API __attribute__((visibility("default")))
#else
#define IPC_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Results and failures of calls. */
enum ipc_status {
  IPC_OK = 0,
  IPC_OWNER_DIED = 1,    /* the lock was taken, and its last owner died, or closed its handle, while it held the lock */
  IPC_TIMED_OUT = -1,    /* the time is over; with timeout 0: the call would have had to wait */
  IPC_NO_RECEIVERS = -2, /* a send found no connected receiver */
  IPC_DROPPED = -3,      /* the ring is full and its overflow is IPC_DROP_NEWEST: the message was not sent */
  IPC_NOT_IN_PLACE = -4, /* the message cannot be read, or the loan cannot be written, in the ring */
  IPC_NOT_EQUAL = -5,    /* the word, or the version of the latest value, is not the expected one */
  IPC_NOT_SET = -6,      /* the latest value was never set */

  IPC_E_FIRST = -10,
  IPC_E_INVALID_ARGUMENT = -10,
  IPC_E_INVALID_NAME = -11,       /* empty, too long, or it contains '/' or a control character */
  IPC_E_MESSAGE_TOO_LARGE = -12,  /* longer than ipc_sender_max_message(), _max_record() or _max_loan() */
  IPC_E_BUFFER_TOO_SMALL = -13,   /* the message stays the next one; ipc_receiver_next_length() returns its length */
  IPC_E_HAS_SENDER = -14,         /* the route has a live sender already */
  IPC_E_TOO_MANY_RECEIVERS = -15, /* as many live receivers as max_receivers of the creator */
  IPC_E_TOO_MANY_SENDERS = -16,   /* IPC_MAX_SENDERS or IPC_FEW_SENDERS live senders */
  IPC_E_OPTIONS_MISMATCH = -17,   /* an explicit option differs from the creator's */
  IPC_E_VERSION = -18,            /* the segment has another layout version or layout hash */
  IPC_E_FOREIGN = -19,            /* the name in shared memory belongs to something that is not a libipc segment */
  IPC_E_CORRUPT = -20,            /* truncated or damaged shared memory */
  IPC_E_PERMISSION = -21,         /* this user may not open it, or its permissions are wider than the caller allows */
  IPC_E_NO_SPACE = -22,           /* shared memory or memory is full, or a limit allows no more: ipc_failure.cause */
  IPC_E_ORPHANED = -23,           /* the name was removed while it was open; close and open again */
  IPC_E_BUSY = -24,               /* a stopped process has held an internal lock of the library for too long */
  IPC_E_SYSTEM = -25,             /* any other system error: ipc_failure.system_error */
  /* -26 is used by bindings, for an object that they have closed. */
  IPC_E_NOT_OWNER = -27,        /* this handle does not hold what it should release */
  IPC_E_DEADLOCK = -28,         /* the call would wait for a lock that this handle or thread holds itself */
  IPC_E_UNUSABLE = -29,         /* the lock was marked unusable: ipc_mutex_mark_unusable() */
  IPC_E_OVERFLOW = -30,         /* the semaphore would have more than IPC_MAX_PERMITS permits */
  IPC_E_EXISTS = -31,           /* mode IPC_CREATE, and the name is open */
  IPC_E_NOT_FOUND = -32,        /* mode IPC_OPEN, and the name is not open anywhere */
  IPC_E_TOO_MANY_WAITS = -33,   /* as many waits as the name has room for: four for each of its max_receivers handles */
  IPC_E_TOO_MANY_HANDLES = -34, /* as many live handles as max_receivers of the creator */
  IPC_E_FORKED = -35 /* inherited by fork(): it belongs to the parent. Closing it here changes nothing there */
};

/* Bytes of a path in these structures, with its zero byte. */
#define IPC_PATH_BYTES 1296

/* Bytes of the id of a codec in these structures, with its zero byte. */
#define IPC_CODEC_BYTES 64

/* What a call was at when the system refused something. `path` of a failure is the one that is named here. */
enum ipc_cause {
  IPC_CAUSE_DIRECTORY = 1, /* the directory of the names cannot be used. ENAMETOOLONG: found bytes, wanted at most;
                              EINVAL: it is no absolute path */
  IPC_CAUSE_IDENTITY = 2,  /* no file for the identity of this process could be made; the directory */
  IPC_CAUSE_FILE = 3,      /* the file of the name could not be made, opened or locked; the file */
  IPC_CAUSE_RESERVE = 4,   /* memory of wanted bytes could not be reserved, found are free; the file */
  IPC_CAUSE_FILE_SIZE = 5, /* this process may not make a file of wanted bytes, but of found (RLIMIT_FSIZE); the file */
  IPC_CAUSE_MEMORY_LIMIT = 6, /* a control group has found bytes left for the wanted ones; the folder of the group */
  IPC_CAUSE_MAP = 7,          /* wanted bytes could not be mapped; the file */
  IPC_CAUSE_HEAP = 8          /* malloc() failed; "" */
};

/* Why an open, a clear or a listing failed: what its status does not say. Zero where it does not apply. */
typedef struct ipc_failure {
  int32_t code;         /* an ipc_status at or below IPC_E_FIRST, or 0 */
  int32_t system_error; /* errno, or 0 */
  int32_t option;       /* IPC_E_OPTIONS_MISMATCH, IPC_E_PERMISSION: which ipc_option it is about */
  int32_t pid;          /* IPC_E_HAS_SENDER: the process of the live sender; IPC_E_OPTIONS_MISMATCH of the codec: the
                           process that has set the codec of the name */
  uint64_t found;       /* the value that was found: of the option, the version, bytes, …; IPC_E_HAS_SENDER: 1 if pid
                           is this process, 2 if the sender belongs to this thread */
  uint64_t wanted;      /* the value that was asked for, or the limit */
  uint32_t cause;       /* an ipc_cause; 0: the system refused nothing */
  uint32_t reserved;
  char codec[IPC_CODEC_BYTES]; /* IPC_E_OPTIONS_MISMATCH of the codec: the one that the name has */
  /* The dead-letter queue that the failure is about, which a receiver of a queue opens as well; "": the name itself.
   * IPC_E_OPTIONS_MISMATCH of dead_letter: the one that is set. */
  char dead_letter[136];
  char path[IPC_PATH_BYTES]; /* what the cause is about, for people; "": nothing */
} ipc_failure;

/*
 * The version of this ABI, which is also in the name that linked programs load: libipc.so.9, libipc.9.dylib. It changes
 * when a function, a structure or a number of these headers changes or is removed. A new function, a new number and a
 * new field at the end of ipc_options do not change it.
 */
#define IPC_ABI_VERSION 9

/*
 * The ABI version of the loaded library. A binding compares it with IPC_ABI_VERSION before any other call.
 *
 * Returns:    IPC_ABI_VERSION of the library's build.
 * Fails with: nothing.
 * Called by:  any thread, at any time.
 * Order:      none.
 */
IPC_API uint32_t ipc_abi_version(void);

/*
 * Describes a status for people, in English: what it means and what it is called, for example
 * "no receiver is connected (IPC_NO_RECEIVERS)".
 *
 * Returns:    a text, which is never freed. Of a value above IPC_OWNER_DIED, a length or a count, that of IPC_OK; of a
 *             value that is no status of this library, one that says so.
 * Fails with: nothing.
 * Called by:  any thread, at any time.
 * Order:      none.
 */
IPC_API const char *ipc_status_text(int32_t status);

/*
 * Describes a failure for people: the text of its code, and what the other fields say, for example
 * "an option differs from the one that the name was created with (IPC_E_OPTIONS_MISMATCH): capacity is 4096, and was
 * opened here with 8192. Use the same value, or 0 for any value". It does not contain the name.
 *
 * Returns:    the bytes of the text, without the zero byte. As much of it as `size` bytes have room for is stored at
 *             `text`, with a zero byte; 400 are enough for all texts without a path. With size 0 `text` may be NULL.
 * Fails with: nothing.
 * Called by:  any thread, at any time.
 * Order:      none.
 */
IPC_API uint32_t ipc_failure_text(const ipc_failure *failure, char *text, uint32_t size);

/*
 * Reads the monotonic clock that all processes of the machine share (CLOCK_MONOTONIC; on macOS CLOCK_UPTIME_RAW).
 *
 * Returns:    nanoseconds since a fixed moment, as a double: exact up to 2^53 ns, which is 104 days.
 * Fails with: nothing.
 * Called by:  any thread, at any time.
 * Order:      none.
 */
IPC_API double ipc_now_ns(void);

#ifdef __cplusplus
}
#endif

#endif

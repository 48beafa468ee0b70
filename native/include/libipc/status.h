/*
 * libipc/status.h - what a call can answer.
 *
 * Calls return an int32_t. Zero and above is success (a length, a count, or 0).
 * What lies between -1 and IPC_E_FIRST are answers, not failures. Everything at or
 * below IPC_E_FIRST is a failure: nothing was sent, received or changed.
 *
 * The numbers are part of the ABI: they are never reused or renumbered.
 */
#ifndef LIBIPC_STATUS_H
#define LIBIPC_STATUS_H

#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define IPC_API __attribute__((visibility("default")))
#else
#define IPC_API
#endif

enum ipc_status {
  IPC_OK = 0,
  IPC_OWNER_DIED = 1,    /* a lock was taken whose last owner died, or closed its handle, while it held it */
  IPC_TIMED_OUT = -1,    /* the wait ended first; with timeout 0: it would have had to wait */
  IPC_NO_RECEIVERS = -2, /* a send found nobody connected */
  IPC_DROPPED = -3,      /* the ring is full and its overflow is IPC_DROP_NEWEST: not sent */
  IPC_NOT_EQUAL = -5,    /* the word in shared memory does not have the value to wait on */
  IPC_NOT_IN_PLACE = -4, /* the next message is there but does not lie in the ring for reading: receive it */

  IPC_E_FIRST = -10,
  IPC_E_INVALID_ARGUMENT = -10,
  IPC_E_INVALID_NAME = -11,       /* empty, too long, or holds '/' or control characters */
  IPC_E_MESSAGE_TOO_LARGE = -12,  /* larger than ipc_sender_max_message() */
  IPC_E_BUFFER_TOO_SMALL = -13,   /* the message stays; ipc_receiver_next_length() tells its size */
  IPC_E_HAS_SENDER = -14,         /* a route has one live sender already */
  IPC_E_TOO_MANY_RECEIVERS = -15, /* the creator's max_receivers are all alive */
  IPC_E_TOO_MANY_SENDERS = -16,   /* IPC_MAX_SENDERS are all alive */
  IPC_E_OPTIONS_MISMATCH = -17,   /* an explicit option differs from the creator's */
  IPC_E_VERSION = -18,            /* the segment has another layout version */
  IPC_E_FOREIGN = -19,            /* something that is not a libipc segment has this name */
  IPC_E_CORRUPT = -20,            /* truncated or damaged shared memory */
  IPC_E_PERMISSION = -21,
  IPC_E_NO_SPACE = -22, /* shared memory (on Linux: /dev/shm) or memory is full */
  IPC_E_ORPHANED = -23, /* the storage was cleared; close and open again */
  IPC_E_BUSY = -24,     /* a stopped process has held a lock of the library's own for too long */
  IPC_E_SYSTEM = -25,   /* any other system error: see ipc_failure.system_error */
  /* -26 is taken by bindings, for what was closed. */
  IPC_E_NOT_OWNER = -27, /* this handle does not hold what it would give back */
  IPC_E_DEADLOCK = -28,  /* it would wait for what it, or this thread, holds itself */
  IPC_E_UNUSABLE = -29,  /* the lock was given up: ipc_mutex_mark_unusable() */
  IPC_E_OVERFLOW = -30,  /* more permits than a semaphore can have */
  IPC_E_EXISTS = -31,
  IPC_E_NOT_FOUND = -32,
  IPC_E_TOO_MANY_WAITS = -33,   /* as many are waiting as the name has room for */
  IPC_E_TOO_MANY_HANDLES = -34, /* the creator's max_receivers are all alive */
  IPC_E_FORKED = -35            /* inherited by fork(): it is the parent's. Closing it here leaves that one alone */
};

/* What open calls tell about a failure, beyond its code. */
typedef struct ipc_failure {
  int32_t code;         /* an ipc_status below IPC_E_FIRST, or 0 */
  int32_t system_error; /* errno, or 0 */
  int32_t option;       /* IPC_E_OPTIONS_MISMATCH: which ipc_option differs */
  int32_t pid;          /* IPC_E_HAS_SENDER: the live sender's process */
  uint64_t found;       /* the value found: option, version, bytes… */
  uint64_t wanted;      /* the value asked for, or the limit */
} ipc_failure;

/* The ABI this library speaks. A binding compares it before it calls anything else. */
#define IPC_ABI_VERSION 5
IPC_API uint32_t ipc_abi_version(void);

/* Nanoseconds on the machine's monotonic clock: one clock for all its processes. */
IPC_API double ipc_now_ns(void);

#endif

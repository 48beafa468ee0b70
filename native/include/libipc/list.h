/*
 * libipc/list.h - what names there are, and who is on them.
 *
 * A listing is a look, not a hold: it takes no lock, maps nothing and changes nothing,
 * so it neither waits for a stopped process nor faults when a file shrinks under it.
 * Every number was true at some moment during the call that told it. Names that
 * appear after the open are not in it; those that vanish before their turn are left out.
 *
 * Nothing that a file says is relied on before it was checked. What is no sound segment
 * of this layout is told too, with a state that says what it is: it takes memory, or
 * stands in the way of a name.
 *
 *   ipc_failure failure;
 *   ipc_listed_name name;
 *   ipc_listed_endpoint endpoint;
 *   ipc_listing *listing = ipc_list_open(NULL, &failure);
 *   while (listing && ipc_list_next(listing, &name, &failure) == 1)
 *     while (ipc_list_endpoint(listing, &endpoint) == 1) printf("%s: %u\n", name.name, endpoint.pid);
 *   ipc_list_close(listing);
 */
#ifndef LIBIPC_LIST_H
#define LIBIPC_LIST_H

#include "options.h"
#include "status.h"

typedef struct ipc_listing ipc_listing;

/* What a listed file is. */
enum ipc_listed_state {
  IPC_LISTED_LIVE = 1, /* a name with at least one live endpoint */
  /* no live endpoint: they were killed, or the first is just joining, or the last leaving */
  IPC_LISTED_LEFTOVER = 2,
  IPC_LISTED_UNFINISHED = 3, /* not ready for use: its creator is at work, or was killed at it */
  IPC_LISTED_VERSION = 4,    /* made by a libipc with another layout: who is on it cannot be told */
  IPC_LISTED_FOREIGN = 5,    /* no libipc segment */
  IPC_LISTED_DAMAGED = 6,    /* a segment that is truncated, damaged, or a copy that lies under another name */
  IPC_LISTED_DENIED = 7      /* this user may not read it */
};

/* The end of a directory, "/" and the longest file name, in whole 8 bytes. */
#define IPC_LISTED_PATH 272

/*
 * From `max_receivers` to `messages` there is something in it only for LIVE and LEFTOVER,
 * unless said otherwise. All text ends with a zero.
 */
typedef struct ipc_listed_name {
  uint32_t state;                  /* ipc_listed_state */
  uint32_t kind;                   /* ipc_kind; 0: the file does not tell */
  uint32_t max_receivers;          /* of what has no ring: handles */
  uint32_t overflow;               /* ipc_overflow; 0: it has no ring */
  uint32_t permissions;            /* as its creator asked */
  uint32_t version;                /* of the layout; VERSION has it too */
  int32_t system_error;            /* DENIED, and FOREIGN that could not even be opened: errno */
  uint32_t senders;                /* alive */
  uint32_t receivers;              /* alive; of what has no ring: handles */
  uint32_t dead;                   /* endpoints that have not been missed yet */
  uint32_t waiting;                /* bytes of a queue's ring in which messages may wait to be taken */
  uint32_t permits;                /* of a semaphore: how many are free */
  uint32_t initial;                /* …how many there were at first */
  uint32_t robust;                 /* …1: those of the dead are given back */
  uint32_t recovered;              /* …how many were */
  uint32_t unusable;               /* 1: a mutex or reader-writer lock that was given up */
  uint64_t capacity;               /* of the ring, or of shared memory, in bytes */
  uint64_t bytes;                  /* of the file, whatever its state but DENIED */
  uint64_t head;                   /* bytes of records that were ever written */
  uint64_t messages;               /* how many were ever sent */
  char prefix[IPC_MAX_PREFIX + 8]; /* whatever its state, if the file tells; else, like the name, "" */
  char name[IPC_MAX_NAME + 8];
  char path[IPC_LISTED_PATH]; /* the file, for people */
} ipc_listed_name;

typedef struct ipc_listed_endpoint {
  uint32_t role;     /* ipc_role */
  uint32_t slot;     /* its index among those of its role */
  uint32_t instance; /* its number, never used twice on a segment */
  uint32_t pid;
  uint32_t alive;    /* 0: its process or thread has ended, and nobody has needed its place yet */
  uint32_t sleeping; /* 1: it waits for a message, for space, or for what handles wait for, in the kernel or in its
                        event loop */
  /* bytes of records before the next one it reads (in a queue, any of them); a sender: that it writes */
  uint64_t position;
  /*
   * Bytes of records that it has yet to read, 0 for senders and in queues, where it is not
   * each one's own. At most the capacity: what a ring that is overwritten has gone past is
   * lost. (Only there it can be 2^32 units behind, and then looks as if it were not.) Receivers tell how far they are
   * every eighth of the ring and when they have read all, so while one reads, it may be less than this by that much.
   */
  uint64_t lag;
  uint64_t lost; /* messages it has missed by IPC_DROP_OLDEST */
  /* Of handles. What the dead held they hold until they are missed. */
  uint32_t holds;     /* how often it holds the lock, or how many permits; only a robust semaphore knows who has them */
  uint32_t exclusive; /* 1: it holds a mutex, or a reader-writer lock for writing */
} ipc_listed_endpoint;

enum ipc_role { IPC_SENDER = 1, IPC_RECEIVER = 2, IPC_HANDLE = 3 };

/*
 * Lists the names of a prefix, "" being one too, or with NULL everything: then also files
 * that do not tell a prefix (on macOS all that are no sound segment). NULL: *failure says why.
 */
IPC_API ipc_listing *ipc_list_open(const char *prefix, ipc_failure *failure);

/* The next name, in no order: 1, 0 at the end, or a failure, which *failure explains (no memory, no file descriptors).
 */
IPC_API int32_t ipc_list_next(ipc_listing *listing, ipc_listed_name *name, ipc_failure *failure);

/* The next endpoint of that name, senders first: 1, or 0 after the last. */
IPC_API int32_t ipc_list_endpoint(ipc_listing *listing, ipc_listed_endpoint *endpoint);

/*
 * Removes that name's file if it was told as a LEFTOVER or UNFINISHED, and nobody is at
 * work on it: 1. Decided anew under the name lock, so it cannot take a name from somebody
 * who is just opening it. 0: it stays (somebody is on it by now, or holds its lock, or it is
 * another user's), or is gone already. ipc_clear() removes by name, whatever it is.
 */
IPC_API int32_t ipc_list_remove(ipc_listing *listing);

/* NULL is ignored. */
IPC_API void ipc_list_close(ipc_listing *listing);

#endif

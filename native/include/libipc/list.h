/*
 * libipc/list.h - which names exist, and which endpoints they have.
 *
 * A listing takes no lock, maps nothing and changes nothing. It does not wait for stopped processes and does not fault
 * when a file shrinks while it reads. Every number was true at some moment during the call that returned it. Names that
 * appear after ipc_list_open() are not in the listing; names that vanish before their turn are left out.
 *
 * A listing checks everything before it relies on it. Files that are not sound segments of this layout are listed too,
 * with a state that says what they are: they use memory, or block a name.
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

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ipc_listing ipc_listing;

/* What a listed file is. */
enum ipc_listed_state {
  IPC_LISTED_LIVE = 1, /* a name with at least one live endpoint */
  IPC_LISTED_LEFTOVER =
      2, /* no live endpoint: its processes were killed, or the first one joins or the last one leaves */
  IPC_LISTED_UNFINISHED = 3, /* not ready: its creator is at work, or was killed while it created it */
  IPC_LISTED_VERSION = 4,    /* another layout version: its endpoints cannot be read */
  IPC_LISTED_FOREIGN = 5,    /* not a libipc segment */
  IPC_LISTED_DAMAGED = 6,    /* truncated, damaged, or a copy under another name */
  IPC_LISTED_DENIED = 7,     /* this user may not read it */
  IPC_LISTED_KEPT = 8        /* a latest value that was opened with `keep`, and no live handle */
};

/* Bytes of a path: the directory, "/", the longest file name and a zero byte, rounded up to a multiple of 8. */
#define IPC_LISTED_PATH IPC_PATH_BYTES

/*
 * A name. From `max_receivers` to `messages`, and after `path`, the fields are 0 unless the state is LIVE, LEFTOVER or
 * KEPT, with the exceptions named below. Texts end with a zero byte.
 */
typedef struct ipc_listed_name {
  uint32_t state;                  /* ipc_listed_state */
  uint32_t kind;                   /* ipc_kind; 0: the file does not say */
  uint32_t max_receivers;          /* of kinds without a ring: how many handles */
  uint32_t overflow;               /* ipc_overflow; 0: it has no ring */
  uint32_t permissions;            /* file mode bits that its creator asked for */
  uint32_t version;                /* of the layout; also of state VERSION */
  int32_t system_error;            /* of state DENIED, and of FOREIGN that could not be opened: errno */
  uint32_t senders;                /* alive */
  uint32_t receivers;              /* alive, observers too; of kinds without a ring: handles */
  uint32_t dead;                   /* endpoints whose death no other endpoint has noticed yet */
  uint32_t waiting;                /* queue: bytes of its ring that may wait to be taken; latest value: its bytes */
  uint32_t permits;                /* semaphore: free permits */
  uint32_t initial;                /* semaphore: permits at first */
  uint32_t robust;                 /* semaphore: 1 = permits of dead handles come back */
  uint32_t recovered;              /* semaphore: how many permits came back from dead handles */
  uint32_t unusable;               /* mutex, reader-writer lock: 1 = marked unusable */
  uint64_t capacity;               /* bytes of the ring, of the shared memory, or of the longest latest value */
  uint64_t bytes;                  /* of the file; of every state but DENIED */
  uint64_t head;                   /* bytes of records ever written, headers included */
  uint64_t messages;               /* messages ever sent; latest value: its version */
  char prefix[IPC_MAX_PREFIX + 8]; /* of every state if the file says it; else "", like the name */
  char name[IPC_MAX_NAME + 8];
  char
      codec[IPC_CODEC_BYTES]; /* what the bytes of messages are, as the first endpoint with a codec said; "": unknown */
  char path[IPC_LISTED_PATH]; /* the file */
  uint32_t stamped;           /* 1: every message begins with an ipc_stamp */
  /*
   * How often a change has woken endpoints that slept, in the kernel or in an event loop; of kinds without a ring, how
   * many waits began. Modulo 2^32: take the difference of two listings.
   */
  uint32_t wakeups;
  uint64_t age;                       /* milliseconds since it was created */
  uint32_t max_attempts;              /* queue: after so many a message goes to `dead_letter`; 0: no limit */
  uint32_t reserved;                  /* 0 */
  char dead_letter[IPC_MAX_NAME + 8]; /* queue: the name of its dead-letter queue; "": it has none */
} ipc_listed_name;

/*
 * An endpoint or handle of a name. Ages are measured by the clock of ipc_now_ns(): between processes in different time
 * namespaces, they are wrong by the difference of their clocks, or 0.
 */
typedef struct ipc_listed_endpoint {
  uint32_t role;     /* ipc_role */
  uint32_t slot;     /* its index among the slots of its role */
  uint32_t instance; /* its number, never used twice in a segment */
  uint32_t pid;      /* the process that opened it */
  uint32_t alive;    /* 0: its process or thread has ended, and no other endpoint has noticed it yet */
  uint32_t
      sleeping; /* 1: it waits, in the kernel or in its event loop: for a message, space, a lock or a notification */
  uint64_t position; /* bytes of records before the next one that it reads (queue: that any receiver reads) or writes */
  /*
   * Bytes of records that it has yet to read; 0 for senders. In a queue: from the oldest message that it holds to the
   * end; 0 if it holds none. At most the capacity: what was overwritten is lost. A receiver publishes its position
   * every eighth of the ring and when it has read everything, so the value may be larger than the truth by that much
   * while it reads. (With IPC_DROP_OLDEST a receiver can be 2^32 units behind; then the value wraps.)
   */
  uint64_t lag;
  /* Messages: that a receiver missed, as ipc_receiver_lost() says; that a sender did not send because the ring was full
   * (IPC_DROP_NEWEST). */
  uint64_t lost;
  /* What a dead one held counts until its death is noticed. */
  /* How often it holds the lock; permits of a robust semaphore; pending ids of a Signal; of a receiver of a queue: the
   * messages that it has taken and not finished. */
  uint32_t holds;
  uint32_t exclusive;     /* 1: it holds a mutex, a reader-writer lock for writing, or the lock of a latest value */
  uint32_t observer;      /* of receivers; 1: no sender waits for it. Of handles of a Signal; 1: it only notifies */
  uint32_t pid_namespace; /* the namespace that `pid` belongs to, as the number in /proc/self/ns/pid; 0: unknown */
  uint64_t age;           /* milliseconds since it was opened */
  uint32_t slept;         /* if it sleeps: milliseconds since it began to wait, modulo 2^32 */
  /* Of a receiver of a queue: how often that of its messages was taken that was taken most often; 0: it holds none. */
  uint32_t attempts;
} ipc_listed_endpoint;

/* Which side an endpoint is. */
enum ipc_role { IPC_SENDER = 1, IPC_RECEIVER = 2, IPC_HANDLE = 3 };

/*
 * Starts a listing of the names of a prefix ("" is a prefix too), or of all names with NULL. With NULL also files that
 * do not say their prefix are listed (on macOS: all that are not sound segments).
 *
 * Returns:    the listing; NULL: *failure says why.
 * Fails with: IPC_E_INVALID_NAME, IPC_E_PERMISSION (the directory may not be read), IPC_E_NO_SPACE (no memory),
 *             IPC_E_SYSTEM.
 * Called by:  any thread. A listing belongs to the thread that opened it.
 * Order:      none.
 */
IPC_API ipc_listing *ipc_list_open(const char *prefix, ipc_failure *failure);

/*
 * Reads the next name, in no particular order.
 *
 * Returns:    1: *name is filled. 0: there are no more.
 * Fails with: IPC_E_NO_SPACE (no memory), IPC_E_SYSTEM (no file descriptors); *failure says more.
 * Called by:  the thread that opened the listing.
 * Order:      none: what it reads may change at any moment.
 */
IPC_API int32_t ipc_list_next(ipc_listing *listing, ipc_listed_name *name, ipc_failure *failure);

/*
 * Reads the next endpoint of the name that ipc_list_next() returned last, senders first.
 *
 * Returns:    1: *endpoint is filled. 0: there are no more.
 * Fails with: nothing.
 * Called by:  the thread that opened the listing.
 * Order:      none.
 */
IPC_API int32_t ipc_list_endpoint(ipc_listing *listing, ipc_listed_endpoint *endpoint);

/*
 * Removes the file of the name that ipc_list_next() returned last if its state was LEFTOVER, UNFINISHED or VERSION and
 * it is unused. It decides that again under the lock of the name, so it cannot take a name from a process that is
 * opening it. ipc_clear() removes a name whatever its state.
 *
 * Returns:    1: removed. 0: it stays, because an endpoint is on it by now, its lock is held or it belongs to another
 *             user; or it is gone already.
 * Fails with: nothing.
 * Called by:  the thread that opened the listing.
 * Order:      none.
 */
IPC_API int32_t ipc_list_remove(ipc_listing *listing);

/*
 * ipc_list_remove(), but a lock that was left locked stays, and a robust semaphore with permits that were not given
 * back: its next owner has to learn of that. For a program that does not know whose names it removes. All else that it
 * removes would be replaced by the next open.
 *
 * Returns:    as ipc_list_remove().
 * Fails with: nothing.
 * Called by:  the thread that opened the listing.
 * Order:      none.
 */
IPC_API int32_t ipc_list_remove_unneeded(ipc_listing *listing);

/*
 * Whether the same name is in use as another kind that is easily taken for this one: a route, a channel and a queue for
 * each other, a mutex and a reader-writer lock for each other. Endpoints and handles of different kinds never meet, so
 * this is often a mistake in one of the programs. Called after an open: of two opens at the same moment, at least one
 * finds the other. It costs a system call for each other kind, and more only if there is a file.
 *
 * Returns:    the ipc_kind of a name that has a live endpoint, with the process of one of them in *pid; 0: there is
 *             none, or it cannot be read.
 * Fails with: nothing.
 * Called by:  any thread.
 * Order:      seq_cst fence first: pairs with the same fence in the call that follows the other open.
 */
IPC_API uint32_t ipc_list_other_kind(const char *prefix, const char *name, uint32_t kind, uint32_t *pid);

/*
 * How many live receivers a route, a channel or a queue has, without observers. For programs that wait for receivers
 * and have no endpoint: it takes no slot, creates no name, and changes nothing. A name that does not exist, that is
 * being created, or that killed processes have left has none. It costs one system call if there is no file, and reads
 * the header and the slots otherwise (some 20 to 100 us).
 *
 * Returns:    the count, 0 to max_receivers. *most: the max_receivers of the name; 0: nobody has it open.
 * Fails with: IPC_E_INVALID_NAME, IPC_E_INVALID_ARGUMENT (another kind), IPC_E_PERMISSION, IPC_E_VERSION,
 *             IPC_E_FOREIGN, IPC_E_CORRUPT, IPC_E_NO_SPACE, IPC_E_SYSTEM; *failure says why.
 * Called by:  any thread.
 * Order:      none: a receiver that is counted may have left since.
 */
IPC_API int32_t ipc_list_receivers(const char *prefix, const char *name, uint32_t kind, uint32_t *most,
                                   ipc_failure *failure);

/*
 * Ends a listing. NULL is ignored.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  the thread that opened the listing.
 * Order:      none.
 */
IPC_API void ipc_list_close(ipc_listing *listing);

#ifdef __cplusplus
}
#endif

#endif

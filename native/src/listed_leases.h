/*
 * listed_leases.h - which receivers hold messages of a queue, read from its file by a listing.
 *
 * Like all of a listing it takes no lock and changes nothing. So a lease may end, or begin, while it reads.
 */
#ifndef LIBIPC_LISTED_LEASES_H
#define LIBIPC_LISTED_LEASES_H

#include "layout.h"

/* What a receiver holds. */
typedef struct ipc_listed_leases {
  uint32_t count;
  uint32_t attempts; /* of the message that was taken most often */
  uint32_t behind;   /* units from the oldest of them to head; 0: there is none */
} ipc_listed_leases;

/*
 * Fills `leases[i]` for the receiver in `slots[i]`, of the header's `max_receivers`. The header is a copy that was
 * checked; `piece` has room for IPC_LEASES_PIECE bytes. Damage, and what is further from the tail than
 * IPC_LEASES_MOST_BYTES, is left out.
 */
void ipc_listed_leases_read(int fd, const ipc_header *header, const ipc_slot *slots, uint8_t *piece,
                            ipc_listed_leases *leases);

enum { IPC_LEASES_PIECE = 64 << 10 };
/* A full ring of the default capacity is read as a whole, and the largest one takes no longer than some milliseconds.
 */
enum { IPC_LEASES_MOST_BYTES = 16 << 20 };

#endif

/*
 * listing.h - a listing in progress, and what the files that make it up share: list.c goes through the files,
 * list_segment.c reads one of them, list_endpoint.c tells of the endpoints that were read, and list_name.c looks a
 * single name up. Which leases of a queue are held is in listed_leases.h.
 */
#ifndef LIBIPC_LISTING_H
#define LIBIPC_LISTING_H

#include "libipc/list.h"
#include "listed_leases.h"
#include "slots.h"
#include "waits.h"

enum {
  IPC_LISTING_SLOTS = IPC_MAX_SENDERS + IPC_MAX_RECEIVERS,
  IPC_LISTING_WAITS = IPC_MAX_RECEIVERS * IPC_WAITS_PER_HANDLE
};

typedef struct ipc_listing_file {
  char *key; /* as listed */
  bool hashed;
} ipc_listing_file;

struct ipc_listing {
  bool is_filtered;
  char prefix[IPC_MAX_PREFIX + 1];
  /* Read at once: what is removed on the way must not disturb the reading of the directory. */
  ipc_listing_file *files;
  uint32_t file_count, file_room;
  bool out_of_memory;
  uint32_t next_file; /* the current name is the one before */
  uint32_t state;     /* of the current name; 0: there is none */

  /* The current name, if it is a sound segment: private copies, which no other process can change. */
  ipc_header header;
  ipc_slot slots[IPC_LISTING_SLOTS]; /* receivers or handles, then senders */
  ipc_wait_entry waits[IPC_LISTING_WAITS];
  bool alive[IPC_LISTING_SLOTS];
  uint32_t value_length; /* of a latest value */
  /* Of a queue, if it is read for a listing; else it is not read, for that takes longer than all the rest. */
  bool wants_leases;
  ipc_listed_leases leases[IPC_MAX_RECEIVERS];
  uint8_t piece[IPC_LEASES_PIECE];
  uint32_t slot_count; /* 0: there are none to list */
  uint32_t next_slot;  /* in the order in which they are listed: senders, then receivers */
};

/* What was read is a copy, which no other process can change: no order is needed. */
static inline uint32_t ipc_listing_load(const _Atomic uint32_t *word) {
  return atomic_load_explicit(word, memory_order_relaxed);
}
static inline uint64_t ipc_listing_load_long(const _Atomic uint64_t *word) {
  return atomic_load_explicit(word, memory_order_relaxed);
}

/* Of a checked header. */
static inline uint32_t ipc_listing_slots_of(const ipc_header *header) {
  return header->max_receivers + header->max_senders;
}
static inline uint32_t ipc_listing_waits_of(const ipc_header *header) {
  return ipc_segment_has_ring(header->kind) ? 0 : header->max_receivers * IPC_WAITS_PER_HANDLE;
}

static inline uint32_t ipc_listing_head_of(const ipc_header *header) {
  return (uint32_t)ipc_listing_load_long(&header->head);
}

/* A position at most 2^32 units behind head in 64 bits, as bytes. `announced` is near enough to head to tell its high
 * half. */
static inline uint64_t ipc_listing_bytes_before(const ipc_header *header, uint32_t position) {
  uint32_t head = ipc_listing_head_of(header);
  uint64_t announced = ipc_listing_load_long(&header->announced);
  uint64_t whole_head = announced + (uint64_t)(int64_t)(int32_t)(head - (uint32_t)announced);
  return (whole_head - (head - position)) * IPC_UNIT;
}

/* What lies between a position and head, in bytes; more than the ring holds has been overwritten, or is damage. */
static inline uint32_t ipc_listing_lag_of(const ipc_header *header, uint32_t position) {
  uint64_t bytes = (uint64_t)(ipc_listing_head_of(header) - position) * IPC_UNIT;
  return bytes < header->capacity ? (uint32_t)bytes : header->capacity;
}

/* Milliseconds since a time of ipc_os_now(). 0 if that seems to be later: it is of another time namespace. */
static inline uint64_t ipc_listing_age_of(uint64_t then) {
  uint64_t now = ipc_os_now();
  return then < now ? (now - then) / 1000000u : 0;
}

/* Milliseconds since an ipc_asleep_since(). The clocks of two processors may differ a little. */
static inline uint32_t ipc_listing_slept(uint32_t since) {
  uint32_t slept = (uint32_t)(ipc_os_now() / 1000000u) - since;
  return slept < UINT32_MAX - 1000 ? slept : 0;
}

/*
 * Reads the file of an entry. 1: *name is filled in, and of a sound segment the listing too. 0: the file is gone, or is
 * not wanted. Or a failure that has nothing to do with this file.
 */
int32_t ipc_listing_read_entry(ipc_listing *listing, const ipc_listing_file *entry, ipc_listed_name *name,
                               ipc_failure *failure);

/*
 * Reads an open file that was listed as `listed`: its slots, and the header before and after them. *name has its size,
 * and gets its state and, of a sound segment, all else.
 */
void ipc_listing_read_segment(ipc_listing *listing, int fd, const char *listed, ipc_listed_name *name);

#endif

/*
 * mapping.h - mapped segments, counted by their holders, and kept from forked children.
 *
 * A close gives the memory back at once. If views of it are held, private zeros replace it at the same address until
 * the last hold is released: a view that is kept too long reads zeros, and never what another segment has there by now.
 * Shared memory stays until its last hold is released; what is held after the close is counted.
 *
 * A child that is forked has every mapping of its parent, and would be the same endpoints with the same slots: two
 * processes that each take themselves for the only one. So in the child, private zeros replace every mapping, at the
 * same address, before fork() returns there: whatever the child does with what it inherited, by calls or by views that
 * it still has, cannot reach the parent. The header among those zeros is marked as orphaned, a word that every call
 * checks anyway: so the refusal costs nothing in other processes. Programs started by exec inherit nothing.
 */
#ifndef LIBIPC_MAPPING_STATE_H
#define LIBIPC_MAPPING_STATE_H

#include <stdbool.h>

#include "libipc/mapping.h"
#include "platform/platform.h"

/* A mapping that outlives its endpoint while a view of it is held. */
struct ipc_mapping {
  _Atomic uint32_t holds;
  bool has_header; /* false: it is shared memory */
  bool is_kept;    /* it was closed, and is held; written before the hold of its endpoint is released */
  uint32_t thread; /* the one that made it */
  bool is_forked;  /* this process was forked since; set before anything else runs in it */
  void *address;
  uint64_t bytes;
  ipc_os_damage damage;         /* its file was made smaller than what is mapped */
  ipc_mapping *next, *previous; /* of all that this process has */
};

/* Maps a part of a segment's file. NULL: *error is -errno. */
ipc_mapping *ipc_mapping_new(int fd, uint64_t offset, uint64_t bytes, bool has_header, int *error);

/* Releases the hold of the endpoint or handle that made it, and gives the memory back, unless it is shared memory. */
void ipc_mapping_close(ipc_mapping *mapping);

/* Ends the mappings that a thread has made, whatever holds remain. Nothing uses them any more. */
void ipc_mapping_end_thread(uint32_t thread);

#endif

/*
 * mapping.h - mapped segments, counted by their holders, and kept from forked children.
 *
 * A child that is forked has every mapping of its parent, and would be the same endpoints with the same places: two
 * processes that each believe to be the only one. So in the child zeros of its own take the place of every mapping, at
 * the same address, before fork() returns there: whatever it does with what it inherited, by calls or by views that it
 * still has, cannot reach the parent. A header among them says that it is orphaned, which all calls look at anyway: so
 * being refused costs those nothing that are not. Programs started by exec inherit nothing.
 */
#ifndef LIBIPC_MAPPING_STATE_H
#define LIBIPC_MAPPING_STATE_H

#include <stdbool.h>

#include "libipc/mapping.h"
#include "platform/platform.h"

/* A mapping that outlives its endpoint while somebody holds a view of it. */
struct ipc_mapping {
  _Atomic uint32_t holds;
  bool has_header;
  bool is_forked; /* this process was forked since; set before anything else runs in it */
  void *address;
  uint64_t bytes;
  ipc_os_damage damage;         /* its file was made smaller than what is mapped */
  ipc_mapping *next, *previous; /* of all that this process has */
};

/* Maps a part of a segment's file. NULL: *error is -errno. */
ipc_mapping *ipc_mapping_new(int fd, uint64_t offset, uint64_t bytes, bool has_header, int *error);

#endif

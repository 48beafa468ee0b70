/* memory_fixture.h - what the tests of shared memory share. */
#ifndef LIBIPC_MEMORY_FIXTURE_H
#define LIBIPC_MEMORY_FIXTURE_H

#include "libipc/memory.h"
#include <sys/resource.h>
#include <sys/stat.h>
#include "handles.h"
#include "libipc/list.h"
#include "view.h"

static inline ipc_options of(uint64_t bytes) {
  return (ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_MEMORY, .size = bytes};
}

static inline ipc_mapping *must_map(ipc_handle *it) {
  ipc_failure failure;
  ipc_mapping *mapping = ipc_memory_map(it, &failure);
  if (!mapping) FAIL("memory could not be mapped: %d", failure.code);
  return mapping;
}

static inline uint8_t *bytes_of(const ipc_mapping *mapping) { return ipc_mapping_address(mapping); }

static inline void grow(ipc_handle *it, double bytes) {
  ipc_failure failure;
  CHECK_EQ(ipc_memory_grow(it, bytes, &failure), IPC_OK);
}

#endif

/*
 * view.h - a test's own look at the bytes of a segment, past the library: to see
 * what is there, and to damage it.
 */
#ifndef LIBIPC_TEST_VIEW_H
#define LIBIPC_TEST_VIEW_H

#include <sys/stat.h>

#include "test.h"

typedef struct view {
  ipc_header *header;
  uint8_t *base;
  uint64_t bytes, inode;
  uint32_t permissions;
} view;

static inline int view_file(const char *prefix, const char *name, uint32_t kind) {
  char key[IPC_OS_KEY_BYTES];
  CHECK_EQ(ipc_segment_key(key, kind, prefix, name), IPC_OK);
  return ipc_os_open(key, false, 0);
}

static inline bool view_exists(const char *prefix, const char *name, uint32_t kind) {
  int fd = view_file(prefix, name, kind);
  if (fd >= 0) ipc_os_close(fd);
  return fd >= 0;
}

static inline view view_open(const char *prefix, const char *name, uint32_t kind) {
  int fd = view_file(prefix, name, kind);
  CHECK_GE(fd, 0);
  struct stat status;
  CHECK_EQ(fstat(fd, &status), 0);
  view it = {
      .bytes = (uint64_t)status.st_size, .inode = (uint64_t)status.st_ino, .permissions = status.st_mode & 07777};
  if (it.bytes) {
    int error = 0;
    it.base = ipc_os_map(fd, 0, it.bytes, &error);
    CHECK_EQ(error, 0);
    it.header = (ipc_header *)it.base;
  }
  ipc_os_close(fd);
  return it;
}

static inline uint8_t *view_ring(const view *it) { return it->base + it->header->body_offset; }

static inline ipc_slot *view_receivers(const view *it) { return (ipc_slot *)(it->base + IPC_HEADER_BYTES); }

static inline void view_close(view *it) {
  if (it->base) ipc_os_unmap(it->base, it->bytes);
  it->base = NULL;
}

/* Waits until a thread announces that it is about to sleep on the event. */
static inline void view_await_sleeper(const view *it, enum ipc_event_index event) {
  while (atomic_load(&it->header->event_flags[event].wanted) == 0) test_pause();
}

#endif

/* waker_fixture.h - what the tests of wakers share. */
#ifndef LIBIPC_WAKER_FIXTURE_H
#define LIBIPC_WAKER_FIXTURE_H

#include "libipc/waker.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include "ends.h"
#include "event.h"
#include "interpose.h"
#include "meeting.h"
#include "open.h"
#include "slots.h"
#include "message.h"
#include "view.h"
#include "worker.h"

enum { CAPACITY = 4096 };

typedef struct waker {
  int fd;
  uint32_t number[2];
} waker;

static inline waker open_waker(void) {
  waker it;
  it.fd = ipc_waker_open(it.number);
  CHECK_GE(it.fd, 0);
  return it;
}

static inline void close_waker(waker *it) {
  close(it->fd);
  ipc_waker_close(it->number[0], it->number[1]);
}

static inline uint64_t number_of(const waker *it) { return (uint64_t)it->number[1] << 32 | it->number[0]; }

/* Takes the rings that are there: answers how many. */
static inline uint32_t rings(const waker *it) {
  char ring[16];
  uint32_t count = 0;
  while (recv(it->fd, ring, sizeof ring, 0) >= 0) count++;
  CHECK_EQ(errno, EAGAIN); /* it never blocks */
  return count;
}

static inline ipc_options of_kind(uint32_t kind) {
  return (ipc_options){.struct_size = sizeof(ipc_options), .kind = kind, .capacity = CAPACITY};
}

#endif

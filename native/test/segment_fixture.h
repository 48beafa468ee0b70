/* segment_fixture.h - what the tests of segments share. */
#ifndef LIBIPC_SEGMENT_FIXTURE_H
#define LIBIPC_SEGMENT_FIXTURE_H

#include "segment.h"
#include <sys/stat.h>
#include "ends.h"
#include "interpose.h"
#include "libipc/libipc.h"
#include "view.h"
#include "worker.h"

static const ipc_options channel = {
    .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 8192, .max_receivers = 4};

static const ipc_options any_channel = {.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL};

typedef struct board {
  _Atomic uint32_t ready, go, tries, opened;
} board;

static __attribute__((unused)) board *shared;

static inline int32_t open_code(const char *prefix, const char *name, ipc_options options, ipc_failure *failure) {
  ipc_receiver *receiver = ipc_receiver_open(prefix, name, &options, failure);
  if (!receiver) {
    CHECK_LE(failure->code, IPC_E_FIRST);
    return failure->code;
  }
  ipc_receiver_close(receiver);
  return IPC_OK;
}

static inline void check_usable(ipc_sender *sender, ipc_receiver *receiver) {
  char text[8] = "";
  CHECK_EQ(ipc_sender_send(sender, "hello", 6, 0), IPC_OK);
  CHECK_EQ(ipc_receiver_recv(receiver, text, sizeof text, 0), 6);
  CHECK_EQ(strcmp(text, "hello"), 0);
}

static inline void make_file(uint64_t bytes, uint32_t permissions) {
  char key[IPC_OS_KEY_BYTES];
  CHECK_EQ(ipc_segment_key(key, IPC_CHANNEL, test_prefix, test_name), IPC_OK);
  int fd = ipc_os_open(key, true, permissions);
  CHECK_GE(fd, 0);
  if (bytes) CHECK_EQ(ftruncate(fd, (off_t)bytes), 0);
  ipc_os_close(fd);
}

static inline void open_and_idle(void *unused) {
  (void)unused;
  must_receive(channel);
  atomic_store(&shared->ready, 1);
  test_idle();
}

/* A segment without live endpoints, so that damage to it does no harm. */
static inline view leave_leftover(void) {
  shared = test_shared(sizeof *shared);
  test_worker victim = test_start(TEST_PROCESS, open_and_idle, NULL);
  test_await(&shared->ready, 1);
  test_kill(victim);
  return view_open(test_prefix, test_name, IPC_CHANNEL);
}

#endif

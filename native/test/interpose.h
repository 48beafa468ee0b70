/*
 * interpose.h - what tests put between the library and the system, so that they reach
 * on purpose what would otherwise take luck: a death or another's turn at each
 * single system call, a wake-up that only a time-out would have made good.
 */
#ifndef LIBIPC_TEST_INTERPOSE_H
#define LIBIPC_TEST_INTERPOSE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct test_hooks {
  /* Called before each call to the system, with its name without ipc_os_. */
  void (*before)(const char *call);
  /* Waits that end only to look again (IPC_SLICE_NS, IPC_FIRST_SLICE_NS) last for ever: a lost wake-up hangs. */
  bool patient;
  /* Nothing can be removed: as in a sticky directory, of another user's files. */
  bool keep_names;
  bool no_zeros; /* what is mapped is not replaced */
  /* Files belong to this user, if it is not 0: as if he had made them. */
  uint32_t owner;
  /* Called in place of ipc_os_resize(), if it is not NULL. */
  int (*resize)(int fd, uint64_t size);
  /* The errno of each call that makes a file larger, if it is not 0. */
  int no_room;
  /* Added to the clock, so that long time-outs need no waiting. */
  uint64_t clock_ahead_ns;
} test_hooks;

/* Set before the threads start that it is for; a forked child has its own. */
extern test_hooks hooks;

#endif

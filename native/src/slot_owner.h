/*
 * slot_owner.h - the process and the thread behind a slot, and whether they still run.
 *
 * The kernel says whether the process runs (platform/identity.c). A thread that ends with its process still running
 * empties `owner` itself (open_segments.h). So an owner of 0 is dead, and nothing else in shared memory is believed
 * about who is alive.
 */
#ifndef LIBIPC_SLOT_OWNER_H
#define LIBIPC_SLOT_OWNER_H

#include "layout.h"
#include "platform/platform.h"

/* Writes the calling thread into a slot whose `instance` is 0. Relaxed: the release of `instance` publishes it. */
void ipc_slot_owner_set(ipc_slot *slot);

/* What is known about processes in one sweep over many slots, so that it asks about each process once. Zeros at first.
 */
typedef struct ipc_owner_answers {
  struct {
    uint64_t owner;
    bool is_alive;
  } of[16];
} ipc_owner_answers;

/* Whether the owner's process runs. A process that only writes its core dump does: ipc_slot_owner_runs() asks. */
bool ipc_slot_owner_has_process(const ipc_slot *slot, ipc_owner_answers *answers);

/* Whether the owner runs, or is stopped. For one of these two functions at a time. */
bool ipc_slot_owner_runs(const ipc_slot *slot, ipc_owner_answers *answers);

/* The same for one slot. */
bool ipc_slot_owner_is_alive(const ipc_slot *slot);

/* The same for values that were read from a slot. */
bool ipc_owner_is_alive(uint64_t owner, uint32_t pid, uint32_t pid_namespace);

/* Whether the calling thread is the owner. */
bool ipc_slot_owner_is_this_thread(const ipc_slot *slot);

#endif

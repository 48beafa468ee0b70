#include "libipc/status.h"

#define TEXT(status, text) \
  case status: return text " (" #status ")"

/* Without a default: the compiler names a status that has no text. */
const char *ipc_status_text(int32_t status) {
  if (status > IPC_OWNER_DIED) return ipc_status_text(IPC_OK);
  switch ((enum ipc_status)status) {
    TEXT(IPC_OK, "success");
    TEXT(IPC_OWNER_DIED, "locked, and the last owner died while it held the lock");
    TEXT(IPC_TIMED_OUT, "the time is over");
    TEXT(IPC_NO_RECEIVERS, "no receiver is connected");
    TEXT(IPC_DROPPED, "the ring is full, and the message was not sent");
    TEXT(IPC_NOT_IN_PLACE, "the message cannot be read or written in the ring");
    TEXT(IPC_NOT_EQUAL, "the word or the version is not the expected one");
    TEXT(IPC_NOT_SET, "the value was never set");
    TEXT(IPC_E_INVALID_ARGUMENT, "an argument or an option is not valid");
    TEXT(IPC_E_INVALID_NAME, "the name or the prefix is empty, too long, or has a '/' or a control character");
    TEXT(IPC_E_MESSAGE_TOO_LARGE, "the message is longer than the endpoint can send");
    TEXT(IPC_E_BUFFER_TOO_SMALL, "the message is longer than the buffer, and stays the next one");
    TEXT(IPC_E_HAS_SENDER, "the route has a live sender already");
    TEXT(IPC_E_TOO_MANY_RECEIVERS, "as many receivers are open as the creator of the name allowed");
    TEXT(IPC_E_TOO_MANY_SENDERS, "as many senders are open as a name may have");
    TEXT(IPC_E_OPTIONS_MISMATCH, "an option differs from the one that the name was created with");
    TEXT(IPC_E_VERSION, "the name was created by another version of libipc");
    TEXT(IPC_E_FOREIGN, "the file of the name is not a libipc segment");
    TEXT(IPC_E_CORRUPT, "the shared memory is truncated or damaged");
    TEXT(IPC_E_PERMISSION, "this user may not do this");
    TEXT(IPC_E_NO_SPACE, "there is not enough memory or space");
    TEXT(IPC_E_ORPHANED, "the name was removed while it was open; close it and open it again");
    TEXT(IPC_E_BUSY, "a stopped process has held an internal lock for too long; continue it (SIGCONT) or end it");
    TEXT(IPC_E_SYSTEM, "the system refused a call");
    TEXT(IPC_E_NOT_OWNER, "this handle does not hold what it should release");
    TEXT(IPC_E_DEADLOCK, "this handle, or another one of this thread, holds the lock already");
    TEXT(IPC_E_UNUSABLE, "the lock was marked unusable; close all its handles");
    TEXT(IPC_E_OVERFLOW, "the semaphore would have too many permits");
    TEXT(IPC_E_EXISTS, "the name is open already");
    TEXT(IPC_E_NOT_FOUND, "the name is not open anywhere");
    TEXT(IPC_E_TOO_MANY_WAITS, "the name has no room for another wait");
    TEXT(IPC_E_TOO_MANY_HANDLES, "as many handles are open as the creator of the name allowed");
    TEXT(IPC_E_FORKED, "it belongs to the parent of this process (fork); open the name here");
  }
  return "not a status of this libipc";
}

/* own_storage.h - a storage directory for this case only. */
#ifndef LIBIPC_TEST_OWN_STORAGE_H
#define LIBIPC_TEST_OWN_STORAGE_H

#include <fcntl.h>
#ifdef __linux__
#include <sched.h>
#include <sys/mount.h>
#endif

#include "platform/posix.h"
#include "test.h"

/* Each process that uses libipc removes the files of dead ones: here only those of this case may find them. */
static inline void use_own_storage(void) {
#ifdef __linux__
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("tmpfs", ipc_os_directory(), "tmpfs", 0, "mode=1777") != 0)
    SKIP("it needs a storage that no other process sees, which takes root's rights to mount");
  ipc_posix_forget_directory();
#endif
}

#endif

#include "storage.h"

#include <stdio.h>
#include <string.h>

#include "failure.h"
#include "libipc/storage.h"
#include "platform/platform.h"

int32_t ipc_storage_reach(ipc_failure *failure) {
  uint64_t length, limit;
  int error = ipc_os_reach_directory(&length, &limit);
  if (error == 0) return IPC_OK;
  ipc_failure_set_refused(failure, IPC_CAUSE_DIRECTORY, error, NULL);
  return ipc_failure_set(failure, failure->code, length, limit);
}

int32_t ipc_storage_choose(const char *directory, ipc_failure *failure) {
  *failure = (ipc_failure){0};
  const char *chosen = ipc_os_choose_directory(directory);
  if (!directory || strcmp(chosen, *directory ? directory : ipc_os_own_directory()) == 0) return IPC_OK;
  ipc_os_path(NULL, failure->path);
  failure->cause = IPC_CAUSE_DIRECTORY;
  return ipc_failure_set(failure, IPC_E_INVALID_ARGUMENT, 0, 0);
}

uint32_t ipc_storage_directory(char *path, uint32_t size) {
  const char *directory = ipc_os_directory();
  if (size > 0) snprintf(path, size, "%s", directory);
  return (uint32_t)strlen(directory);
}

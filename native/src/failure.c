#include "failure.h"

#include <errno.h>

#include "platform/platform.h"

int32_t ipc_failure_set(ipc_failure *failure, int32_t code, uint64_t found, uint64_t wanted) {
  failure->code = code;
  failure->found = found;
  failure->wanted = wanted;
  return code;
}

int32_t ipc_failure_set_option(ipc_failure *failure, int32_t code, int32_t option, uint64_t found, uint64_t wanted) {
  failure->option = option;
  return ipc_failure_set(failure, code, found, wanted);
}

static int32_t failure_set_system(ipc_failure *failure, int error) {
  failure->system_error = -error;
  switch (-error) {
    case EACCES:
    case EPERM:
      return ipc_failure_set(failure, IPC_E_PERMISSION, failure->found,
                             failure->wanted); /* ipc_name_lock_refuse() may have filled these in */
    case ENOSPC:
    case ENOMEM:
    case EFBIG:
    case EDQUOT: return ipc_failure_set(failure, IPC_E_NO_SPACE, 0, 0);
    case EWOULDBLOCK: return ipc_failure_set(failure, IPC_E_BUSY, 0, 0);
    case ELOOP:
    case EISDIR:
    case ENXIO: /* a socket */
    case ENODEV: return ipc_failure_set(failure, IPC_E_FOREIGN, 0, 0);
    default: return ipc_failure_set(failure, IPC_E_SYSTEM, 0, 0);
  }
}

/* What a status says depends on what was refused: a name that leads to a device is foreign, a directory is not. */
static int32_t failure_code_of(enum ipc_cause cause, int error, int32_t otherwise) {
  switch (cause) {
    case IPC_CAUSE_DIRECTORY:
    case IPC_CAUSE_IDENTITY: return otherwise == IPC_E_FOREIGN || error == -ENOMEM ? IPC_E_SYSTEM : otherwise;
    case IPC_CAUSE_MAP: return error == -ENOMEM || error == -EAGAIN ? IPC_E_NO_SPACE : IPC_E_SYSTEM;
    default: return otherwise;
  }
}

int32_t ipc_failure_set_refused(ipc_failure *failure, enum ipc_cause cause, int error, const char *key) {
  failure->code = failure_code_of(cause, error, failure_set_system(failure, error));
  failure->cause = cause;
  _Static_assert(sizeof failure->path == IPC_OS_PATH_BYTES, "a path of the system fits");
  if (cause != IPC_CAUSE_HEAP) ipc_os_path(key, failure->path);
  return failure->code;
}

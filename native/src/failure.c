#include "failure.h"

#include <errno.h>

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

int32_t ipc_failure_set_system(ipc_failure *failure, int error) {
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

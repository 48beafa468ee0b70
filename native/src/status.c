#include "libipc/status.h"

#include "platform/platform.h"

uint32_t ipc_abi_version(void) { return IPC_ABI_VERSION; }

double ipc_now_ns(void) { return (double)ipc_os_now(); }

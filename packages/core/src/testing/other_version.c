/* A library that speaks another ABI than the package expects. */
#include <stdint.h>

uint32_t ipc_abi_version(void) { return 99; }

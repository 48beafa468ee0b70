/** `IPC_ABI_VERSION` in `native/include/libipc/status.h`: the version of the C functions that the packages call. */
export const ABI_VERSION = 5;

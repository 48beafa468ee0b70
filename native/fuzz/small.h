/*
 * small.h - included before every source of a fuzzer: tables of the same shape with few places, since an input
 * that has to fill and scan a thousand places is most of what it costs.
 */
#ifndef LIBIPC_FUZZ_SMALL_H
#define LIBIPC_FUZZ_SMALL_H

#include "libipc/options.h"

#undef IPC_MAX_SENDERS
#undef IPC_MAX_RECEIVERS
#undef IPC_DEFAULT_RECEIVERS
#undef IPC_FEW_SENDERS
#define IPC_MAX_SENDERS 6u
#define IPC_FEW_SENDERS 6u
#define IPC_MAX_RECEIVERS 12u
#define IPC_DEFAULT_RECEIVERS 4u

#endif

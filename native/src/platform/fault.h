/* fault.h - what a SIGBUS says. */
#ifndef LIBIPC_PLATFORM_FAULT_H
#define LIBIPC_PLATFORM_FAULT_H

#include <signal.h>

#include "platform.h"

/* Whether a read at an address would fault. Never waits, and a signal handler may call it. */
typedef enum ipc_posix_page { IPC_PAGE_THERE, IPC_PAGE_MISSING, IPC_PAGE_UNKNOWN } ipc_posix_page;
ipc_posix_page ipc_posix_ask_page(const void *address);

/*
 * Whether si_code tells a touch of a missing page (BUS_ADRERR) from other faults, and from a signal that a process sent
 * (0 or less). On macOS it does not: each SIGBUS has BUS_ADRALN on arm64 and BUS_ADRERR on x64, also one that was sent,
 * whose si_addr is that of an earlier fault.
 */
extern const bool ipc_posix_fault_codes_are_exact;

/* May be: the address decides. */
bool ipc_fault_may_be_a_missing_page(const siginfo_t *info, bool codes_are_exact);

/* Sent by a process, or a fault that would not come again: where codes are not exact, they cannot be told apart. */
bool ipc_fault_was_sent(const siginfo_t *info, bool codes_are_exact);

#endif

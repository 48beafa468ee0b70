/*
 * stub.h - included before every file that GenMC runs: it interprets LLVM code without assembly, without loops that
 * copy bytes, and with no two sizes of access to one address.
 */
#define LIBIPC_CPU_H /* in place of cpu.h */
static inline void ipc_cpu_relax(void) {}
#define IPC_LIKELY(x) (x)
#define IPC_UNLIKELY(x) (x)

#include <stdlib.h>
#include <string.h>

/* The harness says in which units payloads are copied: of four bytes, or of eight, if their length is a multiple. */
#ifndef COPY
#define COPY 4
#endif
#if COPY == 8
typedef unsigned long stub_unit;
#else
typedef unsigned int stub_unit;
#endif
static inline void stub_copy(void *to, const void *from, unsigned long bytes) {
  stub_unit *target = to;
  const stub_unit *source = from;
  for (unsigned long i = 0; i < bytes / sizeof(stub_unit); i++)
#ifdef OBSERVED
    __atomic_store_n(&target[i], source[i], __ATOMIC_RELAXED); /* an observer may load it at the same time */
#else
    target[i] = source[i];
#endif
}
#define memcpy(to, from, bytes) stub_copy(to, from, bytes)

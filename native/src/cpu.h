/* cpu.h - the processor's hint that this is a spin loop. */
#ifndef LIBIPC_CPU_H
#define LIBIPC_CPU_H

static inline void ipc_cpu_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory"); /* `yield` is a no-op on most arm64 cores; isb waits about as long as pause */
#endif
}

#define IPC_LIKELY(x) __builtin_expect(!!(x), 1)
#define IPC_UNLIKELY(x) __builtin_expect(!!(x), 0)

#endif

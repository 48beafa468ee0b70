/*
 * fault.h - included before every source of the library when it is built for `bun run faults`: right before
 * each store, and each call that changes the system, there is a point at which the process may be ended.
 *
 * Nobody lists the points: each place in the source puts one into the section ipc_fault_points when it is
 * compiled, so a new store is a new point. Of an inline function there is one in each file that uses it.
 *
 * Only stores into shared memory, which other processes can see, pass a point.
 * Copies are many stores: they pass one before the first byte and one in the middle.
 */
#ifndef LIBIPC_FAULT_H
#define LIBIPC_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/platform.h"

typedef struct fault_point {
  const char *base, *file; /* what is compiled, and where in it (another one: a header) */
  uint32_t line, order;
  const char *function, *operation;
} fault_point;

void fault_pass(const fault_point *point);
void fault_pass_store(const fault_point *point, const volatile void *to);
void *fault_copy(const fault_point *before, const fault_point *half, void *to, const void *from, size_t bytes);
void *fault_fill(const fault_point *before, const fault_point *half, void *to, int byte, size_t bytes);
void *fault_map(int fd, uint64_t offset, uint64_t size, int *error);
int fault_open(const char *key, bool create, uint32_t permissions);
int fault_openat(int directory, const char *path, int flags, ...);
int fault_unlink(const char *key);
void fault_unmap(void *address, uint64_t size);

/* Not const: with the addresses in it the section is one that the loader writes. */
#define FAULT_POINT(operation)                                                                  \
  ({                                                                                            \
    static fault_point fault_here_ __attribute__((section("ipc_fault_points"), aligned(8))) = { \
        __BASE_FILE__, __FILE__, __LINE__, __COUNTER__, __func__, operation};                   \
    &fault_here_;                                                                               \
  })

/* The arguments first: what they do, they do before the point. */
#define FAULT_SET(object, value, operation, what)                                    \
  ({                                                                                 \
    __auto_type fault_object_ = (object);                                            \
    __typeof__(*fault_object_ + 0) fault_value_ = (__typeof__(fault_value_))(value); \
    fault_pass_store(FAULT_POINT(operation), fault_object_);                         \
    what;                                                                            \
  })

#ifdef __clang__
#define FAULT_DO(gcc, clang, ...) __c11_atomic_##clang(fault_object_, __VA_ARGS__)
#else
#define FAULT_DO(gcc, clang, ...) __atomic_##gcc(fault_object_, __VA_ARGS__)
#endif

#undef atomic_store_explicit
#undef atomic_exchange_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_or_explicit
#undef atomic_fetch_and_explicit
#undef atomic_fetch_xor_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak_explicit

#define atomic_store_explicit(object, value, order) \
  FAULT_SET(object, value, "store", FAULT_DO(store_n, store, fault_value_, order))
#define atomic_exchange_explicit(object, value, order) \
  FAULT_SET(object, value, "exchange", FAULT_DO(exchange_n, exchange, fault_value_, order))
#define atomic_fetch_add_explicit(object, value, order) \
  FAULT_SET(object, value, "add", FAULT_DO(fetch_add, fetch_add, fault_value_, order))
#define atomic_fetch_sub_explicit(object, value, order) \
  FAULT_SET(object, value, "sub", FAULT_DO(fetch_sub, fetch_sub, fault_value_, order))
#define atomic_fetch_or_explicit(object, value, order) \
  FAULT_SET(object, value, "or", FAULT_DO(fetch_or, fetch_or, fault_value_, order))
#define atomic_fetch_and_explicit(object, value, order) \
  FAULT_SET(object, value, "and", FAULT_DO(fetch_and, fetch_and, fault_value_, order))
#define atomic_fetch_xor_explicit(object, value, order) \
  FAULT_SET(object, value, "xor", FAULT_DO(fetch_xor, fetch_xor, fault_value_, order))

#ifdef __clang__
#define FAULT_SWAP(weak, word, expected, success, failure) \
  __c11_atomic_compare_exchange_##word(fault_object_, expected, fault_value_, success, failure)
#else
#define FAULT_SWAP(weak, word, expected, success, failure) \
  __atomic_compare_exchange_n(fault_object_, expected, fault_value_, weak, success, failure)
#endif
#define atomic_compare_exchange_strong_explicit(object, expected, value, success, failure) \
  FAULT_SET(object, value, "swap", FAULT_SWAP(0, strong, expected, success, failure))
#define atomic_compare_exchange_weak_explicit(object, expected, value, success, failure) \
  FAULT_SET(object, value, "swap", FAULT_SWAP(1, weak, expected, success, failure))

/* The short forms, and what else could write to shared memory unseen, are not in use: keep it so. */
#undef atomic_store
#undef atomic_exchange
#undef atomic_fetch_add
#undef atomic_fetch_sub
#undef atomic_fetch_or
#undef atomic_fetch_and
#undef atomic_compare_exchange_strong
#undef atomic_compare_exchange_weak
#pragma GCC poison atomic_store atomic_exchange atomic_fetch_add atomic_fetch_sub atomic_fetch_or atomic_fetch_and
#pragma GCC poison atomic_compare_exchange_strong atomic_compare_exchange_weak memmove strncpy strcat

#undef memcpy
#undef memset
#undef strcpy
#define memcpy(to, from, bytes) fault_copy(FAULT_POINT("copy"), FAULT_POINT("copy, half"), to, from, bytes)
#define memset(to, byte, bytes) fault_fill(FAULT_POINT("fill"), FAULT_POINT("fill, half"), to, byte, bytes)
#define strcpy(to, from)                                                                                  \
  ({                                                                                                      \
    const char *fault_from_ = (from);                                                                     \
    fault_copy(FAULT_POINT("copy"), FAULT_POINT("copy, half"), to, fault_from_, strlen(fault_from_) + 1); \
  })

#define FAULT_CALL(operation, call)     \
  ({                                    \
    fault_pass(FAULT_POINT(operation)); \
    call;                               \
  })

#ifdef FAULT_PLATFORM
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
/* Of the system itself: one call of platform.h may be several of these. */
#define openat(...) FAULT_CALL("openat", fault_openat(__VA_ARGS__))
#define fcntl(...) FAULT_CALL("fcntl", (fcntl)(__VA_ARGS__))
#define fchmod(...) FAULT_CALL("fchmod", (fchmod)(__VA_ARGS__))
#define unlinkat(...) FAULT_CALL("unlinkat", (unlinkat)(__VA_ARGS__))
#define ftruncate(...) FAULT_CALL("ftruncate", (ftruncate)(__VA_ARGS__))
#define fallocate(...) FAULT_CALL("fallocate", (fallocate)(__VA_ARGS__))
#define linkat(...) FAULT_CALL("linkat", (linkat)(__VA_ARGS__))
#define flock(...) FAULT_CALL("flock", (flock)(__VA_ARGS__))
#define bind(...) FAULT_CALL("bind", (bind)(__VA_ARGS__))
#define connect(...) FAULT_CALL("connect", (connect)(__VA_ARGS__))
#define send(...) FAULT_CALL("send", (send)(__VA_ARGS__))
#define sendto(...) FAULT_CALL("sendto", (sendto)(__VA_ARGS__))
#else
#define ipc_os_open(...) FAULT_CALL("open", fault_open(__VA_ARGS__))
#define ipc_os_close(...) FAULT_CALL("close", (ipc_os_close)(__VA_ARGS__))
#define ipc_os_unlink(...) FAULT_CALL("unlink", fault_unlink(__VA_ARGS__))
#define ipc_os_set_permissions(...) FAULT_CALL("set permissions", (ipc_os_set_permissions)(__VA_ARGS__))
#define ipc_os_resize(...) FAULT_CALL("resize", (ipc_os_resize)(__VA_ARGS__))
#define ipc_os_map(...) FAULT_CALL("map", fault_map(__VA_ARGS__))
#define ipc_os_unmap(...) FAULT_CALL("unmap", fault_unmap(__VA_ARGS__))
#define ipc_os_try_lock(...) FAULT_CALL("lock", (ipc_os_try_lock)(__VA_ARGS__))
#define ipc_os_unlock(...) FAULT_CALL("unlock", (ipc_os_unlock)(__VA_ARGS__))
#define ipc_os_wait(...) FAULT_CALL("wait", (ipc_os_wait)(__VA_ARGS__))
#define ipc_os_wait_interruptibly(...) FAULT_CALL("interruptible wait", (ipc_os_wait_interruptibly)(__VA_ARGS__))
#define ipc_os_wake_all(...) FAULT_CALL("wake", (ipc_os_wake_all)(__VA_ARGS__))
#define ipc_os_signal(...) FAULT_CALL("signal", (ipc_os_signal)(__VA_ARGS__))
#define ipc_os_admit_to_waker(...) FAULT_CALL("admit to waker", (ipc_os_admit_to_waker)(__VA_ARGS__))
#define ipc_os_open_waker(...) FAULT_CALL("open waker", (ipc_os_open_waker)(__VA_ARGS__))
#define ipc_os_close_waker(...) FAULT_CALL("close waker", (ipc_os_close_waker)(__VA_ARGS__))
#endif

#endif

/*
 * musl_shim.c - what the libstdc++ of a glibc system wants of glibc, and musl does not have: enough to run Bun's build
 * for musl in tests on such a system (scripts/test_targets.ts). Destructors of thread-local objects do not run.
 */
#define _GNU_SOURCE
#include <locale.h>
#include <stddef.h>
#include <sys/random.h>
#include <time.h>

char __libc_single_threaded = 0;
struct {
  unsigned vendor, type, subtype, features[1];
} __cpu_model;

int __cpu_indicator_init(void) { return 0; }

unsigned arc4random(void) {
  unsigned value = 0;
  getrandom(&value, sizeof value, 0);
  return value;
}

size_t __strftime_l(char *text, size_t size, const char *format, const struct tm *time, locale_t locale) {
  return strftime_l(text, size, format, time, locale);
}

/* None: then libgcc asks dl_iterate_phdr(). */
int _dl_find_object(void *address, void *result) { return (void)address, (void)result, -1; }

int __cxa_thread_atexit_impl(void (*destructor)(void *), void *object, void *library) {
  return (void)destructor, (void)object, (void)library, 0;
}

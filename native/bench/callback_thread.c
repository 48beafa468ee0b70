/*
 * callback_thread.c - the least that can wake an event loop: a thread of the same
 * process that sleeps and then calls back. Built as a library for bench:event-loop.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "platform/platform.h"

typedef struct caller {
  pthread_t thread;
  void (*callback)(void);
  double *called; /* the moment of the last call, on the clock of ipc_now_ns() */
  uint32_t count, gap_us;
} caller;

static void *call(void *argument) {
  caller *it = argument;
  for (uint32_t i = 0; i < it->count; i++) {
    nanosleep(&(struct timespec){.tv_nsec = (long)it->gap_us * 1000}, NULL);
    *it->called = (double)ipc_os_now();
    it->callback();
  }
  return NULL;
}

/* Starts a thread that calls back `count` times, `gap_us` (less than a second) apart. NULL: no thread could start. */
__attribute__((visibility("default"))) void *callback_thread_start(void (*callback)(void), double *called,
                                                                   uint32_t count, uint32_t gap_us) {
  caller *it = calloc(1, sizeof *it);
  if (!it) return NULL;
  *it = (caller){.callback = callback, .called = called, .count = count, .gap_us = gap_us};
  if (pthread_create(&it->thread, NULL, call, it) == 0) return it;
  free(it);
  return NULL;
}

/* Waits until the thread has ended. */
__attribute__((visibility("default"))) void callback_thread_join(void *thread) {
  caller *it = thread;
  pthread_join(it->thread, NULL);
  free(it);
}

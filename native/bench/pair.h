/*
 * pair.h - a program of two processes: the one that was started, and a child that it forks. When one of them ends
 * before the other has finished, the other ends too.
 */
#ifndef LIBIPC_BENCH_PAIR_H
#define LIBIPC_BENCH_PAIR_H

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t parent;
static volatile sig_atomic_t child;

/* The child calls this while it waits. The parent learns of a failed child in on_child. */
static void end_without_parent(void) {
  if (getpid() != parent && getppid() != parent) _exit(1);
}

static void on_child(int signal_number) {
  (void)signal_number;
  int saved = errno, status;
  if (waitpid((pid_t)child, &status, WNOHANG) > 0 && status != 0) _exit(1);
  errno = saved;
}

static void on_end(int signal_number) {
  (void)signal_number;
  kill((pid_t)child, SIGKILL);
  _exit(130);
}

/* Forks. Answers whether this is the child; ends the program if there is none. */
static int is_child(void) {
  parent = getpid();
  signal(SIGCHLD, on_child);
  child = (sig_atomic_t)fork();
  if (child < 0) _exit(1);
  if (child == 0) {
    signal(SIGINT, SIG_IGN); /* the parent ends us */
    return 1;
  }
  signal(SIGINT, on_end);
  signal(SIGTERM, on_end);
  return 0;
}

/* The number that `text` is, or `otherwise` if it is no whole number from `least` to `most`. */
static uint32_t number(const char *text, uint32_t least, uint32_t most, uint32_t otherwise) {
  char *rest;
  unsigned long value = strtoul(text, &rest, 10);
  return *text < '0' || *text > '9' || *rest || value < least || value > most ? otherwise : (uint32_t)value;
}

#endif

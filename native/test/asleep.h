/* asleep.h - whether a thread sleeps, as the system says: for tests that do something during the sleep. */
#ifndef LIBIPC_TEST_ASLEEP_H
#define LIBIPC_TEST_ASLEEP_H

#include "test.h"

/* The thread that has the number of its process is its main thread. */
static inline bool test_is_asleep(pid_t process, pid_t thread) {
#ifdef __linux__
  char path[64], line[512] = "";
  snprintf(path, sizeof path, "/proc/%d/task/%d/stat", process, thread);
  FILE *file = fopen(path, "r");
  if (!file) return false; /* it has ended */
  bool is_read = fgets(line, sizeof line, file) != NULL;
  fclose(file);
  const char *name = strrchr(line, ')'); /* the state follows the name, which may contain anything */
  return is_read && name && name[1] == ' ' && name[2] == 'S';
#else
  (void)process, (void)thread;
  test_pause(); /* nothing tells: the caller tries again and again, and one of its attempts is during the sleep */
  return true;
#endif
}

static inline void test_await_asleep(pid_t process, pid_t thread) {
  while (!test_is_asleep(process, thread)) test_pause();
}

#endif

/*
 * Replaces this process by the program that it was started as when SIGUSR2 arrives: the same process id, another
 * image. The signal may interrupt any instruction, in any thread.
 */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

enum { MAX_ARGUMENTS = 16, MAX_BYTES = 8192 };
static char text[MAX_BYTES];
static char *arguments[MAX_ARGUMENTS + 1];

/* Calls only what a signal handler may call. */
static void exec_now(int number) {
  /* exec keeps the signal mask. The new image must get the signal too, and the thread may have blocked others. */
  sigset_t none;
  (void)number;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execve(arguments[0], arguments, environ);
  _exit(127);
}

/* `argv`: the program's path and its arguments, each with a zero byte behind it. Returns whether the handler is set. */
__attribute__((visibility("default"))) int32_t exec_on_signal(const char *argv, uint32_t bytes) {
  struct sigaction action = {.sa_handler = exec_now};
  uint32_t count = 0;
  if (bytes == 0 || bytes > MAX_BYTES || argv[bytes - 1] != 0) return 0;
  memcpy(text, argv, bytes);
  for (uint32_t at = 0; at < bytes && count < MAX_ARGUMENTS; at += (uint32_t)strlen(text + at) + 1)
    arguments[count++] = text + at;
  return sigaction(SIGUSR2, &action, NULL) == 0;
}

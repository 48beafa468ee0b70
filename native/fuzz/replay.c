/* replay.c - the main program of a fuzzer without libFuzzer: runs the inputs of the files and directories it is given.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input.h"

enum { LIMIT_SECONDS = 20 };

static int inputs;

static void run_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) {
    perror(path);
    exit(1);
  }
  static uint8_t all[1 << 16];
  size_t size = fread(all, 1, sizeof all, file);
  fclose(file);
  /* In memory of just that size, so that reading past its end is seen; and if it crashes, this was it. */
  uint8_t *bytes = malloc(size ? size : 1);
  if (!bytes) exit(1);
  memcpy(bytes, all, size);
  fprintf(stderr, "%s\n", path);
  alarm(LIMIT_SECONDS);
  LLVMFuzzerTestOneInput(bytes, size);
  alarm(0);
  free(bytes);
  inputs++;
}

static void run(const char *path) {
  struct stat status;
  if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
    run_file(path);
    return;
  }
  DIR *directory = opendir(path);
  if (!directory) return;
  for (const struct dirent *entry; (entry = readdir(directory));) {
    char inside[1024];
    snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
    if (entry->d_name[0] != '.') run(inside);
  }
  closedir(directory);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) run(argv[i]);
  printf("%d inputs\n", inputs);
  return inputs == 0;
}

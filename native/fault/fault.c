#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <signal.h>

/* The section's ends; made by the linker. */
extern fault_point __start_ipc_fault_points[], __stop_ipc_fault_points[];

fault_case *now;
uint32_t fault_actor = NOBODY;
bool fault_keeps_names, fault_opens_nothing, fault_names_all_files;

uint32_t fault_points(void) { return (uint32_t)(__stop_ipc_fault_points - __start_ipc_fault_points); }

static const char *file_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static void describe(const fault_point *point, char *text, size_t size) {
  const char *base = file_of(point->base), *file = file_of(point->file);
  if (strcmp(base, file) == 0)
    snprintf(text, size, "%s:%u %s %s", file, point->line, point->function, point->operation);
  else
    snprintf(text, size, "%s:%u %s (%s) %s", file, point->line, point->function, base, point->operation);
}

/* Of several alike on a line, the second is "…, 2". */
void fault_name(uint32_t index, char *text, size_t size) {
  const fault_point *points = __start_ipc_fault_points, *point = &points[index];
  uint32_t twin = 1;
  char other[256];
  describe(point, text, size);
  for (uint32_t i = 0; i < fault_points(); i++) {
    describe(&points[i], other, sizeof other);
    twin += i != index && strcmp(other, text) == 0 && points[i].order < point->order;
  }
  if (twin > 1) snprintf(text + strlen(text), size - strlen(text), ", %u", twin);
}

uint32_t fault_find(const char *text) {
  for (uint32_t i = 0; i < fault_points(); i++) {
    char name[256];
    fault_name(i, name, sizeof name);
    if (strstr(name, text)) return i;
  }
  return NOBODY;
}

/* How long an actor has waited for a processor: until now, or until its end. */
uint64_t fault_delay_of(uint32_t actor) {
  char path[40];
  unsigned long long ran, waited;
  uint64_t last = atomic_load(&now->last_delays[actor]);
  if (last || now->pids[actor] <= 0) return last;
  snprintf(path, sizeof path, "/proc/%d/schedstat", now->pids[actor]);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  bool is_read = fscanf(file, "%llu %llu", &ran, &waited) == 2;
  fclose(file);
  return is_read ? waited : 0;
}

/* What all actors have waited for a processor since the strike. */
uint64_t fault_delays(void) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < MAX_ACTORS; i++) {
    uint64_t delay = fault_delay_of(i);
    if (delay > now->delays[i]) sum += delay - now->delays[i];
  }
  return sum;
}

void fault_pass(const fault_point *point) {
  if (!now || fault_actor == NOBODY) return;
  uint32_t index = (uint32_t)(point - __start_ipc_fault_points);
  uint32_t count = ++now->counts[fault_actor][index];
  for (int i = 0; i < ARMED; i++) {
    fault_armed *armed = &now->armed[i];
    if (armed->actor != fault_actor || armed->point != index || armed->nth != count) continue;
    for (uint32_t actor = 0; actor < MAX_ACTORS; actor++) now->delays[actor] = fault_delay_of(actor);
    atomic_store(&armed->is_struck, 1);
    atomic_store(&now->struck, ipc_os_now());
    kill(getpid(), armed->signal);
  }
}

int fault_open(const char *key, bool create, uint32_t permissions) {
  return fault_opens_nothing ? -EMFILE : ipc_os_open(key, create, permissions);
}

int fault_openat(int directory, const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  int mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(more, int) : 0;
  va_end(more);
  if (!fault_names_all_files || (flags & O_TMPFILE) != O_TMPFILE) return openat(directory, path, flags, mode);
  errno = EOPNOTSUPP;
  return -1;
}

int fault_unlink(const char *key) { return fault_keeps_names ? -EPERM : ipc_os_unlink(key); }

/* Where the process has mapped what it shares. */
enum { MAX_MAPPED = 64 };
static struct {
  const uint8_t *address;
  uint64_t size;
} mapped[MAX_MAPPED];

void *fault_map(int fd, uint64_t offset, uint64_t size, int *error) {
  void *address = ipc_os_map(fd, offset, size, error);
  for (int i = 0; address && i < MAX_MAPPED; i++)
    if (!mapped[i].address) {
      mapped[i].address = address;
      mapped[i].size = size;
      return address;
    }
  if (address) abort();
  return NULL;
}

void fault_unmap(void *address, uint64_t size) {
  for (int i = 0; i < MAX_MAPPED; i++)
    if (mapped[i].address == address) mapped[i].address = NULL;
  ipc_os_unmap(address, size);
}

static bool is_shared(const volatile void *at) {
  for (int i = 0; i < MAX_MAPPED; i++)
    if (mapped[i].address && (uint64_t)((const uint8_t *)(uintptr_t)at - mapped[i].address) < mapped[i].size)
      return true;
  return false;
}

void fault_pass_store(const fault_point *point, const volatile void *to) {
  if (is_shared(to)) fault_pass(point);
}

void *fault_copy(const fault_point *before, const fault_point *half, void *to, const void *from, size_t bytes) {
  if (bytes == 0 || !is_shared(to)) return memcpy(to, from, bytes);
  size_t first = bytes / 2;
  fault_pass(before);
  memcpy(to, from, first);
  fault_pass(half);
  memcpy((uint8_t *)to + first, (const uint8_t *)from + first, bytes - first);
  return to;
}

void *fault_fill(const fault_point *before, const fault_point *half, void *to, int byte, size_t bytes) {
  if (!is_shared(to)) return memset(to, byte, bytes);
  size_t first = bytes / 2;
  fault_pass(before);
  memset(to, byte, first);
  fault_pass(half);
  memset((uint8_t *)to + first, byte, bytes - first);
  return to;
}

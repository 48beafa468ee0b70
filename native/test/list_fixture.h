/* list_fixture.h - what the tests of listings share: opening, finding and removing names. */
#ifndef LIBIPC_LIST_FIXTURE_H
#define LIBIPC_LIST_FIXTURE_H

#include "libipc/list.h"
#include <fcntl.h>
#include <sys/stat.h>
#include "ends.h"
#include "interpose.h"
#include "libipc/peers.h"
#include "libipc/waker.h"
#include "view.h"
#include "worker.h"

static const ipc_options channel = {
    .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 8192, .max_receivers = 4};

typedef struct board {
  _Atomic uint32_t ready, go, stop, rounds;
} board;

static __attribute__((unused)) board *shared;

enum { MOST_ENDPOINTS = 16 };

/* All that a listing tells about one name. */
typedef struct report {
  ipc_listed_name name;
  ipc_listed_endpoint endpoints[MOST_ENDPOINTS];
  uint32_t count;
} report;

static inline ipc_listing *must_list(const char *prefix) {
  ipc_failure failure;
  ipc_listing *listing = ipc_list_open(prefix, &failure);
  if (!listing) FAIL("a listing could not open: %d, errno %d", failure.code, failure.system_error);
  return listing;
}

/* The next one; false: no more. */
static inline bool next_of(ipc_listing *listing, report *it) {
  ipc_failure failure;
  memset(it, 0xff, sizeof *it); /* everything must be told */
  int32_t status = ipc_list_next(listing, &it->name, &failure);
  if (status < 0) FAIL("a listing failed: %d, errno %d", failure.code, failure.system_error);
  it->count = 0;
  ipc_listed_endpoint endpoint;
  while (ipc_list_endpoint(listing, &endpoint) == 1) {
    CHECK_EQ(status, 1);
    if (it->count < MOST_ENDPOINTS) it->endpoints[it->count] = endpoint;
    it->count++;
  }
  return status == 1;
}

/* Goes on until the name; the listing's current one is then this. */
static inline bool find_in(ipc_listing *listing, const char *name, uint32_t kind, report *it) {
  while (next_of(listing, it))
    if (it->name.kind == kind && strcmp(it->name.name, name) == 0) return true;
  return false;
}

static inline bool find(const char *prefix, const char *name, uint32_t kind, report *it) {
  ipc_listing *listing = must_list(prefix);
  bool found = find_in(listing, name, kind, it);
  ipc_list_close(listing);
  return found;
}

static inline report must_find(uint32_t kind) {
  report it;
  CHECK(find(test_prefix, test_name, kind, &it));
  CHECK_EQ(strcmp(it.name.prefix, test_prefix), 0);
  return it;
}

static inline bool remove_of(uint32_t kind) {
  report it;
  ipc_listing *listing = must_list(test_prefix);
  bool removed = find_in(listing, test_name, kind, &it) && ipc_list_remove(listing) == 1;
  ipc_list_close(listing);
  return removed;
}

static inline void send_some(ipc_sender *sender, uint32_t count) {
  for (uint64_t i = 0; i < count; i++) CHECK_EQ(ipc_sender_send(sender, &i, 8, 0), IPC_OK);
}

/* A listing shows one moment: at the end of each slice of its sleep a waiter is awake for an instant. */
static inline void await_sleeping(uint32_t kind, uint32_t role, uint32_t sleeping) {
  for (;; test_pause()) {
    report it = must_find(kind);
    for (uint32_t i = 0; i < it.count; i++)
      if (it.endpoints[i].role == role && it.endpoints[i].pid != (uint32_t)getpid() &&
          it.endpoints[i].sleeping == sleeping)
        return;
  }
}

static inline void open_and_idle(void *unused) {
  (void)unused;
  must_receive(channel);
  must_send(channel);
  atomic_fetch_add(&shared->ready, 1);
  test_idle();
}

static inline test_worker start_idle(void) {
  if (!shared) shared = test_shared(sizeof *shared);
  uint32_t ready = atomic_load(&shared->ready);
  test_worker worker = test_start(TEST_PROCESS, open_and_idle, NULL);
  test_await(&shared->ready, ready + 1);
  return worker;
}

static inline int make_file(const char *name, uint64_t bytes, uint32_t permissions) {
  char key[IPC_OS_KEY_BYTES];
  CHECK_EQ(ipc_segment_key(key, IPC_CHANNEL, test_prefix, name), IPC_OK);
  int fd = ipc_os_open(key, true, permissions);
  CHECK_GE(fd, 0);
  if (bytes) CHECK_EQ(ftruncate(fd, (off_t)bytes), 0);
  return fd;
}

/* On systems with hashed keys such a file does not tell its name: so it is found by its path. */
static inline report find_file(uint32_t kind, const char *name, bool remove, bool *removed) {
  char key[IPC_OS_KEY_BYTES], listed[IPC_OS_KEY_BYTES], path[IPC_LISTED_PATH];
  CHECK_EQ(ipc_segment_key(key, kind, test_prefix, name), IPC_OK);
  ipc_os_listed_key(key, listed);
  snprintf(path, sizeof path, "%s/%s", ipc_os_directory(), listed);
  ipc_listing *listing = must_list(NULL);
  report it;
  do {
    if (!next_of(listing, &it)) FAIL("%s is not listed", path);
  } while (strcmp(it.name.path, path) != 0);
  if (remove) *removed = ipc_list_remove(listing) == 1;
  ipc_list_close(listing);
  return it;
}

static inline report see_file_of(uint32_t kind) { return find_file(kind, test_name, false, NULL); }

static inline report see_file(void) { return see_file_of(IPC_CHANNEL); }

static inline bool remove_file(void) {
  bool removed;
  find_file(IPC_CHANNEL, test_name, true, &removed);
  return removed;
}

/* What has no ring. */

static inline ipc_options options_of(uint32_t kind) {
  return (ipc_options){.struct_size = sizeof(ipc_options),
                       .kind = kind,
                       .max_receivers = 4,
                       .initial = kind == IPC_SEMAPHORE ? 1 + 3 : 0,
                       .robust = kind == IPC_SEMAPHORE,
                       .size = kind == IPC_MEMORY ? 100000 : 0};
}

static inline ipc_handle *must_open(ipc_options options) {
  ipc_failure failure;
  ipc_handle *handle = ipc_handle_open(test_prefix, test_name, &options, &failure);
  if (!handle) FAIL("a handle could not open: %d, errno %d", failure.code, failure.system_error);
  return handle;
}

/* Holds or waits, as its kind can. */
static inline void use_and_idle(void *of) {
  uint32_t kind = *(uint32_t *)of;
  ipc_failure failure;
  ipc_handle *handle = must_open(options_of(kind));
  if (kind == IPC_MUTEX) CHECK_EQ(ipc_mutex_lock(handle, 0), IPC_OK);
  if (kind == IPC_CONDITION) CHECK_GE(ipc_condition_enter(handle, 0, 0), 0);
  if (kind == IPC_SEMAPHORE) CHECK_EQ(ipc_semaphore_acquire(handle, 0), IPC_OK);
  if (kind == IPC_RWLOCK) CHECK_EQ(ipc_rwlock_lock(handle, 0, 0), IPC_OK);
  if (kind == IPC_MEMORY) CHECK_GE(ipc_memory_enter(handle, 0, 0, 0, 0, &failure), 0);
  if (kind == IPC_LATEST) CHECK_EQ(ipc_latest_lock(handle, 0), IPC_OK);
  if (kind == IPC_SIGNAL) {
    ipc_handle *other = must_open(options_of(kind));
    CHECK_EQ(ipc_signal_notify(other, 1u << 7, 0), 1);
    ipc_handle_close(other);
  }
  atomic_fetch_add(&shared->ready, 1);
  test_idle();
}

static inline test_worker start_using(uint32_t *kind) {
  if (!shared) shared = test_shared(sizeof *shared);
  uint32_t ready = atomic_load(&shared->ready);
  test_worker worker = test_start(TEST_PROCESS, use_and_idle, kind);
  test_await(&shared->ready, ready + 1);
  return worker;
}

#endif

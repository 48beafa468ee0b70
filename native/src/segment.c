#include "segment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "libipc/storage.h"
#include "marks.h"
#include "members.h"

/* How long an open waits for the name lock: its holders need microseconds unless they are stopped. */
static const uint64_t OPEN_PATIENCE_NS = 5000000000u;

static int32_t fail(ipc_failure *failure, int32_t code, uint64_t found, uint64_t wanted) {
  failure->code = code;
  failure->found = found;
  failure->wanted = wanted;
  return code;
}

static int32_t fail_system(ipc_failure *failure, int error) {
  failure->system_error = -error;
  switch (-error) {
    case EACCES:
    case EPERM:
      return fail(failure, IPC_E_PERMISSION, 0, 0);
    case ENOSPC:
    case ENOMEM:
    case EFBIG:
    case EDQUOT:
      return fail(failure, IPC_E_NO_SPACE, 0, 0);
    case EWOULDBLOCK:
      return fail(failure, IPC_E_BUSY, 0, 0);
    case ELOOP:
    case EISDIR:
      return fail(failure, IPC_E_FOREIGN, 0, 0);
    default:
      return fail(failure, IPC_E_SYSTEM, 0, 0);
  }
}

static bool is_name(const char *text, size_t limit, bool may_be_empty) {
  if (!text) return false;
  const char *end = memchr(text, 0, limit + 1);
  if (!end || (end == text && !may_be_empty)) return false;
  for (; text < end; text++)
    if (*text == '/' || (unsigned char)*text < 0x20 || *text == 0x7f) return false;
  return true;
}

/*
 * "libipc.<kind>.<bytes of the prefix>.<prefix>.<name>": the number says where the
 * prefix ends, so that two different pairs never make the same key.
 */
int32_t ipc_segment_key(char key[IPC_OS_KEY_BYTES], uint32_t kind, const char *prefix, const char *name) {
  if (!is_name(prefix, IPC_MAX_PREFIX, true) || !is_name(name, IPC_MAX_NAME, false)) return IPC_E_INVALID_NAME;
  const char *kind_name = kind == IPC_ROUTE ? "route" : kind == IPC_CHANNEL ? "channel" : "queue";
  snprintf(key, IPC_OS_KEY_BYTES, "libipc.%s.%zu.%s.%s", kind_name, strlen(prefix), prefix, name);
  return IPC_OK;
}

uint64_t ipc_segment_bytes(uint32_t capacity, uint32_t max_receivers, uint64_t *body_offset) {
  uint64_t tables = IPC_HEADER_BYTES + ((uint64_t)max_receivers + IPC_MAX_SENDERS) * sizeof(ipc_member);
  *body_offset = (tables + 4095) & ~(uint64_t)4095;
  return *body_offset + capacity;
}

static int try_lock_until(int fd, const char *key, uint64_t deadline) {
  for (uint32_t attempt = 0;; attempt++) {
    int error = ipc_os_try_lock(fd, key);
    if (error != -EWOULDBLOCK && error != -EINTR) return error;
    if (ipc_os_now() >= deadline) return -EWOULDBLOCK;
    if (attempt < 100) {
      ipc_os_yield();
    } else { /* a private word that nobody wakes: a sleep of 1 ms */
      _Atomic uint32_t never = 0;
      ipc_os_wait(&never, 0, 1000000);
    }
  }
}

/* Opens the file of a key (creating it if allowed: *created) and locks it while it has that name. */
static int open_locked(const char *key, bool create, uint32_t permissions, uint64_t patience_ns, ipc_os_file *file,
                       bool *created) {
  uint64_t deadline = ipc_os_now() + patience_ns;
  for (;;) {
    int fd = ipc_os_open(key, false, 0);
    *created = fd == -ENOENT && create;
    if (*created) {
      fd = ipc_os_open(key, true, permissions);
      if (fd == -EEXIST) continue;
    }
    if (fd < 0) return fd;
    int error = try_lock_until(fd, key, deadline);
    if (error == 0) error = ipc_os_stat(fd, file);
    if (error == 0 && file->linked) return fd;
    ipc_os_unlock(fd);
    if (error != 0) return error;
    /* Removed while this waited for its lock: look the name up again. */
  }
}

static bool map(ipc_segment *segment, int fd, uint64_t bytes, int *error) {
  ipc_mapping *mapping = malloc(sizeof *mapping);
  if (!mapping) {
    *error = -ENOMEM;
    return false;
  }
  void *address = ipc_os_map(fd, bytes, error);
  if (!address) {
    free(mapping);
    return false;
  }
  *mapping = (ipc_mapping){.holds = 1, .address = address, .bytes = bytes};
  segment->mapping = mapping;
  segment->header = address;
  return true;
}

static void settle(ipc_segment *segment, uint32_t kind, uint32_t capacity, uint32_t max_receivers) {
  uint64_t body_offset;
  ipc_segment_bytes(capacity, max_receivers, &body_offset);
  uint8_t *base = segment->mapping->address;
  segment->receivers = (ipc_member *)(base + IPC_HEADER_BYTES);
  segment->senders = segment->receivers + max_receivers;
  segment->body = base + body_offset;
  segment->kind = kind;
  segment->capacity = capacity;
  segment->max_receivers = max_receivers;
  segment->overflow = segment->header->overflow;
  segment->created = segment->header->created;
}

static int32_t create(ipc_segment *segment, int fd, const char *prefix, const char *name, const ipc_options *options,
                      ipc_failure *failure) {
  uint32_t capacity = options->capacity ? options->capacity : IPC_DEFAULT_CAPACITY;
  uint32_t max_receivers = options->max_receivers ? options->max_receivers : IPC_DEFAULT_RECEIVERS;
  uint64_t body_offset, bytes = ipc_segment_bytes(capacity, max_receivers, &body_offset);
  int error = ipc_os_resize(fd, bytes);
  if (error != 0 || !map(segment, fd, bytes, &error)) {
    fail_system(failure, error);
    failure->wanted = bytes;
    return failure->code;
  }
  ipc_header *header = segment->header;
  memset(header, 0, body_offset); /* of a leftover; there is no magic in it any more */
  header->version = IPC_LAYOUT_VERSION;
  header->layout_hash = IPC_LAYOUT_HASH;
  header->kind = options->kind;
  header->capacity = capacity;
  header->max_receivers = max_receivers;
  header->max_senders = IPC_MAX_SENDERS;
  header->permissions = options->permissions ? options->permissions : 0600;
  header->overflow = options->overflow ? options->overflow : IPC_BLOCK;
  header->created = ipc_os_now();
  header->segment_bytes = bytes;
  header->body_offset = body_offset;
  strcpy(header->prefix, prefix);
  strcpy(header->name, name);
  atomic_store_explicit(&header->head, options->first_position, memory_order_relaxed);
  atomic_store_explicit(&header->limit, options->first_position, memory_order_relaxed);
  atomic_store_explicit(&header->announced, options->first_position, memory_order_relaxed);
  ipc_marks_add(header, options->first_position, 0);
  atomic_store_explicit(&header->cursor, options->first_position, memory_order_relaxed);
  atomic_store_explicit(&header->tail, options->first_position, memory_order_relaxed);
  atomic_store_explicit(&header->next_instance, 1, memory_order_relaxed);
  atomic_store_explicit(&header->magic, IPC_MAGIC, memory_order_release);
  settle(segment, options->kind, capacity, max_receivers);
  return IPC_OK;
}

static bool is_kind(uint32_t kind) { return kind >= IPC_ROUTE && kind <= IPC_QUEUE; }

int32_t ipc_segment_check(const ipc_header *header, uint64_t file_bytes, ipc_failure *failure) {
  uint32_t magic = atomic_load_explicit(&header->magic, memory_order_acquire);
  if (magic != IPC_MAGIC) return fail(failure, IPC_E_FOREIGN, magic, IPC_MAGIC);
  if (header->version != IPC_LAYOUT_VERSION) return fail(failure, IPC_E_VERSION, header->version, IPC_LAYOUT_VERSION);
  if (header->layout_hash != IPC_LAYOUT_HASH) return fail(failure, IPC_E_VERSION, header->layout_hash, IPC_LAYOUT_HASH);
  uint32_t capacity = header->capacity, receivers = header->max_receivers;
  if (!is_kind(header->kind) || capacity < IPC_MIN_CAPACITY || capacity > IPC_MAX_CAPACITY ||
      (capacity & (capacity - 1)) != 0 || header->overflow < IPC_BLOCK || header->overflow > IPC_DROP_OLDEST ||
      receivers == 0 || receivers > IPC_MAX_RECEIVERS || header->max_senders != IPC_MAX_SENDERS)
    return fail(failure, IPC_E_CORRUPT, 0, 0);
  uint64_t body_offset, bytes = ipc_segment_bytes(capacity, receivers, &body_offset);
  if (header->segment_bytes != bytes || header->body_offset != body_offset || file_bytes < bytes)
    return fail(failure, IPC_E_CORRUPT, file_bytes, bytes);
  return IPC_OK;
}

/* Everything a joiner will rely on, read once and checked against the file before it is used. */
static int32_t check(const ipc_header *header, uint64_t file_bytes, const char *prefix, const char *name,
                     const ipc_options *options, ipc_segment *segment, ipc_failure *failure) {
  ipc_header copy;
  memcpy(&copy, header, offsetof(ipc_header, head)); /* all that is constant: nobody can change it after the check */
  int32_t status = ipc_segment_check(&copy, file_bytes, failure);
  if (status != IPC_OK) return status;
  if (copy.kind != options->kind || strncmp(copy.prefix, prefix, sizeof copy.prefix) != 0 ||
      strncmp(copy.name, name, sizeof copy.name) != 0)
    return fail(failure, IPC_E_CORRUPT, 0, 0);
  settle(segment, copy.kind, copy.capacity, copy.max_receivers);
  return IPC_OK;
}

/* Only once it is known that the name is in use: a leftover's options bind nobody. */
static int32_t compare_options(const ipc_segment *segment, const ipc_options *options, ipc_failure *failure) {
  if (options->capacity && options->capacity != segment->capacity) {
    failure->option = IPC_OPTION_CAPACITY;
    return fail(failure, IPC_E_OPTIONS_MISMATCH, segment->capacity, options->capacity);
  }
  if (options->max_receivers && options->max_receivers != segment->max_receivers) {
    failure->option = IPC_OPTION_MAX_RECEIVERS;
    return fail(failure, IPC_E_OPTIONS_MISMATCH, segment->max_receivers, options->max_receivers);
  }
  if (options->overflow && options->overflow != segment->overflow) {
    failure->option = IPC_OPTION_OVERFLOW;
    return fail(failure, IPC_E_OPTIONS_MISMATCH, segment->overflow, options->overflow);
  }
  if (options->permissions && options->permissions != segment->header->permissions) {
    failure->option = IPC_OPTION_PERMISSIONS;
    return fail(failure, IPC_E_OPTIONS_MISMATCH, segment->header->permissions, options->permissions);
  }
  return IPC_OK;
}

/*
 * Whether a mapped segment is to be replaced: its creator was killed before it was
 * ready (we hold the name lock, so nobody is at work on it), or all its endpoints
 * are dead. If not, it is joined or failure->code says why it cannot be.
 */
static bool is_leftover(ipc_segment *segment, uint64_t file_bytes, const char *prefix, const char *name,
                        const ipc_options *options, ipc_failure *failure) {
  ipc_header *header = segment->header;
  if (atomic_load_explicit(&header->magic, memory_order_acquire) == 0) return true;
  if (check(header, file_bytes, prefix, name, options, segment, failure) != IPC_OK) return false;
  if (ipc_members_reap(segment) == 0) return true;
  compare_options(segment, options, failure);
  return false;
}

static int32_t check_options(const ipc_options *options, ipc_failure *failure) {
  if (!is_kind(options->kind)) return fail(failure, IPC_E_INVALID_ARGUMENT, options->kind, 0);
  if (options->overflow > IPC_DROP_OLDEST || (options->overflow == IPC_DROP_OLDEST && options->kind == IPC_QUEUE)) {
    failure->option = IPC_OPTION_OVERFLOW;
    return fail(failure, IPC_E_INVALID_ARGUMENT, options->overflow, 0);
  }
  uint32_t capacity = options->capacity;
  if (capacity && (capacity < IPC_MIN_CAPACITY || capacity > IPC_MAX_CAPACITY || (capacity & (capacity - 1)) != 0)) {
    failure->option = IPC_OPTION_CAPACITY;
    return fail(failure, IPC_E_INVALID_ARGUMENT, capacity, IPC_MAX_CAPACITY);
  }
  if (options->max_receivers > IPC_MAX_RECEIVERS) {
    failure->option = IPC_OPTION_MAX_RECEIVERS;
    return fail(failure, IPC_E_INVALID_ARGUMENT, options->max_receivers, IPC_MAX_RECEIVERS);
  }
  if (options->permissions && (options->permissions > 0777 || (options->permissions & 0600) != 0600))
    return fail(failure, IPC_E_INVALID_ARGUMENT, options->permissions, 0600); /* or its owner could not clear it */
  return IPC_OK;
}

int32_t ipc_segment_open(ipc_segment *segment, const char *prefix, const char *name, const ipc_options *options,
                         ipc_failure *failure) {
  memset(segment, 0, sizeof *segment);
  memset(failure, 0, sizeof *failure);
  int32_t status = check_options(options, failure);
  if (status != IPC_OK) return status;
  status = ipc_segment_key(segment->key, options->kind, prefix, name);
  if (status != IPC_OK) return fail(failure, status, 0, 0);

  for (;;) {
    ipc_os_file file;
    bool created;
    int fd = open_locked(segment->key, true, options->permissions ? options->permissions : 0600, OPEN_PATIENCE_NS,
                         &file, &created);
    if (fd < 0) return fail_system(failure, fd);
    segment->inode = file.inode;

    int error = 0;
    if (file.size == 0 && !created && ipc_os_unlink(segment->key) == 0) {
      /* Its creator was killed, or is overtaken and will notice. Its permissions were for somebody else's options. */
      ipc_os_unlock(fd);
      continue;
    } else if (file.size == 0) {
      status = create(segment, fd, prefix, name, options, failure);
      if (status != IPC_OK) ipc_os_unlink(segment->key);
    } else if (file.size < IPC_HEADER_BYTES) {
      status = fail(failure, IPC_E_CORRUPT, file.size, IPC_HEADER_BYTES);
    } else if (!map(segment, fd, file.size, &error)) {
      status = fail_system(failure, error);
    } else if (!is_leftover(segment, file.size, prefix, name, options, failure)) {
      status = failure->code;
    } else {
      bool removed = ipc_segment_unlink(segment);
      /* Before its size changes: if we are killed half-way, the next to come must see that it is unfinished. */
      if (!removed) atomic_store_explicit(&segment->header->magic, 0, memory_order_release);
      ipc_segment_close(segment);
      if (removed) {
        ipc_os_unlock(fd);
        continue;
      }
      /* Another user's: it may not be removed, but it may be written. */
      status = create(segment, fd, prefix, name, options, failure);
    }
    if (status == IPC_OK) return fd;
    ipc_segment_close(segment);
    ipc_os_unlock(fd);
    return status;
  }
}

int32_t ipc_segment_lock(const ipc_segment *segment, uint64_t patience_ns) {
  ipc_os_file file;
  bool created;
  int fd = open_locked(segment->key, false, 0, patience_ns, &file, &created);
  if (fd == -EWOULDBLOCK) return IPC_E_BUSY;
  if (fd == -ENOENT) return IPC_E_ORPHANED;
  if (fd < 0) return IPC_E_SYSTEM;
  /* A leftover taken over in place has the same inode, but another size or another birth. */
  if (file.inode == segment->inode && file.size == segment->mapping->bytes &&
      segment->header->created == segment->created)
    return fd;
  ipc_os_unlock(fd);
  return IPC_E_ORPHANED;
}

static void mark_orphaned(ipc_segment *segment) {
  if (!segment->receivers) return; /* unfinished: nobody has ever been on it, and nothing in it can be followed */
  atomic_store_explicit(&segment->header->orphaned, 1, memory_order_release);
  for (int event = 0; event < IPC_EVENT_COUNT; event++) ipc_event_notify(segment, (enum ipc_event_index)event);
}

bool ipc_segment_unlink(ipc_segment *segment) {
  bool removed = ipc_os_unlink(segment->key) == 0;
  mark_orphaned(segment);
  return removed;
}

bool ipc_segment_is_orphaned(ipc_segment *segment) {
  if (atomic_load_explicit(&segment->header->orphaned, memory_order_acquire)) return true;
  int fd = ipc_os_open(segment->key, false, 0);
  ipc_os_file file;
  bool orphaned = fd == -ENOENT || (fd >= 0 && ipc_os_stat(fd, &file) == 0 && file.inode != segment->inode);
  if (fd >= 0) ipc_os_close(fd);
  if (orphaned) mark_orphaned(segment);
  return orphaned;
}

ipc_mapping *ipc_mapping_hold(ipc_segment *segment) {
  atomic_fetch_add_explicit(&segment->mapping->holds, 1, memory_order_relaxed);
  return segment->mapping;
}

static void release_bytes(void *bytes, void *mapping) {
  (void)bytes;
  ipc_mapping_release(mapping);
}

void *ipc_mapping_releaser(void) { return (void *)(uintptr_t)release_bytes; }

void ipc_mapping_release(ipc_mapping *mapping) {
  /* acq_rel: all uses by other holders happen before the unmap by the last one. */
  if (atomic_fetch_sub_explicit(&mapping->holds, 1, memory_order_acq_rel) != 1) return;
  ipc_os_unmap(mapping->address, mapping->bytes);
  free(mapping);
}

void ipc_segment_close(ipc_segment *segment) {
  if (segment->mapping) ipc_mapping_release(segment->mapping);
  segment->mapping = NULL;
  segment->header = NULL;
}

int32_t ipc_clear(const char *prefix, const char *name, uint32_t kind, ipc_failure *failure) {
  memset(failure, 0, sizeof *failure);
  ipc_segment segment = {0};
  if (!is_kind(kind)) return fail(failure, IPC_E_INVALID_ARGUMENT, kind, 0);
  int32_t status = ipc_segment_key(segment.key, kind, prefix, name);
  if (status != IPC_OK) return fail(failure, status, 0, 0);
  ipc_os_file file;
  bool created;
  int fd = open_locked(segment.key, false, 0, OPEN_PATIENCE_NS, &file, &created);
  if (fd == -ENOENT) return IPC_OK;
  if (fd < 0) return fail_system(failure, fd);
  int error = ipc_os_unlink(segment.key);
  /* Tell the endpoints, if these are ours: anything may have this name. */
  int ignored;
  if (error == 0 && file.size >= IPC_HEADER_BYTES && map(&segment, fd, file.size, &ignored)) {
    const ipc_options options = {.kind = kind};
    ipc_failure damage;
    if (check(segment.header, file.size, prefix, name, &options, &segment, &damage) == IPC_OK) mark_orphaned(&segment);
    ipc_segment_close(&segment);
  }
  ipc_os_unlock(fd);
  return error == 0 ? IPC_OK : fail_system(failure, error);
}

bool ipc_segment_is_named(const ipc_header *header, const char *listed) {
  char key[IPC_OS_KEY_BYTES], its[IPC_OS_KEY_BYTES];
  if (ipc_segment_key(key, header->kind, header->prefix, header->name) != IPC_OK) return false;
  ipc_os_listed_key(key, its);
  return strcmp(its, listed) == 0;
}

/* Whether nobody is on a mapped file that may be a segment. Under the name lock. */
static bool is_abandoned(ipc_segment *segment, uint64_t file_bytes, const char *listed) {
  ipc_failure failure;
  ipc_header *header = segment->header, copy;
  if (atomic_load_explicit(&header->magic, memory_order_acquire) == 0) return true; /* unfinished: see is_leftover */
  memcpy(&copy, header, offsetof(ipc_header, head));
  if (ipc_segment_check(&copy, file_bytes, &failure) != IPC_OK || !ipc_segment_is_named(&copy, listed)) return false;
  settle(segment, copy.kind, copy.capacity, copy.max_receivers);
  return ipc_members_reap(segment) == 0;
}

bool ipc_segment_remove_leftover(const char *listed, uint64_t patience_ns) {
  ipc_segment segment = {0};
  ipc_os_file file;
  bool created, removed = false;
  int ignored, fd = open_locked(listed, false, 0, patience_ns, &file, &created);
  if (fd < 0) return false;
  snprintf(segment.key, sizeof segment.key, "%s", listed);
  if (file.size == 0)
    removed = ipc_os_unlink(listed) == 0;
  else if (file.size >= IPC_HEADER_BYTES && map(&segment, fd, file.size, &ignored) &&
           is_abandoned(&segment, file.size, listed))
    removed = ipc_segment_unlink(&segment);
  ipc_segment_close(&segment);
  ipc_os_unlock(fd);
  return removed;
}

#include "segment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "event.h"
#include "layout_hash.h"
#include "libipc/storage.h"
#include "marks.h"
#include "slots.h"
#include "waits.h"

/* How long an open waits for the name lock: its holders need microseconds unless they are stopped. */
static const uint64_t OPEN_PATIENCE_NS = 5000000000u;

static int32_t segment_fail(ipc_failure *failure, int32_t code, uint64_t found, uint64_t wanted) {
  failure->code = code;
  failure->found = found;
  failure->wanted = wanted;
  return code;
}

static int32_t segment_fail_system(ipc_failure *failure, int error) {
  failure->system_error = -error;
  switch (-error) {
    case EACCES:
    case EPERM:
      return segment_fail(failure, IPC_E_PERMISSION, failure->found,
                          failure->wanted); /* see segment_refuse_permissions() */
    case ENOSPC:
    case ENOMEM:
    case EFBIG:
    case EDQUOT: return segment_fail(failure, IPC_E_NO_SPACE, 0, 0);
    case EWOULDBLOCK: return segment_fail(failure, IPC_E_BUSY, 0, 0);
    case ELOOP:
    case EISDIR:
    case ENXIO: /* a socket */
    case ENODEV: return segment_fail(failure, IPC_E_FOREIGN, 0, 0);
    default: return segment_fail(failure, IPC_E_SYSTEM, 0, 0);
  }
}

const char *const ipc_kind_names[IPC_KINDS] = {"",          "route",     "channel", "queue", "mutex",
                                               "condition", "semaphore", "rwlock",  "memory"};

static bool segment_is_name(const char *text, size_t limit, bool may_be_empty) {
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
  if (!segment_is_name(prefix, IPC_MAX_PREFIX, true) || !segment_is_name(name, IPC_MAX_NAME, false))
    return IPC_E_INVALID_NAME;
  snprintf(key, IPC_OS_KEY_BYTES, "libipc.%s.%zu.%s.%s", ipc_kind_names[kind], strlen(prefix), prefix, name);
  return IPC_OK;
}

static uint32_t segment_senders_of(uint32_t kind) { return ipc_segment_has_ring(kind) ? IPC_MAX_SENDERS : 0; }

static uint32_t segment_waits_of(uint32_t kind, uint32_t max_receivers) {
  return ipc_segment_has_ring(kind) ? 0 : max_receivers * IPC_WAITS_PER_HANDLE;
}

uint64_t ipc_segment_bytes(uint32_t kind, uint32_t capacity, uint32_t max_receivers, uint64_t *body_offset) {
  uint64_t tables = IPC_HEADER_BYTES + ((uint64_t)max_receivers + segment_senders_of(kind)) * sizeof(ipc_slot) +
                    (uint64_t)segment_waits_of(kind, max_receivers) * sizeof(ipc_wait_entry);
  uint64_t page = kind == IPC_MEMORY ? 65536 : 4096; /* the largest there are: it is mapped from there on */
  *body_offset = (tables + page - 1) & ~(page - 1);
  return *body_offset + capacity;
}

/*
 * The kernel has no lock with a time-out, so it is tried again and again, less and less often: a thousand that all try
 * every millisecond would keep the holder from its processor.
 */
static int segment_try_lock_until(int fd, const char *key, uint64_t deadline) {
  uint64_t pause_ns = 1000000;
  for (uint32_t attempt = 0;; attempt++) {
    int error = ipc_os_try_lock(fd, key);
    if (error != -EWOULDBLOCK && error != -EINTR) return error;
    if (ipc_os_now() >= deadline) return -EWOULDBLOCK;
    if (attempt < 100) {
      ipc_os_yield();
    } else { /* a private word that nobody wakes: a sleep */
      _Atomic uint32_t never = 0;
      ipc_os_wait(&never, 0, pause_ns);
      if (pause_ns < 16000000) pause_ns += pause_ns / 4;
    }
  }
}

enum { OTHERS = 077, OTHERS_WRITE = 022 };

static uint32_t segment_permissions_of(const ipc_options *options) {
  return options->permissions ? options->permissions : 0600;
}

static int32_t segment_refuse_permissions(ipc_failure *failure, const ipc_os_file *file) {
  failure->option = IPC_OPTION_PERMISSIONS;
  return segment_fail(failure, IPC_E_PERMISSION, file->owner, file->permissions);
}

/* Root may do anything to us as it is. */
static bool segment_is_own(const ipc_os_file *file) {
  return file->is_regular && file->links <= 1 && (file->owner == ipc_os_user() || file->owner == 0);
}

/*
 * Whether what has the name may be locked and mapped at all. The directory is everybody's: anybody may have put it
 * there to read what we send, to have us read what he sends, or to have us write to another file of ours. What another
 * user's file holds is no better than his word, so only what the system says of it counts.
 *
 * What our own user made may be shared with more than the caller allows: nobody alive need be on it. If somebody is,
 * segment_compare_options() refuses it.
 */
static int32_t segment_check_file(const ipc_os_file *file, const ipc_options *options, ipc_failure *failure) {
  if (!file->is_regular) return segment_fail(failure, IPC_E_FOREIGN, 0, 0);
  if (file->links > 1) return segment_fail(failure, IPC_E_FOREIGN, file->links, 1);
  uint32_t others = file->permissions & OTHERS;
  bool is_shared = (others & OTHERS_WRITE) != 0 && (others & ~segment_permissions_of(options)) == 0;
  return segment_is_own(file) || is_shared ? IPC_OK : segment_refuse_permissions(failure, file);
}

/*
 * Opens the file of a key (creating it if the options allow: *created) and locks it while it has that name. -EPERM with
 * failure->code: it is there, and must not be joined. Without options: only what there is, whoever's it is.
 */
static int segment_open_locked(const char *key, const ipc_options *options, uint64_t patience_ns, ipc_os_file *file,
                               bool *created, ipc_failure *failure) {
  uint64_t deadline = ipc_os_now() + patience_ns;
  for (;;) {
    int error = 0, fd = ipc_os_open(key, false, 0);
    *created = fd == -ENOENT && options && options->mode != IPC_OPEN;
    if (*created) {
      fd = ipc_os_open(key, true, segment_permissions_of(options));
      if (fd == -EEXIST) continue;
    }
    if (fd < 0) return fd;
    /* Before the lock: a stranger could hold that for ever. What it says stays true, but of the size and the name. */
    if (options && !*created) error = ipc_os_stat(fd, file);
    if (options && !*created && error == 0 && segment_check_file(file, options, failure) != IPC_OK) error = -EPERM;
    if (error == 0) error = segment_try_lock_until(fd, key, deadline);
    if (error == 0) error = ipc_os_stat(fd, file);
    if (error == 0 && file->links > 0) return fd;
    ipc_os_unlock(fd);
    if (error != 0) return error;
    /* Removed while this waited for its lock: look the name up again. */
  }
}

static bool segment_map(ipc_segment *segment, int fd, uint64_t bytes, int *error) {
  segment->mapping = ipc_mapping_new(fd, 0, bytes, true, error);
  if (!segment->mapping) return false;
  segment->header = segment->mapping->address;
  return true;
}

/* What an open maps of a file. Shared memory itself is mapped on its own, as it grows: here what may be before it. */
static uint64_t segment_mapped_bytes(uint32_t kind, uint64_t file_bytes) {
  uint64_t body_offset;
  if (kind != IPC_MEMORY) return file_bytes;
  ipc_segment_bytes(kind, 0, IPC_MAX_RECEIVERS, &body_offset);
  return body_offset < file_bytes ? body_offset : file_bytes;
}

/* From a header that was checked, and that nobody else can change. */
static void segment_adopt(ipc_segment *segment, const ipc_header *header) {
  uint32_t kind = header->kind, capacity = header->capacity, max_receivers = header->max_receivers;
  uint64_t body_offset;
  ipc_segment_bytes(kind, capacity, max_receivers, &body_offset);
  uint8_t *base = segment->mapping->address;
  segment->max_senders = segment_senders_of(kind);
  segment->max_waits = segment_waits_of(kind, max_receivers);
  segment->receivers = (ipc_slot *)(base + IPC_HEADER_BYTES);
  segment->senders = segment->receivers + max_receivers;
  segment->waits = (ipc_wait_entry *)(segment->senders + segment->max_senders);
  segment->body = base + body_offset;
  segment->kind = kind;
  segment->capacity = capacity;
  segment->max_receivers = max_receivers;
  segment->overflow = header->overflow;
  segment->initial = header->initial;
  segment->robust = header->robust == 1;
  segment->created = header->created;
}

/* Whether somebody was killed inside the lock of a leftover: whoever locks what takes its place is to be told. */
static bool segment_died_inside(const ipc_segment *segment) {
  if (!segment->receivers) return false; /* unfinished: nobody was ever on it */
  const ipc_header *header = segment->header;
  return (segment->kind == IPC_MUTEX && atomic_load_explicit(&header->claim, memory_order_relaxed) != 0) ||
         (segment->kind == IPC_RWLOCK && atomic_load_explicit(&header->writing, memory_order_relaxed) != 0);
}

/*
 * Takes such a leftover over as it is, lock and all. Nobody alive is on it, and we have the name lock. It is not
 * made anew: killed between removing it and making another, we would take along that its owner died; and whoever comes
 * between the two would not know it.
 */
static void segment_inherit(ipc_segment *segment) {
  ipc_header *header = segment->header;
  ipc_slots_reap(segment);
  atomic_store_explicit(&header->unusable, 0, memory_order_relaxed);
  /* Of a reader-writer lock `writing` tells it. */
  atomic_store_explicit(&header->claim, segment->kind == IPC_MUTEX ? IPC_CLAIM_ABANDONED : 0, memory_order_release);
}

static int32_t segment_create(ipc_segment *segment, int fd, const char *prefix, const char *name,
                              const ipc_options *options, bool owner_died, ipc_failure *failure) {
  bool has_ring = ipc_segment_has_ring(options->kind);
  uint32_t capacity = !has_ring ? 0 : options->capacity ? options->capacity : IPC_DEFAULT_CAPACITY;
  uint32_t max_receivers = options->max_receivers ? options->max_receivers : IPC_DEFAULT_RECEIVERS;
  uint64_t body_offset, bytes = ipc_segment_bytes(options->kind, capacity, max_receivers, &body_offset);
  uint64_t memory = options->kind == IPC_MEMORY ? options->size : 0, created = ipc_os_now();
  uint32_t overflow = options->overflow || !has_ring ? options->overflow : IPC_BLOCK;
  int error = ipc_os_resize(fd, bytes + memory);
  if (error != 0 || !segment_map(segment, fd, bytes, &error)) {
    segment_fail_system(failure, error);
    failure->wanted = bytes + memory;
    return failure->code;
  }
  ipc_header *header = segment->header;
  memset(header, 0, body_offset); /* of a leftover; there is no magic in it any more */
  header->version = IPC_LAYOUT_VERSION;
  header->layout_hash = ipc_layout_hash();
  header->kind = options->kind;
  header->capacity = capacity;
  header->max_receivers = max_receivers;
  header->max_senders = segment_senders_of(options->kind);
  header->permissions = segment_permissions_of(options);
  header->overflow = overflow;
  header->initial = options->initial ? options->initial - 1 : 1;
  header->robust = options->robust == 1;
  header->created = created;
  header->segment_bytes = bytes;
  header->body_offset = body_offset;
  strcpy(header->prefix, prefix);
  strcpy(header->name, name);
  atomic_store_explicit(&header->head, options->first_position, memory_order_relaxed);
  atomic_store_explicit(&header->write_limit, options->first_position, memory_order_relaxed);
  atomic_store_explicit(&header->announced, options->first_position, memory_order_relaxed);
  ipc_marks_add(header, options->first_position, 0);
  atomic_store_explicit(&header->permits, header->initial, memory_order_relaxed);
  atomic_store_explicit(&header->memory_bytes, memory, memory_order_relaxed);
  if (owner_died && options->kind == IPC_MUTEX)
    atomic_store_explicit(&header->claim, IPC_CLAIM_ABANDONED, memory_order_relaxed);
  if (owner_died && options->kind == IPC_RWLOCK)
    atomic_store_explicit(&header->writing, IPC_CLAIM_ABANDONED, memory_order_relaxed);
  atomic_store_explicit(&header->cursor, options->first_position, memory_order_relaxed);
  atomic_store_explicit(&header->tail, options->first_position, memory_order_relaxed);
  atomic_store_explicit(&header->next_instance, 1, memory_order_relaxed);
  /* Not what the header says by now: it may have been damaged since. */
  const ipc_header copy = {.kind = options->kind,
                           .capacity = capacity,
                           .max_receivers = max_receivers,
                           .overflow = overflow,
                           .initial = options->initial ? options->initial - 1 : 1,
                           .robust = options->robust == 1,
                           .created = created};
  segment_adopt(segment, &copy);
  atomic_store_explicit(&header->magic, IPC_MAGIC, memory_order_release);
  return IPC_OK;
}

static bool segment_is_kind(uint32_t kind) { return kind >= IPC_ROUTE && kind <= IPC_MEMORY; }

int32_t ipc_segment_check(const ipc_header *header, uint64_t file_bytes, ipc_failure *failure) {
  uint32_t magic = atomic_load_explicit(&header->magic, memory_order_acquire);
  if (magic != IPC_MAGIC) return segment_fail(failure, IPC_E_FOREIGN, magic, IPC_MAGIC);
  if (header->version != IPC_LAYOUT_VERSION)
    return segment_fail(failure, IPC_E_VERSION, header->version, IPC_LAYOUT_VERSION);
  if (header->layout_hash != ipc_layout_hash())
    return segment_fail(failure, IPC_E_VERSION, header->layout_hash, ipc_layout_hash());
  uint32_t kind = header->kind, capacity = header->capacity, receivers = header->max_receivers;
  bool is_sound = segment_is_kind(kind) && receivers > 0 && receivers <= IPC_MAX_RECEIVERS;
  if (is_sound && ipc_segment_has_ring(kind))
    is_sound = capacity >= IPC_MIN_CAPACITY && capacity <= IPC_MAX_CAPACITY && (capacity & (capacity - 1)) == 0 &&
               header->overflow >= IPC_BLOCK && header->overflow <= IPC_DROP_OLDEST;
  else if (is_sound)
    is_sound = capacity == 0 && header->overflow == 0 && header->initial <= IPC_MAX_PERMITS && header->robust <= 1;
  if (!is_sound || header->max_senders != segment_senders_of(kind)) return segment_fail(failure, IPC_E_CORRUPT, 0, 0);
  uint64_t body_offset, bytes = ipc_segment_bytes(kind, capacity, receivers, &body_offset);
  if (header->segment_bytes != bytes || header->body_offset != body_offset || file_bytes < bytes)
    return segment_fail(failure, IPC_E_CORRUPT, file_bytes, bytes);
  return IPC_OK;
}

/* Everything a joiner will rely on, read once and checked against the file before it is used. */
static int32_t segment_check_identity(const ipc_header *header, uint64_t file_bytes, const char *prefix,
                                      const char *name, const ipc_options *options, ipc_segment *segment,
                                      ipc_failure *failure) {
  ipc_header copy;
  memcpy(&copy, header, offsetof(ipc_header, head)); /* all that is constant: nobody can change it after the check */
  int32_t status = ipc_segment_check(&copy, file_bytes, failure);
  if (status != IPC_OK) return status;
  if (copy.kind != options->kind || strncmp(copy.prefix, prefix, sizeof copy.prefix) != 0 ||
      strncmp(copy.name, name, sizeof copy.name) != 0)
    return segment_fail(failure, IPC_E_CORRUPT, 0, 0);
  segment_adopt(segment, &copy);
  return IPC_OK;
}

/* Only once it is known that the name is in use: a leftover's options bind nobody. */
static int32_t segment_compare_options(const ipc_segment *segment, const ipc_os_file *file, const ipc_options *options,
                                       ipc_failure *failure) {
  if (options->capacity && options->capacity != segment->capacity) {
    failure->option = IPC_OPTION_CAPACITY;
    return segment_fail(failure, IPC_E_OPTIONS_MISMATCH, segment->capacity, options->capacity);
  }
  if (options->max_receivers && options->max_receivers != segment->max_receivers) {
    failure->option = IPC_OPTION_MAX_RECEIVERS;
    return segment_fail(failure, IPC_E_OPTIONS_MISMATCH, segment->max_receivers, options->max_receivers);
  }
  if (options->overflow && options->overflow != segment->overflow) {
    failure->option = IPC_OPTION_OVERFLOW;
    return segment_fail(failure, IPC_E_OPTIONS_MISMATCH, segment->overflow, options->overflow);
  }
  if (options->permissions && options->permissions != segment->header->permissions) {
    failure->option = IPC_OPTION_PERMISSIONS;
    return segment_fail(failure, IPC_E_OPTIONS_MISMATCH, segment->header->permissions, options->permissions);
  }
  /* The file's own, whatever the header says: with whom one shares is for each to say. */
  if ((file->permissions & OTHERS & ~segment_permissions_of(options)) != 0)
    return segment_refuse_permissions(failure, file);
  if (options->initial && options->initial - 1 != segment->initial) {
    failure->option = IPC_OPTION_INITIAL;
    return segment_fail(failure, IPC_E_OPTIONS_MISMATCH, segment->initial, options->initial - 1);
  }
  if (options->robust && (options->robust == 1) != segment->robust) {
    failure->option = IPC_OPTION_ROBUST;
    return segment_fail(failure, IPC_E_OPTIONS_MISMATCH, segment->robust, options->robust == 1);
  }
  if (segment->kind == IPC_MEMORY) {
    uint64_t bytes = atomic_load_explicit(&segment->header->memory_bytes, memory_order_acquire);
    if (bytes >= options->size) return IPC_OK;
    failure->option = IPC_OPTION_SIZE;
    return segment_fail(failure, IPC_E_OPTIONS_MISMATCH, bytes, options->size);
  }
  return IPC_OK;
}

/*
 * Whether a mapped segment is to be replaced: its creator was killed before it was
 * ready (we hold the name lock, so nobody is at work on it), or all its endpoints
 * are dead. If not, it is joined or failure->code says why it cannot be.
 */
static bool segment_is_leftover(ipc_segment *segment, const ipc_os_file *file, const char *prefix, const char *name,
                                const ipc_options *options, ipc_failure *failure) {
  ipc_header *header = segment->header;
  if (atomic_load_explicit(&header->magic, memory_order_acquire) == 0) return true;
  if (segment_check_identity(header, file->size, prefix, name, options, segment, failure) != IPC_OK) return false;
  if (!ipc_slots_any_alive(segment)) return true;
  if (options->mode == IPC_CREATE)
    segment_fail(failure, IPC_E_EXISTS, 0, 0);
  else
    segment_compare_options(segment, file, options, failure);
  return false;
}

static int32_t segment_check_options(const ipc_options *options, ipc_failure *failure) {
  if (!segment_is_kind(options->kind)) return segment_fail(failure, IPC_E_INVALID_ARGUMENT, options->kind, 0);
  if (options->overflow > IPC_DROP_OLDEST || (options->overflow == IPC_DROP_OLDEST && options->kind == IPC_QUEUE)) {
    failure->option = IPC_OPTION_OVERFLOW;
    return segment_fail(failure, IPC_E_INVALID_ARGUMENT, options->overflow, 0);
  }
  if (options->mode > IPC_OPEN || options->robust > 2 || options->initial > IPC_MAX_PERMITS + 1)
    return segment_fail(failure, IPC_E_INVALID_ARGUMENT, options->mode, 0);
  bool creates_memory = options->kind == IPC_MEMORY && options->mode != IPC_OPEN;
  if (options->size > IPC_MAX_MEMORY || (options->size == 0 && creates_memory)) {
    failure->option = IPC_OPTION_SIZE;
    return segment_fail(failure, IPC_E_INVALID_ARGUMENT, options->size, IPC_MAX_MEMORY);
  }
  uint32_t capacity = options->capacity;
  if (!ipc_segment_has_ring(options->kind) && (capacity || options->overflow)) {
    failure->option = capacity ? IPC_OPTION_CAPACITY : IPC_OPTION_OVERFLOW;
    return segment_fail(failure, IPC_E_INVALID_ARGUMENT, capacity ? capacity : options->overflow, 0);
  }
  if (capacity && (capacity < IPC_MIN_CAPACITY || capacity > IPC_MAX_CAPACITY || (capacity & (capacity - 1)) != 0)) {
    failure->option = IPC_OPTION_CAPACITY;
    return segment_fail(failure, IPC_E_INVALID_ARGUMENT, capacity, IPC_MAX_CAPACITY);
  }
  if (options->max_receivers > IPC_MAX_RECEIVERS) {
    failure->option = IPC_OPTION_MAX_RECEIVERS;
    return segment_fail(failure, IPC_E_INVALID_ARGUMENT, options->max_receivers, IPC_MAX_RECEIVERS);
  }
  if (options->permissions && (options->permissions > 0777 || (options->permissions & 0600) != 0600))
    return segment_fail(failure, IPC_E_INVALID_ARGUMENT, options->permissions,
                        0600); /* or its owner could not clear it */
  return IPC_OK;
}

int32_t ipc_segment_open(ipc_segment *segment, const char *prefix, const char *name, const ipc_options *options,
                         ipc_failure *failure) {
  memset(segment, 0, sizeof *segment);
  memset(failure, 0, sizeof *failure);
  int32_t status = segment_check_options(options, failure);
  if (status != IPC_OK) return status;
  status = ipc_segment_key(segment->key, options->kind, prefix, name);
  if (status != IPC_OK) return segment_fail(failure, status, 0, 0);
  ipc_os_self(); /* needs a descriptor the first time: if there is none, opening the file fails, rather than this later
                  */

  bool owner_died = false;
  for (;;) {
    ipc_os_file file;
    bool created;
    int fd = segment_open_locked(segment->key, options, OPEN_PATIENCE_NS, &file, &created, failure);
    if (failure->code != IPC_OK) return failure->code;
    if (fd == -ENOENT) return segment_fail(failure, IPC_E_NOT_FOUND, 0, 0);
    if (fd == -EACCES && ipc_os_stat_key(segment->key, &file) == 0) segment_refuse_permissions(failure, &file);
    if (fd < 0) return segment_fail_system(failure, fd);
    segment->inode = file.inode;

    int error = 0;
    if (file.size == 0 && !created && ipc_os_unlink(segment->key) == 0) {
      /* Its creator was killed, or is overtaken and will notice. Its permissions were for somebody else's options. */
      ipc_os_unlock(fd);
      continue;
    } else if (file.size == 0 && options->mode == IPC_OPEN) {
      status = segment_fail(failure, IPC_E_NOT_FOUND, 0, 0); /* another user's, just being made, or left so */
    } else if (file.size == 0) {
      status = segment_create(segment, fd, prefix, name, options, owner_died, failure);
      if (status != IPC_OK) ipc_os_unlink(segment->key);
    } else if (file.size < IPC_HEADER_BYTES) {
      status = segment_fail(failure, IPC_E_CORRUPT, file.size, IPC_HEADER_BYTES);
    } else if (!segment_map(segment, fd, segment_mapped_bytes(options->kind, file.size), &error)) {
      status = segment_fail_system(failure, error);
    } else if (!segment_is_leftover(segment, &file, prefix, name, options, failure)) {
      status = failure->code;
    } else if (options->mode == IPC_OPEN) {
      if (!segment_died_inside(segment)) ipc_segment_unlink(segment);
      status = segment_fail(failure, IPC_E_NOT_FOUND, 0, 0);
    } else if (segment_died_inside(segment) && segment_compare_options(segment, &file, options, failure) == IPC_OK) {
      segment_inherit(segment);
      status = IPC_OK;
    } else {
      memset(failure, 0, sizeof *failure); /* a leftover's options bind nobody */
      owner_died |= segment_died_inside(segment);
      bool removed = ipc_segment_unlink(segment);
      /* Before its size changes: if we are killed half-way, the next to come must see that it is unfinished. */
      if (!removed) atomic_store_explicit(&segment->header->magic, 0, memory_order_release);
      ipc_segment_close(segment);
      if (removed) {
        ipc_os_unlock(fd);
        continue;
      }
      /* Another user's: it may not be removed, but it may be written. */
      status = segment_create(segment, fd, prefix, name, options, owner_died, failure);
    }
    if (status == IPC_OK && atomic_load_explicit(&segment->mapping->damage.found, memory_order_relaxed))
      status = segment_fail(failure, IPC_E_CORRUPT, 0, segment->mapping->bytes); /* made smaller meanwhile */
    if (status == IPC_OK) return fd;
    ipc_segment_close(segment);
    ipc_os_unlock(fd);
    return status;
  }
}

int32_t ipc_segment_lock(const ipc_segment *segment, uint64_t patience_ns) {
  ipc_os_file file;
  bool created;
  if (segment->mapping->is_forked) return IPC_E_FORKED;
  int fd = segment_open_locked(segment->key, NULL, patience_ns, &file, &created, NULL);
  if (fd == -EWOULDBLOCK) return IPC_E_BUSY;
  if (fd == -ENOENT) return IPC_E_ORPHANED;
  if (fd < 0) return IPC_E_SYSTEM;
  /* A leftover taken over in place has the same inode, but another size or another birth. */
  bool is_as_large = segment->kind == IPC_MEMORY || file.size == segment->mapping->bytes;
  if (file.inode == segment->inode && is_as_large && segment->header->created == segment->created) return fd;
  ipc_os_unlock(fd);
  return IPC_E_ORPHANED;
}

static void segment_mark_orphaned(ipc_segment *segment) {
  if (!segment->receivers) return; /* unfinished: nobody has ever been on it, and nothing in it can be followed */
  uint32_t named = 0;              /* truncated stays truncated */
  atomic_compare_exchange_strong_explicit(&segment->header->orphaned, &named, 1, memory_order_release,
                                          memory_order_relaxed);
  for (int event = 0; event < IPC_EVENT_COUNT; event++) ipc_event_notify(segment, (enum ipc_event_index)event);
  /* Shared memory is as good without its name. */
  if (segment->kind != IPC_MEMORY) ipc_waits_notify_all(segment, IPC_WAIT_ANY);
}

bool ipc_segment_unlink(ipc_segment *segment) {
  bool removed = ipc_os_unlink(segment->key) == 0;
  segment_mark_orphaned(segment);
  return removed;
}

/* Zeroed or made smaller by a stranger, also where nobody has touched a missing page. */
static bool segment_is_damaged(const ipc_segment *segment, const ipc_os_file *file) {
  return file->size < segment->mapping->bytes ||
         atomic_load_explicit(&segment->header->magic, memory_order_relaxed) != IPC_MAGIC;
}

bool ipc_segment_is_orphaned(ipc_segment *segment) {
  _Atomic uint32_t *there = &segment->header->orphaned;
  if (atomic_load_explicit(there, memory_order_acquire)) return true;
  ipc_os_file file; /* not opened: it may be another user's by now */
  int error = ipc_os_stat_key(segment->key, &file);
  bool orphaned = error == -ENOENT || (error == 0 && file.inode != segment->inode);
  if (error == 0 && !orphaned && segment_is_damaged(segment, &file)) {
    atomic_store_explicit(there, IPC_TRUNCATED, memory_order_release);
    orphaned = true;
  }
  if (orphaned) segment_mark_orphaned(segment);
  return orphaned;
}

ipc_mapping *ipc_mapping_hold(ipc_segment *segment) {
  atomic_fetch_add_explicit(&segment->mapping->holds, 1, memory_order_relaxed);
  return segment->mapping;
}

void ipc_segment_close(ipc_segment *segment) {
  if (segment->mapping) ipc_mapping_release(segment->mapping);
  segment->mapping = NULL;
  segment->header = NULL;
}

int32_t ipc_clear(const char *prefix, const char *name, uint32_t kind, ipc_failure *failure) {
  memset(failure, 0, sizeof *failure);
  ipc_segment segment = {0};
  if (!segment_is_kind(kind)) return segment_fail(failure, IPC_E_INVALID_ARGUMENT, kind, 0);
  int32_t status = ipc_segment_key(segment.key, kind, prefix, name);
  if (status != IPC_OK) return segment_fail(failure, status, 0, 0);
  ipc_os_file file;
  bool created;
  int error = ipc_os_stat_key(segment.key, &file);
  if (error == -ENOENT) return IPC_OK;
  if (error != 0) return segment_fail_system(failure, error);
  /* A stranger's is neither waited for nor touched. Endpoints of his that are open on it find out by themselves. */
  if (!segment_is_own(&file)) {
    error = ipc_os_unlink(segment.key);
    if (error == -EPERM || error == -EACCES) segment_refuse_permissions(failure, &file);
    return error == 0 || error == -ENOENT ? IPC_OK : segment_fail_system(failure, error);
  }
  int fd = segment_open_locked(segment.key, NULL, OPEN_PATIENCE_NS, &file, &created, NULL);
  if (fd == -ENOENT) return IPC_OK;
  if (fd < 0) return segment_fail_system(failure, fd);
  error = ipc_os_unlink(segment.key);
  /* Tell the endpoints, if these are ours: anything may have this name. */
  int ignored;
  if (error == 0 && segment_is_own(&file) && file.size >= IPC_HEADER_BYTES &&
      segment_map(&segment, fd, segment_mapped_bytes(kind, file.size), &ignored)) {
    const ipc_options options = {.kind = kind};
    ipc_failure damage;
    if (segment_check_identity(segment.header, file.size, prefix, name, &options, &segment, &damage) == IPC_OK)
      segment_mark_orphaned(&segment);
    ipc_segment_close(&segment);
  }
  ipc_os_unlock(fd);
  return error == 0 ? IPC_OK : segment_fail_system(failure, error);
}

bool ipc_segment_is_named(const ipc_header *header, const char *listed) {
  char key[IPC_OS_KEY_BYTES], its[IPC_OS_KEY_BYTES];
  if (ipc_segment_key(key, header->kind, header->prefix, header->name) != IPC_OK) return false;
  ipc_os_listed_key(key, its);
  return strcmp(its, listed) == 0;
}

/* Whether nobody is on a mapped file that may be a segment. Under the name lock. */
static bool segment_is_abandoned(ipc_segment *segment, uint64_t file_bytes, const char *listed) {
  ipc_failure failure;
  ipc_header *header = segment->header, copy;
  if (atomic_load_explicit(&header->magic, memory_order_acquire) == 0) return true; /* unfinished: see is_leftover */
  memcpy(&copy, header, offsetof(ipc_header, head));
  if (ipc_segment_check(&copy, file_bytes, &failure) != IPC_OK || !ipc_segment_is_named(&copy, listed)) return false;
  segment_adopt(segment, &copy);
  return !ipc_slots_any_alive(segment);
}

bool ipc_segment_remove_leftover(const char *listed, uint64_t patience_ns) {
  ipc_segment segment = {0};
  ipc_os_file file;
  bool created, removed = false;
  int ignored, fd = segment_open_locked(listed, NULL, patience_ns, &file, &created, NULL);
  if (fd < 0) return false;
  snprintf(segment.key, sizeof segment.key, "%s",
           listed); /* nothing of its memory is looked at: all of it may be mapped */
  if (segment_is_own(&file) && file.size == 0)
    removed = ipc_os_unlink(listed) == 0;
  else if (segment_is_own(&file) && file.size >= IPC_HEADER_BYTES && segment_map(&segment, fd, file.size, &ignored) &&
           segment_is_abandoned(&segment, file.size, listed))
    removed = ipc_segment_unlink(&segment);
  ipc_segment_close(&segment);
  ipc_os_unlock(fd);
  return removed;
}

ipc_mapping *ipc_segment_map_memory(const ipc_segment *segment, int fd, ipc_failure *failure) {
  *failure = (ipc_failure){0};
  uint64_t body_offset = (uint64_t)(segment->body - (uint8_t *)segment->mapping->address);
  uint64_t bytes = atomic_load_explicit(&segment->header->memory_bytes, memory_order_acquire);
  ipc_os_file file;
  ipc_mapping *mapping = NULL;
  int error = ipc_os_stat(fd, &file);
  if (error != 0)
    segment_fail_system(failure, error);
  else if (bytes == 0 || bytes > IPC_MAX_MEMORY || file.size < body_offset + bytes)
    segment_fail(failure, IPC_E_CORRUPT, file.size, body_offset + bytes);
  else if (!(mapping = ipc_mapping_new(fd, body_offset, bytes, false, &error)))
    segment_fail_system(failure, error);
  return mapping;
}

int32_t ipc_segment_grow_memory(const ipc_segment *segment, uint64_t bytes, ipc_failure *failure) {
  *failure = (ipc_failure){0};
  int32_t fd = ipc_segment_lock(segment, OPEN_PATIENCE_NS);
  if (fd < 0) return segment_fail(failure, fd, 0, 0);
  _Atomic uint64_t *there = &segment->header->memory_bytes;
  uint64_t body_offset = (uint64_t)(segment->body - (uint8_t *)segment->mapping->address);
  uint64_t before = atomic_load_explicit(there, memory_order_acquire), wanted = body_offset + bytes;
  ipc_os_file file;
  int error = ipc_os_stat(fd, &file);
  bool is_sound = error != 0 || (before > 0 && before <= IPC_MAX_MEMORY && file.size >= body_offset + before);
  if (error == 0 && is_sound && before < bytes) {
    /*
     * The file's own size counts, and it never shrinks below that: somebody may have mapped all of it, whatever the
     * header says by now. Killed before the store, we leave a file that is larger than it need be.
     */
    error = ipc_os_resize(fd, wanted > file.size ? wanted : file.size);
    if (error == 0)
      atomic_store_explicit(there, bytes, memory_order_release);
    else
      ipc_os_resize(fd, file.size);
  }
  ipc_os_unlock(fd);
  if (!is_sound) return segment_fail(failure, IPC_E_CORRUPT, file.size, body_offset + before);
  return error == 0 ? IPC_OK : segment_fail_system(failure, error);
}

#include "segment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "failure.h"
#include "buffers.h"
#include "layout_hash.h"
#include "marks.h"
#include "name_lock.h"

const char *const ipc_kind_names[IPC_KINDS] = {"",          "route",  "channel", "queue",  "mutex", "condition",
                                               "semaphore", "rwlock", "memory",  "signal", "latest"};

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

static uint32_t segment_senders_of(uint32_t kind, uint32_t capacity) {
  if (!ipc_segment_has_ring(kind)) return 0;
  return kind == IPC_ROUTE || capacity <= IPC_SMALL_CAPACITY ? IPC_FEW_SENDERS : IPC_MAX_SENDERS;
}

static uint32_t segment_waits_of(uint32_t kind, uint32_t max_receivers) {
  return ipc_segment_has_ring(kind) ? 0 : max_receivers * IPC_WAITS_PER_HANDLE;
}

uint64_t ipc_segment_bytes(uint32_t kind, uint32_t capacity, uint32_t max_receivers, uint64_t *body_offset) {
  uint64_t tables = IPC_HEADER_BYTES +
                    ((uint64_t)max_receivers + segment_senders_of(kind, capacity)) * sizeof(ipc_slot) +
                    (uint64_t)segment_waits_of(kind, max_receivers) * sizeof(ipc_wait_entry);
  uint64_t page = kind == IPC_MEMORY ? 65536 : 4096; /* the largest there are: it is mapped from there on */
  *body_offset = (tables + page - 1) & ~(page - 1);
  if (kind == IPC_LATEST) return *body_offset + ipc_buffer_count(max_receivers) * ipc_buffer_stride(capacity);
  return *body_offset + capacity;
}

static int32_t segment_refuse_shortage(const ipc_segment *segment, const ipc_os_shortage *short_of, uint64_t bytes,
                                       ipc_failure *failure) {
  bool is_file_size = short_of->of == IPC_OS_FILE_SIZE;
  ipc_failure_set_refused(failure, is_file_size ? IPC_CAUSE_FILE_SIZE : IPC_CAUSE_MEMORY_LIMIT,
                          is_file_size ? -EFBIG : -ENOMEM, segment->key);
  if (short_of->path[0]) memcpy(failure->path, short_of->path, sizeof failure->path);
  return ipc_failure_set(failure, failure->code, short_of->most, bytes);
}

/* Gives the file its size, with all its memory. */
static int32_t segment_resize(const ipc_segment *segment, int fd, uint64_t bytes, ipc_failure *failure) {
  ipc_os_shortage short_of;
  if (ipc_os_is_short(fd, bytes, &short_of)) return segment_refuse_shortage(segment, &short_of, bytes, failure);
  int error = ipc_os_resize(fd, bytes);
  if (error == 0) return IPC_OK;
  ipc_failure_set_refused(failure, IPC_CAUSE_RESERVE, error, segment->key);
  return ipc_failure_set(failure, failure->code, ipc_os_free_bytes(fd), bytes);
}

/* The same, but only the first `reserved` bytes get memory. */
static int32_t segment_resize_with_hole(const ipc_segment *segment, int fd, uint64_t reserved, uint64_t bytes,
                                        ipc_failure *failure) {
  ipc_os_shortage short_of;
  /* Before anything changes: the system would end the process. What the hole would need of memory does not count. */
  if (ipc_os_is_short(fd, bytes, &short_of) && short_of.of == IPC_OS_FILE_SIZE)
    return segment_refuse_shortage(segment, &short_of, bytes, failure);
  if (segment_resize(segment, fd, reserved, failure) != IPC_OK) return failure->code;
  int error = ipc_os_extend(fd, bytes);
  return error == 0 ? IPC_OK : ipc_failure_set_refused(failure, IPC_CAUSE_RESERVE, error, segment->key);
}

static int32_t segment_refuse_mapping(const ipc_segment *segment, int error, uint64_t bytes, ipc_failure *failure) {
  ipc_failure_set_refused(failure, IPC_CAUSE_MAP, error, segment->key);
  return ipc_failure_set(failure, failure->code, 0, bytes);
}

bool ipc_segment_map(ipc_segment *segment, int fd, uint64_t bytes, int *error) {
  segment->mapping = ipc_mapping_new(fd, 0, bytes, true, error);
  if (!segment->mapping) return false;
  segment->header = segment->mapping->address;
  return true;
}

uint64_t ipc_segment_mapped_bytes(uint32_t kind, uint64_t file_bytes) {
  uint64_t body_offset;
  if (kind != IPC_MEMORY) return file_bytes;
  ipc_segment_bytes(kind, 0, IPC_MAX_RECEIVERS, &body_offset);
  return body_offset < file_bytes ? body_offset : file_bytes;
}

void ipc_segment_adopt(ipc_segment *segment, const ipc_header *header) {
  uint32_t kind = header->kind, capacity = header->capacity, max_receivers = header->max_receivers;
  uint64_t body_offset;
  ipc_segment_bytes(kind, capacity, max_receivers, &body_offset);
  uint8_t *base = segment->mapping->address;
  segment->max_senders = segment_senders_of(kind, capacity);
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
  segment->stamped = header->stamped == 1;
  segment->created = header->created;
}

/*
 * Zeros what a leftover had there; it has no magic any more. If its owner died inside, the words that say so stay:
 * killed here, this process leaves them for the next open. See ipc_died_inside_unfinished().
 */
static void segment_clear(ipc_header *header, uint64_t bytes, bool owner_died) {
  uint8_t *base = (uint8_t *)header;
  if (!owner_died) {
    memset(base, 0, bytes);
    return;
  }
  memset(base + offsetof(ipc_header, kind), 0, offsetof(ipc_header, claim) - offsetof(ipc_header, kind));
  memset(base + offsetof(ipc_header, permits), 0, bytes - offsetof(ipc_header, permits));
}

int32_t ipc_segment_create(ipc_segment *segment, int fd, const char *prefix, const char *name,
                           const ipc_options *options, bool owner_died, ipc_failure *failure) {
  bool has_ring = ipc_segment_has_ring(options->kind);
  bool is_latest = options->kind == IPC_LATEST;
  uint32_t capacity = !has_ring ? 0 : options->capacity ? options->capacity : IPC_DEFAULT_CAPACITY;
  if (is_latest) capacity = options->size ? (uint32_t)options->size : IPC_DEFAULT_VALUE;
  uint32_t max_receivers = options->max_receivers ? options->max_receivers : IPC_DEFAULT_RECEIVERS;
  uint64_t body_offset, bytes = ipc_segment_bytes(options->kind, capacity, max_receivers, &body_offset);
  uint64_t memory = options->kind == IPC_MEMORY ? options->size : 0, created = ipc_os_now();
  uint32_t overflow = options->overflow || !has_ring ? options->overflow : IPC_BLOCK;
  int error = 0;
  uint64_t reserved = is_latest ? body_offset + IPC_FIRST_BUFFERS * ipc_buffer_stride(capacity) : bytes + memory;
  int32_t sized = is_latest ? segment_resize_with_hole(segment, fd, reserved, bytes, failure)
                            : segment_resize(segment, fd, bytes + memory, failure);
  if (sized != IPC_OK) return sized;
  if (!ipc_segment_map(segment, fd, bytes, &error))
    return segment_refuse_mapping(segment, error, bytes + memory, failure);
  ipc_header *header = segment->header;
  segment_clear(header, body_offset, owner_died);
  header->version = IPC_LAYOUT_VERSION;
  header->layout_hash = ipc_layout_hash();
  header->kind = options->kind;
  header->capacity = capacity;
  header->max_receivers = max_receivers;
  header->max_senders = segment_senders_of(options->kind, capacity);
  header->permissions = ipc_name_lock_permissions(options);
  header->overflow = overflow;
  header->initial = options->initial ? options->initial - 1 : 1;
  header->robust = options->robust == 1;
  header->stamped = options->stamp == IPC_STAMP_ALL;
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
  atomic_store_explicit(&header->buffers, is_latest ? IPC_FIRST_BUFFERS : 0, memory_order_relaxed);
  bool is_mutex = options->kind == IPC_MUTEX;
  atomic_store_explicit(&header->claim, owner_died && is_mutex ? IPC_CLAIM_ABANDONED : 0, memory_order_relaxed);
  atomic_store_explicit(&header->writing, owner_died && !is_mutex ? IPC_CLAIM_ABANDONED : 0, memory_order_relaxed);
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
                           .stamped = options->stamp == IPC_STAMP_ALL,
                           .created = created};
  ipc_segment_adopt(segment, &copy);
  atomic_store_explicit(&header->magic, IPC_MAGIC, memory_order_release);
  return IPC_OK;
}

int32_t ipc_segment_check(const ipc_header *header, uint64_t file_bytes, ipc_failure *failure) {
  uint32_t magic = atomic_load_explicit(&header->magic, memory_order_acquire);
  if (magic != IPC_MAGIC) return ipc_failure_set(failure, IPC_E_FOREIGN, magic, IPC_MAGIC);
  if (header->version != IPC_LAYOUT_VERSION)
    return ipc_failure_set(failure, IPC_E_VERSION, header->version, IPC_LAYOUT_VERSION);
  if (header->layout_hash != ipc_layout_hash())
    return ipc_failure_set(failure, IPC_E_VERSION, header->layout_hash, ipc_layout_hash());
  uint32_t kind = header->kind, capacity = header->capacity, receivers = header->max_receivers;
  bool is_sound = ipc_segment_is_kind(kind) && receivers > 0 && receivers <= IPC_MAX_RECEIVERS;
  if (is_sound && ipc_segment_has_ring(kind))
    is_sound = capacity >= IPC_MIN_CAPACITY && capacity <= IPC_MAX_CAPACITY && (capacity & (capacity - 1)) == 0 &&
               header->overflow >= IPC_BLOCK && header->overflow <= IPC_DROP_OLDEST && header->stamped <= 1;
  else if (is_sound)
    is_sound = (kind == IPC_LATEST ? capacity > 0 && capacity <= IPC_MAX_VALUE : capacity == 0) &&
               header->overflow == 0 && header->initial <= IPC_MAX_PERMITS && header->robust <= 1 &&
               header->stamped == 0;
  if (!is_sound || header->max_senders != segment_senders_of(kind, capacity))
    return ipc_failure_set(failure, IPC_E_CORRUPT, 0, 0);
  uint64_t body_offset, bytes = ipc_segment_bytes(kind, capacity, receivers, &body_offset);
  if (header->segment_bytes != bytes || header->body_offset != body_offset || file_bytes < bytes)
    return ipc_failure_set(failure, IPC_E_CORRUPT, file_bytes, bytes);
  return IPC_OK;
}

int32_t ipc_segment_check_identity(const ipc_header *header, uint64_t file_bytes, const char *prefix, const char *name,
                                   const ipc_options *options, ipc_segment *segment, ipc_failure *failure) {
  ipc_header copy;
  memcpy(&copy, header, offsetof(ipc_header, head)); /* all that is constant */
  int32_t status = ipc_segment_check(&copy, file_bytes, failure);
  if (status != IPC_OK) return status;
  if (copy.kind != options->kind || strncmp(copy.prefix, prefix, sizeof copy.prefix) != 0 ||
      strncmp(copy.name, name, sizeof copy.name) != 0)
    return ipc_failure_set(failure, IPC_E_CORRUPT, 0, 0);
  ipc_segment_adopt(segment, &copy);
  return IPC_OK;
}

bool ipc_segment_is_named(const ipc_header *header, const char *listed) {
  char key[IPC_OS_KEY_BYTES], its[IPC_OS_KEY_BYTES];
  if (ipc_segment_key(key, header->kind, header->prefix, header->name) != IPC_OK) return false;
  ipc_os_listed_key(key, its);
  return strcmp(its, listed) == 0;
}

int32_t ipc_segment_lock(const ipc_segment *segment, uint64_t patience_ns) {
  ipc_os_file file;
  bool created;
  if (segment->mapping->is_forked) return IPC_E_FORKED;
  int fd = ipc_name_lock_open(segment->key, NULL, patience_ns, &file, &created, NULL);
  if (fd == -EWOULDBLOCK) return IPC_E_BUSY;
  if (fd == -ENOENT) return IPC_E_ORPHANED;
  if (fd < 0) return IPC_E_SYSTEM;
  /* A leftover that was replaced in place has the same inode, but another size or time of creation. */
  bool is_as_large = segment->kind == IPC_MEMORY || file.size == segment->mapping->bytes;
  if (file.inode == segment->inode && is_as_large && segment->header->created == segment->created) return fd;
  ipc_os_unlock(fd);
  return IPC_E_ORPHANED;
}

ipc_mapping *ipc_mapping_hold(ipc_segment *segment) {
  atomic_fetch_add_explicit(&segment->mapping->holds, 1, memory_order_relaxed);
  return segment->mapping;
}

void ipc_segment_close(ipc_segment *segment) {
  if (segment->mapping) ipc_mapping_close(segment->mapping);
  segment->mapping = NULL;
  segment->header = NULL;
}

int32_t ipc_segment_reserve_buffer(const ipc_segment *segment, uint32_t index) {
  int32_t fd = ipc_segment_lock(segment, IPC_NAME_LOCK_PATIENCE_NS);
  if (fd < 0) return fd;
  uint64_t stride = ipc_buffer_stride(segment->capacity);
  uint64_t from = (uint64_t)(segment->body - (uint8_t *)segment->mapping->address) + index * stride;
  ipc_os_shortage short_of;
  int error = 0;
  /* The size does not change, so all that can be short is memory. */
  bool is_short = ipc_os_is_short_of_memory(fd, stride, &short_of);
  if (!is_short) error = ipc_os_reserve(fd, from, from + stride);
  ipc_os_unlock(fd);
  if (is_short || error == -ENOSPC || error == -EDQUOT || error == -ENOMEM) return IPC_E_NO_SPACE;
  return error == 0 ? IPC_OK : IPC_E_SYSTEM;
}

ipc_mapping *ipc_segment_map_memory(const ipc_segment *segment, int fd, ipc_failure *failure) {
  *failure = (ipc_failure){0};
  uint64_t body_offset = (uint64_t)(segment->body - (uint8_t *)segment->mapping->address);
  uint64_t bytes = atomic_load_explicit(&segment->header->memory_bytes, memory_order_acquire);
  ipc_os_file file;
  ipc_mapping *mapping = NULL;
  int error = ipc_os_stat(fd, &file);
  if (error != 0)
    ipc_failure_set_refused(failure, IPC_CAUSE_FILE, error, segment->key);
  else if (bytes == 0 || bytes > IPC_MAX_MEMORY || file.size < body_offset + bytes)
    ipc_failure_set(failure, IPC_E_CORRUPT, file.size, body_offset + bytes);
  else if (!(mapping = ipc_mapping_new(fd, body_offset, bytes, false, &error)))
    segment_refuse_mapping(segment, error, bytes, failure);
  return mapping;
}

int32_t ipc_segment_grow_memory(const ipc_segment *segment, uint64_t bytes, ipc_failure *failure) {
  *failure = (ipc_failure){0};
  int32_t fd = ipc_segment_lock(segment, IPC_NAME_LOCK_PATIENCE_NS);
  if (fd < 0) return ipc_failure_set(failure, fd, 0, 0);
  _Atomic uint64_t *there = &segment->header->memory_bytes;
  uint64_t body_offset = (uint64_t)(segment->body - (uint8_t *)segment->mapping->address);
  uint64_t before = atomic_load_explicit(there, memory_order_acquire), wanted = body_offset + bytes;
  ipc_os_file file;
  int error = ipc_os_stat(fd, &file);
  bool is_sound = error != 0 || (before > 0 && before <= IPC_MAX_MEMORY && file.size >= body_offset + before);
  if (error == 0 && is_sound && before < bytes) {
    /*
     * The size of the file counts, and the file never shrinks below it: a process may have mapped all of it, whatever
     * the header says by now. Killed before the store, we leave a file that is larger than necessary.
     */
    if (segment_resize(segment, fd, wanted > file.size ? wanted : file.size, failure) == IPC_OK)
      atomic_store_explicit(there, bytes, memory_order_release);
    else
      ipc_os_resize(fd, file.size);
  }
  ipc_os_unlock(fd);
  if (failure->code != 0) return failure->code;
  if (!is_sound) return ipc_failure_set(failure, IPC_E_CORRUPT, file.size, body_offset + before);
  return error == 0 ? IPC_OK : ipc_failure_set_refused(failure, IPC_CAUSE_FILE, error, segment->key);
}

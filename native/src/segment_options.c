#include "segment_options.h"

#include <string.h>

#include "codec.h"
#include "dead_letter.h"
#include "failure.h"
#include "name_lock.h"

/*
 * The sizes that a caller may give. The shortest is that of ABI version 8, which had a size first: every field up to
 * there is in the memory of every caller. The longest bounds what is read if the size is garbage.
 */
enum { OPTIONS_SHORTEST = 56, OPTIONS_LONGEST = 4096 };

int32_t ipc_segment_options_read(ipc_options *own, const ipc_options *given, ipc_failure *failure) {
  _Static_assert(sizeof *own >= OPTIONS_SHORTEST && sizeof *own <= OPTIONS_LONGEST, "the size of this library's");
  const uint32_t bytes = given->struct_size;
  bool is_known = bytes >= OPTIONS_SHORTEST && bytes <= OPTIONS_LONGEST;
  *own = (ipc_options){0};
  for (uint32_t at = 0; is_known && at < bytes; at++) {
    uint8_t byte = ((const uint8_t *)given)[at];
    if (at < sizeof *own)
      ((uint8_t *)own)[at] = byte;
    else
      is_known = byte == 0;
  }
  own->struct_size = sizeof *own; /* it may be read again */
  if (is_known) return IPC_OK;
  return ipc_failure_set_option(failure, IPC_E_INVALID_ARGUMENT, IPC_OPTION_STRUCT_SIZE, bytes, sizeof *own);
}

int32_t ipc_segment_options_check(const ipc_options *options, ipc_failure *failure) {
  if (!ipc_segment_is_kind(options->kind)) return ipc_failure_set(failure, IPC_E_INVALID_ARGUMENT, options->kind, 0);
  if (options->overflow > IPC_DROP_OLDEST || (options->overflow == IPC_DROP_OLDEST && options->kind == IPC_QUEUE))
    return ipc_failure_set_option(failure, IPC_E_INVALID_ARGUMENT, IPC_OPTION_OVERFLOW, options->overflow, 0);
  bool is_broadcast = options->kind == IPC_ROUTE || options->kind == IPC_CHANNEL;
  if (options->lossy > 1 || (options->lossy && !is_broadcast))
    return ipc_failure_set_option(failure, IPC_E_INVALID_ARGUMENT, IPC_OPTION_LOSSY, options->lossy, is_broadcast);
  if (options->stamp > IPC_STAMP_ANY || (options->stamp && !ipc_segment_has_ring(options->kind)))
    return ipc_failure_set_option(failure, IPC_E_INVALID_ARGUMENT, IPC_OPTION_STAMP, options->stamp, 0);
  if (options->mode > IPC_OPEN || options->robust > 2 || options->initial > IPC_MAX_PERMITS + 1)
    return ipc_failure_set(failure, IPC_E_INVALID_ARGUMENT, options->mode, 0);
  bool creates_memory = options->kind == IPC_MEMORY && options->mode != IPC_OPEN;
  bool is_latest = options->kind == IPC_LATEST;
  uint64_t largest = is_latest ? IPC_MAX_VALUE : IPC_MAX_MEMORY;
  if (options->size > largest || (options->size == 0 && creates_memory))
    return ipc_failure_set_option(failure, IPC_E_INVALID_ARGUMENT, IPC_OPTION_SIZE, options->size, largest);
  if (options->keep > 1 || (options->keep && !is_latest))
    return ipc_failure_set_option(failure, IPC_E_INVALID_ARGUMENT, IPC_OPTION_KEEP, options->keep, is_latest);
  bool is_queue = options->kind == IPC_QUEUE, ends = memchr(options->dead_letter, 0, IPC_MAX_NAME + 1) != NULL;
  if (options->max_attempts > IPC_MAX_ATTEMPTS || (options->max_attempts && (!is_queue || !options->dead_letter[0])))
    return ipc_failure_set_option(failure, IPC_E_INVALID_ARGUMENT, IPC_OPTION_MAX_ATTEMPTS, options->max_attempts,
                                  options->max_attempts > IPC_MAX_ATTEMPTS ? IPC_MAX_ATTEMPTS : 0);
  if (!ends || ((options->dead_letter[0] || options->prefetch) && !is_queue))
    return ipc_failure_set(failure, IPC_E_INVALID_ARGUMENT, options->kind, 0);
  if (options->notify_only > 1 || (options->notify_only && options->kind != IPC_SIGNAL))
    return ipc_failure_set(failure, IPC_E_INVALID_ARGUMENT, options->notify_only, 0);
  uint32_t capacity = options->capacity;
  if (!ipc_segment_has_ring(options->kind) && (capacity || options->overflow)) {
    failure->option = capacity ? IPC_OPTION_CAPACITY : IPC_OPTION_OVERFLOW;
    return ipc_failure_set(failure, IPC_E_INVALID_ARGUMENT, capacity ? capacity : options->overflow, 0);
  }
  if (capacity && (capacity < IPC_MIN_CAPACITY || capacity > IPC_MAX_CAPACITY || (capacity & (capacity - 1)) != 0))
    return ipc_failure_set_option(failure, IPC_E_INVALID_ARGUMENT, IPC_OPTION_CAPACITY, capacity, IPC_MAX_CAPACITY);
  if (!ipc_codec_is_id(options->codec) || (options->codec[0] && !ipc_segment_has_ring(options->kind) && !is_latest))
    return ipc_failure_set_option(failure, IPC_E_INVALID_ARGUMENT, IPC_OPTION_CODEC, 0, 0);
  if (options->max_receivers > IPC_MAX_RECEIVERS)
    return ipc_failure_set_option(failure, IPC_E_INVALID_ARGUMENT, IPC_OPTION_MAX_RECEIVERS, options->max_receivers,
                                  IPC_MAX_RECEIVERS);
  if (options->permissions && (options->permissions > 0777 || (options->permissions & 0600) != 0600))
    return ipc_failure_set(failure, IPC_E_INVALID_ARGUMENT, options->permissions,
                           0600); /* or its owner could not clear it */
  return IPC_OK;
}

/* Only for a name in use: the options of a leftover bind no new user. */
int32_t ipc_segment_options_compare(const ipc_segment *segment, const ipc_os_file *file, const ipc_options *options,
                                    ipc_failure *failure) {
  if (options->capacity && options->capacity != segment->capacity)
    return ipc_failure_set_option(failure, IPC_E_OPTIONS_MISMATCH, IPC_OPTION_CAPACITY, segment->capacity,
                                  options->capacity);
  if (options->max_receivers && options->max_receivers != segment->max_receivers)
    return ipc_failure_set_option(failure, IPC_E_OPTIONS_MISMATCH, IPC_OPTION_MAX_RECEIVERS, segment->max_receivers,
                                  options->max_receivers);
  if (options->overflow && options->overflow != segment->overflow)
    return ipc_failure_set_option(failure, IPC_E_OPTIONS_MISMATCH, IPC_OPTION_OVERFLOW, segment->overflow,
                                  options->overflow);
  if (options->permissions && options->permissions != segment->header->permissions)
    return ipc_failure_set_option(failure, IPC_E_OPTIONS_MISMATCH, IPC_OPTION_PERMISSIONS, segment->header->permissions,
                                  options->permissions);
  /* The mode of the file itself, whatever the header says: each user decides with whom it shares. */
  if ((file->permissions & IPC_OTHERS & ~ipc_name_lock_permissions(options)) != 0)
    return ipc_name_lock_refuse(failure, file);
  if (options->initial && options->initial - 1 != segment->initial)
    return ipc_failure_set_option(failure, IPC_E_OPTIONS_MISMATCH, IPC_OPTION_INITIAL, segment->initial,
                                  options->initial - 1);
  if (options->robust && (options->robust == 1) != segment->robust)
    return ipc_failure_set_option(failure, IPC_E_OPTIONS_MISMATCH, IPC_OPTION_ROBUST, segment->robust,
                                  options->robust == 1);
  if (options->stamp != IPC_STAMP_ANY && (options->stamp == IPC_STAMP_ALL) != segment->stamped)
    return ipc_failure_set_option(failure, IPC_E_OPTIONS_MISMATCH, IPC_OPTION_STAMP, segment->stamped,
                                  options->stamp == IPC_STAMP_ALL);
  if (ipc_codec_compare(segment->header, options->codec, failure) != IPC_OK) return failure->code;
  if (ipc_dead_letter_compare(segment, options, failure) != IPC_OK) return failure->code;
  if (segment->kind == IPC_LATEST && options->size && options->size != segment->capacity)
    return ipc_failure_set_option(failure, IPC_E_OPTIONS_MISMATCH, IPC_OPTION_SIZE, segment->capacity, options->size);
  if (segment->kind == IPC_MEMORY) {
    uint64_t bytes = atomic_load_explicit(&segment->header->memory_bytes, memory_order_acquire);
    if (bytes >= options->size) return IPC_OK;
    return ipc_failure_set_option(failure, IPC_E_OPTIONS_MISMATCH, IPC_OPTION_SIZE, bytes, options->size);
  }
  return IPC_OK;
}

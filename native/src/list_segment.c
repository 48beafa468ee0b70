#include "listing.h"

#include <stdio.h>

#include "buffers.h"
#include "codec.h"
#include "dead_letter.h"
#include "event.h"
#include "marks.h"
#include "slot_owner.h"

/* `head` has the low half of how many messages were sent; the last mark is near enough to tell the high half. */
static uint64_t list_messages_of(const ipc_header *header) {
  if (ipc_listing_load_long(&header->mark_count) == 0) return ipc_listing_load_long(&header->head) >> 32;
  uint64_t number = ipc_marks_last(header).number;
  return number +
         (uint64_t)(int64_t)(int32_t)((uint32_t)(ipc_listing_load_long(&header->head) >> 32) - (uint32_t)number);
}

/* How often endpoints were woken; without a ring: how many waits began. */
static uint32_t list_wakeups_of(const ipc_header *header) {
  if (!ipc_segment_has_ring(header->kind)) return ipc_listing_load(&header->next_ticket);
  uint32_t count = 0;
  for (uint32_t event = 0; event < IPC_EVENT_COUNT; event++)
    count += ipc_listing_load(&header->event_words[event].value);
  return count;
}

static void list_describe_segment(ipc_listing *listing, ipc_listed_name *name, uint64_t memory_bytes,
                                  uint32_t codec_length) {
  const ipc_header *header = &listing->header;
  name->kind = header->kind;
  name->capacity = header->kind == IPC_MEMORY ? memory_bytes : header->capacity;
  name->max_receivers = header->max_receivers;
  name->overflow = header->overflow;
  name->permissions = header->permissions;
  name->wakeups = list_wakeups_of(header);
  if (ipc_segment_has_ring(header->kind)) {
    name->head = ipc_listing_bytes_before(header, ipc_listing_head_of(header));
    name->messages = list_messages_of(header);
    name->stamped = header->stamped;
    ipc_codec_read(header, codec_length,
                   name->codec); /* "" if it is damaged: it concerns endpoints with a codec only */
  }
  name->age = ipc_listing_age_of(header->created);
  if (header->kind == IPC_LATEST) {
    name->messages = ipc_version_of(ipc_listing_load_long(&header->current));
    name->waiting = listing->value_length;
    ipc_codec_read(header, codec_length, name->codec);
    uint64_t buffers = ipc_listing_load(&header->buffers); /* the rest of the file is a hole */
    if (buffers < ipc_buffer_count(header->max_receivers))
      name->bytes = header->body_offset + buffers * ipc_buffer_stride(header->capacity);
  }
  if (header->kind == IPC_QUEUE) {
    name->waiting = ipc_listing_lag_of(header, ipc_listing_load(&header->cursor));
    name->max_attempts = ipc_dead_letter_limit(header);
    if (ipc_listing_load(&header->max_attempts) != 0)
      snprintf(name->dead_letter, sizeof name->dead_letter, "%.*s", IPC_MAX_NAME, header->dead_letter);
  }
  if (header->kind == IPC_SEMAPHORE) {
    name->permits = ipc_listing_load(&header->permits);
    name->initial = header->initial;
    name->robust = header->robust;
    name->recovered = ipc_listing_load(&header->recovered);
  }
  if (header->kind == IPC_MUTEX || header->kind == IPC_RWLOCK)
    name->unusable = ipc_listing_load(&header->unusable) != 0;
  snprintf(name->prefix, sizeof name->prefix, "%s", header->prefix);
  snprintf(name->name, sizeof name->name, "%s", header->name);
  listing->slot_count = ipc_listing_slots_of(header);
  for (uint32_t i = 0; i < listing->slot_count; i++) {
    if (ipc_listing_load(&listing->slots[i].instance) == 0) continue;
    listing->alive[i] = ipc_slot_owner_is_alive(&listing->slots[i]);
    if (!listing->alive[i])
      name->dead++;
    else if (i < header->max_receivers)
      name->receivers++;
    else
      name->senders++;
  }
  name->state = name->senders + name->receivers   ? IPC_LISTED_LIVE
                : ipc_listing_load(&header->kept) ? IPC_LISTED_KEPT
                                                  : IPC_LISTED_LEFTOVER;
}

static uint32_t list_state_of(int32_t status) {
  return status == IPC_E_FOREIGN   ? IPC_LISTED_FOREIGN
         : status == IPC_E_VERSION ? IPC_LISTED_VERSION
                                   : IPC_LISTED_DAMAGED;
}

/* Reads the first `used` of the `count` slots that begin at `first`; the others are free. */
static bool list_read_slots(ipc_listing *listing, int fd, uint32_t first, uint32_t count, uint32_t used) {
  if (used > count) used = count;
  ipc_slot *slots = &listing->slots[first];
  for (uint32_t i = used; i < count; i++) atomic_store_explicit(&slots[i].instance, 0, memory_order_relaxed);
  uint64_t bytes = used * sizeof *slots;
  return ipc_os_read(fd, slots, bytes, IPC_HEADER_BYTES + first * sizeof *slots) == (int64_t)bytes;
}

static bool list_has_live_slot(const ipc_listing *listing) {
  for (uint32_t i = 0; i < ipc_listing_slots_of(&listing->header); i++)
    if (ipc_listing_load(&listing->slots[i].instance) != 0 && ipc_slot_owner_is_alive(&listing->slots[i])) return true;
  return false;
}

/*
 * Reads the slots, and the waits behind them. False: the file has become too short. The slots of a ring take 136 KiB,
 * so only those are read that were in use at some time. Before a name is called a leftover, all are read: the numbers
 * of used slots may be damaged.
 */
static bool list_read_tables(ipc_listing *listing, int fd) {
  const ipc_header *header = &listing->header;
  uint32_t receivers = header->max_receivers, count = ipc_listing_slots_of(header);
  if (ipc_segment_has_ring(header->kind)) {
    bool is_read =
        list_read_slots(listing, fd, 0, receivers, ipc_listing_load(&header->receiver_slots_used)) &&
        list_read_slots(listing, fd, receivers, header->max_senders, ipc_listing_load(&header->sender_slots_used));
    if (!is_read || list_has_live_slot(listing)) return is_read;
  }
  uint64_t waits = ipc_listing_waits_of(header) * sizeof *listing->waits;
  return list_read_slots(listing, fd, 0, count, count) &&
         ipc_os_read(fd, listing->waits, waits, IPC_HEADER_BYTES + count * sizeof *listing->slots) == (int64_t)waits;
}

/* Shared memory only grows, and its file before it: there must be as much as the header said before the file was
 * measured. */
static bool list_is_whole(const ipc_header *header, uint64_t memory_bytes, uint64_t file_bytes) {
  return header->kind != IPC_MEMORY ||
         (memory_bytes > 0 && memory_bytes <= IPC_MAX_MEMORY && file_bytes >= header->body_offset + memory_bytes);
}

/* The bytes of a latest value; 0: it was never set, is set just now, or is damaged. */
static uint32_t list_value_length(const ipc_header *header, int fd) {
  uint64_t current = ipc_listing_load_long(&header->current);
  ipc_buffer buffer;
  uint32_t index = ipc_buffer_of(current);
  if (current == 0 || index >= ipc_buffer_count(header->max_receivers)) return 0;
  uint64_t offset = header->body_offset + index * ipc_buffer_stride(header->capacity);
  if (ipc_os_read(fd, &buffer, sizeof buffer, offset) != (int64_t)sizeof buffer) return 0;
  uint32_t length = ipc_listing_load(&buffer.length);
  bool is_it = ipc_listing_load_long(&buffer.version) == ipc_version_of(current) && length <= header->capacity;
  return is_it ? length : 0;
}

/*
 * The positions are read before the head that they are compared with, so no receiver seems to be ahead of it. An
 * identity that is the same before and after the slots is that of the slots.
 */
void ipc_listing_read_segment(ipc_listing *listing, int fd, const char *listed, ipc_listed_name *name) {
  ipc_header *header = &listing->header;
  for (uint32_t attempt = 0; attempt < 3; attempt++) {
    int64_t bytes = ipc_os_read(fd, header, sizeof *header, 0);
    uint32_t magic = bytes >= (int64_t)sizeof magic ? ipc_listing_load(&header->magic) : IPC_MAGIC + 1;
    ipc_failure failure;
    name->state = IPC_LISTED_DAMAGED;
    if (bytes < (int64_t)sizeof *header || name->bytes < IPC_HEADER_BYTES) {
      if (name->bytes == 0)
        name->state = IPC_LISTED_UNFINISHED;
      else if (magic != IPC_MAGIC)
        name->state = IPC_LISTED_FOREIGN;
      return;
    }
    if (magic == 0) {
      name->state = IPC_LISTED_UNFINISHED;
      return;
    }
    if (magic == IPC_MAGIC) name->version = header->version;
    int32_t status = ipc_segment_check(header, name->bytes, &failure);
    if (status != IPC_OK) {
      name->state = list_state_of(status);
      return;
    }
    if (!ipc_segment_is_named(header, listed)) return;
    uint64_t created = header->created, memory_bytes = ipc_listing_load_long(&header->memory_bytes);
    uint32_t slots = ipc_listing_slots_of(header);
    uint32_t codec_length =
        ipc_listing_load(&header->codec_length); /* a length that was there before the bytes are read */
    ipc_os_file file;
    if (!list_read_tables(listing, fd) || ipc_os_stat(fd, &file) != 0) return;
    name->bytes = file.size;
    if (ipc_os_read(fd, header, sizeof *header, 0) != (int64_t)sizeof *header) return;
    /* Created again in the same file meanwhile: read again. */
    if (ipc_listing_load(&header->magic) != IPC_MAGIC || header->created != created) continue;
    if (ipc_segment_check(header, name->bytes, &failure) != IPC_OK || !ipc_segment_is_named(header, listed) ||
        ipc_listing_slots_of(header) != slots || !list_is_whole(header, memory_bytes, name->bytes))
      return;
    if (header->kind == IPC_LATEST) listing->value_length = list_value_length(header, fd);
    if (header->kind == IPC_QUEUE && listing->wants_leases)
      ipc_listed_leases_read(fd, header, listing->slots, listing->piece, listing->leases);
    list_describe_segment(listing, name, memory_bytes, codec_length);
    return;
  }
  name->state = IPC_LISTED_UNFINISHED;
}

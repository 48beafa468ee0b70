#include "libipc/list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "dead_letter.h"
#include "event.h"
#include "failure.h"
#include "buffers.h"
#include "listed_leases.h"
#include "marks.h"
#include "remove.h"
#include "slot_owner.h"
#include "slots.h"
#include "storage.h"
#include "waits.h"

/* How long a removal waits for a name lock. Its holders need microseconds; one that is stopped is alive. */
static const uint64_t REMOVE_PATIENCE_NS = 200000000u;

enum { MOST_SLOTS = IPC_MAX_SENDERS + IPC_MAX_RECEIVERS, MOST_WAITS = IPC_MAX_RECEIVERS * IPC_WAITS_PER_HANDLE };

/* Bindings read these by offset. */
_Static_assert(offsetof(ipc_listed_name, capacity) == 64 && offsetof(ipc_listed_name, prefix) == 96 &&
                   offsetof(ipc_listed_name, name) == 168 && offsetof(ipc_listed_name, codec) == 304 &&
                   offsetof(ipc_listed_name, path) == 368 && offsetof(ipc_listed_name, stamped) == 1664 &&
                   offsetof(ipc_listed_name, age) == 1672 && offsetof(ipc_listed_name, dead_letter) == 1688 &&
                   sizeof(ipc_listed_name) == 1824,
               "a listed name has no gaps");
_Static_assert(offsetof(ipc_listed_endpoint, position) == 24 && offsetof(ipc_listed_endpoint, holds) == 48 &&
                   offsetof(ipc_listed_endpoint, age) == 64 && sizeof(ipc_listed_endpoint) == 80,
               "a listed endpoint has no gaps");

typedef struct file_entry {
  char *key; /* as listed */
  bool hashed;
} file_entry;

struct ipc_listing {
  bool is_filtered;
  char prefix[IPC_MAX_PREFIX + 1];
  /* Read at once: what is removed on the way must not disturb the reading of the directory. */
  file_entry *files;
  uint32_t file_count, file_room;
  bool out_of_memory;
  uint32_t next_file; /* the current name is the one before */
  uint32_t state;     /* of the current name; 0: there is none */

  /* The current name, if it is a sound segment: private copies, which no other process can change. */
  ipc_header header;
  ipc_slot slots[MOST_SLOTS]; /* receivers or handles, then senders */
  ipc_wait_entry waits[MOST_WAITS];
  bool alive[MOST_SLOTS];
  uint32_t value_length; /* of a latest value */
  /* Of a queue, if it is read for a listing; else it is not read, for that takes longer than all the rest. */
  bool wants_leases;
  ipc_listed_leases leases[IPC_MAX_RECEIVERS];
  uint8_t piece[IPC_LEASES_PIECE];
  uint32_t slot_count; /* 0: there are none to list */
  uint32_t next_slot;  /* in the order in which they are listed: senders, then receivers */
};

static void list_remember_file(void *context, const char *listed, bool hashed) {
  ipc_listing *listing = context;
  if (listing->file_count == listing->file_room) {
    uint32_t room = listing->file_room ? listing->file_room * 2 : 64;
    file_entry *files = realloc(listing->files, room * sizeof *files);
    if (!files) {
      listing->out_of_memory = true;
      return;
    }
    listing->files = files;
    listing->file_room = room;
  }
  size_t bytes = strlen(listed) + 1;
  char *key = malloc(bytes);
  if (!key) {
    listing->out_of_memory = true;
    return;
  }
  memcpy(key, listed, bytes);
  listing->files[listing->file_count++] = (file_entry){.key = key, .hashed = hashed};
}

ipc_listing *ipc_list_open(const char *prefix, ipc_failure *failure) {
  *failure = (ipc_failure){0};
  char key[IPC_OS_KEY_BYTES];
  if (prefix && ipc_segment_key(key, IPC_ROUTE, prefix, "name") != IPC_OK) {
    ipc_failure_set(failure, IPC_E_INVALID_NAME, 0, 0);
    return NULL;
  }
  ipc_listing *listing = aligned_alloc(_Alignof(ipc_listing), sizeof *listing);
  if (!listing) {
    ipc_failure_set_refused(failure, IPC_CAUSE_HEAP, -ENOMEM, NULL);
    return NULL;
  }
  memset(listing, 0, sizeof *listing);
  listing->is_filtered = prefix != NULL;
  listing->wants_leases = true;
  snprintf(listing->prefix, sizeof listing->prefix, "%s", prefix ? prefix : "");
  int error = 0;
  if (ipc_storage_reach(failure) == IPC_OK) error = ipc_os_list(list_remember_file, listing);
  if (failure->code == 0 && error == 0 && !listing->out_of_memory) return listing;
  if (error != 0)
    ipc_failure_set_refused(failure, IPC_CAUSE_DIRECTORY, error, NULL);
  else if (failure->code == 0)
    ipc_failure_set_refused(failure, IPC_CAUSE_HEAP, -ENOMEM, NULL);
  ipc_list_close(listing);
  return NULL;
}

void ipc_list_close(ipc_listing *listing) {
  if (!listing) return;
  for (uint32_t i = 0; i < listing->file_count; i++) free(listing->files[i].key);
  free(listing->files);
  free(listing);
}

/* What a key says, where it is not hashed: see ipc_segment_key. False: no segment has such a key. */
static bool list_parse_key(const char *key, ipc_listed_name *name) {
  for (uint32_t kind = IPC_ROUTE; kind < IPC_KINDS; kind++) {
    char start[32], again[IPC_OS_KEY_BYTES], *end;
    int length = snprintf(start, sizeof start, "libipc.%s.", ipc_kind_names[kind]);
    if (strncmp(key, start, (size_t)length) != 0) continue;
    unsigned long prefix_bytes = strtoul(key + length, &end, 10);
    if (*end != '.' || prefix_bytes > IPC_MAX_PREFIX || strlen(end + 1) <= prefix_bytes) return false;
    const char *prefix = end + 1, *rest = prefix + prefix_bytes + 1;
    if (prefix[prefix_bytes] != '.' || strlen(rest) > IPC_MAX_NAME) return false;
    name->kind = kind;
    snprintf(name->prefix, sizeof name->prefix, "%.*s", (int)prefix_bytes, prefix);
    snprintf(name->name, sizeof name->name, "%s", rest);
    /* Made again it must be the same: then everything else about it is right, too. */
    if (ipc_segment_key(again, name->kind, name->prefix, name->name) == IPC_OK && strcmp(again, key) == 0) return true;
    name->kind = 0;
    name->prefix[0] = name->name[0] = 0;
    return false;
  }
  return false;
}

/* Of a checked header. */
static uint32_t list_slots_of(const ipc_header *header) { return header->max_receivers + header->max_senders; }
static uint32_t list_waits_of(const ipc_header *header) {
  return ipc_segment_has_ring(header->kind) ? 0 : header->max_receivers * IPC_WAITS_PER_HANDLE;
}

static uint32_t list_load(const _Atomic uint32_t *word) { return atomic_load_explicit(word, memory_order_relaxed); }
static uint64_t list_load_long(const _Atomic uint64_t *word) {
  return atomic_load_explicit(word, memory_order_relaxed);
}

static uint32_t list_head_of(const ipc_header *header) { return (uint32_t)list_load_long(&header->head); }

/* A position at most 2^32 units behind head in 64 bits, as bytes. `announced` is near enough to head to tell its high
 * half. */
static uint64_t list_bytes_before(const ipc_header *header, uint32_t position) {
  uint32_t head = list_head_of(header);
  uint64_t announced = list_load_long(&header->announced);
  uint64_t whole_head = announced + (uint64_t)(int64_t)(int32_t)(head - (uint32_t)announced);
  return (whole_head - (head - position)) * IPC_UNIT;
}

/* What lies between a position and head, in bytes; more than the ring holds has been overwritten, or is damage. */
static uint32_t list_lag_of(const ipc_header *header, uint32_t position) {
  uint64_t bytes = (uint64_t)(list_head_of(header) - position) * IPC_UNIT;
  return bytes < header->capacity ? (uint32_t)bytes : header->capacity;
}

/* `head` has the low half of how many messages were sent; the last mark is near enough to tell the high half. */
static uint64_t list_messages_of(const ipc_header *header) {
  if (list_load_long(&header->mark_count) == 0) return list_load_long(&header->head) >> 32;
  uint64_t number = ipc_marks_last(header).number;
  return number + (uint64_t)(int64_t)(int32_t)((uint32_t)(list_load_long(&header->head) >> 32) - (uint32_t)number);
}

/* Milliseconds since a time of ipc_os_now(). 0 if that seems to be later: it is of another time namespace. */
static uint64_t list_age_of(uint64_t then) {
  uint64_t now = ipc_os_now();
  return then < now ? (now - then) / 1000000u : 0;
}

/* Milliseconds since an ipc_asleep_since(). The clocks of two processors may differ a little. */
static uint32_t list_slept(uint32_t since) {
  uint32_t slept = (uint32_t)(ipc_os_now() / 1000000u) - since;
  return slept < UINT32_MAX - 1000 ? slept : 0;
}

/* How often endpoints were woken; without a ring: how many waits began. */
static uint32_t list_wakeups_of(const ipc_header *header) {
  if (!ipc_segment_has_ring(header->kind)) return list_load(&header->next_ticket);
  uint32_t count = 0;
  for (uint32_t event = 0; event < IPC_EVENT_COUNT; event++) count += list_load(&header->event_words[event].value);
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
    name->head = list_bytes_before(header, list_head_of(header));
    name->messages = list_messages_of(header);
    name->stamped = header->stamped;
    ipc_codec_read(header, codec_length,
                   name->codec); /* "" if it is damaged: it concerns endpoints with a codec only */
  }
  name->age = list_age_of(header->created);
  if (header->kind == IPC_LATEST) {
    name->messages = ipc_version_of(list_load_long(&header->current));
    name->waiting = listing->value_length;
    ipc_codec_read(header, codec_length, name->codec);
    uint64_t buffers = list_load(&header->buffers); /* the rest of the file is a hole */
    if (buffers < ipc_buffer_count(header->max_receivers))
      name->bytes = header->body_offset + buffers * ipc_buffer_stride(header->capacity);
  }
  if (header->kind == IPC_QUEUE) {
    name->waiting = list_lag_of(header, list_load(&header->cursor));
    name->max_attempts = ipc_dead_letter_limit(header);
    if (list_load(&header->max_attempts) != 0)
      snprintf(name->dead_letter, sizeof name->dead_letter, "%.*s", IPC_MAX_NAME, header->dead_letter);
  }
  if (header->kind == IPC_SEMAPHORE) {
    name->permits = list_load(&header->permits);
    name->initial = header->initial;
    name->robust = header->robust;
    name->recovered = list_load(&header->recovered);
  }
  if (header->kind == IPC_MUTEX || header->kind == IPC_RWLOCK) name->unusable = list_load(&header->unusable) != 0;
  snprintf(name->prefix, sizeof name->prefix, "%s", header->prefix);
  snprintf(name->name, sizeof name->name, "%s", header->name);
  listing->slot_count = list_slots_of(header);
  for (uint32_t i = 0; i < listing->slot_count; i++) {
    if (list_load(&listing->slots[i].instance) == 0) continue;
    listing->alive[i] = ipc_slot_owner_is_alive(&listing->slots[i]);
    if (!listing->alive[i])
      name->dead++;
    else if (i < header->max_receivers)
      name->receivers++;
    else
      name->senders++;
  }
  name->state = name->senders + name->receivers ? IPC_LISTED_LIVE
                : list_load(&header->kept)      ? IPC_LISTED_KEPT
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
  for (uint32_t i = 0; i < list_slots_of(&listing->header); i++)
    if (list_load(&listing->slots[i].instance) != 0 && ipc_slot_owner_is_alive(&listing->slots[i])) return true;
  return false;
}

/*
 * Reads the slots, and the waits behind them. False: the file has become too short. The slots of a ring take 136 KiB,
 * so only those are read that were in use at some time. Before a name is called a leftover, all are read: the numbers
 * of used slots may be damaged.
 */
static bool list_read_tables(ipc_listing *listing, int fd) {
  const ipc_header *header = &listing->header;
  uint32_t receivers = header->max_receivers, count = list_slots_of(header);
  if (ipc_segment_has_ring(header->kind)) {
    bool is_read = list_read_slots(listing, fd, 0, receivers, list_load(&header->receiver_slots_used)) &&
                   list_read_slots(listing, fd, receivers, header->max_senders, list_load(&header->sender_slots_used));
    if (!is_read || list_has_live_slot(listing)) return is_read;
  }
  uint64_t waits = list_waits_of(header) * sizeof *listing->waits;
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
  uint64_t current = list_load_long(&header->current);
  ipc_buffer buffer;
  uint32_t index = ipc_buffer_of(current);
  if (current == 0 || index >= ipc_buffer_count(header->max_receivers)) return 0;
  uint64_t offset = header->body_offset + index * ipc_buffer_stride(header->capacity);
  if (ipc_os_read(fd, &buffer, sizeof buffer, offset) != (int64_t)sizeof buffer) return 0;
  uint32_t length = list_load(&buffer.length);
  bool is_it = list_load_long(&buffer.version) == ipc_version_of(current) && length <= header->capacity;
  return is_it ? length : 0;
}

/*
 * Reads an open file: its slots, and the header before and after them. The positions are read before the head that they
 * are compared with, so no receiver seems to be ahead of it. An identity that is the same on both sides is that of the
 * slots.
 */
static void list_read_segment(ipc_listing *listing, int fd, const char *listed, ipc_listed_name *name) {
  ipc_header *header = &listing->header;
  for (uint32_t attempt = 0; attempt < 3; attempt++) {
    int64_t bytes = ipc_os_read(fd, header, sizeof *header, 0);
    uint32_t magic = bytes >= (int64_t)sizeof magic ? list_load(&header->magic) : IPC_MAGIC + 1;
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
    uint64_t created = header->created, memory_bytes = list_load_long(&header->memory_bytes);
    uint32_t slots = list_slots_of(header);
    uint32_t codec_length = list_load(&header->codec_length); /* a length that was there before the bytes are read */
    ipc_os_file file;
    if (!list_read_tables(listing, fd) || ipc_os_stat(fd, &file) != 0) return;
    name->bytes = file.size;
    if (ipc_os_read(fd, header, sizeof *header, 0) != (int64_t)sizeof *header) return;
    /* Created again in the same file meanwhile: read again. */
    if (list_load(&header->magic) != IPC_MAGIC || header->created != created) continue;
    if (ipc_segment_check(header, name->bytes, &failure) != IPC_OK || !ipc_segment_is_named(header, listed) ||
        list_slots_of(header) != slots || !list_is_whole(header, memory_bytes, name->bytes))
      return;
    if (header->kind == IPC_LATEST) listing->value_length = list_value_length(header, fd);
    if (header->kind == IPC_QUEUE && listing->wants_leases)
      ipc_listed_leases_read(fd, header, listing->slots, listing->piece, listing->leases);
    list_describe_segment(listing, name, memory_bytes, codec_length);
    return;
  }
  name->state = IPC_LISTED_UNFINISHED;
}

/* 1: the entry is filled in. 0: it is gone. Or a failure that has nothing to do with this file. */
static int32_t list_read_entry(ipc_listing *listing, const file_entry *entry, ipc_listed_name *name,
                               ipc_failure *failure) {
  *name = (ipc_listed_name){0};
  listing->slot_count = listing->next_slot = 0;
  bool can_be = entry->hashed || list_parse_key(entry->key, name);
  if (listing->is_filtered && !entry->hashed && (!can_be || strcmp(name->prefix, listing->prefix) != 0)) return 0;
  snprintf(name->path, sizeof name->path, "%s/%s", ipc_os_directory(), entry->key);
  int fd = ipc_os_open_to_read(entry->key);
  switch (fd < 0 ? -fd : 0) {
    case 0: break;
    case ENOENT: return 0;
    case EMFILE:
    case ENFILE:
    case ENOMEM: return ipc_failure_set_refused(failure, IPC_CAUSE_FILE, fd, entry->key);
    default:
      name->state = fd == -EACCES || fd == -EPERM ? IPC_LISTED_DENIED : IPC_LISTED_FOREIGN;
      name->system_error = -fd;
  }
  if (fd >= 0) {
    ipc_os_file file = {0};
    int error = ipc_os_stat(fd, &file);
    bool is_there = error == 0 && file.links > 0;
    name->bytes = file.size;
    name->state = IPC_LISTED_FOREIGN;
    if (is_there && can_be) list_read_segment(listing, fd, entry->key, name);
    ipc_os_close(fd);
    if (!is_there) return 0;
  }
  return !listing->is_filtered || (name->name[0] && strcmp(name->prefix, listing->prefix) == 0);
}

int32_t ipc_list_next(ipc_listing *listing, ipc_listed_name *name, ipc_failure *failure) {
  *failure = (ipc_failure){0};
  int32_t found = 0;
  while (found == 0 && listing->next_file < listing->file_count)
    found = list_read_entry(listing, &listing->files[listing->next_file++], name, failure);
  if (found != 1) listing->slot_count = 0;
  listing->state = found == 1 ? name->state : 0;
  return found;
}

/* For a message or for space. An endpoint that waits for peers to join does not count as sleeping. */
static bool list_is_sleeping(const ipc_slot *slot, bool is_sender) {
  const uint32_t space = 1u << IPC_EVENT_SPACE | 1u << IPC_EVENT_CLAIM_FREE;
  uint32_t armed = list_load(&slot->armed);
  return list_load(&slot->asleep) != 0 || (is_sender ? (armed & space) != 0 : (armed & 1u << IPC_EVENT_DATA) != 0);
}

/* Whether a handle waits; *slept: how long, of the longest of its waits. */
static bool list_has_wait(const ipc_listing *listing, uint32_t instance, uint32_t *slept) {
  bool waits = false;
  for (uint32_t i = 0; i < list_waits_of(&listing->header); i++) {
    const ipc_wait_entry *wait = &listing->waits[i];
    if (list_load(&wait->instance) != instance || (list_load(&wait->state) & IPC_WAIT_TAGS) != IPC_WAIT_WAITING)
      continue;
    uint32_t its = list_slept(list_load(&wait->since));
    if (its > *slept) *slept = its;
    waits = true;
  }
  return waits;
}

static void list_describe_hold(const ipc_header *header, const ipc_slot *slot, ipc_listed_endpoint *endpoint) {
  uint32_t owner = list_load(&header->claim);
  /* A handle that has the queued lock of a reader-writer lock may still wait for readers to leave. */
  if (header->kind == IPC_SIGNAL) {
    endpoint->observer = list_load(&slot->observer) != 0;
    for (int i = 0; i < 2; i++) endpoint->holds += (uint32_t)__builtin_popcount(list_load(&slot->pending[i]));
    return;
  }
  bool is_locked = header->kind == IPC_MUTEX || header->kind == IPC_LATEST ||
                   (header->kind == IPC_RWLOCK && list_load(&header->writing) == owner);
  if (is_locked && owner != 0) /* What others seem to hold shared is a try that fails, or over. */
    endpoint->holds = endpoint->exclusive = endpoint->instance == owner;
  else
    endpoint->holds = list_load(&slot->held);
}

static void list_describe_handle(const ipc_listing *listing, uint32_t index, ipc_listed_endpoint *endpoint) {
  const ipc_slot *slot = &listing->slots[index];
  uint32_t instance = list_load(&slot->instance);
  *endpoint = (ipc_listed_endpoint){.role = IPC_HANDLE,
                                    .slot = index,
                                    .instance = instance,
                                    .pid = list_load(&slot->pid),
                                    .alive = listing->alive[index],
                                    .pid_namespace = list_load(&slot->pid_namespace),
                                    .age = list_age_of(list_load_long(&slot->opened))};
  if (endpoint->alive && list_has_wait(listing, instance, &endpoint->slept)) {
    endpoint->sleeping = 1;
  } else if (endpoint->alive && list_is_sleeping(slot, false)) {
    endpoint->sleeping = 1;
    endpoint->slept = list_slept(list_load(&slot->since));
  }
  list_describe_hold(&listing->header, slot, endpoint);
}

int32_t ipc_list_endpoint(ipc_listing *listing, ipc_listed_endpoint *endpoint) {
  const ipc_header *header = &listing->header;
  while (listing->next_slot < listing->slot_count) {
    uint32_t number = listing->next_slot++;
    bool is_sender = number < header->max_senders;
    uint32_t index = is_sender ? header->max_receivers + number : number - header->max_senders;
    const ipc_slot *slot = &listing->slots[index];
    uint32_t instance = list_load(&slot->instance);
    if (instance == 0) continue;
    if (!ipc_segment_has_ring(header->kind)) {
      list_describe_handle(listing, index, endpoint);
      return 1;
    }
    bool is_reader = !is_sender && header->kind != IPC_QUEUE; /* each has its position */
    uint32_t position = is_reader   ? list_load(&slot->position)
                        : is_sender ? list_head_of(header)
                                    : list_load(&header->cursor);
    *endpoint = (ipc_listed_endpoint){.role = is_sender ? IPC_SENDER : IPC_RECEIVER,
                                      .slot = is_sender ? number : index,
                                      .instance = instance,
                                      .pid = list_load(&slot->pid),
                                      .alive = listing->alive[index],
                                      .sleeping = listing->alive[index] && list_is_sleeping(slot, is_sender),
                                      .position = list_bytes_before(header, position),
                                      .lag = is_reader ? list_lag_of(header, position) : 0,
                                      .lost = list_load_long(&slot->lost),
                                      .pid_namespace = list_load(&slot->pid_namespace),
                                      .age = list_age_of(list_load_long(&slot->opened)),
                                      .observer = !is_sender && list_load(&slot->observer) != 0};
    if (endpoint->sleeping) endpoint->slept = list_slept(list_load(&slot->since));
    if (!is_sender && header->kind == IPC_QUEUE) {
      const ipc_listed_leases *leases = &listing->leases[index];
      endpoint->holds = leases->count;
      endpoint->attempts = leases->attempts;
      endpoint->lag = (uint64_t)leases->behind * IPC_UNIT;
    }
    return 1;
  }
  return 0;
}

static int32_t list_remove(ipc_listing *listing, bool keeps_died_inside) {
  if (listing->state != IPC_LISTED_LEFTOVER && listing->state != IPC_LISTED_UNFINISHED &&
      listing->state != IPC_LISTED_VERSION)
    return 0;
  const char *key = listing->files[listing->next_file - 1].key;
  return ipc_segment_remove_leftover(key, REMOVE_PATIENCE_NS, keeps_died_inside);
}

int32_t ipc_list_remove(ipc_listing *listing) { return list_remove(listing, false); }

int32_t ipc_list_remove_unneeded(ipc_listing *listing) { return list_remove(listing, true); }

/* The kinds that are easily taken for one another: those of the same number. 0: no other. */
static const uint8_t list_groups[IPC_KINDS] = {
    [IPC_ROUTE] = 1, [IPC_CHANNEL] = 1, [IPC_QUEUE] = 1, [IPC_MUTEX] = 2, [IPC_RWLOCK] = 2};

/* Reads the file of a key: as list_read_entry(). */
static int32_t list_read_key(ipc_listing *listing, const char *key, ipc_listed_name *name, ipc_failure *failure) {
  char listed[IPC_OS_KEY_BYTES];
  ipc_os_listed_key(key, listed);
  /* As if it were hashed: then the file says the name. ipc_segment_is_named() has compared it with the key. */
  const file_entry entry = {.key = listed, .hashed = true};
  return list_read_entry(listing, &entry, name, failure);
}

/* The process of a live endpoint of the name, which has a file; 0: there is none. */
static uint32_t list_live_process_of(ipc_listing *listing, const char *key) {
  ipc_listed_name name;
  ipc_failure ignored = {0};
  if (list_read_key(listing, key, &name, &ignored) != 1 || name.state != IPC_LISTED_LIVE) return 0;
  for (uint32_t i = 0; i < listing->slot_count; i++)
    if (listing->alive[i]) return list_load(&listing->slots[i].pid);
  return 0;
}

/* Of a name that was read. Those whose open has not returned do not count, nor do observers. */
static int32_t list_count_receivers(const ipc_listing *listing) {
  int32_t count = 0;
  for (uint32_t i = 0; i < listing->header.max_receivers; i++) {
    const ipc_slot *slot = &listing->slots[i];
    count += list_load(&slot->instance) != 0 && listing->alive[i] && list_load(&slot->observer) == 0 &&
             list_load(&slot->held) != IPC_SLOT_JOINING;
  }
  return count;
}

/* Why the receivers of a name in this state cannot be counted. */
static int32_t list_refuse(const ipc_listed_name *name, ipc_failure *failure) {
  switch (name->state) {
    case IPC_LISTED_VERSION: return ipc_failure_set(failure, IPC_E_VERSION, name->version, IPC_LAYOUT_VERSION);
    case IPC_LISTED_DENIED:
      failure->system_error = (int32_t)name->system_error;
      return ipc_failure_set(failure, IPC_E_PERMISSION, 0, 0);
    case IPC_LISTED_FOREIGN: return ipc_failure_set(failure, IPC_E_FOREIGN, 0, 0);
    default: return ipc_failure_set(failure, IPC_E_CORRUPT, 0, 0);
  }
}

int32_t ipc_list_receivers(const char *prefix, const char *name, uint32_t kind, uint32_t *most, ipc_failure *failure) {
  char key[IPC_OS_KEY_BYTES];
  ipc_os_file file;
  ipc_listed_name found;
  *failure = (ipc_failure){0};
  *most = 0;
  if (!ipc_segment_is_kind(kind) || !ipc_segment_has_ring(kind))
    return ipc_failure_set(failure, IPC_E_INVALID_ARGUMENT, kind, 0);
  if (ipc_segment_key(key, kind, prefix, name) != IPC_OK) return ipc_failure_set(failure, IPC_E_INVALID_NAME, 0, 0);
  if (ipc_storage_reach(failure) != IPC_OK) return failure->code;
  int error = ipc_os_stat_key(key, &file);
  if (error == -ENOENT) return 0; /* the common case while a program waits: one system call */
  if (error != 0) return ipc_failure_set_refused(failure, IPC_CAUSE_FILE, error, key);
  /* Not cleared: it is large, and what list_read_entry() has not filled in is not read. */
  ipc_listing *listing = aligned_alloc(_Alignof(ipc_listing), sizeof *listing);
  if (!listing) return ipc_failure_set_refused(failure, IPC_CAUSE_HEAP, -ENOMEM, NULL);
  listing->is_filtered = listing->wants_leases = false;
  int32_t count = list_read_key(listing, key, &found, failure);
  if (count == 1) {
    if (found.state == IPC_LISTED_LIVE) {
      count = list_count_receivers(listing);
      *most = listing->header.max_receivers;
    } else if (found.state == IPC_LISTED_LEFTOVER || found.state == IPC_LISTED_UNFINISHED) {
      count = 0;
    } else {
      count = list_refuse(&found, failure);
    }
  }
  free(listing);
  return count;
}

uint32_t ipc_list_other_kind(const char *prefix, const char *name, uint32_t kind, uint32_t *pid) {
  *pid = 0;
  if (!ipc_segment_is_kind(kind) || list_groups[kind] == 0) return 0;
  /*
   * Our slot is written before the other name is looked at, here and in the process that opens the other name: at least
   * one of the two sees the slot of the other.
   */
  atomic_thread_fence(memory_order_seq_cst);
  uint32_t found = 0;
  ipc_listing *listing = NULL; /* large: only if there is a file */
  for (uint32_t other = IPC_ROUTE; other < IPC_KINDS && found == 0; other++) {
    char key[IPC_OS_KEY_BYTES];
    ipc_os_file file;
    if (other == kind || list_groups[other] != list_groups[kind]) continue;
    if (ipc_segment_key(key, other, prefix, name) != IPC_OK || ipc_os_stat_key(key, &file) != 0) continue;
    if (!listing && !(listing = aligned_alloc(_Alignof(ipc_listing), sizeof *listing))) break;
    memset(listing, 0, sizeof *listing);
    *pid = list_live_process_of(listing, key);
    if (*pid != 0) found = other;
  }
  free(listing);
  return found;
}

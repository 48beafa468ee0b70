#include "letters.h"

#include <string.h>

#include "dead_letter.h"
#include "failure.h"
#include "moves.h"
#include "orphan.h"
#include "queue.h"
#include "receiver_read.h"

/* A sender of another queue of the same prefix. `creates`: with a ring like ours, if the name is not open. */
static ipc_sender *letters_open_sender(const ipc_receiver *receiver, const char *name, bool creates,
                                       ipc_failure *failure) {
  ipc_options options = ipc_options_default(IPC_QUEUE);
  options.permissions = receiver->permissions;
  /* The bytes of a message are moved as they are, with its stamp. */
  options.stamp = receiver->segment.stamped ? IPC_STAMP_ALL : IPC_STAMP_NONE;
  for (int tries = 0;; tries++) {
    options.mode = IPC_OPEN;
    options.capacity = 0;
    ipc_sender *sender = ipc_sender_open(receiver->prefix, name, &options, failure);
    if (sender || failure->code != IPC_E_NOT_FOUND || !creates) return sender;
    options.mode = IPC_CREATE_OR_OPEN;
    options.capacity = receiver->segment.capacity;
    sender = ipc_sender_open(receiver->prefix, name, &options, failure);
    /* Another process has created it meanwhile, with another capacity. */
    if (sender || failure->code != IPC_E_OPTIONS_MISMATCH || tries == 3) return sender;
  }
}

int32_t ipc_letters_open(ipc_receiver *receiver, ipc_failure *failure) {
  ipc_segment *segment = &receiver->segment;
  *failure = (ipc_failure){0};
  /* acquire pairs with the release in ipc_dead_letter_set: the name is there */
  bool has_any = atomic_load_explicit(&segment->header->max_attempts, memory_order_acquire) != 0;
  if (receiver->dead_letters || segment->kind != IPC_QUEUE || !has_any) return IPC_OK;
  char name[IPC_MAX_NAME + 1];
  ipc_dead_letter_read(segment, name);
  receiver->dead_letters = letters_open_sender(receiver, name, true, failure);
  if (receiver->dead_letters && receiver->dead_letters->capacity_units < receiver->capacity_units) {
    uint32_t found = receiver->dead_letters->segment.capacity;
    ipc_sender_close(receiver->dead_letters);
    receiver->dead_letters = NULL;
    ipc_failure_set_option(failure, IPC_E_OPTIONS_MISMATCH, IPC_OPTION_CAPACITY, found, segment->capacity);
  }
  if (!receiver->dead_letters) ipc_dead_letter_fail(failure, name);
  return failure->code;
}

void ipc_letters_close(ipc_receiver *receiver) {
  ipc_sender_close(receiver->dead_letters);
  receiver->dead_letters = NULL;
}

/* A lease of ours, as moves.h needs it. */
typedef struct letter {
  ipc_lease *lease;
  uint32_t offset, attempts, length;
  const uint8_t *bytes;
  ipc_move_key key;
  ipc_origin origin; /* of a dead letter; name_bytes 0: it is none */
  char name[IPC_MAX_NAME + 1];
} letter;

static int32_t letters_find(ipc_receiver *receiver, uint32_t offset, letter *it) {
  uint32_t position, length;
  if (!receiver->is_queue) return IPC_E_INVALID_ARGUMENT;
  it->lease = ipc_queue_lease(&receiver->segment, receiver->instance, offset, &position, &length);
  if (!it->lease) return IPC_E_INVALID_ARGUMENT;
  it->offset = offset;
  it->attempts = atomic_load_explicit(&it->lease->attempts, memory_order_relaxed);
  it->bytes = (const uint8_t *)(it->lease + 1);
  it->key = (ipc_move_key){receiver->segment.created, ipc_queue_wide(&receiver->segment, position)};
  it->origin = (ipc_origin){0};
  it->name[0] = 0;
  if (it->attempts & IPC_LEASE_LETTER) {
    if (!ipc_queue_origin(it->bytes, length, &it->origin)) return IPC_E_CORRUPT;
    length -= (uint32_t)sizeof it->origin + it->origin.name_bytes + it->origin.reason_bytes;
    memcpy(it->name, it->bytes + length, it->origin.name_bytes);
    it->name[it->origin.name_bytes] = 0;
  }
  it->length = length;
  return IPC_OK;
}

/* The message is in the other queue: ends the lease here, then empties the entry there. */
static int32_t letters_end(ipc_receiver *receiver, ipc_sender *to, const letter *it) {
  int32_t status = ipc_queue_done(&receiver->segment, receiver->instance, it->offset);
  if (status == IPC_OK) ipc_moves_forget(to, &it->key);
  return status;
}

static void letters_set_flags(const letter *it, uint32_t flags) {
  atomic_store_explicit(&it->lease->attempts, flags, memory_order_relaxed);
}

/* Publishes the letter in the dead-letter queue, unless it is there. The lease has IPC_LEASE_DEAD by then. */
static int32_t letters_post(ipc_receiver *receiver, const letter *it, const char *reason, uint32_t reason_bytes) {
  ipc_failure failure;
  for (int tries = 0;; tries++) {
    int32_t status = ipc_letters_open(receiver, &failure);
    if (status != IPC_OK) return status;
    if (!receiver->dead_letters) return IPC_E_NOT_FOUND;
    ipc_origin origin = {it->attempts & IPC_LEASE_ATTEMPTS, (uint16_t)strlen(receiver->name), (uint16_t)reason_bytes};
    ipc_move_parts parts = {it->bytes, it->length, &origin, receiver->name, reason};
    status = ipc_moves_find(receiver->dead_letters, &it->key);
    if (status == IPC_TIMED_OUT) status = ipc_moves_publish(receiver->dead_letters, &it->key, &parts);
    if ((status != IPC_E_ORPHANED && status != IPC_E_CORRUPT) || tries == 1) return status;
    ipc_sender_close(receiver->dead_letters); /* its name was removed: the next one has it */
    receiver->dead_letters = NULL;
  }
}

static int32_t letters_bury(ipc_receiver *receiver, const letter *it, const char *reason, uint32_t reason_bytes) {
  letters_set_flags(it, it->attempts | IPC_LEASE_DEAD);
  if (letters_post(receiver, it, reason, reason_bytes) == IPC_OK)
    return letters_end(receiver, receiver->dead_letters, it);
  return ipc_queue_retry(&receiver->segment, receiver->instance, it->offset, IPC_LETTERS_RETRY_MS);
}

/*
 * Its receiver was killed while it moved it back: it is there, or a receiver gets it here. The sender is not kept: it
 * would keep the name of a queue that no other endpoint has open, and with it a message that no receiver will get.
 */
static int32_t letters_settle_back(ipc_receiver *receiver, const letter *it) {
  ipc_failure failure;
  ipc_sender *to = letters_open_sender(receiver, it->name, false, &failure);
  int32_t status = to ? ipc_moves_find(to, &it->key) : failure.code == IPC_E_NOT_FOUND ? IPC_TIMED_OUT : failure.code;
  int32_t ended = status == IPC_OK ? letters_end(receiver, to, it) : IPC_OK;
  ipc_sender_close(to);
  if (status == IPC_OK) return ended;
  bool is_here = status == IPC_TIMED_OUT;
  if (is_here) letters_set_flags(it, it->attempts & ~IPC_LEASE_BACK);
  return ipc_queue_retry(&receiver->segment, receiver->instance, it->offset, is_here ? 0 : IPC_LETTERS_RETRY_MS);
}

int32_t ipc_letters_settle(ipc_receiver *receiver, uint32_t offset) {
  letter it;
  int32_t status = letters_find(receiver, offset, &it);
  if (status != IPC_OK) return status;
  if (it.attempts & IPC_LEASE_BACK) return letters_settle_back(receiver, &it);
  uint32_t limit = atomic_load_explicit(&receiver->segment.header->max_attempts, memory_order_relaxed);
  const char *reason = (it.attempts & IPC_LEASE_ATTEMPTS) >= limit ? "max-attempts" : "rejected";
  return letters_bury(receiver, &it, reason, (uint32_t)strlen(reason));
}

/* At most so many bytes, without a part of a character of UTF-8 at the end. */
static uint32_t letters_cut(const char *reason, uint32_t length) {
  if (length <= IPC_MAX_REASON) return length;
  length = IPC_MAX_REASON;
  while (length > 0 && ((unsigned char)reason[length] & 0xc0) == 0x80) length--;
  return length;
}

int32_t ipc_receiver_reject(ipc_receiver *receiver, uint32_t offset, const char *reason, uint32_t length) {
  letter it;
  int32_t status = letters_find(receiver, offset, &it);
  if (status == IPC_OK && atomic_load_explicit(&receiver->segment.header->max_attempts, memory_order_acquire) == 0)
    status = IPC_E_NOT_FOUND;
  if (status == IPC_OK && length > 0)
    status = letters_bury(receiver, &it, reason, letters_cut(reason, length));
  else if (status == IPC_OK)
    status = letters_bury(receiver, &it, "rejected", (uint32_t)strlen("rejected"));
  return ipc_receiver_end_lease(receiver, status);
}

int32_t ipc_receiver_redrive(ipc_receiver *receiver, uint32_t offset) {
  letter it;
  ipc_failure failure;
  int32_t status = letters_find(receiver, offset, &it);
  if (status == IPC_OK && !it.name[0]) status = IPC_E_INVALID_ARGUMENT;
  if (status != IPC_OK) return ipc_segment_result(&receiver->segment, status);
  ipc_sender *to = letters_open_sender(receiver, it.name, false, &failure);
  if (!to) return ipc_segment_result(&receiver->segment, failure.code);
  ipc_move_parts parts = {it.bytes, it.length, NULL, NULL, NULL};
  letters_set_flags(&it, it.attempts | IPC_LEASE_BACK);
  status = ipc_moves_publish(to, &it.key, &parts);
  if (status == IPC_OK)
    status = ipc_receiver_end_lease(receiver, letters_end(receiver, to, &it));
  else
    letters_set_flags(&it, it.attempts);
  ipc_sender_close(to);
  return ipc_segment_result(&receiver->segment, status);
}

int32_t ipc_receiver_origin(ipc_receiver *receiver, uint32_t offset, ipc_letter_origin *origin) {
  letter it;
  *origin = (ipc_letter_origin){0};
  int32_t status = letters_find(receiver, offset, &it);
  if (status != IPC_OK) return ipc_segment_result(&receiver->segment, status);
  if (!it.name[0]) return 0;
  memcpy(origin->queue, it.name, sizeof it.name);
  memcpy(origin->reason, it.bytes + it.length + it.origin.name_bytes, it.origin.reason_bytes);
  origin->attempts = it.origin.attempts;
  return ipc_segment_result(&receiver->segment, 1);
}

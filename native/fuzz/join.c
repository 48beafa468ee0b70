/*
 * join.c - opens, lists and clears a file that may hold anything.
 *
 * An input is a kind, what becomes of the file, and then either the file itself, or changes to a file that the library
 * made: a fuzzer would not find a whole header by itself.
 */
#include <stdlib.h>

#include "calls.h"
#include "damage.h"
#include "open.h"
#include "segment.h"

static ipc_options options;

static void use_sender(input *from) {
  ipc_failure failure;
  ipc_sender *sender;
  uint8_t bytes[64] = {0};
  DO(sender = ipc_sender_open("p", "n", &options, &failure));
  if (!sender) {
    check_status(failure.code);
    return;
  }
  for (int i = 0; i < 3; i++) CALL(30, ipc_sender_send(sender, bytes, input_byte(from) % 64, 30));
  DO(ipc_sender_close(sender));
}

static void use_receiver(input *from) {
  ipc_failure failure;
  ipc_receiver *receiver;
  uint8_t bytes[4096];
  uint8_t how = input_byte(from);
  options.from_oldest = how & 1;
  options.lossy = how & 2 && options.kind != IPC_QUEUE;
  DO(receiver = ipc_receiver_open("p", "n", &options, &failure));
  if (!receiver) {
    check_status(failure.code);
    return;
  }
  for (int i = 0; i < 3; i++) CALL(30, ipc_receiver_recv(receiver, bytes, sizeof bytes, 30));
  if (options.lossy) CALL(0, ipc_receiver_recv_latest(receiver, bytes, sizeof bytes, 0));
  DO(ipc_receiver_close(receiver));
}

static void use_memory(ipc_handle *memory) {
  ipc_failure failure;
  ipc_mapping *mapping;
  DO(mapping = ipc_memory_map(memory, &failure));
  if (!mapping) {
    check_status(failure.code);
    return;
  }
  check_readable(ipc_mapping_address(mapping), (uint64_t)ipc_mapping_byte_length(mapping));
  ipc_mapping_release(mapping);
}

static void use_handle(void) {
  ipc_failure failure;
  ipc_handle *handle;
  DO(handle = ipc_handle_open("p", "n", &options, &failure));
  if (!handle) {
    check_status(failure.code);
    return;
  }
  switch (options.kind) {
    case IPC_MUTEX: CALL(30, ipc_mutex_lock(handle, 30)); break;
    case IPC_CONDITION: CALL(0, ipc_condition_enter(handle, 0, 0)); break;
    case IPC_SEMAPHORE: CALL(30, ipc_semaphore_acquire(handle, 30)); break;
    case IPC_RWLOCK: CALL(30, ipc_rwlock_lock(handle, 30, IPC_KEEP_NOTHING)); break;
    default: use_memory(handle);
  }
  DO(ipc_handle_close(handle));
}

/* What the library itself creates with these options, with one endpoint that stays. */
static void make_file(const char *key, uint8_t how) {
  ipc_segment segment;
  ipc_failure failure;
  int32_t lock = ipc_segment_open(&segment, "p", "n", &options, &failure);
  if (lock < 0) return;
  ipc_slot *slot = &segment.receivers[how & 1];
  if (how & 2) {
    atomic_store(&slot->instance, 1);
    atomic_store(&slot->owner, world_identity(how & 4 ? 1 : 3));
  }
  ipc_os_unlock(lock);
  ipc_segment_close(&segment);
  uint64_t size;
  world_bytes(&size);
  if (how & 8) world_put_file(key, size - size / 7);
  if (how & 16) world_put_file(key, size + 4096);
}

static void put_bytes(const char *key, const input *from) {
  uint8_t *bytes = world_put_file(key, from->left);
  if (bytes && from->left) memcpy(bytes, from->bytes, from->left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 16384) return -1;
  input from = {data, size};
  char key[IPC_OS_KEY_BYTES];
  ipc_failure failure;
  world_begin();
  uint8_t kind = input_byte(&from), how = input_byte(&from), then = input_byte(&from);
  options = (ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE + (kind & 7)};
  bool has_ring = ipc_segment_has_ring(options.kind);
  if (has_ring) options.capacity = 4096;
  if (has_ring && kind & 16) options.stamp = IPC_STAMP_ALL;
  if (options.kind == IPC_MEMORY) options.size = 5000;
  WORLD_CHECK(ipc_segment_key(key, options.kind, "p", "n") == IPC_OK);
  if (how & 128)
    put_bytes(key, &from);
  else
    for (make_file(key, how); from.left > 6;) damage_do(damage_read(&from));
  if (then & 1) damage_later(damage_read(&from), 1 + (then >> 3), 0);
  if (then & 2) damage_later(damage_read(&from), 0, 1 + (then >> 3));
  world_keeps_names = how & 64;
  options.capacity = 0;
  options.size = 0;
  options.mode = then & 4 ? IPC_OPEN : IPC_CREATE_OR_OPEN;
  if (has_ring && kind & 32) options.stamp = IPC_STAMP_ANY;
  check_list(false);
  if (has_ring) {
    use_sender(&from);
    use_receiver(&from);
  } else {
    use_handle();
  }
  check_list(how & 32);
  CALL(0, ipc_clear("p", "n", options.kind, &failure));
  check_list(true);
  world_strike = NULL;
  world_end();
  return 0;
}

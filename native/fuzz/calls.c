#include "calls.h"

#include "libipc/list.h"
#include "segment.h"

int32_t check_status(int32_t status) {
  world_call_ends();
  bool is_answer = status >= IPC_NOT_SET;
  bool is_failure = status <= IPC_E_FIRST && status >= IPC_E_TOO_MANY_HANDLES && status != -26;
  if (!is_answer && !is_failure) world_fail("no such status", status);
  return status;
}

static volatile uint8_t sink;

void check_readable(const void *bytes, uint64_t length) {
  for (uint64_t i = 0; i < length; i += 64) sink = ((const uint8_t *)bytes)[i];
  if (length) sink = ((const uint8_t *)bytes)[length - 1];
}

int32_t take_timeout(input *from) {
  static const int32_t timeouts[] = {0, 0, 0, 1, 30, 500, 2000, -1};
  return timeouts[input_byte(from) % 8];
}

static void check_text(const char *text, size_t size) { WORLD_CHECK(memchr(text, 0, size) != NULL); }

static void check_name(const ipc_listed_name *name) {
  WORLD_CHECK(name->state >= IPC_LISTED_LIVE && name->state <= IPC_LISTED_KEPT);
  WORLD_CHECK(name->kind < IPC_KINDS && name->overflow <= IPC_DROP_OLDEST);
  check_text(name->prefix, sizeof name->prefix);
  check_text(name->name, sizeof name->name);
  check_text(name->path, sizeof name->path);
  if (name->state > IPC_LISTED_LEFTOVER && name->state != IPC_LISTED_KEPT) return;
  WORLD_CHECK(name->kind != 0 && name->robust <= 1 && name->unusable <= 1);
  WORLD_CHECK(name->senders + name->receivers + name->dead <= IPC_MAX_SENDERS + IPC_MAX_RECEIVERS);
  WORLD_CHECK(name->capacity <= (name->kind == IPC_MEMORY ? IPC_MAX_MEMORY : IPC_MAX_CAPACITY));
}

static void check_endpoint(const ipc_listed_endpoint *it) {
  WORLD_CHECK(it->role >= IPC_SENDER && it->role <= IPC_HANDLE && it->alive <= 1 && it->sleeping <= 1);
  WORLD_CHECK(it->slot < (it->role == IPC_SENDER ? IPC_MAX_SENDERS : IPC_MAX_RECEIVERS));
  WORLD_CHECK(it->instance != 0 && it->exclusive <= 1 && it->lag <= IPC_MAX_CAPACITY);
}

void check_list(bool remove) {
  ipc_failure failure;
  ipc_listed_name name;
  ipc_listed_endpoint endpoint;
  ipc_listing *listing;
  DO(listing = ipc_list_open(NULL, &failure));
  WORLD_CHECK(listing != NULL);
  while (CALL(0, ipc_list_next(listing, &name, &failure)) == 1) {
    check_name(&name);
    while (CALL(0, ipc_list_endpoint(listing, &endpoint)) == 1) check_endpoint(&endpoint);
    if (remove) CALL(0, ipc_list_remove(listing));
  }
  ipc_list_close(listing);
}

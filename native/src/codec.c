#include "codec.h"

#include <string.h>

#include "failure.h"

enum { CODEC_LONGEST = IPC_CODEC_BYTES - 1 };

static bool codec_is_text(const char *bytes, uint32_t length) {
  for (uint32_t i = 0; i < length; i++)
    if (bytes[i] < 0x20 || bytes[i] > 0x7e) return false;
  return true;
}

bool ipc_codec_is_id(const char id[IPC_CODEC_BYTES]) {
  const char *end = memchr(id, 0, IPC_CODEC_BYTES);
  return end && codec_is_text(id, (uint32_t)(end - id));
}

bool ipc_codec_read(const ipc_header *header, uint32_t length, char id[IPC_CODEC_BYTES]) {
  bool is_sound = length <= CODEC_LONGEST;
  for (uint32_t i = 0; i < IPC_CODEC_BYTES; i++) id[i] = is_sound && i < length ? header->codec[i] : 0;
  is_sound = is_sound && codec_is_text(id, length);
  if (!is_sound) id[0] = 0;
  return is_sound;
}

static uint32_t codec_length(const ipc_header *header) {
  return atomic_load_explicit(&header->codec_length, memory_order_acquire);
}

int32_t ipc_codec_compare(const ipc_header *header, const char id[IPC_CODEC_BYTES], ipc_failure *failure) {
  char its[IPC_CODEC_BYTES];
  if (id[0] == 0) return IPC_OK;
  if (!ipc_codec_read(header, codec_length(header), its)) return ipc_failure_set(failure, IPC_E_CORRUPT, 0, 0);
  if (its[0] == 0 || strcmp(id, its) == 0) return IPC_OK;
  for (uint32_t i = 0; i < IPC_CODEC_BYTES; i++) failure->codec[i] = its[i];
  failure->pid = (int32_t)atomic_load_explicit(&header->codec_pid, memory_order_relaxed);
  return ipc_failure_set_option(failure, IPC_E_OPTIONS_MISMATCH, IPC_OPTION_CODEC, 0, 0);
}

void ipc_codec_set(const ipc_segment *segment) {
  ipc_header *header = segment->header;
  if (segment->codec[0] == 0 || codec_length(header) != 0) return;
  memcpy(header->codec, segment->codec, sizeof header->codec);
  atomic_store_explicit(&header->codec_pid, (uint32_t)ipc_os_pid(), memory_order_relaxed);
  /* release: a process that sees the length sees the bytes. Pairs with codec_length(), and with a listing's reads. */
  atomic_store_explicit(&header->codec_length, (uint32_t)strlen(segment->codec), memory_order_release);
}

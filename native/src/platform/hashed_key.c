#include "hashed_key.h"

#include <string.h>

#define PREFIX "libipc."
enum { PREFIX_BYTES = sizeof PREFIX - 1, HASH_DIGITS = 32, NAME_BYTES = PREFIX_BYTES + HASH_DIGITS + 1 };

bool ipc_hashed_is_key(const char *name) {
  return strncmp(name, PREFIX, PREFIX_BYTES) == 0 && strlen(name + PREFIX_BYTES) == HASH_DIGITS &&
         strspn(name + PREFIX_BYTES, "0123456789abcdef") == HASH_DIGITS;
}

/* FNV-1a, 128 bits. */
void ipc_hashed_listed_key(const char *key, char listed[IPC_OS_KEY_BYTES]) {
  const unsigned __int128 prime = (unsigned __int128)1 << 88 | 0x13b;
  unsigned __int128 hash = (unsigned __int128)UINT64_C(0x6c62272e07bb0142) << 64 | UINT64_C(0x62b821756295c58d);
  for (; *key; key++) hash = (hash ^ (uint8_t)*key) * prime;
  memcpy(listed, PREFIX, PREFIX_BYTES);
  ipc_posix_write_hex(listed + PREFIX_BYTES, (uint64_t)(hash >> 64), HASH_DIGITS / 2);
  ipc_posix_write_hex(listed + PREFIX_BYTES + HASH_DIGITS / 2, (uint64_t)hash, HASH_DIGITS / 2);
  listed[NAME_BYTES - 1] = 0;
}

/* A key as listed is its own hash: no other key looks like one. */
void ipc_hashed_path(const char *key, char path[IPC_POSIX_PATH_BYTES]) {
  if (ipc_hashed_is_key(key))
    memcpy(path, key, NAME_BYTES);
  else
    ipc_hashed_listed_key(key, path);
}

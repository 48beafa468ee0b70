/*
 * layout_hash.h - a number that two builds share only if they agree about the bytes of a segment.
 *
 * The creator of a segment writes it into the header (header.layout_hash); an endpoint that joins compares it with its
 * own and refuses to join if they differ (IPC_E_VERSION). IPC_LAYOUT_VERSION says the same for people and for changes
 * of meaning that move no field.
 */
#ifndef LIBIPC_LAYOUT_HASH_H
#define LIBIPC_LAYOUT_HASH_H

#include <stddef.h>
#include <stdint.h>

/* One field of one structure, or a whole structure (offset 0, its size). */
typedef struct ipc_layout_field {
  const char *name; /* "ipc_header.magic", or "ipc_header" */
  uint32_t offset;  /* bytes from the start of the structure */
  uint32_t size;    /* bytes */
} ipc_layout_field;

/* The hash of this build; computed by the first call. */
uint32_t ipc_layout_hash(void);

/* For tests: the same over a table of the caller, and the table of this build. */
uint32_t ipc_layout_hash_of(const ipc_layout_field *fields, size_t count);
const ipc_layout_field *ipc_layout_fields(size_t *count);

#endif

/*
 * codec.h - what the bytes of a name's messages are: an id that the segment carries.
 *
 * The first endpoint that has a codec sets it, under the name lock and after it has taken its slot. Invariant: while
 * codec_length is not 0, it and the bytes do not change until the segment is created again. The bytes come first, then
 * the length with release: a process that is killed in between leaves a codec that is not set, and the next endpoint
 * writes all of it.
 */
#ifndef LIBIPC_CODEC_H
#define LIBIPC_CODEC_H

#include "segment.h"

/* Whether it is one: printable ASCII, at most 63 bytes and a zero byte. "" is none. */
bool ipc_codec_is_id(const char id[IPC_CODEC_BYTES]);

/*
 * Copies the id of a header to `id`; "" if it is not set. False: the header is damaged. Without the name lock,
 * `length` has to be from before the bytes of the header were read.
 */
bool ipc_codec_read(const ipc_header *header, uint32_t length, char id[IPC_CODEC_BYTES]);

/* Whether an endpoint with this codec may join: IPC_OK, IPC_E_OPTIONS_MISMATCH or IPC_E_CORRUPT. Under the name lock.
 */
int32_t ipc_codec_compare(const ipc_header *header, const char id[IPC_CODEC_BYTES], ipc_failure *failure);

/* Sets the codec of the endpoint that has just joined, if it has one and the name has none. Under the name lock. */
void ipc_codec_set(const ipc_segment *segment);

#endif

/* segment_options.h - whether options make sense, and whether they fit a segment in use. */
#ifndef LIBIPC_SEGMENT_OPTIONS_H
#define LIBIPC_SEGMENT_OPTIONS_H

#include "segment.h"

/*
 * Copies what a caller gave, whose ipc_options may be shorter or longer than that of this library: fields that the
 * caller does not know are 0. IPC_OK, or IPC_E_INVALID_ARGUMENT: struct_size is no size of an ipc_options, or a field
 * that this library does not know is not 0.
 */
int32_t ipc_segment_options_read(ipc_options *own, const ipc_options *given, ipc_failure *failure);

/* IPC_OK, or IPC_E_INVALID_ARGUMENT with what is wrong. */
int32_t ipc_segment_options_check(const ipc_options *options, ipc_failure *failure);

/* IPC_OK, IPC_E_OPTIONS_MISMATCH with the option that differs, or IPC_E_PERMISSION. */
int32_t ipc_segment_options_compare(const ipc_segment *segment, const ipc_os_file *file, const ipc_options *options,
                                    ipc_failure *failure);

#endif

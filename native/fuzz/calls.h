/* calls.h - what every fuzzer checks of the library's answers, and of what bindings read by themselves. */
#ifndef LIBIPC_FUZZ_CALLS_H
#define LIBIPC_FUZZ_CALLS_H

#include "input.h"
#include "libipc/libipc.h"
#include "libipc/waker.h"
#include "world.h"

/* Fails if it is none that status.h documents. */
int32_t check_status(int32_t status);
/* Fails if the bytes cannot be read; reads them. */
void check_readable(const void *bytes, uint64_t length);

/* A call that may take `timeout`: its status, checked. */
#define CALL(timeout, call) (world_call_begins(#call, timeout), check_status(call))
/* A call that answers something else, or nothing, and does not wait. */
#define DO(call)                 \
  do {                           \
    world_call_begins(#call, 0); \
    call;                        \
    world_call_ends();           \
  } while (0)

/* 0, a few short ones, and now and then for ever. */
int32_t take_timeout(input *from);

/* Lists everything and checks each field that a binding reads. `remove`: takes leftovers away. */
void check_list(bool remove);

#endif

/*
 * world.h - the system that a fuzzer runs the library in: everything of platform.h, made of private memory.
 *
 * A file is a piece of memory between bytes that AddressSanitizer guards. Nobody else runs: a wait ends at once and
 * moves the clock, so waiting costs nothing, and a call that goes on past its timeout is seen by that clock.
 */
#ifndef LIBIPC_FUZZ_WORLD_H
#define LIBIPC_FUZZ_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

/* A world without files, in which threads 0 to 2 are alive, and the calling one is 0. */
void world_begin(void);
/* Fails if something is still mapped or locked. */
void world_end(void);

/* Which thread calls from now on, and whether a thread is alive. */
enum { WORLD_THREADS = 4 };
void world_become(uint32_t thread);
void world_set_alive(uint32_t thread, bool alive);
uint64_t world_identity(uint32_t thread);

/* Makes a file of `size` bytes, or changes its size: only where it is not mapped. NULL: there is no room. */
uint8_t *world_put_file(const char *key, uint64_t size);
/* The bytes of the file that was made first, which need not have its name any more, and how many. */
uint8_t *world_bytes(uint64_t *size);

/* A stopped process holds the name locks. Nothing can be removed, as in a sticky directory. */
extern bool world_is_locked, world_keeps_names;

/*
 * Damage in the middle of calls: `strike` is called before the `calls`-th call to the system from now on, or before the
 * `loads`-th load from shared memory (with compilers that can tell of loads; 0: never).
 */
extern void (*world_strike)(void);
extern uint32_t world_strike_calls, world_strike_loads;

/*
 * Around each call of the library: it fails if that took much longer than timeout_ms by the world's clock, or too many
 * steps. Negative: it may wait for ever; then the name is taken away and everybody dies some time, which ends all
 * waits.
 */
void world_call_begins(const char *call, int32_t timeout_ms);
void world_call_ends(void);

_Noreturn void world_fail(const char *what, long long number);
#define WORLD_CHECK(condition) ((condition) ? (void)0 : world_fail(#condition, __LINE__))

#endif

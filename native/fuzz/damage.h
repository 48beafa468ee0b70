/* damage.h - one change to shared memory, as an input describes it in 6 bytes. */
#ifndef LIBIPC_FUZZ_DAMAGE_H
#define LIBIPC_FUZZ_DAMAGE_H

#include "input.h"

typedef struct damage {
  uint8_t area; /* where: the whole file, or a part of it that matters */
  uint8_t how;
  uint16_t word; /* which 4 bytes of that */
  uint16_t value;
} damage;

damage damage_read(input *from);

/* To the file that was made first. */
void damage_do(damage it);

/* The same in the middle of the calls that follow: see world_strike. */
void damage_later(damage it, uint32_t calls, uint32_t loads);

#endif

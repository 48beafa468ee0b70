#include "damage.h"

#include "world.h"

typedef struct area {
  uint64_t offset, bytes;
} area;

static const ipc_header *header_of(const uint8_t *base) { return (const ipc_header *)base; }

/* Of a damaged file too: it is cut to what is there. */
static area area_of(uint8_t which, const uint8_t *base, uint64_t size) {
  const ipc_header *header = header_of(base);
  uint64_t slots = (uint64_t)IPC_MAX_RECEIVERS * sizeof(ipc_slot);
  area areas[] = {
      {0, size},
      {0, offsetof(ipc_header, prefix)},
      {offsetof(ipc_header, head), sizeof(ipc_header) - offsetof(ipc_header, head)},
      {offsetof(ipc_header, head), 16},
      {offsetof(ipc_header, claim), 16},
      {offsetof(ipc_header, announced), 16 + IPC_MARKS * 16},
      {offsetof(ipc_header, take_claim), 12},
      {offsetof(ipc_header, receiver_count), 24 + sizeof header->event_flags},
      {offsetof(ipc_header, waiting), 16},
      {offsetof(ipc_header, memory_bytes), 8},
      {offsetof(ipc_header, next_instance), 8},
      {IPC_HEADER_BYTES, 40},
      {IPC_HEADER_BYTES, slots},
      {size > 4096 ? size - 4096 : 0, 64}, /* the beginning of the smallest ring */
      {size > 4096 ? size - 4096 : 0, 4096},
      {size > 8192 ? size - 8192 : 0, 8192},
  };
  area it = areas[which % (sizeof areas / sizeof areas[0])];
  if (it.offset > size) it.offset = 0;
  if (it.bytes > size - it.offset) it.bytes = size - it.offset;
  return it;
}

static uint32_t new_value(const damage *it, uint32_t before, const uint8_t *base, uint64_t size) {
  const ipc_header *header = header_of(base);
  uint32_t value = it->value;
  switch (it->how % 16) {
    case 0: return 0;
    case 1: return before ^ 1u << (value & 31);
    case 2: return value;
    case 3: return before + (uint32_t)(int32_t)(int16_t)value;
    case 4: return UINT32_MAX - value;
    case 5: return value << 16;
    case 6: { /* that of another word */
      uint32_t other;
      memcpy(&other, base + (uint64_t)value * 4 % (size - 3) / 4 * 4, sizeof other);
      return other;
    }
    case 7: return (uint32_t)header->head + (uint32_t)(int32_t)(int16_t)value;
    case 8: return 1u << (value & 31);
    case 9: return (1u << (value & 31)) - 1;
    case 10: return before + ((uint32_t)value << 16);
    case 11: return (value & 7) + 1; /* an instance, a kind, a count */
    case 12: return (uint32_t)header->announced + (uint32_t)(int32_t)(int16_t)value;
    case 13: return header->tail + (uint32_t)(int32_t)(int16_t)value;
    case 14: return (uint32_t)world_identity(value & 3);
    default: return (uint32_t)(world_identity(value & 3) >> 32);
  }
}

damage damage_read(input *from) {
  damage it;
  it.area = input_byte(from);
  it.how = input_byte(from);
  input_take(from, &it.word, sizeof it.word);
  input_take(from, &it.value, sizeof it.value);
  return it;
}

void damage_do(damage it) {
  uint64_t size;
  uint8_t *base = world_bytes(&size);
  if (size < sizeof(ipc_header)) return;
  area where = area_of(it.area, base, size);
  if (where.bytes < 4) return;
  uint8_t *at = base + where.offset + (uint64_t)it.word % (where.bytes / 4) * 4;
  uint32_t word;
  memcpy(&word, at, sizeof word);
  word = new_value(&it, word, base, size);
  memcpy(at, &word, sizeof word);
}

static damage pending;

static void strike(void) { damage_do(pending); }

void damage_later(damage it, uint32_t calls, uint32_t loads) {
  pending = it;
  world_strike = strike;
  world_strike_calls = calls;
  world_strike_loads = loads;
}

/* ring_test.c - positions to bytes: padding, wraps, and records that cannot be. */
#include "ring.h"

#include "message.h"
#include "view.h"
#include "worker.h"

enum { CAPACITY = 4096, UNITS = CAPACITY / 8 };

static void units_and_largest_message(void) {
  CHECK_EQ(ipc_ring_units(0), 1);
  CHECK_EQ(ipc_ring_units(1), 2);
  CHECK_EQ(ipc_ring_units(8), 2);
  CHECK_EQ(ipc_ring_units(9), 3);
  CHECK_EQ(ipc_ring_units(UINT32_MAX), (1u << 29) + 1);
  for (uint32_t capacity = IPC_MIN_CAPACITY; capacity <= IPC_MAX_CAPACITY; capacity *= 2) {
    CHECK_EQ(ipc_ring_max_record(capacity), capacity / 2 - 8);
    CHECK_EQ(ipc_ring_units(ipc_ring_max_record(capacity)), capacity / 16);
  }
}

static void padding_never_lets_a_record_straddle(void) {
  for (uint32_t base = 0, i = 0; i < 3; i++, base = i == 1 ? 0x80000000u - UNITS / 2 : 0u - UNITS / 2)
    for (uint32_t position = base; position != base + UNITS; position++)
      for (uint32_t units = 1; units <= UNITS / 2; units++) {
        uint32_t padding = ipc_ring_padding(UNITS, position, units);
        uint32_t offset = (position + padding) & (UNITS - 1);
        if (padding ? offset != 0 || units <= UNITS - (position & (UNITS - 1)) : offset + units > UNITS)
          FAIL("padding of %u for %u units at %u", padding, units, position);
        if (padding + units >= UNITS) FAIL("%u units at %u never fit", units, position); /* padding < units <= half */
      }
}

static void records_read_back(void) {
  static _Alignas(8) uint8_t body[CAPACITY];
  uint8_t text[256];
  ipc_record_copy record;
  for (uint32_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)(i * 7);
  for (uint32_t length = 0; length < sizeof text; length++) {
    uint8_t *at = ipc_ring_at(body, UNITS, 0xffffffffu);
    CHECK_EQ(at - body, CAPACITY - 8);
    at = ipc_ring_at(body, UNITS, UNITS + 3);
    CHECK_EQ(at - body, 24);
    ipc_ring_put_message(at, text, length);
    CHECK_EQ(ipc_ring_read(body, UNITS, UNITS + 3, UNITS + 3 + UNITS, &record), ipc_ring_units(length));
    CHECK_EQ(record.length, length);
    CHECK_EQ(record.kind, IPC_RECORD_MESSAGE);
    CHECK_EQ(memcmp(at + 8, text, length), 0);
    ipc_ring_put_padding(at, 1 + length);
    CHECK_EQ(ipc_ring_read(body, UNITS, 3, 3 + UNITS, &record), 1 + length);
    CHECK_EQ(record.kind, IPC_RECORD_PADDING);
  }
}

static uint32_t write_and_read(uint8_t *body, uint32_t length, uint32_t kind, uint32_t position, uint32_t head) {
  ipc_record *at = (ipc_record *)ipc_ring_at(body, UNITS, position);
  ipc_record_copy record;
  at->length = length;
  at->kind = kind;
  return ipc_ring_read(body, UNITS, position, head, &record);
}

static void impossible_records_are_refused(void) {
  static _Alignas(8) uint8_t body[CAPACITY];
#define READ(length, kind, position, head) write_and_read(body, length, kind, position, head)
  CHECK_EQ(READ(16, IPC_RECORD_MESSAGE, 8, 11), 3);
  CHECK_EQ(READ(16, IPC_RECORD_MESSAGE, 8, 10), 0); /* past head */
  CHECK_EQ(READ(0, IPC_RECORD_MESSAGE, 8, 8), 0);
  CHECK_EQ(READ(17, IPC_RECORD_MESSAGE, 8, 11), 0);
  CHECK_EQ(READ(16, 0, 8, 100), 0);
  CHECK_EQ(READ(16, IPC_RECORD_LOAN, 8, 100), 3);
  CHECK_EQ(READ(16, IPC_RECORD_OWNER, 8, 100), 1); /* its length is an instance */
  CHECK_EQ(READ(16, IPC_RECORD_FRAGMENT, 8, 100), 3);
  CHECK_EQ(READ(16, 6, 8, 100), 0);
  CHECK_EQ(READ(16, 7, 8, 100), 0);
  CHECK_EQ(READ(16, UINT32_MAX, 8, 100), 0);
  CHECK_EQ(READ(CAPACITY - 8, IPC_RECORD_MESSAGE, 0, UNITS), UNITS);
  CHECK_EQ(READ(CAPACITY - 7, IPC_RECORD_MESSAGE, 0, UNITS + 8), 0);
  CHECK_EQ(READ(8, IPC_RECORD_MESSAGE, UNITS - 2, UNITS + 8), 2);
  CHECK_EQ(READ(9, IPC_RECORD_MESSAGE, UNITS - 2, UNITS + 8), 0); /* over the end */
  CHECK_EQ(READ(9, IPC_RECORD_PADDING, UNITS - 2, UNITS + 8), 0);
  for (uint32_t length = UINT32_MAX; length > UINT32_MAX - 64; length--) {
    CHECK_EQ(READ(length, IPC_RECORD_MESSAGE, 0, UNITS), 0);
    CHECK_EQ(READ(length, IPC_RECORD_PADDING, 0xffffffffu, UNITS - 1), 0);
  }
  CHECK_EQ(READ(16, IPC_RECORD_MESSAGE, 0xfffffe00u, 0xfffffe03u), 3);
  CHECK_EQ(READ(CAPACITY - 8, IPC_RECORD_MESSAGE, 0xfffffe00u, 0), UNITS); /* head has wrapped */
}

/* An endpoint of each side on the case's route, and the test's own look at its bytes. */
typedef struct pair {
  ipc_sender *sender;
  ipc_receiver *receiver;
  view seen;
} pair;

static pair open_pair(uint32_t first_position) {
  const ipc_options options = {
      .struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .capacity = CAPACITY, .first_position = first_position};
  ipc_failure failure;
  pair it;
  it.receiver = ipc_receiver_open(test_prefix, test_name, &options, &failure);
  it.sender = ipc_sender_open(test_prefix, test_name, &options, &failure);
  CHECK(it.receiver && it.sender);
  it.seen = view_open(test_prefix, test_name, IPC_ROUTE);
  CHECK_EQ(it.seen.header->head, first_position);
  return it;
}

static void close_pair(pair *it) {
  ipc_sender_close(it->sender);
  ipc_receiver_close(it->receiver);
  view_close(&it->seen);
}

static const uint32_t starts[] = {0,           1,           UNITS - 1,   0x7fffff00u, 0x7fffffffu,
                                  0x80000000u, 0xfffffe00u, 0xfffffff0u, 0xfffffffeu, 0xffffffffu};
enum { STARTS = sizeof starts / sizeof starts[0] };
static const message_range all_sizes = {0, CAPACITY / 2 - 8};

static void positions_wrap(void) {
  static uint8_t out[CAPACITY], in[CAPACITY];
  for (int start = 0; start < STARTS; start++) {
    pair it = open_pair(starts[start]);
    uint32_t sent = 0, received = 0, seed = 20260103;
    while (received < 1500) {
      for (uint32_t burst = test_random(&seed) % 8; burst; burst--) {
        uint32_t length = message_write(out, (message_tag){0, sent}, all_sizes);
        int32_t status = ipc_sender_send(it.sender, out, length, 0);
        if (status == IPC_TIMED_OUT) break;
        CHECK_EQ(status, IPC_OK);
        sent++;
      }
      for (uint32_t burst = test_random(&seed) % 8; burst && received < sent; burst--) {
        int32_t length = ipc_receiver_recv(it.receiver, in, sizeof in, 0);
        message_check(in, length, (message_tag){0, received++}, all_sizes);
      }
      if (received == sent) CHECK_EQ(ipc_receiver_recv(it.receiver, in, sizeof in, 0), IPC_TIMED_OUT);
    }
    close_pair(&it);
  }
}

/* The ring is filled to the last unit and emptied, with positions on both sides of each wrap. */
static void ring_is_used_to_the_last_unit(void) {
  uint8_t bytes[8];
  for (int start = 0; start < STARTS; start++) {
    pair it = open_pair(starts[start]);
    for (uint32_t lap = 0; lap < 6; lap++) {
      for (uint32_t i = 0; i < UNITS; i++) CHECK_EQ(ipc_sender_send(it.sender, NULL, 0, 0), IPC_OK);
      CHECK_EQ(ipc_sender_send(it.sender, NULL, 0, 0), IPC_TIMED_OUT);
      for (uint32_t i = 0; i < UNITS; i++) CHECK_EQ(ipc_receiver_recv(it.receiver, bytes, 0, 0), 0);
      CHECK_EQ(ipc_receiver_recv(it.receiver, bytes, 0, 0), IPC_TIMED_OUT);
    }
    CHECK_EQ((uint32_t)it.seen.header->head, starts[start] + 6 * UNITS);
    CHECK_EQ(it.seen.header->head >> 32, 6 * UNITS); /* messages */
    close_pair(&it);
  }
}

static void largest_message_fits_at_every_position(void) {
  static uint8_t out[CAPACITY], in[CAPACITY];
  pair it = open_pair(0xffffff00u);
  for (uint32_t i = 0; i < 2 * UNITS; i++) {
    const message_range range = {CAPACITY / 2 - 8, CAPACITY / 2 - 8};
    CHECK_EQ(ipc_sender_send(it.sender, NULL, 0, 0), IPC_OK); /* moves the next one on by a unit */
    CHECK_EQ(ipc_receiver_recv(it.receiver, in, 0, 0), 0);
    uint32_t length = message_write(out, (message_tag){0, i}, range);
    CHECK_EQ(ipc_sender_send(it.sender, out, length, 0), IPC_OK);
    message_check(in, ipc_receiver_recv(it.receiver, in, sizeof in, 0), (message_tag){0, i}, range);
  }
  close_pair(&it);
}

typedef struct stream {
  uint32_t start, count;
  _Atomic uint32_t ready;
} stream;

static void send_stream(void *argument) {
  static uint8_t bytes[CAPACITY];
  stream *of = argument;
  const ipc_options options = {.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .capacity = CAPACITY};
  ipc_failure failure;
  ipc_sender *sender = ipc_sender_open(test_prefix, test_name, &options, &failure);
  CHECK(sender);
  for (uint32_t i = 0; i < of->count; i++) {
    uint32_t length = message_write(bytes, (message_tag){of->start, i}, all_sizes);
    CHECK_EQ(ipc_sender_send(sender, bytes, length, -1), IPC_OK);
  }
  ipc_sender_close(sender);
}

static void check_streams_over_wraps(test_form form) {
  static uint8_t bytes[CAPACITY];
  for (uint32_t start = 0; start < STARTS; start++) {
    stream of = {.start = start, .count = 1000 * TEST_SCALE};
    ipc_failure failure;
    const ipc_options options = {
        .struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .capacity = CAPACITY, .first_position = starts[start]};
    ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &options, &failure);
    CHECK(receiver);
    test_worker worker = test_start(form, send_stream, &of);
    for (uint32_t i = 0; i < of.count; i++)
      message_check(bytes, ipc_receiver_recv(receiver, bytes, sizeof bytes, -1), (message_tag){start, i}, all_sizes);
    test_finish(worker);
    ipc_receiver_close(receiver);
  }
}
static void streams_of_processes_wrap(void) { check_streams_over_wraps(TEST_PROCESS); }
static void streams_of_threads_wrap(void) { check_streams_over_wraps(TEST_THREAD); }

/* The second of three messages is damaged: the first is good, then every way of reading tells. */
static void check_damage(uint32_t length, uint32_t kind) {
  uint8_t bytes[64];
  uint32_t spans[8];
  for (int way = 0; way < 4; way++) {
    pair it = open_pair(0);
    for (int i = 0; i < 3; i++) CHECK_EQ(ipc_sender_send(it.sender, "12345678", 8, 0), IPC_OK);
    ipc_record *second = (ipc_record *)(view_ring(&it.seen) + 16);
    CHECK_EQ(second->length, 8);
    CHECK_EQ(second->kind, IPC_RECORD_MESSAGE);
    second->length = length;
    second->kind = kind;
    if (way != 2) CHECK_EQ(ipc_receiver_recv(it.receiver, bytes, sizeof bytes, 0), 8);
    for (int again = 0; again < 3; again++) {
      if (way == 0) CHECK_EQ(ipc_receiver_recv(it.receiver, bytes, sizeof bytes, -1), IPC_E_CORRUPT);
      if (way == 1) CHECK_EQ(ipc_receiver_next_length(it.receiver), IPC_E_CORRUPT);
      if (way == 2) {
        if (again == 0) {
          CHECK_EQ(ipc_receiver_peek(it.receiver, spans, 4, NULL, 0, -1), 1); /* the one before the damage */
          CHECK_EQ(spans[0], 8);
          CHECK_EQ(spans[1], 8);
          CHECK_EQ(ipc_receiver_consume(it.receiver, 1), IPC_OK);
        }
        CHECK_EQ(ipc_receiver_peek(it.receiver, spans, 4, NULL, 0, -1), IPC_E_CORRUPT);
      }
      if (way == 3) CHECK_EQ(ipc_receiver_consume(it.receiver, 1), IPC_E_CORRUPT);
    }
    close_pair(&it);
  }
}

static void damaged_records_are_told(void) {
  const uint32_t lengths[] = {UINT32_MAX, UINT32_MAX - 7, 1u << 31, CAPACITY, CAPACITY - 8, 25, 33, 1000};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) check_damage(lengths[i], IPC_RECORD_MESSAGE);
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) check_damage(lengths[i], IPC_RECORD_PADDING);
  check_damage(8, 0);
  check_damage(8, 3);
  check_damage(8, 7);
  check_damage(8, UINT32_MAX);
}

static void damaged_positions_are_told(void) {
  const uint32_t heads[] = {UNITS + 3, 2 * UNITS, 0x7fffffffu, 0x80000000u, UINT32_MAX};
  uint8_t bytes[64];
  for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
    pair it = open_pair(0);
    CHECK_EQ(ipc_sender_send(it.sender, "12345678", 8, 0), IPC_OK);
    CHECK_EQ(ipc_receiver_recv(it.receiver, bytes, sizeof bytes, 0), 8);
    atomic_store(&it.seen.header->head, heads[i]);
    CHECK_EQ(ipc_receiver_recv(it.receiver, bytes, sizeof bytes, -1), IPC_E_CORRUPT);
    /* From 2^31 on it is the receiver that is ahead, which a sender may see. */
    if (heads[i] < 0x80000000u) CHECK_EQ(ipc_sender_send(it.sender, "12345678", 8, -1), IPC_E_CORRUPT);
    close_pair(&it);
  }
}

/* Random words all over the ring, and random heads: any answer will do, but nothing outside is touched. */
static void noise_is_survived(void) {
  uint32_t seed = 20260104;
  for (int round = 0; round < 200; round++) {
    pair it = open_pair(0);
    uint32_t *ring = (uint32_t *)view_ring(&it.seen), spans[32];
    for (uint32_t i = 0; i < CAPACITY / 4; i++) {
      uint32_t word = test_random(&seed);
      ring[i] = i % 2 ? word % 4 : round % 2 ? word % 64 : word >> word % 32;
    }
    atomic_store(&it.seen.header->head, test_random(&seed) % (round % 4 ? UNITS + 1 : UINT32_MAX));
    static uint8_t bytes[CAPACITY];
    for (int i = 0; i < 100; i++) {
      int32_t count = ipc_receiver_peek(it.receiver, spans, 16, NULL, 0, 0);
      CHECK_LE(count, 16);
      for (int32_t s = 0; s < count; s++)
        if ((uint64_t)spans[2 * s] + spans[2 * s + 1] > CAPACITY) FAIL("a span leaves the ring");
      int32_t length = ipc_receiver_recv(it.receiver, bytes, sizeof bytes, 0);
      CHECK_LE(length, CAPACITY);
      if (length < 0) break;
    }
    close_pair(&it);
  }
}

TEST_MAIN(TEST_CASE(units_and_largest_message), TEST_CASE(padding_never_lets_a_record_straddle),
          TEST_CASE(records_read_back), TEST_CASE(impossible_records_are_refused), TEST_CASE(positions_wrap),
          TEST_CASE(ring_is_used_to_the_last_unit), TEST_CASE(largest_message_fits_at_every_position),
          TEST_CASE(streams_of_processes_wrap), TEST_CASE(streams_of_threads_wrap), TEST_CASE(damaged_records_are_told),
          TEST_CASE(damaged_positions_are_told), TEST_CASE(noise_is_survived))

/*
 * latest_value.c - ipc_latest_set() and ipc_latest_get(): readers that copy and check, or pin, while a writer sets.
 *
 * Two buffers have memory at first, so that a writer comes round to a reader's buffer at its second set; a third is in
 * use when the readers have pinned one. A value is two words that are equal to its version.
 *
 * Invariant: a value that is got is whole, has the version that ipc_latest_seen() says, and is not older than one that
 * was got before. Values that are pinned are copied by plain loads: a writer at the same time is a data race.
 *
 * config copied -DCOPY=8 -DIPC_COPY_WORDS -DIPC_LATEST_TRIES=1 -DREADERS=1 -DSETS=2 -DGETS=1 torn copies
 * config pinned -DCOPY=8 -DIPC_LATEST_TRIES=0 -DREADERS=1 -DSETS=3 -DGETS=1 the reader pins at once
 * config again -DCOPY=8 -DIPC_LATEST_TRIES=0 -DREADERS=1 -DSETS=2 -DGETS=2 versions only grow
 * config readers -DCOPY=8 -DIPC_LATEST_TRIES=0 -DREADERS=2 -DSETS=2 -DGETS=1 two readers pin
 * threads many -DCOPY=8 -DIPC_LATEST_TRIES=1 -DREADERS=3 -DSETS=200 -DGETS=200 many sets
 */
#include "harness.h"
#include "buffers.h"
#include "libipc/latest_value.h"

enum { HANDLES = READERS + 1, BYTES = 16, STRIDE = 128 };

static model_segment shared;
static ipc_handle handles[HANDLES]; /* the last one writes */
static _Alignas(IPC_LINE) uint64_t body[(HANDLES + IPC_BUFFERS_MORE) * STRIDE / sizeof(uint64_t)];

static void *get(void *argument) {
  ipc_handle *reader = argument;
  uint64_t before = 0;
  for (int i = 0; i < GETS; i++) {
    uint64_t value[2] = {0, 0};
    int32_t status = ipc_latest_get(reader, value, BYTES);
    CHECK(status == BYTES);
    CHECK(value[0] == value[1]);
    CHECK(value[0] == reader->seen);
    CHECK(value[0] >= before);
    before = value[0];
  }
  return NULL;
}

static void *set(void *argument) {
  ipc_handle *writer = argument;
  for (uint64_t i = 0; i < SETS; i++) {
    const uint64_t value[2] = {i + 2, i + 2};
    CHECK(ipc_latest_set(writer, value, BYTES, -1) == IPC_OK);
  }
  return NULL;
}

static void begin(void) {
  CLEAR(shared);
  CLEAR(handles);
  CLEAR(body);
  model_clear_deaths();
  for (uint32_t i = 0; i < HANDLES; i++) {
    model_be_handle(&shared, &handles[i], IPC_LATEST, &ipc_latest_kind, i, HANDLES);
    handles[i].segment.body = (uint8_t *)body;
    handles[i].segment.capacity = BYTES;
  }
  SET(shared.header.buffers, 2);
  const uint64_t first[2] = {1, 1};
  CHECK(ipc_latest_set(&handles[READERS], first, BYTES, -1) == IPC_OK);
}

int main(void) {
  MODEL_LOOP {
    model_thread threads[HANDLES];
    begin();
    for (uint32_t i = 0; i < HANDLES; i++) MODEL_START(&threads[i], i < READERS ? get : set, &handles[i]);
    for (uint32_t i = 0; i < HANDLES; i++) MODEL_JOIN(threads[i]);
    CHECK(ipc_version_of(GET(shared.header.current)) == SETS + 1);
    CHECK(GET(shared.header.pinning) == 0);
    CHECK(GET(shared.header.buffers) <= 2 + READERS);
  }
  return 0;
}

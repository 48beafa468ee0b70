/* replay_test.c - a receiver that begins with the oldest message of a ring whose senders wait. */
#include "ends.h"
#include "interpose.h"
#include "libipc/libipc.h"
#include "message.h"
#include "view.h"
#include "worker.h"

enum { CAPACITY = 4096, UNITS = CAPACITY / 8, RECORD = 16, FITS = CAPACITY / RECORD };

static const uint32_t starts[] = {0, 0x80000000u - 300, UINT32_MAX - 300, UINT32_MAX};
enum { STARTS = sizeof starts / sizeof starts[0] };

static ipc_options kept(uint32_t kind) {
  return (ipc_options){.struct_size = sizeof(ipc_options), .kind = kind, .capacity = CAPACITY};
}

static ipc_sender *sender;
static ipc_receiver *companion; /* reads everything at once: senders of a blocking ring need a receiver */
static uint64_t sent;

static void send_and_read(uint64_t until) {
  for (uint64_t got; sent < until; sent++) {
    CHECK_EQ(ipc_sender_send(sender, &sent, 8, 0), IPC_OK);
    CHECK_EQ(ipc_receiver_recv(companion, &got, 8, 0), 8);
    CHECK_EQ(got, sent);
  }
}

/* Reads all there is, which must end with the last if there is any: answers how many. */
static uint64_t read_to_the_end(ipc_receiver *receiver) {
  uint64_t count = 0, first = 0, got;
  for (; ipc_receiver_recv(receiver, &got, 8, 0) == 8; count++) {
    if (count == 0) first = got;
    CHECK_EQ(got, first + count);
  }
  if (count) CHECK_EQ(first + count, sent);
  return count;
}

static void everything_or_three_quarters_are_replayed(void) {
  for (int i = 0; i < 2 * STARTS; i++) {
    ipc_options options = kept(IPC_ROUTE + (uint32_t)i % 2);
    options.first_position = starts[i / 2];
    sent = 0;
    sender = must_send(options);
    companion = must_receive(options);
    for (uint64_t total = 0; total < 4000; total += 1 + total / 9) {
      send_and_read(total);
      ipc_receiver *receiver = must_replay(options);
      uint64_t count = read_to_the_end(receiver);
      if (total <= FITS - FITS / 8) /* an eighth of the ring is announced ahead */
        CHECK_EQ(count, total);
      else
        CHECK_GE(count, FITS / 4 * 3);
      CHECK_LE(count, FITS);
      ipc_receiver_close(receiver);
    }
    ipc_receiver_close(companion);
    ipc_sender_close(sender);
  }
}

/* The ring is full and goes on message by message: that must not use up the marks. */
static void a_full_ring_is_replayed_too(void) {
  for (uint32_t overflow = IPC_BLOCK; overflow <= IPC_DROP_NEWEST; overflow++) {
    ipc_options options = kept(IPC_CHANNEL);
    options.overflow = overflow;
    sent = 0;
    sender = must_send(options);
    companion = must_receive(options);
    view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
    for (uint64_t got, read = 0; sent < 3000; sent++) {
      while (ipc_sender_send(sender, &sent, 8, 0) != IPC_OK) {
        atomic_store(&seen.header->event_flags[IPC_EVENT_SPACE].wanted, IPC_WANTED_BY_SLEEPERS); /* publish each */
        CHECK_EQ(ipc_receiver_recv(companion, &got, 8, 0), 8);
        CHECK_EQ(got, read++);
      }
    }
    ipc_receiver *receiver = must_replay(options);
    CHECK_GE(read_to_the_end(receiver), FITS - 24); /* nothing is announced ahead: there is no room */
    ipc_receiver_close(receiver);
    ipc_receiver_close(companion);
    view_close(&seen);
    ipc_sender_close(sender);
  }
}

static void senders_are_held_back_from_there_on(void) {
  ipc_options options = kept(IPC_CHANNEL);
  uint64_t first, got;
  sent = 0;
  sender = must_send(options);
  companion = must_receive(options);
  for (int round = 0; round < 200; round++) {
    send_and_read(sent + 300 + (uint64_t)round % 7);
    ipc_receiver *receiver = must_replay(options);
    uint64_t before = sent;
    while (ipc_sender_send(sender, &sent, 8, 0) == IPC_OK) sent++; /* up to what the newcomer has not read */
    CHECK_LE(sent - before, FITS / 4);
    CHECK_EQ(ipc_receiver_recv(receiver, &first, 8, 0), 8);
    CHECK_LE(first + FITS / 4 * 3, before);
    CHECK_LE(sent - first, FITS);
    while (++first < sent) {
      CHECK_EQ(ipc_receiver_recv(receiver, &got, 8, 0), 8);
      CHECK_EQ(got, first);
    }
    while (ipc_receiver_recv(companion, &got, 8, 0) == 8) continue;
    CHECK_EQ(ipc_sender_send(sender, &sent, 8, 0), IPC_OK);
    sent++;
    CHECK_EQ(ipc_receiver_recv(receiver, &got, 8, 0), 8);
    CHECK_EQ(ipc_receiver_recv(companion, &got, 8, 0), 8);
    ipc_receiver_close(receiver);
  }
  ipc_receiver_close(companion);
  ipc_sender_close(sender);
}

/* Without companions: what the last receiver left behind is there for the next, as long as a sender keeps the name. */
static void what_a_receiver_left_is_replayed(void) {
  uint64_t got;
  sender = must_send(kept(IPC_ROUTE));
  ipc_receiver *receiver = must_receive(kept(IPC_ROUTE));
  for (uint64_t i = 0; i < 10; i++) CHECK_EQ(ipc_sender_send(sender, &i, 8, 0), IPC_OK);
  for (uint64_t i = 0; i < 5; i++) CHECK_EQ(ipc_receiver_recv(receiver, &got, 8, 0), 8);
  ipc_receiver_close(receiver);
  CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_NO_RECEIVERS);
  receiver = must_replay(kept(IPC_ROUTE));
  sent = 10;
  CHECK_EQ(read_to_the_end(receiver), 10);
  ipc_receiver_close(receiver);
  receiver = must_receive(kept(IPC_ROUTE));
  CHECK_EQ(ipc_receiver_recv(receiver, &got, 8, 0), IPC_TIMED_OUT);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

/* Loans and their owners' records, ended and open, come as they came. */
static void loans_are_replayed(void) {
  sender = must_send(kept(IPC_CHANNEL));
  companion = must_receive(kept(IPC_CHANNEL));
  uint8_t *ring = (uint8_t *)(uintptr_t)ipc_sender_ring(sender), bytes[64];
  const message_range range = {MESSAGE_TAG, 60};
  for (uint32_t i = 0; i < 300; i++) {
    uint32_t offset, length = message_length((message_tag){0, i}, range);
    CHECK_EQ(ipc_sender_loan(sender, range.max, 0, &offset), IPC_OK);
    ipc_receiver *receiver = i % 10 ? NULL : must_replay(kept(IPC_CHANNEL));
    message_write(ring + offset, (message_tag){0, i}, range);
    CHECK_EQ(ipc_sender_end_loan(sender, offset, (int32_t)length), IPC_OK);
    message_check(bytes, ipc_receiver_recv(companion, bytes, sizeof bytes, 0), (message_tag){0, i}, range);
    if (!receiver) continue;
    message_tag tag;
    int32_t got = ipc_receiver_recv(receiver, bytes, sizeof bytes, 0);
    CHECK_GE(got, MESSAGE_TAG);
    memcpy(&tag, bytes, sizeof tag);
    if (i < 30) CHECK_EQ(tag.sequence, 0);
    for (;; tag.sequence++, got = ipc_receiver_recv(receiver, bytes, sizeof bytes, 0)) {
      message_check(bytes, got, tag, range);
      if (tag.sequence == i) break;
    }
    ipc_receiver_close(receiver);
  }
  ipc_receiver_close(companion);
  ipc_sender_close(sender);
}

typedef struct board {
  _Atomic uint32_t ready, stop, sent;
} board;
static board *shared;
static const message_range small = {MESSAGE_TAG, 60};

/* `sent` is raised before each send: what a joiner must get at the latest starts at its value when the open returned.
 */
static void stream_at_full_speed(void *unused) {
  (void)unused;
  uint8_t bytes[64];
  ipc_sender *mine = must_send(kept(IPC_CHANNEL));
  ipc_receiver *own = must_receive(kept(IPC_CHANNEL));
  atomic_store(&shared->ready, 1);
  for (uint32_t next = 0; !atomic_load(&shared->stop); next++) {
    uint32_t length = message_write(bytes, (message_tag){0, next}, small);
    atomic_store(&shared->sent, next + 1);
    CHECK_EQ(ipc_sender_send(mine, bytes, length, -1), IPC_OK);
    CHECK_EQ(ipc_receiver_recv(own, bytes, sizeof bytes, 0), length);
  }
  ipc_receiver_close(own);
  ipc_sender_close(mine);
}

/* The open itself is slow now and then: it replays what was there before, and never what was overwritten meanwhile. */
static void replay_and_check(void *unused) {
  (void)unused;
  uint8_t bytes[64];
  ipc_receiver *receiver = must_replay(kept(IPC_CHANNEL));
  uint32_t started = atomic_load(&shared->sent);
  message_tag tag;
  int32_t length = ipc_receiver_recv(receiver, bytes, sizeof bytes, -1);
  CHECK_GE(length, MESSAGE_TAG);
  memcpy(&tag, bytes, sizeof tag);
  CHECK_LE(tag.sequence, started);
  if (started < 30) CHECK_EQ(tag.sequence, 0);
  message_check(bytes, length, tag, small);
  for (int i = 0; i < 300; i++) {
    tag.sequence++;
    message_check(bytes, ipc_receiver_recv(receiver, bytes, sizeof bytes, -1), tag, small);
  }
  ipc_receiver_close(receiver);
}

static void check_joining_a_stream(test_form form) {
  shared = test_shared(sizeof *shared);
  test_worker stream = test_start(form, stream_at_full_speed, NULL);
  test_await(&shared->ready, 1);
  for (int i = 0; i < 50 * TEST_SCALE; i++) test_finish(test_start(form, replay_and_check, NULL));
  atomic_store(&shared->stop, 1);
  test_finish(stream);
}
static void processes_replay_a_stream(void) { check_joining_a_stream(TEST_PROCESS); }
static void threads_replay_a_stream(void) { check_joining_a_stream(TEST_THREAD); }

/* The sender goes any number of laps between two steps of a joiner; then it fills the ring as far as it may. */
static uint32_t laps;

static void race(const char *call) {
  if (strcmp(call, "self") != 0) return;
  hooks.before = NULL;
  send_and_read(sent + laps);
}

static void joiner_is_lapped_between_its_steps(void) {
  sent = 0;
  sender = must_send(kept(IPC_CHANNEL));
  companion = must_receive(kept(IPC_CHANNEL));
  for (laps = 1; laps < 1000; laps += 7) {
    send_and_read(sent + 40);
    hooks.before = race; /* after it looked at head, before its place can be seen */
    ipc_receiver *joiner = must_replay(kept(IPC_CHANNEL));
    CHECK(!hooks.before);
    while (ipc_sender_send(sender, &sent, 8, 0) == IPC_OK) sent++;
    read_to_the_end(companion);
    CHECK_GE(read_to_the_end(joiner), sent < FITS / 4 * 3 ? sent : FITS / 4 * 3);
    ipc_receiver_close(joiner);
  }
  ipc_receiver_close(companion);
  ipc_sender_close(sender);
}

TEST_MAIN(TEST_CASE(everything_or_three_quarters_are_replayed), TEST_CASE(a_full_ring_is_replayed_too),
          TEST_CASE(senders_are_held_back_from_there_on), TEST_CASE(what_a_receiver_left_is_replayed),
          TEST_CASE(loans_are_replayed), TEST_CASE(processes_replay_a_stream), TEST_CASE(threads_replay_a_stream),
          TEST_CASE(joiner_is_lapped_between_its_steps))

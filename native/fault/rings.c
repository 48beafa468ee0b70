/*
 * rings.c - routes and channels: three senders and two receivers, and a last sender, which sends the end.
 *
 * Each notes what it is about to send, what was accepted, and what it got. Afterwards: of the living every
 * message that was accepted has reached every receiver that was there when its send began, whole, once, in
 * order; of the dead one it has or has not; and all receivers saw one order.
 */
#include <signal.h>

#include "common.h"
#include "libipc/peers.h"
#include "receiver_state.h"
#include "sender_state.h"

enum { SENDER_A, SENDER_B, SENDER_C, RECEIVER_A, RECEIVER_B, CLOSER, SENDERS = 3, RECEIVERS = 2 };
enum { MAX_EACH = 64, MAX_LENGTH = 64 << 10 };
enum send_mode { SEND, BATCH, LOAN, PARTS, TRY };
enum receive_mode { RECV, PEEK, KEEP, EVENTS };

typedef struct ring_plan {
  uint32_t each;        /* messages of a sender */
  uint32_t least, most; /* their bytes, in turn */
  enum send_mode send;
  enum receive_mode receive;
  bool observes;        /* the second receiver is an observer */
  bool replay;          /* the second receiver comes late, and begins with the oldest */
  bool lags;            /* receivers begin when a sender waits for space */
  bool sleeps;          /* senders send when receivers sleep */
  bool receivers_first; /* one of them creates the name */
  bool peers;           /* they read peers, and wait for others to join */
  bool flushes;         /* senders wait at times until receivers have read */
  bool hands_over;      /* the second and the third sender of a route wait for the one before them to leave */
  uint32_t big_every;   /* each so manieth message of sender A has `most` bytes, others' have `least` */
} ring_plan;

typedef struct ring_ledger {
  struct {
    _Atomic uint32_t outcome;
    uint64_t begun;
  } sent[SENDERS][MAX_EACH];
  struct {
    _Atomic uint64_t opened;
    _Atomic uint32_t count;
    _Atomic uint32_t is_done;
    uint64_t passed;      /* what lay before the place where it ended */
    uint64_t lost, first; /* of drop-oldest; `first`: how many messages lay before the place where it began */
    uint32_t got[2 * SENDERS * MAX_EACH];
  } logs[RECEIVERS];
  _Atomic uint32_t holder; /* the last sender of a route that took the place of another one; at first sender A */
  _Atomic uint64_t total;  /* messages published before the closing one */
} ring_ledger;

_Static_assert(sizeof(ring_ledger) <= LEDGER_BYTES, "it has room for the notes");

static ring_ledger *ledger(void) { return (ring_ledger *)now->ledger; }
static const ring_plan *plan(void) { return playing->plan; }

static uint32_t length_of(uint32_t sender, uint32_t number) {
  const ring_plan *it = plan();
  if (it->big_every) return sender == SENDER_A && number % it->big_every == it->big_every - 1 ? it->most : it->least;
  uint32_t span = it->most - it->least + 1;
  return it->least + (sender * 7919 + number * 104729) % span;
}

static ipc_sender *open_sender(void) {
  ipc_failure failure;
  for (;;) {
    ipc_sender *sender = OPEN(ipc_sender_open(fault_prefix, now->name, &playing->options, &failure));
    if (sender) return sender;
    /* A dead predecessor is replaced at once; a predecessor that is stopped while it closes is not. */
    if (failure.code != IPC_E_HAS_SENDER) FAIL("a sender could not open: %d", failure.code);
    a_moment();
  }
}

/* As an event loop waits. */
static int32_t take_over_by_events(ipc_sender *sender, ipc_failure *failure) {
  loop_waker mine = open_waker();
  int32_t status;
  for (;;) {
    ipc_sender_arm(sender, IPC_WAIT_FOR_PEERS, mine.low, mine.high);
    status = ipc_sender_take_over(sender, 0, failure);
    if (status != IPC_E_HAS_SENDER) break;
    if (!await_signal(mine)) ipc_sender_poll(sender, IPC_WAIT_FOR_PEERS, mine.low, mine.high);
  }
  close(mine.fd);
  ipc_waker_close(mine.low, mine.high);
  return status;
}

static bool dies(uint32_t actor) {
  bool is_hit = false;
  for (uint32_t i = 0; i < ARMED; i++)
    is_hit |= now->armed[i].actor == actor && now->armed[i].signal == SIGKILL && atomic_load(&now->armed[i].is_struck);
  return is_hit;
}

/* The sender waits for as long as the other one is open: only the place of a dead one must be free within a second. */
static ipc_sender *succeed(uint32_t actor) {
  static const char what[] = "ipc_sender_take_over";
  ipc_failure failure;
  ipc_sender *sender = OPEN(ipc_sender_open_successor(fault_prefix, now->name, &playing->options, &failure));
  if (!sender) FAIL("a successor could not open: %d", failure.code);
  reach(1);
  uint64_t begun = fault_begin(what);
  CHECK_EQ(actor == SENDER_C ? take_over_by_events(sender, &failure) : ipc_sender_take_over(sender, -1, &failure),
           IPC_OK);
  if (dies(atomic_exchange(&ledger()->holder, actor))) fault_end(what, begun);
  return sender;
}

static bool any_receiver_awake(const ipc_sender *sender) {
  for (uint32_t i = 0; i < 2; i++) {
    const ipc_slot *slot = &sender->segment.receivers[i];
    if (atomic_load(&slot->instance) && !atomic_load(&slot->asleep) && !atomic_load(&slot->armed)) return true;
  }
  return false;
}

/* An attempt of an event loop, again and again until it comes to something. */
static int32_t by_events(ipc_sender *sender, int32_t (*attempt)(ipc_sender *, const uint8_t *, uint32_t, uint32_t *),
                         const uint8_t *bytes, uint32_t length) {
  static loop_waker mine;
  uint32_t offset = 0;
  if (!mine.fd) mine = open_waker();
  for (;;) {
    int32_t status = attempt(sender, bytes, length, &offset);
    if (status != IPC_TIMED_OUT) return status;
    ipc_sender_arm(sender, IPC_WAIT_FOR_SPACE, mine.low, mine.high);
    status = attempt(sender, bytes, length, &offset);
    if (status != IPC_TIMED_OUT) return status;
    if (ipc_sender_armed(sender) & IPC_WAIT_FOR_SPACE && !await_signal(mine))
      ipc_sender_poll(sender, IPC_WAIT_FOR_SPACE, mine.low, mine.high);
  }
}

static int32_t try_part(ipc_sender *sender, const uint8_t *bytes, uint32_t length, uint32_t *offset) {
  return ipc_sender_send_part(sender, bytes, length, offset);
}

static int32_t try_whole(ipc_sender *sender, const uint8_t *bytes, uint32_t length, uint32_t *offset) {
  (void)offset;
  return ipc_sender_send(sender, bytes, length, 0);
}

static int32_t lend(ipc_sender *sender, const uint8_t *bytes, uint32_t length, uint32_t number) {
  uint32_t offset, given_up, lent = length + (number % 2 ? 0 : 64);
  int32_t status = IPC_TIMED_OUT;
  /* One is given up before each third, if possible with both open. Each second turns out shorter than it was lent. */
  if (number % 3 == 0) {
    status = DO(ipc_sender_loan(sender, length, -1, &given_up));
    if (status != IPC_OK) return status;
    status = DO(ipc_sender_loan(sender, lent, 0, &offset));
    CHECK_EQ(ipc_sender_end_loan(sender, given_up, -1), IPC_OK);
  }
  if (status == IPC_TIMED_OUT) status = DO(ipc_sender_loan(sender, lent, -1, &offset));
  if (status != IPC_OK) return status;
  uint8_t *room = (uint8_t *)(uintptr_t)ipc_sender_ring(sender) + offset;
  memcpy(room, bytes, length);
  return ipc_sender_end_loan(sender, offset, (int32_t)length);
}

static int32_t send_one(ipc_sender *sender, uint32_t actor, uint32_t number) {
  static uint8_t bytes[MAX_LENGTH];
  uint32_t length = length_of(actor, number);
  fill(bytes, actor, number, length);
  switch (plan()->send) {
    case LOAN: return lend(sender, bytes, length, number);
    case PARTS: return DO(by_events(sender, try_part, bytes, length));
    case TRY: return DO(by_events(sender, try_whole, bytes, length));
    default: return DO(ipc_sender_send(sender, bytes, length, -1));
  }
}

static void begin(uint32_t actor, uint32_t number) {
  ledger()->sent[actor][number].begun = ipc_os_now();
  atomic_store(&ledger()->sent[actor][number].outcome, BEGUN);
}

static void settle(uint32_t actor, uint32_t number, enum outcome outcome) {
  atomic_store(&ledger()->sent[actor][number].outcome, outcome);
}

static void send_batches(ipc_sender *sender, uint32_t actor) {
  static uint8_t bytes[MAX_LENGTH];
  for (uint32_t first = 0, end; first < plan()->each;) {
    for (end = first; end < plan()->each && end < first + 8; end++) {
      uint32_t length = length_of(actor, end);
      fill(bytes, actor, end, length);
      int32_t status = ipc_sender_stage(sender, bytes, length);
      if (status == IPC_TIMED_OUT) break;
      CHECK_EQ(status, IPC_OK);
      begin(actor, end);
    }
    uint32_t accepted;
    CHECK(DO(ipc_sender_flush(sender, -1, &accepted)) > IPC_E_FIRST);
    for (uint32_t i = 0; i < accepted; i++) settle(actor, first++, ACCEPTED);
  }
}

/* By a call that blocks, and as an event loop waits. */
static void await_reading(ipc_sender *sender, bool by_loop) {
  ipc_read_point point;
  CHECK_EQ(ipc_sender_read_point(sender, &point), IPC_OK);
  if (!by_loop) {
    CHECK_EQ(ipc_sender_wait_until_read(sender, &point, -1), IPC_OK);
  } else {
    static loop_waker mine;
    if (!mine.fd) mine = open_waker();
    while (ipc_sender_wait_until_read(sender, &point, 0) != IPC_OK) {
      ipc_sender_arm(sender, IPC_WAIT_FOR_READ, mine.low, mine.high);
      if (ipc_sender_wait_until_read(sender, &point, 0) == IPC_OK) break;
      if (ipc_sender_armed(sender) & IPC_WAIT_FOR_READ && !await_signal(mine))
        ipc_sender_poll(sender, IPC_WAIT_FOR_READ, mine.low, mine.high);
    }
  }
  CHECK_EQ(point.read + point.left, point.receivers);
  ipc_sender_end_read_waits(sender);
}

static void send_all(ipc_sender *sender, uint32_t actor) {
  for (uint32_t number = 0; number < plan()->each; number++) {
    if (plan()->sleeps && number % 4 == 0) LIKELY_AFTER(10, !any_receiver_awake(sender));
    begin(actor, number);
    int32_t status;
    while ((status = send_one(sender, actor, number)) == IPC_NO_RECEIVERS) a_moment();
    if (status == IPC_DROPPED && playing->options.overflow == IPC_DROP_NEWEST) {
      settle(actor, number, REFUSED);
      a_moment();
      continue;
    }
    if (status != IPC_OK) FAIL("a send answered %d", status);
    settle(actor, number, ACCEPTED);
    if (plan()->flushes && number % 2 == 0) DO((await_reading(sender, number % 4 == 0), 0));
  }
}

static void read_peers(ipc_sender *sender) {
  ipc_peer peers[16];
  CHECK(ipc_sender_peers(sender, peers, 16) <= 6);
}

static void be_sender(uint32_t actor) {
  bool is_route = playing->options.kind == IPC_ROUTE, succeeds = plan()->hands_over && actor > SENDER_A;
  if (succeeds)
    LIKELY_AFTER(50, atomic_load(&now->stage[SENDER_A]) || has_ended(SENDER_A));
  else if (is_route && actor > SENDER_A)
    while (atomic_load(&now->stage[actor - 1]) < 3 && !has_ended(actor - 1)) a_moment();
  else if (plan()->receivers_first)
    LIKELY_AFTER(50, atomic_load(&ledger()->logs[0].opened) || has_ended(RECEIVER_A));
  else if (actor > SENDER_A)
    LIKELY_AFTER(50, atomic_load(&now->stage[actor - 1]) || has_ended(actor - 1));
  ipc_sender *sender = succeeds ? succeed(actor) : open_sender();
  reach(1);
  for (uint32_t i = SENDER_B; i < SENDERS && plan()->hands_over && actor == SENDER_A; i++)
    LIKELY_AFTER(50, atomic_load(&now->stage[i]) || has_ended(i));
  for (uint32_t i = 0; i < RECEIVERS; i++)
    LIKELY_AFTER(50, atomic_load(&ledger()->logs[i].opened) || has_ended(RECEIVER_A + i) || (plan()->replay && i == 1));
  if (plan()->peers) {
    read_peers(sender);
    DO(ipc_sender_wait_for_receivers(sender, 1, 300));
  }
  if (plan()->send == BATCH) {
    while (ipc_sender_receiver_count(sender) == 0) a_moment();
    send_batches(sender, actor);
  } else {
    send_all(sender, actor);
  }
  reach(2);
  DO((ipc_sender_close(sender), 0));
  reach(3);
}

/* Answers whether it was the closing message. */
static bool note(uint32_t index, const uint8_t *bytes, uint32_t length) {
  message head;
  CHECK(length >= sizeof head);
  memcpy(&head, bytes, sizeof head);
  CHECK_EQ(head.length, length);
  if (head.sender == CLOSER) return true;
  CHECK(head.sender < SENDERS && head.number < plan()->each);
  CHECK_EQ(length, length_of(head.sender, head.number));
  check_bytes(&head, bytes);
  uint32_t count = atomic_load(&ledger()->logs[index].count);
  CHECK(count < sizeof ledger()->logs[index].got / sizeof(uint32_t));
  ledger()->logs[index].got[count] = head.sender << 16 | head.number;
  atomic_store(&ledger()->logs[index].count, count + 1);
  return false;
}

static uint8_t room[MAX_LENGTH];

static bool receive_once(ipc_receiver *receiver, uint32_t index) {
  bool is_latest = plan()->observes && index == 1 && atomic_load(&ledger()->logs[1].count) % 3 == 2;
  int32_t length = is_latest ? DO(ipc_receiver_recv_latest(receiver, room, sizeof room, -1))
                             : DO(ipc_receiver_recv(receiver, room, sizeof room, -1));
  if (length < 0) FAIL("recv answered %d", length);
  return note(index, room, (uint32_t)length);
}

static bool peek_once(ipc_receiver *receiver, uint32_t index) {
  uint32_t spans[8];
  int32_t count = DO(ipc_receiver_peek(receiver, spans, 4, room, sizeof room, -1));
  if (count == IPC_NOT_IN_PLACE) return note(index, room, spans[0]);
  if (count < 0) FAIL("peek answered %d", count);
  bool last = false;
  for (int32_t i = 0; i < count && !last; i++) {
    last = note(index, (const uint8_t *)ipc_receiver_ring(receiver) + spans[2 * i], spans[2 * i + 1]);
    CHECK_EQ(ipc_receiver_consume(receiver, 1), IPC_OK);
  }
  return last;
}

static bool keep_once(ipc_receiver *receiver, uint32_t index) {
  uint32_t length;
  void *kept = ipc_receiver_take_assembled(receiver, &length);
  if (!kept) return receive_once(receiver, index);
  bool last = note(index, kept, length);
  free(kept);
  return last;
}

static bool events_once(ipc_receiver *receiver, uint32_t index) {
  static loop_waker mine;
  if (!mine.fd) mine = open_waker();
  for (;;) {
    int32_t length = ipc_receiver_recv(receiver, room, sizeof room, 0);
    if (length >= 0) return note(index, room, (uint32_t)length);
    CHECK_EQ(length, IPC_TIMED_OUT);
    ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, mine.low, mine.high);
    length = ipc_receiver_recv(receiver, room, sizeof room, 0);
    if (length >= 0) return note(index, room, (uint32_t)length);
    CHECK_EQ(length, IPC_TIMED_OUT);
    if (ipc_receiver_armed(receiver) & IPC_WAIT_FOR_DATA && !DO(await_signal(mine)))
      ipc_receiver_poll(receiver, IPC_WAIT_FOR_DATA, mine.low, mine.high);
  }
}

static bool is_somebody_stuck(const ipc_receiver *receiver) {
  return atomic_load(&receiver->segment.header->event_flags[IPC_EVENT_SPACE].wanted) != 0;
}

static void be_receiver(uint32_t actor) {
  uint32_t index = actor - RECEIVER_A;
  if (plan()->replay && index == 1)
    while (atomic_load(&now->stage[SENDER_A]) < 2 && !has_ended(SENDER_A) && !has_ended(RECEIVER_A)) a_moment();
  else if (index == 1)
    LIKELY_AFTER(50, atomic_load(&ledger()->logs[0].opened) || has_ended(RECEIVER_A));
  else if (!plan()->receivers_first)
    LIKELY_AFTER(50, atomic_load(&now->stage[SENDER_A]) || has_ended(SENDER_A));
  ipc_options options = playing->options;
  options.from_oldest = plan()->replay && index == 1;
  options.lossy = plan()->observes && index == 1;
  ipc_failure failure;
  ipc_receiver *receiver = OPEN(ipc_receiver_open(fault_prefix, now->name, &options, &failure));
  if (!receiver) FAIL("a receiver could not open: %d", failure.code);
  ledger()->logs[index].first = receiver->number;
  atomic_store(&ledger()->logs[index].opened, ipc_os_now());
  if (plan()->lags) LIKELY_AFTER(40, is_somebody_stuck(receiver));
  bool (*const once[])(ipc_receiver *, uint32_t) = {receive_once, peek_once, keep_once, events_once};
  uint32_t turn = 0;
  while (!once[plan()->receive](receiver, index)) /* Slow, so that a sender has to wait more than once. */
    if (plan()->lags && turn++ < 12) LIKELY_AFTER(2, is_somebody_stuck(receiver));
  ledger()->logs[index].lost = (uint64_t)(ipc_receiver_lost(receiver) + ipc_receiver_skipped(receiver));
  ledger()->logs[index].passed = receiver->number;
  if (plan()->peers) {
    ipc_peer peers[16];
    CHECK(ipc_receiver_peers(receiver, peers, 16) <= 6);
  }
  atomic_store(&ledger()->logs[index].is_done, 1);
  DO((ipc_receiver_close(receiver), 0));
}

static void be_closer(void) {
  for (uint32_t i = 0; i < SENDERS; i++) await_stage(i, 3);
  for (uint32_t i = 0; i < RECEIVERS; i++)
    while (!atomic_load(&ledger()->logs[i].opened) && !has_ended(RECEIVER_A + i)) a_moment();
  ipc_sender *sender = open_sender();
  message last = {CLOSER, 0, sizeof last, 0};
  atomic_store(&ledger()->total, atomic_load(&sender->segment.header->head) >> 32);
  int32_t status;
  while ((status = DO(ipc_sender_send(sender, &last, sizeof last,
                                      playing->options.overflow == IPC_DROP_NEWEST ? 0 : -1))) == IPC_NO_RECEIVERS ||
         status == IPC_DROPPED)
    a_moment();
  CHECK_EQ(status, IPC_OK);
  for (uint32_t i = 0; i < RECEIVERS; i++)
    while (!has_ended(RECEIVER_A + i)) a_moment();
  if (now->armed[0].signal == SIGSTOP && !playing->first.point)
    CHECK_EQ(atomic_load(&sender->segment.header->deaths), 0); /* the stopped are not the dead */
  DO((ipc_sender_close(sender), 0));
}

static void run(uint32_t actor) {
  if (actor < SENDERS)
    be_sender(actor);
  else if (actor < CLOSER)
    be_receiver(actor);
  else
    be_closer();
}

static void check_log(uint32_t index) {
  uint32_t next[SENDERS] = {0}, count = atomic_load(&ledger()->logs[index].count);
  bool overwrites = playing->options.overflow == IPC_DROP_OLDEST || (plan()->observes && index == 1);
  bool got[SENDERS][MAX_EACH] = {{0}};
  for (uint32_t i = 0; i < count; i++) {
    uint32_t sender = ledger()->logs[index].got[i] >> 16, number = ledger()->logs[index].got[i] & 0xffff;
    if (number < next[sender]) FAIL("receiver %u: message %u of sender %u came late or twice", index, number, sender);
    next[sender] = number + 1;
    got[sender][number] = true;
    uint32_t outcome = atomic_load(&ledger()->sent[sender][number].outcome);
    if (outcome == REFUSED || outcome == NOT_BEGUN)
      FAIL("receiver %u: message %u of sender %u was not sent", index, number, sender);
  }
  if (!atomic_load(&ledger()->logs[index].is_done)) return;
  uint64_t opened = atomic_load(&ledger()->logs[index].opened);
  for (uint32_t sender = 0; sender < SENDERS && !overwrites; sender++)
    for (uint32_t number = 0; number < plan()->each; number++)
      if (!got[sender][number] && atomic_load(&ledger()->sent[sender][number].outcome) == ACCEPTED &&
          ledger()->sent[sender][number].begun > opened)
        FAIL("receiver %u: message %u of sender %u is lost", index, number, sender);
  if (overwrites) {
    uint64_t first = ledger()->logs[index].first, total = atomic_load(&ledger()->total);
    /* It does not get a large message that was in progress when it joined: at most one of each sender. */
    uint64_t told = first + count + ledger()->logs[index].lost,
             under_way = plan()->most > playing->options.capacity / 2 ? SENDERS : 0;
    /* Loans were counted when they were made, and are no messages if they were cancelled, or left behind. */
    if (plan()->send == LOAN) under_way += SENDERS * plan()->each;
    if (told > total || told + under_way < total)
      FAIL("receiver %u: began at %llu, got %u, lost %llu, but %llu were sent", index, (unsigned long long)first, count,
           (unsigned long long)ledger()->logs[index].lost, (unsigned long long)total);
    /* It has counted as senders do; the closing message is one more. */
    if (ledger()->logs[index].passed != total + 1)
      FAIL("receiver %u: counted %llu, but %llu were sent", index, (unsigned long long)ledger()->logs[index].passed,
           (unsigned long long)total);
  }
}

/* All messages of one sender come before those of the next one. */
static void check_succession(uint32_t index) {
  bool is_over[SENDERS] = {false};
  uint32_t count = atomic_load(&ledger()->logs[index].count), present = SENDERS;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t sender = ledger()->logs[index].got[i] >> 16;
    if (sender == present) continue;
    if (present < SENDERS) is_over[present] = true;
    if (is_over[sender]) FAIL("receiver %u: sender %u sent after another one had its place", index, sender);
    present = sender;
  }
}

static void check(void) {
  static uint32_t place[SENDERS][MAX_EACH];
  for (uint32_t i = 0; i < RECEIVERS; i++) check_log(i);
  for (uint32_t i = 0; i < RECEIVERS && plan()->hands_over; i++) check_succession(i);
  for (uint32_t i = 0; i < SENDERS; i++)
    for (uint32_t number = 0; number < plan()->each && !was_killed(i); number++)
      CHECK(atomic_load(&ledger()->sent[i][number].outcome) >= ACCEPTED);
  memset(place, 0, sizeof place);
  uint32_t count = atomic_load(&ledger()->logs[0].count), last = 0;
  for (uint32_t i = 0; i < count; i++) place[ledger()->logs[0].got[i] >> 16][ledger()->logs[0].got[i] & 0xffff] = i + 1;
  for (uint32_t i = 0; i < atomic_load(&ledger()->logs[1].count); i++) {
    uint32_t at = place[ledger()->logs[1].got[i] >> 16][ledger()->logs[1].got[i] & 0xffff];
    if (at == 0) continue;
    if (at < last) FAIL("the receivers saw different orders");
    last = at;
  }
}

#define CAST {"sender A", "sender B", "sender C", "receiver A", "receiver B", "closer"}
#define RING(kind_, bytes, overflow_)       \
  .cast = CAST, .run = run, .check = check, \
  .options = {.struct_size = sizeof(ipc_options), .kind = kind_, .capacity = bytes, .overflow = overflow_}
#define PLAN(...) \
  .plan = &(const ring_plan) { __VA_ARGS__ }
/* Just below where 32-bit positions wrap. */
#define LATE .options.first_position = UINT32_MAX - 200

const scenario ring_scenarios[] = {
    {.name = "route",
     .victims = 5,
     RING(IPC_ROUTE, 4096, IPC_BLOCK),
     PLAN(.each = 12, .least = 16, .most = 90, .sleeps = true)},
    {.name = "route, full",
     .victims = 5,
     RING(IPC_ROUTE, 4096, IPC_BLOCK),
     LATE,
     PLAN(.each = 12, .least = 300, .most = 900, .lags = true, .receive = PEEK)},
    {.name = "channel",
     .victims = 5,
     RING(IPC_CHANNEL, 8192, IPC_BLOCK),
     PLAN(.each = 12, .least = 16, .most = 200, .sleeps = true, .receivers_first = true, .peers = true)},
    {.name = "channel, full",
     .victims = 5,
     RING(IPC_CHANNEL, 4096, IPC_BLOCK),
     LATE,
     PLAN(.each = 10, .least = 300, .most = 1000, .lags = true)},
    {.name = "channel, batches",
     .victims = 5,
     RING(IPC_CHANNEL, 4096, IPC_BLOCK),
     PLAN(.each = 24, .least = 16, .most = 250, .send = BATCH, .receive = PEEK)},
    {.name = "channel, loans",
     .victims = 5,
     RING(IPC_CHANNEL, 4096, IPC_BLOCK),
     PLAN(.each = 10, .least = 32, .most = 300, .send = LOAN, .receive = PEEK, .sleeps = true)},
    {.name = "channel, fragments",
     .victims = 5,
     RING(IPC_CHANNEL, 4096, IPC_BLOCK),
     PLAN(.each = 3, .least = 2100, .most = 5000, .receive = KEEP)},
    {.name = "channel, parts",
     .victims = 5,
     RING(IPC_CHANNEL, 4096, IPC_BLOCK),
     PLAN(.each = 3, .least = 1500, .most = 6000, .send = PARTS, .receive = EVENTS, .lags = true)},
    {.name = "channel, event loops",
     .victims = 5,
     RING(IPC_CHANNEL, 4096, IPC_BLOCK),
     PLAN(.each = 8, .least = 300, .most = 1000, .send = TRY, .receive = EVENTS, .lags = true, .sleeps = true)},
    {.name = "channel, patience",
     .victims = 5,
     RING(IPC_CHANNEL, 4096, IPC_BLOCK),
     PLAN(.each = 12, .least = 150, .most = 2000, .big_every = 4, .lags = true)},
    {.name = "channel, replay",
     .victims = 5,
     RING(IPC_CHANNEL, 8192, IPC_BLOCK),
     PLAN(.each = 8, .least = 100, .most = 700, .replay = true)},
    {.name = "channel, drop newest",
     .victims = 5,
     RING(IPC_CHANNEL, 4096, IPC_DROP_NEWEST),
     PLAN(.each = 12, .least = 200, .most = 900, .lags = true, .receive = KEEP)},
    {.name = "channel, drop newest, large",
     .victims = 5,
     RING(IPC_CHANNEL, 8192, IPC_DROP_NEWEST),
     PLAN(.each = 6, .least = 200, .most = 5000, .send = PARTS)},
    {.name = "channel, drop oldest",
     .victims = 5,
     RING(IPC_CHANNEL, 4096, IPC_DROP_OLDEST),
     PLAN(.each = 24, .least = 16, .most = 700, .lags = true, .sleeps = true)},
    {.name = "channel, drop oldest, batches",
     .victims = 5,
     RING(IPC_CHANNEL, 4096, IPC_DROP_OLDEST),
     PLAN(.each = 24, .least = 16, .most = 300, .send = BATCH, .receive = PEEK)},
    {.name = "channel, drop oldest, large",
     .victims = 5,
     RING(IPC_CHANNEL, 4096, IPC_DROP_OLDEST),
     LATE,
     PLAN(.each = 5, .least = 1000, .most = 3300, .replay = true, .receive = KEEP)},
    {.name = "channel, observer",
     .victims = 5,
     RING(IPC_CHANNEL, 4096, IPC_BLOCK),
     LATE,
     PLAN(.each = 10, .least = 16, .most = 900, .send = LOAN, .observes = true, .lags = true)},
    {.name = "route, observer, large",
     .victims = 5,
     RING(IPC_ROUTE, 4096, IPC_BLOCK),
     PLAN(.each = 4, .least = 1000, .most = 3300, .observes = true, .replay = true, .receive = KEEP)},
    {.name = "channel, read",
     .victims = 5,
     RING(IPC_CHANNEL, 4096, IPC_BLOCK),
     LATE,
     PLAN(.each = 8, .least = 16, .most = 300, .flushes = true, .sleeps = true)},
    /* The actors that take the claim over from a dead owner, and find what it was about to do. */
    {.name = "channel, heir of the claim",
     .victims = 5,
     RING(IPC_CHANNEL, 4096, IPC_BLOCK),
     PLAN(.each = 8, .least = 300, .most = 900, .lags = true),
     .first = {SENDER_A, " ipc_sender_publish_head (sender.c) store", 3}},
    {.name = "channel, heir of a batch",
     .victims = 5,
     RING(IPC_CHANNEL, 4096, IPC_BLOCK),
     PLAN(.each = 16, .least = 16, .most = 250, .send = BATCH),
     .first = {SENDER_A, " ipc_sender_flush copy, half", 2}},
    {.name = "channel, heir of a loan",
     .victims = 5,
     RING(IPC_CHANNEL, 4096, IPC_BLOCK),
     PLAN(.each = 8, .least = 32, .most = 300, .send = LOAN, .receive = PEEK),
     .first = {SENDER_A, " ipc_sender_end_loan store", 3}},
    {.name = "channel, heir of the gate",
     .victims = 3,
     RING(IPC_CHANNEL, 4096, IPC_BLOCK),
     PLAN(.each = 8, .least = 300, .most = 900, .lags = true),
     .first = {RECEIVER_A, " ipc_receiver_publish store", 1}},
    {.name = "route, heir",
     .victims = 5,
     RING(IPC_ROUTE, 4096, IPC_BLOCK),
     PLAN(.each = 8, .least = 100, .most = 600),
     .first = {SENDER_A, " ipc_sender_publish_head (sender.c) store", 3}},
    {.name = "route, handed over",
     .victims = 5,
     RING(IPC_ROUTE, 4096, IPC_BLOCK),
     PLAN(.each = 10, .least = 100, .most = 600, .hands_over = true)},
    {.name = "route, handed over by a dead one",
     .victims = 3,
     RING(IPC_ROUTE, 4096, IPC_BLOCK),
     PLAN(.each = 8, .least = 100, .most = 600, .hands_over = true),
     .first = {SENDER_A, " ipc_sender_publish_head (sender.c) store", 3}},
    {.name = NULL}};

/*
 * queues.c - two senders, three takers, and a last sender, which sends the end to each taker.
 *
 * With dead letters, a third of the messages is put back until the limit of attempts, a third is rejected. The takers
 * also take what has become a dead letter; every second one is moved back first, and comes again.
 *
 * With leases every message is noted before it is done with: by the living once, and by the dead one besides
 * if it came no further. Without (recv) what the dead one was just receiving may be gone.
 */
#include <signal.h>

#include "common.h"
#include "receiver_state.h"
#include "sender_state.h"

enum { SENDER_A, SENDER_B, TAKER_A, TAKER_B, TAKER_C, CLOSER, SENDERS = 2, MAX_EACH = 64, MAX_LENGTH = 4096 };
enum take_mode { RECV, TAKE, RETRY, HOLD, EVENTS, LEAVE, LETTERS };

typedef struct queue_plan {
  uint32_t each, least, most;
  enum take_mode take;
  bool loans, lags, sleeps, batches;
} queue_plan;

typedef struct queue_ledger {
  struct {
    _Atomic uint32_t outcome;
    _Atomic uint32_t noted, noted_by_victim;
    _Atomic uint32_t went_back; /* a dead letter that was to be moved back once */
  } sent[SENDERS][MAX_EACH];
  _Atomic uint32_t opened[MAX_ACTORS];
} queue_ledger;

static queue_ledger *ledger(void) { return (queue_ledger *)now->ledger; }
static const queue_plan *plan(void) { return playing->plan; }

static uint32_t length_of(uint32_t sender, uint32_t number) {
  return plan()->least + (sender * 7919 + number * 104729) % (plan()->most - plan()->least + 1);
}

static bool is_victim(uint32_t actor) { return now->armed[0].actor == actor || now->armed[1].actor == actor; }

static int32_t lend(ipc_sender *sender, const uint8_t *bytes, uint32_t length, uint32_t number) {
  uint32_t offset;
  if (number % 3 == 0) {
    int32_t status = DO(ipc_sender_loan(sender, length, -1, &offset));
    if (status != IPC_OK) return status;
    CHECK_EQ(ipc_sender_end_loan(sender, offset, -1), IPC_OK);
  }
  int32_t status = DO(ipc_sender_loan(sender, length + 40, -1, &offset));
  if (status != IPC_OK) return status;
  memcpy((uint8_t *)(uintptr_t)ipc_sender_ring(sender) + offset, bytes, length);
  return ipc_sender_end_loan(sender, offset, (int32_t)length);
}

static bool is_taker_asleep(const ipc_sender *sender) {
  for (uint32_t i = 0; i < 3; i++)
    if (atomic_load(&sender->segment.receivers[i].asleep) || atomic_load(&sender->segment.receivers[i].armed))
      return true;
  return false;
}

static void send_batches(ipc_sender *sender, uint32_t actor) {
  static uint8_t bytes[MAX_LENGTH];
  for (uint32_t first = 0, end; first < plan()->each;) {
    for (end = first; end < plan()->each && end < first + 6; end++) {
      fill(bytes, actor, end, length_of(actor, end));
      if (ipc_sender_stage(sender, bytes, length_of(actor, end)) != IPC_OK) break;
      atomic_store(&ledger()->sent[actor][end].outcome, BEGUN);
    }
    uint32_t accepted;
    CHECK(DO(ipc_sender_flush(sender, -1, &accepted)) > IPC_E_FIRST);
    for (uint32_t i = 0; i < accepted; i++) atomic_store(&ledger()->sent[actor][first++].outcome, ACCEPTED);
  }
}

static void send_all(ipc_sender *sender, uint32_t actor) {
  static uint8_t bytes[MAX_LENGTH];
  for (uint32_t number = 0; number < plan()->each; number++) {
    uint32_t length = length_of(actor, number);
    fill(bytes, actor, number, length);
    if (plan()->sleeps && number % 4 == 0) LIKELY_AFTER(5, is_taker_asleep(sender));
    atomic_store(&ledger()->sent[actor][number].outcome, BEGUN);
    int32_t status =
        plan()->loans ? lend(sender, bytes, length, number) : DO(ipc_sender_send(sender, bytes, length, -1));
    bool dropped = status == IPC_DROPPED && playing->options.overflow == IPC_DROP_NEWEST;
    if (status != IPC_OK && !dropped) FAIL("a send answered %d", status);
    atomic_store(&ledger()->sent[actor][number].outcome, dropped ? REFUSED : ACCEPTED);
    if (dropped) a_moment();
  }
}

static ipc_sender *open_sender(void) {
  ipc_failure failure;
  ipc_sender *sender = OPEN(ipc_sender_open(fault_prefix, now->name, &playing->options, &failure));
  if (!sender) FAIL("a sender could not open: %d", failure.code);
  return sender;
}

static void be_sender(uint32_t actor) {
  ipc_sender *sender = open_sender();
  reach(1);
  /* Else its messages would go with it, were it the only one there is. */
  while (!atomic_load(&ledger()->opened[CLOSER])) a_moment();
  if (!plan()->lags) LIKELY_AFTER(50, atomic_load(&ledger()->opened[TAKER_C]));
  if (plan()->batches)
    send_batches(sender, actor);
  else
    send_all(sender, actor);
  reach(2);
  DO((ipc_sender_close(sender), 0));
  reach(3);
}

/* Answers whether it was the closing message. */
static bool note(const uint8_t *bytes, uint32_t length) {
  message head;
  CHECK(length >= sizeof head);
  memcpy(&head, bytes, sizeof head);
  CHECK_EQ(head.length, length);
  if (head.sender == CLOSER) return true;
  CHECK(head.sender < SENDERS && head.number < plan()->each);
  CHECK_EQ(length, length_of(head.sender, head.number));
  check_bytes(&head, bytes);
  if (is_victim(fault_actor))
    atomic_fetch_add(&ledger()->sent[head.sender][head.number].noted_by_victim, 1);
  else
    atomic_fetch_add(&ledger()->sent[head.sender][head.number].noted, 1);
  return false;
}

static uint8_t room[MAX_LENGTH];

static bool receive_once(ipc_receiver *receiver) {
  int32_t length = DO(ipc_receiver_recv(receiver, room, sizeof room, -1));
  if (length < 0) FAIL("recv answered %d", length);
  return note(room, (uint32_t)length);
}

static const uint8_t *at(ipc_receiver *receiver, uint32_t offset) {
  return (const uint8_t *)ipc_receiver_ring(receiver) + offset;
}

static void take(ipc_receiver *receiver, uint32_t lease[3]) {
  int32_t status = DO(ipc_receiver_take(receiver, -1, lease));
  if (status != IPC_OK) FAIL("take answered %d", status);
}

static bool take_once(ipc_receiver *receiver) {
  uint32_t lease[3];
  take(receiver, lease);
  bool last = note(at(receiver, lease[0]), lease[1]);
  CHECK_EQ(ipc_receiver_done(receiver, lease[0]), IPC_OK);
  return last;
}

static bool is_closing(const uint8_t *bytes) { return ((const message *)bytes)->sender == CLOSER; }

static bool retry_once(ipc_receiver *receiver) {
  uint32_t lease[3];
  take(receiver, lease);
  const uint8_t *bytes = at(receiver, lease[0]);
  if (lease[2] == 1 && !is_closing(bytes) && ((const message *)bytes)->number % 2 == 0) {
    CHECK_EQ(DO(ipc_receiver_retry(receiver, lease[0])), IPC_OK);
    return false;
  }
  bool last = note(bytes, lease[1]);
  CHECK_EQ(ipc_receiver_done(receiver, lease[0]), IPC_OK);
  return last;
}

/* Two leases at a time, the later one done first. */
static bool hold_once(ipc_receiver *receiver) {
  uint32_t first[3], second[3];
  take(receiver, first);
  bool last = note(at(receiver, first[0]), first[1]);
  bool more = !last && ipc_receiver_take(receiver, 0, second) == IPC_OK;
  if (more) {
    last = note(at(receiver, second[0]), second[1]);
    CHECK_EQ(ipc_receiver_done(receiver, second[0]), IPC_OK);
  }
  CHECK_EQ(ipc_receiver_done(receiver, first[0]), IPC_OK);
  return last;
}

static bool events_once(ipc_receiver *receiver) {
  static loop_waker mine;
  if (!mine.fd) mine = open_waker();
  for (;;) {
    int32_t length = ipc_receiver_recv(receiver, room, sizeof room, 0);
    if (length >= 0) return note(room, (uint32_t)length);
    CHECK_EQ(length, IPC_TIMED_OUT);
    ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, mine.low, mine.high);
    length = ipc_receiver_next_length(receiver);
    if (length >= 0) continue;
    CHECK_EQ(length, IPC_TIMED_OUT);
    if (ipc_receiver_armed(receiver) & IPC_WAIT_FOR_DATA && !DO(await_signal(mine)))
      ipc_receiver_poll(receiver, IPC_WAIT_FOR_DATA, mine.low, mine.high);
  }
}

static const char *dead_name(void) {
  static char name[sizeof now->name + 8];
  snprintf(name, sizeof name, "%s.dead", now->name);
  return name;
}

static ipc_receiver *open_receiver(const char *name, const ipc_options *options) {
  ipc_failure failure;
  ipc_receiver *receiver = OPEN(ipc_receiver_open(fault_prefix, name, options, &failure));
  if (!receiver) FAIL("a receiver could not open: %d", failure.code);
  return receiver;
}

static ipc_receiver *open_taker(void) {
  ipc_options options = playing->options;
  if (plan()->take == LETTERS) {
    options.max_attempts = 3; /* more than victims: what they have only held is no dead letter */
    strcpy(options.dead_letter, dead_name());
  }
  return open_receiver(now->name, &options);
}

static ipc_receiver *dead_letters;

static bool take_letter(void) {
  uint32_t lease[3];
  if (ipc_receiver_take(dead_letters, 0, lease) != IPC_OK) return false;
  const uint8_t *bytes = at(dead_letters, lease[0]);
  const message *head = (const message *)bytes;
  ipc_letter_origin origin;
  CHECK_EQ(ipc_receiver_origin(dead_letters, lease[0], &origin), 1);
  CHECK(strcmp(origin.queue, now->name) == 0);
  CHECK(head->sender < SENDERS && head->number < plan()->each);
  if (head->number % 2 == 0 && !atomic_exchange(&ledger()->sent[head->sender][head->number].went_back, 1)) {
    int32_t status = DO(ipc_receiver_redrive(dead_letters, lease[0]));
    if (status == IPC_OK) return true;
    CHECK(status > IPC_E_FIRST); /* there is no room */
  }
  note(bytes, lease[1]);
  CHECK_EQ(ipc_receiver_done(dead_letters, lease[0]), IPC_OK);
  return true;
}

static bool letters_once(ipc_receiver *receiver) {
  if (take_letter()) return false;
  uint32_t lease[3];
  int32_t status = DO(ipc_receiver_take(receiver, 20, lease));
  if (status == IPC_TIMED_OUT) return false;
  CHECK_EQ(status, IPC_OK);
  const uint8_t *bytes = at(receiver, lease[0]);
  const uint32_t number = ((const message *)bytes)->number;
  if (!is_closing(bytes) && number % 3 == 0) {
    CHECK_EQ(DO(ipc_receiver_retry_after(receiver, lease[0], number % 4)), IPC_OK);
    return false;
  }
  if (!is_closing(bytes) && number % 3 == 1) {
    CHECK_EQ(DO(ipc_receiver_reject(receiver, lease[0], "fault", 5)), IPC_OK);
    return false;
  }
  bool last = note(bytes, lease[1]);
  CHECK_EQ(ipc_receiver_done(receiver, lease[0]), IPC_OK);
  return last;
}

static bool is_somebody_stuck(const ipc_receiver *receiver) {
  return atomic_load(&receiver->segment.header->event_flags[IPC_EVENT_SPACE].wanted) != 0;
}

static void be_taker(uint32_t actor) {
  ipc_receiver *receiver = open_taker();
  if (plan()->take == LETTERS) dead_letters = open_receiver(dead_name(), &playing->options);
  atomic_store(&ledger()->opened[actor], 1);
  if (plan()->lags) LIKELY_AFTER(40, is_somebody_stuck(receiver));
  bool (*const once[])(ipc_receiver *) = {receive_once, take_once, retry_once,  hold_once,
                                          events_once,  take_once, letters_once};
  for (uint32_t turn = 0; !once[plan()->take](receiver); turn++) {
    if (plan()->lags && turn < 8) LIKELY_AFTER(2, is_somebody_stuck(receiver));
    if (actor == TAKER_C) a_moment(); /* the other actors may be killed: they should get most messages */
    if (plan()->take != LEAVE || turn % 3 != 2) continue;
    /* Goes with a lease, which is another's then, and comes again. */
    uint32_t lease[3];
    if (ipc_receiver_take(receiver, 0, lease) == IPC_TIMED_OUT) continue;
    DO((ipc_receiver_close(receiver), 0));
    receiver = open_taker();
  }
  DO((ipc_receiver_close(receiver), 0));
  DO((ipc_receiver_close(dead_letters), 0));
}

static bool is_lossy(void) {
  if (plan()->take != RECV && plan()->take != EVENTS) return false;
  return was_killed(TAKER_A) || was_killed(TAKER_B) || was_killed(TAKER_C);
}

static uint32_t missing(void) {
  uint32_t count = 0;
  for (uint32_t sender = 0; sender < SENDERS; sender++)
    for (uint32_t number = 0; number < plan()->each; number++)
      count += atomic_load(&ledger()->sent[sender][number].outcome) == ACCEPTED &&
               atomic_load(&ledger()->sent[sender][number].noted) +
                       atomic_load(&ledger()->sent[sender][number].noted_by_victim) ==
                   0;
  return count;
}

static void be_closer(void) {
  while (atomic_load(&now->stage[SENDER_A]) < 1 && atomic_load(&now->stage[SENDER_B]) < 1 && !has_ended(SENDER_A))
    a_moment();
  ipc_sender *sender = open_sender();
  /* Else the dead letters would be gone with the last taker of them. */
  if (plan()->take == LETTERS) dead_letters = open_receiver(dead_name(), &playing->options);
  atomic_store(&ledger()->opened[CLOSER], 1);
  for (uint32_t i = 0; i < SENDERS; i++) await_stage(i, 2);
  for (uint32_t i = TAKER_A; i <= TAKER_C; i++)
    while (!atomic_load(&ledger()->opened[i]) && !has_ended(i)) a_moment();
  uint64_t begun = fault_begin("what the dead one held goes to others");
  while (missing() > (is_lossy() ? 2 : 0)) a_moment();
  fault_end("what the dead one held goes to others", begun);
  message last = {CLOSER, 0, sizeof last, 0};
  uint32_t takers = 0;
  for (uint32_t i = TAKER_A; i <= TAKER_C; i++) takers += !has_ended(i);
  for (; takers; takers--) {
    int32_t status;
    while ((status = DO(ipc_sender_send(sender, &last, sizeof last, -1))) == IPC_DROPPED) a_moment();
    CHECK_EQ(status, IPC_OK);
  }
  for (uint32_t i = 0; i < CLOSER; i++)
    while (!has_ended(i)) a_moment();
  if (now->armed[0].signal == SIGSTOP && !playing->first.point)
    CHECK_EQ(atomic_load(&sender->segment.header->deaths), 0);
  /* What a dead taker had noted, and was not done with; and what should not be there. The queue is still open: whether
   * a letter went back to it can be told. */
  for (uint32_t lease[3]; dead_letters && ipc_receiver_take(dead_letters, 0, lease) == IPC_OK;) {
    note(at(dead_letters, lease[0]), lease[1]);
    CHECK_EQ(ipc_receiver_done(dead_letters, lease[0]), IPC_OK);
  }
  DO((ipc_receiver_close(dead_letters), 0));
  DO((ipc_sender_close(sender), 0));
}

static void run(uint32_t actor) {
  if (actor < SENDERS)
    be_sender(actor);
  else if (actor < CLOSER)
    be_taker(actor);
  else
    be_closer();
}

static void check(void) {
  uint32_t lost = 0, twice = 0, dead = 0;
  for (uint32_t i = TAKER_A; i <= TAKER_C; i++) dead += was_killed(i);
  for (uint32_t sender = 0; sender < SENDERS; sender++)
    for (uint32_t number = 0; number < plan()->each; number++) {
      uint32_t outcome = atomic_load(&ledger()->sent[sender][number].outcome);
      uint32_t by_living = atomic_load(&ledger()->sent[sender][number].noted);
      uint32_t by_victim = atomic_load(&ledger()->sent[sender][number].noted_by_victim);
      if (outcome == NOT_BEGUN || outcome == REFUSED) CHECK_EQ(by_living + by_victim, 0);
      if (by_living > 1 || by_victim > (playing->first.point ? 2u : 1u))
        FAIL("message %u of sender %u came twice", number, sender);
      if (!was_killed(sender)) CHECK(outcome >= ACCEPTED);
      lost += outcome == ACCEPTED && by_living + by_victim == 0;
      twice += by_living + by_victim > 1;
    }
  /* Holding two, the dead one may have noted both. */
  uint32_t at_work = plan()->take == HOLD ? 2 : 1;
  if (lost > (is_lossy() ? dead : 0)) FAIL("%u messages are lost", lost);
  if (twice > dead * at_work) FAIL("%u messages came twice", twice);
}

#define QUEUE(victims_, ...)                                                                                    \
  .cast = {"sender A", "sender B", "taker A", "taker B", "taker C", "closer"}, .victims = victims_, .run = run, \
  .check = check, .options = {.struct_size = sizeof(ipc_options), .kind = IPC_QUEUE, .capacity = 4096, __VA_ARGS__}
#define PLAN(...) \
  .plan = &(const queue_plan) { __VA_ARGS__ }

const scenario queue_scenarios[] = {
    {.name = "queue",
     QUEUE(4, .first_position = UINT32_MAX - 100),
     PLAN(.each = 12, .least = 16, .most = 200, .sleeps = true)},
    {.name = "queue, leases", QUEUE(4, 0), PLAN(.each = 12, .least = 16, .most = 200, .take = TAKE, .sleeps = true)},
    {.name = "queue, retries", QUEUE(4, 0), PLAN(.each = 16, .least = 16, .most = 200, .take = RETRY, .lags = true)},
    {.name = "queue, full", QUEUE(4, 0), PLAN(.each = 12, .least = 200, .most = 900, .take = HOLD, .lags = true)},
    {.name = "queue, batches", QUEUE(4, 0), PLAN(.each = 18, .least = 16, .most = 300, .take = TAKE, .batches = true)},
    {.name = "queue, loans",
     QUEUE(4, 0),
     PLAN(.each = 9, .least = 16, .most = 200, .take = TAKE, .loans = true, .sleeps = true)},
    {.name = "queue, event loops",
     QUEUE(4, 0),
     PLAN(.each = 9, .least = 16, .most = 200, .take = EVENTS, .sleeps = true)},
    {.name = "queue, leaving with leases",
     QUEUE(4, 0),
     PLAN(.each = 16, .least = 16, .most = 200, .take = LEAVE, .lags = true)},
    {.name = "queue, drop newest",
     QUEUE(4, .overflow = IPC_DROP_NEWEST),
     PLAN(.each = 12, .least = 200, .most = 900, .take = TAKE, .lags = true)},
    {.name = "queue, heir of the take lock",
     QUEUE(4, 0),
     PLAN(.each = 9, .least = 16, .most = 300, .take = TAKE, .lags = true),
     .first = {TAKER_A, "ipc_queue_take store", 3}},
    {.name = "queue, heir of a lease",
     QUEUE(4, 0),
     PLAN(.each = 9, .least = 16, .most = 300, .take = HOLD),
     .first = {TAKER_A, "ipc_queue_done swap", 2}},
    {.name = "queue, heir of a loan",
     QUEUE(4, 0),
     PLAN(.each = 6, .least = 16, .most = 300, .take = TAKE, .loans = true),
     .first = {SENDER_A, "ipc_sender_end_loan store", 2}},
    {.name = "queue, dead letters", QUEUE(4, 0), PLAN(.each = 9, .least = 16, .most = 200, .take = LETTERS)},
    {.name = "queue, heir of a move that was published",
     QUEUE(4, 0),
     PLAN(.each = 6, .least = 16, .most = 200, .take = LETTERS),
     .first = {TAKER_A, "ipc_moves_publish store", 1}},
    {.name = "queue, heir of a move that was not",
     QUEUE(4, 0),
     PLAN(.each = 6, .least = 16, .most = 200, .take = LETTERS),
     .first = {TAKER_A, "moves_write store", 6}},
    {.name = NULL}};

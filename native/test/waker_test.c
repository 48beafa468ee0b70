/* waker_test.c - event loops are rung, by whomever, whenever there is reason; and no ring is lost. */
#include "libipc/waker.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "ends.h"
#include "event.h"
#include "interpose.h"
#include "meeting.h"
#include "open.h"
#include "slots.h"
#include "message.h"
#include "view.h"
#include "worker.h"

enum { CAPACITY = 4096 };

typedef struct waker {
  int fd;
  uint32_t number[2];
} waker;

static waker open_waker(void) {
  waker it;
  it.fd = ipc_waker_open(it.number);
  CHECK_GE(it.fd, 0);
  return it;
}

static void close_waker(waker *it) {
  close(it->fd);
  ipc_waker_close(it->number[0], it->number[1]);
}

static uint64_t number_of(const waker *it) { return (uint64_t)it->number[1] << 32 | it->number[0]; }

/* Takes the rings that are there: answers how many. */
static uint32_t rings(const waker *it) {
  char ring[16];
  uint32_t count = 0;
  while (recv(it->fd, ring, sizeof ring, 0) >= 0) count++;
  CHECK_EQ(errno, EAGAIN); /* it never blocks */
  return count;
}

/* Waits for a ring for ever: a lost one hangs. */
static void await_signal(const waker *it) {
  CHECK_EQ(poll(&(struct pollfd){.fd = it->fd, .events = POLLIN}, 1, -1), 1);
  CHECK_GE(rings(it), 1);
}

static ipc_options of_kind(uint32_t kind) { return (ipc_options){.kind = kind, .capacity = CAPACITY}; }

static void one_arm_one_ring(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_QUEUE; kind++) {
    waker mine = open_waker();
    ipc_receiver *receiver = must_receive(of_kind(kind));
    ipc_sender *sender = must_send(of_kind(kind));
    CHECK_EQ(fcntl(mine.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    CHECK_EQ(ipc_receiver_armed(receiver), 0);
    CHECK_EQ(ipc_sender_send(sender, "unarmed", 7, 0), IPC_OK);
    CHECK_EQ(rings(&mine), 0);
    for (int i = 0; i < 10; i++) {
      ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, mine.number[0], mine.number[1]);
      CHECK(ipc_receiver_armed(receiver));
      CHECK_EQ(rings(&mine), 0);
      for (int n = 0; n < 5; n++) CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK);
      CHECK_EQ(ipc_receiver_armed(receiver), 0);
      CHECK_EQ(rings(&mine), 1);
    }
    ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, mine.number[0], mine.number[1]);
    ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, mine.number[0], mine.number[1]); /* twice is once */
    CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK);
    CHECK_EQ(rings(&mine), 1);
    ipc_sender_close(sender);
    ipc_receiver_close(receiver);
    close_waker(&mine);
  }
}

static void each_is_rung_for_what_it_waits_for(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_QUEUE; kind++) {
    waker mine = open_waker(), others = open_waker();
    ipc_receiver *receiver = must_receive(of_kind(kind));
    ipc_sender *sender = must_send(of_kind(kind));
    char bytes[1000];
    while (ipc_sender_send(sender, bytes, sizeof bytes, 0) == IPC_OK) continue;
    ipc_sender_arm(sender, IPC_WAIT_FOR_SPACE, mine.number[0], mine.number[1]);
    ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, others.number[0], others.number[1]);
    CHECK_EQ(ipc_sender_armed(sender), IPC_WAIT_FOR_SPACE);
    CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, 0), sizeof bytes);
    CHECK_EQ(ipc_sender_armed(sender), 0);
    CHECK_GE(rings(&mine), 1); /* for space, and of a queue for a turn */
    CHECK_EQ(rings(&others), 0);
    ipc_sender_arm(sender, IPC_WAIT_FOR_PEERS, mine.number[0], mine.number[1]);
    CHECK_EQ(ipc_sender_armed(sender) & IPC_WAIT_FOR_PEERS, IPC_WAIT_FOR_PEERS);
    ipc_receiver *second = must_receive(of_kind(kind));
    CHECK_EQ(ipc_sender_armed(sender), 0);
    CHECK_GE(rings(&mine), 1);
    ipc_sender_arm(sender, IPC_WAIT_FOR_PEERS, mine.number[0], mine.number[1]);
    ipc_receiver_close(second);
    CHECK_EQ(rings(&mine), 1);
    CHECK_EQ(rings(&others), 0);
    ipc_sender_arm(sender, IPC_WAIT_FOR_SPACE, mine.number[0], mine.number[1]);
    ipc_sender_arm(sender, IPC_WAIT_FOR_PEERS, mine.number[0], mine.number[1]); /* as well */
    CHECK_EQ(ipc_sender_armed(sender), IPC_WAIT_FOR_SPACE | IPC_WAIT_FOR_PEERS);
    ipc_receiver_close(receiver);
    CHECK_EQ(ipc_sender_armed(sender), 0);
    CHECK_GE(rings(&mine), 1);
    ipc_sender_close(sender);
    close_waker(&mine);
    close_waker(&others);
  }
}

/* A sender that found the claim taken, and then the ring full, is no longer armed for what it waits for. */
static void who_waits_for_something_else_now_is_not_armed(void) {
  waker mine = open_waker();
  ipc_sender *sender = must_send(of_kind(IPC_CHANNEL)), *other = must_send(of_kind(IPC_CHANNEL));
  ipc_receiver *receiver = must_receive(of_kind(IPC_CHANNEL));
  view it = view_open(test_prefix, test_name, IPC_CHANNEL);
  const uint32_t holder = atomic_load(&((ipc_slot *)(view_receivers(&it) + it.header->max_receivers))[1].instance);
  char bytes[1000];
  while (ipc_sender_send(other, bytes, sizeof bytes, 0) == IPC_OK) continue;
  for (int turn = 0; turn < 2; turn++) {
    bool taken_first = turn == 0;
    atomic_store(&it.header->claim, taken_first ? holder : 0);
    CHECK_EQ(ipc_sender_send(sender, bytes, sizeof bytes, 0), IPC_TIMED_OUT);
    ipc_sender_arm(sender, IPC_WAIT_FOR_SPACE, mine.number[0], mine.number[1]);
    CHECK_EQ(ipc_sender_armed(sender), IPC_WAIT_FOR_SPACE);
    atomic_store(&it.header->claim, taken_first ? 0 : holder);
    CHECK_EQ(ipc_sender_send(sender, bytes, sizeof bytes, 0), IPC_TIMED_OUT);
    CHECK_EQ(ipc_sender_armed(sender), 0); /* so that it is armed again */
  }
  atomic_store(&it.header->claim, 0);
  view_close(&it);
  ipc_receiver_close(receiver);
  ipc_sender_close(other);
  ipc_sender_close(sender);
  close_waker(&mine);
}

/* Rings that nobody has taken yet must not be in the way of others': a socket has room for some 280 of one process. */
static void many_loops_are_rung_at_once(void) {
  enum { LOOPS = 600 };
  const struct rlimit enough = {.rlim_cur = LOOPS + 64, .rlim_max = LOOPS + 64};
  setrlimit(RLIMIT_NOFILE, &enough);
  static waker all[LOOPS];
  for (int i = 0; i < LOOPS; i++) all[i] = open_waker();
  for (int i = 0; i < LOOPS; i++) ipc_os_signal(number_of(&all[i]));
  for (int i = 0; i < LOOPS; i++) CHECK_EQ(rings(&all[i]), 1);
  for (int i = 0; i < LOOPS; i++) close_waker(&all[i]);
}

/* The place of one that was armed and left is somebody else's then. */
static void who_has_left_is_not_rung(void) {
  waker mine = open_waker();
  ipc_sender *sender = must_send(of_kind(IPC_CHANNEL));
  ipc_receiver *receiver = must_receive(of_kind(IPC_CHANNEL));
  ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, mine.number[0], mine.number[1]);
  ipc_receiver_close(receiver);
  receiver = must_receive(of_kind(IPC_CHANNEL));
  CHECK_EQ(ipc_receiver_armed(receiver), 0);
  CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK);
  CHECK_EQ(rings(&mine), 0);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
  close_waker(&mine);
}

static void a_name_that_is_cleared_rings(void) {
  waker mine = open_waker();
  ipc_failure failure;
  ipc_sender *sender = must_send(of_kind(IPC_CHANNEL));
  ipc_receiver *receiver = must_receive(of_kind(IPC_CHANNEL));
  ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, mine.number[0], mine.number[1]);
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_CHANNEL, &failure), IPC_OK);
  CHECK_EQ(rings(&mine), 1);
  CHECK_EQ(ipc_receiver_recv(receiver, &failure, sizeof failure, 0), IPC_E_ORPHANED);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
  close_waker(&mine);
}

static uint32_t open_descriptors(void) {
  uint32_t count = 0;
  for (int fd = 0; fd < 1024; fd++) count += fcntl(fd, F_GETFD) != -1;
  return count;
}

static void wakers_leave_nothing_and_dead_ones_are_harmless(void) {
  waker mine = open_waker(), first = open_waker();
  ipc_receiver *receiver = must_receive(of_kind(IPC_ROUTE));
  ipc_sender *sender = must_send(of_kind(IPC_ROUTE));
  ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, first.number[0],
                   first.number[1]); /* makes the socket that rings, too */
  CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK);
  CHECK_EQ(rings(&first), 1);
  uint32_t before = open_descriptors();
  for (int i = 0; i < 200; i++) {
    waker other = open_waker();
    CHECK(number_of(&other) != number_of(&mine));
    ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, other.number[0], other.number[1]);
    close_waker(&other);
    CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK);
    CHECK_EQ(ipc_receiver_recv(receiver, (char[1]){0}, 1, 0), 1);
    CHECK_EQ(ipc_receiver_armed(receiver), 0);
  }
  ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, UINT32_MAX, UINT32_MAX); /* nobody's */
  CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK);
  CHECK_EQ(open_descriptors(), before);
  CHECK_EQ(rings(&mine), 0);
  CHECK_EQ(rings(&first), 0);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
  close_waker(&mine);
  close_waker(&first);
}

static int32_t socket_type(int fd) {
  int type = 0;
  socklen_t bytes = sizeof type;
  CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes), 0);
  return type;
}

/* What a loop took for a stream, and may have given to others: they keep theirs, and the loop has a waker. */
static void a_waker_takes_the_place_of_a_stream(void) {
  waker other = open_waker();
  ipc_os_signal(number_of(&other)); /* makes the socket that rings */
  uint32_t before = open_descriptors();
  waker mine = {.fd = ipc_waker_reserve()};
  CHECK_GE(mine.fd, 0);
  CHECK_EQ(socket_type(mine.fd), SOCK_STREAM);
  CHECK_EQ(fcntl(mine.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  int stream = dup(mine.fd);
  CHECK_EQ(ipc_waker_open_at(mine.fd, mine.number), IPC_OK);
  CHECK_EQ(open_descriptors(), before + 2);
  CHECK_EQ(socket_type(mine.fd), SOCK_DGRAM);
  CHECK_EQ(socket_type(stream), SOCK_STREAM);
  CHECK_EQ(fcntl(mine.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  CHECK(number_of(&mine) != number_of(&other));
  CHECK_EQ(rings(&mine), 0);
  ipc_os_signal(number_of(&mine));
  CHECK_EQ(rings(&mine), 1);
  CHECK_EQ(rings(&other), 1);
  close(stream);
  close_waker(&mine);
  CHECK_EQ(ipc_waker_open_at(-1, mine.number), IPC_E_SYSTEM);
  CHECK_EQ(open_descriptors(), before);
  close_waker(&other);
}

/* A loop that does not get round to reading has rings to read: more do not stop who rings. */
static void a_waker_that_is_full_stops_nobody(void) {
  waker mine = open_waker();
  for (int i = 0; i < 20000; i++) ipc_os_signal(number_of(&mine));
  CHECK_GE(rings(&mine), 1);
  ipc_os_signal(number_of(&mine));
  CHECK_EQ(rings(&mine), 1);
  close_waker(&mine);
}

/* Anybody may send to a waker. Nothing but a ring gets there: an event loop takes an empty datagram for the end of it.
 */
static void what_is_empty_is_no_ring(void) {
#ifdef __linux__ /* elsewhere only this user can reach it */
  waker mine = open_waker();
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  CHECK_EQ(getsockname(mine.fd, (struct sockaddr *)&address, &length), 0);
  int stranger = socket(AF_UNIX, SOCK_DGRAM, 0);
  CHECK_GE(stranger, 0);
  sendto(stranger, "", 0, MSG_DONTWAIT, (const struct sockaddr *)&address, length);
  CHECK_EQ(rings(&mine), 0);
  ipc_os_signal(number_of(&mine));
  CHECK_EQ(rings(&mine), 1);
  close(stranger);
  close_waker(&mine);
#endif
}

typedef struct board {
  _Atomic uint32_t ready, go, ended;
} board;
static board *shared;
static uint32_t kind_now;
static const message_range range = {MESSAGE_TAG, 600};
enum { COUNT = 3000 * TEST_SCALE };

/* Only rings wake these two: the loop for data, and the loop for space. Both arm, try again, then poll. */
static void send_by_events(void *unused) {
  (void)unused;
  uint8_t bytes[1024];
  waker mine = open_waker();
  ipc_sender *sender = must_send(of_kind(kind_now));
  for (ipc_sender_arm(sender, IPC_WAIT_FOR_PEERS, mine.number[0], mine.number[1]);
       ipc_sender_wait_for_receivers(sender, 1, 0) != IPC_OK;
       ipc_sender_arm(sender, IPC_WAIT_FOR_PEERS, mine.number[0], mine.number[1]))
    if (ipc_sender_wait_for_receivers(sender, 1, 0) != IPC_OK) await_signal(&mine);
  for (uint32_t i = 0; i < COUNT; i++) {
    uint32_t length = message_write(bytes, (message_tag){0, i}, range);
    int32_t status;
    while ((status = ipc_sender_send(sender, bytes, length, 0)) == IPC_TIMED_OUT) {
      ipc_sender_arm(sender, IPC_WAIT_FOR_SPACE, mine.number[0], mine.number[1]);
      if ((status = ipc_sender_send(sender, bytes, length, 0)) != IPC_TIMED_OUT) break;
      await_signal(&mine);
    }
    CHECK_EQ(status, IPC_OK);
  }
  ipc_sender_close(sender);
  close_waker(&mine);
}

static void receive_by_events(void *unused) {
  (void)unused;
  uint8_t bytes[1024];
  waker mine = open_waker();
  ipc_receiver *receiver = must_receive(of_kind(kind_now));
  for (uint32_t i = 0; i < COUNT; i++) {
    int32_t length;
    while ((length = ipc_receiver_recv(receiver, bytes, sizeof bytes, 0)) == IPC_TIMED_OUT) {
      ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, mine.number[0], mine.number[1]);
      if ((length = ipc_receiver_recv(receiver, bytes, sizeof bytes, 0)) != IPC_TIMED_OUT) break;
      await_signal(&mine);
    }
    message_check(bytes, length, (message_tag){0, i}, range);
  }
  ipc_receiver_close(receiver);
  close_waker(&mine);
}

static void receive_by_sleeping(void *unused) {
  (void)unused;
  uint8_t bytes[1024];
  ipc_receiver *receiver = must_receive(of_kind(kind_now));
  atomic_fetch_add(&shared->ready, 1);
  for (uint32_t i = 0; i < COUNT; i++)
    message_check(bytes, ipc_receiver_recv(receiver, bytes, sizeof bytes, -1), (message_tag){0, i}, range);
  ipc_receiver_close(receiver);
}

static void check_loops(test_form form) {
  shared = test_shared(sizeof *shared);
  hooks.patient = true;
  for (kind_now = IPC_ROUTE; kind_now <= IPC_QUEUE; kind_now++) {
    bool sleeper = kind_now != IPC_QUEUE; /* sleeps on the events that the others are rung for */
    test_worker asleep = {0};
    if (sleeper) asleep = test_start(form, receive_by_sleeping, NULL);
    if (sleeper) test_await(&shared->ready, kind_now);
    test_worker receiver = test_start(form, receive_by_events, NULL);
    view seen;
    /* Both receivers are to be there: the first message goes out when the second has joined. */
    for (uint32_t count = 0, wanted = sleeper ? 2 : 1; count < wanted; view_close(&seen)) {
      while (!view_exists(test_prefix, test_name, kind_now)) test_pause();
      seen = view_open(test_prefix, test_name, kind_now);
      count = seen.bytes ? atomic_load(&seen.header->receiver_count) : 0;
    }
    test_worker sender = test_start(form, send_by_events, NULL);
    test_finish(sender);
    test_finish(receiver);
    if (sleeper) test_finish(asleep);
  }
}
static void loops_of_processes_are_rung(void) { check_loops(TEST_PROCESS); }
static void loops_of_threads_are_rung(void) { check_loops(TEST_THREAD); }

static void join_and_leave(void *unused) {
  (void)unused;
  ipc_receiver_close(must_receive(of_kind(IPC_CHANNEL)));
}

static void loops_are_rung_for_members(void) {
  waker mine = open_waker();
  hooks.patient = true;
  ipc_sender *sender = must_send(of_kind(IPC_CHANNEL));
  for (int form = TEST_PROCESS; form <= TEST_THREAD; form++)
    for (int i = 0; i < 20; i++) {
      rings(&mine);
      ipc_sender_arm(sender, IPC_WAIT_FOR_PEERS, mine.number[0], mine.number[1]);
      test_worker worker = test_start((test_form)form, join_and_leave, NULL);
      await_signal(&mine);
      test_finish(worker);
    }
  ipc_sender_close(sender);
  close_waker(&mine);
}

/* Whoever cleared the flag was killed before it rang: nothing rings any more, but a look finds what is there. */
static void a_look_finds_what_nobody_rang_for(void) {
  waker mine = open_waker();
  ipc_sender *sender = must_send(of_kind(IPC_CHANNEL));
  ipc_receiver *receiver = must_receive(of_kind(IPC_CHANNEL));
  view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  const uint32_t wait = IPC_WAIT_FOR_DATA | IPC_WAIT_FOR_PEERS;
  ipc_receiver_poll(receiver, wait, mine.number[0], mine.number[1]); /* who is there is news the first time */
  CHECK_EQ(ipc_receiver_poll(receiver, wait, mine.number[0], mine.number[1]), 0);
  for (int event = 0; event < IPC_EVENT_COUNT; event++) atomic_store(&seen.header->event_flags[event].wanted, 0);
  CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK);
  CHECK_EQ(rings(&mine), 0);
  CHECK_EQ(ipc_receiver_poll(receiver, wait, mine.number[0], mine.number[1]), 1);
  CHECK_EQ(ipc_receiver_recv(receiver, (char[1]){0}, 1, 0), 1);
  CHECK_EQ(ipc_receiver_poll(receiver, wait, mine.number[0], mine.number[1]), 0);
  CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK); /* armed again by the look */
  CHECK_EQ(rings(&mine), 1);
  CHECK_EQ(ipc_receiver_recv(receiver, (char[1]){0}, 1, 0), 1);
  atomic_store(&seen.header->event_flags[IPC_EVENT_PEERS].wanted, 0);
  ipc_sender *other = must_send(of_kind(IPC_CHANNEL));
  CHECK_EQ(rings(&mine), 0);
  CHECK_EQ(ipc_receiver_poll(receiver, wait, mine.number[0], mine.number[1]), 1);
  CHECK_EQ(ipc_receiver_poll(receiver, wait, mine.number[0], mine.number[1]), 0);
  ipc_sender_close(other);
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
  view_close(&seen);
  close_waker(&mine);
}

static void sleep_and_say(void *number) {
  uint32_t seen = *(uint32_t *)number;
  view it = view_open(test_prefix, test_name, IPC_CHANNEL);
  seen = ipc_event_prepare(it.header, IPC_EVENT_DATA);
  atomic_fetch_add(&shared->ready, 1);
  ipc_event_sleep(it.header, IPC_EVENT_DATA, seen, IPC_FOREVER, IPC_FOREVER);
  atomic_fetch_add(&shared->ended, 1);
  view_close(&it);
}

/* Whoever came last, those that sleep and those that poll are all woken by one change. */
static void sleepers_and_loops_are_both_woken(void) {
  shared = test_shared(sizeof *shared);
  waker mine = open_waker(), other = open_waker();
  ipc_sender *sender = must_send(of_kind(IPC_CHANNEL));
  ipc_receiver *receiver = must_receive(of_kind(IPC_CHANNEL)), *second = must_receive(of_kind(IPC_CHANNEL));
  uint32_t number = 0;
  for (uint32_t round = 0; round < 20; round++) {
    test_worker sleeper;
    if (round % 2) sleeper = test_start(TEST_PROCESS, sleep_and_say, &number);
    if (round % 2) test_await(&shared->ready, round + 1);
    ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, mine.number[0], mine.number[1]);
    ipc_receiver_arm(second, IPC_WAIT_FOR_DATA, other.number[0], other.number[1]);
    if (round % 2 == 0) sleeper = test_start(TEST_PROCESS, sleep_and_say, &number);
    if (round % 2 == 0) test_await(&shared->ready, round + 1);
    CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK);
    test_finish(sleeper);
    CHECK_EQ(shared->ended, round + 1);
    CHECK_EQ(rings(&mine), 1);
    CHECK_EQ(rings(&other), 1);
    CHECK_EQ(ipc_receiver_recv(receiver, (char[1]){0}, 1, 0), 1);
    CHECK_EQ(ipc_receiver_recv(second, (char[1]){0}, 1, 0), 1);
  }
  ipc_receiver_close(receiver);
  ipc_receiver_close(second);
  ipc_sender_close(sender);
  close_waker(&mine);
  close_waker(&other);
}

typedef struct duel {
  ipc_segment segment;
  _Atomic uint32_t turn;
  meeting starts, ends;
  bool is_over; /* set before the last meeting at the start of a round */
} duel;

static void notify_in_a_duel(void *argument) {
  duel *of = argument;
  uint32_t seed = 1;
  for (uint32_t round = 1;; round++) {
    meet(&of->starts, round);
    if (of->is_over) break;
    meeting_stagger(&seed, 60);
    atomic_store_explicit(&of->turn, round, memory_order_relaxed);
    ipc_event_notify(&of->segment, IPC_EVENT_DATA);
    meet(&of->ends, round);
  }
}

/* Who arms sees the change, or the notifier sees that he wants to be rung: never neither. */
static void either_side_sees_the_other(void) {
  duel *of = test_shared(sizeof *of);
  ipc_failure failure;
  const ipc_options options = of_kind(IPC_CHANNEL);
  int32_t lock = ipc_segment_open(&of->segment, test_prefix, test_name, &options, &failure);
  CHECK_GE(lock, 0);
  CHECK_EQ(ipc_slots_join_receiver(&of->segment, false), 0);
  ipc_os_unlock(lock);
  ipc_slot *slot = &of->segment.receivers[0];
  waker mine = open_waker();
  uint32_t seed = 2;
  test_worker worker = test_start(TEST_THREAD, notify_in_a_duel, of);
  double end = test_ms() + MEETING_MS / 2;
  for (uint32_t round = 1;; round++) {
    of->is_over = test_ms() > end;
    meet(&of->starts, round);
    if (of->is_over) break;
    meeting_stagger(&seed, 60);
    ipc_event_arm(&of->segment, slot, 1u << IPC_EVENT_DATA, number_of(&mine));
    bool saw = atomic_load_explicit(&of->turn, memory_order_relaxed) == round;
    meet(&of->ends, round);
    uint32_t count = rings(&mine);
    CHECK_LE(count, 1);
    if (!saw && count == 0) FAIL("round %u: a lost ring", round);
    CHECK_EQ(count == 0, (atomic_load(&slot->armed) & 1u << IPC_EVENT_DATA) != 0); /* rung, or armed still */
    atomic_store(&slot->armed, 0);
    atomic_store(&of->segment.header->event_flags[IPC_EVENT_DATA].wanted, 0);
  }
  test_finish(worker);
  close_waker(&mine);
  ipc_os_unlink(of->segment.key);
  ipc_segment_close(&of->segment);
}

/*
 * Two that notify at once, and an endpoint that arms in between, so that both have somebody to ring and find the other
 * one armed too: its ring is one of them's.
 */
static void many_notifiers_ring_once(void) {
  duel *of = test_shared(sizeof *of);
  ipc_failure failure;
  const ipc_options options = of_kind(IPC_CHANNEL);
  const uint32_t data = 1u << IPC_EVENT_DATA;
  int32_t lock = ipc_segment_open(&of->segment, test_prefix, test_name, &options, &failure);
  CHECK_GE(lock, 0);
  for (int i = 0; i < 2; i++) CHECK_EQ(ipc_slots_join_sender(&of->segment), i);
  ipc_os_unlock(lock);
  ipc_slot *slots = of->segment.senders;
  waker mine = open_waker(), other = open_waker();
  uint32_t seed = 2;
  test_worker worker = test_start(TEST_THREAD, notify_in_a_duel, of);
  double end = test_ms() + MEETING_MS / 2;
  for (uint32_t round = 1;; round++) {
    ipc_event_arm(&of->segment, &slots[0], data, number_of(&mine));
    of->is_over = test_ms() > end;
    meet(&of->starts, round);
    if (of->is_over) break;
    meeting_stagger(&seed, 100);
    ipc_event_arm(&of->segment, &slots[1], data, number_of(&other));
    ipc_event_notify(&of->segment, IPC_EVENT_DATA);
    meet(&of->ends, round);
    CHECK_EQ(rings(&mine), 1);
    CHECK_EQ(rings(&other), 1);
  }
  test_finish(worker);
  close_waker(&mine);
  close_waker(&other);
  ipc_os_unlink(of->segment.key);
  ipc_segment_close(&of->segment);
}

TEST_MAIN(TEST_CASE(a_look_finds_what_nobody_rang_for), TEST_CASE(one_arm_one_ring),
          TEST_CASE(each_is_rung_for_what_it_waits_for), TEST_CASE(who_waits_for_something_else_now_is_not_armed),
          TEST_CASE(many_loops_are_rung_at_once), TEST_CASE(who_has_left_is_not_rung),
          TEST_CASE(what_is_empty_is_no_ring), TEST_CASE(a_waker_takes_the_place_of_a_stream),
          TEST_CASE(a_name_that_is_cleared_rings), TEST_CASE(wakers_leave_nothing_and_dead_ones_are_harmless),
          TEST_CASE(a_waker_that_is_full_stops_nobody), TEST_CASE(loops_of_processes_are_rung),
          TEST_CASE(loops_of_threads_are_rung), TEST_CASE(loops_are_rung_for_members),
          TEST_CASE(sleepers_and_loops_are_both_woken), TEST_CASE(either_side_sees_the_other),
          TEST_CASE(many_notifiers_ring_once))

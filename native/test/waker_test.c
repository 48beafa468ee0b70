/* waker_test.c - wakers, what arms them, and what signals them. */
#include "waker_fixture.h"

static void one_arm_leads_to_one_signal(void) {
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

static void each_endpoint_is_signalled_for_what_it_waits_for(void) {
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
static void an_endpoint_that_waits_for_something_else_is_not_armed(void) {
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

/* Unread signals of one waker must not block those of others: a socket has space for about 280 of one process. */
static void many_loops_are_signalled_at_once(void) {
  enum { LOOPS = 600 };
  const struct rlimit enough = {.rlim_cur = LOOPS + 64, .rlim_max = LOOPS + 64};
  setrlimit(RLIMIT_NOFILE, &enough);
  static waker all[LOOPS];
  for (int i = 0; i < LOOPS; i++) all[i] = open_waker();
  for (int i = 0; i < LOOPS; i++) ipc_os_signal(number_of(&all[i]));
  for (int i = 0; i < LOOPS; i++) CHECK_EQ(rings(&all[i]), 1);
  for (int i = 0; i < LOOPS; i++) close_waker(&all[i]);
}

/* The slot of an endpoint that was armed and left belongs to another one then. */
static void a_closed_endpoint_is_not_signalled(void) {
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

static void a_cleared_name_signals(void) {
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
  ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, UINT32_MAX, UINT32_MAX); /* no waker has it */
  CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK);
  CHECK_EQ(open_descriptors(), before);
  CHECK_EQ(rings(&mine), 0);
  CHECK_EQ(rings(&first), 0);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
  close_waker(&mine);
  close_waker(&first);
}

typedef struct unclosed {
  bool is_replaced; /* the thread closes the descriptor, and opens another file under its number */
  waker opened;
} unclosed;

static void open_and_end(void *context) {
  unclosed *it = context;
  it->opened = open_waker();
  if (!it->is_replaced) return;
  int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK_EQ(dup2(other, it->opened.fd), it->opened.fd);
  close(other);
}

/* As of a Worker that is terminated before its runtime has the descriptor. */
static void a_waker_that_nobody_took_over_ends_with_its_thread(void) {
  waker first = open_waker(); /* what a process keeps open from its first waker on is open afterwards */
  close_waker(&first);
  uint32_t before = open_descriptors();
  for (int i = 0; i < 20; i++) {
    unclosed it = {.is_replaced = i % 2 == 1};
    test_finish(test_start(TEST_THREAD, open_and_end, &it));
    CHECK_EQ(fcntl(it.opened.fd, F_GETFD) != -1, it.is_replaced);
    if (it.is_replaced) close(it.opened.fd);
    CHECK_EQ(open_descriptors(), before);
  }
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
  ipc_os_signal(number_of(&other)); /* makes the socket that signals */
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

/* A loop that does not read yet has signals to read: more signals do not block the process that signals. */
static void a_full_waker_blocks_no_sender(void) {
  waker mine = open_waker();
  for (int i = 0; i < 20000; i++) ipc_os_signal(number_of(&mine));
  CHECK_GE(rings(&mine), 1);
  ipc_os_signal(number_of(&mine));
  CHECK_EQ(rings(&mine), 1);
  close_waker(&mine);
}

/* An event loop takes an empty datagram for the end of a stream. So the system drops it before it gets there. */
static void an_empty_datagram_is_not_a_signal(void) {
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

/* The process that cleared the flag was killed before it signalled: no signal comes, but a poll finds the message. */
static void a_poll_finds_a_lost_signal(void) {
  waker mine = open_waker();
  ipc_sender *sender = must_send(of_kind(IPC_CHANNEL));
  ipc_receiver *receiver = must_receive(of_kind(IPC_CHANNEL));
  view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  const uint32_t wait = IPC_WAIT_FOR_DATA | IPC_WAIT_FOR_PEERS;
  ipc_receiver_poll(receiver, wait, mine.number[0], mine.number[1]); /* the first snapshot is a change */
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

TEST_MAIN(TEST_CASE(a_poll_finds_a_lost_signal), TEST_CASE(one_arm_leads_to_one_signal),
          TEST_CASE(each_endpoint_is_signalled_for_what_it_waits_for),
          TEST_CASE(an_endpoint_that_waits_for_something_else_is_not_armed),
          TEST_CASE(many_loops_are_signalled_at_once), TEST_CASE(a_closed_endpoint_is_not_signalled),
          TEST_CASE(a_waker_that_nobody_took_over_ends_with_its_thread), TEST_CASE(an_empty_datagram_is_not_a_signal),
          TEST_CASE(a_waker_takes_the_place_of_a_stream), TEST_CASE(a_cleared_name_signals),
          TEST_CASE(wakers_leave_nothing_and_dead_ones_are_harmless), TEST_CASE(a_full_waker_blocks_no_sender))

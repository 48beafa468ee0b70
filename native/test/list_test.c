/* list_test.c - a listing reports names, options and endpoints, without a lock, without waiting. */
#include "list_fixture.h"

static void name_options_and_endpoints_are_listed(void) {
  ipc_receiver *receiver = must_receive((ipc_options){.struct_size = sizeof(ipc_options),
                                                      .kind = IPC_CHANNEL,
                                                      .capacity = 8192,
                                                      .max_receivers = 4,
                                                      .permissions = 0640,
                                                      .overflow = IPC_DROP_NEWEST});
  ipc_receiver *other =
      must_receive((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .permissions = 0640});
  ipc_sender *sender =
      must_send((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .permissions = 0640});
  send_some(sender, 10);
  uint8_t bytes[8];
  for (int i = 0; i < 4; i++) CHECK_EQ(ipc_receiver_recv(other, bytes, 8, 0), 8);
  report it = must_find(IPC_CHANNEL);
  uint64_t body;
  CHECK_EQ(it.name.state, IPC_LISTED_LIVE);
  CHECK_EQ(it.name.capacity, 8192);
  CHECK_EQ(it.name.max_receivers, 4);
  CHECK_EQ(it.name.permissions, 0640);
  CHECK_EQ(it.name.overflow, IPC_DROP_NEWEST);
  CHECK_EQ(it.name.version, IPC_LAYOUT_VERSION);
  CHECK_EQ(it.name.system_error, 0);
  CHECK_EQ(it.name.senders, 1);
  CHECK_EQ(it.name.receivers, 2);
  CHECK_EQ(it.name.dead, 0);
  CHECK_EQ(it.name.waiting, 0);
  CHECK_EQ(it.name.bytes, ipc_segment_bytes(IPC_ROUTE, 8192, 4, &body));
  CHECK_EQ(it.name.head, 160);
  CHECK_EQ(it.name.messages, 10);
  CHECK_EQ(access(it.name.path, F_OK), 0);
  CHECK_EQ(it.count, 3);
  for (uint32_t i = 0; i < 3; i++) {
    CHECK_EQ(it.endpoints[i].role, i == 0 ? IPC_SENDER : IPC_RECEIVER);
    CHECK_EQ(it.endpoints[i].slot, i == 2);
    CHECK_EQ(it.endpoints[i].pid, getpid());
    CHECK_EQ(it.endpoints[i].alive, 1);
    CHECK_EQ(it.endpoints[i].sleeping, 0);
    CHECK_EQ(it.endpoints[i].lost, 0);
    CHECK(it.endpoints[i].instance != 0);
  }
  CHECK_EQ(it.endpoints[0].position, 160);
  CHECK_EQ(it.endpoints[0].lag, 0);
  CHECK_EQ(it.endpoints[1].position, 0);
  CHECK_EQ(it.endpoints[1].lag, 160);
  CHECK_LE(it.endpoints[2].lag, 160); /* told lazily */
  for (int i = 0; i < 6; i++) CHECK_EQ(ipc_receiver_recv(other, bytes, 8, 0), 8);
  it = must_find(IPC_CHANNEL);
  CHECK_EQ(it.endpoints[2].lag, 0); /* but when it has read everything */
  CHECK_EQ(it.endpoints[2].position, 160);
  ipc_sender_close(sender);
  ipc_receiver_close(other);
  ipc_receiver_close(receiver);
  CHECK(!find(test_prefix, test_name, IPC_CHANNEL, &it));
}

static void counts_continue_past_every_wrap(void) {
  uint32_t firsts[] = {0x80000000u - 20, UINT32_MAX - 19};
  for (int i = 0; i < 2; i++) {
    ipc_options options = {
        .struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .capacity = 4096, .first_position = firsts[i]};
    ipc_sender *sender = must_send(options);
    ipc_receiver *receiver = must_receive((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE});
    send_some(sender, 30);
    report it = must_find(IPC_ROUTE);
    CHECK_EQ(it.name.messages, 30);
    CHECK_EQ(it.name.head, ((uint64_t)firsts[i] + 60) * 8);
    CHECK_EQ(it.endpoints[1].position, (uint64_t)firsts[i] * 8);
    CHECK_EQ(it.endpoints[1].lag, 480);
    ipc_receiver_close(receiver);
    ipc_sender_close(sender);
  }
}

static void lost_messages_are_listed(void) {
  const ipc_options options = {
      .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 4096, .overflow = IPC_DROP_OLDEST};
  ipc_sender *sender = must_send(options);
  ipc_receiver *receiver = must_receive(options);
  send_some(sender, 10000);
  report it = must_find(IPC_CHANNEL);
  CHECK_EQ(it.name.messages, 10000);
  CHECK_EQ(it.endpoints[1].lag, 4096); /* no more than there is */
  CHECK_EQ(it.endpoints[1].lost, 0);   /* it has not looked */
  uint8_t bytes[8];
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, 8, 0), 8);
  it = must_find(IPC_CHANNEL);
  CHECK_GE(it.endpoints[1].lost, 9000);
  CHECK_EQ(it.endpoints[1].lost, ipc_receiver_lost(receiver));
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

static void waiting_bytes_of_a_queue_are_listed(void) {
  const ipc_options options = {.struct_size = sizeof(ipc_options), .kind = IPC_QUEUE, .capacity = 4096};
  ipc_sender *sender = must_send(options);
  ipc_receiver *receiver = must_receive(options);
  send_some(sender, 5); /* of 24 bytes: header, lease, payload */
  report it = must_find(IPC_QUEUE);
  CHECK_EQ(it.name.waiting, 120);
  CHECK_EQ(it.name.messages, 5);
  uint8_t bytes[8];
  for (int i = 0; i < 2; i++) CHECK_EQ(ipc_receiver_recv(receiver, bytes, 8, 0), 8);
  it = must_find(IPC_QUEUE);
  CHECK_EQ(it.name.waiting, 72);
  CHECK_EQ(it.endpoints[1].lag, 0);
  CHECK_EQ(it.endpoints[1].position, 48);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

/* Of each receiver: how many messages it holds, how far the oldest is behind head, and the most attempts. */
static void leases_of_a_queue_are_listed(void) {
  static const uint32_t firsts[] = {0, UINT32_MAX - 20}; /* the second one wraps */
  for (int i = 0; i < 2; i++) {
    const ipc_options options = {
        .struct_size = sizeof(ipc_options), .kind = IPC_QUEUE, .capacity = 4096, .first_position = firsts[i]};
    ipc_sender *sender = must_send(options);
    ipc_receiver *a = must_receive(options), *b = must_receive(options);
    uint32_t first[3], again[3], of_b[3];
    send_some(sender, 6);
    CHECK_EQ(ipc_receiver_take(a, 0, first), IPC_OK);
    CHECK_EQ(ipc_receiver_take(b, 0, of_b), IPC_OK);
    CHECK_EQ(ipc_receiver_take(a, 0, again), IPC_OK);
    report it = must_find(IPC_QUEUE);
    CHECK_EQ(it.count, 3);
    CHECK_EQ(it.endpoints[0].holds + it.endpoints[0].attempts, 0);
    CHECK_EQ(it.endpoints[1].holds, 2);
    CHECK_EQ(it.endpoints[1].attempts, 1);
    CHECK_EQ(it.endpoints[1].lag, 6 * 24);
    CHECK_EQ(it.endpoints[2].holds, 1);
    CHECK_EQ(it.endpoints[2].lag, 5 * 24);
    /* Put back: the cursor goes back to it, before what is held. */
    CHECK_EQ(ipc_receiver_retry(a, first[0]), IPC_OK);
    it = must_find(IPC_QUEUE);
    CHECK_EQ(it.endpoints[1].holds, 1);
    CHECK_EQ(it.endpoints[1].lag, 4 * 24);
    CHECK_EQ(it.endpoints[2].holds, 1);
    CHECK_EQ(ipc_receiver_take(b, 0, first), IPC_OK);
    it = must_find(IPC_QUEUE);
    CHECK_EQ(it.endpoints[2].holds, 2);
    CHECK_EQ(it.endpoints[2].attempts, 2);
    CHECK_EQ(it.endpoints[2].lag, 6 * 24);
    CHECK_EQ(ipc_receiver_done(b, first[0]), IPC_OK);
    CHECK_EQ(ipc_receiver_done(b, of_b[0]), IPC_OK);
    CHECK_EQ(ipc_receiver_done(a, again[0]), IPC_OK);
    it = must_find(IPC_QUEUE);
    CHECK_EQ(it.endpoints[1].holds + it.endpoints[2].holds + it.endpoints[1].lag + it.endpoints[2].lag, 0);
    /* The ring comes round while one message is held, and the rest is done. */
    CHECK_EQ(ipc_receiver_take(a, 0, again), IPC_OK);
    for (int message = 0; message < 400; message++) {
      uint8_t bytes[8];
      if (message == 100) CHECK_EQ(ipc_receiver_done(a, again[0]), IPC_OK);
      if (message == 100) CHECK_EQ(ipc_receiver_take(a, 0, again), IPC_OK);
      send_some(sender, 1);
      CHECK_EQ(ipc_receiver_recv(b, bytes, 8, 0), 8);
      if (message % 90 < 80) continue;
      if (message > 200) break;
      CHECK_EQ(must_find(IPC_QUEUE).endpoints[1].holds, 1);
    }
    ipc_receiver_close(a);
    ipc_receiver_close(b);
    ipc_sender_close(sender);
  }
}

static void receive_one(void *unused) {
  (void)unused;
  ipc_receiver *receiver = must_receive(channel);
  CHECK_EQ(ipc_receiver_recv(receiver, (char[8]){0}, 8, -1), 8);
  atomic_store(&shared->ready, 1);
  test_await(&shared->go, 1);
  CHECK_EQ(ipc_receiver_recv(receiver, (char[8]){0}, 8, -1), 8);
  ipc_receiver_close(receiver);
}

static void send_until_alone(void *unused) {
  (void)unused;
  ipc_sender *sender = must_send(channel);
  while (ipc_sender_send(sender, "message", 8, -1) == IPC_OK) continue;
  ipc_sender_close(sender);
}

static void sleeping_endpoints_are_listed(void) {
  shared = test_shared(sizeof *shared);
  ipc_sender *sender = must_send(channel);
  test_worker reader = test_start(TEST_PROCESS, receive_one, NULL);
  await_sleeping(IPC_CHANNEL, IPC_RECEIVER, 1);
  send_some(sender, 1);
  test_await(&shared->ready, 1);
  await_sleeping(IPC_CHANNEL, IPC_RECEIVER, 0);
  test_worker writer = test_start(TEST_PROCESS, send_until_alone, NULL);
  await_sleeping(IPC_CHANNEL, IPC_SENDER, 1); /* the ring is full */
  atomic_store(&shared->go, 1);
  test_finish(writer);
  test_finish(reader);
  ipc_sender_close(sender);
}

static void endpoints_that_wait_in_an_event_loop_are_listed(void) {
  uint32_t waker[2];
  int fd = ipc_waker_open(waker);
  CHECK_GE(fd, 0);
  ipc_receiver *receiver = must_receive(channel);
  ipc_sender *sender = must_send(channel);
  ipc_sender_arm(sender, IPC_WAIT_FOR_PEERS, waker[0], waker[1]);
  CHECK_EQ(must_find(IPC_CHANNEL).endpoints[0].sleeping, 0);
  ipc_sender_arm(sender, IPC_WAIT_FOR_SPACE, waker[0], waker[1]);
  ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, waker[0], waker[1]);
  CHECK_EQ(must_find(IPC_CHANNEL).endpoints[0].sleeping, 1);
  CHECK_EQ(must_find(IPC_CHANNEL).endpoints[1].sleeping, 1);
  send_some(sender, 1);
  CHECK_EQ(must_find(IPC_CHANNEL).endpoints[1].sleeping, 0);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
  close(fd);
  ipc_waker_close(waker[0], waker[1]);
}

static void names_are_listed_unchanged(void) {
  static const char longest[] =
      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
  const char *const names[] = {"a", ".", "..", "a.b c", "1.a.b", " ", "\xf0\x9f\x9a\x80", "\xff\xfe", "%s", longest};
  enum { COUNT = sizeof names / sizeof *names };
  ipc_failure failure;
  ipc_receiver *receivers[COUNT];
  char prefix[40];
  snprintf(prefix, sizeof prefix, "%s.9.%%d", test_prefix);
  for (int i = 0; i < COUNT; i++) {
    test_own(prefix, names[i]);
    receivers[i] = ipc_receiver_open(prefix, names[i], &channel, &failure);
    CHECK(receivers[i]);
  }
  report it;
  for (int i = 0; i < COUNT; i++) {
    CHECK(find(prefix, names[i], IPC_CHANNEL, &it));
    CHECK_EQ(strcmp(it.name.prefix, prefix), 0);
    CHECK_EQ(it.name.state, IPC_LISTED_LIVE);
    CHECK(find(NULL, names[i], IPC_CHANNEL, &it));
    CHECK(!find(test_prefix, names[i], IPC_CHANNEL, &it));
  }
  for (int i = 0; i < COUNT; i++) ipc_receiver_close(receivers[i]);
  CHECK(!ipc_list_open("a/b", &failure));
  CHECK_EQ(failure.code, IPC_E_INVALID_NAME);
}

static void names_that_vanish_during_the_listing_are_left_out(void) {
  ipc_receiver *receiver = must_receive(channel);
  ipc_listing *listing = must_list(test_prefix);
  ipc_receiver_close(receiver);
  report it;
  CHECK(!next_of(listing, &it));
  CHECK(!next_of(listing, &it));
  ipc_list_close(listing);
  listing = must_list(test_prefix);
  CHECK_EQ(ipc_list_remove(listing), 0);
  CHECK_EQ(ipc_list_endpoint(listing, it.endpoints), 0);
  ipc_list_close(listing);
  ipc_list_close(NULL);
}

/* Of two opens at the same moment at least one must find the other: here each finds it. */
static void names_of_other_kinds_are_found(void) {
  uint32_t pid = 1;
  CHECK_EQ(ipc_list_other_kind(test_prefix, test_name, IPC_CHANNEL, &pid), 0);
  CHECK_EQ(pid, 0);
  ipc_receiver *receiver = must_receive(channel);
  CHECK_EQ(ipc_list_other_kind(test_prefix, test_name, IPC_CHANNEL, &pid), 0);
  CHECK_EQ(ipc_list_other_kind(test_prefix, "another name", IPC_ROUTE, &pid), 0);
  CHECK_EQ(ipc_list_other_kind("another prefix", test_name, IPC_ROUTE, &pid), 0);
  CHECK_EQ(ipc_list_other_kind(test_prefix, test_name, IPC_QUEUE, &pid), IPC_CHANNEL);
  CHECK_EQ(ipc_list_other_kind(test_prefix, test_name, IPC_ROUTE, &pid), IPC_CHANNEL);
  CHECK_EQ(pid, getpid());
  for (uint32_t kind = IPC_MUTEX; kind <= IPC_KINDS; kind++)
    CHECK_EQ(ipc_list_other_kind(test_prefix, test_name, kind, &pid), 0);
  ipc_sender *sender = must_send((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_QUEUE});
  CHECK_EQ(ipc_list_other_kind(test_prefix, test_name, IPC_CHANNEL, &pid), IPC_QUEUE);
  CHECK_EQ(ipc_list_other_kind(test_prefix, test_name, IPC_QUEUE, &pid), IPC_CHANNEL);
  ipc_receiver_close(receiver);
  CHECK_EQ(ipc_list_other_kind(test_prefix, test_name, IPC_QUEUE, &pid), 0);
  ipc_sender_close(sender);
  CHECK_EQ(ipc_list_other_kind(test_prefix, "a/b", IPC_QUEUE, &pid), 0);
  CHECK_EQ(ipc_list_other_kind(test_prefix, test_name, 0, &pid), 0);
}

static void leave_a_route(void *unused) {
  (void)unused;
  must_receive((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE});
  atomic_store(&shared->ready, 1);
  for (;;) pause();
}

/* What killed processes left, and files that are no segments, are no names in use. */
static void leftovers_of_other_kinds_are_not_found(void) {
  uint32_t pid;
  shared = test_shared(sizeof *shared);
  test_worker holder = test_start(TEST_PROCESS, leave_a_route, NULL);
  test_await(&shared->ready, 1);
  CHECK_EQ(ipc_list_other_kind(test_prefix, test_name, IPC_CHANNEL, &pid), IPC_ROUTE);
  CHECK(pid != 0 && pid != (uint32_t)getpid());
  test_kill(holder);
  test_reap(holder);
  CHECK_EQ(ipc_list_other_kind(test_prefix, test_name, IPC_CHANNEL, &pid), 0);
  CHECK_EQ(pid, 0);
  char path[IPC_LISTED_PATH];
  report it = must_find(IPC_ROUTE);
  snprintf(path, sizeof path, "%s", it.name.path);
  CHECK_EQ(truncate(path, 100), 0);
  CHECK_EQ(ipc_list_other_kind(test_prefix, test_name, IPC_CHANNEL, &pid), 0);
  CHECK_EQ(unlink(path), 0);
}

TEST_MAIN(TEST_CASE(name_options_and_endpoints_are_listed), TEST_CASE(counts_continue_past_every_wrap),
          TEST_CASE(lost_messages_are_listed), TEST_CASE(waiting_bytes_of_a_queue_are_listed),
          TEST_CASE(leases_of_a_queue_are_listed), TEST_CASE(sleeping_endpoints_are_listed),
          TEST_CASE(endpoints_that_wait_in_an_event_loop_are_listed), TEST_CASE(names_are_listed_unchanged),
          TEST_CASE(names_that_vanish_during_the_listing_are_left_out), TEST_CASE(names_of_other_kinds_are_found),
          TEST_CASE(leftovers_of_other_kinds_are_not_found))

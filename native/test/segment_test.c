/* segment_test.c - the first open creates, later ones join, the last close removes; options and names. */
#include "segment_fixture.h"

static void first_creates_second_joins_last_removes(void) {
  ipc_receiver *receiver = must_receive(channel);
  view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  uint64_t body;
  CHECK_EQ(seen.header->magic, IPC_MAGIC);
  CHECK_EQ(seen.header->capacity, 8192);
  CHECK_GE(seen.bytes, ipc_segment_bytes(IPC_ROUTE, 8192, 4, &body));
  CHECK_EQ(seen.header->body_offset, body);
  CHECK_EQ(body % 4096, 0);
  CHECK_EQ(strcmp(seen.header->name, test_name), 0);
  ipc_sender *sender = must_send(any_channel);
  CHECK_EQ(ipc_sender_max_record(sender), 4088);
  check_usable(sender, receiver);
  ipc_receiver_close(receiver);
  CHECK(view_exists(test_prefix, test_name, IPC_CHANNEL));
  CHECK_EQ(seen.header->orphaned, 0);
  ipc_sender_close(sender);
  CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
  view_close(&seen);
}

static void defaults_are_the_documented_ones(void) {
  ipc_receiver *receiver = must_receive((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE});
  view seen = view_open(test_prefix, test_name, IPC_ROUTE);
  CHECK_EQ(seen.header->capacity, IPC_DEFAULT_CAPACITY);
  CHECK_EQ(seen.header->max_receivers, IPC_DEFAULT_RECEIVERS);
  CHECK_EQ(seen.permissions, 0600);
  ipc_receiver_close(receiver);
  view_close(&seen);
}

static void permissions_are_those_asked_for(void) {
  umask(0);
  ipc_receiver *receiver = must_receive(any_channel);
  CHECK_EQ(view_open(test_prefix, test_name, IPC_CHANNEL).permissions, 0600);
  ipc_receiver_close(receiver);
  umask(077);
  receiver = must_receive((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .permissions = 0660});
  CHECK_EQ(view_open(test_prefix, test_name, IPC_CHANNEL).permissions, 0660);
  ipc_receiver_close(receiver);
}

static void options_must_match_the_creators(void) {
  ipc_receiver *receiver = must_receive(channel);
  ipc_failure failure;
  CHECK_EQ(
      open_code(test_prefix, test_name,
                (ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 4096}, &failure),
      IPC_E_OPTIONS_MISMATCH);
  CHECK_EQ(failure.option, IPC_OPTION_CAPACITY);
  CHECK_EQ(failure.found, 8192);
  CHECK_EQ(failure.wanted, 4096);
  CHECK_EQ(
      open_code(test_prefix, test_name,
                (ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .max_receivers = 5}, &failure),
      IPC_E_OPTIONS_MISMATCH);
  CHECK_EQ(failure.option, IPC_OPTION_MAX_RECEIVERS);
  CHECK_EQ(failure.found, 4);
  CHECK_EQ(failure.wanted, 5);
  CHECK_EQ(
      open_code(test_prefix, test_name,
                (ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .overflow = IPC_DROP_OLDEST},
                &failure),
      IPC_E_OPTIONS_MISMATCH);
  CHECK_EQ(failure.option, IPC_OPTION_OVERFLOW);
  CHECK_EQ(failure.found, IPC_BLOCK);
  CHECK_EQ(failure.wanted, IPC_DROP_OLDEST);
  CHECK_EQ(open_code(test_prefix, test_name,
                     (ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .overflow = IPC_BLOCK},
                     &failure),
           IPC_OK);
  CHECK_EQ(open_code(test_prefix, test_name, channel, &failure), IPC_OK);
  CHECK_EQ(open_code(test_prefix, test_name, any_channel, &failure), IPC_OK);
  ipc_sender *sender = must_send(any_channel);
  CHECK_EQ(ipc_sender_receiver_count(sender), 1); /* a refused receiver is not counted */
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
}

static void invalid_options_are_refused(void) {
  static const ipc_options wrong[] = {
      {.struct_size = sizeof(ipc_options), .kind = 0},
      {.struct_size = sizeof(ipc_options), .kind = IPC_KINDS},
      {.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .overflow = IPC_DROP_OLDEST + 1},
      {.struct_size = sizeof(ipc_options), .kind = IPC_QUEUE, .overflow = IPC_DROP_OLDEST},
      {.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .capacity = 1},
      {.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .capacity = 2048},
      {.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .capacity = 4095},
      {.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .capacity = 5000},
      {.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .capacity = IPC_MAX_CAPACITY * 2},
      {.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .capacity = UINT32_MAX},
      {.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .max_receivers = IPC_MAX_RECEIVERS + 1},
      {.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .max_receivers = UINT32_MAX},
      {.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .permissions = 01000},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    ipc_failure failure;
    CHECK_EQ(open_code(test_prefix, test_name, wrong[i], &failure), IPC_E_INVALID_ARGUMENT);
    CHECK(!ipc_sender_open(test_prefix, test_name, &wrong[i], &failure));
    CHECK_EQ(failure.code, IPC_E_INVALID_ARGUMENT);
  }
  CHECK(!view_exists(test_prefix, test_name, IPC_ROUTE));
}

static void invalid_names_are_refused(void) {
  char longest[IPC_MAX_NAME + 2], long_prefix[IPC_MAX_PREFIX + 2];
  memset(longest, 'n', sizeof longest);
  memset(long_prefix, 'p', sizeof long_prefix);
  longest[IPC_MAX_NAME + 1] = long_prefix[IPC_MAX_PREFIX + 1] = 0;
  const char *names[] = {NULL, "", "a/b", "/", "a\nb", "\x01", "a\x7f", "\x1f", longest};
  const char *prefixes[] = {NULL, "a/b", "\t", "\x7f", long_prefix};
  ipc_failure failure;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    CHECK_EQ(open_code(test_prefix, names[i], any_channel, &failure), IPC_E_INVALID_NAME);
  for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
    CHECK_EQ(open_code(prefixes[i], test_name, any_channel, &failure), IPC_E_INVALID_NAME);
  longest[IPC_MAX_NAME] = 0;
  const char *fine[] = {longest, ".", "..", "%2E", "a b", "gr\xc3\xbc\xc3\x9f\x65", "x.y.z"};
  for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
    test_own(test_prefix, fine[i]);
    CHECK_EQ(open_code(test_prefix, fine[i], any_channel, &failure), IPC_OK);
  }
}

static void longest_prefix_and_name_are_fine(void) {
  char name[IPC_MAX_NAME + 1], prefix[IPC_MAX_PREFIX + 1];
  memset(name, 'n', IPC_MAX_NAME);
  memset(prefix, '.', IPC_MAX_PREFIX); /* the prefix that grows most when it is escaped */
  memcpy(prefix, test_prefix, strlen(test_prefix));
  name[IPC_MAX_NAME] = prefix[IPC_MAX_PREFIX] = 0;
  ipc_failure failure;
  test_own(prefix, name);
  CHECK_EQ(open_code(prefix, name, any_channel, &failure), IPC_OK);
}

static void pairs_do_not_collide(void) {
  static const char *const pairs[][2] = {{".b", "c"},  {"", "b.c"},    {"%2Eb", "c"}, {".", "b.c"},
                                         {"..b", "c"}, {"%", "2Eb.c"}, {"%2E", "b.c"}};
  enum { PAIRS = sizeof pairs / sizeof pairs[0] };
  ipc_receiver *receivers[3 * PAIRS];
  for (int i = 0; i < PAIRS; i++) {
    char prefix[IPC_MAX_PREFIX + 1];
    snprintf(prefix, sizeof prefix, "%s%s", test_prefix, pairs[i][0]);
    test_own(prefix, pairs[i][1]);
    for (uint32_t kind = IPC_ROUTE; kind <= IPC_QUEUE; kind++) {
      ipc_failure failure;
      const ipc_options options = {.struct_size = sizeof(ipc_options), .kind = kind, .capacity = 4096};
      receivers[3 * i + (int)kind - 1] = ipc_receiver_open(prefix, pairs[i][1], &options, &failure);
      CHECK(receivers[3 * i + (int)kind - 1]);
      ipc_sender *sender = ipc_sender_open(prefix, pairs[i][1], &options, &failure);
      CHECK(sender);
      CHECK_EQ(ipc_sender_receiver_count(sender), 1); /* no other pair's receiver is in here */
      ipc_sender_close(sender);
    }
  }
  for (int i = 0; i < 3 * PAIRS; i++) ipc_receiver_close(receivers[i]);
}

static void come_and_go(void *number) {
  uint32_t seed = 0x9e3779b9u * (1 + *(uint32_t *)number);
  for (int i = 0; i < 60 * TEST_SCALE; i++) {
    ipc_receiver *receiver = must_receive(channel);
    ipc_sender *sender = test_random(&seed) & 1 ? must_send(any_channel) : NULL;
    char text[8];
    if (sender) {
      CHECK_EQ(ipc_sender_send(sender, "hello", 6, -1), IPC_OK);
      CHECK_EQ(ipc_receiver_recv(receiver, text, sizeof text, -1), 6);
    }
    if (test_random(&seed) & 1) {
      ipc_receiver_close(receiver);
      ipc_sender_close(sender);
    } else {
      ipc_sender_close(sender);
      ipc_receiver_close(receiver);
    }
  }
}

/* Opens meet each other although the segment is created and removed all the time. */
static void check_coming_and_going(test_form form) {
  static uint32_t numbers[4] = {0, 1, 2, 3};
  test_worker workers[4];
  for (int i = 0; i < 4; i++) workers[i] = test_start(form, come_and_go, &numbers[i]);
  for (int i = 0; i < 4; i++) test_finish(workers[i]);
  CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
}

static void processes_come_and_go(void) { check_coming_and_going(TEST_PROCESS); }

static void threads_come_and_go(void) { check_coming_and_going(TEST_THREAD); }

TEST_MAIN(TEST_CASE(first_creates_second_joins_last_removes), TEST_CASE(defaults_are_the_documented_ones),
          TEST_CASE(permissions_are_those_asked_for), TEST_CASE(options_must_match_the_creators),
          TEST_CASE(invalid_options_are_refused), TEST_CASE(invalid_names_are_refused),
          TEST_CASE(longest_prefix_and_name_are_fine), TEST_CASE(pairs_do_not_collide),
          TEST_CASE(processes_come_and_go), TEST_CASE(threads_come_and_go))

/* stamp_test.c - names whose messages have stamps. */
#include "libipc/storage.h"
#include "list_fixture.h"

static ipc_options with(uint32_t kind, uint32_t stamp) {
  ipc_options options = ipc_options_default(kind);
  options.capacity = 4096;
  options.stamp = stamp;
  return options;
}

static void check_refused(const ipc_options *options, int32_t code, uint64_t found, uint64_t wanted) {
  ipc_failure failure;
  CHECK(!ipc_sender_open(test_prefix, test_name, options, &failure));
  CHECK_EQ(failure.code, code);
  CHECK_EQ(failure.option, IPC_OPTION_STAMP);
  CHECK_EQ(failure.found, found);
  CHECK_EQ(failure.wanted, wanted);
  CHECK(!ipc_receiver_open(test_prefix, test_name, options, &failure));
  CHECK_EQ(failure.code, code);
  CHECK_EQ(failure.option, IPC_OPTION_STAMP);
}

static void the_first_endpoint_decides(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_QUEUE; kind++) {
    ipc_options all = with(kind, IPC_STAMP_ALL), none = with(kind, IPC_STAMP_NONE), any = with(kind, IPC_STAMP_ANY);
    ipc_receiver *receiver = must_receive(all);
    CHECK_EQ(ipc_receiver_stamped(receiver), 1);
    CHECK_EQ(must_find(kind).name.stamped, 1);
    check_refused(&none, IPC_E_OPTIONS_MISMATCH, 1, 0);
    ipc_sender *sender = must_send(any);
    CHECK(ipc_sender_stamp(sender) != 0);
    ipc_sender_close(sender);
    sender = must_send(all);
    CHECK(ipc_sender_stamp(sender) != 0);
    ipc_sender_close(sender);
    ipc_receiver_close(receiver);

    sender = must_send(kind == IPC_QUEUE ? any : none); /* a name that is created has no stamps */
    CHECK_EQ(ipc_sender_stamp(sender), 0);
    CHECK_EQ(must_find(kind).name.stamped, 0);
    receiver = must_receive(none);
    CHECK_EQ(ipc_receiver_stamped(receiver), 0);
    ipc_receiver_close(receiver);
    receiver = must_receive(any);
    CHECK_EQ(ipc_receiver_stamped(receiver), 0);
    ipc_receiver_close(receiver);
    ipc_failure failure;
    CHECK(!ipc_receiver_open(test_prefix, test_name, &all, &failure));
    CHECK_EQ(failure.code, IPC_E_OPTIONS_MISMATCH);
    CHECK_EQ(failure.found, 0);
    CHECK_EQ(failure.wanted, 1);
    ipc_sender_close(sender);
  }
}

static void other_values_and_kinds_are_refused(void) {
  ipc_options options = with(IPC_CHANNEL, IPC_STAMP_ANY + 1);
  check_refused(&options, IPC_E_INVALID_ARGUMENT, 3, 0);
  options = ipc_options_default(IPC_MUTEX);
  options.stamp = IPC_STAMP_ALL;
  ipc_failure failure;
  CHECK(!ipc_handle_open(test_prefix, test_name, &options, &failure));
  CHECK_EQ(failure.code, IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(failure.option, IPC_OPTION_STAMP);
}

static void a_damaged_header_is_noticed(void) {
  ipc_options options = with(IPC_CHANNEL, IPC_STAMP_ALL);
  ipc_receiver *receiver = must_receive(options);
  view it = view_open(test_prefix, test_name, IPC_CHANNEL);
  it.header->stamped = 2;
  ipc_failure failure;
  CHECK(!ipc_sender_open(test_prefix, test_name, &options, &failure));
  CHECK_EQ(failure.code, IPC_E_CORRUPT);
  CHECK_EQ(ipc_receiver_stamped(receiver), 1); /* as it was when it was opened */
  view_close(&it);
  ipc_receiver_close(receiver);
  ipc_clear(test_prefix, test_name, IPC_CHANNEL, &failure);
}

/* What a program in C writes and reads, and what dead letters keep. */
static void a_dead_letter_keeps_its_stamp(void) {
  ipc_options options = with(IPC_QUEUE, IPC_STAMP_ALL);
  strcpy(options.dead_letter, "dead letters");
  ipc_receiver *receiver = must_receive(options);
  ipc_sender *sender = must_send(with(IPC_QUEUE, IPC_STAMP_ALL));
  ipc_options none = with(IPC_QUEUE, IPC_STAMP_NONE), any = with(IPC_QUEUE, IPC_STAMP_ANY);
  ipc_failure failure;
  CHECK(!ipc_receiver_open(test_prefix, "dead letters", &none, &failure));
  CHECK_EQ(failure.option, IPC_OPTION_STAMP);
  ipc_receiver *dead = ipc_receiver_open(test_prefix, "dead letters", &any, &failure);
  CHECK(dead && ipc_receiver_stamped(dead));
  struct {
    ipc_stamp stamp;
    char text[8];
  } message = {{ipc_sender_stamp(sender), 0, 12345}, "message"};
  CHECK_EQ(ipc_sender_send(sender, &message, sizeof message, 0), IPC_OK);
  uint32_t lease[3];
  CHECK_EQ(ipc_receiver_take(receiver, 0, lease), IPC_OK);
  CHECK_EQ(ipc_receiver_reject(receiver, lease[0], "bad", 3), IPC_OK);
  CHECK_EQ(ipc_receiver_take(dead, 0, lease), IPC_OK);
  CHECK_EQ(memcmp((const uint8_t *)ipc_receiver_ring(dead) + lease[0], &message, sizeof message), 0);
  CHECK_EQ(ipc_receiver_redrive(dead, lease[0]), IPC_OK);
  CHECK_EQ(ipc_receiver_recv(receiver, &(uint8_t[sizeof message]){0}, sizeof message, 0), (int32_t)sizeof message);
  ipc_receiver_close(dead);
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
}

/* A receiver whose dead-letter queue has another option cannot be opened: the letters could not be read there. */
static void a_dead_letter_queue_without_stamps_is_refused(void) {
  ipc_failure failure;
  ipc_options options = with(IPC_QUEUE, IPC_STAMP_NONE);
  ipc_receiver *dead = ipc_receiver_open(test_prefix, "dead letters", &options, &failure);
  CHECK(dead);
  options = with(IPC_QUEUE, IPC_STAMP_ALL);
  strcpy(options.dead_letter, "dead letters");
  CHECK(!ipc_receiver_open(test_prefix, test_name, &options, &failure));
  CHECK_EQ(failure.code, IPC_E_OPTIONS_MISMATCH);
  CHECK_EQ(failure.option, IPC_OPTION_STAMP);
  CHECK_EQ(strcmp(failure.dead_letter, "dead letters"), 0);
  ipc_receiver_close(dead);
}

TEST_MAIN(TEST_CASE(the_first_endpoint_decides), TEST_CASE(other_values_and_kinds_are_refused),
          TEST_CASE(a_damaged_header_is_noticed), TEST_CASE(a_dead_letter_keeps_its_stamp),
          TEST_CASE(a_dead_letter_queue_without_stamps_is_refused))

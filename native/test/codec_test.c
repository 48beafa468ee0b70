/* codec_test.c - the id of a codec that a segment carries. */
#include "codec.h"

#include "list_fixture.h"

enum { LONGEST = IPC_CODEC_BYTES - 1 };

static ipc_options with(const char *codec) {
  ipc_options options = ipc_options_default(IPC_CHANNEL);
  CHECK_LE(strlen(codec), LONGEST);
  memcpy(options.codec, codec, strlen(codec));
  return options;
}

static int32_t open_code(const ipc_options *options, ipc_failure *failure) {
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, options, failure);
  bool opened = receiver != NULL;
  ipc_receiver_close(receiver);
  return opened ? IPC_OK : failure->code;
}

#define CHECK_CODEC(wanted) CHECK_EQ(strcmp(must_find(IPC_CHANNEL).name.codec, wanted), 0)

static void the_first_endpoint_with_a_codec_sets_it(void) {
  ipc_receiver *bytes = must_receive(with(""));
  CHECK_CODEC("");
  ipc_receiver *first = must_receive(with("json"));
  CHECK_CODEC("json");
  ipc_sender *same = must_send(with("json")), *raw = must_send(with(""));
  CHECK_CODEC("json");
  ipc_receiver_close(first);
  ipc_receiver_close(bytes);
  ipc_sender_close(same);
  CHECK_CODEC("json"); /* while the segment is there */
  ipc_sender_close(raw);
  ipc_receiver *next = must_receive(with("other"));
  CHECK_CODEC("other");
  ipc_receiver_close(next);
}

static void another_codec_is_refused_and_named(void) {
  ipc_failure failure;
  char text[512], process[64];
  snprintf(process, sizeof process, "\"protobuf:shop.Order\", as process %d said", getpid());
  ipc_sender *sender = must_send(with("protobuf:shop.Order"));
  static const char *const others[] = {"json", "protobuf:shop.Orde", "protobuf:shop.Orders"};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    ipc_options options = with(others[i]);
    CHECK_EQ(open_code(&options, &failure), IPC_E_OPTIONS_MISMATCH);
    CHECK_EQ(failure.option, IPC_OPTION_CODEC);
    CHECK_EQ(failure.pid, getpid());
    CHECK_EQ(strcmp(failure.codec, "protobuf:shop.Order"), 0);
    ipc_failure_text(&failure, text, sizeof text);
    CHECK(strstr(text, process));
  }
  CHECK_CODEC("protobuf:shop.Order");
  ipc_sender_close(sender);
}

static void an_open_that_fails_sets_nothing(void) {
  ipc_failure failure;
  ipc_options route = with("json");
  route.kind = IPC_ROUTE;
  ipc_sender *sender = must_send((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE});
  CHECK(!ipc_sender_open(test_prefix, test_name, &route, &failure));
  CHECK_EQ(failure.code, IPC_E_HAS_SENDER);
  CHECK_EQ(must_find(IPC_ROUTE).name.codec[0], 0);
  ipc_sender *successor = ipc_sender_open_successor(test_prefix, test_name, &route, &failure);
  CHECK(successor);
  CHECK_EQ(strcmp(must_find(IPC_ROUTE).name.codec, "json"), 0);
  ipc_sender_close(successor);
  ipc_sender_close(sender);
}

static void only_printable_ascii_of_a_ring_is_a_codec(void) {
  ipc_failure failure;
  static const char *const wrong[] = {"a\n", "\x7f", "\xc3\xa9", "\x1f"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    ipc_options options = with(wrong[i]);
    CHECK_EQ(open_code(&options, &failure), IPC_E_INVALID_ARGUMENT);
    CHECK_EQ(failure.option, IPC_OPTION_CODEC);
  }
  ipc_options options = with("");
  memset(options.codec, 'x', IPC_CODEC_BYTES); /* no zero byte */
  CHECK_EQ(open_code(&options, &failure), IPC_E_INVALID_ARGUMENT);
  options.codec[LONGEST] = 0;
  CHECK_EQ(open_code(&options, &failure), IPC_OK);
  options.kind = IPC_MUTEX;
  CHECK(!ipc_handle_open(test_prefix, test_name, &options, &failure));
  CHECK_EQ(failure.code, IPC_E_INVALID_ARGUMENT);
}

static void a_damaged_codec_stops_only_endpoints_with_a_codec(void) {
  ipc_failure failure;
  ipc_options options = with("json"), none = with("");
  ipc_sender *sender = must_send(with("json"));
  view it = view_open(test_prefix, test_name, IPC_CHANNEL);
  ipc_header *header = it.header;
  static const uint32_t lengths[] = {4, LONGEST, LONGEST + 1, UINT32_MAX};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    header->codec[1] = '\t';
    atomic_store(&header->codec_length, lengths[i]);
    CHECK_EQ(open_code(&options, &failure), IPC_E_CORRUPT);
    CHECK_EQ(open_code(&none, &failure), IPC_OK);
    CHECK_CODEC("");
  }
  view_close(&it);
  ipc_sender_close(sender);
}

/* Killed before the length is stored: the bytes of another codec are there, and the next endpoint writes its own. */
static void a_codec_that_was_not_finished_is_replaced(void) {
  ipc_sender *sender = must_send(with(""));
  view it = view_open(test_prefix, test_name, IPC_CHANNEL);
  memcpy(it.header->codec, "a much longer one", 17);
  ipc_receiver *receiver = must_receive(with("json"));
  CHECK_CODEC("json");
  view_close(&it);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

TEST_MAIN(TEST_CASE(the_first_endpoint_with_a_codec_sets_it), TEST_CASE(another_codec_is_refused_and_named),
          TEST_CASE(an_open_that_fails_sets_nothing), TEST_CASE(only_printable_ascii_of_a_ring_is_a_codec),
          TEST_CASE(a_damaged_codec_stops_only_endpoints_with_a_codec),
          TEST_CASE(a_codec_that_was_not_finished_is_replaced))

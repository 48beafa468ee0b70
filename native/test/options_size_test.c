/* options_size_test.c - options of callers that were compiled with other headers. */
#include <sys/mman.h>

#include "test.h"

/* ipc_options of ABI version 8: the shortest that a caller may have. */
enum { FIRST_BYTES = 56, MOST_BYTES = 4096, PAGE = 65536 };

/* Memory that ends where a page begins that may not be read. */
static void *before_a_wall(size_t bytes) {
  char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED);
  CHECK_EQ(mprotect(pages + PAGE, PAGE, PROT_NONE), 0);
  return pages + PAGE - bytes;
}

/* Each public open, with options of its kind. */
typedef enum way { SENDER, SUCCESSOR, RECEIVER, HANDLE, WAYS } way;

static int32_t open_code(way how, ipc_options *options, ipc_failure *failure) {
  options->kind = how == HANDLE ? IPC_MUTEX : IPC_CHANNEL;
  ipc_sender *sender = NULL;
  ipc_receiver *receiver = NULL;
  ipc_handle *handle = NULL;
  switch (how) {
    case SENDER: sender = ipc_sender_open(test_prefix, test_name, options, failure); break;
    case SUCCESSOR: sender = ipc_sender_open_successor(test_prefix, test_name, options, failure); break;
    case RECEIVER: receiver = ipc_receiver_open(test_prefix, test_name, options, failure); break;
    default: handle = ipc_handle_open(test_prefix, test_name, options, failure); break;
  }
  bool opened = sender || receiver || handle;
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
  ipc_handle_close(handle);
  return opened ? IPC_OK : failure->code;
}

static void check_refused(ipc_options *options) {
  for (way how = SENDER; how < WAYS; how++) {
    ipc_failure failure;
    uint32_t size = options->struct_size;
    CHECK_EQ(open_code(how, options, &failure), IPC_E_INVALID_ARGUMENT);
    CHECK_EQ(failure.option, IPC_OPTION_STRUCT_SIZE);
    CHECK_EQ(failure.found, size);
    CHECK_EQ(failure.wanted, sizeof(ipc_options));
  }
}

static void check_opens(ipc_options *options) {
  for (way how = SENDER; how < WAYS; how++) {
    ipc_failure failure;
    CHECK_EQ(open_code(how, options, &failure), IPC_OK);
  }
}

static void the_default_has_its_size(void) {
  ipc_options options = ipc_options_default(IPC_QUEUE), zeros = {.struct_size = sizeof(ipc_options), .kind = IPC_QUEUE};
  CHECK_EQ(memcmp(&options, &zeros, sizeof options), 0);
  check_opens(&options);
}

static void no_size_and_a_wrong_one_are_refused(void) {
  static const uint32_t sizes[] = {0, 1, IPC_MEMORY, 48, FIRST_BYTES - 1, MOST_BYTES + 1, UINT32_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    ipc_options *options = before_a_wall(FIRST_BYTES);
    options->struct_size = sizes[i];
    check_refused(options);
  }
}

static void an_older_caller_has_the_first_fields_only(void) {
  ipc_options *options = before_a_wall(FIRST_BYTES);
  options->struct_size = FIRST_BYTES;
  check_opens(options);
}

static void a_newer_caller_may_use_what_is_known_here(void) {
  for (uint32_t bytes = sizeof(ipc_options) + 1; bytes <= MOST_BYTES; bytes += 577) {
    uint8_t *memory = before_a_wall((bytes + 7u) & ~7u);
    ipc_options *options = (ipc_options *)memory;
    options->struct_size = bytes;
    check_opens(options);
    const uint32_t first = sizeof(ipc_options), last = bytes - 1;
    for (int i = 0; i < 2; i++) {
      memory[i == 0 ? first : last] = 1;
      check_refused(options);
      memory[i == 0 ? first : last] = 0;
    }
  }
}

static void only_receivers_of_routes_and_channels_are_lossy(void) {
  const struct {
    uint32_t kind, lossy;
  } refused[] = {{IPC_QUEUE, 1}, {IPC_ROUTE, 2}, {IPC_MUTEX, 1}};
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    ipc_options options = ipc_options_default(refused[i].kind);
    ipc_failure failure;
    options.lossy = refused[i].lossy;
    CHECK(refused[i].kind == IPC_MUTEX ? !ipc_handle_open("", "options", &options, &failure)
                                       : !ipc_receiver_open("", "options", &options, &failure));
    CHECK_EQ(failure.code, IPC_E_INVALID_ARGUMENT);
    CHECK_EQ(failure.option, IPC_OPTION_LOSSY);
    CHECK_EQ(failure.found, refused[i].lossy);
  }
}

TEST_MAIN(TEST_CASE(the_default_has_its_size), TEST_CASE(no_size_and_a_wrong_one_are_refused),
          TEST_CASE(an_older_caller_has_the_first_fields_only), TEST_CASE(a_newer_caller_may_use_what_is_known_here),
          TEST_CASE(only_receivers_of_routes_and_channels_are_lossy))

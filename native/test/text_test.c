/* text_test.c - the texts for a status and for a failure. */
#include "ends.h"

static bool contains(const char *text, const char *part) { return strstr(text, part) != NULL; }

static void check_text(const ipc_failure *failure, const char *const *parts) {
  char text[4096];
  uint32_t length = ipc_failure_text(failure, text, sizeof text);
  CHECK_EQ(length, strlen(text));
  for (; *parts; parts++)
    if (!contains(text, *parts)) FAIL("\"%s\" is not in \"%s\"", *parts, text);
}
#define CHECK_TEXT(failure, ...) check_text(failure, (const char *const[]){__VA_ARGS__, NULL})

/* That each has one is for the compiler to say: the switch has no default. */
static void each_status_has_a_text_with_its_name(void) {
  CHECK(strcmp(ipc_status_text(IPC_NO_RECEIVERS), "no receiver is connected (IPC_NO_RECEIVERS)") == 0);
  int known = 0;
  for (int32_t status = -100; status <= IPC_OWNER_DIED; status++) {
    const char *text = ipc_status_text(status);
    bool has_name = contains(text, status <= IPC_E_FIRST ? "(IPC_E_" : "(IPC_");
    CHECK(has_name || strcmp(text, "not a status of this libipc") == 0);
    known += has_name;
    for (int32_t other = -100; has_name && other < status; other++) CHECK(strcmp(text, ipc_status_text(other)) != 0);
  }
  CHECK_GE(known, 30);
  CHECK(strcmp(ipc_status_text(1000), ipc_status_text(IPC_OK)) == 0); /* a length */
  CHECK(strcmp(ipc_status_text(INT32_MIN), ipc_status_text(-100)) == 0);
}

static void a_failed_open_says_what_differs(void) {
  ipc_failure failure;
  ipc_receiver *receiver = must_receive((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE});
  ipc_sender *sender = must_send((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE});
  ipc_options options = ipc_options_default(IPC_ROUTE);
  CHECK(!ipc_sender_open(test_prefix, test_name, &options, &failure));
  char process[64];
  snprintf(process, sizeof process, "of process %d, which is this one", getpid());
  CHECK_TEXT(&failure, "(IPC_E_HAS_SENDER)", process);
  options.capacity = 4096;
  CHECK(!ipc_receiver_open(test_prefix, test_name, &options, &failure));
  CHECK_TEXT(&failure, "(IPC_E_OPTIONS_MISMATCH): capacity is 1048576, and was opened here with 4096. Use ");
  options.capacity = 0;
  options.permissions = 0660;
  CHECK(!ipc_receiver_open(test_prefix, test_name, &options, &failure));
  CHECK_TEXT(&failure, "permissions is 0600, and was opened here with 0660");
  options.permissions = 0;
  options.capacity = 5000;
  CHECK(!ipc_receiver_open(test_prefix, test_name, &options, &failure));
  CHECK_TEXT(&failure, "(IPC_E_INVALID_ARGUMENT): capacity is 5000, and may be at most 1073741824");
  options.struct_size = 0;
  CHECK(!ipc_receiver_open(test_prefix, test_name, &options, &failure));
  CHECK_TEXT(&failure, "struct_size is 0", "280 bytes", "ipc_options_default()");
  CHECK_EQ(ipc_clear(test_prefix, "a/b", IPC_ROUTE, &failure), IPC_E_INVALID_NAME);
  CHECK_TEXT(&failure, "(IPC_E_INVALID_NAME)");
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
}

static void a_second_directory_is_named(void) {
  ipc_failure failure;
  CHECK_EQ(ipc_storage_choose(NULL, &failure), IPC_OK);
  char directory[IPC_PATH_BYTES];
  ipc_storage_directory(directory, sizeof directory);
  CHECK_EQ(ipc_storage_choose("/nowhere", &failure), IPC_E_INVALID_ARGUMENT);
  CHECK_TEXT(&failure, "this process uses the directory ", directory);
}

static void a_refusal_says_what_when_and_where(void) {
  ipc_failure failure = {.code = IPC_E_NO_SPACE,
                         .system_error = ENOSPC,
                         .found = 4096,
                         .wanted = 1 << 20,
                         .cause = IPC_CAUSE_RESERVE,
                         .path = "/dev/shm/x"};
  CHECK_TEXT(&failure, "1048576 bytes could not be reserved, 4096 are free, /dev/shm/x (", strerror(ENOSPC));
  failure.cause = IPC_CAUSE_MEMORY_LIMIT;
  CHECK_TEXT(&failure, "1048576 bytes are needed, and the control group has 4096 left, /dev/shm/x");
  failure.cause = IPC_CAUSE_FILE_SIZE;
  CHECK_TEXT(&failure, "this process may make one of 4096");
  failure.cause = IPC_CAUSE_DIRECTORY;
  CHECK_TEXT(&failure, "its path has 4096 bytes and may have 1048576");
  failure = (ipc_failure){.code = IPC_E_PERMISSION, .option = IPC_OPTION_PERMISSIONS, .found = 1000, .wanted = 0644};
  CHECK_TEXT(&failure, "its file belongs to user 1000 and has the permissions 0644");
  failure = (ipc_failure){.code = IPC_E_VERSION, .found = 4, .wanted = 5};
  CHECK_TEXT(&failure, "its layout is 4, and this library has 5");
  failure = (ipc_failure){.code = IPC_E_FOREIGN, .found = 2, .wanted = 1};
  CHECK_TEXT(&failure, "its file has 2 names");
  failure = (ipc_failure){.code = IPC_E_CORRUPT, .found = 100, .wanted = 4096};
  CHECK_TEXT(&failure, "100 bytes instead of 4096");
  failure = (ipc_failure){.code = IPC_E_TOO_MANY_RECEIVERS, .wanted = 64};
  CHECK_TEXT(&failure, "(IPC_E_TOO_MANY_RECEIVERS): 64");
}

/* The whole length is returned, and nothing is written past the size. */
static void a_text_is_cut_off_where_the_memory_ends(void) {
  const ipc_failure failure = {.code = IPC_E_OPTIONS_MISMATCH, .option = IPC_OPTION_SIZE, .found = 1, .wanted = 2};
  char whole[512], part[512];
  uint32_t length = ipc_failure_text(&failure, whole, sizeof whole);
  CHECK_GE(length, 100);
  CHECK_EQ(ipc_failure_text(&failure, NULL, 0), length);
  for (uint32_t size = 1; size <= length + 1; size++) {
    memset(part, 'x', sizeof part);
    CHECK_EQ(ipc_failure_text(&failure, part, size), length);
    CHECK_EQ(strlen(part), size - 1);
    CHECK_EQ(memcmp(part, whole, size - 1), 0);
    CHECK_EQ(part[size], 'x');
  }
}

static void garbage_has_a_text_too(void) {
  uint32_t seed = 0x2545f491;
  for (int i = 0; i < 2000; i++) {
    ipc_failure failure;
    for (size_t at = 0; at < sizeof failure; at++) ((uint8_t *)&failure)[at] = (uint8_t)(1 + test_random(&seed) % 255);
    if (i & 1) failure.code = -(int32_t)(test_random(&seed) % 50);
    if (i & 2) failure.cause = test_random(&seed) % 16;
    if (i & 4) failure.option = (int32_t)(test_random(&seed) % 16);
    char text[64];
    CHECK_GE(ipc_failure_text(&failure, text, sizeof text), 10);
    CHECK(memchr(text, 0, sizeof text));
  }
}

TEST_MAIN(TEST_CASE(each_status_has_a_text_with_its_name), TEST_CASE(a_failed_open_says_what_differs),
          TEST_CASE(a_second_directory_is_named), TEST_CASE(a_refusal_says_what_when_and_where),
          TEST_CASE(a_text_is_cut_off_where_the_memory_ends), TEST_CASE(garbage_has_a_text_too))

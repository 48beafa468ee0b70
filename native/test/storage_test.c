/*
 * storage_test.c - the directory of the names: which one it is, what is wrong with it, and what the system refuses
 * there.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sched.h>
#include <sys/mount.h>
#endif

#include "libipc/storage.h"
#include "platform/memory_limit.h"
#include "platform/posix.h"
#include "test.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#else
#define HAS_SANITIZER 0
#endif

static const ipc_options channel = {
    .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 1 << 20, .max_receivers = 4};
static ipc_failure failure;

static char scratch[64];

static void remove_scratch(void) {
  char command[96];
  snprintf(command, sizeof command, "rm -rf '%s'", scratch);
  if (system(command) != 0) fprintf(stderr, "%s is left\n", scratch);
}

static const char *make_scratch(void) {
  snprintf(scratch, sizeof scratch, "/tmp/libipc-test-XXXXXX");
  CHECK(mkdtemp(scratch));
  return scratch;
}

/*
 * Replaces this process by this program, with one case. The kernel cannot start a program for another processor:
 * scripts/test_native.ts starts it through $RUNNER, and so does this.
 */
static _Noreturn void exec_this_program(const char *case_name) {
  enum { MOST_WORDS = 16 };
  char program[4096] = "", runner[4096] = "", *arguments[MOST_WORDS + 3] = {NULL};
  int count = 0;
  CHECK_GE(readlink("/proc/self/exe", program, sizeof program - 1), 1);
  snprintf(runner, sizeof runner, "%s", getenv("RUNNER") ? getenv("RUNNER") : "");
  for (char *word = strtok(runner, " "); word && count < MOST_WORDS; word = strtok(NULL, " "))
    arguments[count++] = word;
  arguments[count++] = program;
  arguments[count++] = (char *)(uintptr_t)case_name;
  execvp(arguments[0], arguments);
  _exit(99);
}

/* The harness has chosen a directory already: this program runs its case again, with the variable. */
static void run_again_with(const char *directory) {
  pid_t pid = fork();
  CHECK_GE(pid, 0);
  if (pid == 0) {
    setenv("LIBIPC_DIR", directory, 1);
    exec_this_program(test_name);
  }
  int status = 0;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(status, 0);
}

static uint32_t files_in(const char *directory, const char *start) {
  DIR *files = opendir(directory);
  CHECK(files);
  uint32_t count = 0;
  for (const struct dirent *file; (file = readdir(files));) count += strncmp(file->d_name, start, strlen(start)) == 0;
  closedir(files);
  return count;
}

/* A message, the listing, and a signal to a waker by its path. */
static void use_directory(const char *directory) {
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &channel, &failure);
  CHECK(receiver);
  ipc_sender *sender = ipc_sender_open(test_prefix, test_name, &channel, &failure);
  CHECK(sender);
  CHECK_EQ(ipc_sender_send(sender, "here", 4, 0), IPC_OK);
  char message[4];
  CHECK_EQ(ipc_receiver_recv(receiver, message, 4, 0), 4);
  CHECK_EQ(files_in(directory, "libipc.channel."), 1);
  CHECK_EQ(files_in(directory, "libipc-process."), 1);

  ipc_listing *listing = ipc_list_open(test_prefix, &failure);
  ipc_listed_name listed;
  CHECK(listing);
  CHECK_EQ(ipc_list_next(listing, &listed, &failure), 1);
  CHECK_EQ(strncmp(listed.path, directory, strlen(directory)), 0);
  CHECK_EQ(access(listed.path, F_OK), 0);
  ipc_list_close(listing);

  uint32_t number[2];
  int fd = ipc_waker_open(number);
  CHECK_GE(fd, 0);
  CHECK_EQ(files_in(directory, "libipc-wake."), 1);
  for (int i = 0; i < 20; i++) { /* the first ones by path, then connected */
    ipc_waker_signal(number[0], number[1]);
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    CHECK_EQ(poll(&readable, 1, 10000), 1);
    char byte[8];
    while (read(fd, byte, sizeof byte) > 0) continue;
  }
  close(fd);
  ipc_waker_close(number[0], number[1]);
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
  CHECK_EQ(files_in(directory, "libipc.channel."), 0);
}

static void the_environment_names_the_directory(void) {
  const char *directory = getenv("LIBIPC_DIR");
  if (directory) {
    char path[IPC_PATH_BYTES];
    CHECK_EQ(ipc_storage_directory(path, sizeof path), strlen(directory));
    CHECK_EQ(strcmp(path, directory), 0);
    CHECK_EQ(ipc_storage_choose(directory, &failure), IPC_OK);
    CHECK_EQ(ipc_storage_choose("", &failure), IPC_E_INVALID_ARGUMENT);
    CHECK_EQ(strcmp(failure.path, directory), 0);
    use_directory(directory);
    return;
  }
  char path[256];
  run_again_with(make_scratch());
  /* No socket has so long a path. */
  snprintf(path, sizeof path, "%s/%0150d", scratch, 0);
  CHECK_EQ(mkdir(path, 0700), 0);
  run_again_with(path);
  remove_scratch();
}

static void the_program_names_the_directory(void) {
  if (getenv("LIBIPC_DIR")) { /* what the program says counts more */
    CHECK_EQ(ipc_storage_choose(make_scratch(), &failure), IPC_OK);
    CHECK_EQ(ipc_storage_choose(NULL, &failure), IPC_OK);
    use_directory(scratch);
    remove_scratch();
    return;
  }
  run_again_with("/nowhere/at/all");
}

static void check_unusable(int error, uint64_t found, uint64_t wanted) {
  ipc_failure each[4];
  const ipc_options mutex = {.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX, .mode = IPC_CREATE};
  CHECK(!ipc_sender_open(test_prefix, test_name, &channel, &each[0]));
  CHECK(!ipc_handle_open(test_prefix, test_name, &mutex, &each[1]));
  CHECK(!ipc_list_open(NULL, &each[2]));
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_CHANNEL, &each[3]), IPC_E_SYSTEM);
  for (int i = 0; i < 4; i++) {
    CHECK_EQ(each[i].code, IPC_E_SYSTEM);
    CHECK_EQ(each[i].cause, IPC_CAUSE_DIRECTORY);
    CHECK_EQ(each[i].system_error, error);
    CHECK_EQ(each[i].found, found);
    CHECK_EQ(each[i].wanted, wanted);
    CHECK_EQ(strncmp(each[i].path, ipc_os_directory(), 1000), 0);
  }
}

static void an_unusable_directory_is_an_error(void) {
  const char *directory = getenv("LIBIPC_DIR");
  if (!directory) {
    char path[1201];
    run_again_with("relative/path");
    run_again_with("/nowhere/at/all");
    run_again_with("/dev/null");
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = 0;
    run_again_with(path);
    return;
  }
  if (directory[0] == 'r')
    check_unusable(EINVAL, 0, 0);
  else if (directory[1] == 'n')
    check_unusable(ENOENT, 0, 0);
  else if (directory[1] == 'd')
    check_unusable(ENOTDIR, 0, 0);
  else
    check_unusable(ENAMETOOLONG, 1200, 1023);
}

static void a_removed_directory_is_an_error(void) {
  if (!getenv("LIBIPC_DIR")) {
    run_again_with("/nowhere/at/all");
    return;
  }
  CHECK_EQ(ipc_storage_choose(make_scratch(), &failure), IPC_OK);
  use_directory(scratch);
  remove_scratch();
  const ipc_options mutex = {.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX, .mode = IPC_CREATE};
  CHECK(!ipc_handle_open(test_prefix, test_name, &mutex, &failure));
  CHECK_EQ(failure.code, IPC_E_SYSTEM);
  CHECK_EQ(failure.cause, IPC_CAUSE_DIRECTORY);
  CHECK_EQ(failure.system_error, ENOENT);
  CHECK_EQ(strcmp(failure.path, scratch), 0);
}

#ifdef __linux__
/* For this process and its children only. */
static bool mount_at(const char *directory, const char *type) {
  return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         mount("none", directory, type, 0, NULL) == 0;
}

static void skip_without_mounts(void) {
  int status = 1;
  pid_t pid = fork();
  if (pid == 0) _exit(mount_at("/proc", "tmpfs") ? 0 : 1);
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  if (status != 0) SKIP("it mounts a file system, which takes root's rights");
}

static void a_long_directory_without_proc_is_an_error(void) {
  const char *directory = getenv("LIBIPC_DIR");
  char path[256];
  if (!directory) {
    skip_without_mounts();
    snprintf(path, sizeof path, "%s/%0100d", make_scratch(), 0);
    CHECK_EQ(mkdir(path, 0700), 0);
    run_again_with(path);
    remove_scratch();
    return;
  }
  CHECK(mount_at("/proc", "tmpfs"));
  check_unusable(ENAMETOOLONG, strlen(directory), 78);
  umount("/proc"); /* AddressSanitizer looks for leaks there */
}

/* It has no fallocate(). */
static void ramfs_takes_segments(void) {
  if (!getenv("LIBIPC_DIR")) {
    skip_without_mounts();
    run_again_with("/nowhere/at/all");
    return;
  }
  CHECK(mount_at(make_scratch(), "ramfs"));
  CHECK_EQ(ipc_storage_choose(scratch, &failure), IPC_OK);
  use_directory(scratch);
  const ipc_options shared = {.struct_size = sizeof(ipc_options), .kind = IPC_MEMORY, .size = 100000};
  ipc_handle *memory = ipc_handle_open(test_prefix, test_name, &shared, &failure);
  CHECK(memory);
  ipc_mapping *before = ipc_memory_map(memory, &failure);
  CHECK(before);
  memset(ipc_mapping_address(before), 7, 100000);
  CHECK_EQ(ipc_memory_grow(memory, 300000, &failure), IPC_OK);
  ipc_mapping *after = ipc_memory_map(memory, &failure);
  CHECK(after);
  const uint8_t *bytes = ipc_mapping_address(after);
  for (uint32_t i = 0; i < 300000; i++) CHECK_EQ(bytes[i], i < 100000 ? 7 : 0);
  ipc_mapping_release(before);
  ipc_mapping_release(after);
  ipc_handle_close(memory);
  umount2(scratch, MNT_DETACH); /* its descriptor stays open */
  remove_scratch();
}

static void put(const char *folder, const char *file, const char *text) {
  char path[512], command[512];
  snprintf(command, sizeof command, "mkdir -p '%s/%s'", scratch, folder);
  CHECK_EQ(system(command), 0);
  snprintf(path, sizeof path, "%s/%s/%s", scratch, folder, file);
  FILE *to = fopen(path, "w");
  CHECK(to);
  fputs(text, to);
  fclose(to);
}

static void put_limit(const char *folder, bool is_first_version, const char *limit, const char *used) {
  put(folder, is_first_version ? "memory.limit_in_bytes" : "memory.max", limit);
  put(folder, is_first_version ? "memory.usage_in_bytes" : "memory.current", used);
  put(folder, "memory.stat", "anon 1\nfile 999999\n");
}

static char of_limit[IPC_OS_PATH_BYTES];

static uint64_t left_in(const char *groups, uint64_t swap) {
  return ipc_posix_memory_left_in(groups, scratch, swap, 1u << 20, of_limit);
}

static void check_limit_is_of(const char *folder) {
  CHECK_EQ(strncmp(of_limit, scratch, strlen(scratch)), 0);
  CHECK_EQ(strcmp(of_limit + strlen(scratch), folder), 0);
}

static void control_groups_say_what_is_left(void) {
  make_scratch();
  CHECK(left_in("0::/none\n", 0) == UINT64_MAX);
  CHECK(left_in("", 0) == UINT64_MAX);
  CHECK(left_in("no colons\n0:\n", 0) == UINT64_MAX);

  put_limit("a/b", false, "1000000\n", "400000\n");
  put_limit("a", false, "max\n", "123\n");
  CHECK_EQ(left_in("0::/a/b\n", 0), 600000);
  check_limit_is_of("/a/b");
  CHECK(left_in("0::/a\n", 0) == UINT64_MAX);

  /* The least of the groups above counts. What is used beyond a limit is not negative. */
  put_limit("a", false, "500000\n", "400000\n");
  CHECK_EQ(left_in("5:cpu:/x\n0::/a/b\n", 0), 100000);
  check_limit_is_of("/a");
  put_limit("a", false, "500000\n", "600000\n");
  CHECK_EQ(left_in("0::/a/b", 0), 0);

  /* What the kernel can take back counts as left. */
  put("a", "memory.stat", "file 9\ninactive_file 2000\nactive_file 300\nslab_reclaimable 40\nshmem 9\n");
  CHECK_EQ(left_in("0::/a/b\n", 0), 2340);
  CHECK_EQ(left_in("0::/a/b\n", 5000), 7340);
  put("a", "memory.swap.max", "1000\n");
  put("a", "memory.swap.current", "400\n");
  CHECK_EQ(left_in("0::/a/b\n", 5000), 2940);

  /* In a container, the path may be that of the host, and the group itself is at the root. */
  put_limit("memory", true, "700000\n", "100000\n");
  CHECK_EQ(left_in("3:cpu,cpuacct:/a\n4:hugetlb,memory:/docker/0123\n0::/\n", 0), 600000);
  check_limit_is_of("/memory");
  put("memory", "memory.stat", "total_inactive_file 10\ntotal_active_file 5\ninactive_file 77\n");
  CHECK_EQ(left_in("4:memory:/docker/0123\n", 0), 600015);
  put_limit("memory", true, "9223372036854771712\n", "100000\n");
  CHECK_GE(left_in("4:memory:/\n", 0), 1ll << 60);
  CHECK(left_in("4:memory_pressure:/\n", 0) == UINT64_MAX);
  remove_scratch();
}

/* This process's own group of the controller for memory; false: it has none that is mounted where it usually is. */
static bool find_own_group(char folder[512], bool *is_first_version) {
  char line[400];
  FILE *groups = fopen("/proc/self/cgroup", "r");
  bool found = false;
  while (groups && !found && fgets(line, sizeof line, groups)) {
    line[strcspn(line, "\n")] = 0;
    char *path = strrchr(line, ':') + 1;
    *is_first_version = strstr(line, ":memory:") != NULL;
    if (!*is_first_version && strncmp(line, "0::", 3) != 0) continue;
    snprintf(folder, 512, "/sys/fs/cgroup%s%s", *is_first_version ? "/memory" : "", strcmp(path, "/") ? path : "");
    char limit[600];
    snprintf(limit, sizeof limit, "%s/%s", folder, *is_first_version ? "memory.limit_in_bytes" : "cgroup.controllers");
    found = access(limit, F_OK) == 0;
  }
  if (groups) fclose(groups);
  return found;
}

static bool tell(const char *folder, const char *file, const char *text) {
  char path[700];
  snprintf(path, sizeof path, "%s/%s", folder, file);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool is_told = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  close(fd);
  return is_told;
}

static const uint64_t GROUP_BYTES = 96u << 20;

static void open_in_the_group(const char *group) {
  const ipc_options large = {
      .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 128 << 20, .max_receivers = 4};
  CHECK(!ipc_receiver_open(test_prefix, test_name, &large, &failure));
  CHECK_EQ(failure.code, IPC_E_NO_SPACE);
  CHECK_EQ(failure.cause, IPC_CAUSE_MEMORY_LIMIT);
  CHECK_EQ(strcmp(failure.path, group), 0);
  CHECK_LE(failure.found, GROUP_BYTES);
  CHECK_GE(failure.wanted, 128 << 20);
  /* Rings that fit one by one, until the group is full. */
  ipc_options fits = channel;
  fits.capacity = 8 << 20;
  ipc_receiver *receivers[12] = {0};
  int opened = 0;
  for (; opened < 12; opened++) {
    char name[80];
    snprintf(name, sizeof name, "%s.%d", test_name, opened);
    test_own(test_prefix, name);
    receivers[opened] = ipc_receiver_open(test_prefix, name, &fits, &failure);
    if (!receivers[opened]) break;
  }
  CHECK_GE(opened, 5);
  CHECK_LE(opened, 11);
  CHECK_EQ(failure.cause, IPC_CAUSE_MEMORY_LIMIT);
  /* What is closed can be used again at once. */
  ipc_receiver_close(receivers[--opened]);
  receivers[opened] = ipc_receiver_open(test_prefix, test_name, &fits, &failure);
  CHECK(receivers[opened]);
  for (; opened >= 0; opened--) ipc_receiver_close(receivers[opened]);
}

/* The kernel would end the process instead. */
static void a_control_group_that_is_too_small_is_an_error(void) {
  char own[512], group[600], text[32];
  bool is_first_version;
  if (HAS_SANITIZER) SKIP("a sanitizer needs more memory than the limit of this case");
  if (geteuid() != 0 || !find_own_group(own, &is_first_version))
    SKIP("it makes a control group, which takes root's rights");
  snprintf(group, sizeof group, "%s/libipc-test-%d", own, getpid());
  if (mkdir(group, 0755) != 0) SKIP("it makes a control group, and may not do so here");
  snprintf(text, sizeof text, "%llu", (unsigned long long)GROUP_BYTES);
  bool is_set = tell(group, is_first_version ? "memory.limit_in_bytes" : "memory.max", text);
  pid_t pid = is_set ? fork() : -1;
  if (pid == 0) {
    if (!tell(group, "cgroup.procs", "0")) _exit(77);
    open_in_the_group(group);
    exit(0);
  }
  int status = 0;
  if (pid > 0) CHECK_EQ(waitpid(pid, &status, 0), pid);
  for (int i = 0; i < 1000 && rmdir(group) != 0 && errno == EBUSY; i++) test_pause();
  if (pid < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 77)) SKIP("control groups of memory cannot be used here");
  CHECK_EQ(status, 0);
}
#endif

/* Without its own handler for SIGXFSZ, the system would end the process. */
static void a_limit_for_files_is_an_error(void) {
  const struct rlimit limit = {.rlim_cur = 300000, .rlim_max = 300000};
  ipc_options small = channel;
  small.capacity = 4096;
  ipc_receiver *before = ipc_receiver_open(test_prefix, "small", &small, &failure);
  test_own(test_prefix, "small");
  CHECK(before);
  signal(SIGXFSZ, SIG_DFL);
  setrlimit(RLIMIT_FSIZE, &limit);
  CHECK(!ipc_receiver_open(test_prefix, test_name, &channel, &failure));
  CHECK_EQ(failure.code, IPC_E_NO_SPACE);
  CHECK_EQ(failure.cause, IPC_CAUSE_FILE_SIZE);
  CHECK_EQ(failure.system_error, EFBIG);
  CHECK_EQ(failure.found, 300000);
  CHECK_GE(failure.wanted, 1 << 20);
  CHECK_EQ(access(failure.path, F_OK), -1); /* nothing is left of it */
  CHECK_EQ(strncmp(failure.path, ipc_os_directory(), strlen(ipc_os_directory())), 0);
  const ipc_options shared = {.struct_size = sizeof(ipc_options), .kind = IPC_MEMORY, .size = 4096};
  ipc_handle *memory = ipc_handle_open(test_prefix, test_name, &shared, &failure);
  CHECK(memory);
  CHECK_EQ(ipc_memory_grow(memory, 1 << 20, &failure), IPC_E_NO_SPACE);
  CHECK_EQ(failure.cause, IPC_CAUSE_FILE_SIZE);
  CHECK_EQ(ipc_memory_grow(memory, 8192, &failure), IPC_OK);
  ipc_handle_close(memory);
  ipc_receiver_close(before);
}

static void a_limit_for_addresses_is_an_error(void) {
  if (HAS_SANITIZER) SKIP("a sanitizer needs more addresses than the limit of this case");
  need_the_kernel("qemu-user has no limit for addresses");
  const struct rlimit limit = {.rlim_cur = 64 << 20, .rlim_max = 64 << 20};
  ipc_options large = channel;
  large.capacity = 128 << 20;
  setrlimit(RLIMIT_AS, &limit);
  CHECK(!ipc_receiver_open(test_prefix, test_name, &large, &failure));
  CHECK_EQ(failure.code, IPC_E_NO_SPACE);
  CHECK_EQ(failure.cause, IPC_CAUSE_MAP);
  CHECK_EQ(failure.system_error, ENOMEM);
  CHECK_GE(failure.wanted, 128 << 20);
  CHECK_EQ(access(failure.path, F_OK), -1);
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &channel, &failure);
  CHECK(receiver);
  ipc_receiver_close(receiver);
}

TEST_MAIN(TEST_CASE(the_environment_names_the_directory), TEST_CASE(the_program_names_the_directory),
          TEST_CASE(an_unusable_directory_is_an_error), TEST_CASE(a_removed_directory_is_an_error),
#ifdef __linux__
          TEST_CASE(a_long_directory_without_proc_is_an_error), TEST_CASE(ramfs_takes_segments),
          TEST_CASE(control_groups_say_what_is_left), TEST_CASE(a_control_group_that_is_too_small_is_an_error),
#endif
          TEST_CASE(a_limit_for_files_is_an_error), TEST_CASE(a_limit_for_addresses_is_an_error))

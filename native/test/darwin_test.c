/*
 * darwin_test.c - what darwin.c needs and this system does not use: sizes and names of files,
 * locks of files, and what faults say.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "handle_state.h"
#include "interpose.h"
#include "own_storage.h"
#include "platform/fault.h"
#include "platform/file_group.h"
#include "platform/file_size.h"
#include "platform/hashed_key.h"
#include "platform/identity_lock.h"
#include "worker.h"

static uint64_t asked; /* of the last allocation; 0: none */

static int refuse(int fd, uint64_t bytes) { /* as macOS does for some new files */
  (void)fd;
  asked = bytes;
  return -EINVAL;
}

static int pretend(int fd, uint64_t bytes) { /* a file system that does not count */
  (void)fd;
  asked = bytes;
  return 0;
}

static int find_no_room(int fd, uint64_t bytes) {
  (void)fd;
  asked = bytes;
  return -ENOSPC;
}

static int find_no_quota(int fd, uint64_t bytes) {
  (void)fd;
  asked = bytes;
  return -EDQUOT;
}

#ifdef __linux__
static int allocate(int fd, uint64_t bytes) {
  struct stat s;
  asked = bytes;
  CHECK_EQ(fstat(fd, &s), 0);
  return fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)s.st_blocks * 512, (off_t)bytes) == 0 ? 0 : -errno;
}
#define ALLOCATE allocate,
#else
#define ALLOCATE
#endif

static ipc_posix_allocate *const every_way[] = {ALLOCATE refuse, pretend};
enum { WAYS = sizeof every_way / sizeof *every_way, PAGE = 4096 };

static int make_file(void) {
  char key[IPC_OS_KEY_BYTES];
  CHECK_EQ(ipc_segment_key(key, IPC_MEMORY, test_prefix, test_name), IPC_OK);
  int fd = ipc_os_open(key, true, 0600);
  CHECK_GE(fd, 0);
  ipc_os_unlink(key);
  return fd;
}

static uint64_t size_of(int fd) {
  struct stat s;
  CHECK_EQ(fstat(fd, &s), 0);
  return (uint64_t)s.st_size;
}

static void check_has_no_hole(int fd) {
  struct stat s;
  CHECK_EQ(fstat(fd, &s), 0);
  CHECK_GE(s.st_blocks * 512, s.st_size);
}

static void check_all(int fd, uint64_t from, uint64_t to, uint8_t wanted) {
  static uint8_t bytes[200000];
  CHECK_EQ(pread(fd, bytes, to - from, (off_t)from), to - from);
  for (uint64_t i = 0; i < to - from; i++) CHECK_EQ(bytes[i], wanted);
}

static void a_growth_keeps_what_is_in_the_file(void) {
  enum { FIRST = 2 * PAGE + 100, SECOND = 200000 };
  static uint8_t ones[FIRST];
  memset(ones, 1, sizeof ones);
  for (size_t way = 0; way < WAYS; way++) {
    int fd = make_file();
    CHECK_EQ(ipc_posix_resize(fd, FIRST, every_way[way]), 0);
    CHECK_EQ(size_of(fd), FIRST);
    check_has_no_hole(fd);
    CHECK_EQ(pwrite(fd, ones, FIRST, 0), FIRST);
    CHECK_EQ(ipc_posix_resize(fd, SECOND, every_way[way]), 0);
    CHECK_EQ(size_of(fd), SECOND);
    check_has_no_hole(fd);
    check_all(fd, 0, FIRST, 1);
    check_all(fd, FIRST, SECOND, 0);
    CHECK_EQ(ipc_posix_resize(fd, SECOND, every_way[way]), 0); /* the same size: nothing happens */
    check_all(fd, 0, FIRST, 1);
    CHECK_EQ(ipc_posix_resize(fd, PAGE, every_way[way]), 0);
    CHECK_EQ(size_of(fd), PAGE);
    check_all(fd, 0, PAGE, 1);
    close(fd);
  }
}

static void a_growth_asks_for_what_is_missing(void) {
  int fd = make_file();
  CHECK_EQ(ipc_posix_resize(fd, 10 * PAGE, refuse), 0);
  CHECK_EQ(asked, 10 * PAGE);
  CHECK_EQ(ipc_posix_resize(fd, 13 * PAGE, refuse), 0);
  CHECK_EQ(asked, 3 * PAGE);
  asked = 0;
  CHECK_EQ(ipc_posix_resize(fd, 13 * PAGE, find_no_room), 0);
  CHECK_EQ(ipc_posix_resize(fd, 2 * PAGE, find_no_room), 0);
  CHECK_EQ(asked, 0);
  close(fd);
}

static void without_room_a_file_stays_as_it_is(void) {
  int fd = make_file();
  CHECK_EQ(ipc_posix_resize(fd, PAGE, refuse), 0);
  CHECK_EQ(pwrite(fd, "1", 1, 0), 1);
  CHECK_EQ(ipc_posix_resize(fd, 4 * PAGE, find_no_room), -ENOSPC);
  CHECK_EQ(ipc_posix_resize(fd, 4 * PAGE, find_no_quota), -EDQUOT);
  CHECK_EQ(size_of(fd), PAGE);
  /* The room ends while zeros are written. */
  signal(SIGXFSZ, SIG_IGN);
  CHECK_EQ(setrlimit(RLIMIT_FSIZE, &(struct rlimit){3 * PAGE, 3 * PAGE}), 0);
  CHECK_EQ(ipc_posix_resize(fd, 4 * PAGE, refuse), -EFBIG);
  CHECK_EQ(size_of(fd), PAGE);
  check_all(fd, 0, 1, '1');
  close(fd);
}

static int resize_with_refusals(int fd, uint64_t size) { return ipc_posix_resize(fd, size, refuse); }

static ipc_handle *must_open(void) {
  const ipc_options options = {.struct_size = sizeof(ipc_options), .kind = IPC_MEMORY, .size = 100000};
  ipc_failure failure;
  ipc_handle *handle = ipc_handle_open(test_prefix, test_name, &options, &failure);
  CHECK(handle);
  return handle;
}

static volatile uint8_t *map(ipc_handle *handle, ipc_mapping **mapping) {
  ipc_failure failure;
  *mapping = ipc_memory_map(handle, &failure);
  CHECK(*mapping);
  return ipc_mapping_address(*mapping);
}

static void use_the_memory(void *unused) {
  (void)unused;
  ipc_mapping *mapping;
  ipc_handle *handle = must_open();
  volatile uint8_t *bytes = map(handle, &mapping);
  CHECK_EQ(bytes[0], 1);
  CHECK_EQ(bytes[99999], 2);
  CHECK_EQ(bytes[299999], 0);
  ipc_mapping_release(mapping);
  ipc_handle_close(handle);
}

/* The file is mapped, its header is in use, and another process joins. */
static void shared_memory_grows_while_it_is_used(void) {
  hooks.resize = resize_with_refusals;
  ipc_failure failure;
  ipc_mapping *mapping, *larger;
  ipc_handle *handle = must_open();
  volatile uint8_t *bytes = map(handle, &mapping);
  bytes[0] = 1;
  bytes[99999] = 2;
  CHECK_EQ(ipc_memory_grow(handle, 300000, &failure), IPC_OK);
  CHECK_EQ(bytes[0], 1);
  volatile uint8_t *more = map(handle, &larger);
  CHECK_EQ(more[99999], 2);
  test_finish(test_start(TEST_PROCESS, use_the_memory, NULL));
  hooks.resize = NULL;
  hooks.no_room = ENOSPC;
  CHECK_EQ(ipc_memory_grow(handle, 500000, &failure), IPC_E_NO_SPACE);
  hooks.no_room = 0;
  CHECK_EQ(bytes[0], 1);
  test_finish(test_start(TEST_PROCESS, use_the_memory, NULL));
  ipc_mapping_release(mapping);
  ipc_mapping_release(larger);
  ipc_handle_close(handle);
}

/* A directory that gives new files its own group, as all directories of macOS do. */
static void a_file_has_the_group_of_its_process(void) {
  struct stat s;
#ifdef __linux__
  enum { OTHER = 65533 };
  use_own_storage();
  CHECK_EQ(chown(ipc_os_directory(), (uid_t)-1, OTHER), 0);
  CHECK_EQ(chmod(ipc_os_directory(), 03777), 0);
  int fd = make_file();
  CHECK_EQ(fstat(fd, &s), 0);
  CHECK_EQ(s.st_gid, OTHER);
  CHECK_EQ(fchmod(fd, 0660), 0);
  CHECK_EQ(ipc_posix_give_own_group(fd), 0);
#else
  int fd = make_file();
#endif
  CHECK_EQ(fstat(fd, &s), 0);
  CHECK_EQ(s.st_gid, getegid());
  CHECK_EQ(ipc_posix_give_own_group(fd), 0);
  close(fd);
  CHECK_EQ(ipc_posix_give_own_group(fd), -EBADF);
}

static void names_of_files_are_hashes_of_keys(void) {
  static const struct {
    const char *key, *listed;
  } known[] = {{"", "libipc.6c62272e07bb014262b821756295c58d"}, /* FNV-1a, 128 bits: the authors' test vectors */
               {"a", "libipc.d228cb696f1a8caf78912b704e4a8964"},
               {"foobar", "libipc.343e1662793c64bf6f0d3597ba446f18"}};
  char listed[IPC_OS_KEY_BYTES], path[IPC_POSIX_PATH_BYTES], longest[IPC_OS_KEY_BYTES];
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    ipc_hashed_listed_key(known[i].key, listed);
    CHECK(strcmp(listed, known[i].listed) == 0);
    CHECK(ipc_hashed_is_key(listed));
    ipc_hashed_path(known[i].key, path);
    CHECK(strcmp(path, listed) == 0);
    ipc_hashed_path(listed, path); /* as list() gives it */
    CHECK(strcmp(path, listed) == 0);
  }
  memset(longest, 'x', sizeof longest);
  longest[sizeof longest - 1] = 0;
  ipc_hashed_path(longest, path);
  CHECK(ipc_hashed_is_key(path));
  static const char *const others[] = {"libipc.",
                                       "libipc.343e1662793c64bf6f0d3597ba446f1",
                                       "libipc.343e1662793c64bf6f0d3597ba446f188",
                                       "libipc.343E1662793C64BF6F0D3597BA446F18",
                                       "libipc-wake.0123456789abcdef",
                                       "libipc-process.01234567",
                                       ""};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) CHECK(!ipc_hashed_is_key(others[i]));
}

typedef struct board {
  _Atomic uint64_t identity;
  _Atomic uint32_t ready, go;
} board;

static void identify_and_wait(void *shared) {
  board *it = shared;
  CHECK_EQ(ipc_os_identify(), 0);
  CHECK(ipc_os_alive(ipc_os_self()));
  atomic_store(&it->identity, ipc_os_self());
  atomic_store(&it->ready, 1);
  test_await(&it->go, 1);
}

static bool has_file(uint64_t identity) {
  char path[128];
  snprintf(path, sizeof path, "%s/libipc-process.%08x", ipc_os_directory(), (uint32_t)(identity >> 32));
  return access(path, F_OK) == 0;
}

/* Processes of this case only: the others on this machine lock bytes. */
static void use_locks_of_files(void) {
  use_own_storage();
  ipc_identity_locks_used = &ipc_identity_file_locks;
}

static void locks_of_files_tell_the_living_from_the_dead(void) {
  use_locks_of_files();
  board *shared = test_shared(sizeof *shared);
  test_worker worker = test_start(TEST_PROCESS, identify_and_wait, shared);
  test_await(&shared->ready, 1);
  CHECK(ipc_os_alive(shared->identity));
  test_stop(worker);
  CHECK(ipc_os_alive(shared->identity));
  ipc_os_remove_dead_identities();
  CHECK(has_file(shared->identity));
  test_kill(worker);
  CHECK(!ipc_os_alive(shared->identity));
  CHECK(!has_file(shared->identity));
  test_reap(worker);
}

static void ask_until_the_end(void *shared) {
  board *it = shared;
  while (atomic_load(&it->go) == 0) {
    ipc_os_alive(atomic_load(&it->identity));
    ipc_os_remove_dead_identities();
  }
}

/* Each question takes a lock for a moment: a new process and a finder have to come through, and nobody loses a file. */
static void locks_of_files_withstand_questions(void) {
  use_locks_of_files();
  enum { ASKING = 3, PROCESSES = 8 };
  board *shared = test_shared(sizeof *shared);
  test_worker asking[ASKING];
  for (int i = 0; i < ASKING; i++) asking[i] = test_start(TEST_PROCESS, ask_until_the_end, shared);
  for (int i = 0; i < PROCESSES; i++) {
    board *one = test_shared(sizeof *one);
    test_worker worker = test_start(TEST_PROCESS, identify_and_wait, one);
    test_await(&one->ready, 1);
    atomic_store(&shared->identity, one->identity);
    for (int n = 0; n < 20; n++) {
      CHECK(ipc_os_alive(one->identity));
      CHECK(has_file(one->identity));
    }
    test_kill(worker);
    while (ipc_os_alive(one->identity)) test_pause();
    test_reap(worker);
    munmap(one, sizeof *one);
  }
  atomic_store(&shared->go, 1);
  for (int i = 0; i < ASKING; i++) test_finish(asking[i]);
}

#ifdef __linux__
static siginfo_t caught;
static sigjmp_buf after_the_fault;

static void catch_it(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)context;
  caught = *info;
  siglongjmp(after_the_fault, 1);
}

static siginfo_t fault_at(volatile uint8_t *address) {
  const struct sigaction action = {.sa_sigaction = catch_it, .sa_flags = SA_SIGINFO}, none = {.sa_handler = SIG_DFL};
  CHECK_EQ(sigaction(SIGBUS, &action, NULL), 0);
  if (sigsetjmp(after_the_fault, 1) == 0) {
    *address = 1;
    FAIL("no fault");
  }
  CHECK_EQ(sigaction(SIGBUS, &none, NULL), 0);
  return caught;
}

/* As on macOS: the code is the same for all, and a signal that was sent has the address of an earlier fault. */
static void without_exact_codes_the_page_decides(void) {
  need_the_kernel("qemu-user ends when a page is missing during a system call");
  int fd = make_file(), error;
  CHECK_EQ(ipc_os_resize(fd, 2 * PAGE), 0);
  uint8_t *bytes = ipc_os_map(fd, 0, 2 * PAGE, &error);
  CHECK(bytes);
  CHECK_EQ(ipc_posix_ask_page(bytes + PAGE), IPC_PAGE_THERE);
  CHECK_EQ(ftruncate(fd, PAGE), 0);
  CHECK_EQ(ipc_posix_ask_page(bytes), IPC_PAGE_THERE);
  CHECK_EQ(ipc_posix_ask_page(bytes + PAGE - 1), IPC_PAGE_THERE);
  CHECK_EQ(ipc_posix_ask_page(bytes + PAGE), IPC_PAGE_MISSING);
  CHECK_EQ(ipc_posix_ask_page((const void *)8), IPC_PAGE_MISSING);
  siginfo_t info = fault_at(bytes + PAGE + 7);
  CHECK(ipc_fault_may_be_a_missing_page(&info, true));
  CHECK(!ipc_fault_was_sent(&info, true));
  static const int codes[] = {BUS_ADRALN, BUS_ADRERR};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    info.si_code = codes[i];
    info.si_addr = bytes + PAGE + 7;
    CHECK(ipc_fault_may_be_a_missing_page(&info, false));
    CHECK(!ipc_fault_was_sent(&info, false));
    info.si_addr = bytes + 7;
    CHECK(!ipc_fault_may_be_a_missing_page(&info, false));
    CHECK(ipc_fault_was_sent(&info, false));
  }
  info.si_code = BUS_ADRALN;
  CHECK(!ipc_fault_may_be_a_missing_page(&info, true));
  info.si_code = SI_USER;
  CHECK(!ipc_fault_may_be_a_missing_page(&info, true));
  CHECK(ipc_fault_was_sent(&info, true));
  ipc_os_unmap(bytes, 2 * PAGE);
  close(fd);
}
#define CASES_WITH_EXACT_CODES , TEST_CASE(without_exact_codes_the_page_decides)
#else
#define CASES_WITH_EXACT_CODES
#endif

TEST_MAIN(TEST_CASE(a_growth_keeps_what_is_in_the_file), TEST_CASE(a_growth_asks_for_what_is_missing),
          TEST_CASE(without_room_a_file_stays_as_it_is), TEST_CASE(shared_memory_grows_while_it_is_used),
          TEST_CASE(a_file_has_the_group_of_its_process), TEST_CASE(names_of_files_are_hashes_of_keys),
          TEST_CASE(locks_of_files_tell_the_living_from_the_dead),
          TEST_CASE(locks_of_files_withstand_questions) CASES_WITH_EXACT_CODES)

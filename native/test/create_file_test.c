/* create_file_test.c - how a new segment's file gets its name, in each of the ways in which a system can do it. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#ifdef __linux__
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "libipc/libipc.h"
#include "platform/platform.h"
#include "worker.h"

enum { NOBODY = 65534, OTHER = 65533, ROUNDS = 300 };

typedef struct board {
  _Atomic uint32_t ready, arrived, opened, closed, refused;
} board;

static const ipc_options for_all = {
    .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 4096, .max_receivers = 4, .permissions = 0666};

static void make_key(char key[IPC_OS_KEY_BYTES]) {
  CHECK_EQ(ipc_segment_key(key, IPC_CHANNEL, test_prefix, test_name), IPC_OK);
}

#ifdef __linux__
/* Refuses what is not there: files without a name; and renames that replace nothing. */
static void forbid(bool rename_too) {
  const uint32_t flags = offsetof(struct seccomp_data, args) + 2 * sizeof(uint64_t); /* the low half */
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, rename_too ? SECCOMP_RET_ERRNO | EINVAL : SECCOMP_RET_ALLOW),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, flags),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_TMPFILE & ~O_DIRECTORY, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    SKIP("this system does not let a process filter its system calls");
}

static void become(uid_t user) {
  if (setgid(user) != 0 || setuid(user) != 0) FAIL("root could not become user %u", user);
}
#endif

static uint32_t unnamed_files(void) {
  uint32_t count = 0;
  DIR *directory = opendir(ipc_os_directory());
  CHECK(directory);
  for (const struct dirent *entry; (entry = readdir(directory));) {
    char path[sizeof entry->d_name + 32];
    struct stat file;
    snprintf(path, sizeof path, "%s/%s", ipc_os_directory(), entry->d_name);
    /* Of this run: others may leave some at the same time. */
    count += strncmp(entry->d_name, "libipc-new.", 11) == 0 && stat(path, &file) == 0 && file.st_size == getpid();
  }
  closedir(directory);
  return count;
}

static void check_creates(void) {
  char key[IPC_OS_KEY_BYTES];
  make_key(key);
  mode_t before = umask(077);
  int fd = ipc_os_open(key, true, 0666);
  umask(before);
  CHECK_GE(fd, 0);
  ipc_os_file file, named;
  CHECK_EQ(ipc_os_stat(fd, &file), 0);
  CHECK_EQ(ipc_os_stat_key(key, &named), 0);
  CHECK_EQ(file.inode, named.inode);
  CHECK(file.is_regular);
  CHECK_EQ(file.links, 1);
  CHECK_EQ(file.size, 0);
  CHECK_EQ(file.permissions, 0666);
  CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
  int other = ipc_os_open(key, false, 0);
  CHECK_GE(other, 0);
  CHECK_EQ(ipc_os_try_lock(other, key), -EWOULDBLOCK); /* its creator has it */
  ipc_os_unlock(fd);
  CHECK_EQ(ipc_os_try_lock(other, key), 0);
  CHECK_EQ(ipc_os_open(key, true, 0600), -EEXIST);
  CHECK_EQ(ipc_os_stat(other, &file), 0);
  CHECK_EQ(file.permissions, 0666);
  ipc_os_unlock(other);
  CHECK_EQ(ipc_os_unlink(key), 0);
  ipc_failure failure;
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &for_all, &failure);
  ipc_sender *sender = ipc_sender_open(test_prefix, test_name, &for_all, &failure);
  CHECK(receiver && sender);
  CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
  CHECK_EQ(ipc_os_stat_key(key, &named), -ENOENT);
}

static void a_file_has_permissions_and_lock_when_it_gets_its_name(void) { check_creates(); }

#ifdef __linux__
static void without_unnamed_files_it_is_renamed(void) {
  forbid(false);
  check_creates();
}

static void without_renames_it_is_created_under_its_name(void) {
  forbid(true);
  check_creates();
}
#endif

/* As a creator leaves it that is killed before the file gets its name. */
static int leave_unnamed(const char *digits, char path[64]) {
  snprintf(path, 64, "%s/libipc-new.%s", ipc_os_directory(), digits);
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  CHECK_GE(fd, 0);
  CHECK_EQ(ftruncate(fd, getpid()), 0);
  return fd;
}

static void what_a_killed_creator_leaves_is_removed(void) {
  char digits[16], first[64], second[64];
  snprintf(digits, sizeof digits, "%08x", (unsigned)getpid());
  int left = leave_unnamed(digits, first);
  snprintf(digits, sizeof digits, "%08x", (unsigned)getpid() | 0x80000000u);
  int locked = leave_unnamed(digits, second);
  CHECK_EQ(flock(locked, LOCK_EX), 0); /* its creator is at work */
  CHECK_EQ(unnamed_files(), 2);
  ipc_os_remove_dead_identities();
  CHECK_EQ(access(first, F_OK), -1);
  CHECK_EQ(access(second, F_OK), 0);
  close(left);
  close(locked);
  ipc_os_remove_dead_identities();
  CHECK_EQ(unnamed_files(), 0);
}

#ifdef __linux__
static void meet(_Atomic uint32_t *at, uint32_t round) {
  atomic_fetch_add(at, 1);
  while (atomic_load(at) < 2 * round) ipc_os_yield();
}

/* The one that comes second finds what the first one is creating, or has just removed. */
static void open_and_close_at_once(board *shared) {
  umask(077);
  for (uint32_t round = 1; round <= ROUNDS; round++) {
    ipc_failure failure;
    meet(&shared->arrived, round);
    ipc_sender *sender = ipc_sender_open(test_prefix, test_name, &for_all, &failure);
    if (!sender) FAIL("user %u could not open: %d, errno %d", getuid(), failure.code, failure.system_error);
    meet(&shared->opened, round);
    ipc_sender_close(sender);
    meet(&shared->closed, round);
  }
}

static void be_nobody(void *shared) {
  become(NOBODY);
  open_and_close_at_once(shared);
}

static void be_another_user(void *shared) {
  become(OTHER);
  open_and_close_at_once(shared);
}

static void check_users(void (*first)(void *), void (*second)(void *)) {
  if (geteuid() != 0) SKIP("only root may become another user");
  board *shared = test_shared(sizeof *shared);
  test_worker one = test_start(TEST_PROCESS, first, shared), two = test_start(TEST_PROCESS, second, shared);
  test_finish(one);
  test_finish(two);
}

static void two_users_may_open_a_name_at_one_moment(void) { check_users(be_nobody, be_another_user); }

static void two_users_may_where_files_are_renamed(void) {
  forbid(false); /* the users inherit it */
  check_users(be_nobody, be_another_user);
}

static void stop_for_ever(void *argument) {
  board *shared = argument;
  char key[IPC_OS_KEY_BYTES];
  become(NOBODY);
  make_key(key);
  CHECK_GE(ipc_os_open(key, true, 0666), 0);
  atomic_store(&shared->ready, 1);
  test_idle();
}

/* In a directory like /dev/shm, where only root and the creator may remove the file. */
static void come_after_it(void *ignored) {
  (void)ignored;
  ipc_failure failure;
  become(OTHER);
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &for_all, &failure);
  if (!receiver) FAIL("the other user is locked out: %d, errno %d", failure.code, failure.system_error);
  ipc_receiver_close(receiver);
}

static void a_creator_that_is_killed_locks_no_other_user_out(void) {
  if (geteuid() != 0) SKIP("only root may become another user");
  board *shared = test_shared(sizeof *shared);
  test_worker creator = test_start(TEST_PROCESS, stop_for_ever, shared);
  test_await(&shared->ready, 1);
  test_kill(creator);
  test_finish(test_start(TEST_PROCESS, come_after_it, NULL));
}
#endif

int main(int argc, char **argv) {
  static const test_case cases[] = {TEST_CASE(a_file_has_permissions_and_lock_when_it_gets_its_name),
                                    TEST_CASE(what_a_killed_creator_leaves_is_removed),
#ifdef __linux__
                                    TEST_CASE(without_unnamed_files_it_is_renamed),
                                    TEST_CASE(without_renames_it_is_created_under_its_name),
                                    TEST_CASE(two_users_may_open_a_name_at_one_moment),
                                    TEST_CASE(two_users_may_where_files_are_renamed),
                                    TEST_CASE(a_creator_that_is_killed_locks_no_other_user_out)
#endif
  };
  return test_run_cases(argc, argv, cases, sizeof cases / sizeof *cases);
}

/* waker_access_test.c - who may signal a waker, and that its file goes with its process. */
#include "own_storage.h"
#include "waker_fixture.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { NOBODY = 65534, GROUP = 54321 };

typedef struct board {
  _Atomic uint32_t ready, go;
  _Atomic uint64_t identity, waker;
} board;

static const char *path_of(uint64_t number) {
  static char path[64];
  snprintf(path, sizeof path, "%s/libipc-wake.%016llx", ipc_os_directory(), (unsigned long long)number);
  return path;
}

static bool exists(uint64_t number) {
  struct stat s;
  return lstat(path_of(number), &s) == 0;
}

static struct stat file_of(const waker *it) {
  struct stat s;
  CHECK_EQ(lstat(path_of(number_of(it)), &s), 0);
  CHECK(S_ISSOCK(s.st_mode));
  return s;
}

static uint32_t mode_of(const waker *it) { return file_of(it).st_mode & 0777; }

/* Arms a new receiver with the waker, so that processes that may write to its segment are admitted. */
static void serve(const waker *it, uint32_t kind, uint32_t permissions) {
  ipc_options options = of_kind(kind);
  options.permissions = permissions;
  ipc_receiver *receiver = must_receive(options);
  ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, it->number[0], it->number[1]);
  ipc_receiver_close(receiver);
}

static void a_waker_has_the_permissions_of_what_it_serves(void) {
  mode_t before = umask(077);
  waker mine = open_waker();
  CHECK_EQ(mode_of(&mine), 0600);
  CHECK_EQ(file_of(&mine).st_uid, geteuid());
  serve(&mine, IPC_ROUTE, 0600);
  CHECK_EQ(mode_of(&mine), 0600);
  serve(&mine, IPC_CHANNEL, 0640); /* the group may only read, and so cannot join */
  CHECK_EQ(mode_of(&mine), 0600);
  serve(&mine, IPC_QUEUE, 0660);
  CHECK_EQ(mode_of(&mine), 0660);
  CHECK_EQ(file_of(&mine).st_gid, getegid());
  serve(&mine, IPC_ROUTE, 0600);
  CHECK_EQ(mode_of(&mine), 0660); /* the queue is still served */
  serve(&mine, IPC_CHANNEL, 0666);
  CHECK_EQ(mode_of(&mine), 0666);
  close_waker(&mine);
  umask(before);
}

/* Waits of locks, conditions and memory publish wakers too. */
static void a_wait_admits_the_users_that_may_write(void) {
  waker mine = open_waker();
  ipc_failure failure;
  const ipc_options options = {.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX, .permissions = 0666};
  ipc_handle *handle = ipc_handle_open(test_prefix, test_name, &options, &failure);
  CHECK(handle);
  CHECK_EQ(mode_of(&mine), 0600);
  CHECK_EQ(ipc_handle_arm(handle, IPC_WAIT_FOR_LOCK, mine.number[0], mine.number[1]), IPC_OK);
  CHECK_EQ(mode_of(&mine), 0666);
  ipc_handle_close(handle);
  close_waker(&mine);
}

static void a_closed_waker_leaves_no_file(void) {
  waker mine = open_waker();
  CHECK(exists(number_of(&mine)));
  close_waker(&mine);
  CHECK(!exists(number_of(&mine)));
}

static int count_descriptors(void) {
  int count = 0;
  for (int fd = 0; fd < 256; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

static void a_waker_that_can_be_signalled_gets_its_test(void) {
  waker mine = open_waker();
  const int before = count_descriptors();
  for (int i = 0; i < 40; i++) {
    ipc_waker_test(mine.number[0], mine.number[1]);
    CHECK_EQ(rings(&mine), 1);
  }
  CHECK_EQ(count_descriptors(), before);
  CHECK_EQ(unlink(path_of(number_of(&mine))), 0);
  ipc_waker_test(mine.number[0], mine.number[1]);
  CHECK_EQ(rings(&mine), 0);
  close_waker(&mine);
}

static void open_one(void *argument) {
  board *shared = argument;
  waker mine = open_waker();
  CHECK(exists(number_of(&mine)));
  atomic_store(&shared->waker, number_of(&mine));
  atomic_store(&shared->identity, ipc_os_self());
  atomic_store(&shared->ready, 1);
  test_await(&shared->go, 1);
}

static void the_wakers_of_a_thread_end_with_it(void) {
  board *shared = test_shared(sizeof *shared);
  waker mine = open_waker();
  test_worker worker = test_start(TEST_THREAD, open_one, shared);
  test_await(&shared->ready, 1);
  CHECK(exists(shared->waker));
  atomic_store(&shared->go, 1);
  test_finish(worker);
  CHECK(!exists(shared->waker));
  CHECK(exists(number_of(&mine)));
  close_waker(&mine);
}

static void open_one_and_exit(void *argument) {
  open_one(argument);
  exit(0);
}

static void the_wakers_of_a_process_end_with_it(void) {
  board *shared = test_shared(sizeof *shared);
  waker mine = open_waker();
  ipc_os_signal(number_of(&mine));
  CHECK_EQ(rings(&mine), 1);
  test_worker worker = test_start(TEST_PROCESS, open_one_and_exit, shared);
  test_await(&shared->ready, 1);
  CHECK(exists(shared->waker));
  CHECK(shared->waker >> 32 != number_of(&mine) >> 32);
  atomic_store(&shared->go, 1);
  test_finish(worker);
  CHECK(!exists(shared->waker));
  CHECK(exists(number_of(&mine))); /* which the child inherited */
  ipc_os_signal(number_of(&mine));
  CHECK_EQ(rings(&mine), 1);
  close_waker(&mine);
}

static void what_a_killed_process_leaves_is_removed(void) {
  use_own_storage(); /* any process that starts may be the one that removes it */
  board *shared = test_shared(sizeof *shared);
  test_worker worker = test_start(TEST_PROCESS, open_one, shared);
  test_await(&shared->ready, 1);
  test_kill(worker);
  test_reap(worker);
  CHECK(exists(shared->waker));
  CHECK(!ipc_os_alive(shared->identity));
  CHECK(!exists(shared->waker));
}

/* The child's own signals do not take the parent's connections away. */
static void signal_others(void *argument) {
  board *shared = argument;
  for (int i = 0; i < 100; i++) ipc_os_signal(shared->waker);
}

static void a_child_signals_through_sockets_of_its_own(void) {
  board *shared = test_shared(sizeof *shared);
  waker mine = open_waker(), other = open_waker();
  for (int i = 0; i < 100; i++) {
    ipc_os_signal(number_of(&mine));
    CHECK_EQ(rings(&mine), 1);
  }
  atomic_store(&shared->waker, number_of(&other));
  test_finish(test_start(TEST_PROCESS, signal_others, shared));
  CHECK_GE(rings(&other), 1);
  CHECK_EQ(rings(&mine), 0);
  for (int i = 0; i < 100; i++) {
    ipc_os_signal(number_of(&mine));
    CHECK_EQ(rings(&mine), 1);
  }
  CHECK_EQ(rings(&other), 0);
  close_waker(&mine);
  close_waker(&other);
}

#ifdef __linux__
static void become_nobody(void) {
  if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0) FAIL("root could not become nobody");
}

/* 0, or the errno. */
static int send_descriptor(uint64_t number) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path_of(number));
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  CHECK_GE(fd, 0);
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
  memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
  char byte = 0;
  struct iovec part = {&byte, 1};
  const struct msghdr message = {.msg_name = &address,
                                 .msg_namelen = sizeof address,
                                 .msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control};
  int error = sendmsg(fd, &message, MSG_DONTWAIT) < 0 ? errno : 0;
  close(fd);
  return error;
}

static void be_refused(void *argument) {
  become_nobody();
  ipc_os_signal(((board *)argument)->waker);
  CHECK_EQ(send_descriptor(((board *)argument)->waker), EACCES);
}

static void signal_as_nobody(void *argument) {
  become_nobody();
  ipc_os_signal(((board *)argument)->waker);
}

static void strangers_are_refused(void) {
  need_root();
  board *shared = test_shared(sizeof *shared);
  waker mine = open_waker();
  serve(&mine, IPC_ROUTE, 0600);
  serve(&mine, IPC_CHANNEL, 0660);
  atomic_store(&shared->waker, number_of(&mine));
  test_finish(test_start(TEST_PROCESS, be_refused, shared));
  CHECK_EQ(rings(&mine), 0);
  serve(&mine, IPC_QUEUE, 0666);
  test_finish(test_start(TEST_PROCESS, signal_as_nobody, shared));
  CHECK_EQ(rings(&mine), 1);
  close_waker(&mine);
}

/* SO_PASSRIGHTS, from Linux 6.16 on: before, processes that may write to a segment may also send descriptors. */
static void descriptors_are_refused_where_the_system_can(void) {
  need_root();
  need_the_kernel("qemu-user does not let a program set SO_PASSRIGHTS");
  enum { PASS_RIGHTS = 83 };
  waker mine = open_waker();
  int is_passed = 1;
  socklen_t bytes = sizeof is_passed;
  bool can = getsockopt(mine.fd, SOL_SOCKET, PASS_RIGHTS, &is_passed, &bytes) == 0;
  CHECK_EQ(is_passed, !can);
  CHECK_EQ(send_descriptor(number_of(&mine)), can ? EPERM : 0);
  CHECK_EQ(rings(&mine), !can);
  close_waker(&mine);
}

static void signal_as_a_member(void *argument) {
  if (setgid(GROUP) != 0 || setuid(NOBODY) != 0) FAIL("root could not become a member of the group");
  ipc_os_signal(((board *)argument)->waker);
}

static void the_group_of_the_segment_is_admitted(void) {
  need_root();
  board *shared = test_shared(sizeof *shared);
  waker mine = open_waker();
  atomic_store(&shared->waker, number_of(&mine));
  const ipc_os_access its = {.group = GROUP, .permissions = 0660};
  const ipc_os_access others = {.group = GROUP + 1, .permissions = 0660};
  ipc_os_admit_to_waker(number_of(&mine), &its);
  CHECK_EQ(mode_of(&mine), 0660);
  CHECK_EQ(file_of(&mine).st_gid, GROUP);
  test_finish(test_start(TEST_PROCESS, signal_as_a_member, shared));
  test_finish(test_start(TEST_PROCESS, be_refused, shared));
  CHECK_EQ(rings(&mine), 1);
  ipc_os_admit_to_waker(number_of(&mine), &others); /* a file has one group: the first keeps what it has */
  CHECK_EQ(mode_of(&mine), 0660);
  CHECK_EQ(file_of(&mine).st_gid, GROUP);
  close_waker(&mine);
}

/* The name of a waker that is not there any more may lead anywhere. */
static void admitting_changes_no_file_that_is_not_a_waker(void) {
  need_root();
  waker mine = open_waker();
  const char *path = path_of(number_of(&mine));
  char victim[80];
  snprintf(victim, sizeof victim, "%s.victim", path);
  int fd = open(victim, O_CREAT | O_EXCL | O_RDWR, 0600);
  CHECK_GE(fd, 0);
  CHECK_EQ(unlink(path), 0);
  CHECK_EQ(symlink(victim, path), 0);
  const ipc_os_access all = {.group = GROUP, .permissions = 0666};
  ipc_os_admit_to_waker(number_of(&mine), &all);
  struct stat s;
  CHECK_EQ(fstat(fd, &s), 0);
  CHECK_EQ(s.st_mode & 0777, 0600);
  CHECK(s.st_gid != GROUP);
  CHECK_EQ(unlink(path), 0);
  CHECK_EQ(link(victim, path), 0);
  ipc_os_admit_to_waker(number_of(&mine), &all);
  CHECK_EQ(fstat(fd, &s), 0);
  CHECK_EQ(s.st_mode & 0777, 0600);
  CHECK_EQ(unlink(victim), 0);
  close(fd);
  close_waker(&mine);
}

static void work_behind_a_mount(void *unused) {
  (void)unused;
  waker before = open_waker();
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("none", ipc_os_directory(), "tmpfs", 0, NULL) != 0)
    FAIL("root could not mount: errno %d", errno);
  waker after = open_waker();
  CHECK(!exists(number_of(&before)));
  CHECK(!exists(number_of(&after)));
  for (int i = 0; i < 40; i++) {
    ipc_os_signal(number_of(&before));
    ipc_os_signal(number_of(&after));
    CHECK_EQ(rings(&before), 1);
    CHECK_EQ(rings(&after), 1);
  }
  close_waker(&before);
  close_waker(&after);
}

static void a_mount_over_the_directory_hides_no_waker(void) {
  need_root();
  test_finish(test_start(TEST_PROCESS, work_behind_a_mount, NULL));
}
#endif

TEST_MAIN(TEST_CASE(a_waker_has_the_permissions_of_what_it_serves), TEST_CASE(a_wait_admits_the_users_that_may_write),
          TEST_CASE(a_closed_waker_leaves_no_file), TEST_CASE(a_waker_that_can_be_signalled_gets_its_test),
          TEST_CASE(the_wakers_of_a_thread_end_with_it), TEST_CASE(the_wakers_of_a_process_end_with_it),
          TEST_CASE(what_a_killed_process_leaves_is_removed), TEST_CASE(a_child_signals_through_sockets_of_its_own),
#ifdef __linux__
          TEST_CASE(strangers_are_refused), TEST_CASE(descriptors_are_refused_where_the_system_can),
          TEST_CASE(the_group_of_the_segment_is_admitted), TEST_CASE(admitting_changes_no_file_that_is_not_a_waker),
          TEST_CASE(a_mount_over_the_directory_hides_no_waker)
#endif
)

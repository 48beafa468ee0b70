/*
 * stranger_test.c - what other users do with the files of this library: a stranger, who may not open the segment, and
 * a member of its group, who may. Root starts them as other users; elsewhere the cases are skipped.
 */
#include "test.h"

#ifdef __linux__
#include <grp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "own_storage.h"
#include "platform/wake_socket.h"
#include "remove.h"
#include "waker_fixture.h"

enum { NOBODY = 65534, USER = 54320, GROUP = 54321 };

typedef struct board {
  _Atomic uint32_t ready, go, count;
  _Atomic uint64_t identity, waker, other;
} board;

static board *shared;

static void begin(void) {
  if (geteuid() != 0) SKIP("it needs root's rights to start processes of other users");
  use_own_storage();
  shared = test_shared(sizeof *shared);
}

static void become(uint32_t user, uint32_t group) {
  const gid_t groups[] = {group};
  if (setgroups(1, groups) != 0 || setgid(group) != 0 || setuid(user) != 0) FAIL("root could not become user %u", user);
  prctl(PR_SET_DUMPABLE, 1); /* so that /proc/self is this user's */
}

static void run_as(uint32_t user, uint32_t group, void (*run)(void)) {
  fflush(NULL);
  pid_t pid = fork();
  CHECK_GE(pid, 0);
  if (pid == 0) {
    alarm(TEST_LIMIT_SECONDS);
    become(user, group);
    run();
    ipc_process_forget();
    _exit(0);
  }
  int status = 0;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(status, 0);
}

static const char *in_storage(const char *format, ...) {
  static char path[128];
  int used = snprintf(path, sizeof path, "%s/", ipc_os_directory());
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(path + used, sizeof path - (size_t)used, format, arguments);
  va_end(arguments);
  return path;
}

static const char *waker_path(uint64_t number) { return in_storage("libipc-wake.%016llx", (unsigned long long)number); }

static const char *identity_path(uint64_t identity) {
  return in_storage("libipc-process.%08x", (uint32_t)(identity >> 32));
}

static bool exists(const char *path) {
  struct stat s;
  return lstat(path, &s) == 0;
}

/* Datagrams. Each answers 0, or the errno. */

static struct sockaddr_un address_of(uint64_t number) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", waker_path(number));
  return address;
}

static int send_bytes(uint64_t number, size_t count) {
  static const char bytes[1000];
  const struct sockaddr_un address = address_of(number);
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  CHECK_GE(fd, 0);
  int error = sendto(fd, bytes, count, MSG_DONTWAIT, (const void *)&address, sizeof address) < 0 ? errno : 0;
  close(fd);
  return error;
}

static int connect_to(uint64_t number, int type) {
  const struct sockaddr_un address = address_of(number);
  int fd = socket(AF_UNIX, type, 0);
  CHECK_GE(fd, 0);
  int error = connect(fd, (const void *)&address, sizeof address) < 0 ? errno : 0;
  close(fd);
  return error;
}

/* A TCP socket whose last close waits for its peer, which never reads. */
static int lingering_socket(int *peer) {
  static char bytes[65536];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  const int small = 1;
  int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(server, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  CHECK_EQ(bind(server, (void *)&address, sizeof address), 0);
  CHECK_EQ(listen(server, 1), 0);
  CHECK_EQ(getsockname(server, (void *)&address, &length), 0);
  CHECK(connect(client, (void *)&address, sizeof address) == 0 || errno == EINPROGRESS);
  CHECK_GE(*peer = accept(server, NULL, NULL), 0);
  while (send(client, bytes, sizeof bytes, MSG_NOSIGNAL) > 0) continue;
  const struct linger seconds = {.l_onoff = 1, .l_linger = 4};
  CHECK_EQ(setsockopt(client, SOL_SOCKET, SO_LINGER, &seconds, sizeof seconds), 0);
  close(server);
  return client;
}

static int send_lingering_socket(uint64_t number) {
  struct sockaddr_un address = address_of(number);
  int peer, sent = lingering_socket(&peer), fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
  memcpy(CMSG_DATA(&control.header), &sent, sizeof sent);
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
  close(peer); /* so that the close of the other end does not wait, if it is not in the victim's queue */
  close(sent);
  return error;
}

/* A process that waits on private segments, and another one that waits on a segment of the group. */

static waker of_private, of_group;

static void serve(const waker *it, uint32_t kind, uint32_t permissions) {
  ipc_options options = of_kind(kind);
  options.permissions = permissions;
  ipc_receiver *receiver = must_receive(options);
  ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, it->number[0], it->number[1]);
}

static void open_wakers(void) {
  of_private = open_waker();
  of_group = open_waker();
  serve(&of_private, IPC_ROUTE, 0600);
  CHECK_EQ(setegid(GROUP), 0);
  serve(&of_group, IPC_CHANNEL, 0660);
  CHECK_EQ(setegid(0), 0);
}

static void send_what_is_refused(void) {
  const uint64_t victims[] = {number_of(&of_private), number_of(&of_group)};
  for (int i = 0; i < 2; i++) {
    CHECK_EQ(connect_to(victims[i], SOCK_DGRAM), EACCES);
    CHECK_EQ(connect_to(victims[i], SOCK_STREAM), EACCES);
    CHECK_EQ(send_bytes(victims[i], 1), EACCES);
    CHECK_EQ(send_bytes(victims[i], 0), EACCES);
    CHECK_EQ(send_bytes(victims[i], 1000), EACCES);
    CHECK_EQ(send_lingering_socket(victims[i]), EACCES);
    for (int n = 0; n < 1000; n++) CHECK_EQ(send_bytes(victims[i], 1), EACCES);
    for (int n = 0; n < 100; n++) ipc_os_signal(victims[i]);
  }
}

static void a_stranger_reaches_no_event_loop(void) {
  begin();
  open_wakers();
  run_as(NOBODY, NOBODY, send_what_is_refused);
  CHECK_EQ(rings(&of_private), 0);
  CHECK_EQ(rings(&of_group), 0);
}

/* fs.protected_hardlinks: a link takes the right to read and to write. */
static bool are_hard_links_protected(void) {
  char setting = '0';
  int fd = open("/proc/sys/fs/protected_hardlinks", O_RDONLY | O_CLOEXEC);
  if (fd >= 0) CHECK_EQ(read(fd, &setting, 1), 1);
  close(fd);
  return setting != '0';
}

static void touch_files(void) {
  char key[IPC_OS_KEY_BYTES], paths[5][128];
  snprintf(paths[0], sizeof paths[0], "%s", waker_path(number_of(&of_private)));
  snprintf(paths[1], sizeof paths[1], "%s", waker_path(number_of(&of_group)));
  snprintf(paths[2], sizeof paths[2], "%s", identity_path(shared->identity));
  CHECK_EQ(ipc_segment_key(key, IPC_ROUTE, test_prefix, test_name), IPC_OK);
  snprintf(paths[3], sizeof paths[3], "%s", in_storage("%s", key));
  CHECK_EQ(ipc_segment_key(key, IPC_CHANNEL, test_prefix, test_name), IPC_OK);
  snprintf(paths[4], sizeof paths[4], "%s", in_storage("%s", key));
  char own[128];
  snprintf(own, sizeof own, "%s", in_storage("own"));
  const int file = open(own, O_CREAT | O_EXCL | O_RDWR, 0600);
  CHECK_GE(file, 0);
  const bool is_member = getgid() == GROUP;
  for (int i = 0; i < 5; i++) {
    const char *path = paths[i];
    if (!exists(path)) FAIL("%s is missing", path);
    const bool may_write = is_member && i == 4;
    CHECK(unlink(path) != 0);
    CHECK(rename(path, in_storage("taken")) != 0);
    CHECK(rename(own, path) != 0);
    CHECK(chmod(path, 0666) != 0);
    CHECK(chown(path, getuid(), getgid()) != 0);
    CHECK(symlink(own, path) != 0);
    if (i >= 2) CHECK_EQ(open(path, O_RDWR | O_CLOEXEC) >= 0, may_write);
    if (i >= 2) CHECK_EQ(open(path, O_RDONLY | O_CLOEXEC) >= 0, may_write || i == 2);
    if (link(path, in_storage("copy%d-%u", i, getgid())) == 0) CHECK(may_write || !are_hard_links_protected());
  }
  CHECK_EQ(unlink(own), 0);
  /* To mark the living as dead, or the dead as living, takes a write lock. */
  int identity = open(paths[2], O_RDONLY | O_CLOEXEC);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  CHECK_EQ(fcntl(identity, F_OFD_SETLK, &lock), -1);
  CHECK_EQ(fcntl(identity, F_SETLEASE, F_WRLCK), -1);
  close(identity);
}

static void others_can_neither_remove_nor_replace_files(void) {
  begin();
  open_wakers();
  atomic_store(&shared->identity, ipc_os_self());
  run_as(NOBODY, NOBODY, touch_files);
  run_as(NOBODY, GROUP, touch_files);
  CHECK(ipc_os_alive(shared->identity));
  ipc_os_signal(number_of(&of_private));
  CHECK_EQ(rings(&of_private), 1);
}

/* Under all numbers that a count would give next. */
enum { TAKEN = 2000 };

static void take_names_of_wakers(void) {
  const uint32_t prefix = (uint32_t)(shared->identity >> 32);
  for (uint32_t i = 0; i < TAKEN; i++) {
    int fd = open(in_storage("libipc-wake.%08x%08x", prefix, i), O_CREAT | O_EXCL | O_WRONLY, 0666);
    CHECK_GE(fd, 0);
    close(fd);
  }
}

static void names_that_a_stranger_takes_keep_no_event_loop_from_being_woken(void) {
  begin();
  CHECK_EQ(ipc_os_identify(), 0);
  atomic_store(&shared->identity, ipc_os_self());
  run_as(NOBODY, NOBODY, take_names_of_wakers);
  for (int i = 0; i < 20; i++) {
    waker mine = open_waker();
    CHECK(exists(waker_path(number_of(&mine))));
    ipc_os_signal(number_of(&mine));
    CHECK_EQ(rings(&mine), 1);
    close_waker(&mine);
    CHECK(!exists(waker_path(number_of(&mine))));
  }
}

static void open_a_waker_and_wait(void) {
  waker mine = open_waker();
  atomic_store(&shared->waker, number_of(&mine));
  atomic_store(&shared->identity, ipc_os_self());
  atomic_store(&shared->ready, 1);
  test_await(&shared->go, 1);
}

static void start_and_kill(void *user) {
  become(*(uint32_t *)user, GROUP);
  open_a_waker_and_wait();
}

static void put_files_beside_the_wakers_of_a_dead_process(void) {
  const uint32_t prefix = (uint32_t)(shared->identity >> 32);
  const char *path = in_storage("libipc-wake.%08x%08x", prefix, 1);
  CHECK_EQ(mkdir(path, 0700), 0);
  path = in_storage("libipc-wake.%08x%08x", prefix, 2);
  CHECK_EQ(mkfifo(path, 0600), 0);
  path = in_storage("libipc-wake.%08x%08x", prefix, 3);
  CHECK_EQ(symlink("/nowhere", path), 0);
  path = in_storage("libipc-wake.%08x%08x", prefix, 4);
  CHECK_GE(open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600), 0);
  struct sockaddr_un address = address_of((uint64_t)prefix << 32 | 5);
  CHECK_EQ(bind(socket(AF_UNIX, SOCK_DGRAM, 0), (const void *)&address, sizeof address), 0);
}

static void find_it_dead(void) {
  CHECK(!ipc_os_alive(shared->identity));
  CHECK(!exists(waker_path(shared->waker)));
  CHECK(!exists(identity_path(shared->identity)));
}

/* Neither root nor the user of the dead process is kept from removing what it has left. */
static void files_of_a_stranger_do_not_preserve_what_a_dead_process_left(void) {
  begin();
  uint32_t users[] = {0, USER};
  for (int i = 0; i < 2; i++) {
    shared = test_shared(sizeof *shared);
    test_worker worker = test_start(TEST_PROCESS, start_and_kill, &users[i]);
    test_await(&shared->ready, 1);
    test_kill(worker);
    test_reap(worker);
    CHECK(exists(identity_path(shared->identity)));
    CHECK(exists(waker_path(shared->waker)));
    run_as(NOBODY, NOBODY, put_files_beside_the_wakers_of_a_dead_process);
    run_as(users[i], GROUP, find_it_dead);
  }
}

static void put_files_that_delay(void *unused) {
  (void)unused;
  become(NOBODY, NOBODY);
  char key[IPC_OS_KEY_BYTES];
  CHECK_EQ(mkfifo(in_storage("libipc-process.00000001"), 0666), 0);
  CHECK_EQ(mkdir(in_storage("libipc-process.00000002"), 0777), 0);
  CHECK_EQ(symlink("/dev/zero", in_storage("libipc-process.00000003")), 0);
  const int locked = open(in_storage("libipc-process.00000004"), O_CREAT | O_RDWR, 0666);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  CHECK_EQ(fcntl(locked, F_OFD_SETLK, &lock), 0);
  /* An open of a leased file waits for up to 45 s, and its owner need not react. */
  signal(SIGIO, SIG_IGN);
  const int leased = open(in_storage("libipc-process.00000005"), O_CREAT | O_RDWR, 0666);
  if (fcntl(leased, F_SETLEASE, F_WRLCK) != 0) FAIL("no lease: errno %d", errno);
  CHECK_EQ(ipc_segment_key(key, IPC_QUEUE, test_prefix, test_name), IPC_OK);
  umask(0);
  const int segment = open(in_storage("%s", key), O_CREAT | O_RDWR, 0666);
  if (fcntl(segment, F_SETLEASE, F_WRLCK) != 0) FAIL("no lease: errno %d", errno);
  CHECK_EQ(flock(segment, LOCK_EX | LOCK_NB), 0);
  atomic_store(&shared->ready, 1);
  test_await(&shared->go, 1);
}

static void files_of_a_stranger_delay_nobody(void) {
  begin();
  test_worker stranger = test_start(TEST_PROCESS, put_files_that_delay, NULL);
  test_await(&shared->ready, 1);
  const double before = test_ms();
  char key[IPC_OS_KEY_BYTES];
  CHECK_EQ(ipc_segment_key(key, IPC_QUEUE, test_prefix, test_name), IPC_OK);
  waker mine = open_waker();
  ipc_clear_dead_processes();
  ipc_options options = of_kind(IPC_QUEUE);
  ipc_failure failure;
  CHECK(!ipc_receiver_open(test_prefix, test_name, &options, &failure));
  CHECK_EQ(failure.code, IPC_E_PERMISSION);
  ipc_segment_remove_leftover(key, 20000000000u, false);
  CHECK_LE(test_ms() - before, 15000);
  ipc_os_signal(number_of(&mine));
  CHECK_EQ(rings(&mine), 1);
  close_waker(&mine);
  atomic_store(&shared->go, 1);
  test_finish(stranger);
}

/* What a user with access may do. */

static void use_the_access(void) {
  CHECK_EQ(send_bytes(number_of(&of_private), 1), EACCES);
  CHECK_EQ(send_bytes(number_of(&of_group), 1), 0);
  CHECK_EQ(connect_to(number_of(&of_group), SOCK_STREAM), EPROTOTYPE);
  CHECK_EQ(connect_to(number_of(&of_group), SOCK_DGRAM), 0);
}

static void send_a_foreign_datagram(void) { CHECK_EQ(send_bytes(number_of(&of_group), 1000), 0); }

static void send_nothing(void) { send_bytes(number_of(&of_group), 0); }

static void send_a_lingering_socket(void) {
  enum { PASS_RIGHTS = 83 };
  int is_passed = 1;
  socklen_t bytes = sizeof is_passed;
  /* qemu-user lets a program ask for the option, and not set it. */
  bool can_refuse = !test_is_emulated() && getsockopt(of_group.fd, SOL_SOCKET, PASS_RIGHTS, &is_passed, &bytes) == 0;
  CHECK_EQ(send_lingering_socket(number_of(&of_group)), can_refuse ? EPERM : 0);
}

static void flood(void) {
  uint32_t sent = 0;
  for (int i = 0; i < 10000; i++) sent += send_bytes(number_of(&of_group), 1) == 0;
  atomic_store(&shared->count, sent);
}

static void a_member_of_the_group_can_only_signal(void) {
  begin();
  open_wakers();
  run_as(NOBODY, GROUP, use_the_access);
  CHECK_EQ(rings(&of_private), 0);
  CHECK_EQ(rings(&of_group), 1);
  run_as(NOBODY, GROUP, send_a_foreign_datagram);
  CHECK_EQ(rings(&of_group), 1);
  run_as(NOBODY, GROUP, send_nothing);
  CHECK_EQ(rings(&of_group), 0);
  run_as(NOBODY, GROUP, send_a_lingering_socket);
  rings(&of_group);
  /* The queue of a socket is short, and what is in it wakes the event loop. */
  run_as(NOBODY, GROUP, flood);
  ipc_os_signal(number_of(&of_group));
  const uint32_t read = rings(&of_group);
  CHECK_GE(read, 1);
  CHECK_LE(read, atomic_load(&shared->count) + 1);
  ipc_os_signal(number_of(&of_group));
  CHECK_EQ(rings(&of_group), 1);
}

/* Two users: one waits, the other one sends. `unshared`: in a user namespace, as its root. */

typedef struct side {
  uint32_t user, group, supplementary;
  bool unshared;
} side;

static ipc_options shared_options;

static void write_text(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) FAIL("%s could not be written: errno %d", path, errno);
  close(fd);
}

static void become_side(const side *it) {
  const gid_t groups[] = {it->supplementary};
  if (setgroups(1, groups) != 0 || setgid(it->group) != 0 || setuid(it->user) != 0) FAIL("errno %d", errno);
  prctl(PR_SET_DUMPABLE, 1);
  if (!it->unshared) return;
  if (unshare(CLONE_NEWUSER) != 0) FAIL("no user namespace: errno %d", errno);
  char map[64];
  snprintf(map, sizeof map, "0 %u 1", it->user);
  write_text("/proc/self/uid_map", map);
  write_text("/proc/self/setgroups", "deny");
  snprintf(map, sizeof map, "0 %u 1", it->group);
  write_text("/proc/self/gid_map", map);
  CHECK_EQ(getuid(), 0);
}

static void wait_for_a_message(void *which) {
  become_side(which);
  waker mine = open_waker();
  ipc_receiver *receiver = must_receive(shared_options);
  ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, mine.number[0], mine.number[1]);
  atomic_store(&shared->ready, 1);
  /* It polls the socket, and not the ring: only a signal ends it. */
  CHECK_EQ(poll(&(struct pollfd){.fd = mine.fd, .events = POLLIN}, 1, TEST_LIMIT_SECONDS * 1000), 1);
  CHECK_EQ(rings(&mine), 1);
  char byte;
  CHECK_EQ(ipc_receiver_recv(receiver, &byte, 1, 0), 1);
  test_await(&shared->go, 1); /* in a sticky directory, only the owner of the file can remove it at the last close */
  ipc_receiver_close(receiver);
  close_waker(&mine);
}

static void send_a_message(void *which) {
  become_side(which);
  /* A user cannot end the processes of another one: if that one fails, this process ends by itself. */
  while (atomic_load(&shared->ready) == 0 && atomic_load(&test_now_running->failed) == 0) test_pause();
  ipc_sender *sender = must_send(shared_options);
  CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK);
  ipc_sender_close(sender);
  atomic_store(&shared->go, 1);
}

static void check_wakes(const side *waits, const side *sends, uint32_t permissions) {
  shared_options = of_kind(IPC_CHANNEL);
  shared_options.permissions = permissions;
  shared = test_shared(sizeof *shared);
  test_worker waiter = test_start(TEST_PROCESS, wait_for_a_message, (void *)(uintptr_t)waits);
  test_worker sender = test_start(TEST_PROCESS, send_a_message, (void *)(uintptr_t)sends);
  test_finish(sender);
  test_finish(waiter);
}

static void event_loops_are_woken_across_users(void) {
  static const side root = {.group = GROUP}, a = {.user = USER, .group = GROUP},
                    b = {.user = NOBODY, .group = NOBODY, .supplementary = GROUP}, c = {.user = NOBODY, .group = GROUP};
  begin();
  check_wakes(&a, &b, 0660); /* the file has the group of the one that opens first */
  check_wakes(&a, &c, 0660);
  check_wakes(&c, &a, 0660);
  check_wakes(&root, &c, 0660);
  check_wakes(&c, &root, 0660);
  static const side stranger = {.user = NOBODY, .group = NOBODY};
  check_wakes(&a, &stranger, 0666);
  check_wakes(&stranger, &a, 0666);
  /* The segment is another user's, and has a group that the waiting user only belongs to. */
  shared_options = of_kind(IPC_CHANNEL);
  shared_options.permissions = 0660;
  CHECK_EQ(setegid(GROUP), 0);
  ipc_receiver *keeps = must_receive(shared_options);
  check_wakes(&b, &a, 0660);
  check_wakes(&b, &root, 0660);
  ipc_receiver_close(keeps);
}

/* A process with threads may not, and ThreadSanitizer has one. */
#ifndef __SANITIZE_THREAD__
static bool can_create_user_namespaces(void) {
  pid_t pid = fork();
  CHECK_GE(pid, 0);
  if (pid == 0) _exit(setgid(NOBODY) != 0 || setuid(NOBODY) != 0 || unshare(CLONE_NEWUSER) != 0);
  int status = 0;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  return status == 0;
}

static void event_loops_are_woken_across_user_namespaces(void) {
  static const side root = {0}, a = {.user = USER, .group = GROUP},
                    contained = {.user = NOBODY, .group = NOBODY, .unshared = true},
                    other = {.user = USER + 1, .group = GROUP + 1, .unshared = true},
                    outside = {.user = NOBODY, .group = NOBODY};
  begin();
  if (!can_create_user_namespaces()) SKIP("a process of user 65534 cannot create a user namespace here");
  check_wakes(&root, &contained, 0666);
  check_wakes(&contained, &root, 0666);
  check_wakes(&a, &contained, 0666);
  check_wakes(&contained, &a, 0666);
  check_wakes(&contained, &other, 0666);
  check_wakes(&contained, &outside, 0600); /* the same user */
  check_wakes(&outside, &contained, 0600);
}

#define CASES_WITHOUT_THREADS TEST_CASE(event_loops_are_woken_across_user_namespaces),
#else
#define CASES_WITHOUT_THREADS
#endif

/* As on macOS, where bind() gives the file the mode that the umask leaves. */
static void a_socket_with_too_many_rights_is_restricted(void) {
  begin();
  CHECK_EQ(ipc_os_identify(), 0);
  const uint64_t number = ipc_os_self() >> 32 << 32 | 7;
  const struct sockaddr_un address = address_of(number);
  struct stat s;
  umask(0);
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  CHECK_EQ(bind(fd, (const void *)&address, sizeof address), 0);
  CHECK_EQ(lstat(address.sun_path, &s), 0);
  CHECK_EQ(s.st_mode & 0777, 0777);
  ipc_posix_restrict_waker(number);
  CHECK_EQ(lstat(address.sun_path, &s), 0);
  CHECK_EQ(s.st_mode & 0777, 0600);
  const ipc_os_access group = {.group = getegid(), .permissions = 0660};
  ipc_os_admit_to_waker(number, &group);
  CHECK_EQ(lstat(address.sun_path, &s), 0);
  CHECK_EQ(s.st_mode & 0777, 0660);
  close(fd);
}

TEST_MAIN(TEST_CASE(a_stranger_reaches_no_event_loop), TEST_CASE(others_can_neither_remove_nor_replace_files),
          TEST_CASE(names_that_a_stranger_takes_keep_no_event_loop_from_being_woken),
          TEST_CASE(files_of_a_stranger_do_not_preserve_what_a_dead_process_left),
          TEST_CASE(files_of_a_stranger_delay_nobody), TEST_CASE(a_member_of_the_group_can_only_signal),
          TEST_CASE(event_loops_are_woken_across_users),
          CASES_WITHOUT_THREADS TEST_CASE(a_socket_with_too_many_rights_is_restricted))
#else
static void other_users_are_tested_on_linux_only(void) { SKIP("this system is not Linux"); }
TEST_MAIN(TEST_CASE(other_users_are_tested_on_linux_only))
#endif

/*
 * identity_test.c - the identity file of a process: who has it, who removes it, and what others put in its place.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "ends.h"
#include "own_storage.h"
#include "worker.h"

static const ipc_options channel = {
    .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 4096, .max_receivers = 4};

typedef struct board {
  _Atomic uint64_t identity;
  _Atomic uint32_t ready, go;
} board;

static board *shared;

static void path_of(uint64_t identity, char path[64]) {
  snprintf(path, 64, "%s/libipc-process.%08x", ipc_os_directory(), (unsigned)(identity >> 32));
}

static bool has_file(uint64_t identity) {
  char path[64];
  struct stat file;
  path_of(identity, path);
  return lstat(path, &file) == 0 && (uint32_t)file.st_ino == (uint32_t)identity;
}

static void identify(void) {
  CHECK_EQ(ipc_os_identify(), 0);
  CHECK(has_file(ipc_os_self()));
}

static void identify_and_wait(void *unused) {
  (void)unused;
  identify();
  atomic_store(&shared->identity, ipc_os_self());
  atomic_store(&shared->ready, 1);
  test_await(&shared->go, 1);
}

/* The identity of a process that was killed, whose file is left: nobody has asked about it yet. */
static uint64_t leave_a_file(void) {
  shared = test_shared(sizeof *shared);
  test_worker worker = test_start(TEST_PROCESS, identify_and_wait, NULL);
  test_await(&shared->ready, 1);
  test_kill(worker);
  test_reap(worker);
  return shared->identity;
}

static void other_users_can_only_read_the_file(void) {
  char path[64];
  struct stat file;
  umask(0777);
  identify();
  path_of(ipc_os_self(), path);
  CHECK_EQ(stat(path, &file), 0);
  CHECK_EQ(file.st_mode & 07777, 0644);
  CHECK_EQ(file.st_size, 0);
}

static void the_first_question_removes_a_leftover(void) {
  use_own_storage();
  uint64_t dead = leave_a_file();
  CHECK(has_file(dead));
  CHECK(!ipc_os_alive(dead));
  CHECK(!has_file(dead));
  CHECK(!ipc_os_alive(dead));
}

static void clear_removes_leftovers(void) {
  use_own_storage();
  uint64_t dead = leave_a_file();
  identify();
  ipc_clear_dead_processes();
  CHECK(!has_file(dead));
  CHECK(has_file(ipc_os_self()));
}

#ifdef F_OFD_SETLK
/* Others may look, and remove, at the same time: their locks say nothing about the owner. */
static void locks_of_others_do_not_make_the_dead_alive(void) {
  use_own_storage();
  uint64_t dead = leave_a_file();
  char path[64];
  path_of(dead, path);
  int stranger = open(path, O_RDONLY | O_CLOEXEC), finder = open(path, O_RDWR | O_CLOEXEC);
  struct flock reads = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
  CHECK_EQ(fcntl(stranger, F_OFD_SETLK, &reads), 0);
  CHECK(!ipc_os_alive(dead));
  CHECK(has_file(dead)); /* it is locked, if only for reading */
  CHECK_EQ(close(stranger), 0);
  struct flock removes = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1};
  CHECK_EQ(fcntl(finder, F_OFD_SETLK, &removes), 0);
  CHECK(!ipc_os_alive(dead));
  CHECK(has_file(dead));
  CHECK_EQ(close(finder), 0);
  CHECK(!ipc_os_alive(dead));
  CHECK(!has_file(dead));
}
#endif

static void what_strangers_put_in_its_place_is_dead(void) {
  use_own_storage();
  uint64_t dead = leave_a_file();
  char path[64];
  CHECK(!ipc_os_alive(dead));
  path_of(dead, path);
  int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600); /* another inode */
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  CHECK_GE(fd, 0);
  CHECK_EQ(fcntl(fd, F_SETLK, &whole), 0);
  if (!has_file(dead)) CHECK(!ipc_os_alive(dead)); /* unless the system has used the inode number again */
  CHECK_EQ(close(fd), 0);
  CHECK_EQ(unlink(path), 0);
  CHECK_EQ(symlink("/dev/zero", path), 0);
  CHECK(!ipc_os_alive(dead));
  CHECK_EQ(unlink(path), 0);
  CHECK_EQ(mkfifo(path, 0600), 0);
  CHECK(!ipc_os_alive(dead)); /* and the question does not wait */
  CHECK_EQ(unlink(path), 0);
}

static void a_child_leaves_its_parents_file(void *unused) {
  (void)unused;
  uint64_t inherited = shared->identity;
  CHECK_EQ(ipc_os_self(), 0);
  ipc_process_forget();
  CHECK(has_file(inherited));
  identify();
  CHECK(ipc_os_self() != inherited);
  ipc_process_forget();
  CHECK(has_file(inherited));
}

static void a_forked_child_has_a_file_of_its_own(void) {
  use_own_storage();
  shared = test_shared(sizeof *shared);
  identify();
  shared->identity = ipc_os_self();
  test_finish(test_start(TEST_PROCESS, a_child_leaves_its_parents_file, NULL));
  CHECK(ipc_os_alive(ipc_os_self()));
}

static void open_and_exit(void *keeps) {
  ipc_receiver *receiver = must_receive(channel);
  shared->identity = ipc_os_self();
  if (!keeps) ipc_receiver_close(receiver);
  exit(0); /* with the destructors of the library, unlike _exit() */
}

/* A thread may still be at work on what is open, so the kernel says when that is dead. */
static void the_file_goes_at_the_exit_if_nothing_is_open(void) {
  use_own_storage();
  shared = test_shared(sizeof *shared);
  test_finish(test_start(TEST_PROCESS, open_and_exit, NULL));
  CHECK(shared->identity != 0);
  CHECK(!has_file(shared->identity));
  test_finish(test_start(TEST_PROCESS, open_and_exit, shared));
  CHECK(has_file(shared->identity));
  ipc_receiver_close(must_receive(channel)); /* finds the other receiver dead */
  CHECK(!has_file(shared->identity));
}

/* A system that cleans up empties the whole directory. */
static void a_lost_file_is_replaced_at_the_next_open(void) {
  use_own_storage();
  identify();
  uint64_t first = ipc_os_self();
  char path[64];
  path_of(first, path);
  CHECK_EQ(unlink(path), 0);
  ipc_receiver_close(must_receive(channel));
  CHECK(ipc_os_self() != first);
  CHECK(has_file(ipc_os_self()));
}

/* As a daemon does that closes what it inherited. The numbers of the descriptors are other files' afterwards. */
static void closed_descriptors_are_replaced_at_the_next_open(void) {
  use_own_storage();
  identify();
  uint64_t first = ipc_os_self();
  char path[64], link[64];
  struct stat file, other;
  path_of(first, path);
  CHECK_EQ(stat(path, &file), 0);
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC), held = -1;
  CHECK_GE(null, 0);
  for (int fd = 3; fd < 64 && held < 0; fd++)
    if (fstat(fd, &other) == 0 && other.st_ino == file.st_ino && other.st_dev == file.st_dev) held = fd;
  CHECK_GE(held, 0);
  CHECK_EQ(dup2(null, held), held);
  ipc_receiver_close(must_receive(channel));
  CHECK(ipc_os_self() != first);
  CHECK(!ipc_os_alive(first));
  snprintf(link, sizeof link, "/dev/fd/%d", held);
  CHECK_EQ(stat(link, &file), 0); /* what is not the library's it has not closed */
  CHECK(S_ISCHR(file.st_mode));
}

/* Their thread does not close them. */
static ipc_receiver *left_receiver;
static ipc_handle *left_mutex;

static void open_and_end(void *unused) {
  (void)unused;
  ipc_failure failure;
  const ipc_options mutex = {.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX};
  left_receiver = must_receive(channel);
  left_mutex = ipc_handle_open(test_prefix, test_name, &mutex, &failure);
  CHECK(left_mutex);
  CHECK_EQ(ipc_mutex_lock(left_mutex, 0), IPC_OK);
}

/* Another process cannot ask about a thread: the thread itself says so when it ends. */
static void look_from_outside(void *unused) {
  (void)unused;
  ipc_failure failure;
  const ipc_options mutex = {.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX};
  ipc_sender *sender = must_send(channel);
  ipc_handle *handle = ipc_handle_open(test_prefix, test_name, &mutex, &failure);
  CHECK(handle);
  CHECK_EQ(ipc_mutex_lock(handle, 20000), IPC_OWNER_DIED);
  int32_t status = IPC_OK;
  while (status == IPC_OK) status = ipc_sender_send(sender, "12345678", 8, 20000);
  CHECK_EQ(status, IPC_NO_RECEIVERS);
  ipc_handle_close(handle);
  ipc_sender_close(sender);
}

static void what_an_ended_thread_has_open_is_free_for_other_processes(void) {
  test_finish(test_start(TEST_THREAD, open_and_end, NULL));
  test_finish(test_start(TEST_PROCESS, look_from_outside, NULL));
  /* A later close frees the memory of this process, and touches no slot of others. */
  ipc_receiver_close(left_receiver);
  ipc_handle_close(left_mutex);
}

enum { FINDERS = 6, ROUNDS = 30 * TEST_SCALE };

static void look_for_leftovers(void *unused) {
  (void)unused;
  while (!atomic_load(&shared->go)) {
    ipc_clear_dead_processes();
    CHECK_EQ(ipc_os_identify(), 0); /* the finders may not take each other's new files either */
    CHECK(has_file(ipc_os_self()));
    ipc_process_forget();
  }
}

/* The dead are dead at every question, and those that start are alive, whatever finders do meanwhile. */
static void finders_and_owners_meet(void) {
  use_own_storage();
  shared = test_shared(sizeof *shared);
  board *finding = shared;
  test_worker finders[FINDERS];
  for (int i = 0; i < FINDERS; i++) finders[i] = test_start(TEST_PROCESS, look_for_leftovers, NULL);
  for (int round = 0; round < ROUNDS; round++) {
    board *one = shared = test_shared(sizeof *shared);
    test_worker worker = test_start(TEST_PROCESS, identify_and_wait, NULL);
    test_await(&one->ready, 1);
    CHECK(ipc_os_alive(one->identity));
    test_kill(worker);
    for (int i = 0; i < 20; i++) CHECK(!ipc_os_alive(one->identity));
    test_reap(worker);
    munmap(one, sizeof *one);
  }
  atomic_store(&finding->go, 1);
  for (int i = 0; i < FINDERS; i++) test_finish(finders[i]);
}

TEST_MAIN(TEST_CASE(other_users_can_only_read_the_file), TEST_CASE(the_first_question_removes_a_leftover),
          TEST_CASE(clear_removes_leftovers),
#ifdef F_OFD_SETLK
          TEST_CASE(locks_of_others_do_not_make_the_dead_alive),
#endif
          TEST_CASE(what_strangers_put_in_its_place_is_dead), TEST_CASE(a_forked_child_has_a_file_of_its_own),
          TEST_CASE(the_file_goes_at_the_exit_if_nothing_is_open), TEST_CASE(a_lost_file_is_replaced_at_the_next_open),
          TEST_CASE(closed_descriptors_are_replaced_at_the_next_open),
          TEST_CASE(what_an_ended_thread_has_open_is_free_for_other_processes), TEST_CASE(finders_and_owners_meet))

/*
 * names.c - how names come and go: created, joined, left, left by the last, cleared, listed, removed, opened
 * again. Whichever actor is killed, the last one, which starts when all others have ended, finds the name in
 * order: it works, and nothing is left when it goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "common.h"
#include "libipc/list.h"
#include "libipc/peers.h"
#include "libipc/storage.h"
#include "sender_state.h"
#include "slots.h"

enum { ROUNDS = 4, LAST = 3 };

static bool is_fine(int32_t code) {
  return code == IPC_E_NOT_FOUND || code == IPC_E_EXISTS || code == IPC_E_HAS_SENDER;
}

static ipc_sender *try_sender(uint32_t mode) {
  ipc_options options = playing->options;
  options.mode = mode;
  ipc_failure failure;
  ipc_sender *sender = OPEN(ipc_sender_open(fault_prefix, now->name, &options, &failure));
  if (!sender && !is_fine(failure.code)) FAIL("a sender could not open: %d", failure.code);
  return sender;
}

static ipc_receiver *try_receiver(uint32_t mode) {
  ipc_options options = playing->options;
  options.mode = mode;
  ipc_failure failure;
  ipc_receiver *receiver = OPEN(ipc_receiver_open(fault_prefix, now->name, &options, &failure));
  if (!receiver && !is_fine(failure.code)) FAIL("a receiver could not open: %d", failure.code);
  return receiver;
}

/* What was sent to oneself comes back, in an order, among what others send. */
static void talk(ipc_sender *sender, ipc_receiver *receiver) {
  if (!sender || !receiver) return;
  message mine = {fault_actor, 0, sizeof mine, 0}, got;
  for (uint32_t number = 0; number < 3; number++) {
    mine.number = number;
    int32_t status = DO(ipc_sender_send(sender, &mine, sizeof mine, 5000));
    if (status == IPC_E_ORPHANED || status == IPC_NO_RECEIVERS) return; /* NO: the two are on different segments */
    CHECK_EQ(status, IPC_OK);
    do {
      status = DO(ipc_receiver_recv(receiver, &got, sizeof got, 500));
      if (status == IPC_E_ORPHANED || status == IPC_TIMED_OUT) return; /* as above, with receivers of another actor */
      CHECK_EQ(status, sizeof got);
    } while (got.sender != fault_actor);
    CHECK_EQ(got.number, number);
  }
}

static void close_both(ipc_sender *sender, ipc_receiver *receiver) {
  DO((ipc_sender_close(sender), 0));
  DO((ipc_receiver_close(receiver), 0));
}

static void come_and_go(void) {
  const uint32_t modes[] = {IPC_CREATE_OR_OPEN, IPC_CREATE, IPC_OPEN};
  for (uint32_t round = 0; round < ROUNDS; round++) {
    uint32_t mode = modes[(round + fault_actor) % 3];
    ipc_receiver *receiver = try_receiver(mode);
    ipc_sender *sender = try_sender(IPC_CREATE_OR_OPEN);
    talk(sender, receiver);
    close_both(sender, receiver);
  }
}

static void clear(void) {
  ipc_failure failure;
  for (uint32_t round = 0; round < ROUNDS; round++) {
    /* On it, and so an orphan: its place is in what no longer has the name when it goes. */
    ipc_sender *orphan = try_sender(IPC_CREATE_OR_OPEN);
    int32_t status;
    do status = DO(ipc_clear(fault_prefix, now->name, playing->options.kind, &failure));
    while (is_stopped_for_too_long(status));
    CHECK_EQ(status, IPC_OK);
    ipc_sender *next = try_sender(IPC_CREATE_OR_OPEN);
    ipc_sender_close(orphan);
    ipc_sender_close(next);
    a_moment();
  }
}

static void list(void) {
  for (uint32_t round = 0; round < ROUNDS; round++) {
    ipc_failure failure;
    ipc_listed_name name;
    ipc_listed_endpoint endpoint;
    ipc_listing *listing = DO(ipc_list_open(fault_prefix, &failure));
    CHECK(listing);
    int32_t told;
    while ((told = DO(ipc_list_next(listing, &name, &failure))) == 1) {
      if (strcmp(name.name, now->name) != 0) continue;
      CHECK(name.state <= IPC_LISTED_UNFINISHED);
      while (ipc_list_endpoint(listing, &endpoint)) CHECK(endpoint.instance);
      DO(ipc_list_remove(listing));
    }
    CHECK_EQ(told, 0);
    ipc_list_close(listing);
    a_moment();
  }
}

/* All others have ended: whatever they left, the name works, and goes when this one goes. */
static void come_last(uint32_t others) {
  for (uint32_t i = 0; i < others; i++)
    while (!has_ended(i)) a_moment();
  ipc_receiver *receiver = try_receiver(IPC_CREATE_OR_OPEN);
  ipc_sender *sender = try_sender(IPC_CREATE_OR_OPEN);
  CHECK(receiver && sender);
  message mine = {fault_actor, 7, sizeof mine, 0}, got;
  CHECK_EQ(DO(ipc_sender_wait_for_receivers(sender, 1, 1000)), IPC_OK);
  CHECK_EQ(ipc_sender_receiver_count(sender), 1);
  CHECK_EQ(DO(ipc_sender_send(sender, &mine, sizeof mine, 1000)), IPC_OK);
  CHECK_EQ(DO(ipc_receiver_recv(receiver, &got, sizeof got, 1000)), sizeof got);
  CHECK(got.sender == fault_actor && got.number == 7);
  ipc_peer peers[4];
  CHECK_EQ(ipc_sender_peers(sender, peers, 0) >= 1, 1);
  close_both(sender, receiver);
}

/* What all but the first do. False: this is the first. */
static bool played_another(uint32_t actor) {
  if (actor == LAST)
    come_last(LAST);
  else if (actor > 0)
    come_and_go();
  return actor > 0;
}

/* Whether all others sleep because they want the name lock, or did so before they ended. */
static bool have_waited_for_lock(void) {
  uint32_t wait = fault_find("name_lock_try_until wait");
  CHECK(wait != NOBODY);
  for (uint32_t i = 0; i < LAST; i++)
    if (now->counts[i][wait] == 0 && !has_ended(i)) return false;
  return true;
}

/* Holds the name lock for so long that the others that want it sleep. */
static void be_slow(void) {
  ipc_sender *sender = try_sender(IPC_CREATE_OR_OPEN);
  int32_t lock = ipc_segment_lock(&sender->segment, 1000000000u);
  reach(1);
  LIKELY_AFTER(3000, have_waited_for_lock());
  if (lock >= 0) ipc_os_unlock(lock);
  ipc_sender_close(sender);
}

static void open_and_close(uint32_t actor) {
  if (actor == LAST)
    be_slow();
  else
    LIKELY_AFTER(1000, atomic_load(&now->stage[LAST]));
  if (actor == LAST)
    come_last(LAST);
  else
    come_and_go();
}

static void clear_under_them(uint32_t actor) {
  if (actor == LAST)
    come_last(LAST);
  else if (actor == 2)
    clear();
  else
    come_and_go();
}

static void list_them(uint32_t actor) {
  if (actor == LAST)
    come_last(LAST);
  else if (actor == 2)
    list();
  else
    come_and_go();
}

/* The first has died with both ends open: actors 1 and 2 clear up behind it. */
static void leave_behind(uint32_t actor) {
  if (actor == 0) {
    ipc_receiver *receiver = try_receiver(IPC_CREATE_OR_OPEN);
    ipc_sender *sender = try_sender(IPC_CREATE_OR_OPEN);
    talk(sender, receiver);
    close_both(sender, receiver);
    return;
  }
  while (!has_ended(0)) a_moment();
  if (actor == LAST)
    come_last(LAST);
  else if (actor == 2)
    list();
  else {
    ipc_sender *refused = try_sender(IPC_OPEN);
    ipc_sender_close(refused);
    come_and_go();
  }
}

/* The same, and it is the list that finds it. */
static void list_left_behind(uint32_t actor) {
  if (actor == 1) await_stage(2, 1);
  leave_behind(actor);
  reach(1);
}

/* The same, but the actors that come use the name. */
static void take_over(uint32_t actor) {
  if (actor == 0 || actor == LAST) {
    leave_behind(actor);
    return;
  }
  while (!has_ended(0)) a_moment();
  come_and_go();
}

/* As an event loop waits for others to come and go. */
static void watch(uint32_t actor) {
  if (actor == LAST) {
    come_last(LAST);
  } else if (actor == 1) {
    loop_waker mine = open_waker();
    ipc_sender *sender = try_sender(IPC_CREATE_OR_OPEN);
    ipc_receiver *receiver = try_receiver(IPC_CREATE_OR_OPEN);
    while (!has_ended(0) && !(atomic_load(&now->stage[0]) == 1)) {
      ipc_sender_arm(sender, IPC_WAIT_FOR_PEERS, mine.low, mine.high);
      ipc_receiver_arm(receiver, IPC_WAIT_FOR_PEERS, mine.low, mine.high);
      LIKELY_AFTER(20, !(ipc_sender_armed(sender) & IPC_WAIT_FOR_PEERS));
      ipc_sender_poll(sender, IPC_WAIT_FOR_PEERS, mine.low, mine.high);
      ipc_receiver_poll(receiver, IPC_WAIT_FOR_PEERS, mine.low, mine.high);
    }
    close_both(sender, receiver);
    close(mine.fd);
    ipc_waker_close(mine.low, mine.high);
  } else {
    come_and_go();
    reach(1);
  }
}

/* No room for it: RLIMIT_FSIZE stands in for a full /dev/shm. */
static void no_room(uint32_t actor) {
  if (played_another(actor)) return;
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 4096, .rlim_max = 4096});
  ipc_failure failure;
  for (uint32_t round = 0; round < ROUNDS; round++) {
    ipc_receiver *receiver = OPEN(ipc_receiver_open(fault_prefix, now->name, &playing->options, &failure));
    if (!receiver) CHECK_EQ(failure.code, IPC_E_NO_SPACE);
    ipc_receiver_close(receiver); /* another had made it */
    a_moment();
  }
}

/* Where no actor may remove the name, as in a sticky directory, it is created again in the same file. */
static void not_ours(uint32_t actor) {
  fault_keeps_names = true;
  if (actor == LAST)
    come_last(LAST);
  else
    come_and_go();
}

static void make_key(char key[IPC_OS_KEY_BYTES]) {
  CHECK_EQ(ipc_segment_key(key, playing->options.kind, fault_prefix, now->name), IPC_OK);
}

/* As a creator leaves it that was killed before the file got its name. Others may remove it first. */
static void leave_unnamed_file(void) {
  char path[64];
  snprintf(path, sizeof path, "%s/libipc-new.%08x", ipc_os_directory(), (uint32_t)getpid());
  int fd = open(path, O_RDWR | O_CREAT, 0600);
  CHECK(fd >= 0);
  close(fd);
}

/* Files get another name first, where the system has none without a name. */
static void renamed(uint32_t actor) {
  fault_names_all_files = true;
  if (actor == LAST) {
    come_last(LAST);
    return;
  }
  ipc_receiver *receiver = try_receiver(IPC_CREATE_OR_OPEN);
  char key[IPC_OS_KEY_BYTES];
  make_key(key);
  int fd = DO(ipc_os_open(key, true, 0600));
  CHECK_EQ(fd, -EEXIST); /* as for one that creates it as well, a moment later */
  leave_unnamed_file();
  DO((ipc_clear_dead_processes(), 0));
  ipc_receiver_close(receiver);
  come_and_go();
}

/* The first leaves what another version has made. Whether any process has it open is asked by all that come. */
static void of_another_version(uint32_t actor) {
  if (actor == LAST) {
    come_last(LAST);
    return;
  }
  if (actor == 0) {
    char key[IPC_OS_KEY_BYTES];
    const uint32_t start[] = {IPC_MAGIC, IPC_LAYOUT_VERSION - 1, 0};
    make_key(key);
    int fd = ipc_os_open(key, true, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, 16384), 0);
    CHECK_EQ(pwrite(fd, start, sizeof start, 0), sizeof start);
    int user = ipc_os_open(key, false, 0); /* so that the others have to wait */
    ipc_os_unlock(fd);
    reach(1);
    LIKELY_AFTER(10, false);
    close(user);
  }
  await_stage(0, 1);
  come_and_go();
}

static void *open_and_end(void *instance) {
  ipc_sender *sender = try_sender(IPC_CREATE_OR_OPEN);
  ipc_receiver *receiver = try_receiver(IPC_CREATE_OR_OPEN);
  talk(sender, receiver);
  *(uint32_t *)instance = sender ? sender->instance : 0;
  return NULL; /* both stay open */
}

/* A thread ends with endpoints open, and its process goes on: the others find these endpoints dead. */
static void thread_ends(uint32_t actor) {
  if (played_another(actor)) return;
  for (uint32_t round = 0; round < ROUNDS; round++) {
    ipc_sender *mine = try_sender(IPC_CREATE_OR_OPEN);
    pthread_t thread;
    uint32_t instance = 0, pid;
    CHECK_EQ(pthread_create(&thread, NULL, open_and_end, &instance), 0);
    pthread_join(thread, NULL);
    CHECK(!mine || instance == 0 || !ipc_slots_is_alive(&mine->segment, instance, &pid));
    ipc_sender_close(mine);
  }
}

/* A sender cannot open the file any more, as without descriptors, or after setuid. Dead receivers do not stop it. */
static void no_descriptor(uint32_t actor) {
  if (actor == LAST) {
    come_last(LAST);
    return;
  }
  if (actor > 0) {
    await_stage(0, 1);
    come_and_go();
    return;
  }
  ipc_sender *sender = try_sender(IPC_CREATE_OR_OPEN);
  ipc_receiver *receiver = try_receiver(IPC_CREATE_OR_OPEN);
  CHECK(sender && receiver);
  fault_opens_nothing = true;
  reach(1);
  /* Fewer messages than the ring holds: the others may not be ready to read. */
  for (uint32_t round = 0; round < 20; round++) {
    talk(sender, receiver);
    LIKELY_AFTER(5, has_ended(1) && has_ended(2));
  }
  while (!has_ended(1) || !has_ended(2)) a_moment();
  for (uint32_t round = 0; round < 100; round++) talk(sender, receiver); /* more than it holds */
  /* A receiver that was killed between its leaving and the count is counted by the next check of the sender. */
  for (uint32_t wait = 0; ipc_sender_receiver_count(sender) != 1 && wait < 3000; wait++) a_moment();
  CHECK_EQ(ipc_sender_receiver_count(sender), 1);
  close_both(sender, receiver);
  fault_opens_nothing = false;
}

/*
 * The first has died with the socket of its event loop: actors 1 and 2 remove the socket behind it. They ask at once,
 * because processes of other cases may find it, too.
 */
static void leave_a_waker(uint32_t actor) {
  _Atomic uint64_t *identity = (_Atomic uint64_t *)now->ledger;
  if (actor == LAST) {
    come_last(LAST);
    return;
  }
  if (actor > 0) {
    ipc_sender *sender = try_sender(IPC_CREATE_OR_OPEN);
    reach(1);
    while (atomic_load(identity) == 0) a_moment();
    while (ipc_os_alive(atomic_load(identity))) continue;
    ipc_sender_close(sender);
    come_and_go();
    return;
  }
  loop_waker mine = open_waker();
  await_stage(1, 1);
  await_stage(2, 1);
  atomic_store(identity, ipc_os_self());
  ipc_receiver *receiver = try_receiver(IPC_CREATE_OR_OPEN);
  ipc_receiver_arm(receiver, IPC_WAIT_FOR_PEERS, mine.low, mine.high);
  ipc_receiver_close(receiver);
}

static void end_well(int signal) {
  (void)signal;
  _exit(0);
}

/*
 * A signal ends all but the last, each in its own time. The handler that the library calls at the end, and that would
 * end the process by the signal, ends it with status 0.
 */
static void ended_by_a_signal(uint32_t actor) {
  if (actor == LAST) {
    come_last(LAST);
    return;
  }
  struct sigaction action = {.sa_handler = end_well, .sa_flags = (int)SA_RESETHAND};
  CHECK_EQ(sigaction(SIGTERM, &action, NULL), 0);
  ipc_process_adopt_reset_handlers();
  CHECK(try_sender(IPC_CREATE_OR_OPEN) && try_receiver(IPC_CREATE_OR_OPEN));
  DO(raise(SIGTERM));
}

/* The sender of a route hands it on; a second one is refused. */
static void one_sender(uint32_t actor) {
  if (actor == LAST) {
    come_last(LAST);
    return;
  }
  for (uint32_t round = 0; round < ROUNDS; round++) {
    ipc_sender *sender = try_sender(IPC_CREATE_OR_OPEN);
    ipc_sender *second = try_sender(IPC_CREATE_OR_OPEN);
    CHECK(!second || !sender);
    ipc_sender_close(second);
    ipc_sender_close(sender);
  }
}

/*
 * All but the second have a codec. If one is killed while it sets the codec, the last finds it set or sets it, and an
 * endpoint with another codec is refused.
 */
static void with_codec(uint32_t actor) {
  if (actor == 1) {
    ipc_failure failure;
    ipc_options bytes = playing->options;
    bytes.codec[0] = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
      ipc_receiver *receiver = OPEN(ipc_receiver_open(fault_prefix, now->name, &bytes, &failure));
      CHECK(receiver);
      ipc_receiver_close(receiver);
    }
    return;
  }
  if (actor < LAST) {
    come_and_go();
    return;
  }
  come_last(LAST);
  ipc_failure failure;
  ipc_options other = playing->options;
  other.codec[0] = 'J';
  ipc_receiver *receiver = try_receiver(IPC_CREATE_OR_OPEN);
  CHECK(!DO(ipc_sender_open(fault_prefix, now->name, &other, &failure)));
  CHECK_EQ(failure.code, IPC_E_OPTIONS_MISMATCH);
  CHECK_EQ(strcmp(failure.codec, playing->options.codec), 0);
  ipc_receiver_close(receiver);
}

#define NAME(kind_, run_)                                                  \
  .cast = {"first", "second", "third", "last"}, .victims = 3, .run = run_, \
  .options = {.struct_size = sizeof(ipc_options), .kind = kind_, .capacity = 4096}

const scenario name_scenarios[] = {
    {.name = "names", NAME(IPC_CHANNEL, open_and_close)},
    {.name = "names, cleared", NAME(IPC_CHANNEL, clear_under_them)},
    {.name = "names, listed", NAME(IPC_CHANNEL, list_them)},
    {.name = "names, left behind",
     NAME(IPC_CHANNEL, leave_behind),
     .first = {0, " ipc_sender_publish_head (sender.c) store", 2}},
    {.name = "names, taken over",
     NAME(IPC_CHANNEL, take_over),
     .first = {0, " ipc_sender_publish_head (sender.c) store", 2}},
    {.name = "names, unfinished", NAME(IPC_QUEUE, leave_behind), .first = {0, " ipc_segment_create copy", 1}},
    {.name = "names, empty", NAME(IPC_CHANNEL, leave_behind), .first = {0, " segment_resize resize", 1}},
    {.name = "names, left behind and listed",
     NAME(IPC_CHANNEL, list_left_behind),
     .first = {0, " ipc_sender_publish_head (sender.c) store", 2}},
    {.name = "names, empty and listed", NAME(IPC_CHANNEL, list_left_behind), .first = {0, " segment_resize resize", 1}},
    {.name = "names, watched", NAME(IPC_CHANNEL, watch)},
    {.name = "names, no room", NAME(IPC_CHANNEL, no_room)},
    {.name = "names, not ours", NAME(IPC_CHANNEL, not_ours), .is_left = true},
    {.name = "names, renamed", NAME(IPC_CHANNEL, renamed)},
    {.name = "names, of another version", NAME(IPC_CHANNEL, of_another_version)},
    {.name = "names, one sender", NAME(IPC_ROUTE, one_sender)},
    {.name = "names, ended by a signal", NAME(IPC_CHANNEL, ended_by_a_signal)},
    {.name = "names, thread ends", NAME(IPC_CHANNEL, thread_ends)},
    {.name = "names, waker left behind", NAME(IPC_CHANNEL, leave_a_waker), .first = {0, " ipc_slots_leave swap", 1}},
    {.name = "names, with a codec", NAME(IPC_CHANNEL, with_codec), .options.codec = "json"},
    {.name = "names, no descriptor", NAME(IPC_CHANNEL, no_descriptor), .survivors = 1},
    {.name = NULL}};

/* fork_test.c - a forked child is refused what it inherited, and its parent notices nothing. */
#include <sys/stat.h>

#include "ends.h"
#include "handles.h"
#include "view.h"

static const ipc_options channel = {
    .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 4096, .max_receivers = 4};

static int32_t fork_and_run(void (*run)(void *), void *argument) {
  test_finish(test_start(TEST_PROCESS, run, argument));
  return 0;
}

typedef struct ends {
  uint32_t kind, overflow;
  ipc_sender *sender;
  ipc_receiver *receiver;
  ipc_mapping *mapping;
  uint32_t lent, lease[3];
} ends;

static void use_ends(void *inherited) {
  ends *it = inherited;
  uint8_t bytes[8000] = {0};
  uint32_t span[4], part = 0, offset;
  const int32_t waits[] = {0, 20, -1};
  for (int i = 0; i < 3; i++) {
    CHECK_EQ(ipc_sender_send(it->sender, "child", 6, waits[i]), IPC_E_FORKED);
    if (it->kind != IPC_QUEUE) CHECK_EQ(ipc_sender_send(it->sender, bytes, sizeof bytes, waits[i]), IPC_E_FORKED);
    CHECK_EQ(ipc_sender_stage(it->sender, "child", 6), IPC_OK);
    CHECK_EQ(test_flush(it->sender, waits[i], IPC_E_FORKED), 0);
    if (it->overflow != IPC_DROP_OLDEST) CHECK_EQ(ipc_sender_loan(it->sender, 8, waits[i], &offset), IPC_E_FORKED);
    CHECK_EQ(ipc_sender_wait_for_receivers(it->sender, 1, waits[i]), IPC_E_FORKED);
    CHECK_EQ(ipc_receiver_recv(it->receiver, bytes, sizeof bytes, waits[i]), IPC_E_FORKED);
    if (it->kind == IPC_QUEUE)
      CHECK_EQ(ipc_receiver_take(it->receiver, waits[i], span), IPC_E_FORKED);
    else
      CHECK_EQ(ipc_receiver_peek(it->receiver, span, 2, NULL, 0, waits[i]), IPC_E_FORKED);
  }
  CHECK_EQ(ipc_sender_send_part(it->sender, bytes, 1000, &part), IPC_E_FORKED);
  if (it->lent) CHECK_EQ(ipc_sender_end_loan(it->sender, it->lent, 5), IPC_E_FORKED);
  if (it->kind == IPC_QUEUE) CHECK_EQ(ipc_receiver_done(it->receiver, it->lease[0]), IPC_E_FORKED);
  if (it->kind == IPC_QUEUE) CHECK_EQ(ipc_receiver_retry(it->receiver, it->lease[0]), IPC_E_FORKED);
  CHECK(ipc_receiver_take_assembled(it->receiver, span) == NULL);
  ipc_peer peers[4];
  CHECK_EQ(ipc_sender_peers(it->sender, peers, 4), 0);
  CHECK_EQ(ipc_sender_receiver_count(it->sender), 0);
  ipc_sender_arm(it->sender, IPC_WAIT_FOR_SPACE | IPC_WAIT_FOR_PEERS, 1, 2);
  ipc_receiver_poll(it->receiver, IPC_WAIT_FOR_DATA | IPC_WAIT_FOR_PEERS, 1, 2);
  /* Views too: a child that writes through one writes into its own memory. */
  memset(ipc_mapping_address(it->mapping), 0xff, (size_t)ipc_mapping_byte_length(it->mapping));
  ipc_sender_close(it->sender);
  ipc_receiver_close(it->receiver);
  ipc_mapping_release(it->mapping);
  /* What it opens itself is its own. */
  ipc_receiver *receiver =
      it->kind == IPC_ROUTE ? NULL : must_receive((ipc_options){.struct_size = sizeof(ipc_options), .kind = it->kind});
  ipc_receiver_close(receiver);
}

static void check_ends(uint32_t kind, uint32_t overflow) {
  const ipc_options options = {
      .struct_size = sizeof(ipc_options), .kind = kind, .capacity = 4096, .overflow = overflow};
  ends it = {.kind = kind, .overflow = overflow, .receiver = must_receive(options), .sender = must_send(options)};
  uint8_t bytes[8];
  it.mapping = ipc_sender_hold_mapping(it.sender);
  for (uint64_t round = 0; round < 3; round++) {
    /* Read up to the head; in the middle of a run; and with a loan or a lease under way. */
    for (uint64_t i = 0; i < round * 3; i++) CHECK_EQ(ipc_sender_send(it.sender, &i, 8, 0), IPC_OK);
    if (round) CHECK_EQ(ipc_receiver_recv(it.receiver, bytes, 8, 0), 8);
    if (kind == IPC_QUEUE) {
      CHECK_EQ(ipc_sender_send(it.sender, "leased", 7, 0), IPC_OK);
      CHECK_EQ(ipc_receiver_take(it.receiver, 0, it.lease), IPC_OK);
    }
    it.lent = 0;
    if (round == 2 && overflow != IPC_DROP_OLDEST) CHECK_EQ(ipc_sender_loan(it.sender, 8, 0, &it.lent), IPC_OK);
    fork_and_run(use_ends, &it);
    CHECK_EQ(ipc_sender_receiver_count(it.sender), 1);
    if (kind == IPC_QUEUE) CHECK_EQ(ipc_receiver_done(it.receiver, it.lease[0]), IPC_OK);
    if (it.lent) CHECK_EQ(ipc_sender_end_loan(it.sender, it.lent, 8), IPC_OK);
    uint64_t left = round * 3 + (it.lent != 0) - (round != 0);
    for (uint64_t i = 0; i < left; i++) CHECK_GE(ipc_receiver_recv(it.receiver, bytes, 8, 0), 7);
    CHECK_EQ(ipc_receiver_recv(it.receiver, bytes, 8, 0), IPC_TIMED_OUT);
  }
  ipc_mapping_release(it.mapping);
  ipc_sender_close(it.sender);
  ipc_receiver_close(it.receiver);
  CHECK(!view_exists(test_prefix, test_name, kind));
}

static void endpoints_are_the_parents(void) {
  check_ends(IPC_ROUTE, IPC_BLOCK);
  check_ends(IPC_CHANNEL, IPC_BLOCK);
  check_ends(IPC_CHANNEL, IPC_DROP_NEWEST);
  check_ends(IPC_CHANNEL, IPC_DROP_OLDEST);
  check_ends(IPC_QUEUE, IPC_BLOCK);
}

typedef struct held {
  ipc_handle *handle;
  ipc_mapping *mapping;
  uint32_t kind;
  int32_t wait;
} held;

static void use_handle(void *inherited) {
  held *it = inherited;
  ipc_handle *handle = it->handle;
  ipc_failure failure;
  const int32_t waits[] = {0, 20, -1};
  for (int i = 0; i < 3; i++) {
    if (it->kind == IPC_MUTEX) CHECK_EQ(ipc_mutex_lock(handle, waits[i]), IPC_E_FORKED);
    if (it->kind == IPC_SEMAPHORE) CHECK_EQ(ipc_semaphore_acquire(handle, waits[i]), IPC_E_FORKED);
    if (it->kind == IPC_RWLOCK) CHECK_EQ(ipc_rwlock_lock(handle, waits[i], IPC_KEEP_NOTHING), IPC_E_FORKED);
    if (it->kind == IPC_RWLOCK) CHECK_EQ(ipc_rwlock_lock_shared(handle, waits[i]), IPC_E_FORKED);
    if (it->wait >= 0) CHECK_EQ(ipc_handle_sleep(handle, it->wait, waits[i]), IPC_E_FORKED);
  }
  if (it->kind == IPC_MUTEX) {
    CHECK_EQ(ipc_mutex_is_held(handle), 0);
    CHECK_EQ(ipc_mutex_unlock(handle), IPC_E_FORKED);
    CHECK_EQ(ipc_mutex_mark_unusable(handle), IPC_E_FORKED);
  } else if (it->kind == IPC_SEMAPHORE) {
    CHECK_EQ(ipc_semaphore_release(handle, 1), IPC_E_FORKED);
  } else if (it->kind == IPC_RWLOCK) {
    CHECK_EQ(ipc_rwlock_unlock(handle), IPC_E_FORKED);
    CHECK_EQ(ipc_rwlock_unlock_shared(handle), IPC_E_FORKED);
    CHECK_EQ(ipc_rwlock_mark_unusable(handle), IPC_E_FORKED);
  } else if (it->kind == IPC_CONDITION) {
    CHECK_EQ(ipc_condition_enter(handle, 0, 0), IPC_E_FORKED);
    CHECK_EQ(ipc_condition_notify(handle), IPC_E_FORKED);
    CHECK_EQ(ipc_condition_notify_all(handle), IPC_E_FORKED);
  } else if (it->kind == IPC_SIGNAL) {
    CHECK_EQ(ipc_signal_notify(handle, 1, 0), IPC_E_FORKED);
    CHECK_EQ(ipc_signal_wait(handle, 0), IPC_E_FORKED);
    CHECK_EQ(ipc_signal_wait(handle, 1000), IPC_E_FORKED);
  } else if (it->kind == IPC_LATEST) {
    uint8_t byte = 0;
    CHECK_EQ(ipc_latest_set(handle, &byte, 1, 0), IPC_E_FORKED);
    CHECK_EQ(ipc_latest_get(handle, &byte, 1), IPC_E_FORKED);
    CHECK_EQ(ipc_latest_length(handle), IPC_E_FORKED);
    CHECK_EQ(ipc_latest_enter(handle, 0, 0, 0), IPC_E_FORKED);
    CHECK_EQ(ipc_latest_lock(handle, 0), IPC_E_FORKED);
    CHECK_EQ(ipc_latest_unlock(handle), IPC_E_FORKED);
  } else {
    CHECK(ipc_memory_map(handle, &failure) == NULL);
    CHECK_EQ(failure.code, IPC_E_FORKED);
    CHECK_EQ(ipc_memory_grow(handle, 1 << 20, &failure), IPC_E_FORKED);
    CHECK_EQ(ipc_memory_unlink(handle), IPC_E_FORKED);
    CHECK_EQ(ipc_memory_enter(handle, 0, 0, 0, 0, &failure), IPC_E_FORKED);
    CHECK_EQ(ipc_memory_wake(handle, 0, 1), IPC_E_FORKED);
    memset(ipc_mapping_address(it->mapping), 0xff, 4096);
    ipc_mapping_release(it->mapping);
  }
  ipc_handle_arm(handle, IPC_WAIT_FOR_LOCK, 1, 2);
  ipc_handle_poll(handle);
  CHECK_EQ(ipc_handle_count(handle), 0);
  ipc_handle_close(handle);
}

static void check_handle(uint32_t kind, uint32_t robust) {
  held it = {.kind = kind, .wait = -1};
  ipc_failure failure;
  it.handle = must_handle((ipc_options){
      .struct_size = sizeof(ipc_options), .kind = kind, .robust = robust, .size = kind == IPC_MEMORY ? 4096 : 0});
  if (kind == IPC_MEMORY) it.mapping = ipc_memory_map(it.handle, &failure);
  for (int round = 0; round < 2; round++) {
    if (kind == IPC_MUTEX && round) CHECK_EQ(ipc_mutex_lock(it.handle, 0), IPC_OK);
    if (kind == IPC_SEMAPHORE && round) CHECK_EQ(ipc_semaphore_acquire(it.handle, 0), IPC_OK);
    if (kind == IPC_RWLOCK && round) CHECK_EQ(ipc_rwlock_lock(it.handle, 0, IPC_KEEP_NOTHING), IPC_OK);
    if (kind == IPC_CONDITION) it.wait = ipc_condition_enter(it.handle, 0, 0);
    if (kind == IPC_MEMORY) it.wait = ipc_memory_enter(it.handle, 0, 0, 0, 0, &failure);
    fork_and_run(use_handle, &it);
    if (it.wait >= 0) CHECK_EQ(ipc_handle_leave(it.handle, it.wait), 0);
    if (kind == IPC_MUTEX && round) CHECK_EQ(ipc_mutex_unlock(it.handle), IPC_OK);
    if (kind == IPC_SEMAPHORE) CHECK_EQ(ipc_semaphore_permits(it.handle), round ? 0 : 1);
    if (kind == IPC_SEMAPHORE && round) CHECK_EQ(ipc_semaphore_release(it.handle, 1), IPC_OK);
    if (kind == IPC_RWLOCK && round) CHECK_EQ(ipc_rwlock_unlock(it.handle), IPC_OK);
    if (kind == IPC_MEMORY) CHECK_EQ(*(uint32_t *)ipc_mapping_address(it.mapping), 0);
    CHECK_EQ(ipc_handle_count(it.handle), 1);
  }
  if (it.mapping) ipc_mapping_release(it.mapping);
  ipc_handle_close(it.handle);
  CHECK(!view_exists(test_prefix, test_name, kind));
}

static void handles_are_the_parents(void) {
  check_handle(IPC_MUTEX, 0);
  check_handle(IPC_CONDITION, 0);
  check_handle(IPC_SEMAPHORE, 1);
  check_handle(IPC_SEMAPHORE, 2);
  check_handle(IPC_RWLOCK, 0);
  check_handle(IPC_MEMORY, 0);
  check_handle(IPC_SIGNAL, 0);
  check_handle(IPC_LATEST, 0);
}

static void *open_and_close(void *stop) {
  const ipc_options options = channel;
  while (!atomic_load((_Atomic uint32_t *)stop)) {
    ipc_failure failure;
    ipc_receiver_close(ipc_receiver_open(test_prefix, test_name, &options, &failure));
  }
  return NULL;
}

/* While another thread opens and closes, each fork is of a consistent list, and the child can open. */
static void forks_meet_opens(void) {
#ifdef __SANITIZE_THREAD__
  return; /* it does not allow threads and forks together */
#endif
  static _Atomic uint32_t stop;
  pthread_t thread;
  ipc_sender *sender = must_send(channel);
  CHECK_EQ(pthread_create(&thread, NULL, open_and_close, (void *)&stop), 0);
  for (int i = 0; i < 50 * TEST_SCALE; i++) {
    pid_t child = fork();
    if (child == 0) {
      alarm(20);
      _exit(ipc_sender_send(sender, "x", 1, 0) == IPC_E_FORKED ? 0 : 1);
    }
    int status = -1;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
  }
  atomic_store(&stop, 1);
  pthread_join(thread, NULL);
  ipc_sender_close(sender);
}

TEST_MAIN(TEST_CASE(endpoints_are_the_parents), TEST_CASE(handles_are_the_parents), TEST_CASE(forks_meet_opens))

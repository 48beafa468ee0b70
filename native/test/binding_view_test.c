/* binding_view_test.c - a binding that moves the bytes itself gets their place and the system calls that it needs. */
#include "libipc/binding_view.h"

#include "ends.h"
#include "interpose.h"
#include "libipc/waker.h"
#include "slots.h"
#include "view.h"
#include "worker.h"

static ipc_options of_kind(uint32_t kind) {
  return (ipc_options){.struct_size = sizeof(ipc_options), .kind = kind, .capacity = 8192, .max_receivers = 7};
}

static uint32_t *words_of(ipc_segment *segment, ipc_mapping **mapping) {
  *mapping = ipc_segment_hold_mapping(segment);
  return ipc_mapping_address(*mapping);
}

static void a_binding_view_gives_the_addresses(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_QUEUE; kind++) {
    ipc_receiver *first = must_receive(of_kind(kind)), *receiver = must_receive(of_kind(kind));
    ipc_sender *sender = must_send(of_kind(kind));
    ipc_binding_view of_sender, of_receiver;
    ipc_segment *segment = ipc_sender_export(sender, &of_sender);
    CHECK(ipc_receiver_export(receiver, &of_receiver) != segment);
    CHECK_EQ(of_sender.kind, kind);
    CHECK_EQ(of_sender.overflow, IPC_BLOCK);
    CHECK_EQ(of_sender.capacity, 8192);
    CHECK_EQ(of_sender.max_receivers, 7);
    ipc_mapping *mapping;
    const uint32_t *words = words_of(segment, &mapping);
    CHECK_EQ(ipc_mapping_byte_length(mapping), ipc_segment_bytes(kind, 8192, 7, &(uint64_t){0}));
    view seen = view_open(test_prefix, test_name, kind);
    CHECK_EQ(words[0], ((uint32_t *)seen.base)[0]);
    CHECK_EQ(of_receiver.word, IPC_HEADER_BYTES / 4 + sizeof(ipc_slot) / 4);
    CHECK_EQ(of_sender.word, IPC_HEADER_BYTES / 4 + 7 * sizeof(ipc_slot) / 4);
    CHECK_EQ(((const ipc_slot *)(words + of_sender.word))->instance, of_sender.instance);
    CHECK_EQ(((const ipc_slot *)(words + of_receiver.word))->instance, of_receiver.instance);
    view_close(&seen);
    ipc_sender_close(sender);
    CHECK_EQ(((const ipc_slot *)(words + of_sender.word))->instance, 0); /* still mapped: held */
    ipc_mapping_release(mapping);
    ipc_receiver_close(receiver);
    ipc_receiver_close(first);
  }
}

/* What drop-oldest counts from. */
static void a_binding_view_gives_the_join_position(void) {
  ipc_options options = of_kind(IPC_CHANNEL);
  options.overflow = IPC_DROP_OLDEST;
  ipc_sender *sender = must_send(options);
  for (int i = 0; i < 3; i++) CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_OK);
  ipc_receiver *receiver = must_receive(options);
  ipc_binding_view exported;
  ipc_receiver_export(receiver, &exported);
  CHECK_EQ(exported.joined_high, 3);    /* messages */
  CHECK_EQ(exported.joined_low, 3 * 2); /* units */
  CHECK_EQ(exported.overflow, IPC_DROP_OLDEST);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

/* The binding has released the claim of its route, and another sender holds it now: close() must not release it. */
static void a_claim_is_the_bindings(void) {
  ipc_sender *mine = must_send(of_kind(IPC_ROUTE));
  ipc_binding_view exported;
  ipc_segment *segment = ipc_sender_export(mine, &exported);
  atomic_store(&segment->header->claim, 0);
  ipc_sender *other = must_send(of_kind(IPC_ROUTE));
  ipc_sender_close(mine);
  ipc_failure failure;
  const ipc_options route = of_kind(IPC_ROUTE);
  CHECK(!ipc_sender_open(test_prefix, test_name, &route, &failure));
  CHECK_EQ(failure.code, IPC_E_HAS_SENDER);
  ipc_sender_close(other);
}

typedef struct board {
  _Atomic uint32_t ready, ended;
} board;
static board *shared;
enum { WORD = IPC_HEADER_BYTES / 4 - 1 };

static void sleep_on_it(void *unused) {
  (void)unused;
  ipc_receiver *receiver = must_receive(of_kind(IPC_CHANNEL));
  ipc_binding_view exported;
  ipc_segment *segment = ipc_receiver_export(receiver, &exported);
  atomic_fetch_add(&shared->ready, 1);
  ipc_mapping *mapping;
  _Atomic uint32_t *words = (_Atomic uint32_t *)words_of(segment, &mapping);
  while (atomic_load(&words[WORD]) == 0) ipc_segment_wait(segment, WORD, 0, 1e300, 0);
  atomic_fetch_add(&shared->ended, 1);
  ipc_mapping_release(mapping);
  ipc_receiver_close(receiver);
}

/* In other processes, and in another thread of this one. */
static void words_are_slept_on(void) {
  shared = test_shared(sizeof *shared);
  ipc_sender *sender = must_send(of_kind(IPC_CHANNEL));
  ipc_binding_view exported;
  ipc_segment *segment = ipc_sender_export(sender, &exported);
  test_worker workers[3];
  for (int i = 0; i < 3; i++) workers[i] = test_start(i < 2 ? TEST_PROCESS : TEST_THREAD, sleep_on_it, NULL);
  test_await(&shared->ready, 3);
  ipc_mapping *mapping;
  _Atomic uint32_t *words = (_Atomic uint32_t *)words_of(segment, &mapping);
  atomic_store(&words[WORD], 1);
  ipc_segment_wake(segment, WORD);
  for (int i = 0; i < 3; i++) test_finish(workers[i]);
  CHECK_EQ(shared->ended, 3);
  double before = test_ms();
  ipc_segment_wait(segment, WORD, 1, 20, 0);
  CHECK_GE(test_ms() - before, 20);
  /* These would last for ever. */
  ipc_segment_wait(segment, WORD, 0, 1e300, 0);
  ipc_segment_wait(segment, UINT32_MAX, 1, 1e300, 0);
  ipc_segment_wait(segment, (uint32_t)(ipc_mapping_byte_length(mapping) / 4), 0, 1e300, 0);
  ipc_segment_wait(segment, WORD, 1, 0, 0);
  ipc_segment_wait(segment, WORD, 1, -1, 0);
  ipc_segment_wake(segment, UINT32_MAX);
  ipc_mapping_release(mapping);
  ipc_sender_close(sender);
}

static void names_are_locked_and_removed(void) {
  ipc_sender *sender = must_send(of_kind(IPC_CHANNEL));
  ipc_receiver *receiver = must_receive(of_kind(IPC_CHANNEL));
  ipc_binding_view exported;
  ipc_segment *segment = ipc_sender_export(sender, &exported), *other = ipc_receiver_export(receiver, &exported);
  CHECK_EQ(ipc_segment_has_name(segment), 1);
  CHECK_EQ(ipc_segment_lock_name(segment, 1000), IPC_OK);
  CHECK_EQ(ipc_segment_lock_name(other, 1), IPC_E_BUSY);
  ipc_segment_unlock_name(other); /* nothing: it does not hold it */
  CHECK_EQ(ipc_segment_lock_name(other, 1), IPC_E_BUSY);
  ipc_segment_unlock_name(segment);
  CHECK_EQ(ipc_segment_lock_name(other, 1), IPC_OK);
  ipc_segment_remove_name(other);
  ipc_segment_unlock_name(other);
  CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
  CHECK_EQ(ipc_segment_has_name(segment), 0);
  CHECK_EQ(ipc_segment_lock_name(segment, 1), IPC_E_ORPHANED);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

static void tell_owner(void *memory) {
  CHECK_EQ(ipc_os_identify(), 0);
  ipc_owner_self(memory);
}

static void owners_are_told_apart(void) {
  uint32_t mine[4], again[4], *others = test_shared(8 * sizeof *others);
  CHECK_EQ(ipc_os_identify(), 0);
  ipc_owner_self(mine);
  ipc_owner_self(again);
  CHECK_EQ(memcmp(mine, again, sizeof mine), 0);
  CHECK_EQ(ipc_owner_runs(mine[0], mine[1], 0, 0), 1);
  CHECK_EQ(ipc_owner_runs(mine[0] ^ 1, mine[1], 0, 0), 0);
  test_finish(test_start(TEST_PROCESS, tell_owner, others));
  test_finish(test_start(TEST_THREAD, tell_owner, others + 4));
  CHECK(others[1] != mine[1]); /* another process */
  CHECK_EQ(ipc_owner_runs(others[0], others[1], 0, 0), 0);
  CHECK(others[4] == mine[0] && others[5] == mine[1]); /* this process */
  CHECK(others[6] != mine[2]);                         /* another thread */
}

static void wakers_are_signalled(void) {
  uint32_t number[2];
  char ring[16];
  int fd = ipc_waker_open(number);
  CHECK_GE(fd, 0);
  ipc_waker_signal(number[0], number[1]);
  CHECK_EQ(read(fd, ring, sizeof ring), 1);
  ipc_waker_signal(UINT32_MAX, UINT32_MAX); /* no waker has it */
  CHECK_EQ(read(fd, ring, sizeof ring), -1);
  close(fd);
  ipc_waker_close(number[0], number[1]);
}

TEST_MAIN(TEST_CASE(a_binding_view_gives_the_addresses), TEST_CASE(a_binding_view_gives_the_join_position),
          TEST_CASE(a_claim_is_the_bindings), TEST_CASE(words_are_slept_on), TEST_CASE(names_are_locked_and_removed),
          TEST_CASE(owners_are_told_apart), TEST_CASE(wakers_are_signalled))

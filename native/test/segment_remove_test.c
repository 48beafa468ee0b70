/* segment_remove_test.c - foreign, damaged and truncated segments are refused; removed names orphan their endpoints. */
#include "handle_state.h"
#include "segment_fixture.h"

static void foreign_and_damaged_segments_are_refused(void) {
  view it = leave_leftover();
  ipc_header *header = it.header, whole;
  memcpy(&whole, header, sizeof whole);
  uint64_t inode = it.inode;
#define REFUSED(damage, status)                                                             \
  do {                                                                                      \
    ipc_failure failure;                                                                    \
    damage;                                                                                 \
    CHECK_EQ(open_code(test_prefix, test_name, any_channel, &failure), status);             \
    CHECK_EQ(open_code(test_prefix, test_name, channel, &failure), status);                 \
    memcpy(header, &whole, sizeof whole);                                                   \
    CHECK_EQ(view_open(test_prefix, test_name, IPC_CHANNEL).inode, inode); /* left alone */ \
  } while (0)
  REFUSED(header->magic = 0x12345678, IPC_E_FOREIGN);
  REFUSED(memset(header, 0xff, IPC_HEADER_BYTES), IPC_E_FOREIGN);
  REFUSED(header->version = IPC_LAYOUT_VERSION + 1, IPC_E_VERSION);
  REFUSED(header->layout_hash ^= 1, IPC_E_VERSION);
  REFUSED(header->kind = IPC_ROUTE, IPC_E_CORRUPT);
  REFUSED(header->kind = 77, IPC_E_CORRUPT);
  REFUSED(header->capacity = 0, IPC_E_CORRUPT);
  REFUSED(header->capacity = 2048, IPC_E_CORRUPT);
  REFUSED(header->capacity = 8192 + 8, IPC_E_CORRUPT);
  REFUSED(header->capacity = 16384, IPC_E_CORRUPT);
  REFUSED(header->capacity = 1u << 31, IPC_E_CORRUPT);
  REFUSED(header->max_receivers = 0, IPC_E_CORRUPT);
  REFUSED(header->max_receivers = 1024, IPC_E_CORRUPT);
  REFUSED(header->max_receivers = UINT32_MAX, IPC_E_CORRUPT);
  REFUSED(header->max_senders = 1, IPC_E_CORRUPT);
  REFUSED(header->segment_bytes = 0, IPC_E_CORRUPT);
  REFUSED(header->segment_bytes += 4096, IPC_E_CORRUPT);
  REFUSED(header->body_offset = 0, IPC_E_CORRUPT);
  REFUSED(header->body_offset += 8, IPC_E_CORRUPT);
  REFUSED(header->name[0] ^= 1, IPC_E_CORRUPT);
  REFUSED(header->prefix[0] ^= 1, IPC_E_CORRUPT);
  ipc_failure failure;
  CHECK_EQ(open_code(test_prefix, test_name, any_channel, &failure), IPC_OK); /* whole again: a leftover */
}

static void truncated_segments_are_refused(void) {
  view it = leave_leftover();
  int fd = view_file(test_prefix, test_name, IPC_CHANNEL);
  uint64_t sizes[] = {it.bytes - 1, it.bytes - 4096, it.header->body_offset, IPC_HEADER_BYTES, IPC_HEADER_BYTES - 1, 1};
  for (int i = 0; i < 6; i++) {
    ipc_failure failure;
    CHECK_EQ(ftruncate(fd, (off_t)sizes[i]), 0);
    CHECK_EQ(open_code(test_prefix, test_name, any_channel, &failure), IPC_E_CORRUPT);
    CHECK_EQ(failure.found, sizes[i]);
  }
  ipc_failure failure;
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_CHANNEL, &failure), IPC_OK); /* the way out */
  CHECK_EQ(open_code(test_prefix, test_name, any_channel, &failure), IPC_OK);
}

static void check_orphans(ipc_sender *sender, ipc_receiver *receiver, void (*unlink_name)(void)) {
  uint8_t bytes[16];
  CHECK_EQ(ipc_sender_send(sender, "one", 4, 0), IPC_OK);
  CHECK_EQ(ipc_sender_send(sender, "two", 4, 0), IPC_OK);
  unlink_name();
  ipc_receiver *fresh = must_receive(channel);
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, -1), 4); /* what was sent is still read */
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, 0), 4);
  CHECK_EQ(memcmp(bytes, "two", 4), 0);
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, -1), IPC_E_ORPHANED);
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, 0), IPC_E_ORPHANED);
  CHECK_EQ(ipc_receiver_peek(receiver, (uint32_t[2]){0}, 1, NULL, 0, -1), IPC_E_ORPHANED);
  CHECK_EQ(ipc_sender_send(sender, "x", 1, -1), IPC_E_ORPHANED);
  CHECK_EQ(ipc_sender_stage(sender, "x", 1), IPC_OK);
  CHECK_EQ(test_flush(sender, -1, IPC_E_ORPHANED), 0);
  CHECK_EQ(ipc_sender_wait_for_receivers(sender, 2, -1), IPC_E_ORPHANED);
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
  CHECK(view_exists(test_prefix, test_name, IPC_CHANNEL)); /* the old ones left the new segment alone */
  ipc_sender *again = must_send(channel);
  CHECK_EQ(ipc_sender_receiver_count(again), 1);
  check_usable(again, fresh);
  ipc_sender_close(again);
  ipc_receiver_close(fresh);
}

static void clear_name(void) {
  ipc_failure failure;
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_CHANNEL, &failure), IPC_OK);
}

static void unlink_by_hand(void) {
  char key[IPC_OS_KEY_BYTES];
  ipc_segment_key(key, IPC_CHANNEL, test_prefix, test_name);
  CHECK_EQ(ipc_os_unlink(key), 0);
}

static void clear_orphans(void) { check_orphans(must_send(channel), must_receive(channel), clear_name); }

static void removal_by_hand_orphans(void) { check_orphans(must_send(channel), must_receive(channel), unlink_by_hand); }

static void busy_receivers_see_a_removal_by_hand_at_the_next_poll(void) {
  const uint32_t kinds[] = {IPC_ROUTE, IPC_CHANNEL, IPC_QUEUE};
  for (int i = 0; i < 3; i++) {
    char bytes[8], key[IPC_OS_KEY_BYTES];
    ipc_segment_key(key, kinds[i], test_prefix, test_name);
    ipc_receiver *receiver =
        must_receive((ipc_options){.struct_size = sizeof(ipc_options), .kind = kinds[i], .capacity = 8192});
    CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, 0), IPC_TIMED_OUT);
    CHECK_EQ(ipc_os_unlink(key), 0);
    hooks.clock_ahead_ns += IPC_SLICE_NS;
    CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, 0), IPC_E_ORPHANED);
    ipc_receiver_close(receiver);
  }
}

static int32_t lock_once(ipc_handle *handle) {
  int32_t status = handle->segment.kind == IPC_MUTEX    ? ipc_mutex_lock(handle, 0)
                   : handle->segment.kind == IPC_RWLOCK ? ipc_rwlock_lock_shared(handle, 0)
                                                        : ipc_semaphore_acquire(handle, 0);
  if (status != IPC_OK) return status;
  return handle->segment.kind == IPC_MUTEX    ? ipc_mutex_unlock(handle)
         : handle->segment.kind == IPC_RWLOCK ? ipc_rwlock_unlock_shared(handle)
                                              : ipc_semaphore_release(handle, 1);
}

/* Each attempt finds the lock free, and so has no reason to ask the system for anything. */
static void busy_locks_see_a_removal_by_hand(void) {
  const uint32_t kinds[] = {IPC_MUTEX, IPC_RWLOCK, IPC_SEMAPHORE};
  for (int i = 0; i < 3; i++) {
    char key[IPC_OS_KEY_BYTES];
    ipc_failure failure;
    const ipc_options options = {.struct_size = sizeof(ipc_options), .kind = kinds[i]};
    ipc_segment_key(key, kinds[i], test_prefix, test_name);
    ipc_handle *handle = ipc_handle_open(test_prefix, test_name, &options, &failure);
    CHECK(handle);
    for (int turn = 0; turn < 1000; turn++) CHECK_EQ(lock_once(handle), IPC_OK);
    CHECK_EQ(ipc_os_unlink(key), 0);
    hooks.clock_ahead_ns += IPC_SLICE_NS;
    int32_t status = IPC_OK;
    for (int turn = 0; turn < 65 && status == IPC_OK; turn++) status = lock_once(handle);
    CHECK_EQ(status, IPC_E_ORPHANED);
    ipc_handle_close(handle);
  }
}

static void receive_until_orphaned(void *unused) {
  (void)unused;
  ipc_receiver *receiver = must_receive(channel);
  atomic_fetch_add(&shared->ready, 1);
  CHECK_EQ(ipc_receiver_recv(receiver, NULL, 0, -1), IPC_E_ORPHANED);
  ipc_receiver_close(receiver);
}

static void send_until_orphaned(void *unused) {
  (void)unused;
  ipc_sender *sender = must_send(channel);
  atomic_fetch_add(&shared->ready, 1);
  int32_t status;
  while ((status = ipc_sender_send(sender, "x", 1, -1)) == IPC_OK) continue;
  CHECK_EQ(status, IPC_E_ORPHANED);
  ipc_sender_close(sender);
}

/* A full ring with a sender asleep, and (on the other name) a receiver asleep. */
static void clear_wakes_sleepers(void) {
  shared = test_shared(sizeof *shared);
  hooks.patient = true; /* a missing wake-up would hang */
  test_worker receiver = test_start(TEST_PROCESS, receive_until_orphaned, NULL);
  test_await(&shared->ready, 1);
  view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  view_await_sleeper(&seen, IPC_EVENT_DATA);
  clear_name();
  test_finish(receiver);
  ipc_receiver *idle = must_receive(channel);
  test_worker sender = test_start(TEST_PROCESS, send_until_orphaned, NULL);
  test_await(&shared->ready, 2);
  seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  view_await_sleeper(&seen, IPC_EVENT_SPACE);
  clear_name();
  test_finish(sender);
  ipc_receiver_close(idle);
}

static void clear_takes_anything(void) {
  ipc_failure failure;
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_CHANNEL, &failure), IPC_OK);
  uint64_t sizes[] = {0, 1, IPC_HEADER_BYTES, 1 << 20};
  for (int i = 0; i < 4; i++) {
    make_file(sizes[i], 0600);
    CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_CHANNEL, &failure), IPC_OK);
    CHECK(!view_exists(test_prefix, test_name, IPC_CHANNEL));
  }
  CHECK_EQ(ipc_clear(test_prefix, test_name, 0, &failure), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_clear(test_prefix, "", IPC_ROUTE, &failure), IPC_E_INVALID_NAME);
}

TEST_MAIN(TEST_CASE(foreign_and_damaged_segments_are_refused), TEST_CASE(truncated_segments_are_refused),
          TEST_CASE(clear_orphans), TEST_CASE(removal_by_hand_orphans),
          TEST_CASE(busy_receivers_see_a_removal_by_hand_at_the_next_poll), TEST_CASE(busy_locks_see_a_removal_by_hand),
          TEST_CASE(clear_wakes_sleepers), TEST_CASE(clear_takes_anything))

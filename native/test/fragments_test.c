/* fragments_test.c - large messages arrive whole or not at all, also when senders die, leave or time out. */
#include "fragments_fixture.h"

static void sizes_around_every_boundary_arrive(void) {
  const uint32_t most = CAPACITY - CAPACITY / 4; /* what the ring holds at once wherever it begins */
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_CHANNEL; kind++) {
    open_both(kind);
    CHECK_EQ(ipc_sender_max_record(sender), MAX_RECORD);
    for (uint32_t length = MAX_RECORD - 20; length <= most - 6 * 32; length++) {
      write_out(length, length);
      CHECK_EQ(ipc_sender_send(sender, out, length, 0), IPC_OK);
      check_next(length, length);
      if (length % PART > 8 && length % PART < PART - 8 && length > MAX_RECORD + 20) length += 5;
    }
    CHECK_EQ(ipc_receiver_next_length(receiver), IPC_TIMED_OUT);
    close_both();
  }
}

typedef struct job {
  uint32_t first, count, step, capacity;
} job;

static const uint32_t sizes[] = {CAPACITY - 1,   CAPACITY, CAPACITY + 1, 2 * CAPACITY, PART * 100 - 1, PART * 100,
                                 PART * 100 + 1, 65536,    65537,        65504,        1 << 20,        LARGE};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void send_sizes(void *argument) {
  const job *mine = argument;
  ipc_sender *it =
      must_send((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .capacity = mine->capacity});
  CHECK_EQ(ipc_sender_wait_for_receivers(it, 1, -1), IPC_OK);
  for (uint32_t i = 0; i < SIZES; i++) {
    write_out(i, sizes[i]);
    CHECK_EQ(ipc_sender_send(it, out, sizes[i], -1), IPC_OK);
    CHECK_EQ(ipc_sender_send(it, &i, 4, -1), IPC_OK);
  }
  ipc_sender_close(it);
}

static void check_large(test_form form) {
  hooks.patient = true;
  for (uint32_t capacity = CAPACITY; capacity <= 65536; capacity *= 16) {
    job all = {.capacity = capacity};
    receiver = must_receive((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .capacity = capacity});
    test_worker worker = test_start(form, send_sizes, &all);
    for (uint32_t i = 0, got; i < SIZES; i++) {
      memset(in, 0xee, sizes[i] + 1);
      check_in(ipc_receiver_recv(receiver, in, sizes[i], -1), i, sizes[i]);
      CHECK_EQ(ipc_receiver_recv(receiver, &got, 4, -1), 4);
      CHECK_EQ(got, i);
    }
    test_finish(worker);
    ipc_receiver_close(receiver);
  }
}

static void megabytes_pass_between_processes(void) { check_large(TEST_PROCESS); }

static void megabytes_pass_between_threads(void) { check_large(TEST_THREAD); }

static uint32_t count;

static const message_range mixed = {MESSAGE_TAG, 30000}; /* mostly short, some in fragments */

static void send_mixed(void *number) {
  uint32_t me = *(uint32_t *)number;
  uint8_t *bytes = malloc(mixed.max + 8);
  ipc_sender *it = must_send(small_ring(IPC_CHANNEL));
  CHECK_EQ(ipc_sender_wait_for_receivers(it, 2, -1), IPC_OK);
  for (uint32_t i = 0; i < count && !atomic_load(&shared->stop); i++) {
    uint32_t length = message_write(bytes, (message_tag){me, i}, mixed);
    CHECK_EQ(ipc_sender_send(it, bytes, length, -1), IPC_OK);
    atomic_store(&shared->accepted[me], i + 1);
  }
  CHECK_EQ(ipc_sender_send(it, "end", 4, -1), IPC_OK);
  ipc_sender_close(it);
  free(bytes);
}

/* Until so many have said that it is the end. */
static void receive_mixed(void *number) {
  uint32_t me = *(uint32_t *)number % 2, open = numbers[MESSAGE_SENDERS - 1];
  uint8_t *bytes = malloc(mixed.max + 8);
  message_log *log = calloc(1, sizeof *log);
  ipc_receiver *it = must_receive(small_ring(IPC_CHANNEL));
  while (open) {
    int32_t length = ipc_receiver_recv(it, bytes, mixed.max, -1);
    if (length == 4)
      open--;
    else
      message_accept(log, bytes, length, mixed);
  }
  memcpy(shared->got[me], log->next, sizeof log->next);
  atomic_store(&shared->order[me], log->order);
  ipc_receiver_close(it);
  free(log);
  free(bytes);
}

static void check_crowd(test_form form) {
  new_board();
  count = 300 * TEST_SCALE;
  numbers[MESSAGE_SENDERS - 1] = SENDERS;
  test_worker workers[2 + SENDERS];
  hooks.patient = true;
  for (uint32_t i = 0; i < 2; i++) workers[i] = test_start(form, receive_mixed, &numbers[i]);
  for (uint32_t i = 0; i < SENDERS; i++) workers[2 + i] = test_start(form, send_mixed, &numbers[i]);
  for (uint32_t i = 0; i < 2 + SENDERS; i++) test_finish(workers[i]);
  CHECK_EQ(shared->order[0], shared->order[1]);
  for (uint32_t i = 0; i < SENDERS; i++) CHECK_EQ(shared->got[0][i], count);
}

static void processes_mix_large_and_small(void) { check_crowd(TEST_PROCESS); }

static void threads_mix_large_and_small(void) { check_crowd(TEST_THREAD); }

static void killed_senders_leave_whole_messages(void) {
  new_board();
  enum { VICTIMS = 20 * TEST_SCALE };
  count = UINT32_MAX;
  numbers[MESSAGE_SENDERS - 1] = 1;
  test_worker receivers[2], survivor;
  uint32_t seed = 20260301;
  for (uint32_t i = 0; i < 2; i++) receivers[i] = test_start(TEST_PROCESS, receive_mixed, &numbers[i]);
  survivor = test_start(TEST_PROCESS, send_mixed, &numbers[0]);
  for (uint32_t i = 1; i <= VICTIMS; i++) {
    test_worker victim = test_start(TEST_PROCESS, send_mixed, &numbers[i]);
    test_await(&shared->accepted[i], 1 + test_random(&seed) % 30);
    for (uint32_t spin = test_random(&seed) % 20000; spin; spin--) atomic_signal_fence(memory_order_seq_cst);
    test_kill(victim);
    if (i % 3) test_reap(victim);
    double started = test_ms();
    test_await(&shared->accepted[0], atomic_load(&shared->accepted[0]) + 2);
    check_within_a_second(started);
  }
  atomic_store(&shared->stop, 1);
  test_finish(survivor);
  for (int i = 0; i < 2; i++) test_finish(receivers[i]);
  CHECK_EQ(shared->order[0], shared->order[1]);
  for (uint32_t i = 0; i <= VICTIMS; i++) {
    CHECK_EQ(shared->got[0][i], shared->got[1][i]);
    CHECK_GE(shared->got[0][i], shared->accepted[i]);
    CHECK_LE(shared->got[0][i], shared->accepted[i] + (i > 0));
  }
}

static void send_half_and_die(void *unused) {
  (void)unused;
  ipc_sender *it = must_send(small_ring(IPC_CHANNEL));
  write_out(1, 10000);
  uint32_t offset = 0;
  CHECK_EQ(ipc_sender_send_part(it, out, 10000, &offset), IPC_TIMED_OUT); /* what the ring holds of it is sent */
  kill(getpid(), SIGKILL);
}

/* The last of it is still unread when its sender has left, and what comes before that begins another one. */
static void messages_of_a_closed_sender_arrive(void) {
  open_both(IPC_CHANNEL);
  ipc_sender *leaving = must_send(small_ring(IPC_CHANNEL));
  uint32_t offset = 0;
  write_out(1, 4500);
  CHECK_EQ(ipc_sender_send_part(leaving, out, 4500, &offset), IPC_TIMED_OUT);
  CHECK_EQ(ipc_receiver_recv(receiver, in, sizeof in, 0), IPC_TIMED_OUT);
  write_out(2, 2100);
  CHECK_EQ(ipc_sender_send(sender, out, 2100, 0), IPC_OK);
  write_out(1, 4500);
  CHECK_EQ(ipc_sender_send_part(leaving, out, 4500, &offset), IPC_OK);
  ipc_sender_close(leaving);
  check_next(2, 2100);
  check_next(1, 4500);
  CHECK(!has_parts());
  close_both();
}

/* What a dead sender has begun stays until all is read that it can have sent and another part begins, and no longer. */
static void parts_of_dead_senders_are_dropped(void) {
  open_both(IPC_CHANNEL);
  test_worker victim = test_start(TEST_PROCESS, send_half_and_die, NULL);
  test_reap(victim);
  CHECK_EQ(ipc_receiver_recv(receiver, in, sizeof in, 0), IPC_TIMED_OUT);
  CHECK_EQ(has_parts(), 1);
  CHECK_EQ(ipc_sender_send(sender, "small", 5, 0), IPC_OK);
  CHECK_EQ(ipc_receiver_recv(receiver, in, sizeof in, 0), 5);
  for (uint32_t i = 2; i < 4; i++) { /* the first of them finds it dead */
    write_out(i, 2500);
    CHECK_EQ(ipc_sender_send(sender, out, 2500, 0), IPC_OK);
    check_next(i, 2500);
  }
  CHECK_EQ(has_parts(), 0);
  close_both();
}

static void a_message_that_timed_out_is_absent(void) {
  for (int32_t timeout = 0; timeout <= 20; timeout += 20) {
    open_both(IPC_CHANNEL);
    for (uint32_t i = 0; i < 20; i++) {
      write_out(i, 5000 + i);
      CHECK_EQ(ipc_sender_send(sender, out, 5000 + i, timeout), IPC_TIMED_OUT);
      CHECK_EQ(ipc_receiver_recv(receiver, in, sizeof in, 0), IPC_TIMED_OUT);
      write_out(i, i % 2 ? 100 : 2500);
      CHECK_EQ(ipc_sender_send(sender, out, i % 2 ? 100 : 2500, timeout), IPC_OK);
      check_next(i, i % 2 ? 100 : 2500);
      /* The small one says nothing of what is given up. Who does not wait has not even begun. */
      CHECK_EQ(has_parts(), timeout ? i % 2 : 0);
    }
    close_both();
  }
}

static void a_receiver_that_joins_in_the_middle_misses_that_message(void) {
  open_both(IPC_CHANNEL);
  uint32_t offset = 0;
  write_out(3, 5000);
  CHECK_EQ(ipc_sender_send_part(sender, out, 5000, &offset), IPC_TIMED_OUT);
  CHECK(offset > 0 && offset < 5000);
  ipc_receiver *late = must_receive(small_ring(IPC_CHANNEL));
  CHECK_EQ(ipc_receiver_recv(receiver, in, sizeof in, 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_sender_send_part(sender, out, 5000, &offset), IPC_OK);
  check_next(3, 5000);
  CHECK_EQ(ipc_receiver_recv(late, in, sizeof in, 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_receiver_lost(late), 0);
  write_out(4, 2500);
  CHECK_EQ(ipc_sender_send(sender, out, 2500, 0), IPC_OK);
  check_next(4, 2500);
  memset(in, 0xee, 2501);
  check_in(ipc_receiver_recv(late, in, 2500, 0), 4, 2500);
  ipc_receiver_close(late);
  close_both();
}

static void it_stays_until_it_is_received(void) {
  open_both(IPC_ROUTE);
  uint32_t spans[8], length = 0;
  write_out(5, 2600);
  CHECK(!ipc_receiver_take_assembled(receiver, &length));
  CHECK_EQ(ipc_sender_send(sender, "before", 6, 0), IPC_OK);
  CHECK_EQ(ipc_sender_send(sender, out, 2600, 0), IPC_OK);
  CHECK_EQ(ipc_sender_send(sender, "after", 5, 0), IPC_OK);
  CHECK(!ipc_receiver_take_assembled(receiver, &length)); /* that one lies in the ring */
  CHECK_EQ(ipc_receiver_peek(receiver, spans, 4, NULL, 0, 0), 1);
  CHECK_EQ(spans[1], 6);
  CHECK_EQ(ipc_receiver_consume(receiver, 1), IPC_OK);
  for (int again = 0; again < 3; again++) {
    CHECK_EQ(ipc_receiver_recv(receiver, in, 2599, -1), IPC_E_BUFFER_TOO_SMALL);
    CHECK_EQ(ipc_receiver_next_length(receiver), 2600);
    CHECK_EQ(ipc_receiver_peek(receiver, spans, 4, NULL, 0, -1), IPC_NOT_IN_PLACE);
  }
  check_next(5, 2600);
  CHECK_EQ(ipc_receiver_recv(receiver, in, 5, 0), 5);
  CHECK_EQ(memcmp(in, "after", 5), 0);
  close_both();
}

static void assembled_memory_belongs_to_the_caller(void) {
  open_both(IPC_CHANNEL);
  uint8_t *kept[20];
  uint32_t length = 0;
  for (uint32_t i = 0; i < 20; i++) { /* some received between: the spare memory is not what was given away */
    write_out(i, 2100 + 30 * i);
    CHECK_EQ(ipc_sender_send(sender, out, 2100 + 30 * i, 0), IPC_OK);
    kept[i] = i % 3 ? ipc_receiver_take_assembled(receiver, &length) : NULL;
    if (i % 3 == 0) check_next(i, 2100 + 30 * i);
    if (i % 3) CHECK_EQ(length, 2100 + 30 * i);
    CHECK_EQ(ipc_receiver_recv(receiver, in, sizeof in, 0), IPC_TIMED_OUT);
    CHECK(!ipc_receiver_take_assembled(receiver, &length));
  }
  close_both();
  for (uint32_t i = 0; i < 20; i++) {
    uint32_t wanted = 2100 + 30 * i;
    if (kept[i]) message_check(kept[i], wanted, (message_tag){7, i}, (message_range){wanted, wanted});
    ipc_message_release(kept[i]); /* NULL, too */
  }
}

/* More consumed than was peeked at: refused, or the message is gone; never given out later in another's place. */
static void consume_does_not_confuse_it(void) {
  open_both(IPC_CHANNEL);
  uint32_t spans[8];
  CHECK_EQ(ipc_sender_send(sender, "before", 6, 0), IPC_OK);
  write_out(6, 2600);
  CHECK_EQ(ipc_sender_send(sender, out, 2600, 0), IPC_OK);
  CHECK_EQ(ipc_receiver_peek(receiver, spans, 4, NULL, 0, 0), 1);
  int32_t status = ipc_receiver_consume(receiver, 2);
  if (status != IPC_OK) check_next(6, 2600);
  write_out(7, 2700);
  CHECK_EQ(ipc_sender_send(sender, out, 2700, 0), IPC_OK);
  check_next(7, 2700);
  CHECK_EQ(ipc_receiver_recv(receiver, in, sizeof in, 0), IPC_TIMED_OUT);
  close_both();
}

/* Every field wild, in every fragment of a message: an answer, and nothing touched that is not ours (AddressSanitizer
 * looks). */
static void damaged_fragments_are_survived(void) {
  static const uint32_t wild[] = {
      0, 1, 7, 480, 481, 2499, 2500, 2501, 4096, 0x7fffffff, 0x80000000u, UINT32_MAX - 1, UINT32_MAX};
  view seen;
  for (uint32_t part = 0; part < 6; part++)
    for (uint32_t field = 0; field < sizeof(ipc_fragment) / 4; field++)
      for (size_t value = 0; value < sizeof wild / sizeof *wild; value++) {
        open_both(IPC_CHANNEL);
        seen = view_open(test_prefix, test_name, IPC_CHANNEL);
        write_out(9, 2500);
        CHECK_EQ(ipc_sender_send(sender, out, 2500, 0), IPC_OK);
        uint32_t *fragment = (uint32_t *)(view_ring(&seen) + part * (CAPACITY / 8) + sizeof(ipc_record));
        bool same = fragment[field] == wild[value];
        fragment[field] = wild[value];
        CHECK_EQ(ipc_sender_send(sender, "after", 5, 0), IPC_OK);
        memset(in, 0xee, 2501);
        int32_t status = ipc_receiver_recv(receiver, in, 2500, 0);
        if (same || status == 2500)
          check_in(status, 9, 2500);
        else if (status != 5 && status != IPC_E_BUFFER_TOO_SMALL && (uint32_t)status != wild[value]) /* a total */
          CHECK_EQ(status, IPC_E_CORRUPT);
        if (status == IPC_E_CORRUPT) CHECK_EQ(ipc_receiver_next_length(receiver), IPC_E_CORRUPT);
        view_close(&seen);
        close_both();
      }
}

/* The last fragment begins within the message and ends past it: it must not be written behind the message. */
static void a_fragment_that_ends_past_the_message_is_refused(void) {
  enum { PARTS = 6, TOTAL = 4, OFFSET = 5 };
  open_both(IPC_CHANNEL);
  view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  write_out(9, 2500);
  CHECK_EQ(ipc_sender_send(sender, out, 2500, 0), IPC_OK);
  uint32_t *parts[PARTS];
  for (uint32_t part = 0; part < PARTS; part++)
    parts[part] = (uint32_t *)(view_ring(&seen) + part * (CAPACITY / 8) + sizeof(ipc_record));
  CHECK_EQ(parts[PARTS - 1][TOTAL], 2500);
  for (uint32_t part = 0; part < PARTS; part++) parts[part][TOTAL] = parts[PARTS - 1][OFFSET] + 1;
  CHECK_EQ(ipc_receiver_recv(receiver, in, 2500, 0), IPC_E_CORRUPT);
  view_close(&seen);
  close_both();
}

static void short_and_repeated_fragments_are_survived(void) {
  for (uint32_t length = 0; length <= sizeof(ipc_fragment); length++) {
    open_both(IPC_CHANNEL);
    view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
    CHECK_EQ(ipc_sender_send(sender, out, length, 0), IPC_OK);
    ((ipc_record *)view_ring(&seen))->kind = IPC_RECORD_FRAGMENT;
    CHECK_EQ(ipc_receiver_recv(receiver, in, sizeof in, 0), IPC_E_CORRUPT); /* no fragment is empty */
    view_close(&seen);
    close_both();
  }
  open_both(IPC_CHANNEL);
  view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  write_out(1, 2500);
  CHECK_EQ(ipc_sender_send(sender, out, 2500, 0), IPC_OK);
  uint8_t *ring = view_ring(&seen);
  memcpy(ring + CAPACITY / 8, ring, CAPACITY / 8); /* the first one twice, the second one never */
  CHECK_EQ(ipc_receiver_recv(receiver, in, sizeof in, 0), IPC_TIMED_OUT);
  write_out(2, 2600);
  CHECK_EQ(ipc_sender_send(sender, out, 2600, 0), IPC_OK);
  check_next(2, 2600);
  view_close(&seen);
  close_both();
}

TEST_MAIN(TEST_CASE(sizes_around_every_boundary_arrive), TEST_CASE(megabytes_pass_between_processes),
          TEST_CASE(megabytes_pass_between_threads), TEST_CASE(processes_mix_large_and_small),
          TEST_CASE(threads_mix_large_and_small), TEST_CASE(killed_senders_leave_whole_messages),
          TEST_CASE(messages_of_a_closed_sender_arrive), TEST_CASE(parts_of_dead_senders_are_dropped),
          TEST_CASE(a_message_that_timed_out_is_absent),
          TEST_CASE(a_receiver_that_joins_in_the_middle_misses_that_message), TEST_CASE(it_stays_until_it_is_received),
          TEST_CASE(assembled_memory_belongs_to_the_caller), TEST_CASE(consume_does_not_confuse_it),
          TEST_CASE(damaged_fragments_are_survived), TEST_CASE(a_fragment_that_ends_past_the_message_is_refused),
          TEST_CASE(short_and_repeated_fragments_are_survived))

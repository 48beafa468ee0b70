/* letters_test.c - a queue's limit of attempts, its dead letters, delays, and the limit of open leases. */
#include "moves.h"
#include "receiver_state.h"

#include "queue_fixture.h"

static const char dead_name[] = "dead letters";

static ipc_options limited(uint32_t max_attempts) {
  ipc_options options = queue;
  options.max_attempts = max_attempts;
  strcpy(options.dead_letter, dead_name);
  return options;
}

static ipc_receiver *dead(void) {
  ipc_failure failure;
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, dead_name, &queue, &failure);
  CHECK(receiver);
  return receiver;
}

static void check_origin(ipc_receiver *by, uint32_t offset, uint32_t attempts, const char *reason) {
  ipc_letter_origin origin;
  CHECK_EQ(ipc_receiver_origin(by, offset, &origin), 1);
  CHECK_EQ(origin.attempts, attempts);
  CHECK(strcmp(origin.queue, test_name) == 0);
  CHECK(strcmp(origin.reason, reason) == 0);
}

static void what_was_taken_too_often_becomes_a_dead_letter(void) {
  for (int i = 0; i < STARTS; i++) {
    ipc_options options = limited(3);
    options.first_position = starts[i];
    sender = must_send(options);
    a = must_receive(options);
    b = must_receive(queue); /* the limit is the queue's */
    ipc_receiver *letters = dead();
    put(7);
    put(8);
    for (uint32_t attempt = 1; attempt <= 3; attempt++)
      CHECK_EQ(ipc_receiver_retry(attempt % 2 ? a : b, check_take(attempt % 2 ? a : b, 7, attempt)), IPC_OK);
    CHECK_EQ(ipc_receiver_next_length(b), 8); /* of the next one: the first one is moved */
    uint32_t offset = check_take(b, 8, 1);
    uint32_t letter = check_take(letters, 7, 1);
    check_origin(letters, letter, 3, "max-attempts");
    ipc_letter_origin origin;
    CHECK_EQ(ipc_receiver_origin(b, offset, &origin), 0);
    CHECK_EQ(ipc_receiver_done(letters, letter), IPC_OK);
    CHECK_EQ(ipc_receiver_done(b, offset), IPC_OK);
    check_empty(a);
    check_empty(letters);
    ipc_receiver_close(letters);
    close_three();
  }
}

static void a_rejected_message_becomes_a_dead_letter_at_once(void) {
  sender = must_send(queue);
  a = must_receive(limited(0));
  b = must_receive(queue);
  ipc_receiver *letters = dead();
  char reason[300];
  memset(reason, 'x', sizeof reason);
  memcpy(reason + 254, "\xc3\xa9", 2); /* the cut comes within it */
  for (uint64_t i = 0; i < 3; i++) put(i);
  CHECK_EQ(ipc_receiver_reject(a, check_take(a, 0, 1), "no JSON", 7), IPC_OK);
  CHECK_EQ(ipc_receiver_reject(b, check_take(b, 1, 1), NULL, 0), IPC_OK);
  CHECK_EQ(ipc_receiver_reject(b, check_take(b, 2, 1), reason, sizeof reason), IPC_OK);
  check_empty(a);
  check_origin(letters, check_take(letters, 0, 1), 1, "no JSON");
  check_origin(letters, check_take(letters, 1, 1), 1, "rejected");
  reason[254] = 0;
  check_origin(letters, check_take(letters, 2, 1), 1, reason);
  CHECK_EQ(ipc_receiver_reject(a, 64, NULL, 0), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_receiver_reject(letters, 64, NULL, 0), IPC_E_INVALID_ARGUMENT);
  ipc_receiver_close(letters);
  close_three();
}

static void without_a_dead_letter_queue_nothing_is_rejected(void) {
  open_three();
  put(0);
  uint32_t offset = check_take(a, 0, 1);
  CHECK_EQ(ipc_receiver_reject(a, offset, NULL, 0), IPC_E_NOT_FOUND);
  CHECK_EQ(ipc_receiver_redrive(a, offset), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_receiver_done(a, offset), IPC_OK);
  close_three();
}

static void dead_letters_go_back(void) {
  sender = must_send(queue);
  a = must_receive(limited(1));
  ipc_receiver *letters = dead();
  put(1);
  put(2);
  CHECK_EQ(ipc_receiver_retry(a, check_take(a, 1, 1)), IPC_OK);
  uint32_t other = check_take(a, 2, 1), letter = check_take(letters, 1, 1);
  CHECK_EQ(ipc_receiver_redrive(letters, letter), IPC_OK);
  CHECK_EQ(ipc_receiver_redrive(letters, letter), IPC_E_INVALID_ARGUMENT);
  check_empty(letters);
  uint32_t again = check_take(a, 1, 1); /* with no attempts */
  ipc_letter_origin origin;
  CHECK_EQ(ipc_receiver_origin(a, again, &origin), 0);
  CHECK_EQ(ipc_receiver_done(a, again), IPC_OK);
  CHECK_EQ(ipc_receiver_done(a, other), IPC_OK);
  /* To a queue that is not open. */
  put(3);
  CHECK_EQ(ipc_receiver_reject(a, check_take(a, 3, 1), NULL, 0), IPC_OK);
  ipc_receiver_close(a);
  ipc_sender_close(sender);
  letter = check_take(letters, 3, 1);
  CHECK_EQ(ipc_receiver_redrive(letters, letter), IPC_E_NOT_FOUND);
  check_origin(letters, letter, 1, "rejected");
  ipc_receiver_close(letters);
}

/* No message is lost, and none comes to a receiver again: it waits until there is room. */
static void a_full_dead_letter_queue_takes_what_waits_later(void) {
  sender = must_send(queue);
  a = must_receive(limited(1));
  ipc_receiver *letters = dead();
  ipc_failure failure;
  ipc_sender *filler = ipc_sender_open(test_prefix, dead_name, &queue, &failure);
  CHECK(filler);
  uint64_t value = 99;
  uint32_t fillers = 0;
  while (ipc_sender_send(filler, &value, 8, 0) == IPC_OK) fillers++;
  put(1);
  CHECK_EQ(ipc_receiver_retry(a, check_take(a, 1, 1)), IPC_OK);
  put(2);
  uint32_t offset = check_take(a, 2, 1);
  check_empty(a);
  CHECK(ipc_receiver_next_due(a) > 0);
  for (uint32_t i = 0; i < fillers; i++) CHECK_EQ(ipc_receiver_recv(letters, &value, 8, 0), 8);
  CHECK_EQ(ipc_receiver_recv(letters, &value, 8, 0), IPC_TIMED_OUT);
  double started = test_ms();
  while (ipc_receiver_recv(letters, &value, 8, 20) != 8) {
    check_empty(a);
    CHECK_LE(test_ms() - started, 20000);
  }
  CHECK_EQ(value, 1);
  CHECK_EQ(ipc_receiver_done(a, offset), IPC_OK);
  ipc_sender_close(filler);
  ipc_receiver_close(letters);
  ipc_receiver_close(a);
  ipc_sender_close(sender);
}

/* The other takes of a case come before it, also on a machine that is slow. */
enum { DELAY_MS = 2000 };

static void a_delayed_message_is_taken_later_and_keeps_its_place(void) {
  open_three();
  for (uint64_t i = 0; i < 3; i++) put(i);
  CHECK_EQ(ipc_receiver_next_due(a), -1);
  CHECK_EQ(ipc_receiver_retry_after(a, check_take(a, 0, 1), DELAY_MS), IPC_OK);
  uint32_t second = check_take(b, 1, 1);
  CHECK(ipc_receiver_next_due(b) <= DELAY_MS);
  CHECK_EQ(ipc_receiver_retry(b, second), IPC_OK);             /* the cursor is before the delayed one again… */
  CHECK_EQ(ipc_receiver_done(b, check_take(b, 1, 2)), IPC_OK); /* …no: between the two */
  CHECK_EQ(ipc_receiver_done(a, check_take(a, 2, 1)), IPC_OK);
  double started = test_ms();
  uint64_t got;
  CHECK_EQ(ipc_receiver_recv(b, &got, 8, 20000), 8); /* it is not notified: it wakes by itself */
  CHECK_EQ(got, 0);
  CHECK_LE(test_ms() - started, 10000);
  CHECK_EQ(ipc_receiver_next_due(b), -1);
  put(5);
  uint32_t offset = check_take(a, 5, 1);
  CHECK_EQ(ipc_receiver_retry_after(a, offset, IPC_MAX_DELAY_MS + 1), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_receiver_retry_after(a, offset, IPC_MAX_DELAY_MS), IPC_OK);
  check_empty(b);
  CHECK(ipc_receiver_next_due(b) > (int32_t)IPC_MAX_DELAY_MS - 60000);
  close_three();
}

/* Put back before a delayed one: the cursor passes that again, and it must not be forgotten. */
static void a_delayed_message_behind_the_cursor_is_not_forgotten(void) {
  open_three();
  for (uint64_t i = 0; i < 2; i++) put(i);
  uint32_t first = check_take(a, 0, 1);
  CHECK_EQ(ipc_receiver_retry_after(b, check_take(b, 1, 1), 1), IPC_OK);
  CHECK_EQ(ipc_receiver_retry(a, first), IPC_OK);
  first = check_take(a, 0, 2);
  CHECK_EQ(ipc_receiver_retry_after(a, first, DELAY_MS), IPC_OK);
  uint64_t got;
  CHECK_EQ(ipc_receiver_recv(b, &got, 8, 20000), 8);
  CHECK_EQ(got, 1);
  CHECK_EQ(ipc_receiver_recv(b, &got, 8, 20000), 8);
  CHECK_EQ(got, 0);
  check_empty(a);
  close_three();
}

static void a_receiver_has_at_most_its_prefetch_of_leases(void) {
  ipc_options options = queue;
  options.prefetch = 2;
  sender = must_send(queue);
  a = must_receive(options);
  b = must_receive(queue);
  for (uint64_t i = 0; i < 4; i++) put(i);
  uint32_t first = check_take(a, 0, 1), lease[3];
  check_take(a, 1, 1);
  CHECK_EQ(ipc_receiver_take(a, 0, lease), IPC_TIMED_OUT);
  CHECK_EQ(ipc_receiver_take(a, -1, lease), IPC_E_DEADLOCK);
  CHECK_EQ(ipc_receiver_done(b, check_take(b, 2, 1)), IPC_OK);
  CHECK_EQ(ipc_receiver_done(a, first), IPC_OK);
  check_take(a, 3, 1);
  close_three();
}

static void check_refused(ipc_options options, int32_t code, int32_t option) {
  ipc_failure failure;
  CHECK(!ipc_receiver_open(test_prefix, test_name, &options, &failure));
  CHECK_EQ(failure.code, code);
  CHECK_EQ(failure.option, option);
}

static void options_are_checked_and_compared(void) {
  ipc_options alone = queue, other = limited(3);
  alone.max_attempts = 3;
  check_refused(alone, IPC_E_INVALID_ARGUMENT, IPC_OPTION_MAX_ATTEMPTS);
  check_refused(limited(IPC_MAX_ATTEMPTS + 1), IPC_E_INVALID_ARGUMENT, IPC_OPTION_MAX_ATTEMPTS);
  a = must_receive(limited(3));
  check_refused(limited(4), IPC_E_OPTIONS_MISMATCH, IPC_OPTION_MAX_ATTEMPTS);
  strcpy(other.dead_letter, "others");
  check_refused(other, IPC_E_OPTIONS_MISMATCH, IPC_OPTION_DEAD_LETTER);
  b = must_receive(limited(0)); /* any limit */
  ipc_receiver_close(b);
  ipc_receiver_close(a);
  /* A dead-letter queue that could not take every message. */
  ipc_receiver *letters = dead();
  ipc_options larger = limited(3);
  larger.capacity = 2 * CAPACITY;
  ipc_failure failure;
  CHECK(!ipc_receiver_open(test_prefix, test_name, &larger, &failure));
  CHECK_EQ(failure.code, IPC_E_OPTIONS_MISMATCH);
  CHECK_EQ(failure.option, IPC_OPTION_CAPACITY);
  CHECK(strcmp(failure.dead_letter, dead_name) == 0);
  ipc_receiver_close(letters);
  ipc_options same = queue;
  strcpy(same.dead_letter, test_name);
  check_refused(same, IPC_E_INVALID_ARGUMENT, IPC_OPTION_DEAD_LETTER);
}

/* The largest message has no room for its origin. */
static void the_largest_message_becomes_a_dead_letter(void) {
  sender = must_send(queue);
  a = must_receive(limited(0));
  ipc_receiver *letters = dead();
  uint32_t lease[3];
  memset(out, 0x5a, LARGEST);
  CHECK_EQ(ipc_sender_send(sender, out, LARGEST, 0), IPC_OK);
  CHECK_EQ(ipc_receiver_take(a, 0, lease), IPC_OK);
  CHECK_EQ(ipc_receiver_reject(a, lease[0], NULL, 0), IPC_OK);
  CHECK_EQ(ipc_receiver_take(letters, 0, lease), IPC_OK);
  CHECK_EQ(lease[1], LARGEST);
  CHECK(memcmp((const uint8_t *)ipc_receiver_ring(letters) + lease[0], out, LARGEST) == 0);
  ipc_letter_origin origin;
  CHECK_EQ(ipc_receiver_origin(letters, lease[0], &origin), 0);
  CHECK_EQ(ipc_receiver_redrive(letters, lease[0]), IPC_E_INVALID_ARGUMENT);
  ipc_receiver_close(letters);
  ipc_receiver_close(a);
  ipc_sender_close(sender);
}

static void a_removed_dead_letter_queue_is_created_again(void) {
  sender = must_send(queue);
  a = must_receive(limited(0));
  ipc_failure failure;
  CHECK_EQ(ipc_clear(test_prefix, dead_name, IPC_QUEUE, &failure), IPC_OK);
  ipc_receiver *letters = dead();
  put(1);
  CHECK_EQ(ipc_receiver_reject(a, check_take(a, 1, 1), NULL, 0), IPC_OK);
  check_origin(letters, check_take(letters, 1, 1), 1, "rejected");
  ipc_receiver_close(letters);
  ipc_receiver_close(a);
  ipc_sender_close(sender);
}

static _Atomic uint32_t *published;

/* As a receiver that is killed between the two stores of a move: the letter is there, and the lease has not ended. */
static void publish_a_letter_and_idle(void *unused) {
  (void)unused;
  ipc_failure failure;
  uint32_t position, length;
  ipc_receiver *it = must_receive(limited(0));
  uint32_t offset = check_take(it, 1, 1);
  ipc_lease *lease = ipc_queue_lease(&it->segment, it->instance, offset, &position, &length);
  CHECK(lease);
  lease->attempts |= IPC_LEASE_DEAD;
  ipc_sender *to = ipc_sender_open(test_prefix, dead_name, &queue, &failure);
  CHECK(to);
  ipc_move_key key = {it->segment.created, ipc_queue_wide(&it->segment, position)};
  ipc_origin origin = {1, (uint16_t)strlen(test_name), 8};
  ipc_move_parts parts = {lease + 1, length, &origin, test_name, "rejected"};
  CHECK_EQ(ipc_moves_publish(to, &key, &parts), IPC_OK);
  atomic_store(published, 1);
  test_idle();
}

static void a_letter_that_was_published_is_not_published_again(void) {
  published = test_shared(sizeof *published);
  sender = must_send(queue);
  a = must_receive(limited(0));
  ipc_receiver *letters = dead();
  put(1);
  test_worker killed = test_start(TEST_PROCESS, publish_a_letter_and_idle, NULL);
  test_await(published, 1);
  test_kill(killed);
  test_reap(killed);
  check_origin(letters, check_take(letters, 1, 1), 1, "rejected");
  /* Finds the lease of the dead, and ends it. */
  uint32_t lease[3];
  CHECK(ipc_slots_evict_dead(&a->segment));
  CHECK_EQ(ipc_receiver_take(a, 0, lease), IPC_TIMED_OUT);
  CHECK_EQ(ipc_receiver_take(letters, 0, lease), IPC_TIMED_OUT);
  ipc_receiver_close(letters);
  ipc_receiver_close(a);
  ipc_sender_close(sender);
}

TEST_MAIN(TEST_CASE(a_letter_that_was_published_is_not_published_again),
          TEST_CASE(what_was_taken_too_often_becomes_a_dead_letter),
          TEST_CASE(a_rejected_message_becomes_a_dead_letter_at_once),
          TEST_CASE(without_a_dead_letter_queue_nothing_is_rejected), TEST_CASE(dead_letters_go_back),
          TEST_CASE(a_full_dead_letter_queue_takes_what_waits_later),
          TEST_CASE(a_delayed_message_is_taken_later_and_keeps_its_place),
          TEST_CASE(a_delayed_message_behind_the_cursor_is_not_forgotten),
          TEST_CASE(a_receiver_has_at_most_its_prefetch_of_leases), TEST_CASE(options_are_checked_and_compared),
          TEST_CASE(the_largest_message_becomes_a_dead_letter), TEST_CASE(a_removed_dead_letter_queue_is_created_again))

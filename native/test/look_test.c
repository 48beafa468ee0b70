/*
 * look_test.c - when a receiver pauses before it looks at head, under load only; and before it sleeps.
 *
 * Sender and receiver are of one thread, so each look finds exactly what was sent before it.
 */
#include "receiver_read.h"

#include "test.h"

enum { CAPACITY = 1 << 20, LENGTH = 120, LONG = 600 /* messages: more than a long run */, PATIENCE = 8 };

static uint8_t out[LENGTH], in[LENGTH];
static ipc_sender *sender;
static ipc_receiver *receiver;

static void open_both(enum ipc_overflow overflow) {
  ipc_failure failure;
  const ipc_options options = {
      .struct_size = sizeof options, .kind = IPC_CHANNEL, .capacity = CAPACITY, .overflow = overflow};
  sender = ipc_sender_open(test_prefix, test_name, &options, &failure);
  receiver = ipc_receiver_open(test_prefix, test_name, &options, &failure);
  CHECK(sender && receiver);
}

static void close_both(void) {
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
}

/* One look: it finds `count` messages. */
static void exchange(uint32_t count) {
  for (uint32_t i = 0; i < count; i++) CHECK_EQ(ipc_sender_send(sender, out, LENGTH, 0), IPC_OK);
  for (uint32_t i = 0; i < count; i++) CHECK_EQ(ipc_receiver_recv(receiver, in, LENGTH, 0), LENGTH);
}

/* So many looks that the receiver pauses before the next one. */
static void exchange_until_it_pauses(uint32_t count) {
  for (uint32_t i = 0; i < PATIENCE; i++) {
    CHECK_EQ(receiver->pauses, 0);
    exchange(count);
  }
  CHECK(receiver->pauses > 0);
}

static void need_two_processors(void) {
  if (ipc_os_processors() < 2) SKIP("a receiver pauses only where each endpoint can have a processor");
}

static void several_short_runs_start_the_pauses(void) {
  need_two_processors();
  open_both(IPC_BLOCK);
  exchange_until_it_pauses(2);
  uint32_t first = receiver->pauses;
  for (uint32_t i = 1; i <= 200; i++) {
    exchange(2);
    CHECK_EQ(receiver->pauses, first + i < 64 ? first + i : 64);
  }
  close_both();
}

static void an_empty_look_ends_them(void) {
  need_two_processors();
  open_both(IPC_BLOCK);
  for (uint32_t i = 0; i < 100; i++) {
    exchange(2);
    CHECK_EQ(ipc_receiver_recv(receiver, in, LENGTH, 0), IPC_TIMED_OUT);
    CHECK_EQ(receiver->pauses, 0);
  }
  exchange_until_it_pauses(2);
  CHECK_EQ(ipc_receiver_recv(receiver, in, LENGTH, 0), IPC_TIMED_OUT);
  CHECK_EQ(receiver->pauses, 0);
  close_both();
}

static void one_message_after_a_pause_ends_them_and_takes_longer_to_start_them(void) {
  need_two_processors();
  open_both(IPC_BLOCK);
  for (uint32_t patience = PATIENCE; patience <= 4096; patience *= 2) {
    for (uint32_t i = 0; i < (patience < 1024 ? patience : 1024); i++) {
      CHECK_EQ(receiver->pauses, 0);
      exchange(1);
    }
    CHECK(receiver->pauses > 0);
    exchange(1);
    CHECK_EQ(receiver->pauses, 0);
  }
  for (uint32_t i = 0; i < 1024; i++) exchange(1);
  CHECK(receiver->pauses > 0);
  exchange(2); /* a success */
  CHECK_EQ(ipc_receiver_recv(receiver, in, LENGTH, 0), IPC_TIMED_OUT);
  exchange_until_it_pauses(1);
  close_both();
}

static void long_runs_shorten_them_to_nothing(void) {
  need_two_processors();
  open_both(IPC_BLOCK);
  exchange_until_it_pauses(2);
  for (uint32_t i = 0; i < 100; i++) exchange(2);
  for (uint32_t before = receiver->pauses; before > 0; before = receiver->pauses) {
    exchange(LONG);
    CHECK(receiver->pauses < before);
  }
  for (uint32_t i = 0; i < 100; i++) {
    exchange(LONG);
    CHECK_EQ(receiver->pauses, 0);
  }
  close_both();
}

/* So many senders that the endpoints are one more than the processors. */
static void open_more(ipc_sender **others) {
  ipc_failure failure;
  const ipc_options options = {.struct_size = sizeof options, .kind = IPC_CHANNEL, .capacity = CAPACITY};
  for (uint32_t i = 0; i < ipc_os_processors() - 1; i++)
    CHECK(others[i] = ipc_sender_open(test_prefix, test_name, &options, &failure));
}

static void close_more(ipc_sender **others) {
  for (uint32_t i = 0; i < ipc_os_processors() - 1; i++) ipc_sender_close(others[i]);
}

static void there_are_none_where_the_endpoints_outnumber_the_processors(void) {
  need_two_processors();
  if (ipc_os_processors() > 60) SKIP("a channel of the test has room for 60 senders");
  ipc_sender *others[60];
  open_both(IPC_BLOCK);
  open_more(others);
  for (uint32_t i = 0; i < 100; i++) {
    exchange(2);
    CHECK_EQ(receiver->pauses, 0);
  }
  close_more(others);
  exchange(2);
  CHECK(receiver->pauses > 0);
  open_more(others);
  exchange(2);
  CHECK_EQ(receiver->pauses, 0);
  close_more(others);
  close_both();
}

/* There each record is checked after it was copied, but the run is known as elsewhere. */
static void a_receiver_that_may_miss_messages_pauses_too(void) {
  need_two_processors();
  open_both(IPC_DROP_OLDEST);
  exchange_until_it_pauses(2);
  exchange(2);
  CHECK(receiver->pauses > 0);
  CHECK_EQ(ipc_receiver_recv(receiver, in, LENGTH, 0), IPC_TIMED_OUT);
  CHECK_EQ(receiver->pauses, 0);
  CHECK_EQ(ipc_receiver_lost(receiver), 0);
  close_both();
}

/* A wait of a millisecond without a message: whether the receiver paused before it slept. */
static bool idle_wait_pauses(void) {
  const bool pauses = receiver->sleeps.at_once == 0;
  const uint32_t before = receiver->sleeps.at_once;
  CHECK_EQ(ipc_receiver_recv(receiver, in, LENGTH, 1), IPC_TIMED_OUT);
  if (!pauses) CHECK_EQ(receiver->sleeps.at_once, before - 1);
  return pauses;
}

static void a_receiver_that_is_idle_sleeps_at_once_in_most_waits(void) {
  open_both(IPC_BLOCK);
  uint32_t paused = 0; /* bit i: wait i paused */
  for (uint32_t i = 0; i < 24; i++) paused |= (uint32_t)idle_wait_pauses() << i;
  CHECK_EQ(paused, 1u << 0 | 1u << 1 | 1u << 3 | 1u << 7 | 1u << 15 | 1u << 23);
  while (receiver->sleeps.at_once > 0) idle_wait_pauses();
  /* The next wait pauses, and a message ends it: all pause again. */
  CHECK_EQ(ipc_sender_send(sender, out, LENGTH, 0), IPC_OK);
  uint64_t until = 0;
  CHECK_EQ(ipc_receiver_wait_for_data(receiver, 1, &until), IPC_OK);
  CHECK_EQ(receiver->sleeps.sleeps, 0);
  CHECK_EQ(ipc_receiver_recv(receiver, in, LENGTH, 0), LENGTH);
  CHECK(idle_wait_pauses() && idle_wait_pauses());
  close_both();
}

TEST_MAIN(TEST_CASE(several_short_runs_start_the_pauses), TEST_CASE(an_empty_look_ends_them),
          TEST_CASE(one_message_after_a_pause_ends_them_and_takes_longer_to_start_them),
          TEST_CASE(long_runs_shorten_them_to_nothing),
          TEST_CASE(there_are_none_where_the_endpoints_outnumber_the_processors),
          TEST_CASE(a_receiver_that_may_miss_messages_pauses_too),
          TEST_CASE(a_receiver_that_is_idle_sleeps_at_once_in_most_waits))

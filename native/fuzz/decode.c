/*
 * decode.c - live senders and receivers on a ring that is damaged under them.
 *
 * An input is a kind of ring, and then a script: calls, and changes to shared memory between and within them.
 */
#include <stdlib.h>

#include "calls.h"
#include "damage.h"

enum { SENDERS = 2, RECEIVERS = 2, SPANS = 8, MOST_BYTES = 24 << 10 };

static struct {
  ipc_options options;
  bool observes; /* the second receiver is one that no sender waits for */
  ipc_sender *senders[SENDERS];
  ipc_receiver *receivers[RECEIVERS];
  uint32_t loans[4], leases[4], part[SENDERS];
} all;

static const uint8_t bytes[MOST_BYTES + 8];

/* `succeeds`: a sender of a route that takes over from the other one later. */
static void open_sender(uint32_t which, bool succeeds) {
  ipc_failure failure;
  world_become(which);
  if (succeeds)
    DO(all.senders[which] = ipc_sender_open_successor("p", "n", &all.options, &failure));
  else
    DO(all.senders[which] = ipc_sender_open("p", "n", &all.options, &failure));
  if (!all.senders[which]) check_status(failure.code);
}

static void open_receiver(uint32_t which) {
  ipc_failure failure;
  ipc_options options = all.options;
  options.lossy = which == 1 && all.observes;
  world_become(which);
  DO(all.receivers[which] = ipc_receiver_open("p", "n", &options, &failure));
  if (!all.receivers[which]) check_status(failure.code);
}

static void close_sender(uint32_t which) {
  DO(ipc_sender_close(all.senders[which]));
  all.senders[which] = NULL;
}

static void close_receiver(uint32_t which) {
  DO(ipc_receiver_close(all.receivers[which]));
  all.receivers[which] = NULL;
}

static uint32_t take_length(input *from) {
  uint32_t length = input_byte(from);
  if (length >= 250) length = (length - 249) * 4000;
  return length;
}

static void lend(ipc_sender *sender, input *from) {
  uint32_t length = take_length(from), offset = 0;
  int32_t timeout = take_timeout(from);
  if (CALL(timeout, ipc_sender_loan(sender, length, timeout, &offset)) != IPC_OK) return;
  WORLD_CHECK(offset <= ipc_sender_capacity(sender) && length <= ipc_sender_capacity(sender) - offset);
  if (length) memset((uint8_t *)(uintptr_t)ipc_sender_ring(sender) + offset, 7, length);
  all.loans[input_byte(from) % 4] = offset;
}

static void check_peers(int32_t count, const ipc_peer *peers, uint32_t max) {
  for (uint32_t i = 0; i < max && (int32_t)i < count; i++)
    WORLD_CHECK((peers[i].role == IPC_SENDER || peers[i].role == IPC_RECEIVER) && peers[i].alive <= 1 &&
                peers[i].slot < IPC_MAX_RECEIVERS);
}

static uint32_t take_sender_wait(input *from) {
  return input_byte(from) & (IPC_WAIT_FOR_SPACE | IPC_WAIT_FOR_PEERS | IPC_WAIT_FOR_READ);
}

static void call_sender(uint32_t which, uint8_t what, input *from) {
  ipc_sender *sender = all.senders[which];
  ipc_peer peers[4];
  static ipc_read_point point;
  if (!sender) return open_sender(which, what == 11);
  world_become(which);
  int32_t timeout;
  uint32_t length, accepted;
  ipc_failure failure;
  switch (what) {
    default:
      length = take_length(from);
      timeout = take_timeout(from);
      CALL(timeout, ipc_sender_send(sender, bytes, length, timeout));
      break;
    case 1:
      length = take_length(from);
      if (CALL(0, ipc_sender_send_part(sender, bytes, length, &all.part[which])) != IPC_TIMED_OUT) all.part[which] = 0;
      WORLD_CHECK(all.part[which] <= MOST_BYTES);
      break;
    case 2:
      ipc_sender_abort_part(sender);
      all.part[which] = 0;
      break;
    case 3:
      for (uint32_t i = input_byte(from) % 8; i-- > 0;)
        if (CALL(0, ipc_sender_stage(sender, bytes, take_length(from))) != IPC_OK) break;
      timeout = take_timeout(from);
      CALL(timeout, ipc_sender_flush(sender, timeout, &accepted));
      break;
    case 4: lend(sender, from); break;
    case 5: {
      uint32_t offset = all.loans[input_byte(from) % 4];
      int8_t kept = (int8_t)input_byte(from);
      CALL(0, ipc_sender_end_loan(sender, offset, kept));
      break;
    }
    case 6: DO(ipc_sender_arm(sender, take_sender_wait(from), 5, 6)); break;
    case 7:
      CALL(0, ipc_sender_poll(sender, take_sender_wait(from), 5, 6));
      CALL(0, ipc_sender_armed(sender));
      break;
    case 8: check_peers(CALL(0, ipc_sender_peers(sender, peers, 4)), peers, 4); break;
    case 9:
      timeout = take_timeout(from);
      CALL(timeout, ipc_sender_wait_for_receivers(sender, input_byte(from) % 6, timeout));
      WORLD_CHECK(ipc_sender_receiver_count(sender) <= (int32_t)IPC_MAX_RECEIVERS);
      CALL(0, ipc_sender_read_point(sender, &point));
      CALL(timeout, ipc_sender_wait_until_read(sender, &point, timeout));
      WORLD_CHECK(point.read + point.left <= point.receivers && point.receivers <= IPC_MAX_RECEIVERS);
      DO(ipc_sender_end_read_waits(sender));
      break;
    case 10: close_sender(which); break;
    case 11:
      timeout = take_timeout(from);
      WORLD_CHECK(CALL(timeout, ipc_sender_take_over(sender, timeout, &failure)) == failure.code);
      WORLD_CHECK(failure.found <= 2);
      break;
  }
}

/* As bindings do: they read what the spans tell of. */
static void peek(ipc_receiver *receiver, input *from) {
  uint32_t spans[2 * SPANS], max = input_byte(from) % (SPANS + 1), capacity = take_length(from);
  int32_t timeout = take_timeout(from);
  uint8_t *target = malloc(capacity + 1);
  int32_t count = CALL(timeout, ipc_receiver_peek(receiver, spans, max, target, capacity, timeout));
  WORLD_CHECK(count <= (int32_t)max);
  for (int32_t i = 0; i < count; i++) {
    uint32_t offset = spans[2 * i], length = spans[2 * i + 1], ring = ipc_receiver_capacity(receiver);
    WORLD_CHECK(offset <= ring && length <= ring - offset);
    check_readable((const uint8_t *)ipc_receiver_ring(receiver) + offset, length);
  }
  if (count > 0) CALL(0, ipc_receiver_consume(receiver, (uint32_t)count - input_byte(from) % 2));
  free(target);
}

static void take(ipc_receiver *receiver, input *from) {
  uint32_t lease[3] = {0}, ring = ipc_receiver_capacity(receiver);
  int32_t timeout = take_timeout(from);
  if (CALL(timeout, ipc_receiver_take(receiver, timeout, lease)) != IPC_OK) return;
  WORLD_CHECK(lease[0] <= ring && lease[1] <= ring - lease[0]);
  check_readable((const uint8_t *)ipc_receiver_ring(receiver) + lease[0], lease[1]);
  all.leases[input_byte(from) % 4] = lease[0];
}

static void call_receiver(uint32_t which, uint8_t what, input *from) {
  ipc_receiver *receiver = all.receivers[which];
  ipc_peer peers[4];
  if (!receiver) return open_receiver(which);
  world_become(which);
  switch (what) {
    default: {
      uint32_t capacity = take_length(from);
      int32_t timeout = take_timeout(from);
      uint8_t *target = malloc(capacity);
      int32_t length = CALL(timeout, ipc_receiver_recv(receiver, target, capacity, timeout));
      WORLD_CHECK(length <= (int32_t)capacity);
      free(target);
      break;
    }
    case 1: CALL(0, ipc_receiver_next_length(receiver)); break;
    case 2: {
      uint32_t length = 0;
      void *kept;
      DO(kept = ipc_receiver_take_assembled(receiver, &length));
      if (kept) check_readable(kept, length);
      free(kept);
      break;
    }
    case 3:
    case 4: peek(receiver, from); break;
    case 5:
    case 6: take(receiver, from); break;
    case 7: CALL(0, ipc_receiver_done(receiver, all.leases[input_byte(from) % 4])); break;
    case 8: {
      uint32_t offset = all.leases[input_byte(from) % 4], delay = input_byte(from) % 3;
      ipc_letter_origin origin;
      CALL(0, ipc_receiver_origin(receiver, offset, &origin));
      CALL(0, ipc_receiver_retry_after(receiver, offset, delay));
      CALL(0, ipc_receiver_next_due(receiver));
      break;
    }
    case 9:
      DO(ipc_receiver_arm(receiver, input_byte(from) & 6, 7, 8));
      CALL(0, ipc_receiver_poll(receiver, input_byte(from) & 6, 7, 8));
      CALL(0, ipc_receiver_armed(receiver));
      break;
    case 10:
      check_peers(CALL(0, ipc_receiver_peers(receiver, peers, 4)), peers, 4);
      WORLD_CHECK(ipc_receiver_lost(receiver) >= 0);
      break;
    case 11: close_receiver(which); break;
    case 12: {
      uint32_t capacity = take_length(from);
      int32_t timeout = take_timeout(from);
      uint8_t *target = malloc(capacity);
      WORLD_CHECK(CALL(timeout, ipc_receiver_recv_latest(receiver, target, capacity, timeout)) <= (int32_t)capacity);
      WORLD_CHECK(ipc_receiver_skipped(receiver) >= 0);
      free(target);
      break;
    }
  }
}

static void step(input *from) {
  uint8_t operation = input_byte(from), which = operation >> 7;
  uint8_t what = operation & 15;
  ipc_failure failure;
  switch ((operation >> 4) & 7) {
    case 0:
    case 1: return call_sender(which, what, from);
    case 2:
    case 3: return call_receiver(which, what, from);
    case 4:
    case 5: return damage_do(damage_read(from));
    case 6:
      return what & 1 ? damage_later(damage_read(from), 1 + input_byte(from) % 16u, 0)
                      : damage_later(damage_read(from), 0, 1 + input_byte(from) % 64u);
    default: break;
  }
  switch (what) {
    case 0: check_list(false); break;
    case 1:
      world_become(3);
      CALL(0, ipc_clear("p", "n", all.options.kind, &failure));
      break;
    case 2: world_set_alive(which, false); break;
    case 3: world_set_alive(which, true); break;
    case 4: world_is_locked = !world_is_locked; break;
    case 5: world_keeps_names = !world_keeps_names; break;
    default: call_receiver(which, 0, from);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 1024) return -1;
  input from = {data, size};
  memset(&all, 0, sizeof all);
  world_begin();
  uint8_t kind = input_byte(&from), how = input_byte(&from);
  all.options = (ipc_options){.struct_size = sizeof(ipc_options),
                              .kind = IPC_ROUTE + kind % 3,
                              .capacity = kind & 16 ? 8192 : 4096,
                              .max_receivers = 3,
                              .overflow = 1 + (kind >> 5) % 3u,
                              .from_oldest = how & 1,
                              .first_position = how & 2 ? (uint32_t)-100 : 0,
                              .stamp = how & 64 ? IPC_STAMP_ALL : IPC_STAMP_NONE};
  all.observes = how & 32 && all.options.kind != IPC_QUEUE;
  if (all.options.kind == IPC_QUEUE && all.options.overflow == IPC_DROP_OLDEST) all.options.overflow = IPC_BLOCK;
  open_receiver(0);
  open_sender(0, false);
  if (how & 4) open_receiver(1);
  if (how & 8) open_sender(1, how & 16);
  while (from.left > 0) step(&from);
  world_strike = NULL;
  for (uint32_t i = 0; i < 2; i++) {
    if (all.senders[i]) close_sender(i);
    if (all.receivers[i]) close_receiver(i);
  }
  world_end();
  return 0;
}

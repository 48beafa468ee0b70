/* common.h - messages that show which actor sent them and whether they are whole, and waiting as an event loop does. */
#ifndef LIBIPC_FAULT_COMMON_H
#define LIBIPC_FAULT_COMMON_H

#include <poll.h>
#include <sys/socket.h>

#include "libipc/waker.h"
#include "scenario.h"

enum { LOOK_MS = 700 };

typedef struct message {
  uint32_t sender, number, length, spare;
} message;

enum outcome { NOT_BEGUN, BEGUN, ACCEPTED, REFUSED };

static inline uint8_t byte_of(uint32_t sender, uint32_t number, uint32_t at) {
  return (uint8_t)(sender * 31 + number * 7 + at);
}

static inline void fill(uint8_t *bytes, uint32_t sender, uint32_t number, uint32_t length) {
  message head = {sender, number, length, 0};
  for (uint32_t i = 0; i < length; i++) bytes[i] = byte_of(sender, number, i);
  memcpy(bytes, &head, sizeof head);
}

static inline void check_bytes(const message *head, const uint8_t *bytes) {
  for (uint32_t i = sizeof *head; i < head->length; i++)
    if (bytes[i] != byte_of(head->sender, head->number, i))
      FAIL("message %u of sender %u is torn at byte %u of %u", head->number, head->sender, i, head->length);
}

typedef struct loop_waker {
  int fd;
  uint32_t low, high;
} loop_waker;

static inline loop_waker open_waker(void) {
  uint32_t number[2];
  loop_waker it = {.fd = ipc_waker_open(number)};
  CHECK(it.fd >= 0);
  it.low = number[0];
  it.high = number[1];
  return it;
}

/* As an event loop waits. False: it is time to poll. */
static inline bool await_signal(loop_waker it) {
  char rings[16];
  int count = poll(&(struct pollfd){.fd = it.fd, .events = POLLIN}, 1, LOOK_MS);
  while (recv(it.fd, rings, sizeof rings, MSG_DONTWAIT) >= 0) continue;
  return count > 0;
}

#endif

/* ends.h - opens endpoints of the case's name, or fails the case. */
#ifndef LIBIPC_TEST_ENDS_H
#define LIBIPC_TEST_ENDS_H

#include "test.h"

static inline ipc_sender *must_send(ipc_options options) {
  ipc_failure failure;
  ipc_sender *sender = ipc_sender_open(test_prefix, test_name, &options, &failure);
  if (!sender) FAIL("a sender could not open: %d, errno %d", failure.code, failure.system_error);
  return sender;
}

static inline ipc_receiver *must_receive(ipc_options options) {
  ipc_failure failure;
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &options, &failure);
  if (!receiver) FAIL("a receiver could not open: %d, errno %d", failure.code, failure.system_error);
  return receiver;
}

static inline ipc_receiver *must_replay(ipc_options options) {
  options.from_oldest = 1;
  return must_receive(options);
}

#endif

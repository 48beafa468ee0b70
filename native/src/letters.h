/*
 * letters.h - the messages of a queue that go to its dead-letter queue, and back from there. Every receiver of the
 * queue holds a sender of the dead-letter queue.
 *
 * A take that comes to a message which was taken max_attempts times gets IPC_QUEUE_MOVE: it has the lease, and moves
 * the message (moves.h). A message that was rejected gets the flag IPC_LEASE_DEAD before it is moved: if its receiver
 * is killed meanwhile, the next take moves it, and no receiver gets it. If the dead-letter queue cannot take the
 * message now, it waits in its own queue, and a receiver tries again after IPC_LETTERS_RETRY_MS.
 *
 * A dead letter that is moved back has the flag IPC_LEASE_BACK meanwhile. A take that comes to one whose receiver was
 * killed asks the other queue whether the message is there, before a receiver gets it.
 */
#ifndef LIBIPC_LETTERS_H
#define LIBIPC_LETTERS_H

#include "receiver_state.h"

enum { IPC_LETTERS_RETRY_MS = 1000 };

/* Opens the sender of the dead-letter queue, if the queue has one and it is not open. */
int32_t ipc_letters_open(ipc_receiver *receiver, ipc_failure *failure);

/* Closes the sender. */
void ipc_letters_close(ipc_receiver *receiver);

/* Ends the lease that came with IPC_QUEUE_MOVE. IPC_OK: others may take meanwhile what waits. IPC_E_BUSY: it is ours.
 */
int32_t ipc_letters_settle(ipc_receiver *receiver, uint32_t offset);

#endif

/*
 * assembly.h - messages put together from fragments, each in separate memory.
 *
 * Fragments of one message come in order, with anything of other senders in between.
 * What a receiver holds is at most the unfinished messages of the senders that are
 * alive: a part is dropped when its sender says so (ipc_fragment.oldest), when its sender is gone,
 * all that it had sent has been read and another part begins, or when the receiver was overrun. Memory of a large part
 * is touched only as its fragments arrive.
 */
#ifndef LIBIPC_ASSEMBLY_H
#define LIBIPC_ASSEMBLY_H

#include "layout.h"
#include "segment.h"

typedef struct ipc_part ipc_part;

typedef struct ipc_assembly {
  ipc_part *parts;
  ipc_part *whole; /* the one whose last fragment lies at the receiver's position */
  uint8_t *target; /* where the caller of a receive wants the message; NULL: no receive is running, or it is in use */
  uint32_t target_bytes;
  uint8_t *spare; /* the memory of the last message, for the next one of at most as many bytes */
  uint32_t spare_bytes;
} ipc_assembly;

enum ipc_assembly_step {
  IPC_ASSEMBLY_MORE,    /* taken in, or nothing of ours: go on to the next record */
  IPC_ASSEMBLY_WHOLE,   /* assembly->whole is a message */
  IPC_ASSEMBLY_MISSED,  /* the last fragment of a message whose first was not seen */
  IPC_ASSEMBLY_NO_SPACE /* no memory for it: nothing was changed */
};

/*
 * Room for the bytes of the fragment at `position`, or NULL with *step telling why they are not
 * wanted. Nothing of `fragment` is trusted but that its bytes lie in the ring.
 */
uint8_t *ipc_assembly_room(ipc_assembly *assembly, const ipc_segment *segment, uint32_t position,
                           const ipc_fragment *fragment, uint32_t length, enum ipc_assembly_step *step);

/* Whether there is a part that this fragment continues, or has completed. */
bool ipc_assembly_has(const ipc_assembly *assembly, const ipc_fragment *fragment);

/*
 * The memory of the caller of a receive: a message that begins now and fits is put together there. It is taken back
 * before anything else is written to it, and when the receive ends; a part that was begun in it continues in memory of
 * its own.
 */
void ipc_assembly_lend_target(ipc_assembly *assembly, void *target, uint32_t capacity);
void ipc_assembly_give_target_back(ipc_assembly *assembly);

/* The bytes are in the room: what is there now. */
enum ipc_assembly_step ipc_assembly_add(ipc_assembly *assembly, const ipc_fragment *fragment, uint32_t length);

const uint8_t *ipc_assembly_bytes(const ipc_assembly *assembly, uint32_t *length);

/* The whole message was received. With `keep` its memory is the caller's now, to free(). */
void ipc_assembly_finish(ipc_assembly *assembly, bool keep);

/* Drops every part. */
void ipc_assembly_clear(ipc_assembly *assembly);

#endif

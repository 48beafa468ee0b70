/*
 * Memory as arm64 lets others see stores: included by the models.
 *
 * A store waits in its process's buffer and reaches memory some time later. It may overtake earlier
 * ones to other words, unless it is a release: then everything before it has arrived first. The store
 * half of a read-modify-write waits there too, and no other process changes the word until it has arrived
 * (others still read the old value). A full fence waits until the buffer is empty. That is more than
 * x86 allows, whose buffers keep their order and whose read-modify-writes empty them: what holds here
 * holds there.
 *
 * Loads are in program order, as if all were acquire: they see memory, or what their own process has in
 * its buffer. What breaks without acquire is argued in docs/atomics.md.
 *
 * A killed process's buffer still empties, and it counts as dead only then: the system tells of a death
 * after the last store of the dead.
 *
 * Before the include: PROCESSES (2 to 4, numbered from 0) and WORDS. A buffer holds two stores.
 */
typedef store_buffer {
  byte count;
  byte word[2];
  byte value[2];
  bool release[2];
}
byte mem[WORDS];
byte owner[WORDS]; /* 1 + the process whose read-modify-write is on its way to this word */
store_buffer buffers[PROCESSES];

#define IS_PENDING(p, w) ((buffers[p].count >= 1 && buffers[p].word[0] == (w)) || \
                          (buffers[p].count == 2 && buffers[p].word[1] == (w)))
#define LOAD(p, w) (buffers[p].count == 2 && buffers[p].word[1] == (w) -> buffers[p].value[1] : \
                   (buffers[p].count >= 1 && buffers[p].word[0] == (w) -> buffers[p].value[0] : mem[w]))
#define IS_FENCED(p) (buffers[p].count == 0)
#define FENCE(p) IS_FENCED(p)
#define CAN_SWAP(p, w) (buffers[p].count < 2 && owner[w] == 0 && !IS_PENDING(p, w))

#define PUT(p, w, v, is_release) \
  buffers[p].word[buffers[p].count] = w; \
  buffers[p].value[buffers[p].count] = v; \
  buffers[p].release[buffers[p].count] = is_release; \
  buffers[p].count++

#define STORE(p, w, v, is_release) d_step { buffers[p].count < 2 -> PUT(p, w, v, is_release) }

/* A read-modify-write: inside atomic or d_step, after CAN_SWAP. What it reads is mem[w]. */
#define SWAP(p, w, v, is_release) owner[w] = (p) + 1; PUT(p, w, v, is_release)
/* A whole read-modify-write that always succeeds: `old` is the value that it read. */
#define EXCHANGE(p, w, old, v, is_release) d_step { CAN_SWAP(p, w) -> old = mem[w]; SWAP(p, w, v, is_release) }
/* A compare-and-swap: `done` tells whether it swapped. */
#define COMPARE_SWAP(p, w, from, to, is_release, done) \
  atomic { CAN_SWAP(p, w) -> \
    if :: mem[w] == (from) -> SWAP(p, w, to, is_release); done = true :: else -> done = false fi }

#define IS_FREE(p, w) (owner[w] == 0 || owner[w] == (p) + 1)
#define ARRIVE_FIRST(p) \
  :: d_step { buffers[p].count > 0 && IS_FREE(p, buffers[p].word[0]) -> \
      mem[buffers[p].word[0]] = buffers[p].value[0]; owner[buffers[p].word[0]] = 0; \
      buffers[p].word[0] = buffers[p].word[1]; buffers[p].value[0] = buffers[p].value[1]; \
      buffers[p].release[0] = buffers[p].release[1]; \
      buffers[p].word[1] = 0; buffers[p].value[1] = 0; buffers[p].release[1] = 0; buffers[p].count-- }
#define ARRIVE_SECOND(p) \
  :: d_step { buffers[p].count == 2 && !buffers[p].release[1] && buffers[p].word[0] != buffers[p].word[1] && \
      IS_FREE(p, buffers[p].word[1]) -> \
      mem[buffers[p].word[1]] = buffers[p].value[1]; owner[buffers[p].word[1]] = 0; \
      buffers[p].word[1] = 0; buffers[p].value[1] = 0; buffers[p].release[1] = 0; buffers[p].count-- }

active proctype arrival() {
end:
  do
  ARRIVE_FIRST(0)
  ARRIVE_SECOND(0)
  ARRIVE_FIRST(1)
  ARRIVE_SECOND(1)
#if PROCESSES > 2
  ARRIVE_FIRST(2)
  ARRIVE_SECOND(2)
#endif
#if PROCESSES > 3
  ARRIVE_FIRST(3)
  ARRIVE_SECOND(3)
#endif
  od
}

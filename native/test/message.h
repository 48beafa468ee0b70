/*
 * message.h - numbered messages: length and every byte follow from (sender, sequence),
 * so a receiver that knows which one comes next knows all of it.
 */
#ifndef LIBIPC_TEST_MESSAGE_H
#define LIBIPC_TEST_MESSAGE_H

#include "test.h"

/* Shortest and longest. With several senders at least MESSAGE_TAG bytes, to tell them apart. */
typedef struct message_range {
  uint32_t min, max;
} message_range;

typedef struct message_tag {
  uint32_t sender, sequence;
} message_tag;

enum { MESSAGE_TAG = sizeof(message_tag) };

static inline uint64_t message_mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

/* Mostly short ones; one in eight has any length, one in 64 is the longest or the shortest. */
static inline uint32_t message_length(message_tag tag, message_range range) {
  uint64_t hash = message_mix((uint64_t)tag.sender << 32 | tag.sequence);
  uint32_t span = range.max - range.min;
  switch (hash >> 58) {
    case 0: return hash & 1 ? range.max : range.min;
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
    case 7: return range.min + (uint32_t)(hash & 0xffffffff) % (span + 1);
    default: return range.min + (uint32_t)(hash & 0xffffffff) % ((span < 48 ? span : 48) + 1);
  }
}

static inline uint32_t message_write(uint8_t *to, message_tag tag, message_range range) {
  uint32_t length = message_length(tag, range);
  uint64_t word = 0, hash = message_mix((uint64_t)tag.sender << 32 | tag.sequence);
  memcpy(&word, &tag, sizeof tag);
  for (uint32_t at = 0; at < length; at += 8) {
    memcpy(to + at, &word, length - at < 8 ? length - at : 8);
    word = (hash + at) * 0x9e3779b97f4a7c15u;
  }
  return length;
}

static inline void message_check(const uint8_t *bytes, int64_t length, message_tag tag, message_range range) {
  uint64_t word = 0, hash = message_mix((uint64_t)tag.sender << 32 | tag.sequence);
  uint32_t wanted = message_length(tag, range);
  if (length != wanted)
    FAIL("message %u of sender %u: length %lld, not %u", tag.sequence, tag.sender, (long long)length, wanted);
  memcpy(&word, &tag, sizeof tag);
  for (uint32_t at = 0; at < wanted; at += 8) {
    if (memcmp(bytes + at, &word, wanted - at < 8 ? wanted - at : 8) != 0)
      FAIL("message %u of sender %u: wrong bytes at %u", tag.sequence, tag.sender, at);
    word = (hash + at) * 0x9e3779b97f4a7c15u;
  }
}

/* What a receiver of several senders knows: what comes next of each, and the order so far as a hash. */
enum { MESSAGE_SENDERS = 128 };

typedef struct message_log {
  uint32_t next[MESSAGE_SENDERS];
  uint64_t total, order;
} message_log;

/* Takes the next message: answers its tag. */
static inline message_tag message_accept(message_log *log, const uint8_t *bytes, int64_t length, message_range range) {
  message_tag tag;
  CHECK_GE(length, MESSAGE_TAG);
  memcpy(&tag, bytes, sizeof tag);
  if (tag.sender >= MESSAGE_SENDERS) FAIL("no such sender: %u", tag.sender);
  if (tag.sequence != log->next[tag.sender])
    FAIL("sender %u: message %u where %u was due", tag.sender, tag.sequence, log->next[tag.sender]);
  message_check(bytes, length, tag, range);
  log->next[tag.sender]++;
  log->total++;
  log->order = message_mix(log->order + ((uint64_t)tag.sender << 32 | tag.sequence) + 1);
  return tag;
}

#endif

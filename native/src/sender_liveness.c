#include "sender_liveness.h"

#include "event.h"
#include "orphan.h"

enum { MOST_PUBLISHES = 64 };

static const uint64_t CLOCK_NS = 20000000;

/* How many publishes lie before the next reading: as many as came in CLOCK_NS since the last one. */
static int32_t sender_next_interval(uint64_t publishes, uint64_t passed_ns) {
  /* The coarse clock may have stood still: at most twice as many as there were. */
  uint64_t next = passed_ns < CLOCK_NS / 2 ? publishes * 2 : publishes * CLOCK_NS / passed_ns;
  return next < 1 ? 1 : next > MOST_PUBLISHES ? MOST_PUBLISHES : (int32_t)next;
}

static bool sender_is_check_due(const ipc_sender *sender, uint64_t now) {
  return now - sender->liveness_checked_at >= IPC_SLICE_NS;
}

bool ipc_sender_read_clock(ipc_sender *sender) {
  uint64_t now = ipc_os_now_coarse();
  sender->clock_interval = sender_next_interval((uint64_t)sender->clock_interval, now - sender->clock_read_at);
  sender->publishes_to_clock = sender->clock_interval;
  sender->clock_read_at = now;
  return sender_is_check_due(sender, now);
}

void ipc_sender_check_liveness(ipc_sender *sender) {
  uint64_t now = ipc_os_now_coarse();
  if (!sender_is_check_due(sender, now)) return;
  sender->liveness_checked_at = now;
  if (!ipc_segment_is_orphaned(&sender->segment)) ipc_slots_evict_dead(&sender->segment);
}

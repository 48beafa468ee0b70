#include "paced_check.h"

#include "event.h"

enum { MOST_CALLS = 64 };

static const uint64_t CLOCK_NS = 20000000;

/* How many calls lie before the next reading: as many as came in CLOCK_NS since the last one. */
static int32_t paced_check_next_interval(uint64_t calls, uint64_t passed_ns) {
  /* The coarse clock may have stood still: at most twice as many as there were. */
  uint64_t next = passed_ns < CLOCK_NS / 2 ? calls * 2 : calls * CLOCK_NS / passed_ns;
  return next < 1 ? 1 : next > MOST_CALLS ? MOST_CALLS : (int32_t)next;
}

static bool paced_check_is_due(const ipc_paced_check *it, uint64_t now) { return now - it->checked_at >= IPC_SLICE_NS; }

bool ipc_paced_check_read_clock(ipc_paced_check *it) {
  uint64_t now = ipc_os_now_coarse();
  it->interval = paced_check_next_interval((uint64_t)it->interval, now - it->clock_read_at);
  it->calls_to_clock = it->interval;
  it->clock_read_at = now;
  return paced_check_is_due(it, now);
}

bool ipc_paced_check_begin(ipc_paced_check *it) {
  uint64_t now = ipc_os_now_coarse();
  if (!paced_check_is_due(it, now)) return false;
  it->checked_at = now;
  return true;
}

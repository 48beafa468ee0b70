#include "wait_history.h"

enum {
  MOST_FAILURES = 8,
  MOST_SKIPPED = (1 << MOST_FAILURES) - 1,
  /* A yield on an idle processor takes half a microsecond. One behind a program that computes takes milliseconds. */
  LONG_YIELDS_NS = 200000,
  MOST_SLEEPS = 4 /* a receiver that is idle most of the time pauses in one of eight waits */
};

_Static_assert(MOST_SKIPPED <= UINT8_MAX, "a history counts in bytes");

static bool phase_is_skipped(ipc_phase_history *phase) {
  if (phase->skips == 0) return false;
  phase->skips--;
  return true;
}

static void phase_record(ipc_phase_history *phase, bool helped) {
  if (helped)
    phase->failures = 0;
  else if (phase->failures < MOST_FAILURES)
    phase->failures++;
  phase->skips = (uint8_t)((1u << phase->failures) - 1); /* at most MOST_SKIPPED */
}

ipc_wait_pauses ipc_wait_pauses_start(ipc_wait_history *history, const ipc_header *header) {
  ipc_wait_pauses pauses = {.history = history, .backoff = ipc_backoff_start(header)};
  /* An endpoint that may not spin learns nothing about spinning. */
  pauses.spins = ipc_backoff_phase_of(&pauses.backoff) == IPC_BACKOFF_SPINS && !phase_is_skipped(&history->spins);
  pauses.yields = !phase_is_skipped(&history->yields);
  if (!pauses.spins) ipc_backoff_skip_to(&pauses.backoff, IPC_BACKOFF_YIELDS);
  return pauses;
}

bool ipc_wait_pauses_next(ipc_wait_pauses *pauses, uint64_t deadline) {
  if (ipc_backoff_phase_of(&pauses->backoff) == IPC_BACKOFF_YIELDS) {
    if (!pauses->yields) return false;
    if (pauses->yields_since == 0) pauses->yields_since = ipc_os_now();
  }
  return ipc_backoff_pause(&pauses->backoff, deadline);
}

void ipc_wait_pauses_end(const ipc_wait_pauses *pauses, bool is_over) {
  ipc_wait_history *history = pauses->history;
  enum ipc_backoff_phase ended_in = ipc_backoff_phase_of(&pauses->backoff);
  if (pauses->spins) phase_record(&history->spins, is_over && ended_in == IPC_BACKOFF_SPINS);
  if (pauses->yields_since == 0) return;
  bool in_time = ipc_os_now() - pauses->yields_since <= LONG_YIELDS_NS;
  phase_record(&history->yields, is_over && in_time);
}

bool ipc_sleep_history_pauses(ipc_sleep_history *history) {
  if (history->at_once == 0) return true;
  history->at_once--;
  return false;
}

void ipc_sleep_history_record(ipc_sleep_history *history, bool asleep) {
  if (!asleep)
    history->sleeps = 0;
  else if (history->sleeps < MOST_SLEEPS)
    history->sleeps++;
  history->at_once = asleep ? (uint8_t)((1u << history->sleeps) / 2 - 1) : 0;
}

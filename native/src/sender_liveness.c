#include "sender_liveness.h"

#include "orphan.h"

void ipc_sender_check_liveness(ipc_sender *sender) {
  if (!ipc_paced_check_begin(&sender->liveness)) return;
  if (!ipc_segment_is_orphaned(&sender->segment)) ipc_slots_evict_dead(&sender->segment);
}

/* peers_test.c - snapshots of the other endpoints of a name, while endpoints join, leave and die. */
#include "list_fixture.h"

static void a_snapshot_leaves_out_the_endpoint_itself(void) {
  ipc_peer peers[MOST_ENDPOINTS];
  ipc_sender *sender = must_send(channel);
  CHECK_EQ(ipc_sender_peers(sender, peers, MOST_ENDPOINTS), 0);
  ipc_receiver *receiver = must_receive(channel);
  test_worker victim = start_idle();
  CHECK_EQ(ipc_sender_peers(sender, peers, MOST_ENDPOINTS), 3);
  CHECK_EQ(peers[0].role, IPC_SENDER);
  CHECK_EQ(peers[0].slot, 1);
  CHECK_EQ(peers[0].pid, victim.pid);
  CHECK_EQ(peers[1].role, IPC_RECEIVER);
  CHECK_EQ(peers[1].pid, getpid());
  CHECK_EQ(peers[2].pid, victim.pid);
  CHECK_EQ(peers[2].slot, 1);
  CHECK_EQ(ipc_sender_peers(sender, peers, 1), 3); /* so many there are */
  CHECK_EQ(ipc_receiver_peers(receiver, peers, MOST_ENDPOINTS), 3);
  for (int i = 0; i < 3; i++) {
    CHECK_EQ(peers[i].alive, 1);
    CHECK_EQ(peers[i].died[0], 0);
    CHECK(peers[i].instance != 0);
  }
  CHECK_EQ(peers[0].pid, getpid());
  CHECK_EQ(peers[0].role, IPC_SENDER);
  uint32_t instance = peers[2].instance;
  test_kill(victim);
  CHECK_EQ(ipc_receiver_peers(receiver, peers, MOST_ENDPOINTS), 3); /* dead, and not missed yet */
  CHECK_EQ(peers[0].alive, 1);
  CHECK_EQ(peers[2].alive, 0);
  CHECK_EQ(peers[2].instance, instance);
  CHECK_EQ(ipc_sender_wait_for_receivers(sender, 1, 0), IPC_OK); /* its death was noticed */
  CHECK_EQ(ipc_receiver_peers(receiver, peers, MOST_ENDPOINTS), 3);
  CHECK_EQ(peers[2].instance, 0);
  CHECK_EQ(peers[2].died[0], instance);
  CHECK_EQ(peers[2].died[1], 0);
  CHECK_EQ(peers[2].pid, 0);
  ipc_receiver *heir = must_receive(channel);
  CHECK_EQ(ipc_receiver_peers(receiver, peers, MOST_ENDPOINTS), 3);
  CHECK_EQ(peers[2].died[0], instance);
  CHECK_EQ(peers[2].died[1], 0);
  CHECK_EQ(peers[2].alive, 1);
  uint32_t its = peers[2].instance;
  CHECK(its > instance);
  ipc_receiver_close(heir); /* leaving is not dying */
  CHECK_EQ(ipc_receiver_peers(receiver, peers, MOST_ENDPOINTS), 3);
  CHECK_EQ(peers[2].instance, 0);
  CHECK_EQ(peers[2].died[0], instance);
  CHECK_EQ(peers[2].died[1], 0);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

/* What a snapshot says about the receivers' slot 1. */
static ipc_peer peer_in_slot_1(ipc_receiver *receiver) {
  ipc_peer peers[MOST_ENDPOINTS];
  int32_t count = ipc_receiver_peers(receiver, peers, MOST_ENDPOINTS);
  for (int32_t i = 0; i < count; i++)
    if (peers[i].role == IPC_RECEIVER && peers[i].slot == 1) return peers[i];
  FAIL("nothing is in slot 1");
}

static bool has_died(const ipc_peer *peer, uint32_t instance) {
  int times = 0;
  for (int i = 0; i < IPC_PEER_DEATHS; i++) times += peer->died[i] == instance;
  CHECK_LE(times, 1);
  return times == 1;
}

static void a_slot_records_its_last_deaths(void) {
  enum { DEATHS = 3 * IPC_PEER_DEATHS };
  ipc_receiver *receiver = must_receive(channel);
  uint32_t instances[DEATHS];
  for (int n = 0; n < DEATHS; n++) {
    test_worker victim = start_idle();
    instances[n] = peer_in_slot_1(receiver).instance;
    test_kill(victim);
    test_reap(victim);
    ipc_receiver_close(must_receive(channel)); /* the slot of the dead is emptied, taken and left */
    ipc_peer peer = peer_in_slot_1(receiver);
    CHECK_EQ(peer.instance, 0);
    for (int i = 0; i <= n; i++) CHECK_EQ(has_died(&peer, instances[i]), i > n - IPC_PEER_DEATHS);
  }
  ipc_receiver_close(receiver);
}

static void come_and_go(void *unused) {
  (void)unused;
  while (!atomic_load(&shared->stop)) {
    ipc_receiver *receiver = must_receive(channel);
    ipc_sender *sender = must_send(channel);
    ipc_sender_close(sender);
    ipc_receiver_close(receiver);
    atomic_fetch_add(&shared->rounds, 1);
  }
}

static void check_watching(test_form form) {
  shared = test_shared(sizeof *shared);
  ipc_receiver *receiver = must_receive(channel);
  test_worker worker = test_start(form, come_and_go, NULL);
  uint32_t pid = form == TEST_PROCESS ? (uint32_t)worker.pid : (uint32_t)getpid();
  while (atomic_load(&shared->rounds) < 200 * TEST_SCALE) {
    ipc_peer peers[MOST_ENDPOINTS];
    int32_t count = ipc_receiver_peers(receiver, peers, MOST_ENDPOINTS);
    CHECK_LE(count, 2);
    for (int32_t i = 0; i < count; i++) {
      CHECK_EQ(peers[i].pid, pid);
      CHECK_EQ(peers[i].alive, 1);
      CHECK_EQ(peers[i].died[0], 0);
    }
    report it = must_find(IPC_CHANNEL);
    CHECK_EQ(it.name.dead, 0);
    CHECK_EQ(it.name.state, IPC_LISTED_LIVE);
  }
  atomic_store(&shared->stop, 1);
  test_finish(worker);
  ipc_receiver_close(receiver);
}

static void processes_join_and_leave_while_one_watches(void) { check_watching(TEST_PROCESS); }

static void threads_join_and_leave_while_one_watches(void) { check_watching(TEST_THREAD); }

TEST_MAIN(TEST_CASE(a_snapshot_leaves_out_the_endpoint_itself), TEST_CASE(a_slot_records_its_last_deaths),
          TEST_CASE(processes_join_and_leave_while_one_watches), TEST_CASE(threads_join_and_leave_while_one_watches))

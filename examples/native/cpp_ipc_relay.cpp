/*
 * cpp_ipc_relay.cpp - moves the messages of a channel of cpp-ipc to a channel of libipc, or the reverse.
 *
 * It is compiled against your own cpp-ipc, of the version that your other programs use (tried with 1.4.1). Both
 * libraries are called libipc, so they are linked by their paths:
 *
 *   c++ -std=c++17 cpp_ipc_relay.cpp -I$CPP_IPC/include $(pkg-config --cflags libipc) -o relay \
 *     $CPP_IPC/lib/libipc.a $(pkg-config --variable=libdir libipc)/libipc.so.9 -lrt -pthread
 *   ./relay to-libipc <channel of cpp-ipc> <channel of libipc>
 *   ./relay to-cpp-ipc <channel of libipc> <channel of cpp-ipc>
 *
 * For both directions run two relays with four different names: a relay would take back what the other one has moved.
 * Bytes are moved as they are. A std::string that cpp-ipc sends ends with a zero byte, and one that it receives should.
 */
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "libipc/ipc.h"     // cpp-ipc
#include "libipc/libipc.h"  // libipc

namespace {

using CppChannel = ipc::channel;  // ipc::route, if your programs use that: the two never meet

// How long one call waits. Between two calls a signal is noticed.
constexpr int32_t kWaitMs = 500;

volatile std::sig_atomic_t is_ending = 0;

void end_soon(int) { is_ending = 1; }

struct Counts {
  uint64_t moved = 0, dropped = 0;
};

[[noreturn]] void fail(const ipc_failure &failure) {
  std::string text(ipc_failure_text(&failure, nullptr, 0), '\0');
  ipc_failure_text(&failure, &text[0], static_cast<uint32_t>(text.size() + 1));
  throw std::runtime_error(text);
}

int32_t checked(int32_t status) {
  if (status <= IPC_E_FIRST) throw std::runtime_error(ipc_status_text(status));
  return status;
}

Counts to_libipc(const char *from_name, const char *to_name) {
  ipc_options options = ipc_options_default(IPC_CHANNEL);
  ipc_failure failure;
  std::unique_ptr<ipc_sender, void (*)(ipc_sender *)> to(ipc_sender_open("", to_name, &options, &failure),
                                                         ipc_sender_close);
  if (!to) fail(failure);
  CppChannel from(from_name, ipc::receiver);
  if (!from.valid()) throw std::runtime_error("cpp-ipc could not open its channel");

  Counts counts;
  while (!is_ending) {
    ipc::buff_t message = from.recv(kWaitMs);
    if (message.empty()) continue;
    int32_t status = IPC_TIMED_OUT;
    // With a limit for the time without progress: a large message is not begun again because the whole takes longer.
    while (status == IPC_TIMED_OUT && !is_ending)
      status = checked(ipc_sender_send_with_progress_timeout(to.get(), message.data(),
                                                             static_cast<uint32_t>(message.size()), kWaitMs));
    ++(status == IPC_OK ? counts.moved : counts.dropped);
  }
  return counts;
}

// send() of cpp-ipc disconnects a receiver that is too slow. try_send() only says that it did not send.
bool send_to_cpp_ipc(CppChannel &to, const void *bytes, size_t length) {
  if (length == 0) return false;  // cpp-ipc has no empty messages
  while (!is_ending && to.recv_count() > 0)
    if (to.try_send(bytes, length, kWaitMs)) return true;
  return false;
}

Counts to_cpp_ipc(const char *from_name, const char *to_name) {
  ipc_options options = ipc_options_default(IPC_CHANNEL);
  ipc_failure failure;
  std::unique_ptr<ipc_receiver, void (*)(ipc_receiver *)> from(ipc_receiver_open("", from_name, &options, &failure),
                                                               ipc_receiver_close);
  if (!from) fail(failure);
  CppChannel to(to_name, ipc::sender);
  if (!to.valid()) throw std::runtime_error("cpp-ipc could not open its channel");

  Counts counts;
  std::vector<char> buffer(65536);
  while (!is_ending) {
    int32_t length = ipc_receiver_recv(from.get(), buffer.data(), static_cast<uint32_t>(buffer.size()), kWaitMs);
    if (length == IPC_E_BUFFER_TOO_SMALL) {
      buffer.resize(static_cast<size_t>(checked(ipc_receiver_next_length(from.get()))));
      continue;
    }
    if (checked(length) < 0) continue;  // the time is over
    ++(send_to_cpp_ipc(to, buffer.data(), static_cast<size_t>(length)) ? counts.moved : counts.dropped);
  }
  return counts;
}

}  // namespace

int main(int argc, char **argv) try {
  const std::string direction = argc == 4 ? argv[1] : "";
  if (direction != "to-libipc" && direction != "to-cpp-ipc") {
    std::fprintf(stderr, "usage: %s to-libipc|to-cpp-ipc <from> <to>\n", argv[0]);
    return 2;
  }
  // cpp-ipc has at most 32 receivers on a name, and a process that is killed keeps its place.
  std::signal(SIGINT, end_soon);
  std::signal(SIGTERM, end_soon);
  const Counts counts = direction == "to-libipc" ? to_libipc(argv[2], argv[3]) : to_cpp_ipc(argv[2], argv[3]);
  std::fprintf(stderr, "moved %llu messages; dropped %llu, for which there was no receiver\n",
               static_cast<unsigned long long>(counts.moved), static_cast<unsigned long long>(counts.dropped));
  return 0;
} catch (const std::exception &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}

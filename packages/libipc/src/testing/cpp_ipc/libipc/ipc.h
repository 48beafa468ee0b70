// A stand-in for cpp-ipc, with the calls that examples/native/cpp_ipc_relay.cpp makes. A channel that receives reads
// lines from standard input; one that sends writes lines to standard output. It shows that the relay loses and changes
// nothing, and not that it compiles with the real cpp-ipc.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace ipc {
enum : unsigned { sender, receiver };

class buff_t {
 public:
  buff_t() = default;
  explicit buff_t(std::string bytes) : bytes_(std::move(bytes)) {}
  bool empty() const { return bytes_.empty(); }
  const void *data() const { return bytes_.data(); }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

class channel {
 public:
  channel(const char *, unsigned) {}
  bool valid() const { return true; }
  std::size_t recv_count() const { return 1; }

  bool try_send(const void *bytes, std::size_t length, std::uint64_t) {
    std::string line(static_cast<const char *>(bytes), length);
    line += '\n';
    for (std::size_t done = 0; done < line.size();) {
      ssize_t count = write(STDOUT_FILENO, line.data() + done, line.size() - done);
      if (count > 0) done += static_cast<std::size_t>(count);
    }
    return true;
  }

  buff_t recv(std::uint64_t timeout_ms) {
    for (;;) {
      std::size_t end = read_.find('\n', searched_);
      if (end != std::string::npos) {
        std::string line = read_.substr(0, end);
        read_.erase(0, end + 1);
        searched_ = 0;
        return buff_t(std::move(line));
      }
      searched_ = read_.size();
      pollfd input = {is_over_ ? -1 : STDIN_FILENO, POLLIN, 0};
      if (poll(&input, 1, static_cast<int>(timeout_ms)) <= 0) return {};
      char part[65536];
      ssize_t count = read(STDIN_FILENO, part, sizeof part);
      is_over_ = count == 0;
      if (count > 0) read_.append(part, static_cast<std::size_t>(count));
    }
  }

 private:
  std::string read_;
  std::size_t searched_ = 0;
  bool is_over_ = false;
};

using route = channel;

}  // namespace ipc

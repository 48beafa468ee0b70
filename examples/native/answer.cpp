// answer.cpp - answer.c in C++: what is opened is closed by destructors, and failures are exceptions.
//
//   c++ -std=c++17 answer.cpp $(pkg-config --cflags --libs libipc) -o answer
//   ./answer [prefix] & bun ask.ts [prefix]
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "libipc/libipc.h"

namespace {

[[noreturn]] void fail(const ipc_failure &failure) {
  std::string text(ipc_failure_text(&failure, nullptr, 0), '\0');
  ipc_failure_text(&failure, &text[0], static_cast<uint32_t>(text.size() + 1));
  throw std::runtime_error(text);
}

int32_t checked(int32_t status) {
  if (status <= IPC_E_FIRST) throw std::runtime_error(ipc_status_text(status));
  return status;
}

// Both belong to the thread that opens them: do not move them to another one.
class Receiver {
 public:
  Receiver(const std::string &prefix, const std::string &name, uint32_t kind) {
    ipc_options options = ipc_options_default(kind);
    ipc_failure failure;
    receiver_.reset(ipc_receiver_open(prefix.c_str(), name.c_str(), &options, &failure));
    if (!receiver_) fail(failure);
  }

  // The next message; it is valid until the next call.
  const std::vector<char> &receive() {
    for (;;) {
      buffer_.resize(buffer_.capacity());
      int32_t length = ipc_receiver_recv(receiver_.get(), buffer_.data(), static_cast<uint32_t>(buffer_.size()), -1);
      if (length == IPC_E_BUFFER_TOO_SMALL) {
        // Another receiver of a queue may take the message meanwhile; then there is nothing to do.
        buffer_.reserve(static_cast<size_t>(std::max(0, ipc_receiver_next_length(receiver_.get()))));
        continue;
      }
      buffer_.resize(static_cast<size_t>(checked(length)));
      return buffer_;
    }
  }

 private:
  struct Close {
    void operator()(ipc_receiver *it) const { ipc_receiver_close(it); }
  };
  std::unique_ptr<ipc_receiver, Close> receiver_;
  std::vector<char> buffer_ = std::vector<char>(1024);
};

class Sender {
 public:
  Sender(const std::string &prefix, const std::string &name, uint32_t kind) {
    ipc_options options = ipc_options_default(kind);
    ipc_failure failure;
    sender_.reset(ipc_sender_open(prefix.c_str(), name.c_str(), &options, &failure));
    if (!sender_) fail(failure);
  }

  // Whether it was sent: false if no receiver is connected, or the time is over.
  bool send(const std::vector<char> &bytes, int32_t timeout_ms) {
    return checked(ipc_sender_send(sender_.get(), bytes.data(), static_cast<uint32_t>(bytes.size()), timeout_ms)) ==
           IPC_OK;
  }

 private:
  struct Close {
    void operator()(ipc_sender *it) const { ipc_sender_close(it); }
  };
  std::unique_ptr<ipc_sender, Close> sender_;
};

}  // namespace

int main(int argc, char **argv) try {
  const std::string prefix = argc > 1 ? argv[1] : "";
  Receiver questions(prefix, "questions", IPC_QUEUE);
  Sender answers(prefix, "answers", IPC_CHANNEL);
  for (;;) {
    std::vector<char> text = questions.receive();
    if (text.empty()) return 0;
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
    if (!answers.send(text, 5000)) std::fprintf(stderr, "nobody waits for an answer\n");
  }
} catch (const std::exception &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}

// SPDX-License-Identifier: Apache-2.0
#include "tools/common/outside.h"

#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <iostream>

#include "devmap/core/limits.h"
#include "devmap/core/result.h"
#include "devmap/core/unique_fd.h"

namespace ebb {

namespace {

StopFlag* stop_for_signals = nullptr;

void on_signal(int) {
  stop_for_signals->raise();
}

// Echo is off while it lives.
class SilentTerminal {
 public:
  explicit SilentTerminal(int fd) : fd_(fd) {
    ::tcgetattr(fd_, &before_);
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(fd_, TCSAFLUSH, &silent);
  }
  ~SilentTerminal() { ::tcsetattr(fd_, TCSAFLUSH, &before_); }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

 private:
  int fd_;
  termios before_{};
};

Result<SecretBuffer> ask_at_terminal(const std::string& prompt) {
  const UniqueFd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (!terminal.is_open()) {
    return fail(
        Error::invalid("a passphrase is needed and there is no terminal to ask at; give "
                       "--passphrase-file or set EBB_PASSPHRASE_FILE"));
  }
  const SilentTerminal silent(terminal.get());
  static_cast<void>(::write(terminal.get(), prompt.data(), prompt.size()));
  SecretBuffer secret(limits::max_passphrase_bytes);
  std::size_t length = 0;
  while (length < secret.room().size()) {
    const ssize_t got = ::read(terminal.get(), secret.room().data() + length, 1);
    if (got <= 0 || secret.room()[length] == std::byte{'\n'}) break;
    ++length;
  }
  static_cast<void>(::write(terminal.get(), "\n", 1));
  secret.truncate(length);
  return secret;
}

}  // namespace

Outside process_outside(StopFlag& stop) {
  stop_for_signals = &stop;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // A second Ctrl-C ends it the hard way.
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return {std::cout,
          std::cerr,
          ::isatty(STDERR_FILENO) != 0,
          system_clock(),
          system_random(),
          stop,
          [](const std::string& name) -> std::optional<std::string> {
            const char* value = std::getenv(name.c_str());
            if (value == nullptr) return std::nullopt;
            return std::string(value);
          },
          ask_at_terminal};
}

}  // namespace ebb

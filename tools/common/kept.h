// SPDX-License-Identifier: Apache-2.0
// kept.h - what a daemon knows, in memory and in a file of its state folder, for two threads.
//
// A change is in the file when change() returns, or the log says why not: a full disk stops no
// backup. The state is a value that to_text() writes; whatever the file holds, there is a state.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "tools/common/private_file.h"

namespace ebb {

template <class State>
class Kept {
 public:
  using Log = std::function<void(std::string_view line)>;
  // Reads the file; one that is missing or unreadable is an empty state. Without a path it is in
  // memory only.
  Kept(std::string path, State (*parse)(const std::string& text), Log log)
      : path_(std::move(path)), log_(std::move(log)) {
    if (!path_.empty()) written_ = read_privately(path_);
    state_ = parse(written_);
  }

  template <class Read>
  auto read(Read&& of) const {
    const std::lock_guard lock(mutex_);
    return of(state_);
  }
  void change(const std::function<void(State&)>& how) {
    const std::lock_guard lock(mutex_);
    how(state_);
    if (path_.empty()) return;
    std::string text = to_text(state_);
    if (text == written_) return;
    const auto kept = write_privately(path_, bytes_of(text));
    if (kept) {
      written_ = std::move(text);
    } else {
      log_("cannot keep what it knows: " + kept.error().text());
    }
  }

 private:
  const std::string path_;
  const Log log_;
  mutable std::mutex mutex_;
  State state_;  // Under mutex_, as is what follows.
  std::string written_;
};

}  // namespace ebb

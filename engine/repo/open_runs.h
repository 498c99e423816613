// SPDX-License-Identifier: Apache-2.0
// open_runs.h - who is at work on a repository in this process: runs that ship, and readers.
//
// Whoever collects garbage asks it what must not go yet: a run was told which records are there,
// and a reader where they lie. It registers, and goes on counting until the registration dies.
// Numbers rise with each, so that "everybody who was here then has left" can be said without a
// clock. It knows nothing of other processes; those hold locks.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "engine/repo/ids.h"

namespace ebb {

class OpenRuns {
 public:
  struct Run {
    DataKeyId data_key;           // Its envelopes stay although no pack may name them yet.
    std::optional<PointId> base;  // The point that it builds on stays.
  };
  // Counts until it dies. The OpenRuns outlives it.
  class Registration {
   public:
    Registration(Registration&& other) noexcept
        : runs_(std::exchange(other.runs_, nullptr)), number_(other.number_) {}
    Registration& operator=(Registration&&) = delete;
    ~Registration() {
      if (runs_ != nullptr) runs_->open_.erase(number_);
    }
    // The run goes on under another key; it is no younger by that.
    void uses(const DataKeyId& key) { runs_->open_.at(number_)->data_key = key; }
    // The run found out what it builds on.
    void builds_on(const PointId& base) { runs_->open_.at(number_)->base = base; }

   private:
    friend OpenRuns;
    Registration(OpenRuns& runs, std::uint64_t number) : runs_(&runs), number_(number) {}
    OpenRuns* runs_;
    std::uint64_t number_;
  };

  OpenRuns() = default;
  ~OpenRuns() { EBB_CHECK(open_.empty(), "a run outlives its repository"); }
  OpenRuns(const OpenRuns&) = delete;
  OpenRuns& operator=(const OpenRuns&) = delete;

  // Before it asks for the first record.
  [[nodiscard]] Registration run_begins(const Run& run) { return add(run); }
  // Before it asks where the first record lies.
  [[nodiscard]] Registration reader_begins() { return add(std::nullopt); }

  // Whoever registers from now on is younger than this.
  std::uint64_t now() const { return next_; }
  bool any_older_than(std::uint64_t moment) const {
    return !open_.empty() && open_.begin()->first < moment;
  }
  bool is_base(const PointId& point) const {
    return any_run([&](const Run& run) { return run.base == point; });
  }
  bool is_key(const DataKeyId& key) const {
    return any_run([&](const Run& run) { return run.data_key == key; });
  }

 private:
  Registration add(std::optional<Run> run) {
    open_.emplace(next_, std::move(run));
    return {*this, next_++};
  }
  template <class Is>
  bool any_run(const Is& is) const {
    for (const auto& [number, run] : open_) {
      if (run && is(*run)) return true;
    }
    return false;
  }

  std::map<std::uint64_t, std::optional<Run>> open_;  // By number; a reader is no run.
  std::uint64_t next_ = 0;
};

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
// running_manager.h - a real management server on loopback, in a thread of the test's process, and
// hosts that enroll with it over its ports.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "tests/support/temporary_folder.h"
#include "wire/control/client/control_client.h"
#include "wire/control/client/enrol_client.h"
#include "wire/control/manager/server.h"

namespace ebb::control::test {

// A client has an event loop, of which a thread can have one: a second client needs another thread.
template <class Work>
auto elsewhere(Work&& work) {
  return std::async(std::launch::async, std::forward<Work>(work)).get();
}

class RunningManager final : private ServerEvents {
 public:
  RunningManager() {
    EXPECT_TRUE(Store::make(path(), {"127.0.0.1", 1}, system_clock().wall(), system_random()));
    store_ = Store::open(path()).value();
    thread_ = std::thread([this] { serve(); });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return control_port_ != 0 || ended_; });
    EXPECT_FALSE(ended_) << "the manager does not listen";
  }
  ~RunningManager() override {
    stop_.raise();
    thread_.join();
  }

  // This thread's own, beside the server's.
  Store& store() { return *store_; }
  Address control() const { return {"127.0.0.1", control_port_}; }
  Address enrolment() const { return {"127.0.0.1", enrolment_port_}; }
  std::string state_folder(const std::string& name) const { return folder_ / ("state-" + name); }

  Token token(Role role, const std::string& host = "", std::int64_t seconds = 3600) {
    Token token = Token::make(store_->authority_digest(), enrolment(), system_random());
    const WallTime now = system_clock().wall();
    EXPECT_TRUE(store_->hosts().add_token(
        token.digest(), {role, host, {}, {now.nanoseconds + seconds * 1'000'000'000}}, now));
    return token;
  }
  Result<Identity> try_enroll(const std::string& name, const Token& token,
                              std::vector<std::string> server_names = {}) {
    // By its text, as a person carries it.
    return enroll({state_folder(name), parse_token(token.text()).value(), std::nullopt, name,
                   std::move(server_names)});
  }
  Identity enroll_host(const std::string& name, Role role) {
    std::vector<std::string> server_names;
    if (role == Role::storage) server_names = {name + ".example", "127.0.0.1"};
    return try_enroll(name, token(role), server_names).value();
  }
  // Waits until an event holds these words.
  bool said(std::string_view words) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] {
      for (const std::string& line : lines_) {
        if (line.find(words) != std::string::npos) return true;
      }
      return false;
    });
  }

 private:
  std::string path() const { return folder_ / "manager"; }

  void serve() {
    const auto store = Store::open(path()).value();
    const auto ended = serve_manager(*store, {{"127.0.0.1", 0}, {"127.0.0.1", 0}}, system_clock(),
                                     system_random(), stop_, *this);
    EXPECT_TRUE(ended) << ended.error().text();
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  void listening(std::uint16_t control, std::uint16_t enrolment) override {
    const std::lock_guard lock(mutex_);
    control_port_ = control;
    enrolment_port_ = enrolment;
    changed_.notify_all();
  }
  void event(const std::string& line) override {
    const std::lock_guard lock(mutex_);
    lines_.push_back(line);
    changed_.notify_all();
  }

  const ebb::test::TemporaryFolder folder_;
  std::unique_ptr<Store> store_;
  StopFlag stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint16_t control_port_ = 0;
  std::uint16_t enrolment_port_ = 0;
  bool ended_ = false;
  std::vector<std::string> lines_;
  std::thread thread_;
};

}  // namespace ebb::control::test

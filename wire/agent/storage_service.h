// SPDX-License-Identifier: Apache-2.0
// storage_service.h - a storage agent with everything it stands on, for programs, which need know
// nothing of RPC.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "devmap/core/interrupt.h"
#include "devmap/core/random.h"
#include "wire/agent/storage_bounds.h"

namespace ebb {

class StorageService {
 public:
  struct Wishes {
    std::vector<std::pair<std::string, std::string>> repositories;  // Names and folders.
    std::string socket;
    StorageBounds bounds;
    unsigned threads = 0;  // Workers; 0: one for each processor.
  };
  // Listens when it returns. `log` takes a line for each event that a person should know of.
  static Result<std::unique_ptr<StorageService>> make(
      const Wishes& wishes, Random& random, std::function<void(std::string_view line)> log);
  ~StorageService();
  StorageService(const StorageService&) = delete;
  StorageService& operator=(const StorageService&) = delete;

  // Serves until `stop` is raised; then ends every run, and publishes what arrived.
  Result<void> run(const StopFlag& stop);

 private:
  struct State;
  explicit StorageService(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
// remote_files.h - the small objects of a repository at a storage agent, as Files.
//
// Keys, members and points are read and published by the same code as in a folder of this machine.
// A file is read whole when it is opened and sent whole when it is synced. Packs are not reached by
// it.
#pragma once

#include "engine/file/files.h"
#include "wire/client/connection.h"

namespace ebb {

class RemoteFiles final : public Files {
 public:
  explicit RemoteFiles(Connection& connection) : connection_(connection) {}

  Result<std::unique_ptr<File>> create(const std::string& name) override;
  Result<std::unique_ptr<File>> open(const std::string& name) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& name) override;
  Result<void> make_folder(const std::string& name) override;
  Result<void> sync_folder(const std::string& name) override;
  Result<std::vector<Entry>> list(const std::string& folder) override;
  // Invalid: the agent sees to it that writers keep out of each other's way.
  Result<std::unique_ptr<FolderLock>> lock(const std::string& name) override;
  Result<std::unique_ptr<FolderLock>> lock_shared(const std::string& name) override {
    return lock(name);
  }
  std::string place() const override { return ""; }

 private:
  Connection& connection_;
};

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
// files.h - a folder that the repository lies in, as an interface.
//
// Names are relative to the root, parts joined by '/'. The interface says exactly what the
// repository's safety rests on: what was written before sync_data() ended survives a power loss;
// a rename is atomic, and survives once sync_folder() of its folder has ended. Tests put a folder
// behind it that drops whatever these promises do not cover.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "devmap/core/clock.h"
#include "engine/uring/ring.h"

namespace ebb {

// An open file. Reads and writes are transfers; direct I/O where they are aligned.
class File : public Medium {
 public:
  virtual Result<ByteCount> size() = 0;
  // Reserves room for `size` bytes from the start; a hint, except that it may say `full`.
  virtual Result<void> preallocate(ByteCount size) = 0;
  virtual Result<void> truncate(ByteCount size) = 0;
  // What a listing says from now on, unless it is written again.
  virtual Result<void> set_modified(WallTime time) = 0;
};

// Held until it is destroyed, or its process dies.
class FolderLock {
 public:
  virtual ~FolderLock() = default;
};

class Files {
 public:
  struct Entry {
    std::string name;  // Without the folder.
    bool is_folder = false;
    WallTime modified;  // By the clock of whoever keeps the files. A rename keeps it.
  };
  virtual ~Files() = default;

  virtual Result<std::unique_ptr<File>> create(const std::string& name) = 0;  // Must not exist.
  virtual Result<std::unique_ptr<File>> open(const std::string& name) = 0;    // For reading.
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove(const std::string& name) = 0;       // A file, or an empty folder.
  virtual Result<void> make_folder(const std::string& name) = 0;  // Fine if it is there.
  virtual Result<void> sync_folder(const std::string& name) = 0;
  // Sorted by name; absent when there is no such folder.
  virtual Result<std::vector<Entry>> list(const std::string& folder) = 0;
  // Waits for nobody: busy when another holds it. The file is made when it is not there.
  virtual Result<std::unique_ptr<FolderLock>> lock(const std::string& name) = 0;
  // Any number hold it at once, beside nobody who has it by lock(). Who does has it for a moment
  // only: waits some seconds for that before it says busy. Needs no right to write.
  virtual Result<std::unique_ptr<FolderLock>> lock_shared(const std::string& name) = 0;
  // Where the files lie for programs outside (the index engine); empty when they do not.
  virtual std::string place() const = 0;
};

// A folder of this machine.
Result<std::unique_ptr<Files>> open_folder(const std::string& path, Ring& ring);

// The whole of a small file; invalid when it is larger than `most`.
Result<ByteVector> read_small_file(Files& files, Loop& loop, const std::string& name,
                                   ByteCount most);
// Publishes `bytes` as `name`: written as `temporary_name`, sync, rename, folder sync. After
// a crash at any moment the name is absent or whole. With `modified` it counts as written then.
Result<void> publish_small_file(Files& files, Loop& loop, const std::string& name, Bytes bytes,
                                const std::string& temporary_name,
                                std::optional<WallTime> modified = {});
// "a/b" of "a/b/c", "" of "c".
std::string folder_of(const std::string& name);

}  // namespace ebb

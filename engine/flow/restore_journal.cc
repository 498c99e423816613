// SPDX-License-Identifier: Apache-2.0
// restore_journal.cc - the journal's bytes, and its file.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "engine/flow/restore.h"
#include "engine/repo/body.h"
#include "engine/repo/object_frame.h"

namespace ebb {

ByteVector pack_journal(const RestoreJournal& journal) {
  return BodyWriter()
      .raw(journal.point.view())
      .raw(journal.target.view())
      .u64(journal.written_to.value())
      .take();
}

Result<RestoreJournal> unpack_journal(Bytes body) {
  BodyReader reader(body);
  RestoreJournal journal;
  journal.point = TRY(reader.name<PointId>());
  journal.target = TRY(reader.name<Digest>());
  journal.written_to = BlockIndex(TRY(reader.u64()));
  TRY(reader.end());
  return journal;
}

namespace {

class JournalFile final : public JournalKeeper {
 public:
  explicit JournalFile(std::string path) : path_(std::move(path)) {}

  Result<std::optional<RestoreJournal>> read() override {
    const UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.is_open() && errno == ENOENT) return std::nullopt;
    if (!fd.is_open()) return fail(Error::from_errno(errno).during("opening {}", path_));
    ByteVector file(max_object_file.size());
    const ssize_t got = ::pread(fd.get(), file.data(), file.size(), 0);
    if (got < 0) return fail(Error::from_errno(errno).during("reading {}", path_));
    const auto object = unframe_object(ObjectType::restore_journal,
                                       Bytes(file).first(static_cast<std::size_t>(got)));
    if (!object) return std::nullopt;  // Starting over is always right.
    const auto journal = unpack_journal(object->body);
    if (!journal) return std::nullopt;
    return *journal;
  }

  Result<void> write(const RestoreJournal& journal) override {
    std::error_code error;
    const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder, error);
    const ByteVector file = frame_object(ObjectType::restore_journal, pack_journal(journal));
    const std::string building = path_ + ".new";
    constexpr mode_t owner_only = 0600;
    const UniqueFd fd(
        ::open(building.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, owner_only));
    const auto failed = [&] {
      return fail(Error::from_errno(errno).during("writing the restore's journal {}", path_));
    };
    if (!fd.is_open()) return failed();
    if (::write(fd.get(), file.data(), file.size()) != static_cast<ssize_t>(file.size()) ||
        ::fdatasync(fd.get()) != 0 || std::rename(building.c_str(), path_.c_str()) != 0) {
      return failed();
    }
    return sync_folder();
  }

  Result<void> remove() override {
    if (::unlink(path_.c_str()) == 0) return sync_folder();
    if (errno == ENOENT) return {};
    return fail(Error::from_errno(errno).during("removing {}", path_));
  }

 private:
  // Or an old journal could come back after a power loss.
  Result<void> sync_folder() const {
    const std::string folder = std::filesystem::path(path_).parent_path().string();
    const UniqueFd fd(
        ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.is_open() && ::fsync(fd.get()) == 0) return {};
    return fail(Error::from_errno(errno).during("syncing the folder of {}", path_));
  }
  std::string path_;
};

}  // namespace

std::unique_ptr<JournalKeeper> journal_file(std::string path) {
  return std::make_unique<JournalFile>(std::move(path));
}

}  // namespace ebb

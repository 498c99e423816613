// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/metadata_hold.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include "devmap/text_file.h"

namespace ebb {

namespace {

// What a note says before the kernel was asked; else it is the root, as a number. Empty: nothing is
// ours.
constexpr std::string_view about_to = "reserving";

Result<void> write_note(int fd, const std::string& text) {
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, text.data(), text.size(), 0) < 0 ||
      ::fsync(fd) != 0) {
    return fail(Error::from_errno(errno).during("writing the note about a metadata snapshot"));
  }
  return {};
}

std::string note_in(int fd) {
  std::array<char, 64> text{};
  const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
  return trimmed(std::string_view(text.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))));
}

Result<void> sync_folder(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open() || ::fsync(fd.get()) != 0) return fail(Error::from_errno(errno));
  return {};
}

// The note of this device, locked. It is never removed: a lock on a file that is not there any more
// would keep nobody out.
Result<UniqueFd> locked_note(const char* type, const MapperDevice& device,
                             const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail(Error::from_errno(error.value()).during("making {}", folder));
  std::string name = device.uuid.empty() ? device.name : device.uuid;
  std::replace(name.begin(), name.end(), '/', '!');
  const std::string path = folder + "/" + type + "-" + name;
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.is_open()) return fail(Error::from_errno(errno).during("opening {}", path));
  TRY(during(sync_folder(folder), "syncing {}", folder));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(Error::from_errno(errno).during("locking {}", path));
    return fail(Error::busy("another ebb is reading the metadata of {}", device.name));
  }
  return fd;
}

}  // namespace

// "1 12/4096 130/1600 - rw ...": transaction, metadata used, data used, held root, mode.
const MetadataTarget thin_pool_target = {"thin-pool", "reserve_metadata_snap",
                                         "release_metadata_snap", 3};
// "8 9/1024 3 44": metadata block, metadata used, current era, held root.
const MetadataTarget era_target = {"era", "take_metadata_snap", "drop_metadata_snap", 3};

Result<std::optional<std::uint64_t>> MetadataTarget::held_root(const MapperDevice& status) const {
  const MapperTarget target = TRY(status.only(type));
  if (target.words.size() <= held_word) {
    const std::string& word = target.words.empty() ? std::string() : target.words[0];
    return fail(Error::lost("the {} {} says \"{}\"", type, status.name, word));
  }
  const std::string& word = target.words[held_word];
  if (word == "-") return std::nullopt;
  const auto root = number_in(word);
  if (!root) {
    return fail(Error::damaged("the status of {} has \"{}\" where its metadata snapshot is",
                               status.name, word));
  }
  return root;
}

Result<std::unique_ptr<MetadataHold>> MetadataHold::take(const MetadataTarget& target, dev_t device,
                                                         const std::string& notes,
                                                         DeviceMapper& mapper) {
  const MapperDevice table = TRY(mapper.table(device));
  TRY(table.only(target.type));
  UniqueFd note = TRY(locked_note(target.type, table, notes));
  std::unique_ptr<MetadataHold> hold(new MetadataHold(target, device, mapper, std::move(note)));
  TRY(hold->release_what_a_killed_one_left());
  TRY(during(hold->reserve(), "taking the metadata snapshot of {}", table.name));
  return hold;
}

Result<void> MetadataHold::release_what_a_killed_one_left() {
  const MapperDevice status = TRY(mapper_.status(device_));
  const auto root = TRY(target_.held_root(status));
  if (!root) return {};
  // With "reserving" nobody held one a moment before it was written.
  const std::string note = note_in(note_.get());
  if (note != about_to && note != std::to_string(*root)) {
    return fail(
        Error::busy("somebody else holds the metadata snapshot of {}; if nobody does any more: "
                    "dmsetup message {} 0 {}",
                    status.name, status.name, target_.release));
  }
  held_ = true;
  return release();
}

Result<void> MetadataHold::reserve() {
  TRY(write_note(note_.get(), std::string(about_to)));
  const Result<void> told = mapper_.message(device_, target_.take);
  if (!told) {
    TRY(write_note(note_.get(), ""));
    return told;
  }
  held_ = true;
  const auto root = TRY(target_.held_root(TRY(mapper_.status(device_))));
  if (!root) return fail(Error::lost("it was taken and is not there"));
  return write_note(note_.get(), std::to_string(*root));
}

Result<void> MetadataHold::release() {
  if (!held_) return {};
  held_ = false;
  // The note goes last: who is killed between the two has released what the note is about, and a
  // snapshot that somebody takes then has another root.
  TRY(mapper_.message(device_, target_.release));
  return write_note(note_.get(), "");
}

MetadataHold::~MetadataHold() {
  // What cannot be released now stays in the note, and the next take() tries again.
  if (held_) static_cast<void>(release());
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/source_key.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "devmap/core/limits.h"
#include "devmap/core/unique_fd.h"
#include "engine/repo/body.h"
#include "engine/repo/object_frame.h"

namespace ebb {

namespace {

constexpr std::size_t max_file = 64 * 1024;

}  // namespace

ByteVector pack_source_key(const SourceKey& key) {
  return BodyWriter()
      .raw(key.repository.view())
      .raw(key.authority.view())
      .raw(key.id_key.reveal())
      .raw(key.signing_seed.reveal())
      .sized(bytes_of(key.name))
      .take();
}

Result<SourceKey> unpack_source_key(Bytes body) {
  BodyReader reader(body);
  SourceKey key;
  key.repository = TRY(reader.name<RepositoryId>());
  key.authority = TRY(reader.name<VerifyKey>());
  key.id_key = IdKey(TRY(reader.raw(IdKey::size)).first<IdKey::size>());
  key.signing_seed = SigningSeed(TRY(reader.raw(SigningSeed::size)).first<SigningSeed::size>());
  key.name = std::string(text_of(TRY(reader.sized(limits::max_name_bytes))));
  TRY(reader.end());
  return key;
}

namespace {

constexpr mode_t for_the_owner = 0700;
constexpr mode_t for_all_to_read = 0755;

// Keys lie in a folder of their owner's alone; /etc/ebb above it holds settings, too, which the
// users that servers run as read.
Result<void> make_folders(const std::filesystem::path& folder, mode_t mode = for_the_owner) {
  if (folder.empty() || std::filesystem::exists(folder)) return {};
  TRY(make_folders(folder.parent_path(), for_all_to_read));
  if (::mkdir(folder.c_str(), mode) == 0 || errno == EEXIST) return {};
  return fail(Error::from_errno(errno).during("making {}", folder.string()));
}

Result<void> write_whole(const UniqueFd& fd, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(Error::from_errno(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  if (::fsync(fd.get()) != 0) return fail(Error::from_errno(errno));
  return {};
}

Result<void> sync_folder(const std::filesystem::path& folder) {
  const char* path = folder.empty() ? "." : folder.c_str();
  const UniqueFd fd(::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.is_open() && ::fsync(fd.get()) == 0) return {};
  return fail(Error::from_errno(errno));
}

}  // namespace

// Under another name first, so that a crash leaves no half of a key; then given its own name, which
// link(2) refuses where there is a file already.
Result<void> write_source_key(const std::string& path, const SourceKey& key) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  TRY(make_folders(folder));
  std::string temporary = path + ".XXXXXX";
  const UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));  // Mode 0600.
  if (!fd.is_open()) {
    return fail(Error::from_errno(errno).during("making the source key file {}", path));
  }
  ByteVector body = pack_source_key(key);
  ByteVector file = frame_object(ObjectType::source_key, body);
  auto written = write_whole(fd, file);
  ::explicit_bzero(body.data(), body.size());
  ::explicit_bzero(file.data(), file.size());
  if (written && ::link(temporary.c_str(), path.c_str()) != 0) {
    written = fail(Error::from_errno(errno));
  }
  ::unlink(temporary.c_str());
  if (written) written = sync_folder(folder);
  return during(std::move(written), "writing the source key file {}", path);
}

Result<SourceKey> read_source_key(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.is_open()) {
    return fail(Error::from_errno(errno).during("opening the source key file {}", path));
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail(Error::from_errno(errno));
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail(
        Error::denied("the source key file {} can be read by others than its owner; "
                      "run `chmod 600` on it, and make a new source key if it was copied",
                      path));
  }
  if (!S_ISREG(status.st_mode) || status.st_size <= 0 ||
      static_cast<std::size_t>(status.st_size) > max_file) {
    return fail(Error::damaged("{} is no source key file", path));
  }
  SecretBuffer file(static_cast<std::size_t>(status.st_size));
  if (::pread(fd.get(), file.room().data(), file.room().size(), 0) !=
      static_cast<ssize_t>(file.room().size())) {
    return fail(Error::from_errno(EIO).during("reading {}", path));
  }
  auto object = TRY(during(unframe_object(ObjectType::source_key, file.reveal()),
                           "reading the source key file {}", path));
  auto key = unpack_source_key(object.body);
  ::explicit_bzero(object.body.data(), object.body.size());
  return key;
}

}  // namespace ebb

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

Result<void> write_source_key(const std::string& path, const SourceKey& key) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty() && !std::filesystem::exists(folder)) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (!error) {
      std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
    }
    if (error) return fail(Error::from_errno(error.value()).during("making {}", folder.string()));
  }
  constexpr mode_t owner_only = 0600;
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, owner_only));
  if (!fd.is_open()) {
    return fail(Error::from_errno(errno).during("making the source key file {}", path));
  }
  ByteVector file = frame_object(ObjectType::source_key, pack_source_key(key));
  const ssize_t written = ::write(fd.get(), file.data(), file.size());
  const int number = errno;
  ::explicit_bzero(file.data(), file.size());
  if (written != static_cast<ssize_t>(file.size()) || ::fsync(fd.get()) != 0) {
    ::unlink(path.c_str());
    return fail(Error::from_errno(written < 0 ? number : ENOSPC)
                    .during("writing the source key file {}", path));
  }
  return {};
}

Result<SourceKey> read_source_key(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
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
  if (status.st_size <= 0 || static_cast<std::size_t>(status.st_size) > max_file) {
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

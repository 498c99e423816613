// SPDX-License-Identifier: Apache-2.0
#include "engine/file/files.h"

namespace ebb {

std::string folder_of(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? "" : name.substr(0, slash);
}

Result<ByteVector> read_small_file(Files& files, Loop& loop, const std::string& name,
                                   ByteCount most) {
  const auto file = TRY(files.open(name));
  const ByteCount size = TRY(file->size());
  if (size > most) {
    return fail(Error::damaged("{} has {} bytes, which no such file may have", name, size.value()));
  }
  ByteVector bytes(size.size());
  if (!bytes.empty()) {
    TRY(during(read_and_wait(loop, *file, ByteIndex(0), bytes), "reading {}", name));
  }
  return bytes;
}

Result<void> publish_small_file(Files& files, Loop& loop, const std::string& name, Bytes bytes,
                                const std::string& temporary_name,
                                std::optional<WallTime> modified) {
  const auto write = [&]() -> Result<void> {
    const auto file = TRY(files.create(temporary_name));
    TRY(write_and_wait(loop, *file, ByteIndex(0), bytes));
    if (modified) TRY(file->set_modified(*modified));
    TRY(sync_and_wait(loop, *file));
    TRY(files.rename(temporary_name, name));
    return files.sync_folder(folder_of(name));
  };
  auto written = write();
  // Left over only if the rename did not happen; when even this fails, the next writer clears it.
  if (!written) static_cast<void>(files.remove(temporary_name));
  return during(std::move(written), "publishing {}", name);
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "tools/common/source_memory.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "devmap/core/unique_fd.h"
#include "tools/common/private_file.h"

namespace ebb {

namespace {

std::uint64_t number_in(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_unsigned()) return 0;
  return *found->get_ptr<const std::uint64_t*>();
}

}  // namespace

SourceMemory read_source_memory(const std::string& path) {
  SourceMemory memory;
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  const auto json = nlohmann::json::parse(text.str(), nullptr, false);
  if (!json.is_object()) return memory;
  memory.members_epoch = number_in(json, "members_epoch");
  const auto volumes = json.find("volumes");
  if (volumes == json.end() || !volumes->is_object()) return memory;
  for (const auto& [key, value] : volumes->items()) {
    const auto volume = VolumeId::from_hex_text(key);
    if (!volume || !value.is_object() || !value.contains("point") || !value["point"].is_string()) {
      continue;
    }
    const auto point = PointId::from_hex_text(*value["point"].get_ptr<const std::string*>());
    if (point) memory.volumes[*volume] = {number_in(value, "sequence"), *point, {}};
    if (point && value.contains("promised") && value["promised"].is_string()) {
      const auto promised =
          PointId::from_hex_text(*value["promised"].get_ptr<const std::string*>());
      if (promised) memory.volumes[*volume].promised = *promised;
    }
    if (value.contains("distrusted") && value["distrusted"].is_string()) {
      const auto kind = source_kind_of(*value["distrusted"].get_ptr<const std::string*>());
      if (kind) memory.distrusted[*volume] = *kind;
    }
  }
  return memory;
}

namespace {

Result<UniqueFd> lock_folder_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open() || ::flock(fd.get(), LOCK_EX) != 0) {
    return fail(Error::from_errno(errno).during("locking {}", folder));
  }
  return fd;
}

}  // namespace

Result<void> change_source_memory(const std::string& path,
                                  const std::function<void(SourceMemory&)>& change) {
  const UniqueFd lock = TRY(lock_folder_of(path));
  SourceMemory memory = read_source_memory(path);
  change(memory);
  nlohmann::json volumes = nlohmann::json::object();
  for (const auto& [volume, point] : memory.volumes) {
    volumes[volume.hex()] = {{"sequence", point.sequence}, {"point", point.id.hex()}};
    if (!point.promised.is_zero()) volumes[volume.hex()]["promised"] = point.promised.hex();
    if (const auto kind = memory.distrusted.find(volume); kind != memory.distrusted.end()) {
      volumes[volume.hex()]["distrusted"] = name_of(kind->second);
    }
  }
  const nlohmann::json json = {{"members_epoch", memory.members_epoch}, {"volumes", volumes}};
  return write_privately(path, bytes_of(json.dump(2) + '\n'));
}

}  // namespace ebb

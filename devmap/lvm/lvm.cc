// SPDX-License-Identifier: Apache-2.0
#include "devmap/lvm/lvm.h"

#include <algorithm>
#include <array>

#include "devmap/block_graph.h"
#include "devmap/program_output.h"

namespace ebb {

namespace {

constexpr std::size_t most_output = 64u << 20;  // Some hundred thousand volumes.

Result<std::string> output_of(const std::vector<std::string>& arguments, OwnersEnd end) {
  const auto program = TRY(ProgramOutput::start(arguments, end));
  std::string all;
  std::array<char, 16384> piece{};
  while (const std::size_t n = TRY(program->read(piece))) {
    if (all.size() + n > most_output) {
      return fail(Error::damaged("{} prints more than {} bytes", arguments[0], most_output));
    }
    all.append(piece.data(), n);
  }
  TRY(program->finish());
  return all;
}

Result<void> change(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "lvm");
  // Metadata backups are files, and the file system they would go to may be held still just now.
  arguments.insert(arguments.begin() + 2, {"--quiet", "--yes", "--autobackup", "n"});
  TRY(output_of(arguments, OwnersEnd::waits));
  return {};
}

std::vector<std::string> with_tags(std::vector<std::string> arguments,
                                   const std::vector<std::string>& tags) {
  for (const std::string& tag : tags) arguments.insert(arguments.end(), {"--addtag", tag});
  return arguments;
}

class SystemLvm final : public Lvm {
 public:
  Result<std::vector<LogicalVolume>> volumes() override {
    return logical_volumes_in(TRY(output_of({"lvm", "lvs", "--reportformat", "json", "--units", "b",
                                             "--nosuffix", "-o", report_columns},
                                            OwnersEnd::kills)));
  }
  Result<void> take_thick(const LogicalVolume& origin, const std::string& name,
                          const std::vector<std::string>& tags, ByteCount room) override {
    return during(change(with_tags({"lvcreate", "--snapshot", "--permission", "r", "--name", name,
                                    "--size", fmt::format("{}b", room.value()), origin.full_name()},
                                   tags)),
                  "taking a snapshot of {}", origin.full_name());
  }
  Result<void> take_thin(const LogicalVolume& origin, const std::string& name,
                         const std::vector<std::string>& tags) override {
    // A thin snapshot is not activated with its group otherwise, and its table would not be there
    // after a reboot.
    return during(
        change(with_tags({"lvcreate", "--snapshot", "--permission", "r", "--name", name,
                          "--setactivationskip", "n", "--activate", "y", origin.full_name()},
                         tags)),
        "taking a snapshot of {}", origin.full_name());
  }
  Result<void> extend(const std::string& full_name, ByteCount more) override {
    return during(change({"lvextend", "--size", fmt::format("+{}b", more.value()), full_name}),
                  "extending {}", full_name);
  }
  Result<void> add_tag(const std::string& full_name, const std::string& tag) override {
    return during(change({"lvchange", "--addtag", tag, full_name}), "tagging {}", full_name);
  }
  Result<void> activate(const std::string& full_name) override {
    return during(change({"lvchange", "--activate", "y", "--ignoreactivationskip", full_name}),
                  "activating {}", full_name);
  }
  Result<void> remove(const std::string& full_name) override {
    return during(change({"lvremove", full_name}), "removing {}", full_name);
  }
};

std::string without_dashes(std::string text) {
  std::erase(text, '-');
  return text;
}

}  // namespace

Lvm& system_lvm() {
  static SystemLvm lvm;
  return lvm;
}

Result<std::optional<LogicalVolume>> logical_volume_at(const std::string& path, Lvm& lvm) {
  const BlockGraph graph{SystemRoots{}};
  const auto name = graph.name_of_path(path);
  if (!name) return std::nullopt;
  // "LVM-" and the two uuids, which have 32 characters each.
  const std::string uuid = graph.attribute(*name, "dm/uuid");
  if (!uuid.starts_with("LVM-") || uuid.size() != 4 + 32 + 32) return std::nullopt;
  for (const LogicalVolume& volume : TRY(lvm.volumes())) {
    const std::string own = without_dashes(volume.group_uuid) + without_dashes(volume.uuid);
    if (uuid.substr(4) == own) return volume;
  }
  return fail(Error::lost("LVM does not know {}, which has its uuid {}", path, uuid));
}

}  // namespace ebb

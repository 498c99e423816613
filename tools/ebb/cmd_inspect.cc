// SPDX-License-Identifier: Apache-2.0
// cmd_inspect.cc - ebb inspect: the passport of a device, and who uses it.
#include <ostream>

#include "devmap/occupation.h"
#include "devmap/probe.h"
#include "tools/common/size_text.h"
#include "tools/ebb/command.h"

namespace ebb {

namespace {

nlohmann::json json_of(const Occupation& use) {
  return {{"mounts", use.mounts},       {"holders", use.holders},
          {"swaps", use.swaps},         {"loops", use.loops},
          {"read_only", use.read_only}, {"in_exclusive_use", use.in_exclusive_use}};
}

class Inspect final : public Command {
 public:
  explicit Inspect(CLI::App& app) {
    app.add_option("DEVICE", device_, "Block device or image file")->required();
    app.add_flag("--json", json_, "Print one line of JSON for programs");
    app.footer("Example:\n  ebb inspect /dev/sda");
  }

  Result<ExitCode> run(Outside& outside) override {
    const Passport passport = TRY(probe(device_));
    const Occupation use = TRY(probe_occupation(device_));
    if (json_) {
      nlohmann::json json = to_json(passport);
      json["occupation"] = json_of(use);
      json["identity"] = identity_text(passport);
      print_json(outside, json);
      return ExitCode::done;
    }
    print(outside, passport, use);
    return ExitCode::done;
  }

 private:
  static void print(Outside& outside, const Passport& passport, const Occupation& use) {
    const auto line = [&](const char* name, const std::string& value) {
      if (!value.empty()) outside.out << fmt::format("{:<18} {}\n", name, value);
    };
    line("device", fmt::format("{} ({})", passport.path, passport.kind));
    line("size",
         fmt::format("{} bytes ({})", passport.shape.size.value(), size_text(passport.shape.size)));
    line("sectors",
         fmt::format("{} bytes logical, {} physical", passport.shape.logical_sector.value(),
                     passport.shape.physical_sector.value()));
    line("model", passport.vendor + (passport.vendor.empty() ? "" : " ") + passport.model);
    line("serial", passport.serial);
    line("wwn", passport.wwn);
    line("device-mapper", passport.dm_name);
    line("backing file", passport.backing_file);
    line("holds", passport.content_type);
    line("label", passport.content_label);
    line("uuid", passport.content_uuid);
    if (passport.table.kind != TableKind::none) {
      line("table", fmt::format("{} {}", name_of(passport.table.kind), passport.table.id));
      for (const Partition& p : passport.table.partitions) {
        line("", fmt::format("{:>3}  at {:>14}  {:>10}  {} {}", p.number, p.bytes.begin.value(),
                             size_text(p.bytes.length()), p.type, p.name));
      }
    }
    line("used up to byte", fmt::format("{}", passport.last_used.value()));
    for (const std::string& problem : passport.table.problems) line("problem", problem);
    for (const std::string& note : passport.notes) line("note", note);
    for (const std::string& mount : use.mounts) line("mounted", mount);
    for (const std::string& holder : use.holders) line("held by", holder);
    for (const std::string& swap : use.swaps) line("swap", swap);
    for (const std::string& loop : use.loops) line("attached as", loop);
    if (use.read_only) line("read-only", "yes");
    if (use.in_exclusive_use) line("in use", "somebody has it open for themselves alone");
    outside.out << std::flush;
  }

  std::string device_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_inspect(CLI::App& app) {
  return std::make_unique<Inspect>(
      *app.add_subcommand("inspect", "Show what a device is: size, sectors, identity, partitions"));
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "tools/ebb/print_scrub.h"

#include <ostream>

#include "tools/common/size_text.h"
#include "tools/ebb/print_damage.h"

namespace ebb {

nlohmann::json json_of(const ScrubReport& report) {
  nlohmann::json findings = nlohmann::json::array();
  for (const ScrubFinding& f : report.findings) {
    findings.push_back(
        {{"file", f.file}, {"what", f.what}, {"mended", f.mended}, {"known", f.known}});
  }
  nlohmann::json damages = nlohmann::json::array();
  for (const PointDamage& d : report.points) {
    nlohmann::json json = json_of(d.damage);
    json["volume_id"] = d.volume.hex();
    json["point"] = d.point.hex();
    damages.push_back(std::move(json));
  }
  return {{"packs", report.packs},
          {"objects", report.objects},
          {"bytes_read", report.bytes.value()},
          {"findings", findings},
          {"records_lost", report.records_lost},
          {"damages", damages}};
}

void print_scrub(Outside& outside, const ScrubReport& report) {
  for (const ScrubFinding& f : report.findings) {
    outside.out << fmt::format("{}: {}: {}\n",
                               f.mended  ? "mended"
                               : f.known ? "known"
                                         : "damaged",
                               f.file, f.what);
  }
  constexpr std::size_t most_shown = 20;
  for (std::size_t i = 0; i < report.points.size() && i < most_shown; ++i) {
    const PointDamage& d = report.points[i];
    outside.out << fmt::format("lost: point {} (volume {}), blocks {} to {}: {}\n",
                               d.point.hex().substr(0, 12), d.volume.hex().substr(0, 12),
                               d.damage.blocks.begin.value(), d.damage.blocks.end.value() - 1,
                               d.damage.what);
  }
  if (report.points.size() > most_shown) {
    outside.out << fmt::format("... and {} more; --json lists all\n",
                               report.points.size() - most_shown);
  }
  outside.out << fmt::format("looked at {} packs and {} small objects, {}\n", report.packs,
                             report.objects, size_text(report.bytes));
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "tools/ebb/backup_report.h"

#include "tools/common/size_text.h"

namespace ebb {

nlohmann::json json_of(const BackupReport& report, const std::vector<std::string>& notes) {
  nlohmann::json unreadable = nlohmann::json::array();
  for (const ByteRun& run : report.unreadable) {
    unreadable.push_back({{"begin", run.begin.value()}, {"end", run.end.value()}});
  }
  return {{"point", report.point.id.hex()},
          {"volume", report.volume_name},
          {"sequence", report.point.point.sequence},
          {"source", name_of(report.point.point.found_by)},
          {"block_size", report.point.point.grid.block().bytes().value()},
          {"device_size", report.point.point.grid.size().value()},
          {"blocks_total", report.blocks_total.value()},
          {"blocks_zero", report.counts.zero.value()},
          {"blocks_left_out", report.left_out.value()},
          {"left_out_said", report.left_out_said},
          {"blocks_changed", report.counts.changed.value()},
          {"blocks_shipped", report.counts.shipped.value()},
          {"bytes_read", report.counts.read.value()},
          {"bytes_stored", report.counts.stored.value()},
          {"compression", report.compressed_with.text()},
          {"source_said", report.source_said},
          {"blocks_called_clean", report.audit.clean},
          {"blocks_audited", report.audit.sampled},
          {"blocks_reread", report.audit.in_slice},
          {"audit_bound", report.audit.bound()},
          {"source_lied", report.source_lied},
          {"unreadable", unreadable},
          {"notes", notes},
          {"seconds", report.seconds}};
}

std::string text_of(const BackupReport& report) {
  std::string text = fmt::format(
      "point {} of volume {} (number {}): {} of {} blocks changed, {} shipped; read {}, stored "
      "{}, in {} ({})\n",
      report.point.id.hex().substr(0, 12), report.volume_name, report.point.point.sequence,
      report.counts.changed.value(), report.blocks_total.value(), report.counts.shipped.value(),
      size_text(report.counts.read), size_text(report.counts.stored), duration_text(report.seconds),
      rate_text(report.point.point.grid.size(), report.seconds));
  if (!report.source_said.empty()) {
    const SourceKind by = report.point.point.found_by;
    text += fmt::format("source {}: {}", name_of(by), report.source_said);
    if (by != SourceKind::scan) text += "; " + report.audit.text();
    text += '\n';
  }
  if (!report.left_out_said.empty()) {
    text += fmt::format("left out: {} of {} blocks; {}\n", report.left_out.value(),
                        report.blocks_total.value(), report.left_out_said);
  }
  for (const ByteRun& run : report.unreadable) {
    text += fmt::format("unreadable: {} bytes at {}\n", run.length().value(), run.begin.value());
  }
  return text;
}

}  // namespace ebb

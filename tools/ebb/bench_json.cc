// SPDX-License-Identifier: Apache-2.0
// bench_json.cc - every figure of a bench as JSON; the unit is in each key's name.
#include "tools/ebb/print_bench.h"

namespace ebb {

namespace {

nlohmann::json json_of(const Figure& figure) {
  return {{"bytes", figure.bytes.value()},
          {"operations", figure.operations},
          {"seconds", figure.seconds},
          {"cpu_seconds", figure.cpu_seconds},
          {"bytes_per_second", figure.bytes_per_second()},
          {"operations_per_second", figure.operations_per_second()},
          {"cpu_seconds_per_gib", figure.cpu_seconds_per_gib()}};
}

nlohmann::json json_of(const StageFigure& stage) {
  nlohmann::json json = json_of(stage.figure);
  json["stage"] = name_of(stage.choice.stage);
  json["variant"] = stage.choice.variant();
  json["threads"] = stage.threads;
  if (stage.ratio > 0) json["ratio"] = stage.ratio;
  return json;
}

nlohmann::json json_of(const TransferFigure& transfers) {
  nlohmann::json json = json_of(transfers.figure);
  json["transfer_bytes"] = transfers.plan.piece.value();
  json["depth"] = transfers.plan.depth;
  json["turns"] = transfers.turns;
  return json;
}

void add(nlohmann::json& json, const Figure& figure, const std::optional<Ceiling>& ceiling) {
  if (!ceiling) return;
  json["ceiling_seconds"] = ceiling->seconds;
  if (ceiling->seconds > 0) {
    json["ceiling_bytes_per_second"] = static_cast<double>(figure.bytes.value()) / ceiling->seconds;
  }
  json["binds"] = name_of(ceiling->binds);
  json["binds_part"] = ceiling->part;
}

template <class List>
nlohmann::json json_of_all(const List& list) {
  nlohmann::json json = nlohmann::json::array();
  for (const auto& one : list) json.push_back(json_of(one));
  return json;
}

nlohmann::json json_of(const BenchReport& report, const BenchReport::Run& run) {
  nlohmann::json json = json_of(run.figure.figure);
  json["run"] = run.name;
  json["volume_bytes"] = run.figure.volume.value();
  json["stored_bytes"] = run.figure.stored.value();
  nlohmann::json phases = nlohmann::json::array();
  for (const PhaseTime& phase : run.figure.phases) {
    phases.push_back({{"phase", phase.phase}, {"seconds", phase.seconds}});
  }
  json["phases"] = phases;
  add(json, run.figure.figure, ceiling_of(report, run));
  return json;
}

}  // namespace

nlohmann::json json_of(const BenchReport& report) {
  nlohmann::json runs = nlohmann::json::array();
  for (const BenchReport::Run& run : report.runs) runs.push_back(json_of(report, run));
  nlohmann::json json = {{"threads", report.threads},
                         {"crypto_backend", name_of(report.backend)},
                         {"compression", report.compression.text()},
                         {"folder", report.folder},
                         {"volume", report.volume},
                         {"content", report.content},
                         {"processor_share", processor_share(report)},
                         {"stages", json_of_all(report.stages)},
                         {"reads", json_of_all(report.reads)},
                         {"writes", json_of_all(report.writes)},
                         {"ring", json_of_all(report.ring)},
                         {"runs", runs},
                         {"verdict", verdict_of(report)}};
  if (report.read_back) json["folder_read"] = json_of(*report.read_back);
  if (report.sync) {
    json["sync"] = json_of(report.sync->figure);
    json["sync"]["median_seconds"] = report.sync->median_seconds;
    json["sync"]["p99_seconds"] = report.sync->p99_seconds;
  }
  if (report.packs) {
    json["packs"] = json_of(*report.packs);
    add(json["packs"], *report.packs, ceiling_of_pack_writing(report));
  }
  return json;
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "engine/measure/ceiling.h"

#include <algorithm>

namespace ebb {

namespace {

Demand demand(Resource resource, std::string_view part, double bytes, double speed) {
  return {resource, part, speed > 0 ? bytes / speed : 0};
}
Demand computing(std::string_view part, double bytes, double speed) {
  return demand(Resource::cpu, part, bytes, speed);
}
double number(ByteCount bytes) {
  return static_cast<double>(bytes.value());
}

}  // namespace

bool PartSpeeds::complete() const {
  return std::ranges::all_of(
      std::array{read_device, read_folder, write_folder, zero_test, fingerprint, seal, open,
                 compress, decompress, checksum, parity, ratio},
      [](double speed) { return speed > 0; });
}

std::string_view name_of(Resource resource) {
  switch (resource) {
    case Resource::read: return "reading";
    case Resource::write: return "writing";
    case Resource::cpu: return "CPU";
  }
  return "unknown";
}

std::string Ceiling::text() const {
  if (binds != Resource::cpu) return std::string(name_of(binds));
  return fmt::format("CPU: {}", part);
}

Ceiling ceiling_of_pass(const std::vector<Demand>& demands) {
  std::array<double, 3> sums{};
  for (const Demand& d : demands) sums[static_cast<std::size_t>(d.resource)] += d.seconds;
  const auto largest = std::ranges::max_element(sums);
  Ceiling ceiling{*largest, static_cast<Resource>(largest - sums.begin()), ""};
  double most = -1;
  for (const Demand& d : demands) {
    if (d.resource != ceiling.binds || d.seconds <= most) continue;
    most = d.seconds;
    ceiling.part = d.part;
  }
  return ceiling;
}

Ceiling ceiling_of_passes(const std::vector<std::vector<Demand>>& passes) {
  Ceiling longest;
  double seconds = 0;
  for (const auto& pass : passes) {
    const Ceiling ceiling = ceiling_of_pass(pass);
    seconds += ceiling.seconds;
    if (ceiling.seconds >= longest.seconds) longest = ceiling;
  }
  longest.seconds = seconds;
  return longest;
}

std::vector<Demand> demands_of_backup(const FlowFigure& figure, const PartSpeeds& speeds) {
  const double read = number(figure.figure.bytes);
  const double stored = number(figure.stored);
  // Zero blocks are tested to their end and go no further; those of holes were not even read.
  const double block = number(limits::default_block_size);
  const double full =
      block * static_cast<double>(figure.figure.operations -
                                  std::min(figure.figure.operations, figure.counts.zero.value()));
  const double shipped = block * static_cast<double>(figure.counts.shipped.value());
  return {demand(Resource::read, "device", read, speeds.read_device),
          demand(Resource::write, "folder", stored, speeds.write_folder),
          computing("zero test", std::max(0.0, read - full), speeds.zero_test),
          computing("fingerprint", full, speeds.fingerprint),
          computing("compress", shipped, speeds.compress), computing("seal", stored, speeds.seal),
          // Of each record, and of each chunk of the pack.
          computing("CRC-64", 2 * stored, speeds.checksum),
          computing("parity", stored, speeds.parity)};
}

std::vector<Demand> demands_of_verify(const FlowFigure& figure, const PartSpeeds& speeds) {
  const double stored = number(figure.stored);
  const double plain = number(figure.figure.bytes);
  return {demand(Resource::read, "folder", stored, speeds.read_folder),
          computing("CRC-64", stored, speeds.checksum), computing("open", stored, speeds.open),
          computing("decompress", plain, speeds.decompress),
          computing("fingerprint", plain, speeds.fingerprint)};
}

std::vector<std::vector<Demand>> demands_of_restore(const FlowFigure& figure,
                                                    const PartSpeeds& speeds) {
  const double stored = number(figure.stored);
  const double plain = number(figure.figure.bytes);
  // Packs are read for the proof, and again to be written. The target is read back, and its
  // fingerprints compared, while more of it is written.
  return {{demand(Resource::read, "folder", stored, speeds.read_folder),
           computing("CRC-64", stored, speeds.checksum)},
          {demand(Resource::write, "target", plain, speeds.write_folder),
           demand(Resource::read, "folder", stored, speeds.read_folder),
           demand(Resource::read, "target", plain, speeds.read_folder),
           computing("CRC-64", stored, speeds.checksum), computing("open", stored, speeds.open),
           computing("decompress", plain, speeds.decompress),
           computing("fingerprint", 2 * plain, speeds.fingerprint)}};
}

std::vector<Demand> demands_of_packs(ByteCount bytes, const PartSpeeds& speeds) {
  return {demand(Resource::write, "folder", number(bytes), speeds.write_folder),
          computing("CRC-64", number(bytes), speeds.checksum),
          computing("parity", number(bytes), speeds.parity)};
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/era_source.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cerrno>

#include "devmap/block_graph.h"
#include "devmap/lvm/held_still.h"
#include "devmap/program_output.h"
#include "devmap/source/era_text.h"
#include "devmap/source/metadata_hold.h"
#include "devmap/text_file.h"

namespace ebb {

namespace {

constexpr const char* era_fact = "era";
constexpr std::chrono::seconds longest_hold(10);
constexpr std::size_t piece_size = 64u << 10;

std::string number_text(dev_t device) {
  return fmt::format("{}:{}", major(device), minor(device));
}

// Unique to what is attached, until the next boot.
std::string disk_sequence(const BlockGraph& graph, dev_t device) {
  const auto name = graph.name_of(device);
  return name ? graph.attribute(*name, "diskseq") : "";
}

}  // namespace

Result<EraPlace> EraPlace::of(const MapperDevice& table) {
  const MapperTarget target = TRY(table.only("era"));
  // "253:1 253:0 128": metadata, origin, sectors of a block.
  const auto metadata = target.words.empty() ? std::nullopt : device_number(target.words[0]);
  const auto origin = target.words.size() < 2 ? std::nullopt : device_number(target.words[1]);
  const auto sectors = target.words.size() < 3 ? std::nullopt : number_in(target.words[2]);
  if (!metadata || !origin || !sectors || *sectors == 0 || *sectors > (1u << 30)) {
    return fail(Error::damaged("the table of the era device {} is not understood", table.name));
  }
  return EraPlace{*metadata, *origin, ByteCount(*sectors * 512), target.bytes.length()};
}

Result<std::unique_ptr<EraSource>> EraSource::open(const std::string& path,
                                                   const std::string& notes, DeviceMapper& mapper) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(Error::from_errno(errno));
  const BlockGraph graph{SystemRoots{}};
  const auto name = S_ISBLK(status.st_mode) ? graph.name_of(status.st_rdev) : std::nullopt;
  // Asked only of what the device mapper made.
  if (!name || graph.attribute(*name, "dm/name").empty()) {
    return fail(Error::absent("{} is no device of dm-era", path));
  }
  const MapperDevice table = TRY(mapper.table(status.st_rdev));
  if (table.targets.size() != 1 || table.targets[0].type != "era") {
    return fail(Error::absent("{} is no device of dm-era", path));
  }
  if (graph.attribute(*name, "queue/discard_max_bytes") != "0") {
    return fail(Error::mismatch(
        "dm-era marks only the first block of a discard, and {} takes discards: `echo 0 > "
        "/sys/block/{}/queue/discard_max_bytes`, before the backup that is compared with",
        path, *name));
  }
  const EraPlace place = TRY(EraPlace::of(table));
  const auto metadata = graph.name_of(place.metadata);
  if (!metadata) return fail(Error::lost("the metadata device of {} is not there", path));
  std::map<std::string, std::string> identity = {
      {"boot", trimmed(file_text("/proc/sys/kernel/random/boot_id"))},
      {"attached", disk_sequence(graph, status.st_rdev)},
      {"device", table.name + " " + table.uuid},
      {"metadata", number_text(place.metadata) + " " + disk_sequence(graph, place.metadata)},
      {"origin", number_text(place.origin)},
      {"size", std::to_string(place.size.value())},
      {"block", std::to_string(place.block.value())}};
  return std::unique_ptr<EraSource>(new EraSource(status.st_rdev, place, graph.node_of(*metadata),
                                                  notes, std::move(identity), mapper));
}

Result<std::uint64_t> EraSource::current_era() {
  const MapperDevice status = TRY(mapper_.status(device_));
  const MapperTarget target = TRY(status.only("era"));
  const auto era = target.words.size() < 3 ? std::nullopt : number_in(target.words[2]);
  if (era) return *era;
  return fail(Error::lost("the era device {} says \"{}\"", status.name,
                          target.words.empty() ? "" : target.words[0]));
}

Result<ChangeSource::Answer> EraSource::ask(const BasePoint* since, const BlockGrid& grid) {
  grid_ = grid;
  meanwhile_.reset();
  era_ = TRY(current_era()) + 1;
  Answer answer;
  answer.token = ProofToken{kind(), identity_};
  answer.token->facts[era_fact] = std::to_string(era_);
  const auto base = since == nullptr
                        ? Result<std::uint64_t>(fail(Error::mismatch("{}",
                                                                     "there is no point to "
                                                                     "compare with")))
                        : era_of(*since, era_);
  // Also without a base: an era has to begin now.
  auto changed = written_since(base ? *base : era_, grid);
  if (!changed) {
    answer.token.reset();
    answer.why = changed.error().text();
    return answer;
  }
  if (!base) {
    answer.why = base.error().text();
    return answer;
  }
  answer.why = fmt::format("{} of {} blocks were written to since era {}",
                           changed->dirty_count().value(), grid.count().value(), *base);
  answer.changed = std::move(*changed);
  return answer;
}

Result<std::uint64_t> EraSource::era_of(const BasePoint& since, std::uint64_t now) const {
  if (!since.token || since.token->source != SourceKind::dm_era) {
    return fail(Error::mismatch("the last point has no era; this one has"));
  }
  const auto& facts = since.token->facts;
  if (const auto boot = facts.find("boot");
      boot == facts.end() || boot->second != identity_.at("boot")) {
    return fail(Error::mismatch("the machine was booted since"));
  }
  for (const auto& [name, value] : identity_) {
    const auto found = facts.find(name);
    if (found != facts.end() && found->second == value && !value.empty()) continue;
    return fail(Error::mismatch("the era device was set up anew since ({})", name));
  }
  const auto fact = facts.find(era_fact);
  const auto era = fact == facts.end() ? std::nullopt : number_in(fact->second);
  if (!era || *era > now) return fail(Error::mismatch("eras began anew since"));
  return *era;
}

Result<DirtyMap> EraSource::written_since(std::uint64_t since, const BlockGrid& grid) {
  if (grid.size() != place_.size) {
    return fail(Error::mismatch("the era device has {} bytes, not {}", place_.size.value(),
                                grid.size().value()));
  }
  const auto hold = TRY(MetadataHold::take(era_target, device_, notes_, mapper_));
  // Writes that were marked in an earlier era and are still under way arrive.
  TRY(TRY(HeldStill::hold({device_}, longest_hold, FileSystems::waiting))->let_go());
  const auto program =
      TRY(ProgramOutput::start({"era_invalidate", "--metadata-snapshot", "--written-since",
                                std::to_string(since), metadata_node_}));
  DirtyMap map = DirtyMap::clean(grid);
  EraText text(place_.size, place_.block);
  std::vector<char> piece(piece_size);
  std::vector<ByteRun> found;
  while (const std::size_t n = TRY(program->read(piece))) {
    TRY(text.take(std::string_view(piece.data(), n), found));
    for (const ByteRun& run : found) map.mark_touching(run);
    found.clear();
  }
  TRY(program->finish());
  TRY(text.finish());
  TRY(hold->release());
  return map;
}

Result<bool> EraSource::may_have_changed_meanwhile(ByteRun bytes) {
  const auto is_marked = [&] {
    const BlockRun blocks = grid_->blocks_touching(bytes);
    const auto next = meanwhile_->next_dirty(blocks.begin, BlockCount(1));
    return next && next->begin < blocks.end;
  };
  if (meanwhile_ && is_marked()) return true;
  meanwhile_ = TRY(written_since(era_, *grid_));
  return is_marked();
}

}  // namespace ebb

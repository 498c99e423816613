// SPDX-License-Identifier: Apache-2.0
#include "tests/support/flow_world.h"

#include "engine/flow/difference_check.h"

#include <set>

#include "devmap/core/check.h"
#include "engine/flow/local_sink.h"
#include "engine/flow/local_source.h"
#include "engine/repo/pack_reader.h"
#include "tests/support/seed.h"

namespace ebb::test {

namespace {

constexpr PassphraseCost cheap{64, 1, 1};
Bytes passphrase() {
  return bytes_of("correct horse");
}

SourceKey copy_of(const SourceKey& key) {
  auto copy = unpack_source_key(pack_source_key(key));
  EBB_CHECK(copy.has_value(), "a packed source key is one");
  return std::move(*copy);
}

}  // namespace

FlowWorld::FlowWorld(std::uint64_t seed, unsigned threads)
    : workers_(loop_, threads),
      random_(seeded_random(seed)),
      folder_(std::make_unique<SimulatedFolder>(loop_, random_->next_u64())) {
  auto made =
      Repository::create(*folder_, loop_, *random_, clock_.wall(), passphrase(), "test", cheap);
  EBB_CHECK(made.has_value(), "a repository in memory can be made");
  key_ = std::move(made->source);
}

FlowWorld::FlowWorld(std::uint64_t seed, SourceKey key, const SimulatedFolder& folder)
    : workers_(loop_, 0),
      random_(seeded_random(seed)),
      key_(std::move(key)),
      folder_(folder.copy(loop_, random_->next_u64())) {}

FlowWorld::~FlowWorld() = default;

std::unique_ptr<FlowWorld> FlowWorld::twin(std::uint64_t seed) const {
  std::unique_ptr<FlowWorld> world(new FlowWorld(seed, copy_of(key_), *folder_));
  world->now_ = now_;
  return world;
}

Result<Repository*> FlowWorld::repository() {
  if (!repository_) {
    repository_ = TRY(Repository::open(*folder_, loop_, *random_, StoreAccess::write));
  }
  return repository_.get();
}

void FlowWorld::close() {
  repository_.reset();
}

void FlowWorld::crash() {
  auto survived = folder_->crash();
  close();
  folder_ = std::move(survived);
}

Result<UnlockedKeyring> FlowWorld::unlock() {
  Repository* repository = TRY(this->repository());
  return repository->keys().unlock(passphrase());
}

Result<BackupReport> FlowWorld::backup(BlockDevice& device, const Passport& passport,
                                       const BackupWishes& wishes) {
  Repository* repository = TRY(this->repository());
  const Members members = TRY(repository->keys().members(key_.authority, &key_.id_key));
  const auto arena = TRY(Arena::make(Backup::memory() + PackMemory::total(), nullptr));
  PackMemory memory(*arena);
  LocalSink sink(*repository, workers_, memory);
  BackupRequest request;
  request.volume_name = wishes.volume;
  request.passport = passport;
  request.block_size = wishes.block_size;
  request.compression = wishes.compression;
  request.adapts_compression = wishes.adapts_compression;
  request.changes = wishes.changes;
  request.insists_on_source = wishes.insists_on_source;
  request.audit = wishes.audit;
  request.free_blocks = wishes.free_blocks;
  request.remembered = wishes.remembered;
  if (const auto last = made_.find(wishes.volume); !request.remembered && last != made_.end()) {
    request.remembered = last->second;
  }
  Backup backup(
      {device, sink, loop_, workers_, *arena, key_, members, clock_, *random_, observer, stop_},
      std::move(request));
  auto report = backup.run();
  if (report) made_[wishes.volume] = {report->point.point.sequence, report->point.id};
  return report;
}

Result<BackupReport> FlowWorld::backup(MemoryDevice& device, const BackupWishes& wishes) {
  return backup(device, passport_of(device), wishes);
}

Result<RestoreReport> FlowWorld::restore(const SignedPoint& point, BlockDevice& target,
                                         const RestoreWishes& wishes) {
  Repository* repository = TRY(this->repository());
  const UnlockedKeyring keys = TRY(unlock());
  const auto arena = TRY(Arena::make(Restore::memory(), nullptr));
  LocalSource source(*repository);
  const auto opener = TRY(RecordOpener::make(
      source, keys.keyring.id_key,
      [&](const DataKeyId& id) { return repository->keys().data_key(id, keys.keyring); },
      workers_.count()));
  MemoryJournal own_journal;
  RestoreRequest request;
  request.point = point.point;
  request.id = point.id;
  request.about = TRY(open_about(point.point, keys.keyring.id_key));
  if (wishes.in_place) {
    const auto room = TRY(Arena::make(Compare::memory(), nullptr));
    request.in_place =
        TRY(blocks_to_write_in_place({source, loop_, workers_, *room, observer, stop_}, point.point,
                                     request.about, target, keys.keyring.id_key));
  }
  request.salvage = wishes.salvage;
  request.synced_every = wishes.synced_every;
  request.moves_gpt = request.about.passport.table.kind == TableKind::gpt &&
                      target.shape().size != point.point.grid.size();
  Restore restore({source, target, *opener, wishes.journal ? *wishes.journal : own_journal, loop_,
                   workers_, *arena, keys.keyring.id_key, observer, stop_},
                  std::move(request));
  return restore.run();
}

Result<VerifyReport> FlowWorld::verify(const SignedPoint& point) {
  return verify(point, std::nullopt);
}

Result<VerifyReport> FlowWorld::verify(const SignedPoint& point, std::optional<Verified> before) {
  Repository* repository = TRY(this->repository());
  const UnlockedKeyring keys = TRY(unlock());
  const auto arena = TRY(Arena::make(verify_memory(), nullptr));
  LocalSource source(*repository);
  const auto opener = TRY(RecordOpener::make(
      source, keys.keyring.id_key,
      [&](const DataKeyId& id) { return repository->keys().data_key(id, keys.keyring); },
      workers_.count()));
  return verify_records(
      {source, loop_, workers_, *arena, observer, stop_}, point.point, RecordCheck::opened,
      opener.get(),
      before ? blocks_not_looked_at_with(source, before->point.point, before->damages, point.point)
             : all_blocks());
}

Result<ScrubReport> FlowWorld::scrub(ScrubMode mode, Breathe breathe) {
  Repository* repository = TRY(this->repository());
  return Scrub({*repository, loop_, workers_, observer, stop_, std::move(breathe)}, mode).run();
}

Result<RotationReport> FlowWorld::rotate() {
  Repository* repository = TRY(this->repository());
  const UnlockedKeyring old = TRY(unlock());
  LocalAccess access(*repository);
  return rotate_keys(access, old, passphrase(), clock_.wall(), cheap);
}

void FlowWorld::set_time(WallTime now) {
  now_ = now;
  folder_->set_time(now);
}

Result<std::uint64_t> FlowWorld::prune(const KeepRule& rule, std::chrono::seconds minimum_age) {
  Repository* repository = TRY(this->repository());
  const PrunePlan plan = TRY(plan_prune(*repository, {rule, minimum_age, std::nullopt}, now_));
  return carry_out(*repository, plan, now_, stop_);
}

Result<CollectReport> FlowWorld::collect(const CollectRequest& request,
                                         std::function<Result<bool>()> wait, Breathe breathe) {
  Repository* repository = TRY(this->repository());
  return Collect({*repository, workers_, observer, stop_, std::move(wait), std::move(breathe)},
                 request)
      .run();
}

Result<DifferenceReport> FlowWorld::export_to(SimulatedFolder& out, const SignedPoint& a,
                                              const SignedPoint& b, const std::string& name) {
  Repository* repository = TRY(this->repository());
  LocalAccess access(*repository);
  const auto arena = TRY(Arena::make(difference_memory(), nullptr));
  return export_difference({access, loop_, workers_, *arena, observer, stop_}, a, b, out, name);
}

Result<ImportReport> FlowWorld::import_from(SimulatedFolder& in, const std::string& name) {
  Repository* repository = TRY(this->repository());
  const auto file = TRY(in.open(name));
  const auto difference = TRY(DifferenceFile::open(*file, loop_));
  const auto arena = TRY(Arena::make(PackMemory::total(), nullptr));
  PackMemory memory(*arena);
  LocalSink sink(*repository, workers_, memory);
  return import_difference(*difference, *repository, sink, TRY(differing_blocks(*difference)),
                           stop_);
}

Result<std::vector<SignedPoint>> FlowWorld::points() {
  Repository* repository = TRY(this->repository());
  std::vector<SignedPoint> all;
  for (const layout::PointName& name : TRY(repository->point_names())) {
    all.push_back(TRY(repository->point(name)));
  }
  return all;
}

std::vector<RecordName> names_that_lie_twice(SimulatedFolder& folder, Loop& loop) {
  std::set<RecordName> once;
  std::vector<RecordName> twice;
  for (const std::string& name : folder.all_files()) {
    if (!name.starts_with("packs/")) continue;
    const auto file = folder.open(name);
    EBB_CHECK(file.has_value(), "a file that is there can be opened");
    const auto tail = read_pack_tail(loop, **file);
    EBB_CHECK(tail.has_value(), "a published pack has a tail");
    const auto table = read_pack_table(loop, **file, tail->tail);
    EBB_CHECK(table.has_value(), "a published pack has a table");
    for (const TableEntry& entry : *table) {
      if (!once.insert(entry.name).second) twice.push_back(entry.name);
    }
  }
  return twice;
}

}  // namespace ebb::test

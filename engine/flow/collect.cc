// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/collect.h"

#include <algorithm>

#include "engine/repo/pack_reader.h"

namespace ebb {

namespace {

// Records that are rewritten before the old packs go: how much more room a collection may take.
constexpr ByteCount rewritten_at_once = 1_GiB;

}  // namespace

Collect::~Collect() {
  for (const Condemned& pack : condemned_) world_.repository.packs().pardon(pack.pack);
}

Result<CollectReport> Collect::run() {
  if (!world_.repository.packs().condemned().empty()) {
    return fail(Error::busy("garbage is being collected already"));
  }
  TRY(mark());
  if (report_.obstacles.empty()) TRY(take_stock());
  const bool may_go_on = mark_->obstacles().empty() && !request_.only_look;
  while (may_go_on && (!unneeded_.empty() || !sparse_.empty())) {
    TRY(condemn());
    if (!TRY(wait_for_those_before()) || !TRY(remove())) break;
  }
  if (may_go_on && report_.obstacles.empty()) TRY(remove_envelopes());
  return report_;
}

Result<void> Collect::mark() {
  // Before the marking, so that a pack that is published later is no candidate.
  const auto& there = world_.repository.packs().packs();
  sparse_.assign(there.begin(), there.end());
  std::ranges::sort(sparse_);
  mark_ = TRY(Mark::make({world_.repository, world_.observer, world_.stop, world_.breathe}));
  TRY(mark_->mark_new_points());
  report_.points = mark_->points();
  report_.obstacles = mark_->obstacles();
  return {};
}

Result<void> Collect::go_on() const {
  if (world_.stop.raised()) return fail(Error{ErrorKind::busy, "it was interrupted"});
  return {};
}

bool Collect::is_sparse(const PackCensus& census) const {
  const ByteCount all = census.live + census.dead;
  return !census.dead.none() && census.dead * 100 >= all * request_.rewrite_from;
}

// True when it is one, and not a failure that ends the run.
Result<bool> Collect::note_obstacle(const PackId& pack, const Error& error) {
  if (!is_obstacle(error)) return fail(error.during("looking at pack {}", pack.hex()));
  report_.obstacles.push_back({layout::pack(pack), error.text()});
  return true;
}

// Which packs are to go, and which to be rewritten.
Result<void> Collect::take_stock() {
  ByteCount looked_at;
  for (const PackId& pack : std::exchange(sparse_, {})) {
    TRY(go_on());
    const auto census = take_census(world_.repository, *mark_, pack);
    if (!census) {
      TRY(note_obstacle(pack, census.error()));
      continue;
    }
    ++report_.packs;
    looked_at += census->length;
    world_.observer.progress({"counting", looked_at, {}, {}});
    data_keys_.emplace(pack, census->data_key);
    // Of a run that has not ended: its point will say what it needs.
    if (world_.repository.open_runs().is_key(census->data_key)) continue;
    if (census->live.none()) {
      unneeded_.push_back({pack, census->length});
    } else if (is_sparse(*census)) {
      sparse_.push_back(pack);
    } else {
      report_.dead_kept += census->dead;
    }
  }
  report_.packs_unneeded = unneeded_.size();
  report_.packs_sparse = sparse_.size();
  return {};
}

// Packs without needed records at once, for they give room to rewrite the others.
Result<void> Collect::condemn() {
  condemned_ = std::exchange(unneeded_, {});
  if (condemned_.empty()) TRY(rewrite_some());
  for (const Condemned& pack : condemned_) world_.repository.packs().condemn(pack.pack);
  condemned_at_ = world_.repository.open_runs().now();
  return {};
}

Result<void> Collect::rewrite_some() {
  if (!arena_) {
    arena_ = TRY(Arena::make(PackMemory::total(), nullptr));
    memory_ = std::make_unique<PackMemory>(*arena_);
  }
  const ByteCount before = report_.written;
  while (!sparse_.empty() && report_.written - before < rewritten_at_once) {
    TRY(go_on());
    const PackId pack = sparse_.back();
    sparse_.pop_back();
    const auto rewritten = rewrite(pack);
    if (rewritten) continue;
    if (rewritten.error().kind() == ErrorKind::full) {
      report_.waits_for = "there is no room to rewrite packs: " + rewritten.error().text();
      sparse_.clear();
      break;
    }
    TRY(note_obstacle(pack, rewritten.error()));
  }
  // The old packs may go only when the new ones survive a power loss.
  return files().sync_folder(layout::packs);
}

// Counted again, for points may have come since. False: it is not sparse any more.
Result<bool> Collect::rewrite(const PackId& pack) {
  const PackCensus census = TRY(take_census(world_.repository, *mark_, pack));
  if (!is_sparse(census)) return false;
  if (!census.live.none()) {
    report_.written += TRY(rewrite_pack({world_.repository, world_.workers, *memory_}, census));
    ++report_.packs_rewritten;
    world_.observer.progress({"rewriting", report_.written, {}, {}});
  }
  condemned_.push_back({pack, census.length});
  return true;
}

// Whether nobody is left of those who were there when the packs were condemned.
Result<bool> Collect::wait_for_those_before() {
  while (world_.repository.open_runs().any_older_than(condemned_at_)) {
    TRY(go_on());
    if (world_.wait && TRY(world_.wait())) continue;
    report_.packs_left += condemned_.size();
    report_.waits_for = "backups or restores are under way";
    return false;
  }
  return true;
}

// False when packs stay that could go: somebody is in the way.
Result<bool> Collect::remove() {
  PackStore& packs = world_.repository.packs();
  TRY(mark_->mark_new_points());
  report_.points = mark_->points();
  if (!mark_->obstacles().empty()) {
    const auto& found = mark_->obstacles();
    report_.obstacles.insert(report_.obstacles.end(), found.begin(), found.end());
    report_.packs_left += condemned_.size();
    return false;
  }
  auto no_readers = world_.repository.keep_readers_out();
  if (!no_readers && no_readers.error().kind() != ErrorKind::busy) return fail(no_readers.error());
  if (!no_readers) {
    report_.packs_left += condemned_.size();
    report_.waits_for = no_readers.error().text();
    return false;
  }
  std::vector<Condemned> going;
  for (const Condemned& pack : std::exchange(condemned_, {})) {
    if (packs.condemned().contains(pack.pack) && !packs.is_in_use(pack.pack)) {
      going.push_back(pack);
    } else {
      packs.pardon(pack.pack);
      ++report_.packs_pardoned;
    }
  }
  const std::vector<std::string> moved = TRY(move_away(going));
  no_readers->reset();  // Whoever comes now does not find them any more.
  TRY(remove_moved(going, moved));
  return true;
}

// In one go, and nothing but names is changed: readers are kept out meanwhile.
Result<std::vector<std::string>> Collect::move_away(std::span<const Condemned> packs) {
  std::vector<PackId> names;
  for (const Condemned& pack : packs) names.push_back(pack.pack);
  TRY(world_.repository.packs().forget(names));
  std::vector<std::string> moved;
  for (const PackId& pack : names) {
    moved.push_back(world_.repository.objects().temporary_name());
    TRY(files().rename(layout::pack(pack), moved.back()));
  }
  TRY(files().sync_folder(layout::packs));
  return moved;
}

// What a crash leaves of them the next writer clears.
Result<void> Collect::remove_moved(std::span<const Condemned> packs,
                                   std::span<const std::string> moved) {
  for (std::size_t i = 0; i < packs.size(); ++i) {
    // So that the index does not grow for ever. What it cannot be told it goes on ignoring.
    const auto forget_records = [&]() -> Result<void> {
      const auto file = TRY(files().open(moved[i]));
      const PackTail tail = TRY(read_pack_tail(world_.repository.loop(), *file)).tail;
      const auto table = TRY(read_pack_table(world_.repository.loop(), *file, tail));
      for (std::span<const TableEntry> rest = table; !rest.empty();) {
        const auto some = rest.first(std::min(rest.size(), names_in_one_breath));
        TRY(world_.repository.packs().forget_records(packs[i].pack, some));
        rest = rest.subspan(some.size());
        TRY(mark_->breathe());
      }
      return {};
    };
    const auto forgotten = forget_records();
    if (!forgotten && !is_obstacle(forgotten.error())) return forgotten;
    TRY(files().remove(moved[i]));
    data_keys_.erase(packs[i].pack);
    ++report_.packs_removed;
    report_.freed += packs[i].length;
    world_.observer.progress({"removing", report_.freed, {}, {}});
  }
  return {};
}

// Of data keys that nothing names any more. A run publishes envelopes before its packs, so a key
// counts that a run had before the envelopes were listed, and every pack that is there afterwards.
Result<void> Collect::remove_envelopes() {
  std::set<DataKeyId> named = mark_->data_keys();
  ObjectStore& objects = world_.repository.objects();
  std::vector<std::pair<DataKeyId, std::string>> unnamed;
  for (const std::string& file : TRY(objects.list(layout::envelopes))) {
    const auto key = layout::data_key_of_envelope(file);
    if (key && !world_.repository.open_runs().is_key(*key)) unnamed.emplace_back(*key, file);
  }
  const std::vector<PackId> packs(world_.repository.packs().packs().begin(),
                                  world_.repository.packs().packs().end());
  for (const PackId& pack : packs) {
    TRY(go_on());
    if (const auto known = data_keys_.find(pack); known != data_keys_.end()) {
      named.insert(known->second);
      continue;
    }
    const auto file = TRY(files().open(layout::pack(pack)));
    const auto header = read_pack_header(world_.repository.loop(), *file);
    if (!header && TRY(note_obstacle(pack, header.error()))) return {};
    named.insert(header->data_key);
  }
  std::erase_if(unnamed, [&](const auto& envelope) { return named.contains(envelope.first); });
  for (const auto& [key, file] : unnamed) {
    // Of a run that was begun again meanwhile, which relies on it.
    if (world_.repository.open_runs().is_key(key)) continue;
    // A rotation of keys may have removed it meanwhile.
    const auto removed = files().remove(std::string(layout::envelopes) + "/" + file);
    if (!removed && removed.error().kind() != ErrorKind::absent) return removed;
    ++report_.envelopes_removed;
  }
  return unnamed.empty() ? Result<void>() : files().sync_folder(layout::envelopes);
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/scrub.h"

#include <algorithm>

#include "engine/flow/blocks_wanted.h"
#include "engine/flow/local_source.h"
#include "engine/flow/mark.h"
#include "engine/flow/point_blocks.h"
#include "engine/flow/point_proof.h"
#include "engine/flow/verify.h"
#include "engine/flow/whole_file.h"
#include "engine/repo/pack_reader.h"
#include "engine/repo/parity.h"

namespace ebb {

namespace {

// On a worker, and others of this thread go on meanwhile.
struct Mending : Job {
  const PackTail* tail = nullptr;
  MutableBytes pack;
  Mended outcome;
  bool is_done = false;
};

Mended mend_on_a_worker(Loop& loop, Workers& workers, const PackTail& tail, MutableBytes pack) {
  Mending mending;
  mending.tail = &tail;
  mending.pack = pack;
  mending.work = [](Job& job, unsigned) {
    auto& mine = static_cast<Mending&>(job);
    mine.outcome = mend(*mine.tail, mine.pack);
  };
  mending.done = [](Job& job) { static_cast<Mending&>(job).is_done = true; };
  workers.submit(mending);
  while (!mending.is_done) {
    const auto ran = loop.run_once();
    EBB_CHECK(ran.has_value(), "the ring failed while a pack was being mended");
  }
  return std::move(mending.outcome);
}

}  // namespace

bool ScrubReport::sound() const {
  return points.empty() && std::ranges::all_of(findings, &ScrubFinding::known);
}

bool ScrubReport::mended() const {
  return points.empty() && records_lost == 0 &&
         std::ranges::all_of(findings,
                             [](const auto& finding) { return finding.mended || finding.known; });
}

Scrub::Scrub(World world, ScrubMode mode) : world_(world), mode_(mode) {}

void Scrub::find(std::string file, std::string what, bool mended, bool known) {
  report_.findings.push_back({std::move(file), std::move(what), mended, known});
}

Result<void> Scrub::breathe() {
  if (world_.stop.raised()) return fail(Error{ErrorKind::busy, "it was interrupted"});
  return world_.breathe ? world_.breathe() : Result<void>();
}

Result<ScrubReport> Scrub::run() {
  const auto open = world_.repository.open_runs().reader_begins();
  // What a look considers lost is so for its own report only.
  struct Considering {
    explicit Considering(PackStore& of) : packs(of) {}
    ~Considering() { packs.consider_lost({}); }
    Considering(const Considering&) = delete;
    Considering& operator=(const Considering&) = delete;
    PackStore& packs;
  } const considering(world_.repository.packs());
  TRY(scrub_objects());
  TRY(scrub_packs());
  TRY(check_points());
  report_.records_lost = lost_.size();
  return std::move(report_);
}

Result<void> Scrub::scrub_objects() {
  ObjectStore& objects = world_.repository.objects();
  TRY(scrub_object(ObjectType::repository, layout::config));
  TRY(scrub_object(ObjectType::minimum_age, layout::minimum_age));
  for (const std::string& generation : TRY(objects.list(layout::keys, true))) {
    const std::string folder = std::string(layout::keys) + "/" + generation;
    for (const std::string& file : TRY(objects.list(folder))) {
      TRY(scrub_object(file == "keyring" ? ObjectType::keyring : ObjectType::slot,
                       folder + "/" + file));
    }
  }
  const std::pair<const char*, ObjectType> folders[] = {{layout::members, ObjectType::members},
                                                        {layout::envelopes, ObjectType::envelope},
                                                        {layout::lost, ObjectType::lost}};
  for (const auto& [folder, type] : folders) {
    for (const std::string& file : TRY(objects.list(folder))) {
      TRY(scrub_object(type, std::string(folder) + "/" + file));
    }
  }
  for (const std::string& volume : TRY(objects.list(layout::points, true))) {
    const std::string folder = std::string(layout::points) + "/" + volume;
    for (const Files::Entry& file : TRY(files().list(folder))) {
      // A point that is mended came when it came: it grows no younger by it.
      if (!file.is_folder) {
        TRY(scrub_object(ObjectType::point, folder + "/" + file.name, file.modified));
      }
    }
  }
  return {};
}

Result<void> Scrub::scrub_object(ObjectType type, const std::string& name,
                                 std::optional<WallTime> modified) {
  auto file = read_small_file(files(), world_.loop, name, max_object_file);
  // Not every repository has each, and points and envelopes may go meanwhile.
  if (!file && file.error().kind() == ErrorKind::absent) return {};
  ++report_.objects;
  if (!file) {
    if (file.error().kind() != ErrorKind::damaged) return fail(file.error());
    find(name, "it cannot be read: " + file.error().text(), false);
    return {};
  }
  report_.bytes += ByteCount(file->size());
  TRY(breathe());
  const auto object = unframe_object(type, *file);
  if (object && type == ObjectType::envelope) note_key(object->body);
  if (!object) {
    find(name, "both copies are damaged: " + object.error().text(), false);
  } else if (!object->both_sound) {
    if (mode_ == ScrubMode::repair) {
      TRY(republish(name, frame_object(type, object->body), modified));
    }
    find(name, "one of its two copies is damaged", mode_ == ScrubMode::repair);
  }
  return {};
}

// The same bytes as once, under the same name: whoever reads sees the damaged file or the mended.
Result<void> Scrub::republish(const std::string& name, Bytes bytes,
                              std::optional<WallTime> modified) {
  return publish_small_file(files(), world_.loop, name, bytes,
                            world_.repository.objects().temporary_name(), modified);
}

Result<void> Scrub::scrub_packs() {
  std::vector<PackId> packs(world_.repository.packs().packs().begin(),
                            world_.repository.packs().packs().end());
  std::ranges::sort(packs);
  total_ = max_pack_data * packs.size();
  for (const PackId& pack : packs) {
    if (!world_.repository.packs().packs().contains(pack)) continue;  // Removed meanwhile.
    TRY(during(scrub_pack(pack), "looking at pack {}", pack.hex()));
    ++report_.packs;
    world_.observer.progress({"scrubbing", report_.bytes, total_, {}});
    TRY(breathe());
  }
  if (mode_ == ScrubMode::repair) {
    TRY(world_.repository.packs().note_lost(lost_, world_.repository.random()));
  } else {
    world_.repository.packs().consider_lost(lost_);
  }
  return {};
}

namespace {

// Records that touch a chunk that is beyond repair.
std::vector<LostRecord> records_in(const PackTail& tail, const std::vector<std::uint32_t>& chunks,
                                   const std::vector<TableEntry>& table) {
  std::vector<LostRecord> lost;
  for (const TableEntry& entry : table) {
    const std::uint64_t end =
        std::uint64_t{entry.at} + sizeof(RecordHeaderOnDisk) + entry.stored_length;
    const bool touched = std::ranges::any_of(chunks, [&](std::uint32_t chunk) {
      const std::uint64_t begin = tail.chunk_at(chunk).value();
      return chunk < tail.data_chunks && begin < end && entry.at < begin + pack_chunk.value();
    });
    if (touched) lost.push_back({tail.pack, entry.at, entry.name});
  }
  return lost;
}

bool tail_copy_is(const PackTail& tail, MutableBytes pack, ByteIndex at) {
  return same_bytes(Bytes(pack).subspan(static_cast<std::size_t>(at.value()), tail.length().size()),
                    to_disk(tail));
}

void put_tail(const PackTail& tail, MutableBytes pack, ByteIndex at) {
  std::ranges::copy(to_disk(tail), pack.begin() + static_cast<std::ptrdiff_t>(at.value()));
}

}  // namespace

Result<void> Scrub::scrub_pack(const PackId& pack) {
  const std::string name = layout::pack(pack);
  auto opened = files().open(name);
  if (!opened && opened.error().kind() == ErrorKind::absent) {
    // Somebody took the file away under whoever has the repository open.
    note_lost_pack(pack, "it is not there any more");
    return {};
  }
  const auto file = TRY(std::move(opened));
  const ByteCount size = TRY(file->size());
  report_.bytes += size;
  auto found = read_pack_tail(world_.loop, *file);
  if (!found) {
    if (found.error().kind() != ErrorKind::damaged) return fail(found.error());
    return scrub_without_tail(pack, *file, size);
  }
  const PackTail& tail = found->tail;
  WholeFile whole = TRY(read_whole(world_.loop, *file, size, tail.file_length()));
  const bool right_size = size == tail.file_length();
  const bool tails_sound = tail_copy_is(tail, whole.bytes, tail.first_tail_at()) &&
                           tail_copy_is(tail, whole.bytes, tail.second_tail_at());
  const Mended outcome = mend_on_a_worker(world_.loop, world_.workers, tail, whole.bytes);
  if (tail.pack != pack) {
    note_lost_pack(pack, "it holds another pack, " + tail.pack.hex());
    return {};
  }
  const bool is_whole = TRY(can_open(pack, whole.bytes)) && outcome.lost.empty();
  if (right_size && tails_sound && outcome.mended.empty() && outcome.lost.empty()) {
    return is_whole ? take_back(tail, whole.bytes) : Result<void>();
  }
  put_tail(tail, whole.bytes, tail.first_tail_at());
  put_tail(tail, whole.bytes, tail.second_tail_at());
  const Bytes table_bytes =
      Bytes(whole.bytes).subspan(tail.table_at, tail.record_count * sizeof(TableEntryOnDisk));
  const bool something_to_mend = !right_size || !tails_sound || !outcome.mended.empty();
  // What a disk does not give today it may give tomorrow: nothing is written over it while anything
  // of the pack stays lost.
  const bool may_come_back = whole.had_read_errors && !outcome.lost.empty();
  if (mode_ == ScrubMode::repair && something_to_mend && !may_come_back) {
    TRY(republish(name, whole.bytes));
    // What was written is read again: a disk that rots may rot here too.
    const auto again = TRY(files().open(name));
    if (!TRY(holds_exactly(world_.loop, *again, whole.bytes))) {
      return fail(Error::damaged("what was mended reads back differently; is the disk failing?"));
    }
    PackStore& packs = world_.repository.packs();
    packs.close_pack(pack);
    // Opening the store could not read its table; now its records can be found.
    const auto table = unpack_table(tail, table_bytes);
    if (packs.unreadable_packs().contains(pack) && table) TRY(packs.add(pack, *table));
    if (is_whole) TRY(take_back(tail, whole.bytes));
  }
  std::string what;
  const auto add = [&](const std::string& part) { what += (what.empty() ? "" : "; ") + part; };
  if (!right_size)
    add(fmt::format("{} bytes long instead of {}", size.value(), tail.file_length().value()));
  if (!tails_sound) add("a copy of its tail is damaged");
  if (!outcome.mended.empty()) {
    add(fmt::format("{} damaged chunks of 16 KiB that parity can mend", outcome.mended.size()));
  }
  const bool can_be_mended = outcome.lost.empty();
  bool known = false;
  if (!can_be_mended) {
    const auto table = unpack_table(tail, table_bytes);
    std::vector<LostRecord> lost;
    if (table) {
      lost = records_in(tail, outcome.lost, *table);
    } else {
      lost.push_back({pack, 0, {}});  // Nobody can say what lies where.
    }
    const std::set<LostRecord>& noted = world_.repository.packs().lost();
    known = right_size && tails_sound && outcome.mended.empty() &&
            std::ranges::all_of(lost, [&](const LostRecord& r) { return noted.contains(r); });
    add(fmt::format("{} chunks beyond repair, and with them {}{}", outcome.lost.size(),
                    table ? fmt::format("{} records", lost.size()) : "its table",
                    known ? ", noted before" : ""));
    if (!known) lost_.insert(lost_.end(), lost.begin(), lost.end());
  }
  find(name, what, mode_ == ScrubMode::repair && can_be_mended, known);
  return {};
}

// Nothing can be mended without a tail, but records lie one after the other: those before the first
// that is not sound are kept, the rest is lost.
Result<void> Scrub::scrub_without_tail(const PackId& pack, File& file, ByteCount size) {
  WholeFile whole = TRY(read_whole(world_.loop, file, size, size));
  if (!TRY(can_open(pack, whole.bytes))) return {};
  std::size_t at = sizeof(PackHeaderOnDisk);
  while (at < whole.bytes.size()) {
    const auto record = unpack_record(Bytes(whole.bytes).subspan(at));
    if (!record) break;
    at += sizeof(RecordHeaderOnDisk) + record->payload.size();
  }
  const LostRecord rest{pack, static_cast<std::uint32_t>(at), {}};
  const bool known = world_.repository.packs().lost().contains(rest);
  if (!known) lost_.push_back(rest);
  find(layout::pack(pack),
       fmt::format("both copies of its tail are damaged, so nothing in it can be mended; what "
                   "comes after byte {} is lost{}",
                   at, known ? ", noted before" : ""),
       false, known);
  return {};
}

void Scrub::note_key(Bytes envelope) {
  if (const auto unpacked = unpack_envelope(envelope)) keys_there_.insert(unpacked->data_key);
}

// The envelopes were looked at before the packs, and backups go on: one that began since has
// published its envelopes and then this pack.
Result<bool> Scrub::has_key_by_now(const DataKeyId& key) {
  ObjectStore& objects = world_.repository.objects();
  for (const std::string& file : TRY(objects.list(layout::envelopes))) {
    if (layout::data_key_of_envelope(file) != key) continue;
    const auto body =
        objects.read(ObjectType::envelope, std::string(layout::envelopes) + "/" + file);
    if (body) note_key(*body);
  }
  return keys_there_.contains(key);
}

// Without its header nothing in a pack can be had, and blocks whose data key is in no envelope are
// noise, however sound they are.
Result<bool> Scrub::can_open(const PackId& pack, Bytes bytes) {
  const auto header = unpack_pack_header(bytes);
  if (!header) {
    note_lost_pack(pack, "its header is lost");
    return false;
  }
  if (keys_there_.contains(header->data_key)) return true;
  if (TRY(has_key_by_now(header->data_key))) return true;
  note_lost_pack(pack, "no sound envelope holds its data key " + header->data_key.hex());
  return false;
}

// A disk may give today what it did not give when this was noted as lost, and a file may have been
// put back.
Result<void> Scrub::take_back(const PackTail& tail, Bytes bytes) {
  PackStore& packs = world_.repository.packs();
  if (!packs.has_lost_of(tail.pack)) return {};
  const auto table = unpack_table(
      tail, bytes.subspan(tail.table_at, tail.record_count * sizeof(TableEntryOnDisk)));
  if (!table) return {};
  std::vector<TableEntry> sound;
  std::vector<TableEntry> damaged;
  std::size_t back = 0;  // Of what was noted.
  std::size_t still = 0;
  for (const TableEntry& entry : *table) {
    const auto record = unpack_record(bytes.subspan(entry.at));
    const bool is_sound = record && record->header.name == entry.name;
    (is_sound ? sound : damaged).push_back(entry);
    if (packs.is_noted({tail.pack, entry.at, entry.stored_length})) ++(is_sound ? back : still);
  }
  if (back == 0 && still > 0) return {};
  const bool is_taken_back =
      mode_ == ScrubMode::repair &&
      TRY(packs.take_back(tail.pack, sound, damaged, world_.repository.random()));
  find(layout::pack(tail.pack), "what was noted as lost in it is there again", is_taken_back,
       !is_taken_back);
  return {};
}

void Scrub::note_lost_pack(const PackId& pack, const std::string& why) {
  const LostRecord all{pack, 0, {}};
  const bool known = world_.repository.packs().lost().contains(all);
  if (!known) lost_.push_back(all);
  find(layout::pack(pack), why + (known ? ", noted before" : ""), false, known);
}

// Which blocks of which points cannot be had any more; none: the repository is whole. Points of a
// volume come in their order, and what one shares with the one before is not looked at again.
Result<void> Scrub::check_points() {
  // A point that came meanwhile was proven by what was not yet known to be lost.
  while (TRY(check_new_points())) {
  }
  if (mode_ == ScrubMode::repair) {
    TRY(world_.repository.packs().set_whole(report_.points.empty() && !unreadable_point_));
  }
  return {};
}

// Whether there were any.
Result<bool> Scrub::check_new_points() {
  bool any = false;
  for (const layout::PointName& name : TRY(world_.repository.point_names())) {
    if (!checked_.insert(name).second) continue;
    any = true;
    const auto point = world_.repository.point(name);
    if (!point && point.error().kind() == ErrorKind::absent) continue;  // Removed meanwhile.
    if (!point) {
      unreadable_point_ = true;
      find(name.path(), point.error().text(), false);
      continue;
    }
    std::optional<CheckedPoint>& before = last_[name.volume];
    before = CheckedPoint{point->point, TRY(damages_of(point->point, before))};
    for (const Damage& damage : before->damages) {
      report_.points.push_back({name.volume, name.id, damage});
    }
  }
  return any;
}

Result<std::vector<Damage>> Scrub::damages_of(const Point& point,
                                              const std::optional<CheckedPoint>& before) {
  if (!before || before->damages.empty()) {
    const auto complete = prove_complete_beside(
        world_.repository, before ? &before->point : nullptr, point, [this] { return breathe(); });
    if (complete) return std::vector<Damage>();
    if (!is_obstacle(complete.error())) return fail(complete.error());
  }
  LocalSource source(world_.repository);
  const BlocksWanted wanted =
      before ? blocks_not_looked_at_with(source, before->point, before->damages, point)
             : all_blocks();
  PointBlocks blocks(source, point);
  std::vector<Damage> damages;
  const BlockIndex end = blocks.grid().all().end;
  for (BlockIndex at; at < end;) {
    const BlockRun run = next_wanted(wanted, at, blocks.window_size(), end);
    at = run.end;
    if (run.empty() || TRY(blocks.is_zero(run))) continue;
    BlockWindow window = TRY(blocks.window(run, wanted.block));
    for (Damage& damage : window.damages) damages.push_back(std::move(damage));
    TRY(breathe());
  }
  join_neighbours(damages);
  return damages;
}

}  // namespace ebb

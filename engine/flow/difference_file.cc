// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/difference_file.h"

#include <algorithm>

#include "engine/file/slice_files.h"
#include "engine/repo/pack_reader.h"

namespace ebb {

namespace {

constexpr std::uint64_t max_packs = 4'000'000;  // 256 TiB of difference.

}  // namespace

Result<std::unique_ptr<DifferenceFile>> DifferenceFile::open(File& file, Loop& loop) {
  std::unique_ptr<DifferenceFile> difference(new DifferenceFile(file, loop));
  TRY(difference->find_packs());
  TRY(difference->take_points());
  return difference;
}

// From the end, each tail says where its pack begins. Where one of them is damaged, from the start,
// by the first copies.
Result<void> DifferenceFile::find_packs() {
  const ByteCount size = TRY(file_.size());
  std::vector<std::pair<ByteIndex, PackTail>> found;
  bool from_end = true;
  for (ByteIndex end(size.value()); end > ByteIndex(0) && from_end;) {
    const auto part = slice_of(file_, ByteIndex(0), end);
    auto tail = read_last_pack_tail(loop_, *part);
    from_end = tail && tail->file_length().value() <= end.value() && found.size() < max_packs;
    if (!from_end) break;
    end = end - tail->file_length();
    tail->chunk_crcs.clear();  // 34 KiB a pack, and not needed here.
    found.emplace_back(end, std::move(*tail));
  }
  if (!from_end) {
    found.clear();
    for (ByteIndex begin; begin.value() < size.value();) {
      const auto part = slice_of(file_, begin, ByteIndex(size.value()));
      PackTail tail = TRY(during(search_first_pack_tail(loop_, *part),
                                 "the file is cut, damaged, or no difference file"));
      const ByteIndex next = begin + tail.file_length();
      if (next.value() > size.value()) return fail(Error::damaged("the file is cut short"));
      found.emplace_back(begin, std::move(tail));
      begin = next;
    }
  }
  std::ranges::sort(found, {}, [](const auto& pack) { return pack.first; });
  if (found.empty()) return fail(Error::damaged("the file is empty"));
  for (const auto& [begin, tail] : found) TRY(add_pack(begin, tail));
  return {};
}

Result<void> DifferenceFile::add_pack(ByteIndex begin, const PackTail& tail) {
  PackPart part{begin, slice_of(file_, begin, begin + tail.file_length()), {}};
  part.header = TRY(read_pack_header(loop_, *part.slice));
  if (packs_.empty()) repository_ = part.header.repository;
  if (part.header.use != PackUse::difference || part.header.pack != tail.pack ||
      part.header.repository != repository_) {
    return fail(Error::damaged("the pack at {} does not belong into this file", begin.value()));
  }
  PackPart& kept = packs_.emplace(tail.pack, std::move(part)).first->second;
  return during(read_pack(kept, tail), "the pack at {}", begin.value());
}

// Blocks and pages are known by the kinds in their headers; only those are read, and the objects
// whole.
Result<void> DifferenceFile::read_pack(PackPart& part, const PackTail& tail) {
  std::unordered_set<RecordName, NameHash> without_key;  // Blocks of this pack.
  std::vector<DataKeyEntry> keys;
  for (const TableEntry& entry : TRY(read_pack_table(loop_, *part.slice, tail))) {
    const RecordPlace place{tail.pack, entry.at, entry.stored_length};
    const ByteVector header =
        TRY(read_run(loop_, *part.slice,
                     ByteRun::of(ByteIndex(entry.at), ByteCount(sizeof(RecordHeaderOnDisk)))));
    RecordHeaderOnDisk disk;
    std::memcpy(&disk, header.data(), sizeof disk);
    if (disk.kind == static_cast<std::uint8_t>(RecordKind::object)) {
      const ByteVector bytes = TRY(read_record(place));
      const Record record = TRY(unpack_record(bytes));
      if (record_name(sha256(record.payload)) != entry.name) {
        return fail(Error::damaged("an object is not what its name says"));
      }
      EmbeddedObject object = TRY(unpack_embedded(record.payload));
      if (object.type == ObjectType::data_key_table) {
        const auto named = TRY(unpack_data_key_table(object.body));
        keys.insert(keys.end(), named.begin(), named.end());
      } else {
        objects_.push_back(std::move(object));
      }
      continue;
    }
    if (disk.kind == static_cast<std::uint8_t>(RecordKind::page)) {
      pages_.push_back(PageDigest{entry.name.bytes});
    } else {
      without_key.insert(entry.name);
    }
    if (!places_.emplace(entry.name, place).second) {
      return fail(Error::damaged("a record is there twice"));
    }
  }
  for (const DataKeyEntry& entry : keys) {
    if (without_key.erase(entry.name) == 0) {
      return fail(Error::damaged("it names a key for a block that it does not hold, or two keys"));
    }
    keys_.emplace(entry.name, entry.key);
  }
  if (!without_key.empty()) return fail(Error::damaged("it names no key for one of its blocks"));
  return {};
}

Result<void> DifferenceFile::take_points() {
  for (const EmbeddedObject& object : objects_) {
    if (object.type != ObjectType::point) continue;
    SignedPoint point = TRY(during(unpack_point(object.body), "a point in the file"));
    const layout::PointName name{point.point.volume, point.point.sequence, point.id};
    if (name.path() != object.path || point.point.repository != repository_) {
      return fail(Error::damaged("a point in the file is another one than its name says"));
    }
    if (!a_) {
      a_ = std::move(point);
    } else if (!b_) {
      b_ = std::move(point);
    } else {
      return fail(Error::damaged("the file holds more than two points"));
    }
  }
  if (!b_ || a_->point.volume != b_->point.volume || a_->point.sequence == b_->point.sequence) {
    return fail(Error::damaged("the file does not hold two points of one volume"));
  }
  if (a_->point.sequence > b_->point.sequence) std::swap(a_, b_);
  return {};
}

std::vector<DifferenceFile::Block> DifferenceFile::blocks() const {
  std::vector<Block> all;
  for (const auto& [name, key] : keys_) {
    const auto place = places_.find(name);
    if (place != places_.end()) all.push_back({Fingerprint{name.bytes}, place->second, key});
  }
  std::ranges::sort(all, [](const Block& x, const Block& y) {
    return std::tie(x.key, x.place) < std::tie(y.key, y.place);
  });
  return all;
}

std::unique_ptr<Files> DifferenceFile::as_folder() const {
  std::vector<std::pair<std::string, ByteVector>> contents;
  for (const EmbeddedObject& object : objects_) {
    contents.emplace_back(object.path, frame_object(object.type, object.body));
  }
  return files_in_memory(std::move(contents), loop_);
}

Result<ByteVector> DifferenceFile::read_record(const RecordPlace& place) {
  const auto part = packs_.find(place.pack);
  EBB_CHECK(part != packs_.end(), "a place in a pack that is not there");
  if (place.stored_length > max_stored_record.value()) {
    return fail(Error::damaged("a record of {} bytes", place.stored_length));
  }
  return read_run(loop_, *part->second.slice,
                  ByteRun::of(ByteIndex(place.at),
                              ByteCount(sizeof(RecordHeaderOnDisk) + place.stored_length)));
}

Result<ByteVector> DifferenceFile::read_block(const Block& block) {
  ByteVector bytes = TRY(read_record(block.place));
  const Record record = TRY(unpack_record(bytes));
  if (record.header.kind != RecordKind::block || record.header.name != record_name(block.name)) {
    return fail(Error::damaged("another record lies where this one should"));
  }
  return bytes;
}

Result<std::vector<layout::PointName>> DifferenceFile::point_names() {
  return std::vector<layout::PointName>{{a_->point.volume, a_->point.sequence, a_->id},
                                        {b_->point.volume, b_->point.sequence, b_->id}};
}

Result<SignedPoint> DifferenceFile::point(const layout::PointName& name) {
  if (name.id == a_->id) return *a_;
  if (name.id == b_->id) return *b_;
  return fail(Error::absent("the file does not hold that point"));
}

Result<ByteVector> DifferenceFile::page(const PageDigest& digest) {
  const auto place = places_.find(record_name(digest));
  if (place == places_.end()) {
    return fail(Error::absent("map page {} is not in the file", digest.hex()));
  }
  const ByteVector bytes = TRY(read_record(place->second));
  const Record record = TRY(unpack_record(bytes));
  if (record.header.kind != RecordKind::page) {
    return fail(Error::damaged("map page {} is no page", digest.hex()));
  }
  return copy_of(record.payload);
}

Result<void> DifferenceFile::locate(std::span<const Fingerprint> names,
                                    std::span<std::optional<RecordPlace>> places) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto found = places_.find(record_name(names[i]));
    places[i] = found == places_.end() ? std::nullopt : std::optional(found->second);
  }
  return {};
}

Result<DataKeyId> DifferenceFile::data_key_of(const RecordPlace&, const Fingerprint& name) {
  const auto found = keys_.find(record_name(name));
  if (found == keys_.end()) return fail(Error::damaged("the file names no key for a block"));
  return found->second;
}

void DifferenceFile::fetch(Fetch& fetch) {
  auto idle = std::ranges::find_if(readings_, [](const auto& r) { return r->fetch == nullptr; });
  if (idle == readings_.end()) {
    readings_.push_back(std::make_unique<Reading>());
    idle = std::prev(readings_.end());
  }
  Reading& reading = **idle;
  reading.fetch = &fetch;
  reading.way = Way::read;
  reading.settled = [](Transfer& transfer, Result<void> result) {
    Fetch& asked = *std::exchange(static_cast<Reading&>(transfer).fetch, nullptr);
    const std::uint64_t begin = asked.bytes.begin.value();
    asked.arrived = asked.room.subspan(begin - round_down(begin, limits::io_alignment.value()),
                                       asked.bytes.length().size());
    asked.settled(asked, std::move(result));
  };
  const ByteIndex begin(round_down(fetch.bytes.begin.value(), limits::io_alignment.value()));
  const ByteIndex end(round_up(fetch.bytes.end.value(), limits::io_alignment.value()));
  reading.at = begin;
  reading.data = fetch.room.first((end - begin).size());
  packs_.at(fetch.pack).slice->start(reading);
}

}  // namespace ebb

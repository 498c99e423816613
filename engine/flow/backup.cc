// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/backup.h"

#include <algorithm>

#include "engine/stage/zero.h"

namespace ebb {

namespace {

// A device that cannot give more than this is beyond backing up by ordinary reads.
constexpr ByteCount max_unreadable = 256_MiB;

}  // namespace

struct Backup::WorkerState {
  std::unique_ptr<Fingerprinter> fingerprinter;
  Compressor compressor;
};

// One batch on its way. Fields are grouped by who writes them.
struct Backup::Slot {
  enum class State {
    free,
    under_way,  // With the kernel, a worker, or the sink; the callback sets what follows.
    read,       // The bytes are there.
    fingerprinted,
    looked_up,
    compressed,  // Ready to be sealed, or there is nothing to seal.
    sealed,      // In the sink's room.
  };
  struct BlockState {
    Fingerprint print;  // Zero for a zero block.
    Fingerprint base;   // What the base point has here.
    bool ship = false;
    std::uint32_t packed = 0;  // Bytes in `scratch`; 0: stored plain.
    std::size_t packed_at = 0;
  };

  State state = State::free;
  Backup* backup = nullptr;
  std::uint64_t sequence = 0;
  BlockRun blocks;
  ByteRun bytes;
  bool is_hole = false;  // Reads as zero and is not read; may be longer than a batch.
  bool claimed = false;

  MutableBytes plain;
  MutableBytes scratch;
  std::vector<BlockState> block;
  std::vector<Bytes> views;          // For one call of the fingerprinter.
  std::vector<Fingerprint> printed;  // Likewise.

  std::vector<Fingerprint> asked;
  std::vector<std::uint8_t> known;
  std::vector<std::size_t> asked_of;  // Which block each question is about.

  ShipRoom room;
  std::vector<TableEntry> entries;
  std::optional<Error> error;

  struct Read : Transfer {
    Slot* slot = nullptr;
  } read;
  CarefulRead careful;
  struct Work : Job {
    Slot* slot = nullptr;
    void (*function)(Slot&, WorkerState&) = nullptr;
    State then = State::free;
  } work;
  struct Query : KnownQuery {
    Slot* slot = nullptr;
  } query;

  std::size_t count() const { return blocks.length().size(); }
  Bytes plain_of(std::size_t i) const {
    const ByteRun run = backup->grid_.bytes_of(blocks.begin + BlockCount(i));
    return plain.subspan((run.begin - bytes.begin).size(), run.length().size());
  }
  // The callbacks of everything that was under way end here.
  void arrived(State next, Result<void> result) {
    --backup->under_way_;
    state = next;
    if (!result && !backup->trouble_) backup->trouble_ = std::move(result.error());
  }
};

Backup::Backup(World world, BackupRequest request)
    : world_(world),
      request_(std::move(request)),
      grid_(world.device.shape().size, BlockSize::standard()) {}

// The kernel and the workers hold pointers into the slots until all have called back.
Backup::~Backup() {
  while (under_way_ > 0) {
    const auto ran = world_.loop.run_once();
    EBB_CHECK(ran.has_value(), "the ring failed while reads were under way");
  }
}

Result<BackupReport> Backup::run() {
  TRY(begin());
  while (more_to_read() || retired_ < started_) {
    TRY(start_reads());
    TRY(wait_for_one());
    TRY(fingerprint_arrived());
    TRY(look_up_fingerprinted());
    TRY(compress_unknown());
    TRY(seal_in_order());
    TRY(ship_in_order());
    tell_progress();
  }
  return commit();
}

Result<void> Backup::begin() {
  began_ = world_.clock.steady_seconds();
  if (world_.device.shape().size.none()) return fail(Error::invalid("the device has no bytes"));
  if (world_.device.shape().size > limits::max_device_size) {
    return fail(Error::invalid("the device has {} bytes; ebb can back up {} at most",
                               world_.device.shape().size.value(),
                               limits::max_device_size.value()));
  }
  // A key for this run only, wrapped to those who may open it and then known to nobody.
  DataKey data_key;
  world_.random.fill(data_key.room());
  data_key_id_ = world_.random.name<DataKeyId>();
  start_.repository = world_.key.repository;
  start_.volume = volume_id_of(world_.key.id_key, request_.volume_name);
  start_.data_key = data_key_id_;
  for (const HpkePublicKey& recipient : world_.members.recipients) {
    start_.envelopes.push_back(
        TRY(wrap_data_key(data_key, data_key_id_, recipient, start_.repository, world_.random)));
  }
  const CryptoBackend backend = TRY(chosen_backend());
  cipher_ = make_record_cipher(backend, data_key);
  for (unsigned i = 0; i < world_.workers.count(); ++i) {
    worker_states_.push_back(std::make_unique<WorkerState>(WorkerState{
        make_fingerprinter(backend, world_.key.id_key), Compressor(request_.compression)}));
  }
  TRY(accept_base(TRY(world_.sink.begin(start_))));

  const std::size_t blocks_in_batch = limits::batch_size.size() / grid_.block().bytes().size();
  for (unsigned i = 0; i < window_slots; ++i) {
    auto slot = std::make_unique<Slot>();
    slot->backup = this;
    slot->plain = world_.arena.take(limits::batch_size);
    slot->scratch = world_.arena.take(limits::batch_size);
    slot->block.resize(blocks_in_batch);
    slot->views.reserve(blocks_in_batch);
    slot->printed.resize(blocks_in_batch);
    slot->read.slot = slot->work.slot = slot->query.slot = slot.get();
    slots_.push_back(std::move(slot));
  }
  holes_end_ = !request_.holes.has_value();
  return {};
}

// Decides whether the latest point can be compared with. When anything about it does not hold, the
// run goes on without it and says why: it costs time, never data.
Result<void> Backup::accept_base(RunBase base) {
  repository_whole_ = base.whole;
  latest_name_ = base.latest_name;
  latest_ = std::move(base.latest);
  const std::uint64_t newest = latest_name_ ? latest_name_->sequence : 0;
  if (request_.remembered && request_.remembered->sequence > newest) {
    world_.observer.note(fmt::format(
        "this source made point {} of the volume as number {}, but the repository's newest is "
        "number {}: points were removed or the repository was put back to an earlier state",
        request_.remembered->id.hex().substr(0, 12), request_.remembered->sequence, newest));
  }
  if (request_.remembered && request_.remembered->sequence == newest && latest_name_ &&
      latest_name_->id != request_.remembered->id) {
    world_.observer.note(fmt::format(
        "point {} of this volume, number {}, is not the one that this source made as that number",
        latest_name_->id.hex().substr(0, 12), newest));
  }
  if (latest_name_ && !latest_) {
    world_.observer.note(
        "the latest point of this volume is damaged; everything is read and "
        "compared with nothing. `ebb scrub --repair` may mend it");
  }
  BlockSize block = request_.block_size.value_or(BlockSize::standard());
  if (latest_) {
    const MemberSource* signer = world_.members.find(latest_->point.source);
    if (signer == nullptr || !signature_is_right(*latest_)) {
      world_.observer.note(
          "the latest point of this volume is not signed by a member of the "
          "repository; everything is read and compared with nothing");
    } else {
      if (!request_.block_size) block = latest_->point.grid.block();
      base_counts_ = block == latest_->point.grid.block();
      if (!base_counts_) {
        world_.observer.note("the block size changed, so every block counts as changed");
      }
    }
  }
  grid_ = BlockGrid(world_.device.shape().size, block);
  if (base_counts_) {
    const ByteCount before = latest_->point.grid.size();
    if (before != grid_.size()) {
      world_.observer.note(fmt::format("the device {} from {} to {} bytes since the last point",
                                       before < grid_.size() ? "grew" : "shrank", before.value(),
                                       grid_.size().value()));
    }
    if (auto about = open_about(latest_->point, world_.key.id_key);
        about && identity_text(about->passport) != identity_text(request_.passport)) {
      world_.observer.note(
          "this is not the device that the last point of this volume came from; every block is "
          "compared, so the new point is right all the same");
    }
    pages_ = std::make_unique<CachedPages>(world_.sink.pages());
    base_for_reading_ = std::make_unique<MapReader>(*pages_, latest_->point.root());
    base_for_map_ = std::make_unique<MapReader>(*pages_, latest_->point.root());
  }
  PageSource& pages = pages_ ? static_cast<PageSource&>(*pages_) : world_.sink.pages();
  map_ = std::make_unique<MapAssembly>(world_.sink, pages, base_for_map_.get(), grid_.count());
  return {};
}

bool Backup::more_to_read() {
  return next_block_.value() < grid_.count().value();
}

// The blocks of the next slot: to be read, up to a batch and not into a hole; or in a hole, up to a
// segment.
BlockRun Backup::next_blocks(bool in_hole) {
  const std::uint64_t most =
      in_hole ? blocks_in_segment : limits::batch_size.value() >> grid_.block().shift();
  const std::uint64_t stop = round_down(next_block_.value(), most) + most;
  BlockRun run{next_block_, BlockIndex(std::min(stop, grid_.count().value()))};
  if (hole_) run.end = std::min(run.end, in_hole ? hole_->end : std::max(hole_->begin, run.begin));
  return run;
}

// Keeps hole_ at the first hole that ends after next_block_; says whether next_block_ lies in it.
Result<bool> Backup::in_hole() {
  while (!holes_end_ && (!hole_ || hole_->end <= next_block_)) {
    const auto hole = TRY(request_.holes->next());
    if (!hole) {
      holes_end_ = true;
      hole_.reset();
      break;
    }
    const BlockRun blocks = grid_.blocks_within(*hole);
    if (!blocks.empty()) hole_ = blocks;
  }
  return hole_ && hole_->contains(next_block_);
}

Result<void> Backup::start_reads() {
  while (started_ - retired_ < window_slots && more_to_read() && !trouble_) {
    const bool hole = TRY(in_hole());
    Slot& slot = slot_of(started_);
    slot.sequence = started_++;
    slot.blocks = next_blocks(hole);
    slot.bytes = grid_.bytes_of(slot.blocks);
    slot.is_hole = hole;
    slot.claimed = false;
    slot.entries.clear();
    next_block_ = slot.blocks.end;
    if (hole) {
      slot.state = Slot::State::compressed;
      continue;
    }
    for (std::size_t i = 0; i < slot.count(); ++i) {
      slot.block[i] = {};
      slot.block[i].base = TRY(base_print(slot.blocks.begin + BlockCount(i)));
    }
    start_read(slot);
  }
  return {};
}

// What the base has at this block; zero where there is no base. A base whose map cannot be read
// must not stop backups: its blocks count as changed, which costs time and loses nothing.
Result<Fingerprint> Backup::base_print(BlockIndex block) {
  if (!base_for_reading_) return Fingerprint{};
  auto print = base_for_reading_->at(block);
  if (print) return print;
  const ErrorKind kind = print.error().kind();
  if (kind != ErrorKind::damaged && kind != ErrorKind::absent) return print;
  if (!base_is_damaged_) {
    world_.observer.note(
        fmt::format("the last point's map is damaged ({}); blocks under it count "
                    "as changed. `ebb scrub --repair` may mend it",
                    print.error().text()));
  }
  base_is_damaged_ = true;
  return Fingerprint{};
}

void Backup::start_read(Slot& slot) {
  counts_.read += slot.bytes.length();
  slot.state = Slot::State::under_way;
  ++under_way_;
  slot.read.way = Way::read;
  slot.read.at = slot.bytes.begin;
  slot.read.data = slot.plain.first(slot.bytes.length().size());
  slot.read.settled = [](Transfer& transfer, Result<void> result) {
    Slot& s = *static_cast<Slot::Read&>(transfer).slot;
    if (result || result.error().kind() != ErrorKind::damaged) {
      if (!result)
        result = fail(result.error().during("reading {} bytes at {}", s.bytes.length().value(),
                                            s.bytes.begin.value()));
      return s.arrived(Slot::State::read, std::move(result));
    }
    // Some sector of it is bad: find out which, and get the others.
    s.careful.start(
        s.backup->world_.device, s.bytes, s.read.data,
        [](CarefulRead& careful, Result<void> outcome) {
          Slot& owner = *static_cast<Slot*>(careful.owner());
          auto& all = owner.backup->unreadable_;
          all.insert(all.end(), careful.unreadable().begin(), careful.unreadable().end());
          owner.arrived(Slot::State::read, std::move(outcome));
        },
        &s);
  };
  world_.device.start(slot.read);
}

Result<void> Backup::wait_for_one() {
  // With nothing of ours under way, only a full sink is worth waiting for.
  if (under_way_ > 0 || sink_is_full_) TRY(world_.loop.run_once());
  sink_is_full_ = false;
  TRY(world_.sink.health());
  if (trouble_) return fail(*trouble_);
  if (world_.stop.raised()) return fail(Error{ErrorKind::busy, "it was interrupted"});
  ByteCount lost;
  for (const ByteRun& run : unreadable_) lost += run.length();
  if (lost > max_unreadable) {
    return fail(
        Error::lost("more than {} bytes of the device cannot be read; copy it with "
                    "ddrescue and back up the copy",
                    max_unreadable.value()));
  }
  return {};
}

void Backup::submit(Slot& slot, void (*work)(Slot&, WorkerState&)) {
  slot.state = Slot::State::under_way;
  ++under_way_;
  slot.work.function = work;
  slot.work.work = [](Job& job, unsigned worker) {
    auto& w = static_cast<Slot::Work&>(job);
    w.function(*w.slot, *w.slot->backup->worker_states_[worker]);
  };
  slot.work.done = [](Job& job) {
    auto& w = static_cast<Slot::Work&>(job);
    auto error = std::exchange(w.slot->error, std::nullopt);
    // Given back at once: a later batch's page may be waiting for the buffer that this room is in.
    if (w.then == Slot::State::sealed && !error) {
      w.slot->backup->world_.sink.filled(w.slot->room, w.slot->entries);
    }
    w.slot->arrived(w.then, error ? Result<void>(fail(*error)) : Result<void>());
  };
  world_.workers.submit(slot.work);
}

Result<void> Backup::fingerprint_arrived() {
  for (std::uint64_t s = retired_; s < started_; ++s) {
    Slot& slot = slot_of(s);
    if (slot.state != Slot::State::read) continue;
    slot.work.then = Slot::State::fingerprinted;
    submit(slot, &Backup::fingerprint);
  }
  return {};
}

// On a worker: which blocks are zero, and the fingerprints of the others in one call, so that the
// lanes of the digest are full.
void Backup::fingerprint(Slot& slot, WorkerState& worker) {
  slot.views.clear();
  for (std::size_t i = 0; i < slot.count(); ++i) {
    const Bytes plain = slot.plain_of(i);
    if (!is_zero(plain)) slot.views.push_back(plain);
  }
  const std::span printed = std::span(slot.printed).first(slot.views.size());
  worker.fingerprinter->fingerprint(slot.views, printed);
  std::size_t next = 0;
  for (std::size_t i = 0; i < slot.count() && next < slot.views.size(); ++i) {
    if (slot.plain_of(i).data() == slot.views[next].data()) slot.block[i].print = printed[next++];
  }
}

// Asks the repository only for what the base point does not have at the same place.
Result<void> Backup::look_up_fingerprinted() {
  for (std::uint64_t s = retired_; s < started_; ++s) {
    Slot& slot = slot_of(s);
    if (slot.state != Slot::State::fingerprinted) continue;
    slot.asked.clear();
    slot.asked_of.clear();
    for (std::size_t i = 0; i < slot.count(); ++i) {
      const Slot::BlockState& block = slot.block[i];
      if (block.print.is_zero()) continue;
      if (base_counts_ && repository_whole_ && block.print == block.base) continue;
      slot.asked.push_back(block.print);
      slot.asked_of.push_back(i);
    }
    if (slot.asked.empty()) {
      slot.state = Slot::State::compressed;
      continue;
    }
    slot.known.assign(slot.asked.size(), 0);
    slot.query.names = slot.asked;
    slot.query.known = slot.known;
    slot.query.answered = [](KnownQuery& query, Result<void> result) {
      static_cast<Slot::Query&>(query).slot->arrived(Slot::State::looked_up, std::move(result));
    };
    slot.state = Slot::State::under_way;
    ++under_way_;
    world_.sink.look_up(slot.query);
  }
  if (trouble_) return fail(*trouble_);
  return {};
}

Result<void> Backup::compress_unknown() {
  for (std::uint64_t s = retired_; s < started_; ++s) {
    Slot& slot = slot_of(s);
    if (slot.state != Slot::State::looked_up) continue;
    bool any = false;
    for (std::size_t q = 0; q < slot.asked.size(); ++q) {
      slot.block[slot.asked_of[q]].ship = slot.known[q] == 0;
      any = any || slot.known[q] == 0;
    }
    if (!any) {
      slot.state = Slot::State::compressed;
      continue;
    }
    slot.work.then = Slot::State::compressed;
    submit(slot, &Backup::compress);
  }
  return {};
}

void Backup::compress(Slot& slot, WorkerState& worker) {
  std::size_t used = 0;
  for (std::size_t i = 0; i < slot.count(); ++i) {
    Slot::BlockState& block = slot.block[i];
    if (!block.ship) continue;
    const Bytes plain = slot.plain_of(i);
    const auto packed = worker.compressor.compress(plain, slot.scratch.subspan(used, plain.size()));
    block.packed = static_cast<std::uint32_t>(packed.value_or(0));
    block.packed_at = used;
    used += block.packed;
  }
}

// Takes room for the records of each batch, in order, and has them sealed into it.
Result<void> Backup::seal_in_order() {
  for (; reserved_ < started_; ++reserved_) {
    Slot& slot = slot_of(reserved_);
    if (slot.state != Slot::State::compressed) return {};
    if (slot.is_hole) {
      slot.state = Slot::State::sealed;
      continue;
    }
    std::uint64_t records = 0;
    ByteCount bytes;
    for (std::size_t i = 0; i < slot.count(); ++i) {
      Slot::BlockState& block = slot.block[i];
      // Only here, in the order of the device, is it decided who ships a block that occurs twice.
      if (block.ship && !slot.claimed) block.ship = world_.sink.claim(block.print);
      if (!block.ship) continue;
      const std::size_t payload = block.packed > 0 ? block.packed : slot.plain_of(i).size();
      bytes += ByteCount(sizeof(RecordHeaderOnDisk) + payload + tag_size);
      ++records;
    }
    slot.claimed = true;
    if (records == 0) {
      slot.state = Slot::State::sealed;
      continue;
    }
    auto room = TRY(world_.sink.reserve(bytes, records));
    sink_is_full_ = !room.has_value();
    if (sink_is_full_) return {};
    slot.room = *room;
    counts_.shipped += BlockCount(records);
    slot.work.then = Slot::State::sealed;
    submit(slot, &Backup::seal);
  }
  return {};
}

void Backup::seal(Slot& slot, WorkerState&) {
  Backup& backup = *slot.backup;
  std::size_t used = 0;
  for (std::size_t i = 0; i < slot.count(); ++i) {
    const Slot::BlockState& block = slot.block[i];
    if (!block.ship) continue;
    const Bytes plain = slot.plain_of(i);
    const Bytes payload =
        block.packed > 0 ? Bytes(slot.scratch.subspan(block.packed_at, block.packed)) : plain;
    RecordHeader header;
    header.kind = RecordKind::block;
    header.codec = block.packed > 0 ? backup.request_.compression.codec : Codec::none;
    header.plain_length = static_cast<std::uint32_t>(plain.size());
    header.stored_length = static_cast<std::uint32_t>(payload.size() + tag_size);
    // Never used twice under this run's key: slots are counted, blocks in a slot too.
    header.counter = slot.sequence * limits::max_blocks_in_batch + i;
    header.name = record_name(block.print);
    const MutableBytes record =
        slot.room.bytes.subspan(used, sizeof(RecordHeaderOnDisk) + header.stored_length);
    const MutableBytes sealed = record.subspan(sizeof(RecordHeaderOnDisk));
    const RecordContext context{backup.start_.repository, block.print, header.plain_length,
                                header.codec, static_cast<std::uint8_t>(header.kind)};
    if (auto done = backup.cipher_->seal(payload, {header.counter}, context, sealed); !done) {
      slot.error = done.error();
      return;
    }
    put_record_header(header, sealed, record);
    slot.entries.push_back({header.name, static_cast<std::uint32_t>(used), header.stored_length});
    used += record.size();
  }
}

// Hands the fingerprints of batches that are with the sink to the map, and frees their slots.
Result<void> Backup::ship_in_order() {
  for (; retired_ < reserved_; ++retired_) {
    Slot& slot = slot_of(retired_);
    if (slot.state != Slot::State::sealed) return {};
    if (slot.is_hole) {
      TRY(ship_hole(slot.blocks));
      slot.state = Slot::State::free;
      continue;
    }
    for (std::size_t i = 0; i < slot.count(); ++i) {
      const Slot::BlockState& block = slot.block[i];
      slot.printed[i] = block.print;
      if (block.print.is_zero()) counts_.zero += BlockCount(1);
      const bool in_base = base_counts_ && (slot.blocks.begin + BlockCount(i)).value() <
                                               latest_->point.grid.count().value();
      if (!in_base || block.print != block.base) counts_.changed += BlockCount(1);
    }
    TRY(map_->put(slot.blocks.begin, std::span(slot.printed).first(slot.count())));
    slot.state = Slot::State::free;
  }
  return {};
}

Result<void> Backup::ship_hole(BlockRun blocks) {
  counts_.zero += blocks.length();
  const std::uint64_t segment = blocks.begin.value() / blocks_in_segment;
  bool was_zero = false;
  if (base_counts_ && !base_is_damaged_ &&
      blocks.end.value() <= latest_->point.grid.count().value()) {
    const auto digest = base_for_map_->segment_digest(segment);
    was_zero = digest && digest->is_zero();  // Where it cannot be read, base_print() says so.
  }
  for (BlockIndex at = blocks.begin; !was_zero && at < blocks.end; at += BlockCount(1)) {
    const bool in_base = base_counts_ && at.value() < latest_->point.grid.count().value();
    if (!in_base || !TRY(base_print(at)).is_zero()) counts_.changed += BlockCount(1);
  }
  return map_->put_zero(blocks);
}

void Backup::tell_progress() {
  world_.observer.progress({"reading",
                            retired_ == started_ && !more_to_read()
                                ? grid_.size()
                                : grid_.bytes_of(BlockRun{BlockIndex(0), next_block_}).length(),
                            grid_.size(), world_.sink.stored()});
}

Result<BackupReport> Backup::commit() {
  const MapRoot root = TRY(map_->finish());
  TRY(world_.sink.flush());
  counts_.stored = world_.sink.stored();

  // Outwards, so that what is named always covers what was lost.
  std::ranges::sort(unreadable_, {}, &ByteRun::begin);
  while (unreadable_.size() > limits::max_unreadable_runs) {
    std::vector<ByteRun> coarser;
    for (std::size_t i = 0; i < unreadable_.size(); i += 2) {
      coarser.push_back(
          {unreadable_[i].begin, unreadable_[std::min(i + 1, unreadable_.size() - 1)].end});
    }
    unreadable_ = std::move(coarser);
  }

  Point point;
  point.repository = start_.repository;
  point.volume = start_.volume;
  point.data_key = data_key_id_;
  point.sequence = latest_name_ ? latest_name_->sequence + 1 : 1;
  if (latest_name_) point.predecessor = latest_name_->id;
  point.created = world_.clock.wall();
  point.grid = grid_;
  point.map = root.page;
  point.members_epoch = world_.members.epoch;
  point.found_by = ChangeSource::scan;
  point.counts = counts_;
  point.about = seal_about({request_.volume_name, request_.passport, unreadable_}, point,
                           world_.key.id_key, world_.random);
  SignedPoint signed_point = sign_point(std::move(point), world_.key.signing_seed);
  TRY(world_.sink.commit(signed_point));

  BackupReport report;
  report.first_of_volume = !latest_name_.has_value();
  report.point = std::move(signed_point);
  report.volume_name = request_.volume_name;
  report.blocks_total = grid_.count();
  report.counts = counts_;
  report.unreadable = unreadable_;
  report.seconds = world_.clock.steady_seconds() - began_;
  return report;
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/track/tracker.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "devmap/core/random.h"
#include "devmap/source/track/track_folder.h"
#include "devmap/source/track/track_maps.h"
#include "devmap/source/track/track_programs.h"
#include "devmap/text_file.h"

namespace ebb {

namespace {

// Of one map of marks; a tracker has three of them, and 2 MiB for writes under way: 50 MiB for the
// largest device. 64 KiB a bit up to 8 TiB.
constexpr ByteCount most_marks = 16_MiB;
// A write that was queued before a tracker was attached is told by its end alone. After this long
// none is left, and an end that was missed is no matter any more.
constexpr std::int64_t settling_ns = 60'000'000'000;

std::int64_t boot_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

std::string boot_id() {
  return trimmed(file_text("/proc/sys/kernel/random/boot_id"));
}

template <std::size_t N>
void put_text(char (&room)[N], const std::string& text) {
  std::memset(room, 0, N);
  std::memcpy(room, text.data(), std::min(text.size(), N - 1));
}

template <std::size_t N>
std::string text_in(const char (&room)[N]) {
  return std::string(room, ::strnlen(room, N));
}

Result<BlockSize> block_that_fits(ByteCount size, BlockSize wanted) {
  BlockSize block = wanted;
  while (BlockGrid(size, block).count().value() > most_marks.value() * 8) {
    block = TRY(BlockSize::of(block.bytes() * 2));
  }
  return block;
}

void begin_control(track_control& control, const TrackedDevice& device, BlockSize block,
                   const std::string& path) {
  control.layout = track_layout;
  control.block_shift = block.shift();
  system_random().fill(std::as_writable_bytes(std::span(control.instance)));
  control.device = device.number;
  control.disk_sequence = device.disk_sequence;
  control.size = device.size.value();
  control.attached_wall_ns = system_clock().wall().nanoseconds;
  control.attached_boot_ns = boot_ns();
  control.epoch_boot_ns = control.attached_boot_ns;
  control.epoch = 1;
  control.covers_from = 1;
  put_text(control.identity, device.identity);
  put_text(control.path, path);
}

std::string words_of_everything(std::uint32_t why) {
  std::string words;
  const auto add = [&](std::uint32_t bit, const char* text) {
    if ((why & bit) != 0) words += (words.empty() ? "" : ", ") + std::string(text);
  };
  add(track_by_stray, "a write completed that was not seen to begin");
  add(track_by_overflow, "too many writes were under way at once");
  add(track_by_unknown_op, "the device was asked for something other than writing");
  add(track_by_impossible, "a mark could not be made");
  add(track_by_missed, "the kernel left a program out");
  return words;
}

Result<dev_t> number_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(Error::from_errno(errno).during("{}", path));
  if (!S_ISBLK(status.st_mode)) {
    return fail(Error::invalid("{} is no block device; only those can be tracked", path));
  }
  return status.st_rdev;
}

Error not_tracked(const std::string& path) {
  return Error::absent("{} is not tracked; `ebb track start` does that", path);
}

// What was counted up to now that puts the marks in doubt.
struct Doubts {
  std::uint64_t strays;
  std::uint64_t overflows;
  std::uint64_t unknown_ops;
  std::uint64_t impossible;
  MissedRuns missed;
};

Result<Doubts> doubts_of(track_control& control, const std::string& folder) {
  const auto now = [](__u64& counter) { return std::atomic_ref(counter).load(); };
  return Doubts{now(control.strays), now(control.overflows), now(control.unknown_ops),
                now(control.impossible), TRY(missed_runs(folder))};
}

// What came to it in the epoch that is open.
std::uint32_t why_of(const track_control& control, const Doubts& now) {
  std::uint32_t why = 0;
  if (now.strays != control.seen_strays) why |= track_by_stray;
  if (now.overflows != control.seen_overflows) why |= track_by_overflow;
  if (now.unknown_ops != control.seen_unknown_ops) why |= track_by_unknown_op;
  if (now.impossible != control.seen_impossible) why |= track_by_impossible;
  if (now.missed.begins != control.seen_missed_begins) why |= track_by_missed;
  const bool settled = control.epoch_boot_ns - control.attached_boot_ns > settling_ns;
  if (now.missed.ends != control.seen_missed_ends && !settled) why |= track_by_missed;
  return why;
}

void order() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace

std::string why_no_tracker() {
  if (::geteuid() != 0) return "tracking needs root";
  if (::access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
    return "this kernel does not describe itself (no /sys/kernel/btf/vmlinux: "
           "CONFIG_DEBUG_INFO_BTF)";
  }
  const auto lock = TrackLock::take();
  return lock ? "" : lock.error().text();
}

std::string ClosedEpoch::why_not_since(const TrackToken& base) const {
  if (base.boot_id != token.boot_id) return "the machine was booted since";
  if (!base.same_tracking(token)) return "the device was not tracked all the time since";
  if (base.epoch >= token.epoch) return "the point belongs to an epoch that is to come";
  if (base.epoch + 1 < covers_from) {
    return fmt::format("marks of the epochs {} to {} were handed out for another point",
                       base.epoch + 1, covers_from - 1);
  }
  return everything;
}

Tracker::Tracker(dev_t number, std::string folder, std::unique_ptr<TrackMaps> maps)
    : number_(number), folder_(std::move(folder)), maps_(std::move(maps)) {}

Tracker::~Tracker() = default;

Result<std::unique_ptr<Tracker>> Tracker::of(dev_t number) {
  std::string folder = track_folder_of(number);
  auto maps = TRY(TrackMaps::open(folder));
  if (maps->control().layout != track_layout || maps->control().device != number) {
    return fail(Error::mismatch("{} holds no tracker of this ebb", folder));
  }
  return std::unique_ptr<Tracker>(new Tracker(number, std::move(folder), std::move(maps)));
}

Result<std::unique_ptr<Tracker>> Tracker::open(const std::string& path) {
  const dev_t number = TRY(number_of(path));
  const TrackLock lock = TRY(TrackLock::take());
  if (::access(track_folder_of(number).c_str(), F_OK) != 0) return fail(not_tracked(path));
  auto tracker = TRY(of(number));
  TRY(tracker->check_sound());
  return tracker;
}

Result<std::unique_ptr<Tracker>> Tracker::start(const std::string& path,
                                                const TrackOptions& options) {
  const TrackedDevice device = TRY(TrackedDevice::of(path));
  const TrackLock lock = TRY(TrackLock::take());
  if (auto there = of(device.number); there && (*there)->check_sound()) return std::move(*there);
  TRY(remove_track_folder(lock, track_folder_of(device.number)));
  const BlockSize block = TRY(block_that_fits(device.size, options.block));
  const std::string folder = TRY(make_unfinished_track_folder(lock));
  const auto prepare = [&]() -> Result<void> {
    const auto maps = TRY(TrackMaps::open(folder));
    begin_control(maps->control(), device, block, path);
    return {};
  };
  const auto attached = attach_track_programs(device, block, folder, prepare);
  if (!attached) {
    TRY(remove_track_folder(lock, folder));
    return fail(attached.error().during("tracking {}", path));
  }
  TRY(finish_track_folder(lock, device.number));
  auto tracker = TRY(of(device.number));
  TRY(tracker->check_sound());  // It may have become another while the programs were loaded.
  return tracker;
}

Result<void> Tracker::stop(const std::string& path) {
  const TrackLock lock = TRY(TrackLock::take());
  const auto number = number_of(path);
  std::optional<dev_t> found;
  for (const dev_t tracked : devices_with_track_folders()) {
    const auto tracker = of(tracked);
    const bool by_number = (number && *number == tracked) || number_text(tracked) == path;
    const bool by_path = tracker && text_in((*tracker)->maps_->control().path) == path;
    if (by_number || (by_path && !found)) found = tracked;
  }
  if (!found) return fail(not_tracked(path));
  return remove_track_folder(lock, track_folder_of(*found));
}

Result<std::vector<TrackStatus>> Tracker::list() {
  const TrackLock lock = TRY(TrackLock::take());
  std::vector<TrackStatus> all;
  for (const dev_t number : devices_with_track_folders()) {
    const auto tracker = of(number);
    if (tracker) {
      all.push_back(TRY((*tracker)->status()));
    } else {
      TrackStatus status;
      status.device = number_text(number);
      status.broken = tracker.error().text();
      all.push_back(status);
    }
  }
  return all;
}

// Whether this is still the device that the programs were attached to, and they still are.
Result<void> Tracker::check_sound() {
  if (!maps_->pinned_in(folder_)) return fail(Error::absent("the tracker was stopped"));
  TRY(missed_runs(folder_));
  const auto now = TrackedDevice::of(number_);
  const std::string then = text_in(maps_->control().identity);
  if (!now) return fail(Error::mismatch("the tracked device has gone: {}", now.error().text()));
  std::string identity = now->identity;
  identity.resize(std::min<std::size_t>(identity.size(), track_identity_bytes - 1));
  if (identity != then) {
    return fail(Error::mismatch(
        "{} is not as it was when tracking began (then {}, now {}); start its tracker anew",
        now->node, then, identity));
  }
  return {};
}

// What the closed epoch's marks do not say goes to the closed ones first: a program killed between
// says it twice, never not at all. A write that made no mark may end in the next epoch, so that one
// says it, too.
Result<void> Tracker::note_everything() {
  track_control& control = maps_->control();
  const Doubts now = TRY(doubts_of(control, folder_));
  const std::uint32_t why = why_of(control, now);
  control.everything_closed |= control.everything_open | why;
  order();
  control.everything_open = why & (track_by_overflow | track_by_impossible | track_by_missed);
  order();
  control.seen_strays = now.strays;
  control.seen_overflows = now.overflows;
  control.seen_unknown_ops = now.unknown_ops;
  control.seen_impossible = now.impossible;
  control.seen_missed_begins = now.missed.begins;
  control.seen_missed_ends = now.missed.ends;
  return {};
}

TrackToken Tracker::token() {
  track_control& control = maps_->control();
  TrackToken token;
  token.boot_id = boot_id();
  token.instance = to_hex(std::as_bytes(std::span(control.instance)));
  token.attached = WallTime{control.attached_wall_ns}.text();
  token.device = number_text(number_);
  token.disk_sequence = control.disk_sequence;
  token.size = ByteCount(control.size);
  token.block = ByteCount(1ull << control.block_shift);
  token.epoch = control.epoch - 1;
  return token;
}

Result<ClosedEpoch> Tracker::closed() {
  track_control& control = maps_->control();
  const BlockSize block = TRY(BlockSize::of(ByteCount(1ull << control.block_shift)));
  const BlockGrid grid(ByteCount(control.size), block);
  ClosedEpoch epoch{token(), control.covers_from, DirtyMap::clean(grid),
                    words_of_everything(control.everything_closed)};
  if (!epoch.everything.empty()) {
    epoch.marks = DirtyMap::all_dirty(grid);
    return epoch;
  }
  const std::uint64_t blocks = grid.count().value();
  TRY(maps_->each_closed_word([&](std::size_t index, std::uint64_t word) {
    std::uint64_t at = index * 64;
    while (word != 0) {
      const auto clear = static_cast<unsigned>(std::countr_zero(word));
      const auto set = static_cast<unsigned>(std::countr_one(word >> clear));
      const std::uint64_t begin = at + clear;
      epoch.marks.mark({BlockIndex(begin), BlockIndex(std::min(begin + set, blocks))});
      at = begin + set;
      word = clear + set == 64 ? 0 : word >> (clear + set);
    }
  }));
  return epoch;
}

Result<ClosedEpoch> Tracker::switch_epoch() {
  const TrackLock lock = TRY(TrackLock::take());
  TRY(check_sound());
  track_control& control = maps_->control();
  // First: whoever closed the epoch before must not forget what is closed from here on, even if
  // this program is killed on its way.
  ++control.epoch;
  order();
  TRY(maps_->switch_marks());
  TRY(maps_->mark_under_way());
  TRY(note_everything());
  control.epoch_boot_ns = boot_ns();
  TRY(check_sound());  // What was marked until now is of no use if it became another meanwhile.
  return closed();
}

Result<void> Tracker::forget(std::uint64_t epoch) {
  const TrackLock lock = TRY(TrackLock::take());
  TRY(check_sound());
  track_control& control = maps_->control();
  if (epoch + 1 != control.epoch) {
    return fail(Error::mismatch("epoch {} of the tracker is not the last that was closed ({})",
                                epoch, control.epoch - 1));
  }
  // Killed between any two of these, marks are left over; never is one gone that is promised.
  control.covers_from = control.epoch;
  order();
  TRY(maps_->forget_closed());
  order();
  control.everything_closed = 0;
  return {};
}

Result<bool> Tracker::is_marked(ByteRun bytes) {
  TRY(check_sound());
  track_control& control = maps_->control();
  const BlockSize block = TRY(BlockSize::of(ByteCount(1ull << control.block_shift)));
  return maps_->is_marked(BlockGrid(ByteCount(control.size), block).blocks_touching(bytes));
}

Result<TrackStatus> Tracker::status() {
  track_control& control = maps_->control();
  TrackStatus status;
  status.path = text_in(control.path);
  status.device = number_text(number_);
  if (const auto device = TrackedDevice::of(number_)) status.node = device->node;
  status.attached = WallTime{control.attached_wall_ns};
  status.epoch = control.epoch;
  status.size = ByteCount(control.size);
  status.block = ByteCount(1ull << control.block_shift);
  status.marked = BlockCount(TRY(maps_->count_open()));
  std::uint64_t in_closed = 0;
  TRY(maps_->each_closed_word([&](std::size_t, std::uint64_t word) {
    in_closed += static_cast<std::uint64_t>(std::popcount(word));
  }));
  status.marked_in_closed = BlockCount(in_closed);
  status.under_way = TRY(maps_->count_under_way());
  status.memory = ByteCount(maps_->words() * sizeof(std::uint64_t) * track_maps_of_marks +
                            sizeof(track_bucket) * track_buckets);
  if (const auto sound = check_sound(); !sound) {
    status.broken = sound.error().text();
  } else {
    const Doubts now = TRY(doubts_of(control, folder_));
    status.everything = words_of_everything(control.everything_closed | control.everything_open |
                                            why_of(control, now));
  }
  return status;
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/track/track_maps.h"

#include <bpf/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <utility>

namespace ebb {

namespace {

constexpr std::uint32_t only = 0;  // The key of a map with one element.

// The word as programs and other processes see it. A program marks with an atomic or, too.
template <class Word>
Word now_in(Word& word) {
  return std::atomic_ref(word).load(std::memory_order_acquire);
}

Result<UniqueFd> open_pinned(const std::string& path) {
  UniqueFd fd(::bpf_obj_get(path.c_str()));
  if (!fd.is_open()) return fail(Error::from_errno(errno).during("opening {}", path));
  return fd;
}

Result<bpf_map_info> info_of(int fd) {
  bpf_map_info info{};
  __u32 length = sizeof info;
  if (::bpf_obj_get_info_by_fd(fd, &info, &length) != 0) return fail(Error::from_errno(errno));
  return info;
}

Error made_otherwise(const std::string& folder) {
  return Error::mismatch(
      "the tracker in {} was started by another version of ebb; stop it and start it anew", folder);
}

void clear(std::span<std::uint64_t> words) {
  std::fill(words.begin(), words.end(), 0);
}

bool is_clear(std::span<const std::uint64_t> words) {
  return std::all_of(words.begin(), words.end(), [](std::uint64_t word) { return word == 0; });
}

}  // namespace

Result<SharedMemory> SharedMemory::of_map(int fd, std::size_t bytes) {
  SharedMemory memory;
  void* address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED)
    return fail(Error::from_errno(errno).during("mapping {} bytes", bytes));
  memory.address_ = address;
  memory.bytes_ = bytes;
  return memory;
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  std::swap(address_, other.address_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

SharedMemory::~SharedMemory() {
  if (address_ != nullptr) ::munmap(address_, bytes_);
}

Result<std::unique_ptr<TrackMaps>> TrackMaps::open(const std::string& folder) {
  std::unique_ptr<TrackMaps> maps(new TrackMaps);
  const UniqueFd control = TRY(open_pinned(folder + "/" + control_name));
  const bpf_map_info control_info = TRY(info_of(control.get()));
  if (control_info.value_size != sizeof(track_control)) return fail(made_otherwise(folder));
  maps->control_id_ = control_info.id;
  maps->control_memory_ = TRY(SharedMemory::of_map(control.get(), sizeof(track_control)));
  const UniqueFd under_way = TRY(open_pinned(folder + "/" + under_way_name));
  const bpf_map_info buckets = TRY(info_of(under_way.get()));
  if (buckets.value_size != sizeof(track_bucket) || buckets.max_entries != track_buckets) {
    return fail(made_otherwise(folder));
  }
  maps->under_way_memory_ =
      TRY(SharedMemory::of_map(under_way.get(), sizeof(track_bucket) * track_buckets));
  maps->open_marks_ = TRY(open_pinned(folder + "/" + open_marks_name));
  for (std::size_t i = 0; i < marks_names.size(); ++i) {
    maps->marks_[i] = TRY(open_pinned(folder + "/" + marks_names[i]));
    const bpf_map_info info = TRY(info_of(maps->marks_[i].get()));
    if (info.value_size != sizeof(std::uint64_t)) return fail(made_otherwise(folder));
    maps->ids_[i] = info.id;
    maps->words_ = info.max_entries;
    maps->marks_memory_[i] =
        TRY(SharedMemory::of_map(maps->marks_[i].get(), maps->words_ * sizeof(std::uint64_t)));
  }
  return maps;
}

bool TrackMaps::pinned_in(const std::string& folder) const {
  const auto control = open_pinned(folder + "/" + control_name);
  if (!control) return false;
  const auto info = info_of(control->get());
  return info && info->id == control_id_;
}

Result<std::size_t> TrackMaps::open_index() const {
  std::uint32_t id = 0;
  if (::bpf_map_lookup_elem(open_marks_.get(), &only, &id) != 0) {
    return fail(Error::from_errno(errno).during("asking where the tracker marks"));
  }
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    if (ids_[i] == id) return i;
  }
  return fail(Error::damaged("the tracker marks in a map that is not its own"));
}

// Of the two that are not open. Neither is empty only after a program was killed; then one takes
// the other's marks.
Result<std::size_t> TrackMaps::empty_index() {
  const std::size_t open = TRY(open_index());
  const std::size_t a = (open + 1) % track_maps_of_marks;
  const std::size_t b = (open + 2) % track_maps_of_marks;
  if (is_clear(marks(a))) return a;
  if (!is_clear(marks(b))) {
    for (std::size_t i = 0; i < words_; ++i) marks(a)[i] |= marks(b)[i];
    std::atomic_thread_fence(std::memory_order_seq_cst);
    clear(marks(b));
  }
  return b;
}

Result<void> TrackMaps::switch_marks() {
  const std::size_t former = TRY(open_index());
  const std::size_t next = TRY(empty_index());
  const int fd = marks_[next].get();
  if (::bpf_map_update_elem(open_marks_.get(), &only, &fd, BPF_ANY) != 0) {
    return fail(Error::from_errno(errno).during("opening an epoch of the tracker"));
  }
  // What was closed before and what was closed now, in one map, so that the other is empty.
  const std::size_t other = track_maps_of_marks - former - next;
  if (!is_clear(marks(other))) {
    for (std::size_t i = 0; i < words_; ++i) marks(former)[i] |= marks(other)[i];
    std::atomic_thread_fence(std::memory_order_seq_cst);
    clear(marks(other));
  }
  return {};
}

Result<void> TrackMaps::mark_under_way() {
  const std::span<std::uint64_t> open = marks(TRY(open_index()));
  const std::uint64_t bits = words_ * 64;
  for (track_bucket& bucket : buckets()) {
    for (track_slot& slot : bucket.slots) {
      if (now_in(slot.bio) == 0) continue;
      // One that is just being remembered may be half there; it marks for itself.
      const std::uint64_t end = std::min<std::uint64_t>(slot.end, bits);
      for (std::uint64_t bit = slot.first; bit < end; ++bit) {
        std::atomic_ref(open[bit / 64]).fetch_or(1ull << (bit % 64));
      }
    }
  }
  return {};
}

Result<void> TrackMaps::forget_closed() {
  const std::size_t open = TRY(open_index());
  clear(marks((open + 1) % track_maps_of_marks));
  clear(marks((open + 2) % track_maps_of_marks));
  return {};
}

Result<std::uint64_t> TrackMaps::count_open() {
  std::uint64_t count = 0;
  for (std::uint64_t& word : marks(TRY(open_index()))) {
    count += static_cast<std::uint64_t>(std::popcount(now_in(word)));
  }
  return count;
}

Result<bool> TrackMaps::is_marked(BlockRun blocks) {
  const auto open = marks(TRY(open_index()));
  for (BlockIndex at = blocks.begin; at < blocks.end; at += BlockCount(1)) {
    if ((now_in(open[at.value() / 64]) >> (at.value() % 64) & 1) != 0) return true;
  }
  return false;
}

Result<std::uint64_t> TrackMaps::count_under_way() {
  std::uint64_t count = 0;
  for (track_bucket& bucket : buckets()) {
    for (track_slot& slot : bucket.slots) count += now_in(slot.bio) != 0 ? 1 : 0;
  }
  return count;
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
// track_maps.h - a tracker's maps, in this process's memory.
//
// Three maps of marks. One is open: the programs mark in it. The other two together hold what was
// closed and not yet forgotten; between operations at least one of them is empty. Whatever is not
// open counts as closed, so that a program killed between any two steps loses no mark.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "devmap/core/result.h"
#include "devmap/core/unique_fd.h"
#include "devmap/core/units.h"
#include "devmap/source/track/track_shared.h"

namespace ebb {

// Pages of a map that programs and user space share. Unmaps itself.
class SharedMemory {
 public:
  SharedMemory() = default;
  static Result<SharedMemory> of_map(int fd, std::size_t bytes);
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) noexcept;
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory();
  void* address() const { return address_; }

 private:
  void* address_ = nullptr;
  std::size_t bytes_ = 0;
};

class TrackMaps {
 public:
  // Names in a tracker's folder.
  static constexpr std::array<const char*, track_maps_of_marks> marks_names = {"marks_0", "marks_1",
                                                                               "marks_2"};
  static constexpr const char* open_marks_name = "open_marks";
  static constexpr const char* under_way_name = "under_way";
  static constexpr const char* control_name = "control";

  // Of a tracker whose maps are pinned in `folder`. A tracker that another version of ebb made is a
  // mismatch.
  static Result<std::unique_ptr<TrackMaps>> open(const std::string& folder);
  TrackMaps(const TrackMaps&) = delete;
  TrackMaps& operator=(const TrackMaps&) = delete;

  // Whether it is these that are pinned in `folder`, and not those of a tracker started since.
  bool pinned_in(const std::string& folder) const;
  track_control& control() { return *static_cast<track_control*>(control_memory_.address()); }

  // The next epoch's marks go to an empty map. When it returns no program marks in the former one
  // any more: the kernel waits for them (kernel/bpf/syscall.c: maybe_wait_bpf_programs).
  Result<void> switch_marks();
  // Marks in the open map whatever is written at this moment.
  Result<void> mark_under_way();
  Result<void> forget_closed();

  std::uint64_t words() const { return words_; }
  Result<std::uint64_t> count_open();
  // Whether any of these blocks is marked in the open map.
  Result<bool> is_marked(BlockRun blocks);
  Result<std::uint64_t> count_under_way();
  // What is marked in the maps that are not open, as one word a call of `see`.
  template <class See>
  Result<void> each_closed_word(const See& see) {
    const std::size_t open = TRY(open_index());
    const auto a = marks((open + 1) % track_maps_of_marks);
    const auto b = marks((open + 2) % track_maps_of_marks);
    for (std::size_t i = 0; i < words_; ++i) see(i, a[i] | b[i]);
    return {};
  }

 private:
  TrackMaps() = default;
  Result<std::size_t> open_index() const;
  Result<std::size_t> empty_index();
  std::span<std::uint64_t> marks(std::size_t index) {
    return {static_cast<std::uint64_t*>(marks_memory_[index].address()), words_};
  }
  std::span<track_bucket> buckets() {
    return {static_cast<track_bucket*>(under_way_memory_.address()), track_buckets};
  }

  std::uint64_t words_ = 0;
  std::array<UniqueFd, track_maps_of_marks> marks_;
  std::array<std::uint32_t, track_maps_of_marks> ids_{};
  UniqueFd open_marks_;
  std::uint32_t control_id_ = 0;
  std::array<SharedMemory, track_maps_of_marks> marks_memory_;
  SharedMemory under_way_memory_;
  SharedMemory control_memory_;
};

}  // namespace ebb

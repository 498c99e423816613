// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/track/track_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <bpf_skeleton/track.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <memory>

#include "devmap/core/unique_fd.h"
#include "devmap/source/track/track_maps.h"

namespace ebb {

namespace {

constexpr const char* queue_name = "link_queue";
constexpr const char* remap_name = "link_remap";
constexpr const char* split_name = "link_split";
constexpr const char* bio_complete_name = "link_bio_complete";
constexpr const char* rq_complete_name = "link_rq_complete";
constexpr unsigned kernel_sector_shift = 9;  // The block layer counts in 512 bytes.

struct DestroySkeleton {
  void operator()(ebb_track* skeleton) const { ebb_track__destroy(skeleton); }
};
using Skeleton = std::unique_ptr<ebb_track, DestroySkeleton>;

// libbpf tells its reasons through one function for the whole process, as text. While one of these
// lives they are kept instead of printed: the end of them, where the reason is.
class LibbpfWords {
 public:
  LibbpfWords() : before_(::libbpf_set_print(keep)) { words().clear(); }
  ~LibbpfWords() { ::libbpf_set_print(before_); }
  LibbpfWords(const LibbpfWords&) = delete;
  LibbpfWords& operator=(const LibbpfWords&) = delete;
  Error error(int number, const char* what) const {
    return Error::from_errno(number).during("{} ({})", what, words());
  }

 private:
  static std::string& words() {
    thread_local std::string text;
    return text;
  }
  static int keep(libbpf_print_level level, const char* format, va_list arguments) {
    if (level == LIBBPF_DEBUG) return 0;
    std::array<char, 512> line{};
    const int length = std::vsnprintf(line.data(), line.size(), format, arguments);
    std::string& text = words();
    text += line.data();
    while (!text.empty() && text.back() == '\n') text.pop_back();
    text += "; ";
    if (text.size() > most_words) text.erase(0, text.size() - most_words);
    return length;
  }
  static constexpr std::size_t most_words = 600;
  libbpf_print_fn_t before_;
};

Result<void> pin(int fd, const std::string& folder, const char* name) {
  const std::string path = folder + "/" + name;
  if (::bpf_obj_pin(fd, path.c_str()) != 0) {
    return fail(Error::from_errno(errno).during("pinning {}", path));
  }
  return {};
}

Result<UniqueFd> make_marks(const char* name, std::uint64_t words) {
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  options.map_flags = BPF_F_MMAPABLE;
  UniqueFd fd(::bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(std::uint32_t),
                               sizeof(std::uint64_t), static_cast<std::uint32_t>(words), &options));
  if (!fd.is_open()) {
    return fail(Error::from_errno(errno).during("making a map of {} bytes", words * 8));
  }
  return fd;
}

void say_what_to_track(ebb_track& skeleton, const TrackedDevice& device, BlockSize block) {
  skeleton.rodata->disk_sequence = device.disk_sequence;
  skeleton.rodata->first_sector = device.on_disk.value() >> kernel_sector_shift;
  skeleton.rodata->end_sector = (device.on_disk + device.size).value() >> kernel_sector_shift;
  skeleton.rodata->by_requests = device.by_requests ? 1 : 0;
  skeleton.rodata->sector_shift = block.shift() - kernel_sector_shift;
}

Result<UniqueFd> open_link(const std::string& path) {
  UniqueFd fd(::bpf_obj_get(path.c_str()));
  if (fd.is_open()) return fd;
  if (errno == ENOENT) return fail(Error::absent("the tracker was detached: {} is gone", path));
  return fail(Error::from_errno(errno).during("opening {}", path));
}

// How many runs of the program behind a pinned link were left out.
Result<std::uint64_t> missed_of(const std::string& path) {
  const UniqueFd link = TRY(open_link(path));
  bpf_link_info link_info{};
  __u32 length = sizeof link_info;
  if (::bpf_obj_get_info_by_fd(link.get(), &link_info, &length) != 0) {
    return fail(Error::from_errno(errno).during("asking about {}", path));
  }
  const UniqueFd program(::bpf_prog_get_fd_by_id(link_info.prog_id));
  bpf_prog_info info{};
  length = sizeof info;
  if (!program.is_open() || ::bpf_obj_get_info_by_fd(program.get(), &info, &length) != 0) {
    return fail(Error::from_errno(errno).during("asking about the program of {}", path));
  }
  return info.recursion_misses;
}

}  // namespace

Result<void> attach_track_programs(const TrackedDevice& device, BlockSize block,
                                   const std::string& folder,
                                   const std::function<Result<void>()>& prepare) {
  const LibbpfWords words;
  const std::uint64_t blocks = BlockGrid(device.size, block).count().value();
  std::array<UniqueFd, track_maps_of_marks> marks;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    marks[i] = TRY(make_marks(TrackMaps::marks_names[i], (blocks + 63) / 64));
    TRY(pin(marks[i].get(), folder, TrackMaps::marks_names[i]));
  }
  const Skeleton skeleton(ebb_track__open());
  if (!skeleton) return fail(words.error(errno, "opening the tracker's programs"));
  if (::bpf_map__set_inner_map_fd(skeleton->maps.open_marks, marks[0].get()) != 0) {
    return fail(words.error(errno, "preparing the tracker's programs"));
  }
  say_what_to_track(*skeleton, device, block);
  if (ebb_track__load(skeleton.get()) != 0) {
    return fail(words.error(errno, "loading the tracker's programs into the kernel"));
  }
  const int open_marks = ::bpf_map__fd(skeleton->maps.open_marks);
  const std::uint32_t only = 0;
  const int first = marks[0].get();
  if (::bpf_map_update_elem(open_marks, &only, &first, BPF_ANY) != 0) {
    return fail(words.error(errno, "opening the tracker's first epoch"));
  }
  TRY(pin(open_marks, folder, TrackMaps::open_marks_name));
  TRY(pin(::bpf_map__fd(skeleton->maps.under_way), folder, TrackMaps::under_way_name));
  TRY(pin(::bpf_map__fd(skeleton->maps.control), folder, TrackMaps::control_name));
  TRY(prepare());
  // The end of writes last, so that no write is seen to end before it could be seen to begin.
  if (ebb_track__attach(skeleton.get()) != 0) {
    return fail(words.error(errno, "attaching the tracker's programs"));
  }
  TRY(pin(::bpf_link__fd(skeleton->links.track_queue), folder, queue_name));
  TRY(pin(::bpf_link__fd(skeleton->links.track_remap), folder, remap_name));
  TRY(pin(::bpf_link__fd(skeleton->links.track_split), folder, split_name));
  TRY(pin(::bpf_link__fd(skeleton->links.track_bio_complete), folder, bio_complete_name));
  return pin(::bpf_link__fd(skeleton->links.track_rq_complete), folder, rq_complete_name);
}

Result<MissedRuns> missed_runs(const std::string& folder) {
  MissedRuns missed;
  missed.begins = TRY(missed_of(folder + "/" + queue_name));
  missed.begins += TRY(missed_of(folder + "/" + remap_name));
  missed.begins += TRY(missed_of(folder + "/" + split_name));
  missed.ends = TRY(missed_of(folder + "/" + bio_complete_name));
  missed.ends += TRY(missed_of(folder + "/" + rq_complete_name));
  return missed;
}

}  // namespace ebb

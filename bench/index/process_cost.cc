// SPDX-License-Identifier: Apache-2.0
#include "bench/index/process_cost.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "devmap/core/clock.h"
#include "devmap/core/unique_fd.h"

namespace ebb::bench {

namespace {

namespace fs = std::filesystem;

// The number behind `name` in a file of lines "Name: number ...".
std::uint64_t number_in(const char* path, const std::string& name) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    std::uint64_t number = 0;
    if (word == name && file >> number) return number;
  }
  return 0;
}

template <class F>
void for_each_file(const std::string& folder, const F& visit) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const UniqueFd fd(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.is_open() && entry.is_regular_file(error)) visit(fd.get());
  }
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

ProcessCost ProcessCost::now() {
  constexpr const char* status = "/proc/self/status";
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  ProcessCost cost;
  cost.seconds = system_clock().steady_seconds();
  cost.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  cost.written = ByteCount(number_in("/proc/self/io", "wchar:"));
  cost.anonymous = 1_KiB * number_in(status, "RssAnon:");
  cost.unused = ByteCount(::mallinfo2().fordblks);
  cost.mapped = 1_KiB * number_in(status, "RssFile:");
  cost.peak = 1_KiB * number_in(status, "VmHWM:");
  return cost;
}

std::string mib_text(ByteCount bytes) {
  return fmt::format("{:.1f}MiB", static_cast<double>(bytes.value()) / 1048576.0);
}

std::string memory_text(const ProcessCost& cost) {
  return fmt::format("anonymous={} unused={} mapped={} peak={}", mib_text(cost.anonymous),
                     mib_text(cost.unused), mib_text(cost.mapped), mib_text(cost.peak));
}

ByteCount size_on_disk(const std::string& folder) {
  ByteCount sum;
  for_each_file(folder, [&](int fd) {
    struct stat status {};
    constexpr std::uint64_t unit = 512;  // Of st_blocks.
    if (::fstat(fd, &status) == 0)
      sum += ByteCount(static_cast<std::uint64_t>(status.st_blocks) * unit);
  });
  return sum;
}

void drop_from_cache(const std::string& folder) {
  for_each_file(folder, [](int fd) {
    ::fdatasync(fd);  // What is dirty is not dropped.
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  });
}

void read_into_cache(const std::string& folder) {
  std::vector<std::byte> room(1 << 20);
  for_each_file(folder, [&](int fd) {
    while (::read(fd, room.data(), room.size()) > 0) {
    }
  });
}

}  // namespace ebb::bench

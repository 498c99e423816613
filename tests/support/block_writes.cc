// SPDX-License-Identifier: Apache-2.0
#include "tests/support/block_writes.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "devmap/core/unique_fd.h"

namespace ebb::test {

namespace {

constexpr std::size_t page = 4096;
using Room = std::unique_ptr<void, void (*)(void*)>;

void must(bool done, const char* what) {
  if (done) return;
  std::perror(what);
  std::abort();
}

// EIO is how the kernel says that a direct write met dirty pages of another writer's (it "failed to
// invalidate the page cache"). The pages are written all the same, which is all that is wanted
// here.
void must_sync(int returned, const char* what) {
  must(returned == 0 || errno == EIO, what);
}

UniqueFd open_device(const std::string& device, int flags) {
  UniqueFd fd(::open(device.c_str(), flags | O_CLOEXEC));
  must(fd.is_open(), device.c_str());
  return fd;
}

Room room_for(ByteCount size) {
  const std::size_t bytes = round_up(size.value(), page);
  Room room(std::aligned_alloc(page, bytes), std::free);
  must(room != nullptr, "memory");
  return room;
}

void write_from(int fd, ByteRun run, const void* bytes) {
  const ssize_t n = ::pwrite(fd, bytes, run.length().size(), static_cast<off_t>(run.begin.value()));
  must(n == static_cast<ssize_t>(run.length().value()), "pwrite");
}

Room filled(ByteRun run, unsigned char fill) {
  Room room = room_for(run.length());
  std::memset(room.get(), fill, run.length().size());
  return room;
}

// A number and the place at the head of each sector.
void stamp(void* bytes, ByteRun run, std::uint64_t number) {
  for (std::size_t at = 0; at + 16 <= run.length().size(); at += 512) {
    const std::uint64_t place = run.begin.value() + at;
    std::memcpy(static_cast<char*>(bytes) + at, &number, sizeof number);
    std::memcpy(static_cast<char*>(bytes) + at + 8, &place, sizeof place);
  }
}

void give_range(const std::string& device, ByteRun run, unsigned long request, const char* what) {
  const UniqueFd fd = open_device(device, O_RDWR);
  std::array<std::uint64_t, 2> range = {run.begin.value(), run.length().value()};
  must(::ioctl(fd.get(), request, range.data()) == 0, what);
}

void store_mapped(const std::string& device, ByteRun run, const void* bytes) {
  const UniqueFd fd = open_device(device, O_RDWR);
  const std::uint64_t begin = round_down(run.begin.value(), page);
  const std::size_t length = run.end.value() - begin;
  void* memory = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(),
                        static_cast<off_t>(begin));
  must(memory != MAP_FAILED, "mmap");
  std::memcpy(static_cast<char*>(memory) + (run.begin.value() - begin), bytes, run.length().size());
  must_sync(::msync(memory, length, MS_SYNC), "msync");
  ::munmap(memory, length);
}

}  // namespace

void write_direct(const std::string& device, ByteRun run, unsigned char fill) {
  write_from(open_device(device, O_RDWR | O_DIRECT).get(), run, filled(run, fill).get());
}

void write_buffered(const std::string& device, ByteRun run, unsigned char fill) {
  const UniqueFd fd = open_device(device, O_RDWR);
  write_from(fd.get(), run, filled(run, fill).get());
  must_sync(::fsync(fd.get()), "fsync");
}

void write_mapped(const std::string& device, ByteRun run, unsigned char fill) {
  store_mapped(device, run, filled(run, fill).get());
}

void discard(const std::string& device, ByteRun run) {
  give_range(device, run, BLKDISCARD, "BLKDISCARD");
}

void write_zeroes(const std::string& device, ByteRun run) {
  give_range(device, run, BLKZEROOUT, "BLKZEROOUT");
}

void punch_hole(const std::string& device, ByteRun run) {
  const UniqueFd fd = open_device(device, O_RDWR);
  must(::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                   static_cast<off_t>(run.begin.value()),
                   static_cast<off_t>(run.length().value())) == 0,
       "punching a hole");
}

void settle(const std::string& device) {
  must_sync(::fsync(open_device(device, O_RDWR).get()), "fsync");
}

void disturb(const std::string& device, ByteCount size, Random& random) {
  constexpr std::uint64_t most_pages = 128;
  const std::uint64_t pages = 1 + random.below(random.below(4) == 0 ? most_pages : 8);
  const std::uint64_t first = random.below(size.value() / page - pages + 1);
  const ByteRun run = ByteRun::of(ByteIndex(first * page), ByteCount(pages * page));
  // What need not lie on pages is cut to odd sectors, and to odd bytes.
  const std::uint64_t cut = random.below(2) == 0 ? 512 : 1 + random.below(page - 1);
  const ByteRun odd{run.begin + ByteCount(cut), run.end};
  const Room room = room_for(run.length());
  stamp(room.get(), run, random.next_u64());
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2: return write_from(open_device(device, O_RDWR | O_DIRECT).get(), run, room.get());
    case 3: {
      const UniqueFd fd = open_device(device, O_RDWR);
      write_from(fd.get(), odd, room.get());
      if (random.below(2) == 0) must_sync(::fsync(fd.get()), "fsync");
      return;
    }
    case 4: return store_mapped(device, odd, room.get());
    case 5: return discard(device, run);
    case 6: return write_zeroes(device, run);
    default: return punch_hole(device, run);
  }
}

}  // namespace ebb::test

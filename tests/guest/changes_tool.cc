// SPDX-License-Identifier: Apache-2.0
// changes_tool - what the tests in the guest ask of devmap/source, and the oracle that they hold it
// to.
//
//   thick SNAPSHOT             where its origin changed, as lines "BEGIN LENGTH" in bytes
//   thin BEFORE AFTER NOTES    the same for two snapshots of a thin volume, both active
//   hold POOL NOTES            holds the pool's metadata snapshot until it is killed
//   churn DEVICE SEED TIMES    writes, discards and zeroes here and there; 0: until the end
//   missed BEFORE NOW CHANGES  which sectors differ and are not in the lines of the file CHANGES
//
// A refusal is one line "KIND: TEXT" and exit code 1; missed changes are named, with exit code 3.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "devmap/source/thick_snapshot.h"
#include "devmap/source/thin_delta.h"
#include "tests/support/image_file.h"
#include "tests/support/stamped_device.h"

namespace {

using namespace ebb;
using Words = std::vector<std::string>;

constexpr int missed_some = 3;

dev_t number_of(const std::string& path) {
  struct stat status {};
  EBB_CHECK(::stat(path.c_str(), &status) == 0, path);
  return status.st_rdev;
}

ByteCount size_of(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return size_of_fd(fd.get()).value();
}

void print(ByteRun run) {
  std::printf("%llu %llu\n", static_cast<unsigned long long>(run.begin.value()),
              static_cast<unsigned long long>(run.length().value()));
}

Result<int> thick(const Words& words) {
  const auto snapshot = TRY(ThickSnapshot::open(words.at(0), kernel_device_mapper()));
  while (const auto run = TRY(snapshot->next())) print(*run);
  return 0;
}

Result<int> thin(const Words& words) {
  DeviceMapper& mapper = kernel_device_mapper();
  const auto before = TRY(ThinDevice::of(TRY(mapper.table(number_of(words.at(0))))));
  const auto after = TRY(ThinDevice::of(TRY(mapper.table(number_of(words.at(1))))));
  EBB_CHECK(before.pool == after.pool, "two of one pool");
  const auto delta =
      TRY(ThinDelta::start({after.pool, before.id, after.id, after.size}, words.at(2), mapper));
  while (const auto run = TRY(delta->next())) print(run->bytes);
  return 0;
}

Result<int> hold(const Words& words) {
  const auto held = TRY(MetadataHold::take(thin_pool_target, number_of(words.at(0)), words.at(1),
                                           kernel_device_mapper()));
  std::puts("holding");
  std::fflush(stdout);
  while (true) ::pause();
}

// One write past the page cache, of noise.
void write_direct(const std::string& path, Random& random, ByteRun where) {
  static std::byte* const room = static_cast<std::byte*>(std::aligned_alloc(4096, 1 << 20));
  const std::size_t length = std::min<std::size_t>(where.length().size(), 1 << 20);
  random.fill(MutableBytes(room, length));
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC));
  EBB_CHECK(::pwrite(fd.get(), room, length, static_cast<off_t>(where.begin.value())) ==
                static_cast<ssize_t>(length),
            "a direct write");
}

void erase(const std::string& path, ByteRun where, unsigned long request) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  std::uint64_t range[2] = {where.begin.value(), where.length().value()};
  // Not every target takes discards.
  if (::ioctl(fd.get(), request, range) != 0) EBB_CHECK(errno == EOPNOTSUPP, "erasing");
}

Result<int> churn(const Words& words) {
  const std::string& path = words.at(0);
  const std::uint64_t seed = std::strtoull(words.at(1).c_str(), nullptr, 10);
  const std::uint64_t times = std::strtoull(words.at(2).c_str(), nullptr, 10);
  const auto random = seeded_random(seed);
  const ByteCount size = size_of(path);
  test::StampedDevice device(path, size, seed);
  for (std::uint64_t i = 0; times == 0 || i < times; ++i) {
    const std::uint64_t granules = size.value() / 4096;
    const std::uint64_t first = random->below(granules);
    const std::uint64_t count = 1 + random->below(std::min<std::uint64_t>(granules - first, 256));
    const ByteRun where = ByteRun::of(ByteIndex(first * 4096), ByteCount(count * 4096));
    switch (random->below(8)) {
      case 0: erase(path, where, BLKDISCARD); break;
      case 1: erase(path, where, BLKZEROOUT); break;
      case 2:
      case 3: write_direct(path, *random, where); break;
      case 4: ::sync(); break;
      default: device.change(*random, 1);
    }
  }
  ::sync();
  return 0;
}

Result<int> missed(const Words& words) {
  constexpr std::size_t sector = 512;
  constexpr std::size_t step = 1 << 20;
  const ByteCount size = size_of(words.at(0));
  EBB_CHECK(size == size_of(words.at(1)), "both are of one size");
  std::vector<bool> said(size.size() / sector);
  std::ifstream lines(words.at(2));
  for (std::uint64_t begin = 0, length = 0; lines >> begin >> length;) {
    for (std::uint64_t at = begin / sector; at < (begin + length + sector - 1) / sector; ++at) {
      said.at(at) = true;
    }
  }
  EBB_CHECK(lines.eof(), "lines of two numbers");
  std::uint64_t changed = 0;
  std::uint64_t lost = 0;
  for (std::size_t begin = 0; begin < size.size(); begin += step) {
    const ByteCount length(std::min(step, size.size() - begin));
    const ByteVector before = test::read_at(words[0], ByteIndex(begin), length);
    const ByteVector now = test::read_at(words[1], ByteIndex(begin), length);
    for (std::size_t at = 0; at < length.size(); at += sector) {
      if (same_bytes(Bytes(before).subspan(at, sector), Bytes(now).subspan(at, sector))) continue;
      ++changed;
      if (said[(begin + at) / sector]) continue;
      if (lost++ < 10)
        std::printf("sector %zu changed and was not reported\n", (begin + at) / sector);
    }
  }
  const auto reported = std::count(said.begin(), said.end(), true);
  std::printf("changed=%llu reported=%lld missed=%llu\n", static_cast<unsigned long long>(changed),
              static_cast<long long>(reported), static_cast<unsigned long long>(lost));
  return lost == 0 ? 0 : missed_some;
}

Result<int> run(const std::string& verb, const Words& words) {
  if (verb == "thick") return thick(words);
  if (verb == "thin") return thin(words);
  if (verb == "hold") return hold(words);
  if (verb == "churn") return churn(words);
  if (verb == "missed") return missed(words);
  return fail(Error::invalid("what is {}?", verb));
}

}  // namespace

int main(int argc, char** argv) {
  const Words words(argv + 1, argv + argc);
  if (words.empty()) return 2;
  const auto code = run(words[0], Words(words.begin() + 1, words.end()));
  if (code) return *code;
  std::printf("%s: %s\n", std::string(name_of(code.error().kind())).c_str(),
              code.error().text().c_str());
  return 1;
}

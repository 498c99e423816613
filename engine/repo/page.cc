// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/page.h"

#include <algorithm>

#include "devmap/core/endian.h"

namespace ebb {

namespace {

struct PageHeaderOnDisk {
  std::array<char, 4> magic;
  std::uint8_t kind;
  std::uint8_t level;
  Le16 entries;    // Those that follow; the rest are zero.
  Le16 overrides;  // Those that follow the entries.
  std::array<std::uint8_t, 6> reserved;
};
static_assert(sizeof(PageHeaderOnDisk) == 16 && alignof(PageHeaderOnDisk) == 1);
constexpr std::array<char, 4> page_magic{'E', 'B', 'B', 'M'};

struct OverrideOnDisk {
  Le16 position;
  std::array<std::byte, 32> fingerprint;
};
static_assert(sizeof(OverrideOnDisk) == 34 && alignof(OverrideOnDisk) == 1);

}  // namespace

bool Page::is_zero() const {
  return overrides.empty() &&
         std::ranges::all_of(entries, [](const auto& entry) { return all_zero(entry); });
}

ByteVector pack_page(const Page& page) {
  std::uint64_t used = page_fan_out;
  while (used > 0 && all_zero(page.entries[used - 1])) --used;
  EBB_CHECK(page.overrides.size() <= max_overrides, "too many overrides in a segment");
  const PageHeaderOnDisk header{page_magic,
                                static_cast<std::uint8_t>(page.kind),
                                page.level,
                                Le16(static_cast<std::uint16_t>(used)),
                                Le16(static_cast<std::uint16_t>(page.overrides.size())),
                                {}};
  ByteVector bytes;
  bytes.reserve(sizeof header + 32 * used + sizeof(OverrideOnDisk) * page.overrides.size());
  append(bytes, bytes_of_struct(header));
  for (std::uint64_t i = 0; i < used; ++i) append(bytes, page.entries[i]);
  for (const Override& o : page.overrides) {
    append(bytes, bytes_of_struct(OverrideOnDisk{Le16(o.position), o.fingerprint.bytes}));
  }
  return bytes;
}

PageDigest digest_of_page(Bytes bytes) {
  return {sha256(bytes).bytes};
}

Result<Page> unpack_page(const PageDigest& digest, Bytes bytes) {
  if (digest_of_page(bytes) != digest) {
    return fail(Error::damaged("map page {} is not what its name says", digest.hex()));
  }
  const auto senseless = [&] {
    return fail(Error::damaged("map page {} makes no sense", digest.hex()));
  };
  PageHeaderOnDisk header;
  if (bytes.size() < sizeof header) return senseless();
  std::memcpy(&header, bytes.data(), sizeof header);
  const std::size_t entries = header.entries.value();
  const std::size_t overrides = header.overrides.value();
  const bool known = header.kind >= 1 && header.kind <= 3 &&
                     all_zero(std::as_bytes(std::span(header.reserved))) &&
                     (header.level == 0) == (header.kind != static_cast<int>(PageKind::node));
  if (header.magic != page_magic || !known || entries > page_fan_out || overrides > max_overrides ||
      (overrides > 0 && header.kind != static_cast<int>(PageKind::segment)) ||
      bytes.size() != sizeof header + 32 * entries + sizeof(OverrideOnDisk) * overrides) {
    return senseless();
  }
  Page page;
  page.kind = static_cast<PageKind>(header.kind);
  page.level = header.level;
  const std::byte* at = bytes.data() + sizeof header;
  for (std::size_t i = 0; i < entries; ++i, at += 32) std::memcpy(page.entries[i].data(), at, 32);
  int before = -1;
  for (std::size_t i = 0; i < overrides; ++i, at += sizeof(OverrideOnDisk)) {
    OverrideOnDisk disk;
    std::memcpy(&disk, at, sizeof disk);
    const int position = disk.position.value();
    if (position <= before || position >= static_cast<int>(blocks_in_segment)) return senseless();
    page.overrides.push_back({disk.position.value(), Fingerprint{disk.fingerprint}});
    before = position;
  }
  return page;
}

unsigned node_levels(BlockCount blocks) {
  unsigned levels = 0;
  for (std::uint64_t n = segment_count(blocks); n > 1; n = (n + page_fan_out - 1) / page_fan_out) {
    ++levels;
  }
  return levels;
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "devmap/content.h"

#include <blkid/blkid.h>

#include <memory>

namespace ebb {

namespace {

constexpr int ambivalent = -2;  // More than one thing is recognised.

std::string value_of(blkid_probe probe, const char* name) {
  const char* data = nullptr;
  std::size_t length = 0;
  if (::blkid_probe_lookup_value(probe, name, &data, &length) != 0 || data == nullptr) return "";
  std::string value(data, length);
  return value.substr(0, value.find('\0'));
}

}  // namespace

Content content_of(int fd, ByteCount logical_sector) {
  return content_of_part(fd, {}, logical_sector);  // A size of 0: all of it.
}

Content content_of_part(int fd, ByteRun part, ByteCount logical_sector) {
  Content content;
  const std::unique_ptr<blkid_struct_probe, void (*)(blkid_probe)> probe(::blkid_new_probe(),
                                                                         ::blkid_free_probe);
  if (!probe ||
      ::blkid_probe_set_device(probe.get(), fd, static_cast<blkid_loff_t>(part.begin.value()),
                               static_cast<blkid_loff_t>(part.length().value())) != 0) {
    content.note = "the content could not be probed";
    return content;
  }
  ::blkid_probe_set_sectorsize(probe.get(), static_cast<unsigned>(logical_sector.value()));
  ::blkid_probe_enable_superblocks(probe.get(), 1);
  ::blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID |
                                                       BLKID_SUBLKS_TYPE | BLKID_SUBLKS_VERSION);
  const int found = ::blkid_do_safeprobe(probe.get());
  if (found == ambivalent) content.note = "the content is ambivalent: signatures of several kinds";
  if (found == -1) content.note = "the content could not be read";
  if (found != 0) return content;
  content.type = value_of(probe.get(), "TYPE");
  content.uuid = value_of(probe.get(), "UUID");
  content.label = value_of(probe.get(), "LABEL");
  content.version = value_of(probe.get(), "VERSION");
  return content;
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "devmap/passport.h"

#include <algorithm>

namespace ebb {

namespace {

// Serial numbers come padded and with blanks inside; identity takes them as one word.
std::string as_word(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c <= ' '; }, '_');
  return text;
}

std::string disk_identity(const Passport& passport) {
  if (!passport.wwn.empty()) return "wwn=" + as_word(passport.wwn);
  if (!passport.serial.empty()) {
    return "serial=" + as_word(passport.vendor) + ":" + as_word(passport.model) + ":" +
           as_word(passport.serial);
  }
  return "";
}

std::string file_identity(const Passport& passport) {
  std::string text = "file=" + passport.host + ":" + passport.backing_file;
  if (!passport.backing_offset.none()) text += fmt::format("@{}", passport.backing_offset.value());
  return text;
}

std::string whole_identity(const Passport& passport) {
  if (!passport.dm_uuid.empty()) return "dm-uuid=" + as_word(passport.dm_uuid);
  if (!passport.md_uuid.empty()) return "md-uuid=" + as_word(passport.md_uuid);
  if (!passport.dm_name.empty()) return "dm-name=" + passport.host + ":" + passport.dm_name;
  if (!passport.backing_file.empty()) return file_identity(passport);
  return disk_identity(passport);
}

}  // namespace

std::string identity_text(const Passport& passport) {
  const std::string whole = whole_identity(passport);
  if (passport.partition_number == 0) return whole;
  // A cloned disk has the same partition UUIDs, so the disk belongs to the identity.
  std::string part = passport.partition_uuid.empty()
                         ? fmt::format("partition={}", passport.partition_number)
                         : "partuuid=" + as_word(passport.partition_uuid);
  if (!whole.empty()) return part + " on " + whole;
  return passport.partition_uuid.empty() ? "" : part;
}

}  // namespace ebb

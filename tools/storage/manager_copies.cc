// SPDX-License-Identifier: Apache-2.0
#include "tools/storage/manager_copies.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "tools/common/private_file.h"

namespace ebb {

namespace fs = std::filesystem;

namespace {

constexpr const char* ending = ".copy";
constexpr std::size_t newest_kept = 3;
constexpr std::size_t days_kept = 14;
constexpr std::size_t day_length = 10;  // "2026-11-28"

// The newest first. Names sort as their times do.
std::vector<std::string> copies_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ending) names.push_back(at->path().filename());
  }
  std::ranges::sort(names, std::greater<>());
  return names;
}

// What a crash left of one that was being written.
void remove_unfinished(const std::string& folder) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (at->path().extension() == unfinished_ending) fs::remove(at->path(), ignored);
  }
}

std::string name_at(WallTime time) {
  std::string text = time.text();
  std::ranges::replace(text, ':', '-');
  return text + ending;
}

// A clock that was put back must not make the newest copy look old.
std::string name_after(const std::string& newest, WallTime now) {
  std::string name = name_at(now);
  for (std::int64_t later = 1; name <= newest && later < 1'000'000'000; later *= 2) {
    name = name_at({now.nanoseconds + later * 1'000'000'000});
  }
  return name;
}

}  // namespace

std::optional<control::CopyDigest> ManagerCopies::newest() const {
  if (folder_.empty()) return std::nullopt;
  const std::vector<std::string> names = copies_in(folder_);
  if (names.empty()) return std::nullopt;
  return control::digest_of_copy(bytes_of(read_privately(folder_ + "/" + names.front())));
}

Result<void> ManagerCopies::keep(Bytes copy, WallTime now) const {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) return fail(Error::from_errno(error.value()).during("making {}", folder_));
  remove_unfinished(folder_);
  const std::vector<std::string> before = copies_in(folder_);
  TRY(write_privately(folder_ + "/" + name_after(before.empty() ? "" : before.front(), now), copy));
  std::set<std::string> days;
  std::size_t at = 0;
  for (const std::string& name : copies_in(folder_)) {
    const bool is_first_of_day = days.insert(name.substr(0, day_length)).second;
    const bool stays = at++ < newest_kept || (is_first_of_day && days.size() <= days_kept);
    if (!stays) fs::remove(folder_ + "/" + name, error);
  }
  return {};
}

}  // namespace ebb

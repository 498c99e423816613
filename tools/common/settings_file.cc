// SPDX-License-Identifier: Apache-2.0
#include "tools/common/settings_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "devmap/core/unique_fd.h"
#include "tools/common/nearest_word.h"
#include "tools/common/program.h"

namespace ebb {

namespace {

Result<std::string> read_text(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return fail(Error::from_errno(errno));
  std::string text;
  std::array<char, 16384> part;
  while (text.size() <= max_config_bytes) {
    const ssize_t got = ::read(fd.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Error::from_errno(errno));
    if (got == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return fail(Error::invalid("it is longer than {} bytes", max_config_bytes));
}

// Which options there are, and what the text says of them.
class Reading {
 public:
  explicit Reading(std::span<CLI::Option* const> options) {
    for (CLI::Option* option : options) {
      options_[option->get_lnames().front()] = option;
      keys_.push_back(option->get_lnames().front());
    }
  }

  void take(const TomlEntry& entry) {
    const auto found = options_.find(entry.key);
    if (found == options_.end()) {
      complaints_.push_back(
          {entry.place, fmt::format("there is no key \"{}\"; did you mean \"{}\"?", entry.key,
                                    nearest_word(entry.key, keys_))});
      return;
    }
    FileSetting setting;
    setting.place = entry.place;
    std::vector<TextComplaint> wrong;
    for (const PlacedText& text : texts_of(entry.value, *found->second, wrong)) {
      const std::string why = why_not_taken(*found->second, {text.text});
      if (!why.empty()) wrong.push_back({text.place, why});
      setting.texts.push_back(text.text);
    }
    for (const TextComplaint& complaint : wrong) {
      complaints_.push_back({complaint.place, entry.key + ": " + complaint.what});
    }
    settings_.emplace(entry.key, std::move(setting));
  }

  void finish(SettingsFile& file) {
    std::ranges::stable_sort(complaints_, {}, &TextComplaint::place);
    for (const TextComplaint& complaint : complaints_) {
      file.complaints.push_back(fmt::format("{}:{}:{}: {}", file.path, complaint.place.line,
                                            complaint.place.column, complaint.what));
    }
    file.settings = std::move(settings_);
  }

  void refuse(TextComplaint complaint) { complaints_.push_back(std::move(complaint)); }

 private:
  std::map<std::string, CLI::Option*> options_;
  std::vector<std::string> keys_;
  std::map<std::string, FileSetting> settings_;
  std::vector<TextComplaint> complaints_;
};

}  // namespace

Result<SettingsFile> read_settings_file(const std::string& named, const std::string& file,
                                        std::span<CLI::Option* const> options,
                                        const Outside& outside) {
  SettingsFile read;
  read.path = named;
  if (named.empty()) {
    read.path =
        outside.environment("EBB_CONFIG_DIR").value_or(default_config_folder) + ("/" + file);
  }
  const auto text = read_text(read.path);
  if (!text && named.empty() && text.error().kind() == ErrorKind::absent) return read;
  if (!text) return fail(text.error().during("reading the configuration {}", read.path));
  read.is_there = true;
  Reading reading(options);
  if (const auto root = parse_toml(*text)) {
    for (const TomlEntry& entry : root->entries) reading.take(entry);
  } else {
    reading.refuse(root.error());
  }
  reading.finish(read);
  return read;
}

}  // namespace ebb

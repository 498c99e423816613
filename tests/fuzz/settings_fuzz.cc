// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration file: each setting is taken or refused, and what is refused has a
// place in the text.
#include "devmap/core/check.h"
#include "tools/common/program.h"
#include "tools/common/setting_kind.h"
#include "tools/common/time_option.h"

namespace {

using namespace ebb;

struct Options {
  Options() {
    app.add_option("--runs", runs)->check(CLI::Range(1, 64));
    app.add_flag("--hooks,!--no-hooks", hooks);
    add_time_option(app, "--poll", poll, "", {std::chrono::seconds(1), std::chrono::hours(1)});
    app.add_option("--room", room)->type_name(size_type);
    app.add_option("--word", words);
    app.add_option("--shelf", shelves)->type_name("NAME=PLACE");
  }
  CLI::App app;
  unsigned runs = 1;
  bool hooks = true;
  std::chrono::seconds poll{30};
  std::string room;
  std::vector<std::string> words;
  std::vector<std::string> shelves;
};

void try_every_option(Options& options, const TomlValue& value) {
  for (CLI::Option* option : options.app.get_options()) {
    if (option->get_lnames().front() == "help") continue;
    std::vector<TextComplaint> complaints;
    for (const PlacedText& text : texts_of(value, *option, complaints)) {
      EBB_CHECK(text.place.line > 0, "a value stands nowhere");
      (void)why_not_taken(*option, {text.text});
    }
    for (const TextComplaint& complaint : complaints) {
      EBB_CHECK(complaint.place.line > 0, "a complaint is about nothing");
    }
  }
  EBB_CHECK(options.runs >= 1 && options.runs <= 64, "a value out of range was taken");
  EBB_CHECK(options.poll.count() >= 1 && options.poll.count() <= 3600, "a time out of range");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Options options;
  const auto root = parse_toml({reinterpret_cast<const char*>(data), size});
  if (!root) {
    EBB_CHECK(!root.error().what.empty() && root.error().place.line > 0, "refused without a word");
    return 0;
  }
  for (const TomlEntry& entry : root->entries) {
    EBB_CHECK(entry.place.line > 0 && entry.place.column > 0, "a key stands nowhere");
    try_every_option(options, entry.value);
  }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// in_process.h - the whole program ebb in the test's own process, with an Outside of strings.
//
// A repository, a source key and images lie in a folder that goes with it; the environment is what
// the test says and nothing else, and the person at the terminal gives the answers in `answers`.
#pragma once

#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/image_file.h"
#include "tests/support/temporary_folder.h"
#include "tools/ebb/command.h"

namespace ebb::test {

// Every look at it is some seconds after the one before.
class SteppingClock final : public Clock {
 public:
  explicit SteppingClock(double step) : step_(step) {}
  WallTime wall() const override { return {1'795'000'000'000'000'000}; }
  double steady_seconds() const override {
    if (looks_left_ != 0 && --looks_left_ == 0) stop_->raise();
    return now_ += step_;
  }
  // A person presses Ctrl-C at the so-manieth look from now; 0: never.
  void stop_at_look(std::uint64_t look, StopFlag& stop) {
    looks_left_ = look;
    stop_ = &stop;
  }

 private:
  double step_;
  mutable double now_ = 0;
  mutable std::uint64_t looks_left_ = 0;
  StopFlag* stop_ = nullptr;
};

class InProcess {
 public:
  InProcess() {
    write_text(passphrase, "correct horse battery staple\n");
    environment = {{"EBB_REPO", repository},
                   {"EBB_CONFIG_DIR", folder / "no-configuration"},
                   {"EBB_PASSPHRASE_FILE", passphrase},
                   {"EBB_SOURCE_KEY", folder / "source.key"}};
  }

  ExitCode run(const std::vector<std::string>& arguments) {
    std::ostringstream out_stream;
    std::ostringstream err_stream;
    StopFlag stop;
    clock.stop_at_look(stop_at_look, stop);
    Outside outside{out_stream,
                    err_stream,
                    err_is_terminal,
                    clock,
                    system_random(),
                    stop,
                    [this](const std::string& name) -> std::optional<std::string> {
                      const auto found = environment.find(name);
                      if (found == environment.end()) return std::nullopt;
                      return found->second;
                    },
                    [this](const std::string& prompt) { return ask(prompt); }};
    code = run_ebb(arguments, outside);
    out = out_stream.str();
    err = err_stream.str();
    return code;
  }

  // Runs it with --json. The output must be one line of JSON: its value, or null.
  nlohmann::json json_of(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    run(arguments);
    if (out.empty() || out.find('\n') != out.size() - 1) return {};
    auto json = nlohmann::json::parse(out, nullptr, false);
    return json.is_discarded() ? nlohmann::json() : json;
  }

  // An image with some blocks of text in it.
  std::string image(const std::string& name, ByteCount size = 1_MiB) {
    make_image(folder / name, size);
    write_at(folder / name, ByteIndex(size.value() / 4),
             ByteVector(size.size() / 2, std::byte{'e'}));
    return folder / name;
  }

  const TemporaryFolder folder;
  const std::string repository = folder / "repository";
  const std::string passphrase = folder / "passphrase";
  std::map<std::string, std::string> environment;
  std::deque<std::string> answers;
  std::vector<std::string> prompts;
  SteppingClock clock{0.01};
  bool err_is_terminal = false;
  std::uint64_t stop_at_look = 0;  // At the clock; 0: nobody interrupts.
  std::string out;
  std::string err;
  ExitCode code = ExitCode::done;  // Of the last run.

 private:
  Result<SecretBuffer> ask(const std::string& prompt) {
    prompts.push_back(prompt);
    if (answers.empty()) return fail(Error::invalid("nobody is there to ask"));
    SecretBuffer secret(answers.front().size());
    std::ranges::copy(bytes_of(answers.front()), secret.room().begin());
    answers.pop_front();
    return secret;
  }
};

}  // namespace ebb::test

// SPDX-License-Identifier: Apache-2.0
#include "tests/support/parties.h"

#include <csignal>
#include <filesystem>
#include <thread>
#include <utility>

#include "tests/support/image_file.h"

namespace ebb::test {

namespace {

// What a server printed behind `key=`, when the line is whole; empty when it ended before.
std::string said_by(StartedProgram& server, const std::string& key) {
  for (;;) {
    const bool runs = server.runs();
    const std::string text = server.output();
    const std::size_t at = text.find(key + "=");
    if (at != std::string::npos && text.find('\n', at) != std::string::npos) {
      const std::size_t begin = at + key.size() + 1;
      return text.substr(begin, text.find_first_of(" \n", begin) - begin);
    }
    if (!runs) return "";
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace

std::string program_path(const std::string& name) {
  return std::filesystem::path(ebb_program_path()).parent_path() / name;
}

Parties::~Parties() {
  for (StartedProgram* server : {storage_.get(), manager_.get()}) {
    if (server == nullptr) continue;
    server->signal(SIGTERM);
    server->kill_after(std::chrono::minutes(2));
    EXPECT_EQ(server->exit_code(), 0) << server->errors();
  }
}

void Parties::make(const Words& sources) {
  const auto must = [](const EbbRun& run) { EXPECT_TRUE(run.ok()) << run; };
  must(manager({"init", folder_ / "manager", "--address", hosts_.address("manager")}));
  start_manager();
  must(enroll("storage", "ebb-storage", "store", {"--server-name", hosts_.address("store")}));
  must(enroll("operator", "ebb", "ann"));
  must(manager({"repository", "create", "main", "--storage", "store"}));
  for (const std::string& source : sources) {
    must(enroll("source", "ebb", source));
    must(manager({"repository", "allow", "main", "--host", source}));
  }
  start_storage();
  write_text(folder_ / "passphrase", "correct horse\n");
  must(ebb("ann", {"init", repository()}));
}

EbbRun Parties::manager(Words words) {
  words.insert(words.begin(), program_path("ebb-manager"));
  words.push_back("--json");
  return end_of(*hosts_.start("manager", words, {{"EBB_MANAGER_DIR", folder_ / "manager"}}));
}

std::unique_ptr<StartedProgram> Parties::start_ebb(const std::string& host, Words words,
                                                   const std::string& policy) {
  words.insert(words.begin(), program_path("ebb"));
  words.push_back("--json");
  return hosts_.start(host, words,
                      {{"EBB_STATE", folder_ / host},
                       {"EBB_POLICY", policy},
                       {"EBB_REPO", repository()},
                       {"EBB_PASSPHRASE_FILE", folder_ / "passphrase"},
                       {"EBB_SOURCE_KEY", folder_ / "source.key"}});
}

EbbRun Parties::ebb(const std::string& host, Words words, const std::string& policy) {
  return end_of(*start_ebb(host, std::move(words), policy));
}

std::unique_ptr<StartedProgram> Parties::start_agent(const std::string& host, const Words& more,
                                                     Settings settings) {
  Words words{program_path("ebb-agent"), "serve"};
  words.insert(words.end(), more.begin(), more.end());
  settings.merge(
      Settings{{"EBB_STATE", folder_ / host}, {"EBB_SOURCE_KEY", folder_ / "source.key"}});
  return hosts_.start(host, words, settings);
}

std::string Parties::token(const std::string& role) {
  return manager({"token", "create", "--role", role}).json["token"];
}

EbbRun Parties::enroll_with(const std::string& token, const std::string& program,
                            const std::string& host, const Words& more) {
  Words words{program_path(program),
              "enroll",
              hosts_.address("manager") + ":" + enrolment_port_,
              token,
              "--name",
              host,
              "--json"};
  words.insert(words.end(), more.begin(), more.end());
  return end_of(*hosts_.start(host, words, {{"EBB_STATE", folder_ / host}}));
}

// Servers come back at their ports. A port that the kernel gave could be somebody's by then: of a
// connection that was opened in the meantime, also of the one that looks for the server.
std::string Parties::some_port() {
  return std::to_string(20'000 + random_.below(10'000));
}

void Parties::start_manager() {
  const std::string address = hosts_.address("manager");
  const bool ran = !control_port_.empty();
  bool runs = false;
  for (int i = 0; i < 20 && !runs; ++i) {
    if (!ran) control_port_ = some_port();
    if (!ran) enrolment_port_ = some_port();
    manager_ = hosts_.start(
        "manager",
        {program_path("ebb-manager"), "serve", "--listen", address + ":" + control_port_,
         "--enroll-listen", address + ":" + enrolment_port_},
        {{"EBB_MANAGER_DIR", folder_ / "manager"}});
    runs = !said_by(*manager_, "enrolment").empty();
  }
  EXPECT_TRUE(runs) << manager_->errors();
}

void Parties::kill_manager() {
  manager_->signal(SIGKILL);
  manager_->exit_code();
  manager_.reset();
}

void Parties::start_storage(const Words& more) {
  const std::string before = std::exchange(storage_port_, "");
  for (int i = 0; i < 20 && storage_port_.empty(); ++i) {
    const std::string port = before.empty() ? some_port() : before;
    const std::string at = hosts_.address("store") + ":" + port;
    Words words{program_path("ebb-storage"),
                "serve",
                "--repository",
                "main=" + repository_folder(),
                "--listen",
                at,
                "--address",
                at,
                "--poll",
                "1"};
    words.insert(words.end(), more.begin(), more.end());
    storage_ = hosts_.start("store", words, {{"EBB_STATE", folder_ / "store"}});
    storage_port_ = said_by(*storage_, "port");
  }
  EXPECT_NE(storage_port_, "") << storage_->errors();
}

void Parties::stop_storage() {
  storage_->signal(SIGTERM);
  EXPECT_EQ(storage_->exit_code(), 0) << storage_->errors();
  storage_.reset();
}

std::string Parties::repository() const {
  return fmt::format("ebb://{}:{}/main", hosts_.address("store"), storage_port_);
}

}  // namespace ebb::test

// SPDX-License-Identifier: Apache-2.0
// Writes tickets, without their signatures, for ticket_fuzz into the folder given.
#include <filesystem>

#include "tests/support/image_file.h"
#include "wire/control/ticket.h"

int main(int argc, char** argv) {
  using namespace ebb;
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  std::filesystem::create_directories(folder);
  const auto put = [&](const std::string& name, const Ticket& ticket) {
    const ByteVector bytes = sign_ticket(ticket, {});
    test::write_text(folder + "/" + name,
                     std::string(text_of(Bytes(bytes).first(bytes.size() - 64))));
  };
  Ticket ticket;
  ticket.repository = "web1";
  ticket.verbs = {Verb::add, Verb::read};
  ticket.volumes.resize(3);
  put("volumes", ticket);
  ticket.volumes.clear();
  ticket.all_volumes = true;
  ticket.verbs = {Verb::read, Verb::keys, Verb::administer, Verb::scrub, Verb::prune};
  put("all", ticket);
  return 0;
}

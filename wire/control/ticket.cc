// SPDX-License-Identifier: Apache-2.0
// ticket.cc - what a ticket allows, and whom. How it lies in bytes is in ticket_format.cc.
#include "wire/control/ticket.h"

#include <algorithm>

namespace ebb {

namespace {

constexpr std::array<Verb, 6> all_verbs{Verb::add,        Verb::read,  Verb::keys,
                                        Verb::administer, Verb::scrub, Verb::prune};

constexpr std::int64_t skew_nanoseconds = ticket_clock_skew_seconds * 1'000'000'000;

}  // namespace

bool has_expired(WallTime not_after, WallTime now) {
  return now > not_after && now.nanoseconds - skew_nanoseconds > not_after.nanoseconds;
}

std::string_view name_of(Verb verb) {
  switch (verb) {
    case Verb::add: return "add";
    case Verb::read: return "read";
    case Verb::keys: return "keys";
    case Verb::administer: return "administer";
    case Verb::scrub: return "scrub";
    case Verb::prune: return "prune";
  }
  return "unknown";
}

std::optional<Verbs> Verbs::of_bits(std::uint32_t bits) {
  Verbs verbs;
  for (const Verb verb : all_verbs) verbs.bits_ |= bits & static_cast<std::uint32_t>(verb);
  if (verbs.bits_ != bits) return std::nullopt;
  return verbs;
}

std::string Verbs::text() const {
  std::string text;
  for (const Verb verb : all_verbs) {
    if (!has(verb)) continue;
    text += text.empty() ? "" : ", ";
    text += name_of(verb);
  }
  return text.empty() ? "nothing" : text;
}

Result<Verbs> parse_verbs(std::string_view text) {
  std::uint32_t bits = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    const auto verb = std::ranges::find_if(all_verbs, [&](Verb v) { return name_of(v) == word; });
    if (verb == all_verbs.end() || *verb == Verb::prune) {
      return fail(Error::invalid(
          "\"{}\" is no verb of a ticket; there are add, read, keys, administer, scrub", word));
    }
    bits |= static_cast<std::uint32_t>(*verb);
  }
  if (bits == 0) return fail(Error::invalid("a ticket needs at least one verb"));
  return *Verbs::of_bits(bits);
}

bool is_repository_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= max_repository_name && name.front() != '.' &&
         std::ranges::all_of(name, allowed);
}

Result<void> check_ticket(const Ticket& ticket, const HolderId& peer, std::string_view repository,
                          const HolderId& storage, WallTime now) {
  if (ticket.holder != peer) {
    return fail(
        Error::denied("this ticket was given to {}, and the certificate shown is that of {}; ask "
                      "the manager for a ticket of your own",
                      short_text(ticket.holder), short_text(peer)));
  }
  if (ticket.storage != storage) {
    return fail(
        Error::denied("this ticket is for the storage agent {}, and this one is {}; ask the "
                      "manager where the repository is",
                      short_text(ticket.storage), short_text(storage)));
  }
  if (ticket.repository != repository) {
    return fail(
        Error::denied("this ticket is for the repository \"{}\", not for \"{}\"; ask the manager "
                      "for one",
                      ticket.repository, repository));
  }
  // Not by adding the tolerance to the ticket's times, which may be the last that there are.
  if (now.nanoseconds < ticket.not_before.nanoseconds &&
      now.nanoseconds + skew_nanoseconds < ticket.not_before.nanoseconds) {
    return fail(
        Error::denied("this ticket is valid from {} on, and here it is {}; set the clocks of the "
                      "manager and of this host right",
                      ticket.not_before.text(), now.text()));
  }
  if (has_expired(ticket.not_after, now)) {
    return fail(
        Error::denied("this ticket expired at {}, and here it is {}; ask the manager for a new one "
                      "(if it is reachable and yours is new, the clocks differ)",
                      ticket.not_after.text(), now.text()));
  }
  return {};
}

Result<void> permits(const Ticket& ticket, Verb verb, const TicketVolume* volume) {
  if (!ticket.verbs.has(verb)) {
    return fail(
        Error::denied("this ticket allows {}, and not {}; ask the manager for one that does",
                      ticket.verbs.text(), name_of(verb)));
  }
  if (volume == nullptr || ticket.all_volumes) return {};
  if (std::ranges::find(ticket.volumes, *volume) == ticket.volumes.end()) {
    return fail(Error::denied(
        "this ticket is not for the volume {}; it names {} other{}; ask the manager "
        "for one that names it",
        to_hex(*volume), ticket.volumes.size(), ticket.volumes.size() == 1 ? "" : "s"));
  }
  return {};
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
// chore_message.h - chores and their reports as repository.capnp says them, and back.
//
// What comes from a peer is looked at: lengths of names, counts, text for terminals. A report goes
// in parts, for its lists have no bound: what it counts with each part, its details from a number
// on.
#pragma once

#include "engine/flow/chore.h"
#include "wire/schema/repository.capnp.h"

namespace ebb {

using ChoreId = Name<16, struct ChoreIdTag>;

void put_chore(const Chore& chore, wire::Chore::Builder to);
Result<Chore> chore_from(wire::Chore::Reader from);

// With the details from number `from` on, as many as an answer may have.
void put_report(const ChoreReport& report, std::uint64_t from, wire::ChoreAnswer::Builder to);
// Takes one part: the first makes the report, those that follow add their details. How many came.
Result<std::uint64_t> take_report(wire::ChoreAnswer::Reader from,
                                  std::optional<ChoreReport>& report);

}  // namespace ebb

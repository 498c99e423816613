// SPDX-License-Identifier: Apache-2.0
// control_values.h - between the values of control_client.h and messages. Only for the .cc files of
// wire/control/client/.
#pragma once

#include <span>

#include "wire/control/bounded.h"
#include "wire/control/client/control_client.h"
#include "wire/schema/control.capnp.h"

namespace ebb::control {

void put_jobs(std::span<const JobToReport> jobs, capnp::List<wire::Job>::Builder to);
void put_claims(std::span<const VolumeToClaim> claims, capnp::List<wire::VolumeClaim>::Builder to);
void put_points(std::span<const PointToTell> points, capnp::List<wire::Point>::Builder to);

Result<IssuedTicket> take_ticket(wire::TicketAnswer::Reader answer, const TicketVerifyKey& key);
Result<void> take_keep(capnp::List<wire::VolumeKeep>::Reader from, std::vector<KeepOrder>& to);
Result<SourceOrders> take_orders(wire::SourceOrders::Reader answer);
Result<StorageOrders> take_orders(wire::StorageOrders::Reader answer);
Result<std::vector<KnownRepository>> take_repositories(wire::RepositoriesAnswer::Reader answer);

}  // namespace ebb::control

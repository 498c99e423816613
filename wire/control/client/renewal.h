// SPDX-License-Identifier: Apache-2.0
// renewal.h - a host's certificate is replaced long before it ends.
#pragma once

#include <optional>

#include "wire/control/client/control_client.h"
#include "wire/control/client/identity.h"

namespace ebb::control {

// So much of its year is left then: a manager that is away for some months costs nothing.
inline constexpr std::int64_t renew_certificate_days = 120;

// The new certificate (PEM), which is in the state folder by then; nothing while there is time.
Result<std::optional<std::string>> renew_certificate_when_due(ControlClient& manager,
                                                              const Identity& identity,
                                                              const std::string& state_folder,
                                                              WallTime now);

}  // namespace ebb::control

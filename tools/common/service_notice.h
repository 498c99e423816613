// SPDX-License-Identifier: Apache-2.0
// service_notice.h - tells the service manager how a daemon is: the protocol of sd_notify(3).
//
// One datagram to the unix socket that $NOTIFY_SOCKET names. Where there is none, nobody asked, and
// nothing happens; a daemon never fails because its notice was not taken.
#pragma once

#include <string_view>

#include "tools/common/outside.h"

namespace ebb {

inline constexpr std::string_view service_is_ready = "READY=1";
inline constexpr std::string_view service_is_stopping = "STOPPING=1";

void tell_service_manager(const Outside& outside, std::string_view state);

}  // namespace ebb

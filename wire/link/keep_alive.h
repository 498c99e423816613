// SPDX-License-Identifier: Apache-2.0
// keep_alive.h - a TCP connection whose peer is gone without a word ends within half a minute.
#pragma once

#include <kj/async-io.h>

namespace ebb {

// Throws what KJ throws.
void end_when_unanswered(kj::AsyncIoStream& tcp);

}  // namespace ebb

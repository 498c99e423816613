// SPDX-License-Identifier: Apache-2.0
// wide_stream.h - a stream that speaks to the kernel in large pieces, whoever uses it in small
// ones.
//
// KJ's TLS reads and writes 8 KiB at a time, less than one record. Below it this makes one system
// call of what would be thirty: it reads as much as there is, and gathers what is written until
// everybody else in the loop had a turn. A write returns at once while there is room; a failure is
// told by the next one. What is gathered when the stream goes is given to the kernel as far as that
// takes it, as a socket does.
#pragma once

#include <kj/async-io.h>

namespace ebb {

kj::Own<kj::AsyncIoStream> widened(kj::Own<kj::AsyncIoStream> inner);

}  // namespace ebb

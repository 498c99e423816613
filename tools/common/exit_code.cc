// SPDX-License-Identifier: Apache-2.0
#include "tools/common/exit_code.h"

namespace ebb {

ExitCode exit_code_of(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::busy: return ExitCode::busy;
    case ErrorKind::damaged: return ExitCode::damaged;
    case ErrorKind::invalid:
    case ErrorKind::mismatch:
    case ErrorKind::lost:
    case ErrorKind::full:
    case ErrorKind::absent:
    case ErrorKind::denied: return ExitCode::failed;
  }
  return ExitCode::failed;
}

}  // namespace ebb

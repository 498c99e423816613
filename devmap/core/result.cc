// SPDX-License-Identifier: Apache-2.0
#include "devmap/core/result.h"

#include <cerrno>
#include <system_error>

namespace ebb {

std::string_view name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid: return "invalid";
    case ErrorKind::mismatch: return "mismatch";
    case ErrorKind::damaged: return "damaged";
    case ErrorKind::lost: return "lost";
    case ErrorKind::busy: return "busy";
    case ErrorKind::full: return "full";
    case ErrorKind::absent: return "absent";
    case ErrorKind::denied: return "denied";
  }
  return "unknown";
}

namespace {

ErrorKind kind_of_errno(int number) {
  switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return ErrorKind::full;
    case ENOENT:
    case ENOTDIR: return ErrorKind::absent;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorKind::denied;
    case EBUSY:
    case EAGAIN:
    case ENOMEM:
    case EMFILE:
    case ENFILE: return ErrorKind::busy;
    case EINVAL:
    case EISDIR:
    case EEXIST:
    case ENAMETOOLONG:
    case EOPNOTSUPP: return ErrorKind::invalid;
    case EIO:
    case EUCLEAN:  // A file system that is damaged itself.
    case ENODATA:
    case EILSEQ:
    case EBADMSG: return ErrorKind::damaged;
    default: return ErrorKind::lost;
  }
}

}  // namespace

Error Error::from_errno(int number) {
  return {kind_of_errno(number), std::generic_category().message(number)};
}

}  // namespace ebb

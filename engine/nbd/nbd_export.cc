// SPDX-License-Identifier: Apache-2.0
#include "engine/nbd/nbd_export.h"

#include <libnbd.h>

#include <algorithm>

#include "devmap/source/holes.h"

namespace ebb {

namespace {

constexpr std::uint64_t asked_at_once = 1ull << 30;          // A reply's lengths have 32 bits.
constexpr std::uint64_t longest_without_word = 32ull << 20;  // proto.md: what any server takes.
constexpr std::uint32_t dirty_flag = 1;                      // QEMU, docs/interop/nbd.txt.
constexpr std::uint64_t least_sector = 512;
constexpr std::uint64_t largest_sector = 4096;

Error last_error() {
  const int number = nbd_get_errno();
  const char* const text = nbd_get_error();
  const Error kind = Error::from_errno(number != 0 ? number : EIO);
  return Error{kind.kind() == ErrorKind::damaged ? ErrorKind::lost : kind.kind(),
               text != nullptr ? text : "unknown"};
}

std::uint64_t limit_of(nbd_handle* handle, int which) {
  const std::int64_t size = nbd_get_block_size(handle, which);
  return size > 0 ? static_cast<std::uint64_t>(size) : 0;
}

// What one answer said of a context.
struct Answer {
  const std::string& context;
  std::uint32_t flags;
  const std::function<bool(ByteRun)>& visit;
  ByteIndex at;
  ByteIndex end;
  bool goes_on = true;
};

int take_extents(void* user, const char* context, std::uint64_t offset, std::uint32_t* entries,
                 std::size_t count, int*) {
  Answer& answer = *static_cast<Answer*>(user);
  if (answer.context != context || offset != answer.at.value()) return 0;
  for (std::size_t i = 0; i + 1 < count; i += 2) {
    const ByteCount length(entries[i]);
    const ByteIndex end = std::min(answer.end, answer.at + length);
    if ((entries[i + 1] & answer.flags) != 0 && answer.goes_on && answer.at < end) {
      answer.goes_on = answer.visit(ByteRun{answer.at, end});
    }
    answer.at = end;
  }
  return 0;
}

}  // namespace

bool is_nbd_uri(const std::string& text) {
  for (const char* scheme :
       {"nbd://", "nbds://", "nbd+unix://", "nbds+unix://", "nbd+vsock://", "nbds+vsock://"}) {
    if (text.starts_with(scheme)) return true;
  }
  return false;
}

Result<std::unique_ptr<NbdExport>> NbdExport::connect(const std::string& uri,
                                                      const std::string& bitmap) {
  nbd_handle* const handle = nbd_create();
  if (handle == nullptr) return fail(last_error());
  std::unique_ptr<NbdExport> found(new NbdExport(handle));
  TRY(during(found->open(uri, bitmap), "connecting to {}", uri));
  return found;
}

NbdExport::~NbdExport() {
  nbd_close(handle_);
}

Result<void> NbdExport::open(const std::string& uri, const std::string& bitmap) {
  if (!bitmap.empty()) bitmap_context_ = "qemu:dirty-bitmap:" + bitmap;
  if (nbd_add_meta_context(handle_, LIBNBD_CONTEXT_BASE_ALLOCATION) != 0 ||
      (!bitmap.empty() && nbd_add_meta_context(handle_, bitmap_context_.c_str()) != 0) ||
      // A read that fails gives no bytes to anybody, so they need not be cleared before.
      nbd_set_pread_initialize(handle_, false) != 0 || nbd_connect_uri(handle_, uri.c_str()) != 0) {
    return fail(last_error());
  }
  if (!bitmap.empty() && nbd_can_meta_context(handle_, bitmap_context_.c_str()) != 1) {
    return fail(
        Error::absent("the export has no dirty bitmap \"{}\" (qemu-nbd --bitmap, or "
                      "\"bitmaps\" of QEMU's block-export-add)",
                      bitmap));
  }
  const std::int64_t size = nbd_get_size(handle_);
  if (size < 0) return fail(last_error());
  const std::uint64_t sector = std::max(least_sector, limit_of(handle_, LIBNBD_SIZE_MINIMUM));
  if (sector > largest_sector || static_cast<std::uint64_t>(size) % sector != 0) {
    return fail(Error::invalid("the export has {} bytes in sectors of {}, which ebb cannot read",
                               size, sector));
  }
  const std::uint64_t most = limit_of(handle_, LIBNBD_SIZE_MAXIMUM);
  longest_ = ByteCount(std::min(most == 0 ? longest_without_word : most, longest_without_word) /
                       sector * sector);
  if (longest_.none()) return fail(Error::invalid("the server takes no request of a sector"));

  char* const name = nbd_get_export_name(handle_);
  const std::string export_name = name != nullptr ? name : "";
  std::free(name);
  passport_.path = uri;
  passport_.kind = "nbd";
  passport_.shape = {ByteCount(static_cast<std::uint64_t>(size)), ByteCount(sector),
                     ByteCount(sector)};
  passport_.read_only = true;
  passport_.backing_file = export_name.empty() ? uri : "nbd://" + export_name;
  passport_.last_used = ByteIndex(0);
  return {};
}

Result<void> NbdExport::walk(const std::string& context, std::uint32_t flags,
                             const std::function<bool(ByteRun)>& visit) {
  const ByteIndex end = ByteIndex(0) + passport_.shape.size;
  Answer answer{context, flags, visit, ByteIndex(0), end};
  while (answer.at < end && answer.goes_on) {
    const ByteIndex before = answer.at;
    const std::uint64_t count = std::min(asked_at_once, (end - before).value());
    const nbd_extent_callback callback{take_extents, &answer, nullptr};
    if (nbd_block_status(handle_, count, before.value(), callback, 0) != 0) {
      return fail(last_error().during("asking for {} at {}", context, before.value()));
    }
    if (answer.at <= before) {
      return fail(Error::damaged("the server says nothing of {} at {}", context, before.value()));
    }
  }
  return {};
}

Result<std::vector<ByteRun>> NbdExport::zeroes() {
  std::vector<ByteRun> runs;
  if (nbd_can_meta_context(handle_, LIBNBD_CONTEXT_BASE_ALLOCATION) != 1) return runs;
  // "Hole" alone does not say what is read there.
  TRY(walk(LIBNBD_CONTEXT_BASE_ALLOCATION, LIBNBD_STATE_ZERO, [&](ByteRun run) {
    if (!runs.empty() && runs.back().end == run.begin) {
      runs.back().end = run.end;
    } else {
      runs.push_back(run);
    }
    return runs.size() < max_holes;
  }));
  return runs;
}

Result<void> NbdExport::each_dirty(const std::function<void(ByteRun)>& visit) {
  return walk(bitmap_context_, dirty_flag, [&](ByteRun run) {
    visit(run);
    return true;
  });
}

}  // namespace ebb

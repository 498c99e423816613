// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/object_frame.h"

#include <algorithm>
#include <array>

#include "devmap/core/endian.h"
#include "devmap/core/limits.h"
#include "engine/stage/checksum.h"

namespace ebb {

namespace {

constexpr std::array<char, 4> frame_magic{'E', 'B', 'B', 'O'};
constexpr std::uint16_t frame_version = 1;
constexpr std::uint64_t frame_alignment = 4096;

struct FrameHeaderOnDisk {
  std::array<char, 4> magic;
  Le16 type;
  Le16 version;
  Le64 body_length;
  Le64 crc;  // Of this header with crc = 0, then the body.
};
static_assert(sizeof(FrameHeaderOnDisk) == 24 && alignof(FrameHeaderOnDisk) == 1);

std::uint64_t crc_of(FrameHeaderOnDisk header, Bytes body) {
  header.crc = Le64(0);
  return crc64(body, crc64(bytes_of_struct(header)));
}

std::size_t padded(std::size_t body) {
  return round_up(sizeof(FrameHeaderOnDisk) + body, frame_alignment);
}

// How long the frame at the start of `file` says that it is; its half when it says nothing.
std::size_t length_at_start(Bytes file) {
  FrameHeaderOnDisk header;
  if (file.size() < sizeof header) return file.size();
  std::memcpy(&header, file.data(), sizeof header);
  const std::uint64_t length = header.body_length.value();
  if (header.magic != frame_magic || length > file.size()) return file.size() / 2;
  return padded(length);
}

Result<Bytes> body_of(ObjectType type, Bytes frame) {
  FrameHeaderOnDisk header;
  if (frame.size() < sizeof header) return fail(Error::damaged("the frame is cut short"));
  std::memcpy(&header, frame.data(), sizeof header);
  if (header.magic != frame_magic) return fail(Error::damaged("no frame begins here"));
  const std::uint64_t length = header.body_length.value();
  if (length > frame.size() - sizeof header || padded(length) != frame.size()) {
    return fail(Error::damaged("the frame's length is wrong"));
  }
  const Bytes body = frame.subspan(sizeof header, length);
  if (crc_of(header, body) != header.crc.value()) {
    return fail(Error::damaged("the frame's checksum is wrong"));
  }
  if (!all_zero(frame.subspan(sizeof header + length))) {
    return fail(Error::damaged("the frame's padding is not zero"));
  }
  if (header.version.value() != frame_version) {
    return fail(
        Error::invalid("version {} of this object is not known to this ebb; a newer one "
                       "wrote it",
                       header.version.value()));
  }
  if (header.type.value() != static_cast<std::uint16_t>(type)) {
    return fail(Error::damaged("an object of type {} where type {} belongs", header.type.value(),
                               static_cast<std::uint16_t>(type)));
  }
  return body;
}

}  // namespace

ByteVector frame_object(ObjectType type, Bytes body) {
  FrameHeaderOnDisk header{frame_magic, Le16(static_cast<std::uint16_t>(type)), Le16(frame_version),
                           Le64(body.size()), Le64(0)};
  header.crc = Le64(crc_of(header, body));
  ByteVector frame = copy_of(bytes_of_struct(header));
  append(frame, body);
  frame.resize(padded(body.size()));
  ByteVector file = frame;
  append(file, frame);
  return file;
}

Result<UnframedObject> unframe_object(ObjectType type, Bytes file) {
  // The first copy by its own length, so that it is found in a file that was cut or lengthened; the
  // second where the first does not say, in the other half.
  const Bytes first = file.first(std::min(file.size(), length_at_start(file)));
  const auto first_body = body_of(type, first);
  const Bytes second = first_body ? file.subspan(first.size()) : file.last(file.size() / 2);
  const auto second_body = body_of(type, second);
  if (!first_body && !second_body) {
    // A sound copy of another version says more than a damaged one.
    const bool second_says_more = second_body.error().kind() == ErrorKind::invalid;
    return fail(second_says_more ? second_body.error() : first_body.error());
  }
  if (first_body && second_body && !same_bytes(first, second)) {
    return fail(Error::damaged("its two copies are both sound and differ"));
  }
  const bool both = first_body && second_body;
  return UnframedObject{copy_of(first_body ? *first_body : *second_body), both};
}

}  // namespace ebb

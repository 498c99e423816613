// SPDX-License-Identifier: Apache-2.0
// thin_delta.h - where two snapshots of a thin volume differ, as the pool's metadata say.
//
// Runs `thin_delta` (thin-provisioning-tools) on a metadata snapshot, which is released whatever
// happens. Compares which blocks the two have, not what is in them: a block that was written
// with what it held is a change, and no change is missed, if the program tells the truth.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "devmap/program_output.h"
#include "devmap/source/metadata_hold.h"
#include "devmap/source/thin_delta_text.h"

namespace ebb {

// What the table of a thin volume or snapshot says, while it is active.
struct ThinDevice {
  dev_t pool = 0;
  std::uint32_t id = 0;  // The pool's own number of it.
  ByteCount size;

  static Result<ThinDevice> of(const MapperDevice& table);
};

struct ThinPair {
  dev_t pool = 0;
  std::uint32_t before = 0;
  std::uint32_t after = 0;
  ByteCount volume;  // What is beyond is left out.
};

class ThinDelta {
 public:
  // `notes` is a folder that outlives reboots (metadata_hold.h).
  static Result<std::unique_ptr<ThinDelta>> start(const ThinPair& pair, const std::string& notes,
                                                  DeviceMapper& mapper);

  // The precision of what next() says.
  ByteCount block() const { return block_; }
  // The next change, in the order of the volume. None at the end, and only if the program ended
  // well, its text was whole and the metadata snapshot is released.
  Result<std::optional<ThinRun>> next();

 private:
  ThinDelta(std::unique_ptr<MetadataHold> hold, std::unique_ptr<ProgramOutput> program,
            ByteCount volume, ByteCount block);
  // Makes found_ anew, or all of it whole_.
  Result<void> fetch();

  std::unique_ptr<MetadataHold> hold_;
  std::unique_ptr<ProgramOutput> program_;  // Goes before the hold; null once it failed.
  ByteCount block_;
  ThinDeltaText text_;
  std::vector<ThinRun> found_;
  std::size_t given_ = 0;  // Of those found.
  std::vector<char> piece_;
  bool whole_ = false;
};

}  // namespace ebb

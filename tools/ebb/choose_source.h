// SPDX-License-Identifier: Apache-2.0
// choose_source.h - who may say what changed on a device since its last point.
//
// By itself ebb takes the best source that there is: a tracker that watches the device, the eras of
// dm-era, else it reads everything. Somebody who names a source insists: it is used, or the run
// fails.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "devmap/source/change_source.h"
#include "engine/nbd/nbd_bitmap_source.h"

namespace ebb {

// Notes about metadata snapshots that are held, which outlive reboots.
std::string metadata_notes_folder();

struct SourceWish {
  std::string name = "auto";             // Or a source's name.
  std::string ranges;                    // A file of changed ranges, for the source "ranges".
  std::optional<SourceKind> distrusted;  // Lied about this volume before: not taken by itself.
};

struct ChosenSource {
  std::unique_ptr<ChangeSource> source;  // Null: everything is read.
  bool is_wanted = false;                // By name.
  std::string why;                       // Why it is none; empty when there was nothing to choose.
};

// Of an NBD export, whose bitmaps somebody named.
Result<ChosenSource> choose_nbd_source(const std::shared_ptr<NbdExport>& from,
                                       const NbdBitmapSource::Names& names, const SourceWish& wish);

// Invalid for a name that none has or a list that makes no sense; what the source itself says, when
// it was named and cannot be used.
Result<ChosenSource> choose_source(const std::string& device, const SourceWish& wish);

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
// nbd_bitmap_source.h - a dirty bitmap of QEMU says what changed since the point before.
//
// A client cannot make or clear a bitmap, so it cannot know by itself since when one marks. QEMU's
// user makes a new bitmap in the same transaction that begins each backup (docs/operate/
// virtual-machines.md) and names it: the point's proof then says which bitmap will tell what
// changed since. The next run is believed only with that one, of the same export and size; one
// bitmap is good for one point, because a name is not to be used again.
#pragma once

#include <memory>
#include <string>

#include "devmap/source/change_source.h"
#include "engine/nbd/nbd_export.h"

namespace ebb {

class NbdBitmapSource final : public ChangeSource {
 public:
  struct Names {
    std::string bitmap;  // Of the export: what changed until now; empty: not known.
    std::string next;    // Will tell what changes from now on; empty: none.
  };
  NbdBitmapSource(std::shared_ptr<NbdExport> from, Names names)
      : export_(std::move(from)), names_(std::move(names)) {}

  SourceKind kind() const override { return SourceKind::nbd; }
  Result<Answer> ask(const BasePoint* since, const BlockGrid& grid) override;
  // The export shows one instant.
  Result<bool> may_have_changed_meanwhile(ByteRun) override { return false; }
  Result<void> committed() override { return {}; }

 private:
  std::string why_not_since(const BasePoint& since) const;
  std::shared_ptr<NbdExport> export_;
  Names names_;
};

}  // namespace ebb

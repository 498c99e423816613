// SPDX-License-Identifier: Apache-2.0
#include "tools/ebb/choose_source.h"

#include <fstream>
#include <sstream>

#include "devmap/source/changed_ranges.h"
#include "devmap/source/era_source.h"
#include "devmap/source/track/tracker_source.h"
#include "tools/common/host_identity.h"

namespace ebb {

namespace {

Result<ChosenSource> ranges_in(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return fail(Error::from_errno(errno).during("reading {}", path));
  auto ranges = TRY(during(parse_changed_ranges(text.str()), "{}", path));
  return ChosenSource{std::make_unique<ChangedRangesSource>(std::move(ranges)), true, ""};
}

ChosenSource everything(std::string why = "") {
  return {nullptr, false, std::move(why)};
}

ChosenSource eras_of(const std::string& device, const SourceWish& wish) {
  auto eras = EraSource::open(device, metadata_notes_folder(), kernel_device_mapper());
  if (!eras) {
    return everything(eras.error().kind() == ErrorKind::absent ? "" : eras.error().text());
  }
  if (wish.distrusted == SourceKind::dm_era) {
    return everything(
        "dm-era missed a change of this volume before; `--source dm-era` trusts it again, once its "
        "sample agrees");
  }
  return {std::move(*eras), false, ""};
}

// A device that nobody tracks is the ordinary case, of which nothing is said.
ChosenSource best_for(const std::string& device, const SourceWish& wish) {
  auto tracker = Tracker::open(device);
  if (!tracker) {
    const bool is_broken = tracker.error().kind() == ErrorKind::mismatch;
    return is_broken ? everything(tracker.error().text()) : eras_of(device, wish);
  }
  if (wish.distrusted == SourceKind::tracker) {
    return everything(
        "the tracker missed a change of this volume before; `--source tracker` trusts it again, "
        "once its sample agrees");
  }
  return {std::make_unique<TrackerSource>(std::move(*tracker)), false, ""};
}

}  // namespace

std::string metadata_notes_folder() {
  return std::string(default_state_folder) + "/metadata";
}

Result<ChosenSource> choose_nbd_source(const std::shared_ptr<NbdExport>& from,
                                       const NbdBitmapSource::Names& names,
                                       const SourceWish& wish) {
  const bool insists = wish.name == name_of(SourceKind::nbd);
  if (!wish.ranges.empty()) return ranges_in(wish.ranges);
  if (!insists && wish.name != "auto" && wish.name != "scan") {
    return fail(Error::invalid("of an NBD export the sources are auto, scan and nbd"));
  }
  if (insists && names.bitmap.empty()) return fail(Error::invalid("which? --bitmap NAME"));
  if (wish.name == "scan" || (names.bitmap.empty() && names.next.empty())) return everything();
  if (!insists && wish.distrusted == SourceKind::nbd) {
    return everything(
        "a bitmap missed a change of this volume before; `--source nbd` trusts it again, once its "
        "sample agrees");
  }
  return ChosenSource{std::make_unique<NbdBitmapSource>(from, names), insists, ""};
}

Result<ChosenSource> choose_source(const std::string& device, const SourceWish& wish) {
  if (!wish.ranges.empty()) {
    if (wish.name != "auto" && wish.name != "ranges") {
      return fail(Error::invalid("--changed is the source ranges, not {}", wish.name));
    }
    return ranges_in(wish.ranges);
  }
  if (wish.name == "auto") return best_for(device, wish);
  const auto kind = source_kind_of(wish.name);
  if (kind == SourceKind::scan) return everything();
  if (kind == SourceKind::tracker) {
    return ChosenSource{std::make_unique<TrackerSource>(TRY(Tracker::open(device))), true, ""};
  }
  if (kind == SourceKind::dm_era) {
    return ChosenSource{
        TRY(EraSource::open(device, metadata_notes_folder(), kernel_device_mapper())), true, ""};
  }
  if (kind == SourceKind::ranges) {
    return fail(Error::invalid("the source ranges is a file: --changed FILE"));
  }
  if (kind == SourceKind::dm_snapshot || kind == SourceKind::dm_thin) {
    return fail(Error::invalid("the source {} comes with --snapshot lvm", wish.name));
  }
  if (kind == SourceKind::nbd) {
    return fail(Error::invalid("the source nbd is of an export: ebb backup nbd+unix:///..."));
  }
  return fail(
      Error::invalid("there is no source \"{}\": auto, scan, tracker, ranges, "
                     "dm-era, dm-snapshot, dm-thin, nbd",
                     wish.name));
}

}  // namespace ebb

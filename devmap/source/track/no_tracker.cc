// SPDX-License-Identifier: Apache-2.0
// no_tracker.cc - in place of the tracker, in an ebb that was built where its libraries or tools
// were not installed.
#include "devmap/source/track/tracker.h"

namespace ebb {

namespace {

Error left_out() {
  return Error::invalid("{}", why_no_tracker());
}

}  // namespace

class TrackMaps {};

std::string why_no_tracker() {
  return "this ebb was built without the tracker, for these packages were not "
         "installed: " EBB_TRACKER_LACKS;
}

std::string ClosedEpoch::why_not_since(const TrackToken&) const {
  return why_no_tracker();
}

Tracker::~Tracker() = default;

Result<std::unique_ptr<Tracker>> Tracker::start(const std::string&, const TrackOptions&) {
  return fail(left_out());
}

Result<std::unique_ptr<Tracker>> Tracker::open(const std::string&) {
  return fail(left_out());
}

Result<void> Tracker::stop(const std::string&) {
  return fail(left_out());
}

Result<std::vector<TrackStatus>> Tracker::list() {
  return fail(left_out());
}

Result<ClosedEpoch> Tracker::switch_epoch() {
  return fail(left_out());
}

Result<void> Tracker::forget(std::uint64_t) {
  return fail(left_out());
}

Result<bool> Tracker::is_marked(ByteRun) {
  return fail(left_out());
}

Result<TrackStatus> Tracker::status() {
  return fail(left_out());
}

}  // namespace ebb

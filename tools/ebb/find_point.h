// SPDX-License-Identifier: Apache-2.0
// find_point.h - which point a person means: an id, a unique start of one, or VOLUME@latest.
#pragma once

#include "engine/flow/record_opener.h"
#include "tools/ebb/command.h"

namespace ebb {

// A point with everything that can be said of it.
struct KnownPoint {
  layout::PointName name;
  SignedPoint point;
  PointAbout about;
  std::string signer;        // Name of the source that signed it.
  bool signer_left = false;  // The source has been removed since.
};

// Opens and checks a point: its signature, its signer, its label.
Result<KnownPoint> know_point(RepositoryAccess& repository, const ReadingKeys& keys,
                              const layout::PointName& name);
// Invalid when nothing or more than one point is meant.
Result<KnownPoint> find_point(RepositoryAccess& repository, const ReadingKeys& keys,
                              const std::string& text);

// Opens data keys by the repository's envelopes; the keyring was unlocked.
DataKeys data_keys_of(RepositoryAccess& repository, const ReadingKeys& keys);

}  // namespace ebb

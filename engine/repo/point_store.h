// SPDX-License-Identifier: Apache-2.0
// point_store.h - the recovery points of a repository as they lie in it, by volume and sequence.
//
// It needs no key: what a point says is believed by whoever checks its signature. It reaches the
// points as small objects, so it serves a repository behind a wire as well.
#pragma once

#include "engine/repo/key_store.h"
#include "engine/repo/point.h"

namespace ebb {

class PointStore {
 public:
  PointStore(ObjectStore& objects, RepositoryId repository)
      : objects_(objects), repository_(repository) {}

  // All points, by volume and sequence. Only names; nothing is read.
  Result<std::vector<layout::PointName>> point_names();
  Result<std::optional<layout::PointName>> latest_point(const VolumeId& volume);
  // The point as it lies there; it is what its name says, its signature is not looked at.
  Result<SignedPoint> point(const layout::PointName& name);
  // Durable when it returns. The records it needs are published already.
  Result<void> publish_point(const SignedPoint& point);

 private:
  ObjectStore& objects_;
  RepositoryId repository_;
};

}  // namespace ebb

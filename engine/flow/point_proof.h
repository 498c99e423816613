// SPDX-License-Identifier: Apache-2.0
// point_proof.h - is everything there that a point names?
//
// Needs no key, and believes nothing of the map. What the point before it names was proven when
// that came, so where the two maps share a page nothing below it is looked at: the time follows
// what changed. Memory has a bound whatever the map's shape. Whether the bytes of a record are
// right is not asked: verify and scrub do that.
#pragma once

#include "engine/flow/breathe.h"
#include "engine/repo/repository.h"

namespace ebb {

// Absent, naming what, when a page or a record is in no published pack; damaged when the map makes
// no sense. It breathes at least with every page and every 256 names.
Result<void> prove_complete(Repository& repository, const Point& point, const Breathe& breathe);
// The same where `before`, of the same volume, is known to be complete by now; null: nothing is.
Result<void> prove_complete_beside(Repository& repository, const Point* before, const Point& point,
                                   const Breathe& breathe);

}  // namespace ebb

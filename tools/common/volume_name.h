// SPDX-License-Identifier: Apache-2.0
// volume_name.h - a name for a device that was given none.
#pragma once

#include <string>

#include "devmap/passport.h"

namespace ebb {

// What people call it, from what does not change when disks are plugged elsewhere.
std::string volume_name_for(const Passport& passport);

}  // namespace ebb

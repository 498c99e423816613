// SPDX-License-Identifier: Apache-2.0
// observer.h - what long work tells whoever watches. Libraries do not log; programs do.
#pragma once

#include <string_view>

#include "devmap/core/units.h"

namespace ebb {

struct Progress {
  std::string_view phase;  // "reading", "checking", "writing", "comparing"
  ByteCount done;
  ByteCount total;   // 0: not known.
  ByteCount stored;  // Backup: added to the repository so far.
};

class Observer {
 public:
  virtual ~Observer() = default;
  // Often; whoever shows it decides how often that is.
  virtual void progress(const Progress& progress) = 0;
  // Something that a person should know although the work goes on. One sentence.
  virtual void note(std::string_view sentence) = 0;
};

class SilentObserver final : public Observer {
 public:
  void progress(const Progress&) override {}
  void note(std::string_view) override {}
};

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
// change_source.h - who says which bytes of a device may have changed since a recovery point.
//
// Every source is an untrusted hint. It says "may differ", never "differs"; a superset costs time,
// one block too few costs data. What it says counts only when its proof token, which the last point
// carries, still holds; when it does not, the source says why, and everything is read. What it
// calls clean is looked at again in samples (engine/flow/read_plan.h).
//
// It knows neither points nor repositories.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "devmap/dirty_map.h"

namespace ebb {

// As recovery points number them (docs/format/point.md).
enum class SourceKind : std::uint8_t {
  scan = 1,         // Everything was read.
  ranges = 2,       // A list from elsewhere.
  tracker = 3,      // The eBPF tracker.
  dm_snapshot = 4,  // The exception store of a thick LVM snapshot.
  dm_thin = 5,      // thin_delta over a thin pool.
  dm_era = 6,
  nbd = 7,  // A dirty bitmap of an NBD server.
};
// "scan", "tracker", ...; "unknown" for others, which a newer ebb may have made.
std::string_view name_of(SourceKind kind);
// By its name; nothing when there is none of it.
std::optional<SourceKind> source_kind_of(std::string_view name);

// What a source has to find again to say what changed since this instant: boot id, generation,
// position. At most 32 facts, each at most 4096 bytes.
struct ProofToken {
  SourceKind source = SourceKind::scan;
  std::map<std::string, std::string> facts;
  bool operator==(const ProofToken&) const = default;
};
inline constexpr std::size_t max_token_facts = 32;
inline constexpr std::size_t max_fact_bytes = 4096;

// The point that is compared with.
struct BasePoint {
  std::string id;  // In hexadecimal digits.
  std::optional<ProofToken> token;
};

class ChangeSource {
 public:
  struct Answer {
    // Of the instant at which it was asked; goes into the point that is being made. Nothing: the
    // next run will find no proof.
    std::optional<ProofToken> token;
    // All that may have changed between the point and now; nothing: that is not known.
    std::optional<DirtyMap> changed;
    std::string why;  // In words: what it found, or why it cannot say.
  };

  virtual ~ChangeSource() = default;
  virtual SourceKind kind() const = 0;
  // Once, before the first byte of the device is read. `since` is null when there is no point to
  // compare with. An error is one of the source; a proof that does not hold is an answer.
  virtual Result<Answer> ask(const BasePoint* since, const BlockGrid& grid) = 0;
  // Whether these bytes may have changed after ask(): of a device that is in use while it is read.
  virtual Result<bool> may_have_changed_meanwhile(ByteRun bytes) = 0;
  // The point that carries the token is in the repository: what came before can be forgotten.
  virtual Result<void> committed() = 0;
};

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/point_proof.h"

#include <array>
#include <unordered_set>

namespace ebb {

namespace {

// Pages that are known to be proven with all that is below them. A map may name a page in many
// places; one that names more than these takes longer, as many blocks as it has.
constexpr std::size_t max_proven = 65536;

using Hidden = std::array<std::uint64_t, page_fan_out>;  // Of each leaf a bit for each block.

Hidden hidden_by(const std::vector<Override>& overrides) {
  Hidden hidden{};
  for (const Override& o : overrides) {
    hidden.at(o.position / page_fan_out) |= std::uint64_t{1} << (o.position % page_fan_out);
  }
  return hidden;
}

class Proof {
 public:
  Proof(Repository& repository, const Breathe& breathe, BlockCount blocks)
      : repository_(repository), breathe_(breathe), blocks_(blocks.value()) {}

  Result<void> prove(const PageDigest& root, const PageDigest& before) {
    const unsigned levels = node_levels(BlockCount(blocks_));
    std::uint64_t below = blocks_in_segment;
    for (unsigned i = 0; i < levels; ++i) below *= page_fan_out;
    TRY(page(root, before, levels, 0, below));
    return look_up();
  }

 private:
  // A node of `level`, or with level 0 a segment. `before` is what the point before has there.
  Result<void> page(const PageDigest& digest, const PageDigest& before, unsigned level,
                    std::uint64_t first, std::uint64_t below) {
    if (digest.is_zero() || digest == before) return {};
    const bool is_inside = first + below <= blocks_;
    if (is_inside && proven_.contains(digest)) return {};
    const PageKind kind = level == 0 ? PageKind::segment : PageKind::node;
    const Page here = TRY(fetch(digest, kind, level, first));
    const Page there = before_page(before, kind, level);
    if (level == 0) {
      TRY(segment(here, there, first));
    } else {
      const std::uint64_t each = below / page_fan_out;
      for (std::uint64_t i = 0; i < page_fan_out; ++i) {
        if (!here.child(i).is_zero()) TRY(is_block(first + i * each));
        TRY(page(here.child(i), there.child(i), level - 1, first + i * each, each));
      }
    }
    return remember(digest);
  }

  Result<void> segment(const Page& here, const Page& there, std::uint64_t first) {
    const Hidden hidden = hidden_by(here.overrides);
    const Hidden hidden_before = hidden_by(there.overrides);
    for (std::uint64_t i = 0; i < page_fan_out; ++i) {
      const PageDigest digest = here.child(i);
      // What an override hid before may have been collected since.
      const bool is_as_before = digest == there.child(i);
      const std::uint64_t wanted = ~hidden[i] & (is_as_before ? hidden_before[i] : ~0ull);
      if (digest.is_zero() || (is_as_before && wanted == 0)) continue;
      TRY(leaf(digest, wanted, first + i * page_fan_out));
    }
    auto known = there.overrides.begin();
    for (const Override& o : here.overrides) {
      while (known != there.overrides.end() && known->position < o.position) ++known;
      const bool is_as_before = known != there.overrides.end() && known->position == o.position &&
                                known->fingerprint == o.fingerprint;
      if (!is_as_before) TRY(block(o.fingerprint, first + o.position));
    }
    return {};
  }

  Result<void> leaf(const PageDigest& digest, std::uint64_t wanted, std::uint64_t first) {
    if (first + page_fan_out <= blocks_ && proven_.contains(digest)) return {};
    const Page page = TRY(fetch(digest, PageKind::leaf, 0, first));
    for (std::uint64_t i = 0; i < page_fan_out; ++i) {
      if ((wanted >> i & 1) != 0) TRY(block(page.fingerprint(i), first + i));
    }
    return wanted == ~0ull ? remember(digest) : Result<void>();
  }

  Result<void> block(const Fingerprint& name, std::uint64_t at) {
    if (name.is_zero()) return {};
    TRY(is_block(at));
    return need(record_name(name), at);
  }

  // Of a page the first block that it is about.
  Result<void> need(const RecordName& name, std::uint64_t at) {
    names_.push_back(name);
    where_.push_back(at);
    return names_.size() < names_in_one_breath ? Result<void>() : look_up();
  }

  Result<void> is_block(std::uint64_t at) const {
    if (at < blocks_) return {};
    return fail(Error::damaged("the map names blocks past the device's end"));
  }

  // What lies in a condemned pack is there as long as that is, so the pack stays.
  Result<void> look_up() {
    PackStore& packs = repository_.packs();
    std::vector<std::optional<RecordPlace>> places(names_.size());
    TRY(packs.look_up_to_read(names_, places));
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (places[i]) packs.pardon(places[i]->pack);
      if (!places[i]) {
        return fail(Error::absent("the point names what was not put, for block {}", where_[i]));
      }
    }
    names_.clear();
    where_.clear();
    return breathe();
  }

  Result<Page> fetch(const PageDigest& digest, PageKind kind, unsigned level, std::uint64_t first) {
    TRY(breathe());
    auto page = fetch_page(repository_, digest, kind, level);
    if (!page && page.error().kind() == ErrorKind::absent) {
      return fail(Error::absent("the point names a page of its map that was not put"));
    }
    if (page) TRY(need(record_name(digest), first));
    return page;
  }

  // An empty one where it cannot be had: then everything is looked at.
  Page before_page(const PageDigest& digest, PageKind kind, unsigned level) {
    if (!digest.is_zero()) {
      if (auto page = fetch_page(repository_, digest, kind, level)) return std::move(*page);
    }
    return {};
  }

  Result<void> remember(const PageDigest& digest) {
    if (proven_.size() >= max_proven) proven_.clear();
    proven_.insert(digest);
    return {};
  }

  Result<void> breathe() { return breathe_ ? breathe_() : Result<void>(); }

  Repository& repository_;
  const Breathe& breathe_;
  std::uint64_t blocks_;
  std::unordered_set<PageDigest, NameHash> proven_;
  std::vector<RecordName> names_;  // Not yet looked up.
  std::vector<std::uint64_t> where_;
};

// The point before it, where it is there and can be read.
Result<std::optional<Point>> predecessor_of(Repository& repository, const Point& point) {
  if (point.predecessor.is_zero() || point.sequence < 2) return std::nullopt;
  const auto before = repository.point({point.volume, point.sequence - 1, point.predecessor});
  if (before) return std::optional<Point>(before->point);
  const ErrorKind kind = before.error().kind();
  const bool is_not_there = kind == ErrorKind::absent || kind == ErrorKind::damaged;
  return is_not_there ? Result<std::optional<Point>>(std::nullopt) : fail(before.error());
}

}  // namespace

Result<void> prove_complete_beside(Repository& repository, const Point* before, const Point& point,
                                   const Breathe& breathe) {
  // Else their pages are of other places.
  const bool has_same_shape = before != nullptr && before->root().blocks == point.root().blocks;
  return Proof(repository, breathe, point.grid.count())
      .prove(point.map, has_same_shape ? before->map : PageDigest{});
}

Result<void> prove_complete(Repository& repository, const Point& point, const Breathe& breathe) {
  const std::optional<Point> before = TRY(predecessor_of(repository, point));
  return prove_complete_beside(repository, before ? &*before : nullptr, point, breathe);
}

}  // namespace ebb

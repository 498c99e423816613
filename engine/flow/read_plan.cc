// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/read_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ebb {

double Audit::bound() const {
  if (sampled >= clean) return 0;
  if (sampled == 0) return 1;
  // With n blocks drawn, a share of p goes unseen with a probability of (1 - p)^n.
  return 1 - std::pow(0.01, 1.0 / static_cast<double>(sampled));
}

std::string Audit::text() const {
  if (clean == 0) return "no block was called clean";
  if (sampled >= clean) return fmt::format("all {} clean blocks read again", clean);
  return fmt::format(
      "{} of {} clean blocks read again: 99 % sure that fewer than {:.2g} % were missed", sampled,
      clean, bound() * 100);
}

ReadPlan ReadPlan::of(DirtyMap changed, const DirtyMap* free, const AuditPolicy& policy,
                      BlockIndex slice_begin, Random& random) {
  ReadPlan plan(changed.grid());
  std::optional<DirtyMap> changed_or_free;
  if (free != nullptr) changed_or_free.emplace(changed).unite(*free);
  const DirtyMap& passed_over = free != nullptr ? *changed_or_free : changed;
  plan.audit_.clean = (plan.grid_.count() - passed_over.dirty_count()).value();
  plan.add_sample(passed_over, policy, random);
  plan.add_slice(passed_over, policy, slice_begin);
  changed_or_free.reset();
  std::ranges::sort(plan.audited_);
  plan.audited_.erase(std::unique(plan.audited_.begin(), plan.audited_.end()), plan.audited_.end());
  for (const BlockIndex block : plan.audited_) changed.mark(BlockRun::of(block, BlockCount(1)));
  plan.blocks_ = std::move(changed);
  return plan;
}

// Each clean block with the same probability, without a list of all of them.
void ReadPlan::add_sample(const DirtyMap& passed_over, const AuditPolicy& policy, Random& random) {
  const auto share =
      static_cast<std::uint64_t>(std::ceil(static_cast<double>(audit_.clean) * policy.share));
  const std::uint64_t wanted =
      std::min(audit_.clean, std::clamp(share, policy.least, std::max(policy.least, policy.most)));
  std::vector<BlockIndex> drawn;
  const bool is_rare = audit_.clean < grid_.count().value() / 1024;
  if (wanted * 2 >= audit_.clean || is_rare) {
    for (BlockIndex at(0); at < grid_.all().end; at += BlockCount(1)) {
      if (!passed_over.dirty(at)) drawn.push_back(at);
    }
    // The first `wanted` of a shuffle.
    for (std::uint64_t i = 0; i < wanted; ++i) {
      std::swap(drawn[i], drawn[i + random.below(drawn.size() - i)]);
    }
    drawn.resize(wanted);
  } else {
    // Half of the clean blocks are never drawn, so a draw hits one that was not drawn yet with half
    // the probability at least with which it hits a clean one.
    std::vector<BlockIndex> sorted;
    while (sorted.size() < wanted) {
      for (std::uint64_t missing = wanted - sorted.size(); missing > 0;) {
        const BlockIndex block(random.below(grid_.count().value()));
        if (passed_over.dirty(block)) continue;
        drawn.push_back(block);
        --missing;
      }
      sorted = drawn;
      std::ranges::sort(sorted);
      sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
      drawn = sorted;
    }
  }
  audit_.sampled = drawn.size();
  audited_ = std::move(drawn);
}

void ReadPlan::add_slice(const DirtyMap& passed_over, const AuditPolicy& policy, BlockIndex begin) {
  const std::uint64_t length =
      std::min(policy.slice.value() >> grid_.block().shift(),
               (grid_.count().value() + policy.slices - 1) / policy.slices);
  BlockIndex at = begin < grid_.all().end ? begin : BlockIndex(0);
  for (std::uint64_t i = 0; i < length; ++i) {
    if (!passed_over.dirty(at)) {
      audited_.push_back(at);
      ++audit_.in_slice;
    }
    at += BlockCount(1);
    if (at == grid_.all().end) at = BlockIndex(0);
  }
  slice_end_ = at;
}

std::optional<BlockRun> ReadPlan::next(BlockIndex from, BlockCount longest) const {
  if (blocks_) return blocks_->next_dirty(from, longest);
  if (from >= grid_.all().end) return std::nullopt;
  return BlockRun{from, std::min(from + longest, grid_.all().end)};
}

bool ReadPlan::is_audited(BlockIndex block) const {
  return std::ranges::binary_search(audited_, block);
}

}  // namespace ebb

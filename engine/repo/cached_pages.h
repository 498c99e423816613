// SPDX-License-Identifier: Apache-2.0
// cached_pages.h - remembers the pages that were read last, for walks that come by twice.
#pragma once

#include <list>
#include <unordered_map>

#include "engine/repo/map_reader.h"

namespace ebb {

class CachedPages final : public PageSource {
 public:
  static constexpr std::size_t pages_kept = 1024;  // 2 to 6 MiB.
  explicit CachedPages(PageSource& inner) : inner_(inner) {}
  Result<ByteVector> page(const PageDigest& digest) override {
    if (const auto found = places_.find(digest); found != places_.end()) {
      newest_first_.splice(newest_first_.begin(), newest_first_, found->second);
      return found->second->second;
    }
    ByteVector bytes = TRY(inner_.page(digest));
    newest_first_.emplace_front(digest, bytes);
    places_[digest] = newest_first_.begin();
    if (newest_first_.size() > pages_kept) {
      places_.erase(newest_first_.back().first);
      newest_first_.pop_back();
    }
    return bytes;
  }

 private:
  PageSource& inner_;
  std::list<std::pair<PageDigest, ByteVector>> newest_first_;
  std::unordered_map<PageDigest, decltype(newest_first_)::iterator, NameHash> places_;
};

}  // namespace ebb

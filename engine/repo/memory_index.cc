// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <unordered_map>

#include "engine/repo/record_index.h"

namespace ebb {

namespace {

class MemoryIndex final : public RecordIndex {
 public:
  Result<void> add_pack(const PackId& pack, std::span<const TableEntry> entries) override {
    for (const TableEntry& entry : entries) {
      places_[entry.name] = {pack, entry.at, entry.stored_length};
    }
    packs_[pack] = true;
    return {};
  }
  Result<void> forget_pack(const PackId& pack) override {
    packs_.erase(pack);
    return {};
  }
  Result<void> forget_records(const PackId& pack, std::span<const RecordName> names) override {
    for (const RecordName& name : names) {
      const auto found = places_.find(name);
      if (found != places_.end() && found->second.pack == pack) places_.erase(found);
    }
    return {};
  }
  Result<std::vector<PackId>> packs() override {
    std::vector<PackId> all;
    for (const auto& [pack, there] : packs_) all.push_back(pack);
    return all;
  }
  Result<void> look_up(std::span<const RecordName> names,
                       std::span<std::optional<RecordPlace>> places) override {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto found = places_.find(names[i]);
      places[i] = found == places_.end() ? std::nullopt : std::optional(found->second);
    }
    return {};
  }
  Result<bool> whole() override { return whole_; }
  Result<void> set_whole(bool whole) override {
    whole_ = whole;
    return {};
  }

 private:
  std::unordered_map<RecordName, RecordPlace, NameHash> places_;
  std::map<PackId, bool> packs_;
  bool whole_ = false;
};

}  // namespace

std::unique_ptr<RecordIndex> memory_index() {
  return std::make_unique<MemoryIndex>();
}

}  // namespace ebb

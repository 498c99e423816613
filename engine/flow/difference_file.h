// SPDX-License-Identifier: Apache-2.0
// difference_file.h - a difference file that is open: what it carries, and its blocks as a source.
//
// Everything in it is somebody's bytes: packs are found by their tails, objects only under paths of
// their type's form, points only by their own digest; signatures are for whoever has the keys.
#pragma once

#include <map>
#include <unordered_map>
#include <unordered_set>

#include "engine/flow/extent_source.h"
#include "engine/repo/embedded_object.h"
#include "engine/repo/key_store.h"

namespace ebb {

class DifferenceFile final : public ExtentSource {
 public:
  // `file` and `loop` outlive it.
  static Result<std::unique_ptr<DifferenceFile>> open(File& file, Loop& loop);

  const SignedPoint& a() const { return *a_; }
  const SignedPoint& b() const { return *b_; }
  const std::vector<EmbeddedObject>& objects() const { return objects_; }
  // Every record of blocks: its name, where it lies, its data key.
  struct Block {
    Fingerprint name;
    RecordPlace place;
    DataKeyId key;
  };
  std::vector<Block> blocks() const;
  const std::vector<PageDigest>& pages() const { return pages_; }
  // The small objects as a folder, for a KeyStore.
  std::unique_ptr<Files> as_folder() const;
  Result<ByteVector> read_block(const Block& block);  // Header and payload, CRC checked.

  RepositoryId repository() const override { return repository_; }
  Result<std::vector<layout::PointName>> point_names() override;
  Result<SignedPoint> point(const layout::PointName& name) override;
  Result<ByteVector> page(const PageDigest& digest) override;
  Result<void> locate(std::span<const Fingerprint> names,
                      std::span<std::optional<RecordPlace>> places) override;
  Result<DataKeyId> data_key_of(const RecordPlace& place, const Fingerprint& name) override;
  void fetch(Fetch& fetch) override;

 private:
  struct PackPart {
    ByteIndex begin;
    std::unique_ptr<File> slice;
    PackHeader header;
  };
  struct Reading : Transfer {
    Fetch* fetch = nullptr;
  };
  DifferenceFile(File& file, Loop& loop) : file_(file), loop_(loop) {}
  Result<void> find_packs();
  Result<void> add_pack(ByteIndex begin, const PackTail& tail);
  Result<void> read_pack(PackPart& part, const PackTail& tail);
  Result<void> take_points();
  Result<ByteVector> read_record(const RecordPlace& place);

  File& file_;
  Loop& loop_;
  RepositoryId repository_;
  std::map<PackId, PackPart> packs_;
  std::unordered_map<RecordName, RecordPlace, NameHash> places_;
  std::unordered_map<RecordName, DataKeyId, NameHash> keys_;
  std::vector<PageDigest> pages_;
  std::vector<EmbeddedObject> objects_;
  std::optional<SignedPoint> a_;
  std::optional<SignedPoint> b_;
  std::vector<std::unique_ptr<Reading>> readings_;
};

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
// catalog.h - which repositories, volumes and points there are, and whose they are.
//
// Repositories and claims are the manager's to decide; points are what storage agents tell, and can
// be told again: a catalog that was lost is rebuilt by their next listings. Never a row a block.
#pragma once

#include "wire/control/manager/hosts.h"
#include "wire/control/manager/policies.h"
#include "wire/control/protocol.h"
#include "wire/control/ticket.h"

namespace ebb::control {

using CatalogRepositoryId = Name<16, struct CatalogRepositoryTag>;
using CatalogVolumeId = Name<16, struct CatalogVolumeTag>;
using CatalogPointId = Name<32, struct CatalogPointTag>;

struct RepositoryRow {
  std::string name;
  std::string storage;  // The agent's name.
  std::string address;
  std::optional<HolderId> holder;  // The agent's; nothing while it is revoked.
  WallTime created;
  std::uint64_t volumes = 0;
  std::uint64_t points = 0;
  std::uint64_t listing = 0;     // The newest that was told to its end; 0: none.
  std::optional<ToldMark> told;  // Of what was told last.
};

struct VolumeRow {
  std::string repository;
  CatalogVolumeId volume;
  std::string host;  // Empty: nobody's yet.
  std::string label;
  std::string policy;
  std::uint64_t points = 0;
  std::optional<WallTime> newest;  // Of its points, by the storage agent's clock.
};

struct PointRow {
  CatalogPointId point;
  CatalogVolumeId volume;
  std::uint64_t sequence = 0;
  WallTime created;
  WallTime arrived;
  std::uint64_t device_bytes = 0;
  std::uint64_t stored_bytes = 0;
};

struct VolumeClaimRow {
  CatalogVolumeId volume;
  std::string label;
  std::string policy;
};

struct VolumeKeepRow {
  CatalogVolumeId volume;
  KeepRuleRow rule;
};

class Catalog {
 public:
  Catalog(Database& database, AuditLog& audit) : database_(database), audit_(audit) {}

  // `invalid` when the name is taken, the host is no storage agent, or there are too many.
  Result<void> create_repository(const std::string& name, const Host& storage, WallTime now);
  // Lets a source use a repository of which no policy says that it does.
  Result<void> allow(const std::string& repository, const Host& source, WallTime now);
  Result<RepositoryRow> repository(const std::string& name);  // `absent` when there is none.
  Result<std::vector<RepositoryRow>> repositories();
  Result<std::vector<RepositoryRow>> repositories_at(const std::string& storage);

  // All of the volumes become the host's, or none: `denied` when one is another's.
  Result<void> claim(const std::string& repository, const Host& host,
                     const std::vector<VolumeClaimRow>& volumes);
  // `denied` unless a policy or an operator lets the source use it.
  Result<void> may_use(const std::string& repository, const Host& source, Policies& policies);
  Result<std::vector<VolumeRow>> volumes();
  // What the storage agent is to keep of volumes that a policy has: at most `most`, by their ids,
  // after this one.
  Result<std::vector<VolumeKeepRow>> kept(const std::string& repository,
                                          const std::optional<CatalogVolumeId>& after,
                                          std::size_t most);

  // A storage agent tells all points of a repository: begin, add as often as it takes, end. What
  // was not told in between is forgotten. To the newest that has ended, points that came later are
  // added, with another mark.
  Result<std::uint64_t> begin_listing(const std::string& repository, const CatalogRepositoryId& id,
                                      const Host& storage, WallTime now);
  Result<void> add_points(std::uint64_t listing, const Host& storage,
                          const std::vector<PointRow>& points, const ToldMark& mark);
  Result<void> end_listing(std::uint64_t listing, const Host& storage, const ToldMark& mark);
  // With the names of their repositories, the newest first.
  Result<void> each_point(
      const std::function<void(const std::string& repository, const PointRow&)>& visit);

 private:
  Result<void> may_be_new(const std::string& repository);
  Result<std::string> listed_repository(std::uint64_t listing, const Host& storage);
  Result<std::vector<RepositoryRow>> select(const char* where, Database::Values values);

  Database& database_;
  AuditLog& audit_;
};

}  // namespace ebb::control

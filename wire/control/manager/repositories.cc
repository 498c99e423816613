// SPDX-License-Identifier: Apache-2.0
// repositories.cc - the part of the catalog that the manager decides: repositories, who may use
// them, whose volumes are whose.
#include <algorithm>

#include "wire/control/manager/catalog.h"
#include "wire/control/protocol.h"

namespace ebb::control {

namespace {

constexpr const char* by_hand = "manager";

}  // namespace

// Lists of them have to fit into a message.
Result<void> Catalog::may_be_new(const std::string& name) {
  if (!is_repository_name(name)) {
    return fail(
        Error::invalid("\"{}\" is no name for a repository: 1 to {} of a-z, 0-9, '.', '_' and '-'",
                       name, max_repository_name));
  }
  if (TRY(database_.number("SELECT count(*) FROM repositories")) >=
      static_cast<std::int64_t>(max_repositories)) {
    return fail(Error::invalid("there are {} repositories, the most", max_repositories));
  }
  return {};
}

Result<void> Catalog::create_repository(const std::string& name, const Host& storage,
                                        WallTime now) {
  if (storage.role != Role::storage) {
    return fail(
        Error::invalid("{} is a {}, not a storage agent", storage.name, name_of(storage.role)));
  }
  return database_.atomically([&]() -> Result<void> {
    if (TRY(database_.number("SELECT count(*) FROM repositories WHERE name = ?", {name})) != 0) {
      return fail(Error::invalid("there is a repository \"{}\" already", name));
    }
    TRY(may_be_new(name));
    TRY(database_.change("INSERT INTO repositories (name, storage, created) VALUES (?, ?, ?)",
                         {name, storage.name, now}));
    return audit_.append(now, by_hand, "repository created", name, "at " + storage.name);
  });
}

Result<void> Catalog::allow(const std::string& name, const Host& source, WallTime now) {
  if (source.role != Role::source) {
    return fail(Error::invalid("{} is no source host", source.name));
  }
  return database_.atomically([&]() -> Result<void> {
    TRY(repository(name));
    TRY(database_.change(
        "INSERT INTO allowed_hosts (repository, host) VALUES (?, ?) ON CONFLICT DO NOTHING",
        {name, source.name}));
    return audit_.append(now, by_hand, "repository allowed", name, "to " + source.name);
  });
}

Result<std::vector<RepositoryRow>> Catalog::select(const char* where, Database::Values values) {
  const std::string sql = fmt::format(
      "SELECT name, storage, (SELECT address FROM hosts WHERE hosts.name = storage), "
      "(SELECT holder FROM identities WHERE host = storage AND revoked IS NULL), created, "
      "(SELECT count(*) FROM volumes WHERE repository = repositories.name), "
      "(SELECT count(*) FROM points WHERE repository = repositories.name), "
      "coalesce(listing, 0), told "
      "FROM repositories WHERE {} ORDER BY name",
      where);
  std::vector<RepositoryRow> rows;
  TRY(database_.each(sql.c_str(), values, [&](const SqlRow& row) {
    std::optional<HolderId> holder;
    if (!row.is_null(3)) holder = row.name<HolderId>(3);
    std::optional<ToldMark> told;
    if (!row.is_null(8)) told = row.name<ToldMark>(8);
    rows.push_back({row.text(0), row.text(1), row.text(2), holder, row.time(4), row.count(5),
                    row.count(6), row.count(7), told});
  }));
  return rows;
}

Result<RepositoryRow> Catalog::repository(const std::string& name) {
  std::vector<RepositoryRow> found = TRY(select("name = ?", {name}));
  if (found.empty()) {
    return fail(Error::absent("this manager knows no repository \"{}\"", name));
  }
  return std::move(found.front());
}

Result<std::vector<RepositoryRow>> Catalog::repositories() {
  return select("true", {});
}

Result<std::vector<RepositoryRow>> Catalog::repositories_at(const std::string& storage) {
  return select("storage = ?", {storage});
}

Result<void> Catalog::may_use(const std::string& name, const Host& source, Policies& policies) {
  TRY(repository(name));
  if (TRY(database_.number("SELECT count(*) FROM allowed_hosts WHERE repository = ? AND host = ?",
                           {name, source.name})) != 0) {
    return {};
  }
  for (const Policy& policy : TRY(policies.concerning(source.name))) {
    if (policy.repository == name) return {};
  }
  return fail(
      Error::denied("no policy lets {} use the repository \"{}\"; an operator can (`ebb-manager "
                    "repository allow {} --host {}`)",
                    source.name, name, name, source.name));
}

Result<void> Catalog::claim(const std::string& repository, const Host& host,
                            const std::vector<VolumeClaimRow>& volumes) {
  return database_.atomically([&]() -> Result<void> {
    for (const VolumeClaimRow& claim : volumes) {
      TRY(database_.change(
          "INSERT INTO volumes (repository, volume, host, label, policy) VALUES (?1,?2,?3,?4,?5) "
          "ON CONFLICT (repository, volume) DO UPDATE SET host = ?3, label = ?4, policy = ?5 "
          "WHERE host IS NULL OR host = ?3",
          {repository, claim.volume, host.name, claim.label, claim.policy}));
      std::string owner;
      TRY(database_.each("SELECT host FROM volumes WHERE repository = ? AND volume = ?",
                         {repository, claim.volume},
                         [&](const SqlRow& row) { owner = row.text(0); }));
      if (owner != host.name) {
        return fail(
            Error::denied("the volume \"{}\" ({}) of the repository \"{}\" belongs to {}, not to "
                          "{}; give this host's volume another name",
                          claim.label, claim.volume.hex(), repository, owner, host.name));
      }
    }
    return {};
  });
}

Result<std::vector<VolumeRow>> Catalog::volumes() {
  std::vector<VolumeRow> rows;
  TRY(database_.each(
      "SELECT volumes.repository, volumes.volume, coalesce(host, ''), label, policy, "
      "count(point), max(arrived) FROM volumes LEFT JOIN points ON points.repository = "
      "volumes.repository AND points.volume = volumes.volume GROUP BY volumes.repository, "
      "volumes.volume ORDER BY host, label",
      {}, [&](const SqlRow& row) {
        rows.push_back({row.text(0), row.name<CatalogVolumeId>(1), row.text(2), row.text(3),
                        row.text(4), row.count(5), row.maybe_time(6)});
      }));
  return rows;
}

Result<std::vector<VolumeKeepRow>> Catalog::kept(const std::string& repository,
                                                 const std::optional<CatalogVolumeId>& after,
                                                 std::size_t most) {
  std::vector<VolumeKeepRow> rows;
  TRY(database_.each(
      "SELECT volume, keep_last, keep_hourly, keep_daily, keep_weekly, keep_monthly, keep_yearly "
      "FROM volumes JOIN policies ON policies.name = policy "
      "WHERE volumes.repository = ?1 AND policies.repository = volumes.repository "
      "AND (?2 IS NULL OR volume > ?2) ORDER BY volume LIMIT ?3",
      {repository, after, std::uint64_t{most}}, [&](const SqlRow& row) {
        const auto times = [&](int column) {
          return static_cast<std::uint32_t>(row.number(column));
        };
        rows.push_back({row.name<CatalogVolumeId>(0),
                        {times(1), times(2), times(3), times(4), times(5), times(6)}});
      }));
  return rows;
}

}  // namespace ebb::control

// SPDX-License-Identifier: Apache-2.0
// points.cc - the part of the catalog that storage agents tell.
#include "wire/control/manager/catalog.h"

namespace ebb::control {

Result<std::uint64_t> Catalog::begin_listing(const std::string& name, const CatalogRepositoryId& id,
                                             const Host& storage, WallTime now) {
  return database_.atomically([&]() -> Result<std::uint64_t> {
    if (TRY(database_.number("SELECT count(*) FROM repositories WHERE name = ?", {name})) == 0) {
      TRY(may_be_new(name));
      if (TRY(database_.number("SELECT count(*) FROM repositories WHERE storage = ?",
                               {storage.name})) >=
          static_cast<std::int64_t>(max_repositories_of_agent)) {
        return fail(Error::invalid("{} has {} repositories, the most that an agent makes known",
                                   storage.name, max_repositories_of_agent));
      }
      TRY(database_.change("INSERT INTO repositories (name, storage, created) VALUES (?, ?, ?)",
                           {name, storage.name, now}));
      TRY(audit_.append(now, storage.name, "repository told", name, id.hex()));
    }
    std::string owner;
    std::optional<CatalogRepositoryId> known;
    TRY(database_.each("SELECT storage, id FROM repositories WHERE name = ?", {name},
                       [&](const SqlRow& row) {
                         owner = row.text(0);
                         if (!row.is_null(1)) known = row.name<CatalogRepositoryId>(1);
                       }));
    if (owner != storage.name) {
      return fail(
          Error::denied("the repository \"{}\" is at {}, not at {}", name, owner, storage.name));
    }
    if (!known) {
      TRY(database_.change("UPDATE repositories SET id = ? WHERE name = ?", {id, name}));
    } else if (*known != id) {
      return fail(
          Error::mismatch("the repository \"{}\" has the id {}, and this one {}: another "
                          "repository was put in its place",
                          name, known->hex(), id.hex()));
    }
    TRY(database_.change("INSERT INTO listings (repository, begun) VALUES (?, ?)", {name, now}));
    const auto listing = static_cast<std::uint64_t>(database_.last_row_id());
    // One at a time: whoever told an earlier one has given up.
    TRY(database_.change("DELETE FROM listings WHERE repository = ? AND number < ?",
                         {name, listing}));
    return listing;
  });
}

Result<std::string> Catalog::listed_repository(std::uint64_t listing, const Host& storage) {
  std::string name;
  TRY(
      database_.each("SELECT name FROM repositories LEFT JOIN listings ON name = repository "
                     "WHERE (number = ?1 OR listing = ?1) AND storage = ?2",
                     {listing, storage.name}, [&](const SqlRow& row) { name = row.text(0); }));
  if (name.empty()) {
    return fail(Error::absent("there is no listing {} of this agent; begin a new one", listing));
  }
  return name;
}

Result<void> Catalog::add_points(std::uint64_t listing, const Host& storage,
                                 const std::vector<PointRow>& points, const ToldMark& mark) {
  return database_.atomically([&]() -> Result<void> {
    const std::string name = TRY(listed_repository(listing, storage));
    for (const PointRow& point : points) {
      TRY(database_.change(
          "INSERT INTO volumes (repository, volume, label, policy) VALUES (?, ?, '', '') "
          "ON CONFLICT DO NOTHING",
          {name, point.volume}));
      TRY(database_.change(
          "INSERT INTO points (repository, point, volume, sequence, created, arrived, "
          "device_bytes, stored_bytes, listing) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
          "ON CONFLICT (repository, point) DO UPDATE SET listing = excluded.listing",
          {name, point.point, point.volume, point.sequence, point.created, point.arrived,
           point.device_bytes, point.stored_bytes, listing}));
    }
    TRY(database_.change("UPDATE repositories SET told = ? WHERE name = ? AND listing = ?",
                         {mark, name, listing}));
    return {};
  });
}

Result<void> Catalog::end_listing(std::uint64_t listing, const Host& storage,
                                  const ToldMark& mark) {
  return database_.atomically([&]() -> Result<void> {
    const std::string name = TRY(listed_repository(listing, storage));
    TRY(database_.change("DELETE FROM points WHERE repository = ? AND listing != ?",
                         {name, listing}));
    TRY(database_.change("UPDATE repositories SET listing = ?, told = ? WHERE name = ?",
                         {listing, mark, name}));
    TRY(database_.change("DELETE FROM listings WHERE number = ?", {listing}));
    // Volumes that nobody claimed and that have no points left were only known by them.
    TRY(database_.change(
        "DELETE FROM volumes WHERE repository = ?1 AND host IS NULL AND NOT EXISTS (SELECT 1 FROM "
        "points WHERE points.repository = ?1 AND points.volume = volumes.volume)",
        {name}));
    return {};
  });
}

Result<void> Catalog::each_point(
    const std::function<void(const std::string& repository, const PointRow&)>& visit) {
  return database_.each(
      "SELECT repository, point, volume, sequence, created, arrived, device_bytes, stored_bytes "
      "FROM points ORDER BY arrived DESC",
      {}, [&](const SqlRow& row) {
        visit(row.text(0), {row.name<CatalogPointId>(1), row.name<CatalogVolumeId>(2), row.count(3),
                            row.time(4), row.time(5), row.count(6), row.count(7)});
      });
}

}  // namespace ebb::control

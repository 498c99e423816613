// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/point_store.h"

#include <algorithm>

namespace ebb {

Result<std::vector<layout::PointName>> PointStore::point_names() {
  std::vector<layout::PointName> all;
  for (const std::string& folder : TRY(objects_.list(layout::points, true))) {
    const auto volume = VolumeId::from_hex_text(folder);
    if (!volume) continue;
    for (const std::string& file : TRY(objects_.list(layout::volume_folder(*volume)))) {
      if (const auto name = layout::point_name_of(*volume, file)) all.push_back(*name);
    }
  }
  std::ranges::sort(all);
  return all;
}

Result<std::optional<layout::PointName>> PointStore::latest_point(const VolumeId& volume) {
  std::optional<layout::PointName> latest;
  for (const std::string& file : TRY(objects_.list(layout::volume_folder(volume)))) {
    const auto name = layout::point_name_of(volume, file);
    if (name && (!latest || *latest < *name)) latest = name;
  }
  return latest;
}

Result<SignedPoint> PointStore::point(const layout::PointName& name) {
  const ByteVector body = TRY(objects_.read(ObjectType::point, name.path()));
  SignedPoint point = TRY(during(unpack_point(body), "reading point {}", name.id.hex()));
  if (point.id != name.id || point.point.volume != name.volume ||
      point.point.sequence != name.sequence || point.point.repository != repository_) {
    return fail(Error::damaged("the file of point {} holds another point", name.id.hex()));
  }
  return point;
}

Result<void> PointStore::publish_point(const SignedPoint& point) {
  Files& files = objects_.files();
  const layout::PointName name{point.point.volume, point.point.sequence, point.id};
  TRY(files.make_folder(layout::volume_folder(name.volume)));
  TRY(files.sync_folder(layout::points));
  return objects_.publish(ObjectType::point, name.path(), point.body);
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "tools/ebb/find_point.h"

#include <algorithm>

namespace ebb {

Result<KnownPoint> know_point(RepositoryAccess& repository, const ReadingKeys& keys,
                              const layout::PointName& name) {
  KnownPoint known;
  known.name = name;
  known.point = TRY(repository.points().point(name));
  const auto context = [&](Error error) {
    return error.during("point {}", name.id.hex().substr(0, 12));
  };
  if (!signature_is_right(known.point)) {
    return fail(context(Error::denied("its signature is wrong; somebody altered it")));
  }
  const MemberSource* signer = keys.members.find(known.point.point.source);
  if (signer == nullptr) {
    return fail(context(Error::denied("it is signed by nobody who belongs to this repository")));
  }
  known.signer = signer->name;
  known.signer_left = !signer->active;
  auto about = open_about(known.point.point, keys.id_key);
  if (!about) return fail(context(about.error()));
  known.about = std::move(*about);
  return known;
}

Result<KnownPoint> find_point(RepositoryAccess& repository, const ReadingKeys& keys,
                              const std::string& text) {
  const auto names = TRY(repository.points().point_names());
  if (const std::size_t at = text.rfind('@'); at != std::string::npos) {
    const std::string volume_name = text.substr(0, at);
    const std::string which = text.substr(at + 1);
    if (which != "latest") {
      return fail(Error::invalid("\"{}\" means no point; after @ comes \"latest\"", text));
    }
    const VolumeId volume = volume_id_of(keys.id_key, volume_name);
    const auto latest = TRY(repository.points().latest_point(volume));
    if (!latest) {
      return fail(
          Error::absent("there is no point of a volume named \"{}\"; `ebb points` lists "
                        "what there is",
                        volume_name));
    }
    const auto alike = std::ranges::count_if(names, [&](const layout::PointName& name) {
      return name.volume == volume && name.sequence == latest->sequence;
    });
    if (alike > 1) {
      return fail(Error::invalid("{} points of \"{}\" have the number {}; name one by its id",
                                 alike, volume_name, latest->sequence));
    }
    return know_point(repository, keys, *latest);
  }
  constexpr std::size_t shortest = 4;
  std::vector<layout::PointName> meant;
  for (const layout::PointName& name : names) {
    if (text.size() >= shortest && name.id.hex().starts_with(text)) meant.push_back(name);
  }
  if (meant.empty()) {
    return fail(
        Error::absent("no point's id begins with \"{}\" (at least {} digits); `ebb points` "
                      "lists what there is",
                      text, shortest));
  }
  if (meant.size() > 1) {
    return fail(
        Error::invalid("{} points begin with \"{}\"; give more digits", meant.size(), text));
  }
  return know_point(repository, keys, meant.front());
}

DataKeys data_keys_of(RepositoryAccess& repository, const ReadingKeys& keys) {
  return [&repository, &keys](const DataKeyId& id) {
    return repository.keys().data_key(id, keys.keyring->keyring);
  };
}

}  // namespace ebb

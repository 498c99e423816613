// SPDX-License-Identifier: Apache-2.0
#include "wire/client/remote_source.h"

#include <algorithm>

#include "wire/limits.h"
#include "wire/place.h"

namespace ebb {

using Repository = wire::Repository;

Result<ByteVector> RemoteSource::page(const PageDigest& digest) {
  return bytes_of_reply(TRY(connection_.call([&](Repository::Client& repository) {
    auto request = repository.pageRequest();
    request.setDigest(kj_bytes(digest.view()));
    return request.send();
  })));
}

Result<void> RemoteSource::locate(std::span<const Fingerprint> names,
                                  std::span<std::optional<RecordPlace>> places) {
  for (std::size_t at = 0; at < names.size(); at += wire_limits::max_names) {
    const auto part = names.subspan(at, std::min(names.size() - at, wire_limits::max_names));
    const ByteVector reply =
        TRY(bytes_of_reply(TRY(connection_.call([&](Repository::Client& repository) {
          auto request = repository.locateRequest();
          request.setNames(kj_bytes(std::as_bytes(part)));
          return request.send();
        }))));
    if (reply.size() != part.size() * sizeof(PlaceOnWire)) {
      return fail(Error::invalid("the storage agent answered {} bytes about {} names", reply.size(),
                                 part.size()));
    }
    for (std::size_t i = 0; i < part.size(); ++i) {
      PlaceOnWire place;
      std::memcpy(&place, reply.data() + i * sizeof place, sizeof place);
      places[at + i].reset();
      if (!all_zero(place.pack)) places[at + i] = from_wire(place);
    }
  }
  return {};
}

Result<DataKeyId> RemoteSource::data_key_of(const RecordPlace& place, const Fingerprint& name) {
  if (const auto found = data_keys_.find(place.pack); found != data_keys_.end()) {
    return found->second;
  }
  const ByteVector reply =
      TRY(bytes_of_reply(TRY(connection_.call([&](Repository::Client& repository) {
        auto request = repository.dataKeyOfRequest();
        const PlaceOnWire there = to_wire(place);
        request.setPlace(kj_bytes(bytes_of_struct(there)));
        request.setName(kj_bytes(name.view()));
        return request.send();
      }))));
  const auto id = DataKeyId::of(reply);
  if (!id) return fail(Error::invalid("the storage agent named no data key"));
  data_keys_.emplace(place.pack, *id);
  return *id;
}

void RemoteSource::fetch(Fetch& fetch) {
  // In a fiber of its own, so that as many are under way as the caller starts.
  connection_.kj().run_detached([this, &fetch] {
    auto fetched = fetch_now(fetch);
    fetch.settled(fetch, std::move(fetched));
    connection_.kj().called_back();
  });
}

Result<void> RemoteSource::fetch_now(Fetch& fetch) {
  const auto response = TRY(connection_.call([&](Repository::Client& repository) {
    auto request = repository.fetchRequest();
    request.setPack(kj_bytes(fetch.pack.view()));
    request.setAt(fetch.bytes.begin.value());
    request.setLength(static_cast<std::uint32_t>(fetch.bytes.length().value()));
    return request.send();
  }));
  if (response.isRefused()) return fail(to_error(response.getRefused()));
  const Bytes bytes = bytes_from(response.getBytes());
  if (bytes.size() != fetch.bytes.length().size()) {
    return fail(Error::invalid("the storage agent gave {} bytes instead of {}", bytes.size(),
                               fetch.bytes.length().value()));
  }
  std::memcpy(fetch.room.data(), bytes.data(), bytes.size());
  fetch.arrived = fetch.room.first(bytes.size());
  return {};
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/layout.h"

#include <charconv>

namespace ebb::layout {

namespace {

constexpr std::string_view pack_ending = ".pack";
constexpr std::size_t number_digits = 16;

std::string number(std::uint64_t value) {
  return fmt::format("{:016x}", value);
}

}  // namespace

std::string pack(const PackId& pack) {
  return fmt::format("{}/{}{}", packs, pack.hex(), pack_ending);
}
std::string envelope(const DataKeyId& key, const HpkePublicKey& recipient) {
  return fmt::format("{}/{}-{}", envelopes, key.hex(), to_hex(recipient.view().first(8)));
}
std::string volume_folder(const VolumeId& volume) {
  return fmt::format("{}/{}", points, volume.hex());
}
std::string members_record(std::uint64_t epoch) {
  return fmt::format("{}/{}", members, number(epoch));
}
std::string keyring_folder(std::uint64_t generation) {
  return fmt::format("{}/{}", keys, number(generation));
}
std::string keyring(std::uint64_t generation) {
  return keyring_folder(generation) + "/keyring";
}
std::string slot(std::uint64_t generation, const SlotId& slot) {
  return fmt::format("{}/slot-{}", keyring_folder(generation), slot.hex());
}

std::string PointName::path() const {
  return fmt::format("{}/{}-{}", volume_folder(volume), number(sequence), id.hex());
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.size() != number_digits || error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

std::optional<PointName> point_name_of(const VolumeId& volume, std::string_view file) {
  if (file.size() != number_digits + 1 + 2 * PointId::size || file[number_digits] != '-') {
    return std::nullopt;
  }
  const auto sequence = number_of(file.substr(0, number_digits));
  const auto id = PointId::from_hex_text(file.substr(number_digits + 1));
  if (!sequence || !id) return std::nullopt;
  return PointName{volume, *sequence, *id};
}

std::optional<DataKeyId> data_key_of_envelope(std::string_view file) {
  constexpr std::size_t digits = 2 * DataKeyId::size;
  if (file.size() != digits + 1 + number_digits || file[digits] != '-') return std::nullopt;
  return DataKeyId::from_hex_text(file.substr(0, digits));
}

std::optional<PackId> pack_id_of(std::string_view file) {
  if (!file.ends_with(pack_ending)) return std::nullopt;
  return PackId::from_hex_text(file.substr(0, file.size() - pack_ending.size()));
}

}  // namespace ebb::layout

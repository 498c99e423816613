// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/point.h"

#include <nlohmann/json.hpp>

#include "engine/repo/body.h"

namespace ebb {

namespace {

constexpr std::string_view point_magic = "EBBPOINT";
constexpr std::uint32_t point_version = 1;

ByteVector to_be_signed(Bytes body) {
  return BodyWriter().raw(bytes_of("ebb point 1")).raw(body).take();
}

// What the label is bound to: it can be moved to no other volume or sequence.
ByteVector about_context(const Point& point) {
  return BodyWriter()
      .raw(bytes_of("ebb about 1"))
      .raw(point.repository.view())
      .raw(point.volume.view())
      .u64(point.sequence)
      .take();
}

nlohmann::json to_json(const ChangeProof& proof) {
  nlohmann::json json = {
      {"clean", proof.clean}, {"audited", proof.audited}, {"slice_end", proof.slice_end.value()}};
  if (proof.token) {
    json["source"] = static_cast<unsigned>(proof.token->source);
    json["facts"] = proof.token->facts;
  }
  return json;
}

Result<ChangeProof> proof_from(const nlohmann::json& json) {
  const auto number = [&](const char* name) -> std::uint64_t {
    const auto found = json.find(name);
    return found != json.end() && found->is_number_unsigned()
               ? *found->get_ptr<const std::uint64_t*>()
               : 0;
  };
  const auto senseless = [] { return fail(Error::damaged("the point's label makes no sense")); };
  if (!json.is_object()) return senseless();
  ChangeProof proof;
  proof.clean = number("clean");
  proof.audited = number("audited");
  proof.slice_end = BlockIndex(number("slice_end"));
  const auto facts = json.find("facts");
  if (facts == json.end()) return proof;
  if (!facts->is_object() || facts->size() > max_token_facts || number("source") > 255) {
    return senseless();
  }
  proof.token.emplace();
  proof.token->source = static_cast<SourceKind>(number("source"));
  for (const auto& [name, value] : facts->items()) {
    const auto* text = value.get_ptr<const std::string*>();
    if (text == nullptr || text->size() > max_fact_bytes || name.size() > max_fact_bytes) {
      return senseless();
    }
    proof.token->facts.emplace(name, *text);
  }
  return proof;
}

}  // namespace

SignedPoint sign_point(Point point, const SigningSeed& seed) {
  point.source = verify_key_of(seed);
  BodyWriter body;
  body.raw(bytes_of(point_magic))
      .u32(point_version)
      .raw(point.repository.view())
      .raw(point.volume.view())
      .raw(point.source.view())
      .raw(point.data_key.view())
      .u64(point.sequence)
      .raw(point.predecessor.view())
      .u64(static_cast<std::uint64_t>(point.created.nanoseconds))
      .u64(point.grid.size().value())
      .u32(static_cast<std::uint32_t>(point.grid.block().bytes().value()))
      .raw(point.map.view())
      .u64(point.members_epoch)
      .u8(static_cast<std::uint8_t>(point.found_by))
      .u64(point.counts.zero.value())
      .u64(point.counts.changed.value())
      .u64(point.counts.shipped.value())
      .u64(point.counts.read.value())
      .u64(point.counts.stored.value())
      .raw(point.about.salt)
      .sized(point.about.sealed);
  const PointId id{sha256(body.bytes()).bytes};
  const Signature signature = sign(seed, to_be_signed(body.bytes()));
  body.raw(signature.view());
  return {std::move(point), id, body.take()};
}

Result<SignedPoint> unpack_point(Bytes body) {
  BodyReader reader(body);
  SignedPoint result;
  Point& point = result.point;
  if (text_of(TRY(reader.raw(point_magic.size()))) != point_magic) {
    return fail(Error::damaged("this is no recovery point"));
  }
  const std::uint32_t version = TRY(reader.u32());
  if (version != point_version) {
    return fail(
        Error::invalid("a recovery point of version {}, which this ebb does not know", version));
  }
  point.repository = TRY(reader.name<RepositoryId>());
  point.volume = TRY(reader.name<VolumeId>());
  point.source = TRY(reader.name<VerifyKey>());
  point.data_key = TRY(reader.name<DataKeyId>());
  point.sequence = TRY(reader.u64());
  point.predecessor = TRY(reader.name<PointId>());
  point.created.nanoseconds = static_cast<std::int64_t>(TRY(reader.u64()));
  const ByteCount size(TRY(reader.u64()));
  const ByteCount block(TRY(reader.u32()));
  if (size > limits::max_device_size) {
    return fail(Error::damaged("a recovery point of {} bytes", size.value()));
  }
  point.grid = BlockGrid(size, TRY(BlockSize::of(block)));
  point.map = TRY(reader.name<PageDigest>());
  point.members_epoch = TRY(reader.u64());
  const std::uint8_t found_by = TRY(reader.u8());
  point.found_by = static_cast<SourceKind>(found_by);
  point.counts.zero = BlockCount(TRY(reader.u64()));
  point.counts.changed = BlockCount(TRY(reader.u64()));
  point.counts.shipped = BlockCount(TRY(reader.u64()));
  point.counts.read = ByteCount(TRY(reader.u64()));
  point.counts.stored = ByteCount(TRY(reader.u64()));
  std::ranges::copy(TRY(reader.raw(point.about.salt.size())), point.about.salt.begin());
  point.about.sealed = copy_of(TRY(reader.sized(limits::max_small_object.size())));
  result.id = PointId{sha256(reader.so_far()).bytes};
  TRY(reader.raw(Signature::size));
  TRY(reader.end());
  result.body = copy_of(body);
  return result;
}

bool signature_is_right(const SignedPoint& point) {
  const Bytes body = point.body;
  const Bytes signed_part = body.first(body.size() - Signature::size);
  const auto signature = Signature::of(body.last(Signature::size));
  return verify(point.point.source, to_be_signed(signed_part), *signature);
}

SealedLabel seal_about(const PointAbout& about, const Point& point, const IdKey& key,
                       Random& random) {
  nlohmann::json unreadable = nlohmann::json::array();
  for (const ByteRun& run : about.unreadable) {
    unreadable.push_back({run.begin.value(), run.end.value()});
  }
  const nlohmann::json json = {{"volume", about.volume_name},
                               {"passport", to_json(about.passport)},
                               {"unreadable", std::move(unreadable)},
                               {"left_out", about.left_out.value()},
                               {"changes", to_json(about.changes)}};
  const std::string text = json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return seal_label(key, about_context(point), bytes_of(text), random);
}

Result<PointAbout> open_about(const Point& point, const IdKey& key) {
  const ByteVector text =
      TRY(during(open_label(key, about_context(point), point.about), "opening the point's label"));
  // What is nested deeper than any label is dropped, so that nothing later recurses into it.
  constexpr int deepest = 32;
  const auto shallow = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    return depth <= deepest;
  };
  const auto json = nlohmann::json::parse(text_of(text), shallow, false);
  const auto senseless = [] { return fail(Error::damaged("the point's label makes no sense")); };
  if (!json.is_object() || !json.contains("volume") || !json["volume"].is_string() ||
      !json.contains("passport") || !json.contains("unreadable") ||
      !json["unreadable"].is_array() || json["unreadable"].size() > limits::max_unreadable_runs) {
    return senseless();
  }
  PointAbout about;
  about.volume_name = *json["volume"].get_ptr<const std::string*>();
  about.passport = TRY(passport_from_json(json["passport"].dump()));
  for (const auto& run : json["unreadable"]) {
    if (!run.is_array() || run.size() != 2 || !run[0].is_number_unsigned() ||
        !run[1].is_number_unsigned()) {
      return senseless();
    }
    const ByteRun bytes{ByteIndex(*run[0].get_ptr<const std::uint64_t*>()),
                        ByteIndex(*run[1].get_ptr<const std::uint64_t*>())};
    if (bytes.empty() || bytes.end.value() > point.grid.size().value()) return senseless();
    about.unreadable.push_back(bytes);
  }
  if (json.contains("left_out")) {
    const auto* const blocks = json["left_out"].get_ptr<const nlohmann::json::number_unsigned_t*>();
    if (blocks == nullptr || *blocks > point.grid.count().value()) return senseless();
    about.left_out = BlockCount(*blocks);
  }
  if (json.contains("changes")) about.changes = TRY(proof_from(json["changes"]));
  return about;
}

}  // namespace ebb

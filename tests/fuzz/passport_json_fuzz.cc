// SPDX-License-Identifier: Apache-2.0
// Any text as a passport: no exception, no crash; what is accepted comes back as it was.
#include <nlohmann/json.hpp>

#include "devmap/core/check.h"
#include "devmap/passport.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ebb;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto passport = passport_from_json(text);
  if (!passport) return 0;
  const auto again = passport_from_json(to_json(*passport).dump());
  EBB_CHECK(again, again ? "" : again.error().text());
  EBB_CHECK(*again == *passport, "a passport changes on its way");
  (void)identity_text(*passport);
  EBB_CHECK(
      last_used_byte(passport->table, passport->shape.size).value() <= passport->shape.size.value(),
      "used past the end");
  (void)boot_areas(passport->table, passport->shape.size);
  return 0;
}

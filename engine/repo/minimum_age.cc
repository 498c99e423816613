// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/minimum_age.h"

#include "engine/repo/body.h"
#include "engine/repo/retention.h"

namespace ebb {

ByteVector pack_minimum_age(const MinimumAge& minimum) {
  return BodyWriter()
      .raw(minimum.repository.view())
      .u64(static_cast<std::uint64_t>(minimum.age.count()))
      .u64(static_cast<std::uint64_t>(minimum.set.nanoseconds))
      .take();
}

Result<MinimumAge> unpack_minimum_age(Bytes body) {
  BodyReader reader(body);
  MinimumAge minimum;
  minimum.repository = TRY(reader.name<RepositoryId>());
  const std::uint64_t seconds = TRY(reader.u64());
  if (seconds > static_cast<std::uint64_t>(longest_minimum_age.count())) {
    return fail(Error::damaged("a minimum age of {} seconds", seconds));
  }
  minimum.age = std::chrono::seconds(seconds);
  minimum.set.nanoseconds = static_cast<std::int64_t>(TRY(reader.u64()));
  TRY(reader.end());
  return minimum;
}

Result<std::chrono::seconds> read_minimum_age(ObjectStore& objects,
                                              const RepositoryId& repository) {
  const auto body = objects.read(ObjectType::minimum_age, layout::minimum_age);
  if (!body && body.error().kind() == ErrorKind::absent) return std::chrono::seconds(0);
  if (!body) return fail(body.error());
  const MinimumAge minimum =
      TRY(during(unpack_minimum_age(*body), "reading {}", layout::minimum_age));
  if (minimum.repository != repository) {
    return fail(Error::damaged("{} is that of another repository", layout::minimum_age));
  }
  return minimum.age;
}

Result<void> raise_minimum_age(ObjectStore& objects, const RepositoryId& repository,
                               std::chrono::seconds age, WallTime now) {
  const std::chrono::seconds before = TRY(read_minimum_age(objects, repository));
  if (age < before) {
    return fail(Error::denied("the minimum age of this repository is {}; it is never lowered",
                              age_text(before)));
  }
  if (age > longest_minimum_age) {
    return fail(Error::invalid("a minimum age of {}; the longest is {}", age_text(age),
                               age_text(longest_minimum_age)));
  }
  if (age == before) return {};
  return objects.publish(ObjectType::minimum_age, layout::minimum_age,
                         pack_minimum_age({repository, age, now}));
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "devmap/lvm/snapshot_set.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "devmap/device_mapper.h"
#include "devmap/lvm/held_still.h"

namespace ebb {

namespace {

// Gone with a reboot, as those who hold locks are. Not /run/lock, where anybody may make files.
constexpr const char* lock_folder = "/run/ebb";
// LVM's is 127, with what it appends for its own parts of a snapshot.
constexpr std::size_t longest_name = 100;

// Kept while the file is open. It is never removed: a lock on a file that is not there any more
// would keep nobody out.
Result<UniqueFd> lock_of(const std::string& owner, const LogicalVolume& origin) {
  ::mkdir(lock_folder, 0700);
  const std::string path = fmt::format("{}/ebb-snapshot-{}-{}", lock_folder, origin.uuid, owner);
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.is_open()) return fail(Error::from_errno(errno).during("opening {}", path));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(Error::from_errno(errno).during("locking {}", path));
    return fail(Error::busy("another ebb backs up a snapshot of {}", origin.full_name()));
  }
  return fd;
}

// A snapshot of the same origin and owner.
bool is_other(const SnapshotSet::Member& member, const LogicalVolume& volume) {
  return volume.group_uuid == member.origin.group_uuid && volume.origin == member.origin.name &&
         volume.has_tag(snapshot_tag) && volume.has_tag(member.owner_tag) &&
         volume.name != member.snapshot.name;
}

std::string name_for(const LogicalVolume& origin, Random& random) {
  std::array<std::byte, 4> bytes{};
  random.fill(bytes);
  std::string name = "ebb-" + origin.name.substr(0, longest_name) + "-";
  for (const std::byte byte : bytes) name += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return name;
}

}  // namespace

std::string SnapshotSet::why_not(const LogicalVolume& origin) {
  const std::string name = origin.full_name();
  if (!origin.active) return name + " is not active";
  if (origin.is_laid_out("pool")) return name + " is a pool, not a volume";
  if (origin.plays("thicksnapshot")) {
    return name + " is a snapshot itself, which LVM takes none of; back it up as it is";
  }
  return "";
}

Result<std::unique_ptr<SnapshotSet>> SnapshotSet::take(const std::vector<Wish>& wishes,
                                                       std::chrono::milliseconds longest_hold,
                                                       Lvm& lvm, Random& random) {
  std::unique_ptr<SnapshotSet> set(new SnapshotSet(lvm));
  for (const Wish& wish : wishes) {
    if (const std::string why = why_not(wish.origin); !why.empty()) {
      return fail(Error::invalid("{}", why));
    }
    set->members_.push_back(
        {{wish.origin, "ebb.for=" + wish.owner, {}}, TRY(lock_of(wish.owner, wish.origin))});
  }
  const auto thin = std::ranges::count_if(
      set->members_, [](const Held& held) { return held.value.origin.is_thin(); });
  if (thin > 1) {
    return fail(Error::invalid(
        "{} of these are thin volumes, and LVM cannot take snapshots of two at one instant: back "
        "them up one by one, or put what belongs together on one volume",
        thin));
  }
  TRY(set->remove_leftovers());
  TRY(set->take_all(wishes, longest_hold, random));
  TRY(set->find_taken());
  return set;
}

// What was not a base when its owner was killed is in no point's proof. What somebody has mounted
// stays until a later set.
Result<void> SnapshotSet::remove_leftovers() {
  const std::vector<LogicalVolume> all = TRY(lvm_.volumes());
  for (const Held& held : members_) {
    for (const LogicalVolume& volume : all) {
      if (is_other(held.value, volume) && !volume.has_tag(base_tag)) {
        static_cast<void>(remove(volume));
      }
    }
  }
  return {};
}

Result<void> SnapshotSet::take_all(const std::vector<Wish>& wishes,
                                   std::chrono::milliseconds longest_hold, Random& random) {
  std::vector<dev_t> thick;
  for (const Held& held : members_) {
    if (!held.value.origin.is_thin())
      thick.push_back(TRY(number_of_device(held.value.origin.node)));
  }
  std::unique_ptr<HeldStill> still;
  if (members_.size() > 1) still = TRY(HeldStill::hold(thick, longest_hold));
  for (const bool is_thin : {true, false}) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (members_[i].value.origin.is_thin() != is_thin) continue;
      TRY(take_one(members_[i], wishes[i].room, random));
    }
  }
  if (still) TRY(still->let_go());
  return {};
}

Result<void> SnapshotSet::take_one(Held& held, ByteCount room, Random& random) {
  Member& member = held.value;
  member.snapshot.group = member.origin.group;
  member.snapshot.name = name_for(member.origin, random);
  const std::vector<std::string> tags = {snapshot_tag, member.owner_tag};
  held.taken = true;  // Also where it fails half-way: removing what is not there harms nobody.
  if (member.origin.is_thin()) return lvm_.take_thin(member.origin, member.snapshot.name, tags);
  if (room > member.origin.group_free) {
    return fail(Error{ErrorKind::full,
                      fmt::format("{} has {} bytes free, and a snapshot of {} should have room for "
                                  "{} bytes of changes; --snapshot-size takes less",
                                  member.origin.group, member.origin.group_free.value(),
                                  member.origin.full_name(), room.value())});
  }
  return lvm_.take_thick(member.origin, member.snapshot.name, tags, room);
}

Result<void> SnapshotSet::find_taken() {
  const std::vector<LogicalVolume> all = TRY(lvm_.volumes());
  for (Held& held : members_) {
    Member& member = held.value;
    const auto found = std::ranges::find_if(all, [&](const LogicalVolume& volume) {
      return volume.group_uuid == member.origin.group_uuid && volume.name == member.snapshot.name;
    });
    if (found == all.end() || !found->active || found->origin != member.origin.name) {
      return fail(
          Error::lost("the snapshot {} was taken and is not there", member.snapshot.full_name()));
    }
    member.snapshot = *found;
  }
  return {};
}

Result<std::vector<LogicalVolume>> SnapshotSet::others(std::size_t i) const {
  std::vector<LogicalVolume> all = TRY(lvm_.volumes());
  std::erase_if(all, [&](const LogicalVolume& v) { return !is_other(members_[i].value, v); });
  return all;
}

Result<void> SnapshotSet::make_base(std::size_t i) {
  return lvm_.add_tag(members_[i].value.snapshot.full_name(), base_tag);
}

SnapshotSet::~SnapshotSet() {
  for (const Held& held : members_) {
    // What cannot be removed now has no base tag, or is in no proof: the next set removes it.
    if (held.taken && !held.kept) static_cast<void>(remove(held.value.snapshot));
  }
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "devmap/occupation.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "devmap/claims.h"
#include "devmap/core/unique_fd.h"
#include "devmap/text_file.h"

namespace ebb {

namespace {

constexpr std::size_t max_users = 4096;

// Walks upwards from one device or file to everything that uses it.
class Search {
 public:
  explicit Search(const BlockGraph& graph) : graph_(graph), loops_(graph.attached_loops()) {}

  void start(const Target& target) {
    if (target.block.empty()) {
      take_loops_on(target.own);
    } else {
      reach(target.block);
      // The whole disk may be in use as such (an md member, say), which takes its partitions too.
      if (const auto disk = graph_.disk_of(target.block)) {
        names_.insert(*disk);
        take_users_of(*disk);
      }
    }
    while (next_ < queue_.size() && queue_.size() < max_users) {
      const std::string name = queue_[next_++];
      for (const std::string& partition : graph_.partitions_of(name)) reach(partition);
      take_users_of(name);
    }
  }

  void find_mounts() {
    for (const MountEntry& mount : mounts(graph_.roots())) {
      for (const std::string& name : graph_.devices_of(mount)) {
        if (!names_.contains(name)) continue;
        found_.mounts.push_back(graph_.node_of(name) + " on " + mount.folder);
      }
    }
  }

  void find_swaps(const Target& target) {
    const auto lines = lines_of(file_text(graph_.roots().proc + "/swaps"));
    for (std::size_t i = 1; i < lines.size(); ++i) {  // The first line is a heading.
      const auto words = words_of(lines[i]);
      if (words.empty()) continue;
      const std::string path = without_octal_escapes(words[0]);
      const auto name = graph_.name_of_path(path);
      const auto swap = target_at(path, graph_);
      if ((name && names_.contains(*name)) ||
          (target.block.empty() && swap && touch(swap->own, target.own))) {
        found_.swaps.push_back(path);
      }
    }
  }

  Occupation take() { return std::move(found_); }

 private:
  bool reach(const std::string& name) {
    if (!names_.insert(name).second) return false;
    queue_.push_back(name);
    return true;
  }

  void take_users_of(const std::string& name) {
    for (const std::string& holder : graph_.holders_of(name)) {
      if (!reach(holder)) continue;
      const std::string alias = graph_.attribute(holder, "dm/name");
      found_.holders.push_back(alias.empty() ? holder : holder + " (" + alias + ")");
    }
    take_loops_on({{"block:" + name, {ByteIndex(0), ByteIndex(UINT64_MAX)}}});
  }

  void take_loops_on(const Claims& claims) {
    for (const std::string& loop : loops_) {
      if (names_.contains(loop) || !touch(own_claims(loop, graph_), claims)) continue;
      reach(loop);
      found_.loops.push_back(graph_.node_of(loop));
    }
  }

  const BlockGraph& graph_;
  const std::vector<std::string> loops_;
  std::set<std::string> names_;
  std::vector<std::string> queue_;
  std::size_t next_ = 0;
  Occupation found_;
};

bool is_read_only(const std::string& path, const Target& target, const BlockGraph& graph) {
  if (!target.block.empty()) {
    const auto disk = graph.disk_of(target.block);
    return graph.attribute(target.block, "ro") == "1" ||
           (disk && graph.attribute(*disk, "ro") == "1");
  }
  struct statvfs system {};
  const bool system_read_only =
      ::statvfs(path.c_str(), &system) == 0 && (system.f_flag & ST_RDONLY) != 0;
  return system_read_only || ::access(path.c_str(), W_OK) != 0;
}

bool is_opened_exclusively(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISBLK(status.st_mode)) return false;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC));
  return !fd.is_open() && errno == EBUSY;
}

}  // namespace

Result<Occupation> probe_occupation(const std::string& path, const SystemRoots& roots) {
  const BlockGraph graph(roots);
  const Target target = TRY(target_at(path, graph));
  Search search(graph);
  search.start(target);
  search.find_mounts();
  search.find_swaps(target);
  Occupation occupation = search.take();
  occupation.read_only = is_read_only(path, target, graph);
  if (occupation.free()) occupation.in_exclusive_use = is_opened_exclusively(path);
  return occupation;
}

Result<bool> is_written_as_mounted(const std::string& path, const SystemRoots& roots) {
  const BlockGraph graph(roots);
  const auto name = graph.name_of_path(path);
  if (!name) return false;
  for (const MountEntry& mount : mounts(roots)) {
    if (mount.options != "rw" && !mount.options.starts_with("rw,")) continue;
    const auto devices = graph.devices_of(mount);
    if (std::find(devices.begin(), devices.end(), *name) != devices.end()) return true;
  }
  return false;
}

Result<bool> same_device(const std::string& a, const std::string& b, const SystemRoots& roots) {
  const BlockGraph graph(roots);
  const Target one = TRY(target_at(a, graph));
  const Target other = TRY(target_at(b, graph));
  return std::any_of(one.own.begin(), one.own.end(), [&](const Claim& claim) {
    return std::find(other.own.begin(), other.own.end(), claim) != other.own.end();
  });
}

Result<bool> overlaps(const std::string& a, const std::string& b, const SystemRoots& roots) {
  const BlockGraph graph(roots);
  const Target one = TRY(target_at(a, graph));
  const Target other = TRY(target_at(b, graph));
  return touch(one.own, claims_below(other, graph)) || touch(other.own, claims_below(one, graph));
}

Result<std::vector<std::string>> devices_under(const std::string& folder_or_file,
                                               const SystemRoots& roots) {
  struct stat status {};
  if (::stat(folder_or_file.c_str(), &status) != 0) {
    return fail(Error::from_errno(errno).during("{}", folder_or_file));
  }
  const BlockGraph graph(roots);
  std::vector<std::string> nodes;
  for (const std::string& name : ground_of(folder_or_file, graph).devices) {
    nodes.push_back(graph.node_of(name));
  }
  return nodes;
}

Result<bool> lies_on(const std::string& folder_or_file, const std::string& device,
                     const SystemRoots& roots) {
  struct stat status {};
  if (::stat(folder_or_file.c_str(), &status) != 0) {
    return fail(Error::from_errno(errno).during("{}", folder_or_file));
  }
  const BlockGraph graph(roots);
  const Target target = TRY(target_at(device, graph));
  const Ground ground = ground_of(folder_or_file, graph);
  return touch(target.own, ground.all) || touch(claims_below(target, graph), ground.bases);
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "tests/support/simulated_folder.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <set>

#include "devmap/core/check.h"
#include "devmap/core/random.h"

namespace ebb::test {

namespace {

constexpr std::size_t sector = 512;

void put(ByteVector& content, std::size_t at, Bytes bytes) {
  if (content.size() < at + bytes.size()) content.resize(at + bytes.size());
  std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(at));
}

Error dead_machine() {
  return Error::lost("the simulated machine is dead");
}

// A change of a file's content that no sync has covered yet.
struct Change {
  std::size_t at = 0;              // Of a write.
  ByteVector bytes;                // Of a write.
  std::optional<std::size_t> cut;  // Of a truncate: the new size.
  bool settled = false;
};

struct Inode {
  bool is_folder = false;
  ByteVector durable;
  ByteVector current;
  std::vector<std::shared_ptr<Change>> unsynced;
  WallTime modified;

  void apply(ByteVector& content, const Change& change) const {
    if (change.cut) {
      content.resize(*change.cut);
    } else {
      put(content, change.at, change.bytes);
    }
  }
  // Makes the changes that `covered` names durable, in order.
  void keep(const std::vector<std::shared_ptr<Change>>& covered) {
    for (const auto& change : covered) {
      if (std::erase(unsynced, change) > 0) apply(durable, *change);
    }
  }
  ByteVector after_crash(Random& random) const;
};

ByteVector Inode::after_crash(Random& random) const {
  ByteVector content = durable;
  for (const auto& change : unsynced) {
    enum Fate : std::uint64_t { kept, dropped, torn, fates };
    const std::uint64_t fate = random.below(fates);
    if (fate == dropped) continue;
    if (fate == kept || change->cut) {
      apply(content, *change);
      continue;
    }
    const std::size_t end = change->at + change->bytes.size();
    for (std::size_t at = change->at; at < end;) {
      const std::size_t next = std::min(end, (at / sector + 1) * sector);
      if (random.below(2) == 0) {
        put(content, at, Bytes(change->bytes).subspan(at - change->at, next - at));
      }
      at = next;
    }
  }
  return content;
}

using Tree = std::map<std::string, std::shared_ptr<Inode>>;  // By full name; "" is the root.

// A change of names that no folder's sync has covered yet, unless `covered`.
struct NameChange {
  std::string removed;  // Empty: none.
  std::string added;    // Empty: none. Both: a rename.
  std::shared_ptr<Inode> inode;
  bool covered = false;

  void apply(Tree& tree) const {
    if (inode->is_folder && !removed.empty() && !added.empty()) move_content(tree);
    if (!removed.empty()) {
      const auto found = tree.find(removed);
      if (found != tree.end() && found->second == inode) tree.erase(found);
    }
    if (!added.empty()) tree[added] = inode;
  }
  // Names are full ones, so what a folder holds goes with it.
  void move_content(Tree& tree) const {
    const std::string prefix = removed + "/";
    for (auto at = tree.lower_bound(prefix); at != tree.end() && at->first.starts_with(prefix);) {
      tree[added + "/" + at->first.substr(prefix.size())] = at->second;
      at = tree.erase(at);
    }
  }
  bool touches(const std::string& folder) const {
    return (!removed.empty() && folder_of(removed) == folder) ||
           (!added.empty() && folder_of(added) == folder);
  }
};

}  // namespace

struct SimulatedFolder::State {
  State(Loop& its_loop, std::uint64_t seed) : loop(its_loop), random(seeded_random(seed)) {
    durable[""] = std::make_shared<Inode>();
    durable[""]->is_folder = true;
    current = durable;
  }

  // Whether the operation may go on; counts it.
  Result<void> mutate() {
    if (dead || operations >= allowed) {
      dead = true;
      return fail(dead_machine());
    }
    ++operations;
    return {};
  }
  Result<std::shared_ptr<Inode>> find(const std::string& name) const {
    if (dead) return fail(dead_machine());
    const auto found = current.find(name);
    if (found == current.end()) return fail(Error::from_errno(ENOENT).during("opening {}", name));
    return found->second;
  }
  Result<void> has_folder(const std::string& name) const {
    const auto folder = TRY(find(folder_of(name)));
    if (!folder->is_folder) return fail(Error::from_errno(ENOTDIR));
    return {};
  }
  bool holds_anything(const std::string& folder) const {
    const auto first = current.lower_bound(folder + "/");
    return first != current.end() && first->first.starts_with(folder + "/");
  }
  void change_names(NameChange change) {
    change.apply(current);
    names.push_back(std::move(change));
  }

  Loop& loop;
  std::unique_ptr<Random> random;
  Tree durable;  // With all covered changes at the front of `names` applied.
  Tree current;
  std::vector<NameChange> names;
  std::set<std::string> locked;
  std::map<std::string, unsigned> shared;  // How many hold each.
  WallTime now;
  bool dead = false;
  std::uint64_t operations = 0;
  std::uint64_t allowed = never;
  std::uint64_t writes = 0;
  std::uint64_t full_from = never;
  std::uint64_t bad_write = never;
  ReadFault read_fault;
};

namespace {

using State = SimulatedFolder::State;

// Stands in for a transfer in the loop's queue, and does its work when it settles.
struct InFlight : Transfer {
  std::shared_ptr<State> state;
  std::shared_ptr<Inode> inode;
  Transfer* user = nullptr;
  Result<void> outcome;
  std::shared_ptr<Change> change;                // Of a write.
  std::vector<std::shared_ptr<Change>> covered;  // Of a sync.

  void finish() {
    if (state->dead && outcome) outcome = fail(dead_machine());
    if (outcome) work();
    user->settled(*user, std::move(outcome));
  }

 private:
  void work() {
    switch (user->way) {
      case Way::read: read(); break;
      case Way::write:
        EBB_CHECK(same_bytes(change->bytes, user->data), "memory changed under a write");
        change->settled = true;
        break;
      case Way::sync_data: inode->keep(covered); break;
      case Way::write_zeroes: break;
    }
  }
  void read() {
    const std::size_t from = user->at.value();
    const std::size_t size = inode->current.size();
    const std::size_t there = from >= size ? 0 : std::min(user->data.size(), size - from);
    std::copy_n(inode->current.begin() + static_cast<std::ptrdiff_t>(std::min(from, size)), there,
                user->data.begin());
    if (there < user->data.size()) {
      outcome = fail(Error::lost("it ends after {} of {} bytes", there, user->data.size()));
    }
  }
};

class SimulatedFile final : public File {
 public:
  SimulatedFile(std::shared_ptr<State> state, std::shared_ptr<Inode> inode, std::string name,
                bool writable)
      : state_(std::move(state)),
        inode_(std::move(inode)),
        name_(std::move(name)),
        writable_(writable) {}

  void start(Transfer& transfer) override {
    auto flight = std::make_unique<InFlight>();
    flight->state = state_;
    flight->inode = inode_;
    flight->user = &transfer;
    flight->outcome = begin(transfer, *flight);
    flight->settled = [](Transfer& t, Result<void>) {
      const std::unique_ptr<InFlight> owned(static_cast<InFlight*>(&t));
      owned->finish();
    };
    state_->loop.settle_later(*flight.release(), {});
  }
  Result<ByteCount> size() override {
    if (state_->dead) return fail(dead_machine());
    return ByteCount(inode_->current.size());
  }
  Result<void> preallocate(ByteCount) override {
    if (state_->dead) return fail(dead_machine());
    if (state_->writes >= state_->full_from) return fail(Error::from_errno(ENOSPC));
    return {};
  }
  Result<void> truncate(ByteCount size) override {
    TRY(state_->mutate());
    if (!writable_) return fail(Error::from_errno(EBADF));
    auto change = std::make_shared<Change>();
    change->cut = size.size();
    change->settled = true;
    inode_->apply(inode_->current, *change);
    inode_->unsynced.push_back(std::move(change));
    inode_->modified = state_->now;
    return {};
  }
  Result<void> set_modified(WallTime time) override {
    TRY(state_->mutate());
    inode_->modified = time;
    return {};
  }

 private:
  Result<void> begin(Transfer& transfer, InFlight& flight) {
    if (transfer.way == Way::read) {
      if (state_->dead) return fail(dead_machine());
      if (state_->read_fault && state_->read_fault(name_, transfer.bytes())) {
        return fail(Error::from_errno(EIO));
      }
      return {};
    }
    TRY(state_->mutate());
    if (transfer.way == Way::sync_data) {
      // What had not settled when the sync began is not covered.
      std::ranges::copy_if(inode_->unsynced, std::back_inserter(flight.covered), &Change::settled,
                           [](const auto& change) -> const Change& { return *change; });
      return {};
    }
    if (!writable_ || transfer.way != Way::write) return fail(Error::from_errno(EBADF));
    const std::uint64_t number = state_->writes++;
    const bool full = number >= state_->full_from;
    const bool bad = number == state_->bad_write;
    Bytes bytes = transfer.data;
    if (full || bad) bytes = bytes.first(state_->random->below(bytes.size() + 1));
    flight.change = std::make_shared<Change>();
    flight.change->at = transfer.at.value();
    inode_->modified = state_->now;
    flight.change->bytes = copy_of(bytes);
    if (!bytes.empty()) {
      inode_->apply(inode_->current, *flight.change);
      inode_->unsynced.push_back(flight.change);
    }
    if (full) return fail(Error::from_errno(ENOSPC));
    if (bad) return fail(Error::from_errno(EIO));
    return {};
  }

  std::shared_ptr<State> state_;
  std::shared_ptr<Inode> inode_;
  std::string name_;
  bool writable_;
};

class SimulatedLock final : public FolderLock {
 public:
  enum class Kind { alone, shared };
  SimulatedLock(std::shared_ptr<State> state, std::string name, Kind kind)
      : state_(std::move(state)), name_(std::move(name)), kind_(kind) {}
  ~SimulatedLock() override {
    if (kind_ == Kind::alone) {
      state_->locked.erase(name_);
    } else {
      --state_->shared[name_];
    }
  }

 private:
  std::shared_ptr<State> state_;
  std::string name_;
  Kind kind_;
};

Result<std::unique_ptr<File>> open_file(const std::shared_ptr<State>& state,
                                        const std::string& name, bool writable) {
  auto inode = TRY(state->find(name));
  if (inode->is_folder) return fail(Error::from_errno(EISDIR).during("opening {}", name));
  return std::unique_ptr<File>(new SimulatedFile(state, std::move(inode), name, writable));
}

}  // namespace

SimulatedFolder::SimulatedFolder(Loop& loop, std::uint64_t seed)
    : state_(std::make_shared<State>(loop, seed)) {}
SimulatedFolder::SimulatedFolder(std::shared_ptr<State> state) : state_(std::move(state)) {}
SimulatedFolder::~SimulatedFolder() = default;

Result<std::unique_ptr<File>> SimulatedFolder::create(const std::string& name) {
  TRY(state_->mutate());
  TRY(state_->has_folder(name));
  if (state_->current.contains(name)) {
    return fail(Error::from_errno(EEXIST).during("creating {}", name));
  }
  auto inode = std::make_shared<Inode>();
  inode->modified = state_->now;
  state_->change_names({"", name, std::move(inode), false});
  return open_file(state_, name, true);
}

Result<std::unique_ptr<File>> SimulatedFolder::open(const std::string& name) {
  return open_file(state_, name, false);
}

Result<void> SimulatedFolder::rename(const std::string& from, const std::string& to) {
  TRY(state_->mutate());
  const auto inode = TRY(state_->find(from));
  TRY(state_->has_folder(to));
  const auto there = state_->current.find(to);
  if (there != state_->current.end() && (there->second->is_folder || inode->is_folder)) {
    return fail(Error::from_errno(EEXIST).during("renaming {} to {}", from, to));
  }
  if (from != to) state_->change_names({from, to, inode, false});
  return {};
}

Result<void> SimulatedFolder::remove(const std::string& name) {
  TRY(state_->mutate());
  const auto inode = TRY(state_->find(name));
  if (state_->holds_anything(name)) {
    return fail(Error::from_errno(ENOTEMPTY).during("removing {}", name));
  }
  state_->change_names({name, "", inode, false});
  return {};
}

Result<void> SimulatedFolder::make_folder(const std::string& name) {
  TRY(state_->mutate());
  TRY(state_->has_folder(name));
  if (state_->current.contains(name)) return {};
  auto folder = std::make_shared<Inode>();
  folder->is_folder = true;
  state_->change_names({"", name, std::move(folder), false});
  return {};
}

Result<void> SimulatedFolder::sync_folder(const std::string& name) {
  TRY(state_->mutate());
  const auto folder = TRY(state_->find(name));
  if (!folder->is_folder) return fail(Error::from_errno(ENOTDIR));
  for (NameChange& change : state_->names) change.covered |= change.touches(name);
  auto& names = state_->names;
  auto first_open = std::ranges::find(names, false, &NameChange::covered);
  for (auto at = names.begin(); at != first_open; ++at) at->apply(state_->durable);
  names.erase(names.begin(), first_open);
  return {};
}

Result<std::vector<Files::Entry>> SimulatedFolder::list(const std::string& folder) {
  const auto inode = TRY(state_->find(folder));
  if (!inode->is_folder) return fail(Error::from_errno(ENOTDIR).during("listing {}", folder));
  std::vector<Entry> entries;
  for (const auto& [name, node] : state_->current) {
    if (name.empty() || folder_of(name) != folder) continue;
    entries.push_back(
        {folder.empty() ? name : name.substr(folder.size() + 1), node->is_folder, node->modified});
  }
  std::ranges::sort(entries, {}, &Entry::name);
  return entries;
}

Result<std::unique_ptr<FolderLock>> SimulatedFolder::lock(const std::string& name) {
  TRY(state_->has_folder(name));
  if (!state_->current.contains(name)) static_cast<void>(TRY(create(name)));
  if (state_->shared[name] > 0 || !state_->locked.insert(name).second) {
    return fail(Error::from_errno(EWOULDBLOCK).during("locking {}", name));
  }
  return std::unique_ptr<FolderLock>(new SimulatedLock(state_, name, SimulatedLock::Kind::alone));
}

Result<std::unique_ptr<FolderLock>> SimulatedFolder::lock_shared(const std::string& name) {
  TRY(state_->has_folder(name));
  if (!state_->current.contains(name)) static_cast<void>(TRY(create(name)));
  if (state_->locked.contains(name)) {
    return fail(Error::from_errno(EWOULDBLOCK).during("locking {}", name));
  }
  ++state_->shared[name];
  return std::unique_ptr<FolderLock>(new SimulatedLock(state_, name, SimulatedLock::Kind::shared));
}

std::unique_ptr<SimulatedFolder> SimulatedFolder::crash() {
  state_->dead = true;
  Random& random = *state_->random;
  Tree tree = state_->durable;
  for (const NameChange& change : state_->names) {
    if (change.covered || random.below(2) == 0) change.apply(tree);
  }
  auto survived = std::make_shared<State>(state_->loop, random.next_u64());
  survived->now = state_->now;
  for (const auto& [name, inode] : tree) {
    if (name.empty()) continue;
    // Parents sort before what they hold; a file whose folder is gone is gone.
    const auto parent = survived->durable.find(folder_of(name));
    if (parent == survived->durable.end() || !parent->second->is_folder) continue;
    auto fresh = std::make_shared<Inode>();
    fresh->is_folder = inode->is_folder;
    fresh->durable = inode->after_crash(random);
    fresh->modified = inode->modified;
    fresh->current = fresh->durable;
    survived->durable[name] = std::move(fresh);
  }
  survived->current = survived->durable;
  return std::unique_ptr<SimulatedFolder>(new SimulatedFolder(std::move(survived)));
}

void SimulatedFolder::stop_after(std::uint64_t operations) {
  state_->allowed = operations;
}
std::uint64_t SimulatedFolder::operations() const {
  return state_->operations;
}
bool SimulatedFolder::stopped() const {
  return state_->dead;
}
void SimulatedFolder::full_from_write(std::uint64_t number) {
  state_->full_from = number;
}
void SimulatedFolder::fail_write(std::uint64_t number) {
  state_->bad_write = number;
}
std::uint64_t SimulatedFolder::writes() const {
  return state_->writes;
}
void SimulatedFolder::set_time(WallTime now) {
  state_->now = now;
}
void SimulatedFolder::fail_reads(ReadFault fault) {
  state_->read_fault = std::move(fault);
}

ByteVector SimulatedFolder::content(const std::string& name) const {
  return state_->current.at(name)->current;
}

void SimulatedFolder::overwrite(const std::string& name, ByteIndex at, Bytes bytes) {
  Inode& inode = *state_->current.at(name);
  put(inode.current, at.value(), bytes);
  put(inode.durable, at.value(), bytes);
}

std::vector<std::string> SimulatedFolder::all_files() const {
  std::vector<std::string> names;
  for (const auto& [name, inode] : state_->current) {
    if (!inode->is_folder) names.push_back(name);
  }
  return names;
}

std::unique_ptr<SimulatedFolder> SimulatedFolder::copy(Loop& loop, std::uint64_t seed) const {
  auto copied = std::make_shared<State>(loop, seed);
  copied->now = state_->now;
  for (const auto& [name, inode] : state_->current) {
    auto fresh = std::make_shared<Inode>();
    fresh->is_folder = inode->is_folder;
    fresh->durable = fresh->current = inode->current;
    fresh->modified = inode->modified;
    copied->durable[name] = std::move(fresh);
  }
  copied->current = copied->durable;
  return std::unique_ptr<SimulatedFolder>(new SimulatedFolder(std::move(copied)));
}

}  // namespace ebb::test

// SPDX-License-Identifier: Apache-2.0
#include "wire/agent/repository_server.h"

#include <algorithm>
#include <cstdlib>

#include "wire/agent/answer.h"
#include "wire/agent/run_server.h"
#include "wire/bytes.h"
#include "wire/limits.h"
#include "wire/place.h"

namespace ebb {

namespace {

std::string text_from(capnp::Text::Reader text) {
  return std::string(text.begin(), text.size());
}

// What answers have at most: a file or a page with its framing, a listing of long names, places.
constexpr ByteCount object_answer = limits::max_small_object * 2 + small_answer;
constexpr ByteCount listing_answer =
    ByteCount(wire_limits::max_list * (wire_limits::max_name_text + 1 + 24)) + small_answer;
constexpr ByteCount places_answer =
    ByteCount(wire_limits::max_names * sizeof(PlaceOnWire)) + small_answer;

constexpr ByteCount report_answer =
    ByteCount(wire_limits::max_details * (2 * wire_limits::max_detail_text + 256)) + small_answer;
// How long a chore is waited for before its peer is told how it goes.
constexpr kj::Duration chore_look = 20 * kj::MILLISECONDS;
constexpr unsigned chore_looks = 40;

// Aligned for direct I/O.
struct FetchRoom {
  explicit FetchRoom(ByteCount size)
      : bytes(static_cast<std::byte*>(std::aligned_alloc(limits::io_alignment.size(), size.size())),
              size.size()) {
    EBB_CHECK(bytes.data() != nullptr, "out of memory");
  }
  ~FetchRoom() { std::free(bytes.data()); }
  FetchRoom(const FetchRoom&) = delete;
  FetchRoom& operator=(const FetchRoom&) = delete;
  MutableBytes bytes;
};

}  // namespace

RepositoryServer::RepositoryServer(HostedRepository& repository, Permission permission,
                                   std::shared_ptr<Pace> pace, std::shared_ptr<PeerLink> link)
    : repository_(repository),
      permission_(std::move(permission)),
      pace_(std::move(pace)),
      link_(std::move(link)) {}

Result<LocalSource*> RepositoryServer::source() {
  Repository* repository = TRY(repository_.repository());
  if (!source_) source_.emplace(*repository);
  return &*source_;
}

// Pages and places are asked for by who adds, too: it compares with the point before.
Result<void> RepositoryServer::may_read_content() const {
  return permission_.allows(Verb::add) ? Result<void>() : permission_.allows(Verb::read);
}

kj::Promise<void> RepositoryServer::read(ReadContext context) {
  return answer(kj(), link_, context, object_answer, [this](ReadContext& call) -> Result<void> {
    const std::string name = text_from(call.getParams().getName());
    TRY(permission_.allows_reading(name));
    const ByteVector bytes =
        TRY(read_small_file(repository_.files(), kj().ring(), name, limits::max_small_object * 2));
    call.getResults().setBytes(kj_bytes(bytes));
    return {};
  });
}

kj::Promise<void> RepositoryServer::list(ListContext context) {
  return answer(kj(), link_, context, listing_answer, [this](ListContext& call) -> Result<void> {
    const std::string folder = text_from(call.getParams().getFolder());
    const std::string after = text_from(call.getParams().getAfter());
    TRY(permission_.allows_listing(folder));
    auto all = TRY(repository_.files().list(folder));
    std::erase_if(all, [&](const Files::Entry& entry) { return entry.name <= after; });
    const std::size_t count = std::min<std::size_t>(all.size(), wire_limits::max_list);
    auto results = call.getResults();
    results.setMore(all.size() > count);
    auto entries = results.initEntries(static_cast<unsigned>(count));
    for (unsigned i = 0; i < count; ++i) {
      entries[i].setName(all[i].name.c_str());
      entries[i].setIsFolder(all[i].is_folder);
      entries[i].setModified(all[i].modified.nanoseconds);
    }
    return {};
  });
}

// Written under a temporary name and renamed by the peer, as in a folder of its own machine. Asked
// twice, it is written twice.
kj::Promise<void> RepositoryServer::write(WriteContext context) {
  return answer(kj(), link_, context, [this](WriteContext& call) -> Result<void> {
    const std::string name = text_from(call.getParams().getName());
    TRY(permission_.allows_changing(name));
    if (!name.starts_with(std::string(layout::temporary) + "/")) {
      return fail(Error::denied("\"{}\" is written under another name first", name));
    }
    const Bytes bytes = bytes_from(call.getParams().getBytes());
    if (bytes.size() > limits::max_small_object.size() * 2) {
      return fail(Error::invalid("{} would be larger than a small object may be", name));
    }
    static_cast<void>(repository_.files().remove(name));
    const auto file = TRY(repository_.files().create(name));
    TRY(write_and_wait(kj().ring(), *file, ByteIndex(0), bytes));
    TRY(sync_and_wait(kj().ring(), *file));
    call.getResults().setDone();
    return {};
  });
}

kj::Promise<void> RepositoryServer::rename(RenameContext context) {
  return answer(kj(), link_, context, [this](RenameContext& call) -> Result<void> {
    const std::string from = text_from(call.getParams().getFrom());
    const std::string to = text_from(call.getParams().getTo());
    TRY(permission_.allows_changing(from));
    TRY(permission_.allows_changing(to));
    if ((to == layout::config || from == layout::config) && repository_.is_made()) {
      return fail(Error::denied("there is a repository already"));
    }
    auto renamed = repository_.files().rename(from, to);
    // Asked for the second time, since the first answer was lost.
    const bool was_done = !renamed && renamed.error().kind() == ErrorKind::absent &&
                          (repository_.files().open(to) || repository_.files().list(to));
    if (!was_done) TRY(std::move(renamed));
    call.getResults().setDone();
    return {};
  });
}

kj::Promise<void> RepositoryServer::remove(RemoveContext context) {
  return answer(kj(), link_, context, [this](RemoveContext& call) -> Result<void> {
    const std::string name = text_from(call.getParams().getName());
    TRY(permission_.allows_changing(name));
    if (name == layout::config) return fail(Error::denied("a repository is not removed this way"));
    const auto removed = repository_.files().remove(name);
    if (!removed && removed.error().kind() != ErrorKind::absent) return fail(removed.error());
    call.getResults().setDone();
    return {};
  });
}

kj::Promise<void> RepositoryServer::makeFolder(MakeFolderContext context) {
  return answer(kj(), link_, context, [this](MakeFolderContext& call) -> Result<void> {
    const std::string name = text_from(call.getParams().getName());
    TRY(permission_.allows_making_folder(name));
    TRY(repository_.files().make_folder(name));
    call.getResults().setDone();
    return {};
  });
}

kj::Promise<void> RepositoryServer::syncFolder(SyncFolderContext context) {
  return answer(kj(), link_, context, [this](SyncFolderContext& call) -> Result<void> {
    const std::string name = text_from(call.getParams().getName());
    if (name.empty()) {
      TRY(permission_.allows(Verb::administer));
    } else {
      TRY(permission_.allows_making_folder(name));
    }
    TRY(repository_.files().sync_folder(name));
    call.getResults().setDone();
    return {};
  });
}

kj::Promise<void> RepositoryServer::page(PageContext context) {
  return answer(kj(), link_, context, object_answer, [this](PageContext& call) -> Result<void> {
    TRY(may_read_content());
    LocalSource* reading = TRY(source());
    const auto digest = TRY(name_from<PageDigest>(call.getParams().getDigest()));
    const ByteVector page = TRY(reading->page(digest));
    call.getResults().setBytes(kj_bytes(page));
    return {};
  });
}

kj::Promise<void> RepositoryServer::locate(LocateContext context) {
  return answer(kj(), link_, context, places_answer, [this](LocateContext& call) -> Result<void> {
    TRY(permission_.allows(Verb::read));
    LocalSource* reading = TRY(source());
    const Bytes names = bytes_from(call.getParams().getNames());
    const std::size_t count = names.size() / Fingerprint::size;
    if (names.size() % Fingerprint::size != 0 || count > wire_limits::max_names) {
      return fail(Error::invalid("{} bytes of names", names.size()));
    }
    std::vector<Fingerprint> asked(count);
    if (count > 0) std::memcpy(asked.data(), names.data(), names.size());
    std::vector<std::optional<RecordPlace>> places(count);
    TRY(reading->locate(asked, places));
    std::vector<PlaceOnWire> found(count);
    for (std::size_t i = 0; i < count; ++i) {
      if (places[i]) found[i] = to_wire(*places[i]);
    }
    call.getResults().setBytes(kj_bytes(std::as_bytes(std::span(found))));
    return {};
  });
}

kj::Promise<void> RepositoryServer::dataKeyOf(DataKeyOfContext context) {
  return answer(kj(), link_, context, [this](DataKeyOfContext& call) -> Result<void> {
    TRY(permission_.allows(Verb::read));
    LocalSource* reading = TRY(source());
    const Bytes bytes = bytes_from(call.getParams().getPlace());
    PlaceOnWire place;
    if (bytes.size() != sizeof place)
      return fail(Error::invalid("a place of {} bytes", bytes.size()));
    std::memcpy(&place, bytes.data(), sizeof place);
    const auto name = TRY(name_from<Fingerprint>(call.getParams().getName()));
    const DataKeyId id = TRY(reading->data_key_of(from_wire(place), name));
    call.getResults().setBytes(kj_bytes(id.view()));
    return {};
  });
}

kj::Promise<void> RepositoryServer::fetch(FetchContext context) {
  const ByteCount most =
      std::min(ByteCount(context.getParams().getLength()), wire_limits::max_fetch) + small_answer;
  return answer(kj(), link_, context, most, [this](FetchContext& call) -> Result<void> {
    TRY(permission_.allows(Verb::read));
    LocalSource* reading = TRY(source());
    struct Fetching : Fetch {
      bool done = false;
      Result<void> result;
    } fetching;
    fetching.pack = TRY(name_from<PackId>(call.getParams().getPack()));
    const ByteCount length(call.getParams().getLength());
    const std::uint64_t at = call.getParams().getAt();
    if (length.none() || length > wire_limits::max_fetch || at > max_pack_data.value() * 2) {
      return fail(Error::invalid("a fetch of {} bytes at {}", length.value(), at));
    }
    fetching.bytes = ByteRun::of(ByteIndex(at), length);
    if (pace_ != nullptr) pace_->take(length, *link_);
    const Turnstile::Place place(repository_.world().fetches);
    const FetchRoom room(needed_room(length));
    fetching.room = room.bytes;
    fetching.settled = [](Fetch& fetch, Result<void> result) {
      auto& mine = static_cast<Fetching&>(fetch);
      mine.result = std::move(result);
      mine.done = true;
    };
    reading->fetch(fetching);
    while (!fetching.done) {
      // The kernel writes into the room until then.
      const auto ran = kj().ring().run_once();
      EBB_CHECK(ran.has_value(), "the ring failed while a pack was being read");
    }
    TRY(std::move(fetching.result));
    call.getResults().setBytes(kj_bytes(fetching.arrived));
    return {};
  });
}

kj::Promise<void> RepositoryServer::backUp(BackUpContext context) {
  return answer(kj(), link_, context, [this](BackUpContext& call) -> Result<void> {
    const auto params = call.getParams().getStart();
    RunStart start;
    start.repository = TRY(name_from<RepositoryId>(params.getRepository()));
    start.volume = TRY(name_from<VolumeId>(params.getVolume()));
    start.data_key = TRY(name_from<DataKeyId>(params.getDataKey()));
    TRY(permission_.allows(Verb::add, start.volume));
    const auto envelopes = params.getEnvelopes();
    if (envelopes.size() == 0 || envelopes.size() > wire_limits::max_envelopes) {
      return fail(Error::invalid("a data key wrapped to {} recipients", envelopes.size()));
    }
    for (const auto envelope : envelopes) {
      start.envelopes.push_back(TRY(unpack_envelope(bytes_from(envelope))));
      if (start.envelopes.back().data_key != start.data_key) {
        return fail(Error::invalid("an envelope of another data key"));
      }
    }
    auto begun = TRY(repository_.begin(start));
    if (link_->is_closed()) {
      // It may have waited long for its place.
      repository_.end(begun.run);
      return fail(Error::lost("the connection ended before the run was begun"));
    }
    auto results = call.getResults();
    if (begun.base.latest_name) results.setLatest(begun.base.latest_name->path().c_str());
    results.setWhole(begun.base.whole);
    results.setWindow(repository_.window());
    results.setAgentStart(kj_bytes(repository_.world().start));
    results.setRun(kj::heap<RunServer>(repository_, std::move(begun.run), pace_, link_));
    return {};
  });
}

Result<void> RepositoryServer::may_do(const Chore& chore) const {
  if (std::holds_alternative<ScrubChore>(chore) && permission_.allows(Verb::scrub)) return {};
  TRY(permission_.allows(Verb::administer));
  // One that names volumes was given for these, and chores are about all of them.
  if (permission_.volumes) {
    return fail(Error::denied("{} has no permission for the whole repository", permission_.peer));
  }
  return {};
}

kj::Promise<void> RepositoryServer::doChore(DoChoreContext context) {
  return answer(kj(), link_, context, report_answer, [this](DoChoreContext& call) -> Result<void> {
    const auto params = call.getParams();
    const auto id = TRY(name_from<ChoreId>(params.getId()));
    const Chore chore = TRY(chore_from(params.getChore()));
    TRY(may_do(chore));
    Chores& chores = repository_.chores();
    std::shared_ptr<ChoreRun> run = chores.find(id);
    if (!run && params.getStop()) return fail(Error{ErrorKind::busy, "it was interrupted"});
    if (!run) run = TRY(chores.begin(id, chore, permission_.peer));
    if (params.getStop()) run->stop.raise();
    for (unsigned i = 0; i < chore_looks && !run->ended && !link_->is_closed(); ++i) {
      kj().wait_for(kj().io().provider->getTimer().afterDelay(chore_look));
    }
    auto results = call.getResults();
    if (run->ended) {
      if (!*run->result) return fail(run->result->error());
      put_report(**run->result, params.getFrom(), results);
      return {};
    }
    auto under_way = results.initUnderWay();
    under_way.setPhase(run->phase.c_str());
    under_way.setDone(run->done.value());
    under_way.setTotal(run->total.value());
    return {};
  });
}

}  // namespace ebb

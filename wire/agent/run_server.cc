// SPDX-License-Identifier: Apache-2.0
#include "wire/agent/run_server.h"

#include <algorithm>

#include "engine/flow/point_proof.h"
#include "wire/agent/answer.h"
#include "wire/bytes.h"
#include "wire/limits.h"

namespace ebb {

namespace {

// The records in `bytes`, each whole and sound.
Result<std::vector<TableEntry>> records_in(Bytes bytes) {
  std::vector<TableEntry> entries;  // `at` counts from the start of what arrived.
  for (std::size_t at = 0; at < bytes.size();) {
    const Record record = TRY(during(unpack_record(bytes.subspan(at)), "record at {}", at));
    if (record.header.kind != RecordKind::block) {
      return fail(Error::invalid("a record of another kind than a block was put"));
    }
    entries.push_back(
        {record.header.name, static_cast<std::uint32_t>(at), record.header.stored_length});
    at += sizeof(RecordHeaderOnDisk) + record.header.stored_length;
  }
  return entries;
}

}  // namespace

RunServer::RunServer(HostedRepository& repository, std::shared_ptr<OpenRun> run,
                     std::shared_ptr<Pace> pace, std::shared_ptr<PeerLink> link)
    : repository_(repository),
      run_(std::move(run)),
      pace_(std::move(pace)),
      link_(std::move(link)) {}

RunServer::~RunServer() noexcept {
  repository_.world().kj.run_detached(
      [&repository = repository_, run = run_] { repository.end(run); });
}

// Answers unless the run has ended; while it does, the run does not end.
template <class Context, class Story>
kj::Promise<void> RunServer::in_run(Context context, Story story) {
  return answer(repository_.world().kj, link_, context,
                [this, story = kj::mv(story)](Context& c) mutable -> Result<void> {
                  if (run_->abandoned) {
                    return fail(Error::lost("this run was begun anew or has ended"));
                  }
                  const RunCall call(*run_, repository_.world().kj);
                  return story(c);
                });
}

kj::Promise<void> RunServer::lookUp(LookUpContext context) {
  return in_run(context, [this](LookUpContext& call) -> Result<void> {
    const Bytes names = bytes_from(call.getParams().getNames());
    const std::size_t count = names.size() / Fingerprint::size;
    if (names.size() % Fingerprint::size != 0 || count > wire_limits::max_names) {
      return fail(Error::invalid("{} bytes of names", names.size()));
    }
    std::vector<Fingerprint> asked(count);
    if (count > 0) std::memcpy(asked.data(), names.data(), names.size());
    std::vector<std::uint8_t> known(count);
    struct Query : KnownQuery {
      bool done = false;
      Result<void> result;
    } query;
    query.names = asked;
    query.known = known;
    query.answered = [](KnownQuery& q, Result<void> result) {
      auto& mine = static_cast<Query&>(q);
      mine.result = std::move(result);
      mine.done = true;
    };
    run_->sink->look_up(query);
    while (!query.done) TRY(repository_.world().kj.ring().run_once());
    TRY(std::move(query.result));
    call.getResults().setBytes(kj_bytes(std::as_bytes(std::span(known))));
    return {};
  });
}

// What comes in while everything is made durable would keep that from ever ending.
Result<void> RunServer::is_open() const {
  if (run_->closing) return fail(Error::invalid("the run is being closed already"));
  return {};
}

Result<void> RunServer::kept(Result<void> done) {
  if (!done && !run_->broken) run_->broken = done.error();
  return done;
}

Result<void> RunServer::drop_known(std::vector<TableEntry>& entries) {
  std::vector<RecordName> names;
  for (const TableEntry& entry : entries) names.push_back(entry.name);
  std::vector<std::optional<RecordPlace>> places(names.size());
  TRY(TRY(repository_.repository())->packs().look_up(names, places));
  std::size_t i = 0;
  std::erase_if(entries, [&](const TableEntry&) { return places[i++].has_value(); });
  return {};
}

// Copies the records into a pack, but for those that the run has already.
Result<void> RunServer::place(std::vector<TableEntry> entries, Bytes records) {
  LocalSink& sink = *run_->sink;
  std::erase_if(
      entries, [&](const TableEntry& entry) { return !sink.claim(Fingerprint{entry.name.bytes}); });
  // Nor what the repository has: it is needed as it lies there, and the newest place would count.
  TRY(drop_known(entries));
  if (entries.empty()) return {};
  ByteCount length;
  for (const TableEntry& entry : entries) {
    length += ByteCount(sizeof(RecordHeaderOnDisk) + entry.stored_length);
  }
  std::optional<ShipRoom> room;
  while (!(room = TRY(sink.reserve(length, entries.size())))) {
    TRY(repository_.world().kj.ring().run_once());
  }
  std::uint32_t used = 0;
  for (TableEntry& entry : entries) {
    const std::size_t size = sizeof(RecordHeaderOnDisk) + entry.stored_length;
    std::memcpy(room->bytes.data() + used, records.data() + entry.at, size);
    entry.at = used;
    used += static_cast<std::uint32_t>(size);
  }
  sink.filled(*room, entries);
  return {};
}

kj::Promise<void> RunServer::put(PutContext context) {
  return in_run(context, [this](PutContext& call) -> Result<void> {
    TRY(is_open());
    const Bytes sent = bytes_from(call.getParams().getRecords());
    const std::uint32_t length = call.getParams().getLength();
    if (length > sent.size() || length > wire_limits::max_records.value()) {
      return fail(Error::invalid("{} bytes of records, of {} sent", length, sent.size()));
    }
    if (pace_ != nullptr) pace_->take(ByteCount(length), *link_);
    const Bytes records = sent.first(length);
    TRY(kept(repository_.has_room_to_go_on()));
    TRY(kept(place(TRY(records_in(records)), records)));
    call.getResults().setWindow(repository_.window());
    return {};
  });
}

kj::Promise<void> RunServer::keep(KeepContext context) {
  return in_run(context, [this](KeepContext& call) -> Result<void> {
    TRY(is_open());
    const auto digest = TRY(name_from<PageDigest>(call.getParams().getDigest()));
    const Bytes page = bytes_from(call.getParams().getPage());
    if (page.size() > limits::max_small_object.size()) {
      return fail(Error::invalid("a map page of {} bytes", page.size()));
    }
    if (PageDigest{sha256(page).bytes} != digest) {
      return fail(Error::damaged("a map page is not what its digest says"));
    }
    TRY(kept(run_->sink->keep(digest, page)));
    call.getResults().setDone();
    return {};
  });
}

// Answers when nothing else of the run is being answered, or it would be missing.
template <class Context, class Story>
kj::Promise<void> RunServer::closing(Context context, Story story) {
  return in_run(context, [this, story = kj::mv(story)](Context& call) mutable -> Result<void> {
    TRY(is_open());
    run_->closing = true;
    KJ_DEFER(run_->closing = false);
    while (run_->under_way > 1) repository_.world().kj.wait_for_a_turn();
    return run_->broken ? Result<void>(fail(*run_->broken)) : story(call);
  });
}

kj::Promise<void> RunServer::flush(FlushContext context) {
  return closing(context, [this](FlushContext& call) -> Result<void> {
    TRY(kept(run_->sink->flush()));
    call.getResults().setStored(run_->sink->stored().value());
    return {};
  });
}

// Others rely on every point being whole. The point before it is, so only the difference is looked
// at; and not to the end when nobody waits for the answer any more.
Result<void> RunServer::is_complete(const Point& point) {
  Repository* repository = TRY(repository_.repository());
  PackStore& packs = repository->packs();
  RingInKj& kj = repository_.world().kj;
  const auto breathe = [&]() -> Result<void> {
    // A timer, even one of no time, lets the kernel be asked first.
    kj.wait_for(kj.io().provider->getTimer().afterDelay(0 * kj::SECONDS));
    if (!run_->abandoned && !link_->is_closed()) return {};
    return fail(Error::lost("the connection ended before the point was proven"));
  };
  // Since the run began a scrub may have found out that something was lost, also while this goes
  // on.
  if (packs.losses() == run_->losses) TRY(prove_complete(*repository, point, breathe));
  while (run_->losses != packs.losses()) {
    run_->losses = packs.losses();
    TRY(prove_complete_beside(*repository, nullptr, point, breathe));
  }
  return {};
}

kj::Promise<void> RunServer::commit(CommitContext context) {
  return closing(context, [this](CommitContext& call) -> Result<void> {
    const SignedPoint point = TRY(unpack_point(bytes_from(call.getParams().getPoint())));
    if (point.point.volume != run_->start.volume ||
        point.point.repository != run_->start.repository) {
      return fail(Error::denied("the point is of another volume or repository than the run"));
    }
    if (!signature_is_right(point)) {
      return fail(Error::denied("the point's signature is wrong"));
    }
    if (point.point.data_key != run_->start.data_key) {
      return fail(Error::denied("the point names another data key than the run"));
    }
    TRY(kept(run_->sink->flush()));
    TRY(is_complete(point.point));
    TRY(run_->sink->commit(point));
    PackStore& packs = TRY(repository_.repository())->packs();
    if (packs.losses() != run_->losses)
      TRY(packs.set_whole(false));  // Lost while it was published.
    run_->committed = true;
    repository_.world().committed(repository_.name(), point);
    call.getResults().setDone();
    return {};
  });
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "wire/client/remote_sink.h"

#include <capnp/orphan.h>

#include <algorithm>

namespace ebb {

namespace {

std::optional<layout::PointName> point_name_from(const std::string& path, const VolumeId& volume) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::nullopt
                                    : layout::point_name_of(volume, path.substr(slash + 1));
}

}  // namespace

RemoteSink::RemoteSink(Connection& connection, PageSource& pages, PointStore& points, Arena& arena)
    : connection_(connection), pages_(pages), points_(points) {
  for (unsigned i = 0; i < room_count; ++i) {
    free_rooms_.push_back(arena.take(wire_limits::max_records));
  }
}

RemoteSink::~RemoteSink() {
  static_cast<void>(wait_for_all());
}

// Asks the run, and begins it again where the connection was cut meanwhile.
template <class Ask>
auto RemoteSink::call(Ask ask) {
  using Answer = decltype(connection_.kj().wait_for(ask(std::declval<wire::Run::Client&>())));
  return connection_.persistently(
      [&](std::shared_ptr<Connection::Session>& used) -> Result<Answer> {
        const auto there = TRY(run_there(used));
        return catching([&] { return connection_.kj().wait_for(ask(there->run)); });
      });
}

Result<std::shared_ptr<RemoteSink::RunThere>> RemoteSink::run_there(
    std::shared_ptr<Connection::Session>& session) {
  for (;;) {
    while (beginning_) connection_.kj().wait_for_a_turn();
    session.reset();
    session = TRY(connection_.session());
    if (run_ && run_->session == session) return run_;
    if (beginning_) continue;  // Somebody else began while this one was connecting.
    beginning_ = true;
    auto begun = begin_there(session);
    beginning_ = false;
    connection_.kj().called_back();
    if (begun) run_ = *begun;
    return begun;
  }
}

Result<std::shared_ptr<RemoteSink::RunThere>> RemoteSink::begin_there(
    std::shared_ptr<Connection::Session> session) {
  const auto response = TRY(catching([&] {
    auto request = KJ_ASSERT_NONNULL(session->repository).backUpRequest();
    auto start = request.initStart();
    start.setRepository(kj_bytes(start_.repository.view()));
    start.setVolume(kj_bytes(start_.volume.view()));
    start.setDataKey(kj_bytes(start_.data_key.view()));
    auto envelopes = start.initEnvelopes(static_cast<unsigned>(start_.envelopes.size()));
    for (unsigned i = 0; i < start_.envelopes.size(); ++i) {
      envelopes.set(i, kj_bytes(pack_envelope(start_.envelopes[i])));
    }
    return connection_.kj().wait_for(request.send());
  }));
  if (response.isRefused()) return fail(to_error(response.getRefused()));
  const ByteVector agent_start = copy_of(bytes_from(response.getAgentStart()));
  if (agent_start_.empty()) {
    agent_start_ = agent_start;
  } else if (agent_start_ != agent_start) {
    return fail(
        Error::busy("the storage agent was started anew, and what was under way is not certain to "
                    "have been kept; run it again, and only what is missing is sent"));
  }
  window_ = std::max(1u, response.getWindow());
  return std::make_shared<RunThere>(RunThere{std::move(session), response.getRun(),
                                             response.getLatest().cStr(), response.getWhole()});
}

Result<RunBase> RemoteSink::begin(const RunStart& start) {
  start_ = start;
  const auto there = TRY(connection_.persistently(
      [&](std::shared_ptr<Connection::Session>& used) { return run_there(used); }));
  RunBase base;
  base.whole = there->whole;
  base.latest_name = point_name_from(there->latest, start.volume);
  if (base.latest_name) {
    auto latest = points_.point(*base.latest_name);
    if (!latest && latest.error().kind() != ErrorKind::damaged) return fail(latest.error());
    if (latest) base.latest = std::move(*latest);
  }
  return base;
}

void RemoteSink::look_up(KnownQuery& query) {
  connection_.kj().run_detached([this, &query] {
    auto looked_up = look_up_now(query);
    query.answered(query, std::move(looked_up));
    connection_.kj().called_back();
  });
}

Result<void> RemoteSink::look_up_now(KnownQuery& query) {
  const auto response = TRY(call([&](wire::Run::Client& run) {
    auto request = run.lookUpRequest();
    request.setNames(kj_bytes(std::as_bytes(query.names)));
    return request.send();
  }));
  if (response.isRefused()) return fail(to_error(response.getRefused()));
  const Bytes known = bytes_from(response.getBytes());
  if (known.size() != query.names.size()) {
    return fail(Error::invalid("the storage agent answered {} of {} names", known.size(),
                               query.names.size()));
  }
  for (std::size_t i = 0; i < known.size(); ++i) {
    query.known[i] =
        known[i] != std::byte{0} || claimed_.contains(record_name(query.names[i])) ? 1 : 0;
  }
  return {};
}

bool RemoteSink::claim(const Fingerprint& name) {
  return claimed_.insert(record_name(name)).second;
}

Result<std::optional<ShipRoom>> RemoteSink::reserve(ByteCount bytes, std::uint64_t) {
  TRY(health());
  EBB_CHECK(bytes <= wire_limits::max_records, "no room is as large");
  if (free_rooms_.empty() || room_count - free_rooms_.size() >= window_) return std::nullopt;
  const MutableBytes room = free_rooms_.back();
  free_rooms_.pop_back();
  return ShipRoom{room.first(bytes.size()), {}, nullptr};
}

void RemoteSink::filled(ShipRoom& room, std::span<const TableEntry> entries) {
  std::vector<RecordName> names;
  for (const TableEntry& entry : entries) names.push_back(entry.name);
  start([this, records = room.bytes, names = std::move(names)]() -> Result<void> {
    auto put = records.empty() ? Result<void>() : put_now(records);
    for (const RecordName& name : names) claimed_.erase(name);  // From now on the agent knows.
    free_rooms_.emplace_back(records.data(), wire_limits::max_records.size());
    return put;
  });
}

Result<void> RemoteSink::put_now(Bytes records) {
  const auto response = TRY(call([&](wire::Run::Client& run) {
    auto request = run.putRequest();
    request.setLength(static_cast<std::uint32_t>(records.size()));
    // Sent from where it lies: it stays there until the answer has come.
    const std::size_t padded = round_up(records.size(), 8);
    auto orphan = capnp::Orphanage::getForMessageContaining(wire::Run::PutParams::Builder(request))
                      .referenceExternalData(kj_bytes(Bytes(records.data(), padded)));
    request.adoptRecords(kj::mv(orphan));
    return request.send();
  }));
  if (response.isRefused()) return fail(to_error(response.getRefused()));
  window_ = std::max(1u, response.getWindow());
  return {};
}

Result<void> RemoteSink::keep(const PageDigest& digest, Bytes bytes) {
  TRY(health());
  // Pages are few and small; what holds them back is the same window.
  while (under_way_ >= room_count) TRY(connection_.kj().ring().run_once());
  start([this, digest, page = copy_of(bytes)]() -> Result<void> {
    return done_of_answer(TRY(call([&](wire::Run::Client& run) {
      auto request = run.keepRequest();
      request.setDigest(kj_bytes(digest.view()));
      request.setPage(kj_bytes(page));
      return request.send();
    })));
  });
  return {};
}

void RemoteSink::start(std::function<Result<void>()> work) {
  ++under_way_;
  connection_.kj().run_detached([this, work = std::move(work)] {
    auto done = work();
    if (!done && !trouble_) trouble_ = done.error();
    --under_way_;
    connection_.kj().called_back();
  });
}

Result<void> RemoteSink::health() {
  if (trouble_) return fail(*trouble_);
  return {};
}

Result<void> RemoteSink::wait_for_all() {
  while (under_way_ > 0) TRY(connection_.kj().ring().run_once());
  return health();
}

Result<void> RemoteSink::flush() {
  TRY(wait_for_all());
  const auto response = TRY(call([](wire::Run::Client& run) { return run.flushRequest().send(); }));
  if (response.isRefused()) return fail(to_error(response.getRefused()));
  stored_ = ByteCount(response.getStored());
  return {};
}

Result<void> RemoteSink::commit(const SignedPoint& point) {
  return done_of_answer(TRY(call([&](wire::Run::Client& run) {
    auto request = run.commitRequest();
    request.setPoint(kj_bytes(point.body));
    return request.send();
  })));
}

}  // namespace ebb

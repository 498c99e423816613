// SPDX-License-Identifier: Apache-2.0
#include "tests/wire/agent/hosting.h"

#include <filesystem>

#include "tests/support/seed.h"
#include "wire/limits.h"

namespace ebb::test {

namespace {

constexpr PassphraseCost cheap{64, 1, 1};

}  // namespace

Hosting::Client::Client(kj::Own<kj::AsyncIoStream> taken)
    : stream(kj::mv(taken)),
      network(*stream, capnp::rpc::twoparty::Side::CLIENT, wire_limits::reader_options()),
      rpc(capnp::makeRpcClient(network)) {}

wire::StorageAgent::Client Hosting::Client::agent() {
  capnp::MallocMessageBuilder message;
  auto peer = message.initRoot<capnp::rpc::twoparty::VatId>();
  peer.setSide(capnp::rpc::twoparty::Side::SERVER);
  return rpc.bootstrap(peer).castAs<wire::StorageAgent>();
}

Hosting::Hosting(const StorageBounds& bounds, std::unique_ptr<Random> random)
    : io_(kj::setupAsyncIo()),
      ring_(Ring::make().value()),
      workers_(std::make_unique<Workers>(*ring_, 2)),
      kj_(std::make_unique<RingInKj>(*ring_, io_)),
      random_(std::move(random)),
      arena_(Arena::make(bounds.memory(), ring_.get()).value()) {
  for (const char* name : {"disks", "empty"}) std::filesystem::create_directory(folder_ / name);
  {
    const auto files = open_folder(folder(), *ring_).value();
    auto made = Repository::create(*files, *ring_, *random_, {1'790'000'000'000'000'000},
                                   bytes_of("correct horse"), "source", cheap);
    EBB_CHECK(made.has_value(), "a repository in a temporary folder can be made");
    key_ = std::move(made->source);
    ObjectStore objects(*files, *ring_, *random_);
    KeyStore keys(objects, made->config.id);
    recipient_ = keys.members(made->config.authority, nullptr).value().recipients.front();
  }
  server_ = std::make_unique<StorageServer>(
      StorageServer::World{*kj_, *workers_, *random_, *arena_, [](std::string_view) {},
                           [](const std::string&, const SignedPoint&) {},
                           [](const std::string&, const ChoreRun&) {}, system_clock()},
      bounds, *this);
  EBB_CHECK(server_->keep("disks", folder()).has_value(), "a new repository is kept");
  EBB_CHECK(server_->keep("empty", folder_ / "empty").has_value(), "an empty folder is kept");
  EBB_CHECK(server_->listen_on_socket(socket()).has_value(), "a socket can be made");
  allow("all", {Verb::add, Verb::read, Verb::keys, Verb::administer, Verb::scrub});
}

Result<Permission> Hosting::admit(const Peer&, const std::string&, Bytes ticket) const {
  const auto found = permissions_.find(std::string(text_of(ticket)));
  if (found == permissions_.end()) return fail(Error::denied("nobody knows this ticket"));
  return found->second;
}

Hosting::~Hosting() noexcept {
  EBB_CHECK(server_->end().has_value(), "the agent ends");
}

void Hosting::allow(const std::string& ticket, Verbs verbs,
                    std::optional<std::set<VolumeId>> volumes, std::uint64_t bytes_per_second) {
  permissions_[ticket] = Permission{
      ticket, verbs, std::move(volumes), random_->name<TicketId>(), std::nullopt, bytes_per_second};
}

kj::Own<kj::AsyncIoStream> Hosting::connect_stream() {
  auto address =
      kj_->wait_for(io_.provider->getNetwork().parseAddress(kj::str("unix:", socket().c_str())));
  return kj_->wait_for(address->connect());
}

Result<void> Hosting::try_open(Client& client, const std::string& ticket,
                               const std::string& repository) {
  auto agent = client.agent();
  auto request = agent.openRequest();
  request.initHello().setVersion(wire::PROTOCOL_VERSION);
  request.getHello().setOldest(wire::PROTOCOL_VERSION);
  request.setRepository(repository.c_str());
  request.setTicket(kj_bytes(bytes_of(ticket)));
  client.opened = TRY(send(request)).getRepository();
  return {};
}

std::unique_ptr<Hosting::Client> Hosting::open(const std::string& ticket,
                                               const std::string& repository) {
  auto client = connect();
  const auto opened = try_open(*client, ticket, repository);
  EBB_CHECK(opened.has_value(), opened ? "" : opened.error().text());
  return client;
}

RunStart Hosting::run_start(const VolumeId& volume) {
  RunStart start;
  start.repository = repository_id();
  start.volume = volume;
  start.data_key = random_->name<DataKeyId>();
  DataKey key;
  random_->fill(key.room());
  start.envelopes.push_back(
      wrap_data_key(key, start.data_key, recipient_, start.repository, *random_).value());
  return start;
}

void Hosting::put_start(const RunStart& start, wire::Repository::RunStart::Builder to) {
  to.setRepository(kj_bytes(start.repository.view()));
  to.setVolume(kj_bytes(start.volume.view()));
  to.setDataKey(kj_bytes(start.data_key.view()));
  auto envelopes = to.initEnvelopes(static_cast<unsigned>(start.envelopes.size()));
  for (unsigned i = 0; i < start.envelopes.size(); ++i) {
    const ByteVector packed = pack_envelope(start.envelopes[i]);
    envelopes.set(i, kj_bytes(packed));
  }
}

Result<wire::Run::Client> Hosting::begin(Client& client, const RunStart& start) {
  auto request = client.repository().backUpRequest();
  put_start(start, request.initStart());
  return TRY(send(request)).getRun();
}

Result<void> Hosting::put(wire::Run::Client& run, Bytes records) {
  auto request = run.putRequest();
  request.setRecords(kj_bytes(records));
  request.setLength(static_cast<std::uint32_t>(records.size()));
  TRY(send(request));
  return {};
}

Result<void> Hosting::keep(wire::Run::Client& run, const PageDigest& digest, Bytes page) {
  auto request = run.keepRequest();
  request.setDigest(kj_bytes(digest.view()));
  request.setPage(kj_bytes(page));
  TRY(send(request));
  return {};
}

Result<void> Hosting::commit(wire::Run::Client& run, Bytes point) {
  auto request = run.commitRequest();
  request.setPoint(kj_bytes(point));
  TRY(send(request));
  return {};
}

Result<void> Hosting::flush(wire::Run::Client& run) {
  TRY(send(run.flushRequest()));
  return {};
}

ByteVector Hosting::record(std::size_t payload_size) {
  const ByteVector payload = random_bytes(*random_, payload_size);
  ByteVector bytes(sizeof(RecordHeaderOnDisk) + payload_size);
  RecordHeader header;
  header.plain_length = 4096;
  header.stored_length = static_cast<std::uint32_t>(payload_size);
  header.counter = random_->next_u64();
  header.name = random_->name<RecordName>();
  put_record_header(header, payload, bytes);
  std::ranges::copy(payload, bytes.begin() + sizeof(RecordHeaderOnDisk));
  return bytes;
}

RecordName Hosting::name_in(Bytes record) {
  return unpack_record(record).value().header.name;
}

SignedPoint Hosting::point(const RunStart& start, const std::function<void(Point&)>& change) {
  Point point;
  point.repository = start.repository;
  point.volume = start.volume;
  point.source = verify_key_of(key_.signing_seed);
  point.data_key = start.data_key;
  point.grid = BlockGrid(1_MiB, BlockSize::standard());
  if (change) change(point);
  point.about = seal_about({"volume", {}, {}}, point, key_.id_key, *random_);
  return sign_point(std::move(point), key_.signing_seed);
}

std::optional<ByteVector> Hosting::content_of(const RecordName& name) {
  const auto files = open_folder(folder(), *ring_).value();
  const auto repository = Repository::open(*files, *ring_, *random_, StoreAccess::read).value();
  std::optional<RecordPlace> place;
  EBB_CHECK(repository->packs().look_up(std::span(&name, 1), std::span(&place, 1)).has_value(),
            "the index answers");
  if (!place) return std::nullopt;
  return repository->packs().read_record(*place, RecordKind::block, name).value();
}

std::vector<std::string> Hosting::points() {
  const auto files = open_folder(folder(), *ring_).value();
  const auto repository = Repository::open(*files, *ring_, *random_, StoreAccess::read).value();
  std::vector<std::string> all;
  const auto names = repository->point_names().value();
  for (const auto& name : names) all.push_back(name.path());
  return all;
}

}  // namespace ebb::test

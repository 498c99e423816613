// SPDX-License-Identifier: Apache-2.0
#include "wire/client/remote_repository.h"

#include "wire/client/remote_chore.h"
#include "wire/client/remote_files.h"
#include "wire/client/remote_sink.h"
#include "wire/client/remote_source.h"

namespace ebb {

struct RemoteLink::State {
  State(const World& w, std::shared_ptr<const Credentials> shown, const RemoteAddress& address,
        double patience)
      : world(w),
        credentials(std::move(shown)),
        io(kj::setupAsyncIo()),
        kj(w.ring, io),
        connection(
            {kj, w.observer, w.stop, w.random},
            address.socket.empty() ? tls_dialer(address, credentials) : unix_dialer(address.socket),
            address.repository, patience),
        files(connection),
        objects(files, w.ring, w.random) {}
  ~State() noexcept { kj.wait_for_all(); }

  World world;
  std::shared_ptr<const Credentials> credentials;
  kj::AsyncIoContext io;
  RingInKj kj;
  Connection connection;
  RemoteFiles files;
  ObjectStore objects;
};

namespace {

class RemoteRepository final : public RepositoryAccess {
 public:
  RemoteRepository(RemoteLink::State& link, RepositoryConfig config)
      : link_(link),
        config_(config),
        keys_(link.objects, config.id),
        points_(link.objects, config.id),
        source_(link.connection, config.id, points_) {}

  const RepositoryConfig& config() const override { return config_; }
  ObjectStore& objects() override { return link_.objects; }
  KeyStore& keys() override { return keys_; }
  PointStore& points() override { return points_; }
  ExtentSource& source() override { return source_; }
  Result<void> will_write(const VolumeId& volume, const std::string& label) override {
    if (link_.credentials && link_.credentials->claim(volume.bytes, label)) {
      // The next call shows a ticket that names it.
      link_.connection.renew();
    }
    return {};
  }
  ByteCount sink_memory() const override { return RemoteSink::memory(); }
  std::unique_ptr<ExtentSink> sink(Workers&, Arena& arena) override {
    return std::make_unique<RemoteSink>(link_.connection, source_, points_, arena);
  }
  Result<ChoreReport> do_chore(const Chore& chore, const ChoreHost& host) override {
    return do_remote_chore(link_.connection, link_.world.random, chore, host);
  }
  Result<Repository*> local() override {
    return fail(Error::invalid("this works only where the repository lies: run it there"));
  }

 private:
  RemoteLink::State& link_;
  RepositoryConfig config_;
  KeyStore keys_;
  PointStore points_;
  RemoteSource source_;
};

}  // namespace

RemoteLink::RemoteLink(std::unique_ptr<State> state) : state_(std::move(state)) {}
RemoteLink::~RemoteLink() = default;

Result<std::unique_ptr<RemoteLink>> RemoteLink::make(World world, const RemoteAddress& address,
                                                     std::shared_ptr<const Credentials> credentials,
                                                     double patience) {
  if (address.socket.empty() && !credentials) {
    return fail(Error::denied("this host has no identity to show to {}", address.host));
  }
  return std::unique_ptr<RemoteLink>(
      new RemoteLink(std::make_unique<State>(world, std::move(credentials), address, patience)));
}

Files& RemoteLink::files() {
  return state_->files;
}

Result<std::unique_ptr<RepositoryAccess>> RemoteLink::open() {
  const RepositoryConfig config =
      TRY(Repository::read_config(state_->files, state_->world.ring, state_->world.random));
  return std::make_unique<RemoteRepository>(*state_, config);
}

}  // namespace ebb

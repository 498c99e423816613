// SPDX-License-Identifier: Apache-2.0
// connection_test.cc - connections to a storage agent that are cut while they are being made.
#include "wire/client/connection.h"

#include <gtest/gtest.h>

#include "tests/wire/agent/hosting.h"

namespace ebb::test {
namespace {

// How one attempt to connect goes.
enum class Attempt : std::uint8_t {
  succeeds,
  is_refused,     // Nobody listens.
  is_reset,       // In the handshake: by kj-tls's word a failure, not an end of the connection.
  is_cut,         // Once it is made, before the first answer.
  has_no_ticket,  // The manager's answer is lost.
  is_denied,      // By the manager.
  is_cut_by_each_call,
};

// Lets everybody in, and then ends the connection over `list`.
class EndsOverEachCall final : public wire::StorageAgent::Server {
 public:
  kj::Promise<void> open(OpenContext context) override {
    context.getResults().setRepository(kj::heap<Opened>());
    return kj::READY_NOW;
  }

 private:
  class Opened final : public wire::Repository::Server {
    kj::Promise<void> list(ListContext) override {
      return KJ_EXCEPTION(DISCONNECTED, "the connection ended");
    }
    kj::Promise<void> read(ReadContext context) override {
      context.getResults().setBytes({});
      return kj::READY_NOW;
    }
  };
};

class CutByEachCall {
 public:
  explicit CutByEachCall(kj::Own<kj::AsyncIoStream> stream)
      : stream_(kj::mv(stream)),
        network_(*stream_, capnp::rpc::twoparty::Side::SERVER),
        rpc_(capnp::makeRpcServer(network_, kj::heap<EndsOverEachCall>())) {}

 private:
  kj::Own<kj::AsyncIoStream> stream_;
  capnp::TwoPartyVatNetwork network_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc_;
};

// Dials a real agent in the ways that were planned, and then in the last of them for ever.
class PlannedDialer final : public Dialer {
 public:
  PlannedDialer(std::string socket, std::vector<Attempt> plan, unsigned& dialled)
      : agent_(unix_dialer(std::move(socket))), plan_(std::move(plan)), dialled_(dialled) {}

  kj::Promise<kj::Own<kj::AsyncIoStream>> dial(kj::AsyncIoContext& io) override {
    now_ = plan_[std::min<std::size_t>(dialled_++, plan_.size() - 1)];
    switch (now_) {
      case Attempt::is_refused: return KJ_EXCEPTION(DISCONNECTED, "connect(): Connection refused");
      case Attempt::is_reset: return KJ_EXCEPTION(FAILED, "OpenSSL error: unexpected eof");
      case Attempt::is_cut: {
        kj::TwoWayPipe pipe = io.provider->newTwoWayPipe();
        return kj::mv(pipe.ends[0]);
      }
      case Attempt::is_cut_by_each_call: {
        kj::TwoWayPipe pipe = io.provider->newTwoWayPipe();
        peers_.push_back(std::make_unique<CutByEachCall>(kj::mv(pipe.ends[1])));
        return kj::mv(pipe.ends[0]);
      }
      default: return agent_->dial(io);
    }
  }
  Result<ByteVector> ticket() override {
    if (now_ == Attempt::has_no_ticket) return fail(Error::lost("asking the manager: cut"));
    if (now_ == Attempt::is_denied) return fail(Error::denied("the manager knows no such host"));
    return copy_of(bytes_of(std::string("all")));
  }

 private:
  std::unique_ptr<Dialer> agent_;
  std::vector<Attempt> plan_;
  unsigned& dialled_;
  Attempt now_ = Attempt::succeeds;
  std::vector<std::unique_ptr<CutByEachCall>> peers_;
};

class ConnectionToAnAgent : public testing::Test {
 protected:
  ~ConnectionToAnAgent() noexcept override = default;
  std::unique_ptr<Connection> connection(std::vector<Attempt> plan, double patience = 600) {
    return std::make_unique<Connection>(
        Connection::World{agent_.kj(), observer_, never_, agent_.random()},
        std::make_unique<PlannedDialer>(agent_.socket(), std::move(plan), dialled_), "disks",
        patience);
  }
  // What a call ends with.
  Result<void> ask(Connection& connection) {
    TRY(connection.call([](wire::Repository::Client& repository) {
      auto request = repository.listRequest();
      request.setFolder("members");
      return request.send();
    }));
    return {};
  }

  // Once, in this session.
  Result<void> ask(Connection& connection, const std::shared_ptr<Connection::Session>& session) {
    return catching([&]() -> Result<void> {
      auto request = KJ_ASSERT_NONNULL(session->repository).listRequest();
      connection.kj().wait_for(request.send());
      return {};
    });
  }

  Hosting agent_;
  SilentObserver observer_;
  const StopFlag never_;
  unsigned dialled_ = 0;
};

TEST_F(ConnectionToAnAgent, IsTriedAgainWhenTheFirstIsCutWhileItIsMade) {
  for (const Attempt trouble :
       {Attempt::is_refused, Attempt::is_reset, Attempt::is_cut, Attempt::has_no_ticket}) {
    SCOPED_TRACE(static_cast<int>(trouble));
    dialled_ = 0;
    const auto first = connection({trouble, trouble, Attempt::succeeds});
    const auto asked = ask(*first);
    EXPECT_TRUE(asked) << asked.error().text();
    EXPECT_EQ(dialled_, 3u);
  }
}

TEST_F(ConnectionToAnAgent, IsTriedAgainWhenAnotherTicketIsNeeded) {
  const auto renewed = connection({Attempt::succeeds, Attempt::is_cut, Attempt::succeeds});
  ASSERT_TRUE(ask(*renewed));
  renewed->renew();
  const auto asked = ask(*renewed);
  EXPECT_TRUE(asked) << asked.error().text();
  EXPECT_EQ(dialled_, 3u);
}

TEST_F(ConnectionToAnAgent, IsNotTriedForLongWhereNothingHasBegun) {
  const auto nobody = connection({Attempt::is_refused});
  const auto asked = ask(*nobody);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().kind(), ErrorKind::lost);
  EXPECT_LE(dialled_, 4u);
}

TEST_F(ConnectionToAnAgent, IsTriedOnceWhereItIsRefusedForGoodOrNobodyHasPatience) {
  const auto denied = connection({Attempt::is_denied, Attempt::succeeds});
  EXPECT_EQ(ask(*denied).error().kind(), ErrorKind::denied);
  EXPECT_EQ(dialled_, 1u);
  const auto hasty = connection({Attempt::is_cut}, 0);
  dialled_ = 0;
  EXPECT_FALSE(ask(*hasty));
  EXPECT_EQ(dialled_, 1u);
}

TEST_F(ConnectionToAnAgent, IsTriedWithPatienceOnceItWasThere) {
  const auto cut =
      connection({Attempt::succeeds, Attempt::is_refused, Attempt::is_reset, Attempt::is_cut,
                  Attempt::has_no_ticket, Attempt::is_refused, Attempt::succeeds});
  ASSERT_TRUE(ask(*cut));
  cut->dropped(**cut->session());
  const auto asked = ask(*cut);
  EXPECT_TRUE(asked) << asked.error().text();
  EXPECT_EQ(dialled_, 7u);
}

TEST_F(ConnectionToAnAgent, IsNotTriedForEverWhereItIsCutByEachCall) {
  const auto cut = connection({Attempt::is_cut_by_each_call}, 2);
  const auto asked = ask(*cut);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().kind(), ErrorKind::lost);
  EXPECT_GE(dialled_, 2u);
  // Ten at once, then with growing pauses: 0.1, 0.2, 0.4, 0.8, 1.6 s, or half of that.
  EXPECT_LE(dialled_, 10u + 8u);
}

// Others are answered all the while, so nothing tells that the line is of no use.
TEST_F(ConnectionToAnAgent, IsNotTriedForEverForOneCallThoughOthersAreAnswered) {
  const auto cut = connection({Attempt::is_cut_by_each_call});
  const auto asked = cut->persistently([&](std::shared_ptr<Connection::Session>& used) {
    used = cut->session().value();
    EXPECT_TRUE(
        cut->call([](wire::Repository::Client& opened) { return opened.readRequest().send(); }));
    return ask(*cut, used);
  });
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().kind(), ErrorKind::lost);
  EXPECT_EQ(dialled_, Connection::most_cuts);
}

TEST_F(ConnectionToAnAgent, IsOfUseThoughItWasCutByFormerCalls) {
  const auto cut = connection({Attempt::is_cut_by_each_call, Attempt::is_cut_by_each_call,
                               Attempt::is_cut_by_each_call, Attempt::succeeds});
  const auto asked = ask(*cut);
  EXPECT_TRUE(asked) << asked.error().text();
  EXPECT_EQ(dialled_, 4u);
}

}  // namespace
}  // namespace ebb::test

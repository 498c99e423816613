// SPDX-License-Identifier: Apache-2.0
// Clients that mean harm: garbage, truncated, huge and deeply nested messages, connections without
// end, silence. Each costs them their connection; the manager and the others go on.
#include <arpa/inet.h>
#include <capnp/rpc.capnp.h>
#include <capnp/serialize.h>
#include <sys/socket.h>

#include "devmap/core/endian.h"
#include "devmap/core/unique_fd.h"
#include "tests/support/seed.h"
#include "tests/wire/control/manager/manager_folder.h"
#include "tests/wire/control/running_manager.h"
#include "wire/control/manager/counted_stream.h"
#include "wire/control/protocol.h"
#include "wire/error_bridge.h"
#include "wire/schema/control.capnp.h"

namespace ebb::control::test {
namespace {

UniqueFd connect_to(const Address& address) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(address.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  return fd;
}

// Whether the peer ends the connection, within a minute.
bool is_ended(const UniqueFd& fd) {
  const timeval most{60, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  char room[4096];
  for (;;) {
    const ssize_t got = ::recv(fd.get(), room, sizeof room, 0);
    if (got == 0) return true;
    if (got < 0) return errno == ECONNRESET;
  }
}

class HostileTest : public testing::Test {
 protected:
  // A host enrolls, connects and asks, as if nothing had happened.
  void expect_service(const std::string& name) {
    elsewhere([&] {
      const auto identity = manager_.try_enroll(name, manager_.token(Role::source));
      ASSERT_TRUE(identity) << identity.error().text();
      const auto client = ControlClient::connect(*identity, "hostile_test");
      ASSERT_TRUE(client) << client.error().text();
      EXPECT_TRUE((*client)->poll_source());
    });
  }

  enum class AndThen { ends, waits };  // What the client does when it has sent the bytes.

  // Sends bytes through TLS to the control port as an enrolled host; true when it is hung up on.
  bool is_hung_up_on(const Identity& identity, Bytes bytes, AndThen and_then = AndThen::ends) {
    return elsewhere([&] {
      auto io = kj::setupAsyncIo();
      auto tls = mutual_tls(identity.tls(), identity.authority, io.provider->getTimer()).value();
      auto address = io.provider->getNetwork()
                         .parseAddress(manager_.control().text().c_str())
                         .wait(io.waitScope);
      const auto patience = io.provider->getTimer().now() + 30 * kj::SECONDS;
      return catching([&] {
               auto stream =
                   tls->wrapClient(address->connect().wait(io.waitScope), manager_server_name)
                       .wait(io.waitScope);
               stream->write(bytes.data(), bytes.size()).wait(io.waitScope);
               if (and_then == AndThen::ends) stream->shutdownWrite();
               kj::byte room[65536];
               // Whatever is answered (an abort, with its reason) comes to an end.
               for (;;) {
                 auto reading = stream->tryRead(room, 1, sizeof room)
                                    .then([](size_t got) { return got == 0; },
                                          [](kj::Exception&&) { return true; });
                 auto waiting = io.provider->getTimer().atTime(patience).then([]() -> bool {
                   throw KJ_EXCEPTION(OVERLOADED, "the manager waits for more");
                 });
                 if (reading.exclusiveJoin(kj::mv(waiting)).wait(io.waitScope)) return;
               }
             })
          .has_value();
    });
  }

  RunningManager manager_;
  const std::unique_ptr<Random> random_ = ebb::test::test_random();
};

TEST_F(HostileTest, GarbageInsteadOfTlsEndsTheConnection) {
  for (const Address& address : {manager_.control(), manager_.enrolment()}) {
    const UniqueFd fd = connect_to(address);
    const ByteVector garbage = ebb::test::random_bytes(*random_, 5000);
    ASSERT_GT(::send(fd.get(), garbage.data(), garbage.size(), MSG_NOSIGNAL), 0);
    EXPECT_TRUE(is_ended(fd));
  }
  expect_service("web1");
}

TEST_F(HostileTest, GarbageInsideOfTlsEndsTheConnection) {
  const Identity mallory = elsewhere([&] { return manager_.enroll_host("mallory", Role::source); });
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(is_hung_up_on(mallory, ebb::test::random_bytes(*random_, 1 + random_->below(300))));
  }
  expect_service("web1");
}

// The first message of a client that means well.
ByteVector first_message() {
  capnp::MallocMessageBuilder message;
  auto call = message.initRoot<capnp::rpc::Message>().initBootstrap();
  call.setQuestionId(0);
  const auto words = capnp::messageToFlatArray(message);
  return copy_of(std::as_bytes(std::span(words.begin(), words.size())));
}

TEST_F(HostileTest, AMessageThatSaysItIsHugeEndsTheConnectionBeforeItIsMadeRoomFor) {
  const Identity mallory = elsewhere([&] { return manager_.enroll_host("mallory", Role::source); });
  // One segment of 2^32 - 1 words; then 2^32 - 1 segments.
  const ByteVector one_segment =
      copy_of(bytes_of_struct(std::array<Le32, 2>{Le32(0), Le32(0xffffffff)}));
  const ByteVector many_segments =
      copy_of(bytes_of_struct(std::array<Le32, 2>{Le32(0xfffffffe), Le32(1)}));
  const ByteVector large = copy_of(bytes_of_struct(
      std::array<Le32, 2>{Le32(0), Le32(static_cast<std::uint32_t>(max_message_bytes / 8 + 1))}));
  for (const ByteVector& bytes : {one_segment, many_segments, large}) {
    // It does not wait for the rest.
    EXPECT_TRUE(is_hung_up_on(mallory, bytes, AndThen::waits));
  }
  expect_service("web1");
}

TEST_F(HostileTest, AMessageThatIsCutAnywhereEndsTheConnection) {
  const Identity mallory = elsewhere([&] { return manager_.enroll_host("mallory", Role::source); });
  const ByteVector whole = first_message();
  for (std::size_t size = 1; size < whole.size(); size += 5) {
    EXPECT_TRUE(is_hung_up_on(mallory, Bytes(whole).first(size))) << size;
  }
  expect_service("web1");
}

TEST_F(HostileTest, AFlippedBitInAMessageDoesNoHarm) {
  const Identity mallory = elsewhere([&] { return manager_.enroll_host("mallory", Role::source); });
  const ByteVector whole = first_message();
  for (int i = 0; i < 40; ++i) {
    ByteVector altered = whole;
    altered[random_->below(whole.size())] ^= std::byte{1} << random_->below(8);
    EXPECT_TRUE(is_hung_up_on(mallory, altered));
  }
  expect_service("web1");
}

TEST_F(HostileTest, ConnectionsWithoutEndAreBoundedAndTheOtherPortGoesOn) {
  const Identity web1 = elsewhere([&] { return manager_.enroll_host("web1", Role::source); });
  std::vector<UniqueFd> open;
  for (int i = 0; i < 40; ++i) open.push_back(connect_to(manager_.enrolment()));
  // Those above the bound are ended at once, without a word.
  EXPECT_TRUE(manager_.said("are open, the most"));
  EXPECT_TRUE(is_ended(open.back()));
  elsewhere([&] {
    const auto client = ControlClient::connect(web1, "hostile_test");
    ASSERT_TRUE(client) << client.error().text();
    EXPECT_TRUE((*client)->poll_source());
  });
  open.clear();
  expect_service("web2");
}

TEST_F(HostileTest, ASilentConnectionIsEndedByTheHandshakesTime) {
  const UniqueFd fd = connect_to(manager_.control());
  EXPECT_TRUE(is_ended(fd));
}

// Memory does not grow with answers that nobody takes.
TEST(CountedStreamTest, ReadsNothingFromWhoDoesNotRead) {
  auto io = kj::setupAsyncIo();
  auto pipe = io.provider->newTwoWayPipe();
  ByteCounts counts;
  auto stream = counted(kj::mv(pipe.ends[0]), counts);
  kj::AsyncIoStream& peer = *pipe.ends[1];
  const std::vector<kj::byte> much(8 << 20);
  auto writing = stream->write(much.data(), much.size()).eagerlyEvaluate(nullptr);
  peer.write("question", 8).wait(io.waitScope);
  char room[64];
  auto reading = stream->tryRead(room, 1, sizeof room).eagerlyEvaluate(nullptr);
  EXPECT_FALSE(reading.poll(io.waitScope));
  EXPECT_EQ(counts.in, 0u);
  // The peer takes the answer: its next question is read.
  std::vector<kj::byte> taken(much.size());
  peer.read(taken.data(), taken.size()).wait(io.waitScope);
  EXPECT_EQ(reading.wait(io.waitScope), 8u);
  EXPECT_EQ(counts.in, 8u);
  EXPECT_EQ(counts.out, much.size());
}

}  // namespace
}  // namespace ebb::control::test

// SPDX-License-Identifier: Apache-2.0
// What a storage agent refuses of a repository, and in which words.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/image_file.h"
#include "tests/wire/agent/hosting.h"
#include "wire/limits.h"
#include "wire/place.h"

namespace ebb::test {
namespace {

class AgentRefuses : public testing::Test {
 protected:
  ~AgentRefuses() noexcept override = default;
  template <class T>
  static void expect(const Result<T>& result, ErrorKind kind, const std::string& words = "") {
    ASSERT_FALSE(result) << "it was allowed";
    EXPECT_EQ(result.error().kind(), kind) << result.error().text();
    EXPECT_NE(result.error().text().find(words), std::string::npos) << result.error().text();
  }

  Result<ByteVector> read(Hosting::Client& client, const std::string& name) {
    auto request = client.repository().readRequest();
    request.setName(kj::StringPtr(name.c_str(), name.size()));
    const auto reply = TRY(agent_.send(request));
    return copy_of(bytes_from(reply.getBytes()));
  }
  Result<void> list(Hosting::Client& client, const std::string& folder) {
    auto request = client.repository().listRequest();
    request.setFolder(kj::StringPtr(folder.c_str(), folder.size()));
    TRY(agent_.send(request));
    return {};
  }
  Result<void> write(Hosting::Client& client, const std::string& name, Bytes bytes) {
    auto request = client.repository().writeRequest();
    request.setName(kj::StringPtr(name.c_str(), name.size()));
    request.setBytes(kj_bytes(bytes));
    TRY(agent_.send(request));
    return {};
  }
  Result<void> rename(Hosting::Client& client, const std::string& from, const std::string& to) {
    auto request = client.repository().renameRequest();
    request.setFrom(kj::StringPtr(from.c_str(), from.size()));
    request.setTo(kj::StringPtr(to.c_str(), to.size()));
    TRY(agent_.send(request));
    return {};
  }
  Result<void> remove(Hosting::Client& client, const std::string& name) {
    auto request = client.repository().removeRequest();
    request.setName(kj::StringPtr(name.c_str(), name.size()));
    TRY(agent_.send(request));
    return {};
  }
  Result<void> make_folder(Hosting::Client& client, const std::string& name) {
    auto request = client.repository().makeFolderRequest();
    request.setName(kj::StringPtr(name.c_str(), name.size()));
    TRY(agent_.send(request));
    return {};
  }
  Result<void> sync_folder(Hosting::Client& client, const std::string& name) {
    auto request = client.repository().syncFolderRequest();
    request.setName(kj::StringPtr(name.c_str(), name.size()));
    TRY(agent_.send(request));
    return {};
  }
  Result<ByteVector> fetch(Hosting::Client& client, const PackId& pack, std::uint64_t at,
                           std::uint32_t length) {
    auto request = client.repository().fetchRequest();
    request.setPack(kj_bytes(pack.view()));
    request.setAt(at);
    request.setLength(length);
    const auto reply = TRY(agent_.send(request));
    return copy_of(bytes_from(reply.getBytes()));
  }
  Result<void> locate(Hosting::Client& client, std::size_t bytes) {
    auto request = client.repository().locateRequest();
    request.initNames(static_cast<unsigned>(bytes));
    TRY(agent_.send(request));
    return {};
  }
  Result<void> page(Hosting::Client& client, Bytes digest) {
    auto request = client.repository().pageRequest();
    request.setDigest(kj_bytes(digest));
    TRY(agent_.send(request));
    return {};
  }
  Result<void> data_key_of(Hosting::Client& client, Bytes place, Bytes name) {
    auto request = client.repository().dataKeyOfRequest();
    request.setPlace(kj_bytes(place));
    request.setName(kj_bytes(name));
    TRY(agent_.send(request));
    return {};
  }
  // A pack with one record; its name in hexadecimal is the file's.
  PackId make_pack() {
    const auto client = agent_.open();
    const RunStart start = agent_.run_start(agent_.random().name<VolumeId>());
    auto run = agent_.begin(*client, start).value();
    EXPECT_TRUE(agent_.put(run, agent_.record(5000)));
    EXPECT_TRUE(agent_.flush(run));
    const std::filesystem::directory_iterator packs(agent_.folder() + "/packs");
    EXPECT_NE(packs, end(packs));
    return PackId::from_hex_text(begin(packs)->path().stem().string()).value();
  }

  Hosting agent_;
};

TEST_F(AgentRefuses, WhoHasNoPermission) {
  const auto client = agent_.connect();
  expect(agent_.try_open(*client, "stranger", "disks"), ErrorKind::denied, "nobody knows");
  expect(agent_.try_open(*client, "", "disks"), ErrorKind::denied, "nobody knows");
  // Before it says whether there is such a repository.
  expect(agent_.try_open(*client, "stranger", "other"), ErrorKind::denied, "nobody knows");
}

TEST_F(AgentRefuses, ARepositoryThatItDoesNotKeep) {
  const auto client = agent_.connect();
  expect(agent_.try_open(*client, "all", "other"), ErrorKind::absent, "\"other\"");
  for (const char* name : {"", "../disks", "Disks", "disks/", "a b"}) {
    expect(agent_.try_open(*client, "all", name), ErrorKind::invalid);
  }
  expect(agent_.try_open(*client, "all", std::string(100'000, 'a')), ErrorKind::invalid);
}

TEST_F(AgentRefuses, AnOlderOrNewerPeerAndTellsWhoShallBeUpdated) {
  const auto client = agent_.connect();
  const auto hello = [&](std::uint32_t version, std::uint32_t oldest) -> Result<void> {
    auto request = client->agent().openRequest();
    request.initHello().setVersion(version);
    request.getHello().setOldest(oldest);
    request.setRepository("disks");
    request.setTicket(kj_bytes(bytes_of("all")));
    TRY(agent_.send(request));
    return {};
  };
  expect(hello(0, 0), ErrorKind::mismatch, "update the peer");
  expect(hello(9, 9), ErrorKind::mismatch, "update the storage agent");
  expect(hello(0xffffffff, 0xffffffff), ErrorKind::mismatch);
  EXPECT_TRUE(hello(9, 1));
}

TEST_F(AgentRefuses, EveryVerbToWhoHasAnotherOne) {
  const VolumeId mine = agent_.random().name<VolumeId>();
  agent_.allow("adds", {Verb::add}, std::set{mine});
  agent_.allow("reads", {Verb::read});
  agent_.allow("nothing", {});
  const PackId pack = make_pack();
  const auto adds = agent_.open("adds");
  const auto reads = agent_.open("reads");
  const auto nothing = agent_.open("nothing");
  const Fingerprint name{};
  const PlaceOnWire place{};
  for (Hosting::Client* client : {adds.get(), nothing.get()}) {
    expect(fetch(*client, pack, 0, 4096), ErrorKind::denied, "\"read\"");
    expect(locate(*client, 32), ErrorKind::denied, "\"read\"");
    expect(data_key_of(*client, bytes_of_struct(place), name.view()), ErrorKind::denied,
           "\"read\"");
  }
  expect(page(*nothing, name.view()), ErrorKind::denied);
  for (Hosting::Client* client : {adds.get(), reads.get(), nothing.get()}) {
    expect(read(*client, "keys/0000000000000001/keyring"), ErrorKind::denied, "\"keys\"");
    expect(list(*client, "keys"), ErrorKind::denied, "\"keys\"");
    expect(list(*client, ""), ErrorKind::denied);
    expect(write(*client, "tmp/x", bytes_of("x")), ErrorKind::denied, "\"administer\"");
    expect(rename(*client, "tmp/x", "members/0000000000000002"), ErrorKind::denied);
    expect(remove(*client, "members/0000000000000001"), ErrorKind::denied);
    expect(make_folder(*client, "tmp/x"), ErrorKind::denied);
    expect(sync_folder(*client, ""), ErrorKind::denied);
    expect(sync_folder(*client, "members"), ErrorKind::denied);
  }
  for (Hosting::Client* client : {reads.get(), nothing.get()}) {
    expect(agent_.begin(*client, agent_.run_start(mine)), ErrorKind::denied, "\"add\"");
  }
  expect(agent_.begin(*adds, agent_.run_start(agent_.random().name<VolumeId>())), ErrorKind::denied,
         "volume");
  EXPECT_TRUE(agent_.begin(*adds, agent_.run_start(mine)));
}

TEST_F(AgentRefuses, PathsOutOfARepository) {
  write_text(agent_.folder() + "/../secret", "secret");
  const auto client = agent_.open();
  for (const std::string& name :
       {std::string("../secret"), std::string("members/../../secret"), std::string("/etc/passwd"),
        std::string(""), std::string("members/0000000000000001\0", 25), std::string(100'000, 'a'),
        std::string("points/../keys"), std::string("packs"), std::string("writer.lock")}) {
    expect(read(*client, name), ErrorKind::denied);
    expect(write(*client, name, bytes_of("x")), ErrorKind::denied);
    expect(remove(*client, name), ErrorKind::denied);
    expect(rename(*client, name, "tmp/x"), ErrorKind::denied);
    expect(rename(*client, "tmp/x", name), ErrorKind::denied);
    if (!name.empty()) expect(list(*client, name), ErrorKind::denied);
    if (name != "packs") expect(make_folder(*client, name), ErrorKind::denied);
  }
  EXPECT_EQ(text_of(read_at(agent_.folder() + "/../secret", ByteIndex(0), 6_B)), "secret");
}

TEST_F(AgentRefuses, ToWriteAnywhereButInATemporaryPlace) {
  const auto client = agent_.open();
  for (const char* name : {"repository", "members/0000000000000001", "members/0000000000000002",
                           "keys/0000000000000001/keyring", "envelopes/x", "tmp", "tmpx/y"}) {
    expect(write(*client, name, bytes_of("x")), ErrorKind::denied);
  }
  EXPECT_TRUE(write(*client, "tmp/x", bytes_of("x")));
  EXPECT_TRUE(write(*client, "tmp/x", bytes_of("y")));
  EXPECT_TRUE(remove(*client, "tmp/x"));
  EXPECT_TRUE(remove(*client, "tmp/x"));
}

TEST_F(AgentRefuses, AnObjectLargerThanAny) {
  const auto client = agent_.open();
  const ByteVector large(3 * (1_MiB).size(), std::byte{7});
  expect(write(*client, "tmp/x", large), ErrorKind::invalid);
  EXPECT_FALSE(std::filesystem::exists(agent_.folder() + "/tmp/x"));
}

TEST_F(AgentRefuses, ToReplaceOrTakeAwayTheRepositorysConfiguration) {
  const auto client = agent_.open();
  ASSERT_TRUE(write(*client, "tmp/x", bytes_of("x")));
  expect(rename(*client, "tmp/x", "repository"), ErrorKind::denied);
  expect(rename(*client, "repository", "tmp/y"), ErrorKind::denied);
  expect(remove(*client, "repository"), ErrorKind::denied);
  EXPECT_TRUE(read(*client, "repository"));
}

// Whoever may administer publishes and removes members and keys one by one; a folder of them is
// what every source and every point rests on.
TEST_F(AgentRefuses, ToTakeAwayAWholeAreaOfTheRepository) {
  const auto client = agent_.open();
  for (const std::string area : {"members", "keys", "envelopes", "tmp"}) {
    expect(rename(*client, area, "tmp/y"), ErrorKind::denied);
    expect(rename(*client, area, "keys/y"), ErrorKind::denied);
    expect(remove(*client, area), ErrorKind::denied);
    ASSERT_TRUE(std::filesystem::is_directory(agent_.folder() + "/" + area)) << area;
  }
  expect(rename(*client, "tmp/x", "members"), ErrorKind::denied);
}

TEST_F(AgentRefuses, FetchesOutOfBounds) {
  const PackId pack = make_pack();
  const auto client = agent_.open();
  EXPECT_TRUE(fetch(*client, pack, 0, 4096));
  EXPECT_TRUE(fetch(*client, pack, 4095, 2));
  const std::uint64_t length =
      std::filesystem::file_size(agent_.folder() + "/packs/" + pack.hex() + ".pack");
  EXPECT_TRUE(fetch(*client, pack, length - 1, 1));
  for (const std::uint64_t at :
       {length, length - 1, length + 4096, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    EXPECT_FALSE(fetch(*client, pack, at, 4096)) << at;
  }
  expect(fetch(*client, pack, 0, 0), ErrorKind::invalid);
  expect(fetch(*client, pack, 0, wire_limits::max_fetch.value() + 1), ErrorKind::invalid);
  expect(fetch(*client, pack, 0, 0xffffffff), ErrorKind::invalid);
  expect(fetch(*client, agent_.random().name<PackId>(), 0, 4096), ErrorKind::absent);
}

TEST_F(AgentRefuses, NamesOfOtherLengths) {
  const auto client = agent_.open();
  const ByteVector bytes(64);
  for (const std::size_t size : {0u, 31u, 33u, 64u}) {
    expect(page(*client, Bytes(bytes).first(size)), ErrorKind::invalid);
  }
  expect(page(*client, Bytes(bytes).first(32)), ErrorKind::absent);
  for (const std::size_t size : {1u, 31u, 33u}) expect(locate(*client, size), ErrorKind::invalid);
  expect(locate(*client, 32 * (wire_limits::max_names + 1)), ErrorKind::invalid);
  EXPECT_TRUE(locate(*client, 32 * wire_limits::max_names));
  EXPECT_TRUE(locate(*client, 0));
  expect(data_key_of(*client, Bytes(bytes).first(23), Bytes(bytes).first(32)), ErrorKind::invalid);
  expect(data_key_of(*client, Bytes(bytes).first(24), Bytes(bytes).first(31)), ErrorKind::invalid);
  expect(data_key_of(*client, Bytes(bytes).first(24), Bytes(bytes).first(32)), ErrorKind::absent);
}

TEST_F(AgentRefuses, EverythingButMakingItWhereThereIsNoRepositoryYet) {
  const auto client = agent_.open("all", "empty");
  expect(read(*client, "repository"), ErrorKind::absent);
  expect(page(*client, ByteVector(32)), ErrorKind::absent);
  expect(locate(*client, 32), ErrorKind::absent);
  expect(agent_.begin(*client, agent_.run_start(agent_.random().name<VolumeId>())),
         ErrorKind::absent);
}

}  // namespace
}  // namespace ebb::test

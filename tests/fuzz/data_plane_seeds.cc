// SPDX-License-Identifier: Apache-2.0
// Writes streams of peers for data_plane_fuzz into the folder given: what clients say in a backup
// and in a restore, without waiting for answers, and some that no client says.
#include <capnp/rpc.capnp.h>
#include <capnp/schema.h>
#include <capnp/serialize.h>

#include <filesystem>

#include "tests/support/image_file.h"
#include "tests/wire/agent/hosting.h"

namespace {

using namespace ebb;
namespace rpc = capnp::rpc;

// Calls go to what earlier calls will have answered.
class Stream {
 public:
  Stream() {
    capnp::MallocMessageBuilder message;
    message.initRoot<rpc::Message>().initBootstrap().setQuestionId(next_++);
    add(message);
    auto open = call<wire::StorageAgent>(0, -1, 0);
    auto params = open->params.initAs<wire::StorageAgent::OpenParams>();
    params.initHello().setVersion(wire::PROTOCOL_VERSION);
    params.getHello().setOldest(wire::PROTOCOL_VERSION);
    params.setRepository("disks");
    params.setTicket(kj_bytes(bytes_of("all")));
    add(open->message);
  }

  struct Call {
    capnp::MallocMessageBuilder message;
    capnp::AnyPointer::Builder params{nullptr};
  };
  // Of the object in that pointer of the answer to `question`; -1: the answer itself.
  template <class Interface>
  std::unique_ptr<Call> call(std::uint32_t question, int pointer, std::uint16_t method) {
    auto made = std::make_unique<Call>();
    auto call = made->message.initRoot<rpc::Message>().initCall();
    call.setQuestionId(next_++);
    call.setInterfaceId(capnp::typeId<Interface>());
    call.setMethodId(method);
    auto target = call.initTarget().initPromisedAnswer();
    target.setQuestionId(question);
    if (pointer >= 0) {
      target.initTransform(1)[0].setGetPointerField(static_cast<std::uint16_t>(pointer));
    }
    made->params = call.initParams().getContent();
    return made;
  }
  template <class Params>
  void ask_repository(std::uint16_t method,
                      const std::function<void(typename Params::Builder)>& fill) {
    static const int pointer = pointer_of<wire::StorageAgent::Opened>("repository");
    auto made = call<wire::Repository>(opened, pointer, method);
    fill(made->params.initAs<Params>());
    add(made->message);
  }
  template <class Params>
  void ask_run(std::uint16_t method, const std::function<void(typename Params::Builder)>& fill) {
    static const int pointer = pointer_of<wire::Repository::Started>("run");
    auto made = call<wire::Run>(begun, pointer, method);
    fill(made->params.initAs<Params>());
    add(made->message);
  }
  void add(capnp::MessageBuilder& message) {
    append(bytes_, bytes_from(capnp::messageToFlatArray(message).asBytes()));
  }
  ByteVector bytes() const { return bytes_; }

  static constexpr std::uint32_t opened = 1;
  static constexpr std::uint32_t begun = 2;  // When backUp is the first call.

 private:
  template <class Struct>
  static int pointer_of(const char* field) {
    return static_cast<int>(
        capnp::Schema::from<Struct>().getFieldByName(field).getProto().getSlot().getOffset());
  }
  std::uint32_t next_ = 0;
  ByteVector bytes_;
};

using Repository = wire::Repository;
using Run = wire::Run;

Stream reader(test::Hosting& hosting) {
  Stream stream;
  const ByteVector names = test::random_bytes(hosting.random(), 64);
  stream.ask_repository<Repository::ReadParams>(0, [](auto p) { p.setName("repository"); });
  stream.ask_repository<Repository::ListParams>(1, [](auto p) { p.setFolder("keys"); });
  stream.ask_repository<Repository::PageParams>(
      7, [&](auto p) { p.setDigest(kj_bytes(Bytes(names).first(32))); });
  stream.ask_repository<Repository::LocateParams>(8, [&](auto p) { p.setNames(kj_bytes(names)); });
  stream.ask_repository<Repository::DataKeyOfParams>(9, [&](auto p) {
    p.setPlace(kj_bytes(Bytes(names).first(24)));
    p.setName(kj_bytes(Bytes(names).first(32)));
  });
  stream.ask_repository<Repository::FetchParams>(10, [&](auto p) {
    p.setPack(kj_bytes(Bytes(names).first(16)));
    p.setLength(1 << 20);
  });
  return stream;
}

Stream administrator() {
  Stream stream;
  stream.ask_repository<Repository::WriteParams>(2, [](auto p) {
    p.setName("tmp/new");
    p.setBytes(kj_bytes(bytes_of("small")));
  });
  stream.ask_repository<Repository::RenameParams>(3, [](auto p) {
    p.setFrom("tmp/new");
    p.setTo("keys/new");
  });
  stream.ask_repository<Repository::RemoveParams>(4, [](auto p) { p.setName("keys/new"); });
  stream.ask_repository<Repository::MakeFolderParams>(5, [](auto p) { p.setName("points/new"); });
  stream.ask_repository<Repository::SyncFolderParams>(6, [](auto p) { p.setName("keys"); });
  return stream;
}

Stream source(test::Hosting& hosting) {
  Stream stream;
  const RunStart start = hosting.run_start(hosting.random().name<VolumeId>());
  stream.ask_repository<Repository::BackUpParams>(
      11, [&](auto p) { hosting.put_start(start, p.initStart()); });
  const ByteVector record = hosting.record(1000);
  const ByteVector name = copy_of(test::Hosting::name_in(record).view());
  stream.ask_run<Run::LookUpParams>(0, [&](auto p) { p.setNames(kj_bytes(name)); });
  for (int i = 0; i < 2; ++i) {
    stream.ask_run<Run::PutParams>(1, [&](auto p) {
      p.setRecords(kj_bytes(record));
      p.setLength(static_cast<std::uint32_t>(record.size()));
    });
  }
  stream.ask_run<Run::KeepParams>(2, [&](auto p) {
    p.setDigest(kj_bytes(name));
    p.setPage(kj_bytes(record));
  });
  stream.ask_run<Run::FlushParams>(3, [](auto) {});
  const SignedPoint point = hosting.point(start);
  stream.ask_run<Run::CommitParams>(4, [&](auto p) { p.setPoint(kj_bytes(point.body)); });
  return stream;
}

// Pointers that nest as deep as the message is long.
Stream nested() {
  Stream stream;
  auto made = stream.call<wire::Repository>(Stream::opened, 1, 0);
  auto inner = made->params;
  for (int i = 0; i < 100; ++i) {
    inner =
        inner.initAsAnyList(capnp::ElementSize::POINTER, 1).as<capnp::List<capnp::AnyPointer>>()[0];
  }
  stream.add(made->message);
  return stream;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  std::filesystem::create_directories(folder);
  const auto put = [&](const std::string& name, const Stream& stream) {
    test::write_text(folder + "/" + name, std::string(text_of(stream.bytes())));
  };
  test::Hosting hosting({2, 8, 2, 1, {}}, seeded_random(1));
  put("opens", Stream());
  put("reads", reader(hosting));
  put("administers", administrator());
  put("backs_up", source(hosting));
  put("nests", nested());
  return 0;
}

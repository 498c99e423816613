// SPDX-License-Identifier: Apache-2.0
#include "wire/client/remote_files.h"

#include <algorithm>

#include "wire/limits.h"

namespace ebb {

namespace {

using Repository = wire::Repository;

// What was read when it was opened.
class ReadFile final : public File {
 public:
  ReadFile(ByteVector content, Loop& loop) : content_(std::move(content)), loop_(loop) {}
  void start(Transfer& transfer) override {
    if (transfer.way != Way::read || transfer.bytes().end.value() > content_.size()) {
      return loop_.settle_later(transfer, fail(Error::lost("past the end of an object")));
    }
    std::copy_n(content_.begin() + static_cast<std::ptrdiff_t>(transfer.at.value()),
                transfer.data.size(), transfer.data.begin());
    loop_.settle_later(transfer, {});
  }
  Result<ByteCount> size() override { return ByteCount(content_.size()); }
  Result<void> preallocate(ByteCount) override { return {}; }
  Result<void> truncate(ByteCount) override { return fail(Error::invalid("it is open to read")); }
  Result<void> set_modified(WallTime) override {
    return fail(Error::invalid("it is open to read"));
  }

 private:
  ByteVector content_;
  Loop& loop_;
};

// What is sent when it is synced.
class NewFile final : public File {
 public:
  NewFile(Connection& connection, std::string name)
      : connection_(connection), name_(std::move(name)) {}

  ~NewFile() noexcept override = default;

  void start(Transfer& transfer) override {
    Loop& loop = connection_.kj().ring();
    if (transfer.way == Way::write) return loop.settle_later(transfer, take(transfer));
    if (transfer.way != Way::sync_data) {
      return loop.settle_later(transfer, fail(Error::invalid("it is being written")));
    }
    sending_ = connection_.kj()
                   .in_fiber([this, &transfer, &loop] { loop.settle_later(transfer, send()); })
                   .eagerlyEvaluate(nullptr);
  }
  Result<ByteCount> size() override { return ByteCount(content_.size()); }
  Result<void> preallocate(ByteCount) override { return {}; }
  Result<void> truncate(ByteCount size) override {
    content_.resize(size.size());
    return {};
  }
  Result<void> set_modified(WallTime) override {
    return fail(Error::invalid("the storage agent's clock says when a file was written"));
  }

 private:
  Result<void> take(const Transfer& transfer) {
    const std::uint64_t end = transfer.bytes().end.value();
    if (end > limits::max_small_object.value() * 2) {
      return fail(Error::invalid("{} would be larger than a small object may be", name_));
    }
    if (end > content_.size()) content_.resize(end);
    std::ranges::copy(transfer.data,
                      content_.begin() + static_cast<std::ptrdiff_t>(transfer.at.value()));
    return {};
  }
  Result<void> send() {
    return done_of_answer(TRY(connection_.call([&](Repository::Client& repository) {
      auto request = repository.writeRequest();
      request.setName(name_.c_str());
      request.setBytes(kj_bytes(content_));
      return request.send();
    })));
  }

  Connection& connection_;
  std::string name_;
  ByteVector content_;
  kj::Promise<void> sending_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<File>> RemoteFiles::create(const std::string& name) {
  return std::make_unique<NewFile>(connection_, name);
}

Result<std::unique_ptr<File>> RemoteFiles::open(const std::string& name) {
  ByteVector content = TRY(bytes_of_reply(TRY(connection_.call([&](Repository::Client& repository) {
    auto request = repository.readRequest();
    request.setName(name.c_str());
    return request.send();
  }))));
  return std::make_unique<ReadFile>(std::move(content), connection_.kj().ring());
}

Result<void> RemoteFiles::rename(const std::string& from, const std::string& to) {
  return done_of_answer(TRY(connection_.call([&](Repository::Client& repository) {
    auto request = repository.renameRequest();
    request.setFrom(from.c_str());
    request.setTo(to.c_str());
    return request.send();
  })));
}

Result<void> RemoteFiles::remove(const std::string& name) {
  return done_of_answer(TRY(connection_.call([&](Repository::Client& repository) {
    auto request = repository.removeRequest();
    request.setName(name.c_str());
    return request.send();
  })));
}

Result<void> RemoteFiles::make_folder(const std::string& name) {
  return done_of_answer(TRY(connection_.call([&](Repository::Client& repository) {
    auto request = repository.makeFolderRequest();
    request.setName(name.c_str());
    return request.send();
  })));
}

Result<void> RemoteFiles::sync_folder(const std::string& name) {
  return done_of_answer(TRY(connection_.call([&](Repository::Client& repository) {
    auto request = repository.syncFolderRequest();
    request.setName(name.c_str());
    return request.send();
  })));
}

Result<std::vector<Files::Entry>> RemoteFiles::list(const std::string& folder) {
  std::vector<Entry> all;
  for (bool more = true; more;) {
    const auto page = TRY(connection_.call([&](Repository::Client& repository) {
      auto request = repository.listRequest();
      request.setFolder(folder.c_str());
      request.setAfter(all.empty() ? "" : all.back().name.c_str());
      return request.send();
    }));
    if (page.isRefused()) return fail(to_error(page.getRefused()));
    for (const auto entry : page.getEntries()) {
      all.push_back(
          {std::string(entry.getName().cStr()), entry.getIsFolder(), {entry.getModified()}});
    }
    more = page.getMore() && page.getEntries().size() > 0;
  }
  return all;
}

Result<std::unique_ptr<FolderLock>> RemoteFiles::lock(const std::string& name) {
  return fail(Error::invalid("{} cannot be locked from elsewhere", name));
}

}  // namespace ebb

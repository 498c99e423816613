// SPDX-License-Identifier: Apache-2.0
#include "engine/file/slice_files.h"

#include <algorithm>
#include <map>

namespace ebb {

namespace {

class Slice final : public File {
 public:
  Slice(File& inner, ByteIndex begin, std::optional<ByteIndex> end)
      : inner_(inner), begin_(begin), end_(end) {}
  void start(Transfer& transfer) override {
    transfer.at = ByteIndex(begin_.value() + transfer.at.value());
    inner_.start(transfer);
  }
  Result<ByteCount> size() override {
    const ByteIndex end = end_ ? *end_ : ByteIndex(0) + TRY(inner_.size());
    return end - std::min(begin_, end);
  }
  Result<void> preallocate(ByteCount) override { return {}; }
  Result<void> truncate(ByteCount size) override {
    return inner_.truncate((begin_ + size) - ByteIndex(0));
  }
  Result<void> set_modified(WallTime time) override { return inner_.set_modified(time); }

 private:
  File& inner_;
  ByteIndex begin_;
  std::optional<ByteIndex> end_;
};

// What a file that is not there to be changed says.
Error not_here() {
  return Error::invalid("this folder cannot do that");
}

class SliceForWriting final : public Files {
 public:
  SliceForWriting(File& inner, ByteIndex begin) : inner_(inner), begin_(begin) {}
  Result<std::unique_ptr<File>> create(const std::string&) override {
    return slice_of(inner_, begin_, std::nullopt);
  }
  Result<void> rename(const std::string&, const std::string&) override { return {}; }
  Result<void> remove(const std::string&) override { return {}; }
  Result<void> sync_folder(const std::string&) override { return {}; }
  Result<std::unique_ptr<File>> open(const std::string&) override { return fail(not_here()); }
  Result<void> make_folder(const std::string&) override { return fail(not_here()); }
  Result<std::vector<Entry>> list(const std::string&) override { return fail(not_here()); }
  Result<std::unique_ptr<FolderLock>> lock(const std::string&) override { return fail(not_here()); }
  Result<std::unique_ptr<FolderLock>> lock_shared(const std::string&) override {
    return fail(not_here());
  }
  std::string place() const override { return ""; }

 private:
  File& inner_;
  ByteIndex begin_;
};

class BytesInMemory final : public File {
 public:
  BytesInMemory(const ByteVector& content, Loop& loop) : content_(content), loop_(loop) {}
  void start(Transfer& transfer) override {
    if (transfer.way != Way::read || transfer.bytes().end.value() > content_.size()) {
      return loop_.settle_later(transfer, fail(Error::lost("past the end of an object")));
    }
    std::copy_n(content_.begin() + static_cast<std::ptrdiff_t>(transfer.at.value()),
                transfer.data.size(), transfer.data.begin());
    loop_.settle_later(transfer, {});
  }
  Result<ByteCount> size() override { return ByteCount(content_.size()); }
  Result<void> preallocate(ByteCount) override { return fail(not_here()); }
  Result<void> truncate(ByteCount) override { return fail(not_here()); }
  Result<void> set_modified(WallTime) override { return fail(not_here()); }

 private:
  const ByteVector& content_;
  Loop& loop_;
};

class FilesInMemory final : public Files {
 public:
  FilesInMemory(std::vector<std::pair<std::string, ByteVector>> contents, Loop& loop)
      : loop_(loop) {
    for (auto& [name, bytes] : contents) contents_[name] = std::move(bytes);
  }
  Result<std::unique_ptr<File>> open(const std::string& name) override {
    const auto found = contents_.find(name);
    if (found == contents_.end()) return fail(Error::absent("there is no {}", name));
    return std::unique_ptr<File>(new BytesInMemory(found->second, loop_));
  }
  Result<std::vector<Entry>> list(const std::string& folder) override {
    const std::string start = folder.empty() ? "" : folder + "/";
    std::map<std::string, bool> entries;
    for (const auto& [name, bytes] : contents_) {
      if (!name.starts_with(start)) continue;
      const std::string rest = name.substr(start.size());
      const std::size_t slash = rest.find('/');
      entries[rest.substr(0, slash)] = slash != std::string::npos;
    }
    std::vector<Entry> list;
    for (const auto& [name, is_folder] : entries) list.push_back({name, is_folder, {}});
    return list;
  }
  Result<std::unique_ptr<File>> create(const std::string&) override { return fail(not_here()); }
  Result<void> rename(const std::string&, const std::string&) override { return fail(not_here()); }
  Result<void> remove(const std::string&) override { return fail(not_here()); }
  Result<void> make_folder(const std::string&) override { return fail(not_here()); }
  Result<void> sync_folder(const std::string&) override { return fail(not_here()); }
  Result<std::unique_ptr<FolderLock>> lock(const std::string&) override { return fail(not_here()); }
  Result<std::unique_ptr<FolderLock>> lock_shared(const std::string&) override {
    return fail(not_here());
  }
  std::string place() const override { return ""; }

 private:
  std::map<std::string, ByteVector> contents_;
  Loop& loop_;
};

}  // namespace

std::unique_ptr<File> slice_of(File& inner, ByteIndex begin, std::optional<ByteIndex> end) {
  return std::make_unique<Slice>(inner, begin, end);
}

std::unique_ptr<Files> slice_for_writing(File& inner, ByteIndex begin) {
  return std::make_unique<SliceForWriting>(inner, begin);
}

std::unique_ptr<Files> files_in_memory(std::vector<std::pair<std::string, ByteVector>> contents,
                                       Loop& loop) {
  return std::make_unique<FilesInMemory>(std::move(contents), loop);
}

}  // namespace ebb

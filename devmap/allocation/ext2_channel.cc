// SPDX-License-Identifier: Apache-2.0
#include "devmap/allocation/ext2_channel.h"

#include <et/com_err.h>

#include <cstring>

namespace ebb {

namespace {

// A channel's open() is given a name and nothing else.
thread_local Ext2::Reading* being_opened = nullptr;

errcode_t open_channel(const char* name, int flags, io_channel* opened);

errcode_t close_channel(io_channel channel) {
  if (--channel->refcount > 0) return 0;
  ext2fs_free_mem(&channel->name);
  ext2fs_free_mem(&channel);
  return 0;
}

errcode_t set_block_size(io_channel channel, int size) {
  channel->block_size = size;
  return 0;
}

// A negative count is one of bytes.
errcode_t read_blocks(io_channel channel, unsigned long long block, int count, void* data) {
  auto& reading = *static_cast<Ext2::Reading*>(channel->private_data);
  const auto size = static_cast<std::uint64_t>(channel->block_size);
  const std::uint64_t bytes = count < 0 ? static_cast<std::uint64_t>(-std::int64_t{count})
                                        : static_cast<std::uint64_t>(count) * size;
  const std::uint64_t length = reading.area.length().value();
  if (bytes > length || block > (length - bytes) / size) return EXT2_ET_SHORT_READ;
  const auto done = reading.source.read(reading.area.begin + ByteCount(block * size),
                                        {static_cast<std::byte*>(data), bytes});
  if (done) return 0;
  if (!reading.trouble) reading.trouble = done.error();
  return EXT2_ET_SHORT_READ;
}

errcode_t read_blocks_32(io_channel channel, unsigned long block, int count, void* data) {
  return read_blocks(channel, block, count, data);
}
errcode_t refuse_to_write(io_channel, unsigned long long, int, const void*) {
  return EXT2_ET_RO_FILSYS;
}
errcode_t refuse_to_write_32(io_channel, unsigned long, int, const void*) {
  return EXT2_ET_RO_FILSYS;
}
errcode_t flush(io_channel) {
  return 0;
}

struct_io_manager manager_of_sources() {
  struct_io_manager manager{};
  manager.magic = EXT2_ET_MAGIC_IO_MANAGER;
  manager.name = "ebb";
  manager.open = open_channel;
  manager.close = close_channel;
  manager.set_blksize = set_block_size;
  manager.read_blk = read_blocks_32;
  manager.read_blk64 = read_blocks;
  manager.write_blk = refuse_to_write_32;
  manager.write_blk64 = refuse_to_write;
  manager.flush = flush;
  return manager;
}
struct_io_manager the_manager = manager_of_sources();

errcode_t open_channel(const char* name, int, io_channel* opened) {
  io_channel channel = nullptr;
  if (const auto code = ext2fs_get_memzero(sizeof(struct_io_channel), &channel); code != 0) {
    return code;
  }
  if (const auto code = ext2fs_get_mem(std::strlen(name) + 1, &channel->name); code != 0) {
    ext2fs_free_mem(&channel);
    return code;
  }
  std::strcpy(channel->name, name);
  channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
  channel->manager = &the_manager;
  channel->block_size = 1024;
  channel->refcount = 1;
  channel->private_data = being_opened;
  *opened = channel;
  return 0;
}

}  // namespace

Result<std::unique_ptr<Ext2>> Ext2::open(ByteSource& source, ByteRun area) {
  std::unique_ptr<Ext2> made(new Ext2(source, area));
  being_opened = &made->reading_;
  const errcode_t code =
      ext2fs_open2("", nullptr, EXT2_FLAG_64BITS, 0, 0, &the_manager, &made->fs_);
  being_opened = nullptr;
  if (code != 0) return fail(made->error(code));
  return made;
}

Ext2::~Ext2() {
  if (fs_ != nullptr) ext2fs_free(fs_);
}

Error Ext2::error(errcode_t code) const {
  static const bool has_words = [] {
    initialize_ext2_error_table();
    return true;
  }();
  if (reading_.trouble) return *reading_.trouble;
  const std::string said = has_words ? error_message(code) : "";
  switch (code) {
    case EXT2_ET_BAD_MAGIC: return Error::absent("there is no ext4");
    case EXT2_ET_UNSUPP_FEATURE:
    case EXT2_ET_RO_UNSUPP_FEATURE:
    case EXT2_ET_REV_TOO_HIGH: return Error::invalid("{}", said);
    default: return Error::damaged("{}", said);
  }
}

}  // namespace ebb

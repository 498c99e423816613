// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/record_opener.h"

#include <algorithm>

namespace ebb {

namespace {

// The record, if its CRC is right and it is the one that was asked for.
Result<Record> the_record(const WantedRecord& wanted, Bytes raw) {
  const Record record = TRY(unpack_record(raw));
  if (record.header.kind != RecordKind::block || record.header.name != record_name(wanted.name)) {
    return fail(Error::damaged("another record lies where this one should"));
  }
  return record;
}

Damage damage_of(const WantedRecord& wanted, const Error& error) {
  return {error.text(), wanted.place, BlockRun::of(wanted.block, BlockCount(1))};
}

}  // namespace

void check_records(RecordBatch& batch) {
  if (!batch.damages.empty()) return;  // It was not read at all.
  for (std::size_t i = 0; i < batch.records.size(); ++i) {
    const auto record = the_record(batch.records[i], batch.raw[i]);
    if (!record) batch.damages.push_back(damage_of(batch.records[i], record.error()));
  }
}

Result<std::unique_ptr<RecordOpener>> RecordOpener::make(ExtentSource& source, const IdKey& id_key,
                                                         DataKeys keys, unsigned workers) {
  std::unique_ptr<RecordOpener> opener(new RecordOpener(source, std::move(keys)));
  opener->backend_ = TRY(chosen_backend());
  for (unsigned i = 0; i < workers; ++i) {
    WorkerState state;
    state.fingerprinter = make_fingerprinter(opener->backend_, id_key);
    state.packed.resize(limits::max_block_size.size());
    opener->states_.push_back(std::move(state));
  }
  return opener;
}

Result<const RecordCipher*> RecordOpener::cipher_for(const WantedRecord& wanted) {
  const DataKeyId id = TRY(source_.data_key_of(wanted.place, wanted.name));
  if (const auto known = ciphers_.find(id); known != ciphers_.end()) return known->second.get();
  if (const auto missing = no_key_.find(id); missing != no_key_.end()) return fail(missing->second);
  const auto key = keys_(id);
  if (!key) {
    no_key_.emplace(id, key.error());
    return fail(key.error());
  }
  return ciphers_.emplace(id, make_record_cipher(backend_, *key)).first->second.get();
}

// A record without its key is as good as damaged; which blocks that costs is for the walk to say.
Result<void> RecordOpener::prepare(RecordBatch& batch) {
  batch.ciphers.assign(batch.records.size(), nullptr);
  if (!batch.damages.empty()) return {};
  for (std::size_t i = 0; i < batch.records.size(); ++i) {
    const auto cipher = cipher_for(batch.records[i]);
    if (cipher) {
      batch.ciphers[i] = *cipher;
    } else {
      batch.damages.push_back(damage_of(batch.records[i], cipher.error()));
    }
  }
  return {};
}

Result<Bytes> RecordOpener::open_one(const RecordBatch& batch, std::size_t i, MutableBytes room,
                                     WorkerState& state, BlockGrid grid) {
  const WantedRecord& wanted = batch.records[i];
  const Record record = TRY(the_record(wanted, batch.raw[i]));
  const std::size_t length = grid.bytes_of(wanted.block).length().size();
  if (record.header.plain_length != length) {
    return fail(Error::damaged("a block of {} bytes where one of {} belongs",
                               record.header.plain_length, length));
  }
  const RecordCipher* cipher = batch.ciphers[i];
  const RecordContext context{source_.repository(), wanted.name, record.header.plain_length,
                              record.header.codec, static_cast<std::uint8_t>(RecordKind::block)};
  if (record.payload.size() < tag_size ||
      record.payload.size() - tag_size > limits::max_block_size.size()) {
    return fail(Error::damaged("the record's length makes no sense"));
  }
  const std::size_t packed_length = record.payload.size() - tag_size;
  const MutableBytes plain = room.first(length);
  if (record.header.codec == Codec::none) {
    if (packed_length != length) return fail(Error::damaged("the record's length makes no sense"));
    TRY(cipher->open(record.payload, {record.header.counter}, context, plain));
    return Bytes(plain);
  }
  const MutableBytes packed = MutableBytes(state.packed).first(packed_length);
  TRY(cipher->open(record.payload, {record.header.counter}, context, packed));
  TRY(state.decompressor.decompress(record.header.codec, packed, plain));
  return Bytes(plain);
}

void RecordOpener::open(RecordBatch& batch, unsigned worker, BlockGrid grid) {
  WorkerState& state = states_[worker];
  state.views.clear();
  state.of.clear();
  std::size_t used = 0;
  for (std::size_t i = 0; i < batch.records.size(); ++i) {
    if (i > 0 && batch.records[i].place == batch.records[i - 1].place &&
        batch.records[i].name == batch.records[i - 1].name && !batch.opened[i - 1].empty()) {
      batch.opened[i] = batch.opened[i - 1];  // The same block, needed at two places.
      continue;
    }
    if (batch.ciphers[i] == nullptr) continue;  // Said by prepare(), or it was not read at all.
    const auto plain = open_one(batch, i, batch.plain.subspan(used), state, grid);
    if (!plain) {
      batch.damages.push_back(damage_of(batch.records[i], plain.error()));
      continue;
    }
    batch.opened[i] = *plain;
    used += round_up(plain->size(), limits::io_alignment.value());
    state.views.push_back(*plain);
    state.of.push_back(i);
  }
  state.prints.resize(state.views.size());
  state.fingerprinter->fingerprint(state.views, state.prints);
  for (std::size_t v = 0; v < state.views.size(); ++v) {
    if (state.prints[v] == batch.records[state.of[v]].name) continue;
    const Error wrong = Error::damaged("the opened block has another fingerprint");
    for (std::size_t i = state.of[v]; i < batch.records.size(); ++i) {
      if (batch.opened[i].data() != state.views[v].data()) continue;
      batch.opened[i] = {};
      batch.damages.push_back(damage_of(batch.records[i], wrong));
    }
  }
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
// record_opener.h - from sealed records back to plain blocks, each proven to be the one asked for.
//
// Three checks in a row: the CRC (rot), the seal (tampering), the fingerprint (the right bytes). A
// record that fails one is a damage and gives no bytes.
#pragma once

#include <functional>
#include <map>

#include "engine/flow/record_walk.h"
#include "engine/stage/compress.h"
#include "engine/stage/seal.h"

namespace ebb {

// Gives the data key with this id, opened; by a repository's envelopes or a difference file's.
using DataKeys = std::function<Result<DataKey>(const DataKeyId&)>;

class RecordOpener {
 public:
  // `workers` states are made. The source and the id key outlive the opener.
  static Result<std::unique_ptr<RecordOpener>> make(ExtentSource& source, const IdKey& id_key,
                                                    DataKeys keys, unsigned workers);

  // On the I/O thread: finds the ciphers of the batch; each data key is opened once.
  Result<void> prepare(RecordBatch& batch);
  // On a worker: opens all records of the batch into its plain room; fills opened and damages.
  void open(RecordBatch& batch, unsigned worker, BlockGrid grid);

 private:
  struct WorkerState {
    std::unique_ptr<Fingerprinter> fingerprinter;
    Decompressor decompressor;
    ByteVector packed;
    std::vector<Bytes> views;
    std::vector<Fingerprint> prints;
    std::vector<std::size_t> of;
  };
  RecordOpener(ExtentSource& source, DataKeys keys) : source_(source), keys_(std::move(keys)) {}
  Result<const RecordCipher*> cipher_for(const WantedRecord& wanted);
  Result<Bytes> open_one(const RecordBatch& batch, std::size_t i, MutableBytes room,
                         WorkerState& state, BlockGrid grid);

  ExtentSource& source_;
  DataKeys keys_;
  CryptoBackend backend_ = CryptoBackend::openssl;
  std::map<DataKeyId, std::unique_ptr<RecordCipher>> ciphers_;
  std::map<DataKeyId, Error> no_key_;
  std::vector<WorkerState> states_;
};

// Checks what a storage agent could check too: CRC, name, kind, length. For proving that all is
// there before the first byte is written.
void check_records(RecordBatch& batch);

}  // namespace ebb

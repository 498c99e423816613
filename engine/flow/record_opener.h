// SPDX-License-Identifier: Apache-2.0
// record_opener.h - from sealed records back to plain blocks, each proven to be the one asked for.
//
// Three checks in a row: the CRC (rot), the seal (tampering), the fingerprint (the right bytes). A
// record that fails one is a damage and gives no bytes.
#pragma once

#include <map>
#include <mutex>

#include "engine/flow/record_walk.h"
#include "engine/repo/key_store.h"
#include "engine/stage/compress.h"

namespace ebb {

class RecordOpener {
 public:
  struct Keys {
    const Keyring& keyring;
    KeyStore& envelopes;
  };
  // `workers` states are made. Keys outlive the opener.
  static Result<std::unique_ptr<RecordOpener>> make(ExtentSource& source, Keys keys,
                                                    unsigned workers);

  // On the I/O thread: gets the data key of the pack that the batch lies in, once for each key.
  Result<void> prepare(const RecordBatch& batch);
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
  RecordOpener(ExtentSource& source, Keys keys) : source_(source), keys_(keys) {}
  Result<Bytes> open_one(const RecordBatch& batch, std::size_t i, MutableBytes room,
                         WorkerState& state, BlockGrid grid);

  ExtentSource& source_;
  Keys keys_;
  CryptoBackend backend_ = CryptoBackend::openssl;
  std::map<DataKeyId, std::unique_ptr<RecordCipher>> ciphers_;
  // By the I/O thread in prepare(), read by workers afterwards: entries are never changed.
  std::map<PackId, const RecordCipher*> cipher_of_pack_;
  std::mutex mutex_;  // Over cipher_of_pack_.
  std::map<PackId, Error> no_key_;
  std::vector<WorkerState> states_;
};

// Checks what a storage agent could check too: CRC, name, kind, length. For proving that all is
// there before the first byte is written.
void check_records(RecordBatch& batch);

}  // namespace ebb

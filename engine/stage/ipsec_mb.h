// SPDX-License-Identifier: Apache-2.0
// ipsec_mb.h - intel-ipsec-mb's managers, owned. Only for the ipsec-mb backends.
//
// A manager holds the kernels that fit the CPU and the queues of its job interface. The queues make
// it an object of one thread, and keep copies of what went through them, so its memory is wiped.
// The kernels that are called directly (AES-GCM) touch none of that: one manager serves all
// threads.
#pragma once

#include <intel-ipsec-mb.h>

#include <memory>

namespace ebb {

struct WipeIpsecMbManager {
  void operator()(IMB_MGR* manager) const;
};
using IpsecMbManager = std::unique_ptr<IMB_MGR, WipeIpsecMbManager>;

// Null when this CPU lacks AES-NI or PCLMULQDQ (the library would emulate them, slower than
// OpenSSL) or the library's own test of itself failed.
IpsecMbManager make_ipsec_mb_manager();

// The kernels for direct calls, shared and constant; null as above.
const IMB_MGR* ipsec_mb_kernels();

}  // namespace ebb

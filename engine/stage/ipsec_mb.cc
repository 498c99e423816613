// SPDX-License-Identifier: Apache-2.0
#include "engine/stage/ipsec_mb.h"

#include <cstring>
#include <new>

namespace ebb {

namespace {

constexpr std::align_val_t manager_alignment{64};
constexpr std::uint64_t needed_features =
    IMB_FEATURE_SSE4_2 | IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;

bool usable(const IMB_MGR& manager) {
  if (manager.used_arch == IMB_ARCH_NONE || manager.imb_errno != 0) return false;
  if ((manager.features & needed_features) != needed_features) return false;
  if ((manager.features & IMB_FEATURE_AESNI_EMU) != 0) return false;
  const bool tests_itself = (manager.features & IMB_FEATURE_SELF_TEST) != 0;
  return !tests_itself || (manager.features & IMB_FEATURE_SELF_TEST_PASS) != 0;
}

}  // namespace

void WipeIpsecMbManager::operator()(IMB_MGR* manager) const {
  ::explicit_bzero(manager, ::imb_get_mb_mgr_size());
  ::operator delete(manager, manager_alignment);
}

IpsecMbManager make_ipsec_mb_manager() {
  // Our own memory instead of the library's, so that it can be wiped.
  void* const memory = ::operator new(::imb_get_mb_mgr_size(), manager_alignment);
  IpsecMbManager manager(::imb_set_pointers_mb_mgr(memory, 0, 1));
  IMB_ARCH arch = IMB_ARCH_NONE;
  ::init_mb_mgr_auto(manager.get(), &arch);
  if (!usable(*manager)) return nullptr;
  return manager;
}

const IMB_MGR* ipsec_mb_kernels() {
  static const IpsecMbManager manager = make_ipsec_mb_manager();
  return manager.get();
}

}  // namespace ebb

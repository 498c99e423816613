// SPDX-License-Identifier: Apache-2.0
#include "tools/common/engine_host.h"

#include <algorithm>
#include <thread>

#include "engine/buffer/one_heap.h"

namespace ebb {

Result<std::unique_ptr<EngineHost>> EngineHost::make(unsigned threads, Random& random) {
  use_one_heap();
  std::unique_ptr<EngineHost> host(new EngineHost(random));
  host->ring_ = TRY(Ring::make());
  const unsigned count = threads != 0 ? threads : std::max(1u, std::thread::hardware_concurrency());
  host->workers_ = std::make_unique<Workers>(*host->ring_, count);
  return host;
}

Result<Repository*> EngineHost::open_repository(const std::string& path, StoreAccess access) {
  files_ = TRY(during(open_folder(path, *ring_), "opening the repository"));
  repository_ = TRY(during(Repository::open(*files_, *ring_, random_, access),
                           "opening the repository {}", path));
  return repository_.get();
}

}  // namespace ebb

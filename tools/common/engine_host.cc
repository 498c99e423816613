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

Result<Files*> EngineHost::open_place(const std::string& where, Observer& observer,
                                      const StopFlag& stop) {
  if (names_an_agent(where)) {
    const RemoteAddress address = TRY(parse_address(where));
    link_ = TRY(RemoteLink::make({*ring_, random_, observer, stop}, address, nullptr));
    return &link_->files();
  }
  files_ = TRY(during(open_folder(where, *ring_), "opening the repository"));
  return files_.get();
}

Result<RepositoryAccess*> EngineHost::open_repository(const std::string& where, StoreAccess access,
                                                      Observer& observer, const StopFlag& stop) {
  Files* files = TRY(open_place(where, observer, stop));
  if (link_) {
    access_ = TRY(during(link_->open(), "opening the repository {}", where));
    return access_.get();
  }
  repository_ = TRY(during(Repository::open(*files, *ring_, random_, access),
                           "opening the repository {}", where));
  access_ = std::make_unique<LocalAccess>(*repository_);
  return access_.get();
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "tools/common/engine_host.h"

#include <algorithm>
#include <thread>

#include "devmap/core/version.h"
#include "engine/buffer/one_heap.h"
#include "tools/common/host_identity.h"

namespace ebb {

Result<std::unique_ptr<EngineHost>> EngineHost::make(unsigned threads, Outside& outside) {
  use_one_heap();
  std::unique_ptr<EngineHost> host(new EngineHost(outside));
  host->ring_ = TRY(Ring::make());
  const unsigned count = threads != 0 ? threads : std::max(1u, std::thread::hardware_concurrency());
  host->workers_ = std::make_unique<Workers>(*host->ring_, count);
  return host;
}

Result<Files*> EngineHost::open_place(const std::string& where, Observer& observer) {
  if (names_an_agent(where)) {
    const RemoteAddress address = TRY(parse_address(where));
    std::shared_ptr<const Credentials> credentials;
    if (address.socket.empty()) {
      const std::string state = outside_.environment("EBB_STATE").value_or(default_state_folder);
      // Set by ebb-agent: a policy decides how long its points are kept.
      const std::string policy = outside_.environment("EBB_POLICY").value_or("");
      credentials = TRY(HostIdentity::credentials(
          TRY(HostIdentity::read(state, outside_.clock, version_text, policy))));
    }
    link_ = TRY(RemoteLink::make({*ring_, outside_.random, observer, outside_.stop}, address,
                                 std::move(credentials)));
    return &link_->files();
  }
  files_ = TRY(during(open_folder(where, *ring_), "opening the repository"));
  return files_.get();
}

Result<RepositoryAccess*> EngineHost::open_repository(const std::string& where, StoreAccess access,
                                                      Observer& observer) {
  Files* files = TRY(open_place(where, observer));
  if (link_) {
    access_ = TRY(during(link_->open(), "opening the repository {}", where));
    return access_.get();
  }
  repository_ = TRY(during(Repository::open(*files, *ring_, outside_.random, access),
                           "opening the repository {}", where));
  access_ = std::make_unique<LocalAccess>(*repository_);
  return access_.get();
}

}  // namespace ebb

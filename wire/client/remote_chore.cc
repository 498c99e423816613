// SPDX-License-Identifier: Apache-2.0
#include "wire/client/remote_chore.h"

#include "wire/chore_message.h"

namespace ebb {

Result<ChoreReport> do_remote_chore(Connection& connection, Random& random, const Chore& chore,
                                    const RepositoryAccess::ChoreHost& host) {
  const auto id = random.name<ChoreId>();
  std::optional<ChoreReport> report;
  for (std::uint64_t taken = 0;;) {
    const auto answer = TRY(connection.call([&](wire::Repository::Client& repository) {
      auto request = repository.doChoreRequest();
      request.setId(kj_bytes(id.view()));
      put_chore(chore, request.initChore());
      request.setStop(host.stop.raised());
      request.setFrom(taken);
      return request.send();
    }));
    if (answer.isRefused()) return fail(to_error(answer.getRefused()));
    if (answer.isUnderWay()) {
      const auto how = answer.getUnderWay();
      const std::string phase = printable(how.getPhase());
      host.observer.progress({phase, ByteCount(how.getDone()), ByteCount(how.getTotal()), {}});
      continue;
    }
    const std::uint64_t came = TRY(take_report(answer, report));
    if (!answer.getMore()) return std::move(*report);
    if (came == 0) return fail(Error::invalid("the storage agent promises more and gives nothing"));
    taken += came;
  }
}

}  // namespace ebb

// SPDX-License-Identifier: Apache-2.0
#include "wire/control/client/renewal.h"

#include "wire/link/certificate.h"

namespace ebb::control {

Result<std::optional<std::string>> renew_certificate_when_due(ControlClient& manager,
                                                              const Identity& identity,
                                                              const std::string& state_folder,
                                                              WallTime now) {
  const CertificateFacts facts = TRY(facts_of(identity.certificate));
  if (facts.until > days_after(now, renew_certificate_days)) return std::nullopt;
  std::string certificate = TRY(manager.renew_certificate());
  TRY(replace_certificate(state_folder, identity, certificate));
  return std::optional<std::string>(std::move(certificate));
}

}  // namespace ebb::control

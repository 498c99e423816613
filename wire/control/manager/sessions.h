// SPDX-License-Identifier: Apache-2.0
// sessions.h - the manager's side of wire/schema/control.capnp.
//
// Every call looks first whether its caller is still let in, so that a revocation holds from the
// next call on. What a call does is one transaction. Knows no sockets: a session gets the holder
// that TLS has proven.
#pragma once

#include <map>

#include "wire/control/manager/store.h"
#include "wire/control/protocol.h"
#include "wire/schema/control.capnp.h"

namespace ebb::control {

// What the server tells while it runs; a program prints it.
class ServerEvents {
 public:
  virtual ~ServerEvents() = default;
  virtual void listening(std::uint16_t control_port, std::uint16_t enrolment_port) = 0;
  // One line, verb first.
  virtual void event(const std::string& line) = 0;
};

// The newest copy of the store's state, made anew when it is asked for and some seconds old.
class StateCopies {
 public:
  struct Copy {
    ByteVector bytes;
    CopyDigest digest;
  };
  // The same copy as long as it is not made anew.
  Result<std::shared_ptr<const Copy>> newest(const Store& store, const Clock& clock);

 private:
  std::shared_ptr<const Copy> copy_;
  double made_ = 0;  // By the steady clock.
  double took_ = 0;
};

// What every session works with; outlives them.
struct Desk {
  Store& store;
  const Clock& clock;
  Random& random;
  ServerEvents& events;
  std::uint16_t control_port = 0;  // As it is told to who enrolls.
  StateCopies copies = {};
  // What the audit log says of tickets that are renewed all the time: the host and its repository,
  // what for, and when that was written last.
  std::map<std::pair<HolderId, std::string>, std::pair<std::string, WallTime>> audited_tickets = {};
};

// The bootstrap interfaces of the two ports. `peer` is for the log.
wire::Enrolment::Client make_enrolment(Desk& desk, std::string peer);
wire::Manager::Client make_manager(Desk& desk, const HolderId& holder);

// The three sessions that hello gives.
wire::SourceSession::Client make_source_session(Desk& desk, const HolderId& holder);
wire::StorageSession::Client make_storage_session(Desk& desk, const HolderId& holder);
wire::OperatorSession::Client make_operator_session(Desk& desk, const HolderId& holder);

}  // namespace ebb::control

# SPDX-License-Identifier: Apache-2.0
# control.capnp - what a management server says and is told. Never content.
#
# Parties: the manager serves; source hosts, storage agents and operators call. Two ports:
#
#   enrolment   TLS, only the manager shows a certificate. Bootstrap: Enrolment. One call, then the
#               connection ends. What admits the caller is a token that a person carried.
#   control     TLS, both show certificates of the manager's own authority. Bootstrap: Manager.
#               The caller is who its certificate says; no call names the caller.
#
# Order: hello first. It gives the one session that the caller's role allows, and every other call
# is on that session. Calls of a session are answered in their order. A connection may be cut at any
# time and any call repeated: each says the same again, none does twice what it does.
#
# A return means that what was told is in the manager's database (synced), or that what was asked
# was true when it was answered. A refusal is a member of the answer's union; an exception means
# that the connection ended or that the manager does not know the call.
#
# Units: times are nanoseconds since 1970-01-01T00:00:00Z; sizes are bytes. Bounds: a message has at
# most 512 KiB, a list as many items as stand beside it, a text 255 bytes unless something else
# stands beside it. What is over a bound is refused as a whole.
@0xc2a8d1f64b7e9350;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("ebb::wire");

using import "refusal.capnp".Refusal;

# ---- enrolment ---------------------------------------------------------------------------------

interface Enrolment {
  enroll @0 (application :Application) -> (answer :EnrolmentAnswer);
  # Returns when the caller is a host of the manager, durably, and the token is used up. A token
  # that was used, has expired or was never made is denied, in the same words.
}

struct Application {
  protocol @0 :ProtocolRange;
  secret @1 :Data;             # Of the token: 16 bytes.
  request @2 :Data;            # PKCS #10 in DER with an Ed25519 key, at most 4096 bytes.
  name @3 :Text;               # The host's, unique among hosts that are not revoked.
  serverNames @4 :List(Text);  # At most 16, names or addresses that clients dial. Storage only.
}

struct EnrolmentAnswer {
  union {
    refused @0 :Refusal;
    admitted :group {
      certificate @1 :Text;  # PEM, at most 16384 bytes. Valid for a year; renew() makes the next.
      role @2 :Role;
      ticketKey @3 :Data;    # Ed25519 public key, 32 bytes, that verifies tickets.
      controlPort @4 :UInt16;
    }
  }
}

enum Role {
  storage @0;
  source @1;
  operator @2;
}

# ---- control -----------------------------------------------------------------------------------

struct ProtocolRange {
  # The versions of this protocol that a party speaks. The manager takes the newest that both do,
  # and refuses with words that say which side is the older and what to upgrade.
  oldest @0 :UInt32;
  newest @1 :UInt32;
}

interface Manager {
  hello @0 (protocol :ProtocolRange, program :Text) -> (answer :HelloAnswer);
  # Refused (denied) for who is not enrolled or was revoked. `program` is for people: "ebb-agent
  # 0.1.0".
}

struct HelloAnswer {
  protocol @0 :UInt32;  # The version that both speak from here on.
  union {
    refused @1 :Refusal;
    source @2 :SourceSession;
    storage @3 :StorageSession;
    operator @4 :OperatorSession;
  }
}

interface Session {
  # What every role may do.
  renew @0 (request :Data) -> (answer :CertificateAnswer);
  # A new certificate, valid for a year, for the key that the caller has already shown.

  reportJobs @1 (jobs :List(Job)) -> (answer :Answer);
  # At most 128. A job reported again is replaced, by its id.
}

interface SourceSession extends(Session) {
  ticket @0 (repository :Text, verbs :UInt32, volumes :List(VolumeClaim)) -> (answer :TicketAnswer);
  # For add, read and keys, valid for a day, so that backups go on while the manager is down.
  # At most 256 volumes. The first host that names a volume has it from then on; another host's is
  # denied, and then none of the list is claimed.

  poll @1 () -> (answer :SourceOrders);
  # The policies that concern this host. Asking forgets no request to run: a source reports a job
  # with the request's number, and requests of which a job was reported are not told again.
}

interface StorageSession extends(Session) {
  poll @0 (address :Text, revocationsSince :UInt64, lastRevoked :Data, lastRevokedAt :Int64)
      -> (answer :StorageOrders);
  # `address` is where clients reach this agent ("store1.example:8442"); the manager passes it on.
  # `lastRevoked`, `lastRevokedAt`: whose revocation `revocationsSince` numbers, and when it was made.
  # Where that is another in the manager's database, which may be an older one, all revocations are
  # told again.

  beginPoints @1 (repository :Text, id :Data) -> (answer :ListingAnswer);
  # Begins telling all points of a repository that this agent has; id: 16 bytes, the repository's
  # own. A repository that the manager does not know becomes known by this, as this agent's.
  points @2 (listing :UInt64, points :List(Point), mark :Data) -> (answer :Answer);
  # At most 1000 at a time, any number of times; after endPoints too, when points have come since.
  endPoints @3 (listing :UInt64, mark :Data) -> (answer :Answer);
  # Points that were not told in this listing are gone from the catalog.
  # `mark`: 16 random bytes, others each time that points are told. Orders name the last one of an
  # ended listing; as long as it is the agent's own last one, only points that came later are told.

  keep @5 (repository :Text, after :Data) -> (answer :KeepAnswer);
  # More of what orders say of a repository: volumes after this one, in the order of their ids.

  copy @4 (have :Data, at :UInt64) -> (answer :CopyAnswer);
  # The manager's state as agents keep it for the day that it is lost: sealed, so that they can
  # neither read nor alter it. `have`: digest of the copy that the agent has, or empty. With `at` 0
  # a session begins to give its newest copy, and gives that one to its end.
}

interface OperatorSession extends(Session) {
  ticket @0 (repository :Text, verbs :UInt32) -> (answer :TicketAnswer);
  # For read, keys, administer and scrub, on all volumes, valid for an hour.

  repositories @1 () -> (answer :RepositoriesAnswer);
}

struct Answer {
  union {
    refused @0 :Refusal;
    done @1 :Void;
  }
}

struct CertificateAnswer {
  union {
    refused @0 :Refusal;
    certificate @1 :Text;  # PEM
  }
}

struct TicketAnswer {
  union {
    refused @0 :Refusal;
    issued :group {
      ticket @1 :Data;    # docs/format/ticket.md, at most 4384 bytes.
      storage @2 :Data;   # Holder id of the storage agent, 32 bytes: who must answer there.
      address @3 :Text;   # Where that was last heard of; empty when never.
    }
  }
}

struct VolumeClaim {
  volume @0 :Data;   # Id, 16 bytes.
  label @1 :Text;    # For people; the device's path.
  policy @2 :Text;   # Under which it is backed up, which decides how long points are kept; empty:
                     # by hand.
}

struct SourceOrders {
  union {
    refused @0 :Refusal;
    orders :group {
      policies @1 :List(Policy);   # At most 256.
      runs @2 :List(RunRequest);   # At most 256.
    }
  }
}

struct RunRequest {
  number @0 :UInt64;  # Rises with each request.
  policy @1 :Text;
}

struct Policy {
  name @0 :Text;
  repository @1 :Text;
  volumes @2 :List(Text);      # At most 64 of 1024 bytes: a glob of paths, "serial=S" or "vg=NAME".
  everySeconds @3 :UInt64;     # 60 to 31,622,400.
  bytesPerSecond @4 :UInt64;   # 0: no bound.
  windowBegin @5 :UInt16;      # Minutes after midnight, local time of the source; both 0: always.
  windowEnd @6 :UInt16;        # May be less than the beginning: over midnight.
  before @7 :Text;             # Commands for the shell, at most 4096 bytes; empty: none.
  after @8 :Text;
  settings @9 :List(Text);     # At most 16 of `ebb backup`: "snapshot=auto". A source that does not
                               # know one makes no backup by this policy, and says so.
}

struct KeepRule {
  # How many points to keep of each kind; all 0: keep everything.
  last @0 :UInt32;
  hourly @1 :UInt32;
  daily @2 :UInt32;
  weekly @3 :UInt32;
  monthly @4 :UInt32;
  yearly @5 :UInt32;
}

struct StorageOrders {
  union {
    refused @0 :Refusal;
    orders :group {
      repositories @1 :List(RepositoryOrder);  # At most 1024.
      revoked @2 :List(Data);        # Holder ids, 32 bytes, in the order of their numbers; at most
                                     # 2048, and then the rest at the next poll.
      revocationsUpTo @3 :UInt64;    # What to say as `revocationsSince` next time,
      lastRevokedAt @4 :Int64;       # and with the last one of `revoked`.
      rulesAreOld @5 :Bool;          # This manager was rebuilt, and nobody has looked at its rules
                                     # since: what the agent was told to keep before still holds.
    }
  }
}

struct RepositoryOrder {
  name @0 :Text;
  keep @1 :List(VolumeKeep);  # In the order of the volumes' ids. Volumes that are not named keep
                              # everything.
  more @3 :Bool;       # Ask for the rest by keep(); at most 4096 come with one answer.
  listing @2 :UInt64;  # The newest that was told to its end; 0: none.
  mark @4 :Data;       # Of the last telling. An agent that made another last tells all points anew:
                       # this catalog is older than what it told, or new.
}

struct KeepAnswer {
  union {
    refused @0 :Refusal;
    keep @1 :List(VolumeKeep);  # At most 4096; fewer: these are the last.
  }
}

struct VolumeKeep {
  volume @0 :Data;  # Id, 16 bytes.
  rule @1 :KeepRule;
}

struct ListingAnswer {
  union {
    refused @0 :Refusal;
    listing @1 :UInt64;
  }
}

struct CopyAnswer {
  union {
    refused @0 :Refusal;
    same @1 :Void;         # `have` is the newest.
    part :group {
      digest @2 :Data;     # SHA-256 of the whole copy, 32 bytes.
      size @3 :UInt64;     # Of the whole copy; at most 256 MiB.
      bytes @4 :Data;      # From `at` on, at most 256 KiB.
    }
  }
}

struct Point {
  point @0 :Data;         # Id, 32 bytes.
  volume @1 :Data;        # Id, 16 bytes.
  sequence @2 :UInt64;
  created @3 :Int64;      # By the source's clock.
  arrived @4 :Int64;      # By the storage agent's clock.
  deviceBytes @5 :UInt64;
  storedBytes @6 :UInt64; # Added by this point's run.
}

struct Job {
  id @0 :Data;             # 16 random bytes, made by who does the job.
  kind @1 :Text;           # "backup", "restore", "verify", "prune", "collect", "scrub"
  policy @2 :Text;         # Empty: by hand.
  run @3 :UInt64;          # The number of the request that it answers; 0: none.
  repository @4 :Text;
  volume @5 :Data;         # Id, 16 bytes, or empty.
  label @6 :Text;
  started @7 :Int64;
  ended @8 :Int64;         # 0: it runs.
  outcome @9 :Outcome;
  message @10 :Text;       # At most 2000 bytes.
  bytesRead @11 :UInt64;
  bytesStored @12 :UInt64;
  point @13 :Data;         # Id, 32 bytes, or empty.
}

enum Outcome {
  running @0;
  done @1;
  incomplete @2;  # Done, but something could not be read.
  failed @3;
}

struct RepositoriesAnswer {
  union {
    refused @0 :Refusal;
    repositories @1 :List(Repository);  # At most 1024.
  }
}

struct Repository {
  name @0 :Text;
  storage @1 :Text;    # The agent's name.
  holder @2 :Data;     # Its holder id, 32 bytes; empty when it is revoked.
  address @3 :Text;
}

# ---- a copy of the manager's state ---------------------------------------------------------------

struct ManagerCopy {
  # Inside of the seal; docs/format/manager-copy.md.
  authority @0 :Text;      # Certificate, PEM.
  authorityKey @1 :Data;   # PEM.
  ticketKey @2 :Data;      # Ed25519 seed, 32 bytes.
  database @3 :Data;       # An SQLite file, compressed by zstd.
}

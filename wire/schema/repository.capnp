# SPDX-License-Identifier: Apache-2.0
# repository.capnp - between whoever backs up or restores and the storage agent that keeps the data.
#
# A client connects (a unix socket, or TLS with certificates on both sides), says hello by `open`, and
# gets one repository, as far as its permission reaches. Everything below is idempotent: when the
# connection is cut, the client connects again, opens again, and asks again.
#
# Numbers are in bytes unless they say otherwise. Names of records are 32 bytes, of packs, volumes and
# data keys 16, of points 32 (engine/repo/ids.h); several of them come one after the other in one Data.
# What a sealed record or an object looks like: docs/format/. A peer that sends more than the bounds
# named here is refused, and what would not fit in a message of 4 MiB is not read at all.
@0xa8d27c6f0b5e4913;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("ebb::wire");
using Refusal = import "refusal.capnp".Refusal;

const protocolVersion :UInt32 = 1;
# Of this file. A new call or field does not change it; a new meaning of an old one does.

interface StorageAgent {
  # What a connection begins with.

  open @0 (hello :Hello, repository :Text, ticket :Data) -> Opened;
  # `repository` is its name at this agent (at most 64 bytes of a-z 0-9 . _ -). `ticket` is what the
  # manager signed (docs/format/ticket.md); empty on a unix socket, where the kernel says who is there.

  struct Opened {
    agent @0 :Hello;
    union { repository @1 :Repository; refused @2 :Refusal; }
  }
  struct Hello {
    version @0 :UInt32;   # protocolVersion of whoever speaks.
    oldest @1 :UInt32;    # The oldest version that it still understands.
    program @2 :Text;     # "ebb 0.1.0", for people; at most 64 bytes.
  }
}

interface Repository {
  # --- Small objects: keys, members, points. The files of docs/format/README.md, whole. ---

  read @0 (name :Text) -> Reply;
  # The whole of a file of at most 1 MiB, as it lies there.

  list @1 (folder :Text, after :Text) -> Listing;
  struct Listing {
    more @0 :Bool;              # Ask again, after the last of these.
    union {
      entries @1 :List(Entry);  # By name, at most 4096, all after `after`.
      refused @2 :Refusal;
    }
  }
  struct Entry {
    name @0 :Text;
    isFolder @1 :Bool;
    modified @2 :Int64;         # Nanoseconds since 1970, by the agent's clock.
  }

  write @2 (name :Text, bytes :Data) -> Answer;     # A new file, synced; must not exist.
  rename @3 (from :Text, to :Text) -> Answer;       # Atomic.
  remove @4 (name :Text) -> Answer;                 # A file, or an empty folder.
  makeFolder @5 (name :Text) -> Answer;             # Fine if it is there.
  syncFolder @6 (name :Text) -> Answer;             # What was renamed in it survives a power loss.
  # These five need the permission to administer, and reach small objects only, never packs.

  # --- Reading ---

  page @7 (digest :Data) -> Reply;
  # A map page by its digest.

  locate @8 (names :Data) -> Reply;
  # Where blocks lie: at most 16384 names; for each, 24 bytes: pack, offset and stored length as two
  # little-endian 32-bit numbers; a pack of zeroes when it is not there.

  dataKeyOf @9 (place :Data, name :Data) -> Reply;
  # Which data key sealed the block that lies at the place (24 bytes as above).

  fetch @10 (pack :Data, at :UInt64, length :UInt32) -> Reply;
  # Bytes of a pack, at most 2 MiB; nothing is said about what they mean.

  # --- Writing ---

  backUp @11 (start :RunStart) -> Started;
  # Nobody else backs up this volume until the run is committed or dropped; busy when somebody does.
  # The same client may begin the same run again (same data key) after its connection was cut: it takes
  # the place of the former, and what was put in that is kept.
  struct RunStart {
    repository @0 :Data;       # 16 bytes.
    volume @1 :Data;
    dataKey @2 :Data;
    envelopes @3 :List(Data);  # The data key for each recipient, as objects of docs/format/keys.md.
  }

  struct Started {
    latest @0 :Text;      # Path of the volume's newest point; empty when there is none.
    whole @1 :Bool;       # Every record that points need is there, as far as the agent knows.
    window @2 :UInt32;    # How many puts may be under way; at least 1.
    agentStart @3 :Data;  # 16 bytes, new with each start of the agent: what was put is lost then.
    union { run @4 :Run; refused @5 :Refusal; }
  }

  # --- Chores: what keeps the repository in order, done by the agent and by its clock ---

  doChore @12 (id :Data, chore :Chore, stop :Bool, from :UInt64) -> ChoreAnswer;
  # Begins a chore of this id (16 random bytes), or says how the one of this id goes: within a second or
  # so, and at once when it has ended. Ask again until it has. A chore goes on when the connection ends;
  # asked again after that, by the same id, it is not begun twice, unless the agent was started anew.
  # `stop`: it shall end soon, where it is; then it is refused as busy. A repository has one chore at a
  # time, and another is refused as busy. `from`: of the details of the report, the first wanted.
  # Prune and collect need the permission to administer, scrub that to scrub or to administer.
}

struct Chore {
  union {
    prune :group {
      rule @0 :PruneRule;
      minimumAge @1 :UInt64;       # Seconds. The repository's own, if that is longer.
      volume @2 :Data;             # 16 bytes; empty: each volume by itself.
      raiseMinimumAge @3 :UInt64;  # Seconds; 0: not. For good.
      onlyLook @4 :Bool;
    }
    collect :group {
      rewriteFrom @5 :UInt32;      # Percent, 0 to 100.
      onlyLook @6 :Bool;
    }
    scrub :group { repair @7 :Bool; }
  }
}
struct PruneRule {  # How many points to keep of each; all 0: everything stays.
  last @0 :UInt32;
  hourly @1 :UInt32;
  daily @2 :UInt32;
  weekly @3 :UInt32;
  monthly @4 :UInt32;
  yearly @5 :UInt32;
}

struct ChoreAnswer {
  details @0 :List(ChoreDetail);  # Of the report, from `from` on, at most 2048.
  more @1 :Bool;                  # Ask again, from after these.
  union {
    refused @2 :Refusal;          # It did not begin, or this ended it.
    underWay :group {
      phase @3 :Text;
      done @4 :UInt64;            # Bytes.
      total @5 :UInt64;           # 0: not known.
    }
    pruned :group {
      removed @6 :UInt64;
      minimumAge @7 :UInt64;      # Seconds; what it went by.
    }                             # Details: verdicts.
    collected :group {            # Details: obstacles, which are findings.
      points @8 :UInt64;
      packs @9 :UInt64;
      packsUnneeded @10 :UInt64;
      packsSparse @11 :UInt64;
      packsRemoved @12 :UInt64;
      packsRewritten @13 :UInt64;
      packsPardoned @14 :UInt64;
      packsLeft @15 :UInt64;
      envelopesRemoved @16 :UInt64;
      deadKept @17 :UInt64;       # Bytes, as the two below.
      written @18 :UInt64;
      freed @19 :UInt64;
      waitsFor @20 :Text;
    }
    scrubbed :group {             # Details: findings, then damages.
      packs @21 :UInt64;
      objects @22 :UInt64;
      bytes @23 :UInt64;
      recordsLost @24 :UInt64;
    }
  }
}
struct ChoreDetail {
  what @0 :Text;                  # A sentence; of a verdict, its reason.
  union {
    verdict :group {
      volume @1 :Data;
      point @2 :Data;
      sequence @3 :UInt64;
      arrived @4 :Int64;          # Nanoseconds since 1970, by the agent's clock.
      keep @5 :Bool;
    }
    finding :group {
      file @6 :Text;
      mended @7 :Bool;
      known @8 :Bool;
    }
    damage :group {
      ofVolume @9 :Data;
      ofPoint @10 :Data;
      firstBlock @11 :UInt64;
      blocks @12 :UInt64;
      place @13 :Data;            # 24 bytes as in locate; empty: none.
    }
  }
}

struct Answer { union { done @0 :Void; refused @1 :Refusal; } }
struct Reply { union { bytes @0 :Data; refused @1 :Refusal; } }

interface Run {
  # One backup of one volume.

  lookUp @0 (names :Data) -> Reply;
  # At most 16384 names; for each a byte, 1 when the repository has it or this run has put it.

  put @1 (records :Data, length :UInt32) -> Placed;
  # Sealed records one after the other, in the first `length` bytes (the rest is padding). A return is
  # flow control: they have their place in a pack that is being written, and as many puts as `window`
  # says may be under way from now on. A record that this run has put before is dropped.

  keep @2 (digest :Data, page :Data) -> Answer;
  # A map page; a return is flow control, too.

  flush @3 () -> Flushed;
  # Everything put is durable and can be found when it returns; nothing more is put. How many bytes the
  # run added to the repository.

  commit @4 (point :Data) -> Answer;
  # The point, as it is stored. It is durable when it returns. After flush. Refused as absent when a
  # page of its map or a record that it names is not there; what the point before it names is.

  struct Placed { union { window @0 :UInt32; refused @1 :Refusal; } }
  struct Flushed { union { stored @0 :UInt64; refused @1 :Refusal; } }
}

# SPDX-License-Identifier: Apache-2.0
# refusal.capnp - how a peer says no.
#
# Every answer that can be refused is a union with a Refusal in it. An exception, which Cap'n Proto
# has besides, means only that the connection ended or that a call is not known.
@0xb3f1c7a2d94e6085;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("ebb::wire");

struct Refusal {
  kind @0 :Kind;   # What the caller may do.
  text @1 :Text;   # For a person, at most 2000 bytes: what was attempted, and why not.

  enum Kind {
    invalid @0;    # The request makes no sense; repeating it cannot help.
    mismatch @1;   # Two things that must agree do not.
    damaged @2;    # Bytes are there but are not what was written.
    lost @3;       # Something went away; connect again, then go on.
    busy @4;       # A bound was reached or somebody else is at it; wait, then retry.
    full @5;       # The disk has no room; make room, then go on.
    absent @6;     # There is no such thing.
    denied @7;     # Permission is missing.
  }
}

// SPDX-License-Identifier: Apache-2.0
// one_heap.h - malloc with one heap for all threads, for programs that hold a memory bound.
//
// By default glibc gives threads heaps of their own. Blocks that the index's threads allocate and
// its cache keeps leave each of them full of holes: of 83 MiB, 53 were held and used by nobody when
// an index grew to 10^8 entries (docs/decisions/0003). What is needed for each batch comes from the
// arena, so nobody waits for the one heap.
#pragma once

namespace ebb {

// At the start of a program, before it has threads.
void use_one_heap();

}  // namespace ebb

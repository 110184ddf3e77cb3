// SPDX-License-Identifier: Apache-2.0
// Threads that wait for the next draw, and share its pieces with the thread that asked for it.
#pragma once

#include <cstdint>

namespace reprorng {

// What is to be done for each piece; it does not throw.
struct Work {
  void (*run)(const void* what, std::uint64_t piece);
  const void* what;
};

// Does `work` for pieces 0 to `pieces - 1`, on the calling thread and at most `threads - 1` others.
// Each begins with a part of its own, the same in every such call, and then helps with the others',
// so that a thread that starts late delays nobody. Threads that sleep are woken for `worth_waking`
// pieces or more; fewer wait only for those awake anyway.
// Bits do not depend on who does which piece.
void share(std::uint64_t pieces, unsigned threads, std::uint64_t worth_waking, Work work) noexcept;

}  // namespace reprorng

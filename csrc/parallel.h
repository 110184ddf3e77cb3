// SPDX-License-Identifier: Apache-2.0
// Splits a range over threads that live for one call: nothing is left behind for a fork to break.
#pragma once

#include <cstdint>
#include <thread>
#include <vector>

namespace reprorng {

// Calls work(offset, size) over [0, count) on at most `threads` threads, each with at least `grain`
// elements. The calling thread takes part, and takes over what the machine has no threads for.
template <class Work>
void parallel_for(std::uint64_t count, unsigned threads, std::uint64_t grain, Work work) {
  const std::uint64_t wanted = count / grain < threads ? count / grain : threads;
  if (wanted <= 1) {
    work(std::uint64_t{0}, count);
    return;
  }
  const auto start_of = [=](std::uint64_t i) {
    return count / wanted * i + (i < count % wanted ? i : count % wanted);
  };
  std::vector<std::thread> team;
  team.reserve(wanted - 1);
  std::uint64_t started = 1;
  try {
    for (; started < wanted; ++started) {
      team.emplace_back(work, start_of(started), start_of(started + 1) - start_of(started));
    }
  } catch (...) {  // out of threads or of memory; `work` itself does not throw
    work(start_of(started), count - start_of(started));
  }
  work(std::uint64_t{0}, start_of(1));
  for (std::thread& thread : team) thread.join();
}

}  // namespace reprorng

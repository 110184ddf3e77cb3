// SPDX-License-Identifier: Apache-2.0
// What the system is told about memory that is about to be filled.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace reprorng {

// Asks for large pages, where the system leaves that choice to programs: the first touch of a page
// costs more than the numbers that fill it, and there are 512 times fewer of them.
inline void prefer_large_pages([[maybe_unused]] std::uintptr_t address,
                               [[maybe_unused]] std::size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr std::uintptr_t kLargePage = std::uintptr_t{1} << 21;
  const std::uintptr_t begin = (address + kLargePage - 1) / kLargePage * kLargePage;
  const std::uintptr_t end = (address + bytes) / kLargePage * kLargePage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

}  // namespace reprorng

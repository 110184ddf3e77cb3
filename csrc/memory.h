// SPDX-License-Identifier: Apache-2.0
// What the system is told, and asked, about memory that is about to be filled.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

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

// Whether the page of an address is there; if not, the system makes it when it is first touched.
// Where it does not tell, all are.
inline bool has_page(std::uintptr_t address) {
#if defined(__linux__)
  unsigned char state;
#else
  char state;
#endif
  const auto size = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  if (mincore(reinterpret_cast<void*>(address / size * size), 1, &state) != 0) return true;
  return (state & 1) != 0;
}

}  // namespace reprorng

// SPDX-License-Identifier: Apache-2.0
// Prints one line "instruction set, kernel, digest" for each instruction set this program can run.
// Elements are hashed as numbers, not as bytes, so that byte order does not matter.
#include <cstdio>
#include <vector>

#include "dispatch.h"

namespace {

using namespace reprorng;

constexpr std::uint64_t kStarts[] = {
    0, 1, 2, 3, 0x7ffffffd, 0xfffffffd, 0x3fffffffd, 0x7ffffffffffffffd, 0xffffffffffff0000,
};
constexpr std::uint64_t kLengths[] = {1, 2, 3, 5, 31, 64, 191, 1025};

template <class T>
std::uint64_t hash(std::uint64_t h, const std::vector<std::uint64_t>& memory, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    T element;
    std::memcpy(&element, reinterpret_cast<const char*>(memory.data()) + i * sizeof(T), sizeof(T));
    h = (h ^ element) * 0x100000001b3u;  // FNV-1a, an element a step
  }
  return h;
}

std::uint64_t digest(Fill fill, int size) {
  std::uint64_t h = 0xcbf29ce484222325u;
  std::vector<std::uint64_t> memory(1025);
  for (std::uint64_t start : kStarts) {
    for (std::uint64_t length : kLengths) {
      const std::uint64_t first = size == 8 ? start / 2 : start;
      fill(Stream{0x0123456789abcdef ^ start, 0xfedcba9876543210}, first, length, memory.data(),
           length % 2 != 0);
      h = size == 2   ? hash<std::uint16_t>(h, memory, length)
          : size == 4 ? hash<std::uint32_t>(h, memory, length)
                      : hash<std::uint64_t>(h, memory, length);
    }
  }
  return h;
}

}  // namespace

int main() {
  for (const Variant& variant : kVariants) {
    if (!variant.can_run) continue;
    for (int kernel = 0; kernel < kKernelCount; ++kernel) {
      std::printf("%s %s %016llx\n", variant.name, kKernelNames[kernel],
                  static_cast<unsigned long long>(
                      digest(variant.kernels->fill[kernel], kElementSizes[kernel])));
    }
  }
}

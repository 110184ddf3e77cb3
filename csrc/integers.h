// SPDX-License-Identifier: Apache-2.0
// 64-bit words to integers of a range, in place.
#pragma once

#include <cstdint>

namespace reprorng {

// The high half of a 128-bit product, without a 128-bit type.
inline std::uint64_t multiply_high(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t a0 = a & 0xffffffffu, a1 = a >> 32, b0 = b & 0xffffffffu, b1 = b >> 32;
  const std::uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
  return a1 * b1 + (middle >> 32) + (((middle & 0xffffffffu) + a0 * b1) >> 32);
}

// low + floor(word * span / 2^64) mod 2^64; a span of 0 stands for 2^64.
inline void to_range(std::uint64_t* words, std::uint64_t count, std::uint64_t low,
                     std::uint64_t span) {
  for (std::uint64_t i = 0; i < count; ++i) {
    words[i] = low + (span == 0 ? words[i] : multiply_high(words[i], span));
  }
}

}  // namespace reprorng

// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC11)
// on vectors of blocks.
#pragma once

#include "base.h"
#include "constants.h"

namespace reprorng {

// Word j of V::kLanes blocks, one block to a 64-bit lane. Only the low half of a lane is the word;
// the upper half is whatever the last product left there, and nobody reads it.
template <class V>
struct Words {
  typename V::Wide w[4];
};

// Blocks `block` to `block + V::kLanes - 1`, in the lane order of V::counters.
template <class V>
REPRORNG_INLINE Words<V> philox4x32_10(const Stream& stream, std::uint64_t block) {
  using Wide = typename V::Wide;
  const Wide m0 = V::splat(kPhiloxM0), m1 = V::splat(kPhiloxM1);
  Wide c0 = V::counters(block);
  Wide c1 = V::high(c0);
  Wide c2 = V::splat(stream.stream);
  Wide c3 = V::splat(stream.stream >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(stream.seed);
  std::uint32_t k1 = static_cast<std::uint32_t>(stream.seed >> 32);
  REPRORNG_UNROLL
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const Wide p0 = V::multiply(c0, m0), p1 = V::multiply(c2, m1);
    c0 = V::xor3(V::high(p1), c1, V::splat(k0));
    c2 = V::xor3(V::high(p0), c3, V::splat(k1));
    c1 = p1;
    c3 = p0;
    k0 += kPhiloxW0;
    k1 += kPhiloxW1;
  }
  return {{c0, c1, c2, c3}};
}

}  // namespace reprorng

// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC11)
// on vectors of blocks, in steps of a few rounds.
#pragma once

#include "base.h"
#include "constants.h"

namespace reprorng {

// Word j of V::kLanes blocks, or what will become it. Where a lane has 64 bits the word is its low
// half; the upper half is whatever the last product left there, and nobody reads it.
template <class V>
struct Words {
  typename V::Wide w0, w1, w2, w3;
};

struct RoundKeys {
  std::uint32_t k0[kPhiloxRounds], k1[kPhiloxRounds];

  explicit REPRORNG_INLINE RoundKeys(std::uint64_t seed) {
    REPRORNG_UNROLL
    for (std::uint32_t round = 0; round < kPhiloxRounds; ++round) {
      k0[round] = low_half(seed) + round * kPhiloxW0;
      k1[round] = high_half(seed) + round * kPhiloxW1;
    }
  }
};

template <class V>
REPRORNG_INLINE auto halves_of_product(typename V::Wide a, typename V::Wide b) {
  return V::halves(V::multiply(a, b));
}

// Rounds kFrom to kTo - 1.
template <class V, int kFrom, int kTo>
REPRORNG_INLINE Words<V> more_rounds(const RoundKeys& key, Words<V> words) {
  const auto m0 = V::splat(kPhiloxM0), m1 = V::splat(kPhiloxM1);
  auto [c0, c1, c2, c3] = words;
  REPRORNG_UNROLL
  for (int round = kFrom; round < kTo; ++round) {
    const auto p0 = halves_of_product<V>(c0, m0), p1 = halves_of_product<V>(c2, m1);
    c0 = V::xor3(p1.high, c1, V::splat(key.k0[round]));
    c2 = V::xor3(p0.high, c3, V::splat(key.k1[round]));
    c1 = p1.low;
    c3 = p0.low;
  }
  return {c0, c1, c2, c3};
}

// The last round, with words 0 and 2 joined, and words 1 and 3.
template <class V>
REPRORNG_INLINE void last_round(const RoundKeys& key, const Words<V>& words,
                                typename V::F32::Bits& even, typename V::F32::Bits& odd) {
  constexpr int kLast = kPhiloxRounds - 1;
  const auto p0 = V::multiply(words.w0, V::splat(kPhiloxM0));
  const auto p1 = V::multiply(words.w2, V::splat(kPhiloxM1));
  even = V::join_xor3(p1, p0, words.w1, words.w3, key.k0[kLast], key.k1[kLast]);
  odd = V::join32(V::halves(p1).low, V::halves(p0).low);
}

// The first rounds of blocks whose numbers have all the same high half: half of each of these
// rounds is the same for all blocks then, and done on plain integers. From blocks to the next ones
// the first product grows by a constant, as long as the low halves of their numbers do not wrap.
constexpr int kFirstRounds = 3;

template <class V>
REPRORNG_INLINE typename V::Whole first_products(std::uint32_t low) {
  return V::multiply(V::counters(low), V::splat(kPhiloxM0));
}

template <class V>
REPRORNG_INLINE typename V::Whole next_products(typename V::Whole products) {
  return V::add(products, std::uint64_t{V::kLanes} * kPhiloxM0);
}

template <class V>
REPRORNG_INLINE Words<V> first_rounds(const Stream& stream, const RoundKeys& key,
                                      std::uint32_t high, typename V::Whole products) {
  const auto m0 = V::splat(kPhiloxM0), m1 = V::splat(kPhiloxM1);
  const std::uint64_t a1 = std::uint64_t{kPhiloxM1} * low_half(stream.stream);
  const auto a0 = V::halves(products);
  const std::uint32_t shared = high_half(a1) ^ high ^ key.k0[0];
  const auto b2 = V::xor2(a0.high, V::splat(high_half(stream.stream) ^ key.k1[0]));

  const std::uint64_t b0 = std::uint64_t{kPhiloxM0} * shared;
  const auto b1 = halves_of_product<V>(b2, m1);
  const auto c0 = V::xor2(b1.high, V::splat(low_half(a1) ^ key.k0[1]));
  const auto c2 = V::xor2(a0.low, V::splat(high_half(b0) ^ key.k1[1]));

  const auto p0 = halves_of_product<V>(c0, m0), p1 = halves_of_product<V>(c2, m1);
  return {V::xor3(p1.high, b1.low, V::splat(key.k0[2])), p1.low,
          V::xor2(p0.high, V::splat(low_half(b0) ^ key.k1[2])), p0.low};
}

}  // namespace reprorng

// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC11)
// on vectors of blocks, a few rounds at a time.
#pragma once

#include <type_traits>

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

// Half a round: the products of words 0 and 2, whose high halves are yet to be xored with words 3
// and 1.
template <class V>
struct Products {
  typename V::Whole p0, p1;
  typename V::Wide w1, w3;
};

// The two halves of a round. `Ops` is V, or V::Loaded if the operand lies in memory.
template <class V, class Ops = V>
REPRORNG_INLINE Products<V> multiplied(const Words<V>& words) {
  return {Ops::multiply(words.w0, V::splat(kPhiloxM0)),
          Ops::multiply(words.w2, V::splat(kPhiloxM1)), words.w1, words.w3};
}
template <class V, class Ops = V>
REPRORNG_INLINE Words<V> xored(const RoundKeys& key, int round, const Products<V>& products) {
  const auto p0 = Ops::halves(products.p0), p1 = Ops::halves(products.p1);
  return {V::xor3(p1.high, products.w1, V::splat(key.k0[round])), p1.low,
          V::xor3(p0.high, products.w3, V::splat(key.k1[round])), p0.low};
}

// What a pass leaves to the next one in memory: words after all of its rounds, or the products of
// the last of them. It depends on what a processor can do for nothing as it loads.
template <class V>
using Between = std::conditional_t<V::kKeepsProducts, Products<V>, Words<V>>;

// Rounds kFrom to kTo - 1 of what lies in memory; from products to products, each half a round
// earlier.
template <class V, int kFrom, int kTo>
REPRORNG_INLINE Words<V> more_rounds(const RoundKeys& key, const Words<V>& before) {
  Words<V> words = xored<V>(key, kFrom, multiplied<V, typename V::Loaded>(before));
  REPRORNG_UNROLL
  for (int round = kFrom + 1; round < kTo; ++round) {
    words = xored<V>(key, round, multiplied<V>(words));
  }
  return words;
}
template <class V, int kFrom, int kTo>
REPRORNG_INLINE Products<V> more_rounds(const RoundKeys& key, const Products<V>& before) {
  Products<V> products = multiplied<V>(xored<V, typename V::Loaded>(key, kFrom - 1, before));
  REPRORNG_UNROLL
  for (int round = kFrom + 1; round < kTo; ++round) {
    products = multiplied<V>(xored<V>(key, round - 1, products));
  }
  return products;
}

constexpr int kLastRound = kPhiloxRounds - 1;

// The products of the last round, from round kFrom on.
template <class V, int kFrom>
REPRORNG_INLINE Products<V> last_products(const RoundKeys& key, const Words<V>& before) {
  if constexpr (kFrom == kLastRound) {
    return multiplied<V, typename V::Loaded>(before);
  } else {
    return multiplied<V>(more_rounds<V, kFrom, kLastRound>(key, before));
  }
}
template <class V, int kFrom>
REPRORNG_INLINE Products<V> last_products(const RoundKeys& key, const Products<V>& before) {
  return more_rounds<V, kFrom, kPhiloxRounds>(key, before);
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
REPRORNG_INLINE Between<V> first_rounds(const Stream& stream, const RoundKeys& key,
                                        std::uint32_t high, typename V::Whole products) {
  const std::uint64_t a1 = std::uint64_t{kPhiloxM1} * low_half(stream.stream);
  const auto a0 = V::halves(products);
  const std::uint32_t shared = high_half(a1) ^ high ^ key.k0[0];
  const auto b2 = V::xor2(a0.high, V::splat(high_half(stream.stream) ^ key.k1[0]));

  const std::uint64_t b0 = std::uint64_t{kPhiloxM0} * shared;
  const auto b1 = V::halves(V::multiply(b2, V::splat(kPhiloxM1)));
  const auto c0 = V::xor2(b1.high, V::splat(low_half(a1) ^ key.k0[1]));
  const auto c2 = V::xor2(a0.low, V::splat(high_half(b0) ^ key.k1[1]));

  const auto c = multiplied<V>({c0, b1.low, c2, V::splat(low_half(b0))});
  if constexpr (V::kKeepsProducts) {
    return c;
  } else {
    return xored<V>(key, kFirstRounds - 1, c);
  }
}

}  // namespace reprorng

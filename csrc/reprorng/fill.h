// SPDX-License-Identifier: Apache-2.0
// The kinds (what becomes of the four words of a block) and the one loop that writes them: any
// first element, any length.
#pragma once

#include "base.h"
#include "philox.h"
#include "transform.h"

namespace reprorng {

// How elements of type T lie in a block: from 32-bit words, four to a block, or from 64-bit words,
// two to a block. Either way neighbours come as a pair (even, odd) of vectors.
template <class T, bool kWide = sizeof(T) == 8>
struct Layout {
  static constexpr int kPerBlock = 4;
  template <class V>
  using Format = typename V::F32;
  template <class V>
  static REPRORNG_INLINE auto even(const Words<V>& words) {
    return V::join32(words.w[0], words.w[2]);
  }
  template <class V>
  static REPRORNG_INLINE auto odd(const Words<V>& words) {
    return V::join32(words.w[1], words.w[3]);
  }
};

template <class T>
struct Layout<T, true> {
  static constexpr int kPerBlock = 2;
  template <class V>
  using Format = typename V::F64;
  template <class V>
  static REPRORNG_INLINE auto even(const Words<V>& words) {
    return V::join64(words.w[0], words.w[1]);
  }
  template <class V>
  static REPRORNG_INLINE auto odd(const Words<V>& words) {
    return V::join64(words.w[2], words.w[3]);
  }
};

// A kind turns the words of V::kLanes blocks into kPerBlock elements of type Element a block.
template <class T>
struct Bits : Layout<T> {
  using Element = T;
  template <class V>
  static REPRORNG_INLINE void emit(const Words<V>& words, T* out) {
    V::store(out, Layout<T>::even(words), Layout<T>::odd(words));
  }
};

// The highest kPrecision bits of a word, over 2^kPrecision.
template <class T, int kPrecision>
struct Uniform : Layout<T> {
  using Element = T;
  template <class V>
  static REPRORNG_INLINE void emit(const Words<V>& words, T* out) {
    using F = typename Layout<T>::template Format<V>;
    using Scalar = typename F::Scalar;
    constexpr int kShift = (sizeof(T) == 8 ? 64 : 32) - kPrecision;
    const auto scale = F::real(Scalar{1} / (std::uint64_t{1} << kPrecision));
    const auto x = F::template shift_right<kShift>(Layout<T>::even(words));
    const auto y = F::template shift_right<kShift>(Layout<T>::odd(words));
    V::store(out, F::mul(F::to_real(x), scale), F::mul(F::to_real(y), scale));
  }
};

template <class T>
struct Normal : Layout<T> {
  using Element = T;
  template <class V>
  static REPRORNG_INLINE void emit(const Words<V>& words, T* out) {
    using F = typename Layout<T>::template Format<V>;
    typename F::Real x, y;
    rotate<F>(radius<F>(Layout<T>::even(words)), Layout<T>::odd(words), x, y);
    V::store(out, x, y);
  }
};

// Writes elements `first` to `first + count - 1` of the stream. `Fast` is the vector type of the
// bulk, `Small` that of what is left at either end.
template <class Kind, class Fast, class Small>
void fill(const Stream& stream, std::uint64_t first, std::uint64_t count, void* out) {
  using Element = typename Kind::Element;
  constexpr std::uint64_t kBulk = Fast::kLanes * Kind::kPerBlock;
  constexpr std::uint64_t kTile = Small::kLanes * Kind::kPerBlock;
  Element* next = static_cast<Element*>(out);
  std::uint64_t block = first / Kind::kPerBlock;
  std::uint64_t skip = first % Kind::kPerBlock;
  while (count > 0) {
    if (skip == 0 && count >= kBulk) {
      Kind::template emit<Fast>(philox4x32_10<Fast>(stream, block), next);
      block += Fast::kLanes;
      next += kBulk;
      count -= kBulk;
    } else {
      Element tile[kTile];
      Kind::template emit<Small>(philox4x32_10<Small>(stream, block), tile);
      const std::uint64_t take = count < kTile - skip ? count : kTile - skip;
      std::memcpy(next, tile + skip, take * sizeof(Element));
      block += Small::kLanes;
      next += take;
      count -= take;
      skip = 0;
    }
  }
}

}  // namespace reprorng

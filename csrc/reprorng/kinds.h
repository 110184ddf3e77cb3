// SPDX-License-Identifier: Apache-2.0
// The kinds: what becomes of the four words of a block.
#pragma once

#include "base.h"
#include "philox.h"
#include "transform.h"

namespace reprorng {

// How elements of type T lie in a block: from 32-bit words, four to a block, or from 64-bit words,
// two to a block. Either way neighbours come as a pair (even, odd) of vectors, which the last round
// gives.
template <class T, bool kWide = sizeof(T) == 8>
struct Layout {
  static constexpr int kPerBlock = 4;
  template <class V>
  using Format = typename V::F32;
  template <class V>
  static REPRORNG_INLINE void finish(const RoundKeys& key, const Products<V>& last,
                                     typename V::F32::Bits& even, typename V::F32::Bits& odd) {
    even = V::join_xor3(last.p1, last.p0, last.w1, last.w3, key.k0[kLastRound], key.k1[kLastRound]);
    odd = V::join32(V::halves(last.p1).low, V::halves(last.p0).low);
  }
};

template <class T>
struct Layout<T, true> {
  static constexpr int kPerBlock = 2;
  template <class V>
  using Format = typename V::F64;
  template <class V>
  static REPRORNG_INLINE void finish(const RoundKeys& key, const Products<V>& last,
                                     typename V::F64::Bits& even, typename V::F64::Bits& odd) {
    const auto [w0, w1, w2, w3] = xored<V>(key, kLastRound, last);
    V::join64(w0, w1, w2, w3, even, odd);
  }
};

// A kind turns the even and the odd words of blocks into elements of type Element. If kPrepares, it
// does so in two steps, and `prepare` is the first.
template <class T>
struct Bits : Layout<T> {
  using Element = T;
  static constexpr bool kPrepares = false;
  template <class V, class B>
  static REPRORNG_INLINE void emit(const B& even, const B& odd, T* out) {
    V::store(out, even, odd);
  }
};

// The highest kPrecision bits of a word, over 2^kPrecision.
template <class T, int kPrecision>
struct Uniform : Layout<T> {
  using Element = T;
  static constexpr bool kPrepares = false;
  template <class V, class B>
  static REPRORNG_INLINE void emit(const B& even, const B& odd, T* out) {
    using F = typename Layout<T>::template Format<V>;
    using Scalar = typename F::Scalar;
    constexpr int kShift = (sizeof(T) == 8 ? 64 : 32) - kPrecision;
    const auto scale = F::real(Scalar{1} / (std::uint64_t{1} << kPrecision));
    const auto x = F::template shift_right<kShift>(even);
    const auto y = F::template shift_right<kShift>(odd);
    V::store(out, F::mul(F::to_real(x), scale), F::mul(F::to_real(y), scale));
  }
};

template <class T>
struct Normal : Layout<T> {
  using Element = T;
  static constexpr bool kPrepares = true;
  template <class V, class B>
  static REPRORNG_INLINE B prepare(const B& even) {
    using F = typename Layout<T>::template Format<V>;
    return F::as_bits(squared_radius<F>(even));
  }
  template <class V, class B>
  static REPRORNG_INLINE void emit(const B& prepared, const B& odd, T* out) {
    using F = typename Layout<T>::template Format<V>;
    typename F::Real x, y;
    rotate<F>(F::sqrt(F::as_real(prepared)), odd, x, y);
    V::store(out, x, y);
  }
};

}  // namespace reprorng

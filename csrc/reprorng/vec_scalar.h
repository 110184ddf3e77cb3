// SPDX-License-Identifier: Apache-2.0
// The instruction set every machine has: one block at a time in plain C++. It is also the reference
// for what each operation of a vector type means.
#pragma once

#include <cmath>

#include "base.h"
#include "constants.h"
#include "parts.h"
#include "softfloat.h"

namespace reprorng {

#if defined(__FP_FAST_FMAF) && defined(__FP_FAST_FMA)
REPRORNG_INLINE float exact_fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
REPRORNG_INLINE double exact_fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else
REPRORNG_INLINE float exact_fma(float a, float b, float c) { return soft::fma(a, b, c); }
REPRORNG_INLINE double exact_fma(double a, double b, double c) { return soft::fma(a, b, c); }
#endif

template <class Number, class Unsigned, class Signed>
struct ScalarFormat {
  using Scalar = Number;
  using Bits = Unsigned;
  using Real = Number;
  static constexpr int kBits = 8 * sizeof(Unsigned);

  static REPRORNG_INLINE Bits bits(Unsigned u) { return u; }
  static REPRORNG_INLINE Real real(Number x) { return x; }
  // The word as a signed integer, rounded to nearest even.
  static REPRORNG_INLINE Real to_real(Bits a) {
    return static_cast<Number>(static_cast<Signed>(a));
  }
  static REPRORNG_INLINE Bits as_bits(Real a) { return bit_cast<Bits>(a); }
  static REPRORNG_INLINE Real as_real(Bits a) { return bit_cast<Real>(a); }

  static REPRORNG_INLINE Bits add(Bits a, Bits b) { return a + b; }
  static REPRORNG_INLINE Bits shift_left_2_or_2(Bits a) { return (a << 2) | 2; }
  template <int Shift>
  static REPRORNG_INLINE Bits shift_right(Bits a) {
    return a >> Shift;
  }
  // The bits of 1 that `a`, those of a number from -1 to 1, lacks where it is negative; else 0.
  static REPRORNG_INLINE Bits lacking_of_one(Bits a) {
    return a >> (kBits - 1) ? Constants<Number>::kOne & ~a : 0;
  }

  static REPRORNG_INLINE Real sqrt(Real a) { return std::sqrt(a); }
  // `a` where it is positive, else `b`. The caller sees to it that b > a where `a` is positive and
  // that 0 < b <= |a| elsewhere, so the smaller of |a| and b will do.
  static REPRORNG_INLINE Real if_positive(Real a, Real b) { return a > 0 ? a : b; }
  static REPRORNG_INLINE Real add(Real a, Real b) { return a + b; }
  static REPRORNG_INLINE Real mul(Real a, Real b) { return a * b; }
  static REPRORNG_INLINE Real fma(Real a, Real b, Real c) { return exact_fma(a, b, c); }
  static REPRORNG_INLINE Real fms(Real a, Real b, Real c) { return exact_fma(a, b, -c); }
  // `a` with its sign flipped where the highest bit of `w` is set.
  static REPRORNG_INLINE Real xor_sign(Real a, Bits w) { return w >> (kBits - 1) ? -a : a; }
  // (x, y) = (a, b), or (b, a) where the second highest bit of `w` is set.
  static REPRORNG_INLINE void swap_if_second_bit(Bits w, Real a, Real b, Real& x, Real& y) {
    const bool swap = (w >> (kBits - 2)) & 1;
    x = swap ? b : a;
    y = swap ? a : b;
  }
};

struct Scalar {
  using PastCaches = void;  // it has no such stores
  using Loaded = Scalar;    // multiplies what lies in memory, or with kKeepsProducts halves it
  static constexpr bool kKeepsProducts = false;  // between passes: see philox.h
  static constexpr int kLanes = 1;
  static constexpr int kAtOnce = 4;  // steps of a pass that share its loads of constants
  // The rounds of the passes between the one of the first rounds and the one of the last.
  static constexpr int kPassRounds[] = {3, 2};
  using Wide = std::uint64_t;
  using Whole = std::uint64_t;
  using F32 = PartsFormat<ScalarFormat<float, std::uint32_t, std::int32_t>, 2>;
  using F64 = ScalarFormat<double, std::uint64_t, std::int64_t>;

  // Lane l holds the low half of the number of the block whose words it will carry.
  static REPRORNG_INLINE Wide counters(std::uint32_t low) { return low; }
  static REPRORNG_INLINE Wide splat(std::uint32_t x) { return x; }
  // The product of two words, whole, and the words that are its halves.
  static REPRORNG_INLINE Whole multiply(Wide a, Wide b) {
    return (a & 0xffffffffu) * (b & 0xffffffffu);
  }
  static REPRORNG_INLINE Product<Wide> halves(Whole a) { return {a, a >> 32}; }
  static REPRORNG_INLINE Whole add(Whole a, std::uint64_t b) { return a + b; }
  static REPRORNG_INLINE Wide xor2(Wide a, Wide b) { return a ^ b; }
  static REPRORNG_INLINE Wide xor3(Wide a, Wide b, Wide c) { return a ^ b ^ c; }
  // Words 0 and 2 of blocks, or words 1 and 3 in the same order.
  static REPRORNG_INLINE F32::Bits join32(Wide a, Wide b) {
    return {{static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b)}};
  }
  // xor3 of the high half of `a`, c and k, and of that of b, d and l, joined.
  static REPRORNG_INLINE F32::Bits join_xor3(Whole a, Whole b, Wide c, Wide d, std::uint32_t k,
                                             std::uint32_t l) {
    return join32(xor3(a >> 32, c, k), xor3(b >> 32, d, l));
  }
  // The words of blocks by twos, as 64-bit words: low | high << 32.
  static REPRORNG_INLINE void join64(Wide w0, Wide w1, Wide w2, Wide w3, F64::Bits& even,
                                     F64::Bits& odd) {
    even = (w0 & 0xffffffffu) | (w1 << 32);
    odd = (w2 & 0xffffffffu) | (w3 << 32);
  }

  // Stores x and y interleaved, in the order of the blocks: x0 y0 x1 y1 and so on.
  template <class T, class P>
  static REPRORNG_INLINE void store(T* out, const Parts<P, 2>& x, const Parts<P, 2>& y) {
    REPRORNG_UNROLL
    for (int i = 0; i < 2; ++i) {
      out[2 * i] = convert(x.part[i], T{});
      out[2 * i + 1] = convert(y.part[i], T{});
    }
  }
  template <class T>
  static REPRORNG_INLINE void store(T* out, T x, T y) {
    out[0] = x;
    out[1] = y;
  }

 private:
  template <class T>
  static REPRORNG_INLINE T convert(T x, T) {
    return x;
  }
  static REPRORNG_INLINE Float16 convert(float x, Float16) { return {soft::to_float16(x)}; }
  static REPRORNG_INLINE BFloat16 convert(float x, BFloat16) { return {soft::to_bfloat16(x)}; }
};

}  // namespace reprorng

// SPDX-License-Identifier: Apache-2.0
// Exact scalar arithmetic for machines that lack it: fused multiply-add without FMA hardware, and
// rounding to 16-bit formats without conversion instructions. Slow and the same bits.
#pragma once

#include "base.h"

namespace reprorng {
namespace soft {

struct Sum {
  double high, low;  // high + low is exact, high is the rounded sum
};

// Knuth's two-sum: exact for any a and b without overflow.
REPRORNG_INLINE Sum two_sum(double a, double b) {
  const double s = a + b;
  const double t = s - a;
  return {s, (a - (s - t)) + (b - t)};
}

// Dekker's product after Veltkamp's split: exact while nothing overflows or underflows, which the
// transform's operands (2^-130 < |x| < 2^70) cannot.
REPRORNG_INLINE Sum two_product(double a, double b) {
  constexpr double kSplit = 134217729.0;  // 2^27 + 1
  const double ta = kSplit * a, tb = kSplit * b;
  const double ah = ta - (ta - a), al = a - ah;
  const double bh = tb - (tb - b), bl = b - bh;
  const double p = a * b;
  return {p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

// Round to odd: an inexact result whose last bit is even moves one step towards the exact value, so
// that a later rounding to fewer bits acts as if it saw the exact value.
REPRORNG_INLINE double round_to_odd(Sum s) {
  std::uint64_t bits = bit_cast<std::uint64_t>(s.high);
  if (s.low != 0.0 && (bits & 1) == 0) bits += ((s.low > 0.0) == (s.high > 0.0)) ? 1 : -1;
  return bit_cast<double>(bits);
}

// The product of two floats is exact in double, and 53 >= 2 * 24 + 2 bits make the last rounding
// innocuous after rounding to odd.
REPRORNG_INLINE float fma(float a, float b, float c) {
  const double p = static_cast<double>(a) * static_cast<double>(b);
  return static_cast<float>(round_to_odd(two_sum(p, static_cast<double>(c))));
}

// Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using
// rounding to odd", IEEE Transactions on Computers 57(4), 2008.
REPRORNG_INLINE double fma(double a, double b, double c) {
  const Sum product = two_product(a, b);
  const Sum low = two_sum(c, product.low);
  const Sum high = two_sum(product.high, low.high);
  return high.high + round_to_odd(two_sum(low.low, high.low));
}

// Round to nearest even from float32 to bfloat16; the argument is finite.
REPRORNG_INLINE std::uint16_t to_bfloat16(float x) {
  const std::uint32_t bits = bit_cast<std::uint32_t>(x);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// Round to nearest even from float32 to float16; |x| < 65504. Below 2^-14 the result is subnormal:
// adding 0.5 aligns the last bit of the sum with 2^-24, so the addition itself rounds.
REPRORNG_INLINE std::uint16_t to_float16(float x) {
  const std::uint32_t bits = bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude < 0x38800000u) {
    const float sum = bit_cast<float>(magnitude) + 0.5f;
    return static_cast<std::uint16_t>(sign | (bit_cast<std::uint32_t>(sum) - 0x3f000000u));
  }
  const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

}  // namespace soft
}  // namespace reprorng

// SPDX-License-Identifier: Apache-2.0
// Words to normals: Box-Muller by polynomials, with the operations and their order of docs/spec.md
// up to a sign, once for float32 and float64. Every product that feeds a sum is an explicit fma, so
// that there is nothing left for a compiler to contract.
//
// F is a format on vectors: F::Bits holds words and bit patterns, F::Real the numbers.
#pragma once

#include "base.h"
#include "constants.h"

namespace reprorng {

// c[0] + t * (c[1] + t * (c[2] + ...)) in Horner's order.
template <class F, class Scalar, int N>
REPRORNG_INLINE typename F::Real horner(typename F::Real t, const Scalar (&c)[N]) {
  typename F::Real sum = F::real(c[N - 1]);
  REPRORNG_UNROLL
  for (int i = N - 2; i >= 0; --i) sum = F::fma(sum, t, F::real(c[i]));
  return sum;
}

// -2 ln u for u = (w + 1/2) / 2^bits. g and z are the specification's with the other sign, so that
// some need not take an absolute value; to nearest, operations round alike for either sign.
template <class F>
REPRORNG_INLINE typename F::Real squared_radius(typename F::Bits w) {
  using C = Constants<typename F::Scalar>;
  using Bits = typename F::Bits;
  using Real = typename F::Real;
  const Real g = F::fma(F::to_real(w), F::real(-C::kScale), F::real(-C::kHalf));
  // How far the exponent of g lies below that of 1, in place: 0 where g is positive or -1. All bits
  // of the exponent of 1 are set but the highest, which no smaller number has.
  const Bits shift = F::lacking_of_one(F::as_bits(g));
  const Real z = F::as_real(F::add(F::as_bits(g), shift));
  const Real h = F::if_positive(z, F::add(F::real(2), z));
  const Real series = F::fma(horner<F>(h, C::kLog), F::mul(h, h), h);
  return F::fma(F::to_real(shift), F::real(C::kLog4), series);
}

// r times the cosine and sine of the angle of w.
template <class F>
REPRORNG_INLINE void rotate(typename F::Real r, typename F::Bits w, typename F::Real& cosine,
                            typename F::Real& sine) {
  using C = Constants<typename F::Scalar>;
  using Real = typename F::Real;
  const Real residual = F::to_real(F::shift_left_2_or_2(w));
  const Real angle = F::real(C::kAngle);
  const Real v = F::mul(residual, angle);
  const Real lost = F::fms(residual, angle, v);
  const Real y = F::fms(v, v, F::real(C::kCentre));
  const Real signed_r = F::xor_sign(r, w);
  const Real along = F::fma(signed_r, horner<F>(y, C::kCos), signed_r);
  const Real bend = F::fma(v, horner<F>(y, C::kSin), lost);
  const Real across = F::fma(r, v, F::mul(r, bend));
  F::swap_if_second_bit(w, along, across, cosine, sine);
}

}  // namespace reprorng

// SPDX-License-Identifier: Apache-2.0
// The exact transform in double.  Libm is exact enough: its error is below 1e-7 float ulp.
#pragma once
#include <cmath>
#include <utility>

#include "candidates.h"

namespace study {

inline Exact exact(double turn, bool s0, bool s1, bool swap) {
  int quarter = static_cast<int>(std::nearbyint(2 * turn));
  double rest =
      M_PI * (turn - quarter / 2.0);  // exact before the product: small sines are good too
  double x = std::cos(rest), y = std::sin(rest);
  if (quarter & 1) std::swap(x, y), x = -x;
  if (quarter & 2) x = -x, y = -y;
  if (s0) x = -x;
  if (s1) y = -y;
  return swap ? Exact{y, x} : Exact{x, y};
}

inline double exact_radius(u32 a) {
  double log_u = a >> 31 ? std::log1p(-(~a + 0.5) * 0x1p-32) : std::log((a + 0.5) * 0x1p-32);
  return std::sqrt(-2 * log_u);
}

inline double ulps(float x, double truth) {
  int e;
  std::frexp(truth, &e);  // truth = m 2^e, m in [1/2, 1), so its ulp is 2^(e - 24)
  return std::fabs(x - truth) * std::ldexp(1.0, 24 - e);
}

}  // namespace study

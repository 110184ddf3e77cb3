// SPDX-License-Identifier: Apache-2.0
// The square root of the kernels, tried on every mantissa with every estimate of 1 / sqrt(x).
//
// Powers of 4 change nothing but exponents, so every x in [1, 4) stands for all radicands.
#include "ptx.h"

typedef struct {
  uint64_t estimates;     // tried
  uint64_t wrong;         // of these, how many do not lead to the rounded root
  uint64_t pairs[16][2];  // the first of them: the bits of x and of the estimate
  uint64_t best_wrong;    // how often BEST of ptx.h is not the rounded 1 / sqrt(x)
} Tally;

// As `root` of reprorng/kernels/transform.py, with or without the Goldschmidt step.
static inline float root(float x, float estimate, int goldschmidt) {
  float g = x * estimate, h = estimate * 0.5f;
  if (goldschmidt) {
    const float e = __builtin_fmaf(-g, h, 0.5f);
    g = __builtin_fmaf(g, e, g);
    h = __builtin_fmaf(h, e, h);
  }
  return __builtin_fmaf(__builtin_fmaf(-g, g, x), h, g);
}

static uint64_t fraction(uint32_t bits) { return (bits & 0x7fffff) | 0x800000; }

// Whether y^2 is within half a unit of x, by integers: x in units of 2^-23, root in [1, 2).
static int is_rounded_root(uint64_t x, uint32_t y) {
  const uint64_t twice = 2 * fraction(y), square = x << 25;
  return (twice - 1) * (twice - 1) < square && square < (twice + 1) * (twice + 1);
}

// Whether y = 1 / sqrt(x) within half a unit: y in [1/2, 1], where the unit is at least 2^-24.
static int is_rounded_inverse(uint64_t x, uint32_t y) {
  const unsigned __int128 twice = 2 * (y == 0x3f800000 ? 1 << 24 : fraction(y));
  const unsigned __int128 one = (unsigned __int128)1 << 73;
  return (twice - 1) * (twice - 1) * x < one && one < (twice + 1) * (twice + 1) * x;
}

static uint64_t count_wrong(float x, uint32_t first, uint32_t last, uint32_t want,
                            int goldschmidt) {
  uint64_t wrong = 0;
  for (uint32_t bits = first; bits <= last; bits++) {
    wrong += bits_f32(root(x, as_f32(bits), goldschmidt)) != want;
  }
  return wrong;
}

// Every x with bits in [begin, end) and every float within `bound`, relatively, of 1 / sqrt(x).
// Returns 0, or the bits of an x whose root this processor does not round.
uint32_t try_roots(uint32_t begin, uint32_t end, double bound, int goldschmidt, Tally* tally) {
  for (uint32_t bits = begin; bits < end; bits++) {
    const float x = as_f32(bits);
    const uint64_t units = fraction(bits) << (x >= 2);
    const uint32_t want = bits_f32(__builtin_sqrtf(x));
    if (!is_rounded_root(units, want)) return bits;
    tally->best_wrong += !is_rounded_inverse(units, bits_f32(rsqrt_approx_ftz(x, 0)));
    const double exact = 1.0 / __builtin_sqrt(x);
    const uint32_t low = bits_f32((float)(exact * (1 - bound)));
    const uint32_t high = bits_f32((float)(exact * (1 + bound)));
    const uint32_t first = low + (as_f32(low) < exact * (1 - bound));
    const uint32_t last = high - (as_f32(high) > exact * (1 + bound));
    tally->estimates += last - first + 1;
    if (count_wrong(x, first, last, want, goldschmidt) == 0) continue;
    for (uint32_t y = first; y <= last; y++) {
      if (bits_f32(root(x, as_f32(y), goldschmidt)) == want) continue;
      if (tally->wrong < 16) {
        tally->pairs[tally->wrong][0] = bits, tally->pairs[tally->wrong][1] = y;
      }
      tally->wrong++;
    }
  }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// AArch64 Advanced SIMD (NEON): four blocks at a time.
#pragma once

#include <arm_neon.h>

#include "base.h"
#include "constants.h"
#include "parts.h"

namespace reprorng {

// Has a compiler keep a constant in a register, or load it once for several vectors.
template <class T>
REPRORNG_INLINE T hold(T constant) {
  asm("" : "+w"(constant));
  return constant;
}

struct NeonF32 {
  using Scalar = float;
  using Bits = uint32x4_t;
  using Real = float32x4_t;

  static REPRORNG_INLINE Bits bits(std::uint32_t u) { return hold(vdupq_n_u32(u)); }
  static REPRORNG_INLINE Real real(float x) { return hold(vdupq_n_f32(x)); }
  static REPRORNG_INLINE Real to_real(Bits a) { return vcvtq_f32_s32(vreinterpretq_s32_u32(a)); }
  static REPRORNG_INLINE Bits as_bits(Real a) { return vreinterpretq_u32_f32(a); }
  static REPRORNG_INLINE Real as_real(Bits a) { return vreinterpretq_f32_u32(a); }

  static REPRORNG_INLINE Bits add(Bits a, Bits b) { return vaddq_u32(a, b); }
  static REPRORNG_INLINE Bits shift_left_2_or_2(Bits a) {
    return vorrq_u32(vshlq_n_u32(a, 2), bits(2));
  }
  template <int Shift>
  static REPRORNG_INLINE Bits shift_right(Bits a) {
    return vshrq_n_u32(a, Shift);
  }
  // A set sign makes the bits larger than those of 1 as unsigned integers.
  static REPRORNG_INLINE Bits lacking_of_one(Bits a) {
    const Bits one = bits(Constants<float>::kOne);
    return vbicq_u32(one, vmaxq_u32(a, one));
  }

  static REPRORNG_INLINE Real sqrt(Real a) { return vsqrtq_f32(a); }
  static REPRORNG_INLINE Real if_positive(Real a, Real b) {
    return as_real(vminq_u32(as_bits(a), as_bits(b)));
  }
  static REPRORNG_INLINE Real add(Real a, Real b) { return vaddq_f32(a, b); }
  static REPRORNG_INLINE Real mul(Real a, Real b) { return vmulq_f32(a, b); }
  static REPRORNG_INLINE Real fma(Real a, Real b, Real c) { return vfmaq_f32(c, a, b); }
  static REPRORNG_INLINE Real fms(Real a, Real b, Real c) { return vfmaq_f32(vnegq_f32(c), a, b); }
  static REPRORNG_INLINE Real xor_sign(Real a, Bits w) {
    return as_real(veorq_u32(as_bits(a), vandq_u32(w, bits(0x80000000u))));
  }
  static REPRORNG_INLINE void swap_if_second_bit(Bits w, Real a, Real b, Real& x, Real& y) {
    const uint32x4_t swap = vtstq_u32(w, bits(0x40000000u));
    x = vbslq_f32(swap, b, a);
    y = vbslq_f32(swap, a, b);
  }
};

struct NeonF64 {
  using Scalar = double;
  using Bits = uint64x2_t;
  using Real = float64x2_t;

  static REPRORNG_INLINE Bits bits(std::uint64_t u) { return hold(vdupq_n_u64(u)); }
  static REPRORNG_INLINE Real real(double x) { return hold(vdupq_n_f64(x)); }
  static REPRORNG_INLINE Real to_real(Bits a) { return vcvtq_f64_s64(vreinterpretq_s64_u64(a)); }
  static REPRORNG_INLINE Bits as_bits(Real a) { return vreinterpretq_u64_f64(a); }
  static REPRORNG_INLINE Real as_real(Bits a) { return vreinterpretq_f64_u64(a); }

  static REPRORNG_INLINE Bits add(Bits a, Bits b) { return vaddq_u64(a, b); }
  static REPRORNG_INLINE Bits shift_left_2_or_2(Bits a) {
    return vorrq_u64(vshlq_n_u64(a, 2), bits(2));
  }
  template <int Shift>
  static REPRORNG_INLINE Bits shift_right(Bits a) {
    return vshrq_n_u64(a, Shift);
  }
  // By halves, for the low one of 1 is zero.
  static REPRORNG_INLINE Bits lacking_of_one(Bits a) {
    const uint32x4_t one = vreinterpretq_u32_u64(bits(Constants<double>::kOne));
    return vreinterpretq_u64_u32(vbicq_u32(one, vmaxq_u32(vreinterpretq_u32_u64(a), one)));
  }

  static REPRORNG_INLINE Real sqrt(Real a) { return vsqrtq_f64(a); }
  static REPRORNG_INLINE Real if_positive(Real a, Real b) { return vminq_f64(vabsq_f64(a), b); }
  static REPRORNG_INLINE Real add(Real a, Real b) { return vaddq_f64(a, b); }
  static REPRORNG_INLINE Real mul(Real a, Real b) { return vmulq_f64(a, b); }
  static REPRORNG_INLINE Real fma(Real a, Real b, Real c) { return vfmaq_f64(c, a, b); }
  static REPRORNG_INLINE Real fms(Real a, Real b, Real c) { return vfmaq_f64(vnegq_f64(c), a, b); }
  static REPRORNG_INLINE Real xor_sign(Real a, Bits w) {
    return as_real(veorq_u64(as_bits(a), vandq_u64(w, bits(std::uint64_t{1} << 63))));
  }
  static REPRORNG_INLINE void swap_if_second_bit(Bits w, Real a, Real b, Real& x, Real& y) {
    const uint64x2_t swap = vtstq_u64(w, bits(std::uint64_t{1} << 62));
    x = vbslq_f64(swap, b, a);
    y = vbslq_f64(swap, a, b);
  }
};

struct Neon {
  using PastCaches = void;  // it has no such stores
  using Loaded = Neon;
  static constexpr bool kKeepsProducts = false;
  static constexpr int kLanes = 4;
  static constexpr int kAtOnce = 4;
  static constexpr int kPassRounds[] = {3, 2};
  using Wide = uint32x4_t;
  using Whole = Parts<uint64x2_t, 2>;
  using F32 = PartsFormat<NeonF32, 2>;
  using F64 = PartsFormat<NeonF64, 2>;

  static REPRORNG_INLINE Wide counters(std::uint32_t low) {
    constexpr std::uint32_t kLane[4] = {0, 1, 2, 3};
    return vaddq_u32(splat(low), vld1q_u32(kLane));
  }
  static REPRORNG_INLINE Wide splat(std::uint32_t x) { return vdupq_n_u32(x); }
  static REPRORNG_INLINE Whole multiply(Wide a, Wide b) {
    return {{vmull_u32(vget_low_u32(a), vget_low_u32(b)), vmull_high_u32(a, b)}};
  }
  static REPRORNG_INLINE Product<Wide> halves(Whole a) {
    const uint32x4_t first = vreinterpretq_u32_u64(a.part[0]);
    const uint32x4_t second = vreinterpretq_u32_u64(a.part[1]);
    return {vuzp1q_u32(first, second), vuzp2q_u32(first, second)};
  }
  static REPRORNG_INLINE Whole add(Whole a, std::uint64_t b) {
    return {{vaddq_u64(a.part[0], vdupq_n_u64(b)), vaddq_u64(a.part[1], vdupq_n_u64(b))}};
  }
  static REPRORNG_INLINE Wide xor2(Wide a, Wide b) { return veorq_u32(a, b); }
  static REPRORNG_INLINE Wide xor3(Wide a, Wide b, Wide c) {
    // `a` comes last, and a compiler that rearranged the sum would have the others wait for it.
    return veorq_u32(a, hold(veorq_u32(b, c)));
  }
  static REPRORNG_INLINE F32::Bits join32(Wide low, Wide high) {
    return {{vzip1q_u32(low, high), vzip2q_u32(low, high)}};
  }
  static REPRORNG_INLINE F32::Bits join_xor3(Whole a, Whole b, Wide c, Wide d, std::uint32_t k,
                                             std::uint32_t l) {
    return join32(xor3(halves(a).high, c, splat(k)), xor3(halves(b).high, d, splat(l)));
  }
  static REPRORNG_INLINE void join64(Wide w0, Wide w1, Wide w2, Wide w3, F64::Bits& even,
                                     F64::Bits& odd) {
    even = zip(w0, w1);
    odd = zip(w2, w3);
  }

  template <class T, class P>
  static REPRORNG_INLINE void store(T* out, const Parts<P, 2>& x, const Parts<P, 2>& y) {
    store(out, x.part[0], y.part[0]);
    store(out + (sizeof(T) == 8 ? 4 : 8), x.part[1], y.part[1]);
  }

 private:
  static REPRORNG_INLINE F64::Bits zip(Wide low, Wide high) {
    return {{vreinterpretq_u64_u32(vzip1q_u32(low, high)),
             vreinterpretq_u64_u32(vzip2q_u32(low, high))}};
  }
  static REPRORNG_INLINE void store(float* out, float32x4_t x, float32x4_t y) {
    vst1q_f32(out, vzip1q_f32(x, y));
    vst1q_f32(out + 4, vzip2q_f32(x, y));
  }
  static REPRORNG_INLINE void store(double* out, float64x2_t x, float64x2_t y) {
    vst1q_f64(out, vzip1q_f64(x, y));
    vst1q_f64(out + 2, vzip2q_f64(x, y));
  }
  static REPRORNG_INLINE void store(std::uint32_t* out, uint32x4_t x, uint32x4_t y) {
    vst1q_u32(out, vzip1q_u32(x, y));
    vst1q_u32(out + 4, vzip2q_u32(x, y));
  }
  static REPRORNG_INLINE void store(std::uint64_t* out, uint64x2_t x, uint64x2_t y) {
    vst1q_u64(out, vzip1q_u64(x, y));
    vst1q_u64(out + 2, vzip2q_u64(x, y));
  }
  static REPRORNG_INLINE void store(Float16* out, float32x4_t x, float32x4_t y) {
    store_half(out, vreinterpret_u16_f16(vcvt_f16_f32(x)), vreinterpret_u16_f16(vcvt_f16_f32(y)));
  }
  static REPRORNG_INLINE void store(BFloat16* out, float32x4_t x, float32x4_t y) {
    store_half(out, round_to_bfloat16(x), round_to_bfloat16(y));
  }
  template <class Half>
  static REPRORNG_INLINE void store_half(Half* out, uint16x4_t x, uint16x4_t y) {
    std::uint16_t* to = reinterpret_cast<std::uint16_t*>(out);
    vst1_u16(to, vzip1_u16(x, y));
    vst1_u16(to + 4, vzip2_u16(x, y));
  }
  static REPRORNG_INLINE uint16x4_t round_to_bfloat16(float32x4_t x) {
    const uint32x4_t bits = vreinterpretq_u32_f32(x);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    return vshrn_n_u32(vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff))), 16);
  }
};

}  // namespace reprorng

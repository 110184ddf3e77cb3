// SPDX-License-Identifier: Apache-2.0
// AVX2 with FMA and F16C (x86-64-v3): four blocks at a time.
#pragma once

#include <immintrin.h>

#include "base.h"
#include "constants.h"

namespace reprorng {

// Has a compiler keep a constant in a register, or load it once for several vectors, where it would
// rather load it in each operation or make it anew from immediate operands.
template <class T>
REPRORNG_INLINE T hold(T constant) {
  asm("" : "+x"(constant));
  return constant;
}

struct Avx2F32 {
  using Scalar = float;
  using Bits = __m256i;
  using Real = __m256;

  static REPRORNG_INLINE Bits bits(std::uint32_t u) {
    return hold(_mm256_set1_epi32(static_cast<int>(u)));
  }
  static REPRORNG_INLINE Real real(float x) { return hold(_mm256_set1_ps(x)); }
  static REPRORNG_INLINE Real to_real(Bits a) { return _mm256_cvtepi32_ps(a); }
  static REPRORNG_INLINE Bits as_bits(Real a) { return _mm256_castps_si256(a); }
  static REPRORNG_INLINE Real as_real(Bits a) { return _mm256_castsi256_ps(a); }

  static REPRORNG_INLINE Bits add(Bits a, Bits b) { return _mm256_add_epi32(a, b); }
  static REPRORNG_INLINE Bits xor_and(Bits a, Bits b, Bits mask) {
    return _mm256_and_si256(_mm256_xor_si256(a, b), mask);
  }
  static REPRORNG_INLINE Bits shift_left_2_or_2(Bits a) {
    return _mm256_or_si256(_mm256_slli_epi32(a, 2), bits(2));
  }
  template <int Shift>
  static REPRORNG_INLINE Bits shift_right(Bits a) {
    return _mm256_srli_epi32(a, Shift);
  }
  // A set sign makes the bits larger than those of 1 as unsigned integers.
  static REPRORNG_INLINE Bits one_if_negative(Bits a) {
    return _mm256_min_epu32(a, bits(Constants<float>::kOne));
  }

  static REPRORNG_INLINE Real abs(Real a) { return _mm256_and_ps(a, as_real(bits(0x7fffffffu))); }
  static REPRORNG_INLINE Real sqrt(Real a) { return _mm256_sqrt_ps(a); }
  static REPRORNG_INLINE Real min(Real a, Real b) { return _mm256_min_ps(a, b); }
  static REPRORNG_INLINE Real sub(Real a, Real b) { return _mm256_sub_ps(a, b); }
  static REPRORNG_INLINE Real mul(Real a, Real b) { return _mm256_mul_ps(a, b); }
  static REPRORNG_INLINE Real fma(Real a, Real b, Real c) { return _mm256_fmadd_ps(a, b, c); }
  static REPRORNG_INLINE Real fms(Real a, Real b, Real c) { return _mm256_fmsub_ps(a, b, c); }
  static REPRORNG_INLINE Real xor_sign(Real a, Bits w) {
    return _mm256_xor_ps(a, as_real(_mm256_and_si256(w, bits(0x80000000u))));
  }
  static REPRORNG_INLINE void swap_if_second_bit(Bits w, Real a, Real b, Real& x, Real& y) {
    const Real swap = as_real(hold(_mm256_slli_epi32(w, 1)));
    x = _mm256_blendv_ps(a, b, swap);
    y = _mm256_blendv_ps(b, a, swap);
  }
};

struct Avx2F64 {
  using Scalar = double;
  using Bits = __m256i;
  using Real = __m256d;

  static REPRORNG_INLINE Bits bits(std::uint64_t u) {
    return hold(_mm256_set1_epi64x(static_cast<long long>(u)));
  }
  static REPRORNG_INLINE Real real(double x) { return hold(_mm256_set1_pd(x)); }
  // There is no conversion from 64-bit integers, so: the low word under the exponent of 2^52 is
  // 2^52 + low, the high word with its sign flipped under the exponent of 2^84 is
  // 2^84 + 2^63 + 2^32 high. Removing the offsets from the latter is exact, and the last addition
  // rounds once.
  static REPRORNG_INLINE Real to_real(Bits a) {
    const Bits low = _mm256_blend_epi32(a, bits(0x4330000000000000u), 0xaa);
    const Bits high = _mm256_xor_si256(_mm256_srli_epi64(a, 32), bits(0x4530000080000000u));
    return _mm256_add_pd(_mm256_sub_pd(as_real(high), real(0x1p84 + 0x1p63 + 0x1p52)),
                         as_real(low));
  }
  static REPRORNG_INLINE Bits as_bits(Real a) { return _mm256_castpd_si256(a); }
  static REPRORNG_INLINE Real as_real(Bits a) { return _mm256_castsi256_pd(a); }

  static REPRORNG_INLINE Bits add(Bits a, Bits b) { return _mm256_add_epi64(a, b); }
  static REPRORNG_INLINE Bits xor_and(Bits a, Bits b, Bits mask) {
    return _mm256_and_si256(_mm256_xor_si256(a, b), mask);
  }
  static REPRORNG_INLINE Bits shift_left_2_or_2(Bits a) {
    return _mm256_or_si256(_mm256_slli_epi64(a, 2), bits(2));
  }
  template <int Shift>
  static REPRORNG_INLINE Bits shift_right(Bits a) {
    return _mm256_srli_epi64(a, Shift);
  }
  static REPRORNG_INLINE Bits one_if_negative(Bits a) {
    return as_bits(
        _mm256_blendv_pd(as_real(a), as_real(bits(Constants<double>::kOne)), as_real(a)));
  }

  static REPRORNG_INLINE Real abs(Real a) {
    return _mm256_and_pd(a, as_real(bits(0x7fffffffffffffffu)));
  }
  static REPRORNG_INLINE Real sqrt(Real a) { return _mm256_sqrt_pd(a); }
  static REPRORNG_INLINE Real min(Real a, Real b) { return _mm256_min_pd(a, b); }
  static REPRORNG_INLINE Real sub(Real a, Real b) { return _mm256_sub_pd(a, b); }
  static REPRORNG_INLINE Real mul(Real a, Real b) { return _mm256_mul_pd(a, b); }
  static REPRORNG_INLINE Real fma(Real a, Real b, Real c) { return _mm256_fmadd_pd(a, b, c); }
  static REPRORNG_INLINE Real fms(Real a, Real b, Real c) { return _mm256_fmsub_pd(a, b, c); }
  static REPRORNG_INLINE Real xor_sign(Real a, Bits w) {
    return _mm256_xor_pd(a, as_real(_mm256_and_si256(w, bits(std::uint64_t{1} << 63))));
  }
  static REPRORNG_INLINE void swap_if_second_bit(Bits w, Real a, Real b, Real& x, Real& y) {
    const Real swap = as_real(hold(_mm256_slli_epi64(w, 1)));
    x = _mm256_blendv_pd(a, b, swap);
    y = _mm256_blendv_pd(b, a, swap);
  }
};

// With kPastCaches, elements go past the caches, to addresses that are multiples of kAlignment.
template <bool kPastCaches>
struct Avx2Of {
  using PastCaches = Avx2Of<true>;
  static constexpr std::uintptr_t kAlignment = 32;
  static constexpr int kLanes = 4;
  using Wide = __m256i;
  using Whole = Wide;
  using F32 = Avx2F32;
  using F64 = Avx2F64;

  // Unpacking works within 128 bits, so neighbouring lanes carry blocks two apart.
  static REPRORNG_INLINE Wide counters(std::uint32_t low) {
    return _mm256_add_epi64(splat(low), _mm256_setr_epi64x(0, 2, 1, 3));
  }
  static REPRORNG_INLINE Wide splat(std::uint32_t x) { return _mm256_set1_epi64x(x); }
  static REPRORNG_INLINE Whole multiply(Wide a, Wide b) { return _mm256_mul_epu32(a, b); }
  // A shift would give the high halves as well, but more pipes can shuffle than shift.
  static REPRORNG_INLINE Product<Wide> halves(Whole a) {
    return {a, _mm256_shuffle_epi32(a, 0xf5)};
  }
  static REPRORNG_INLINE Whole add(Whole a, std::uint64_t b) {
    return _mm256_add_epi64(a, _mm256_set1_epi64x(static_cast<long long>(b)));
  }
  static REPRORNG_INLINE Wide xor2(Wide a, Wide b) { return _mm256_xor_si256(a, b); }
  static REPRORNG_INLINE Wide xor3(Wide a, Wide b, Wide c) {
    // `a` comes last, and a compiler that rearranged the sum would have the others wait for it.
    return _mm256_xor_si256(a, hold(_mm256_xor_si256(b, c)));
  }
  static REPRORNG_INLINE F32::Bits join32(Wide low, Wide high) {
    return _mm256_blend_epi32(low, _mm256_slli_epi64(high, 32), 0xaa);
  }
  static REPRORNG_INLINE F32::Bits join_xor3(Whole a, Whole b, Wide c, Wide d, std::uint32_t k,
                                             std::uint32_t l) {
    // The high halves of `b` are where they go, and the others are joined before they are xored.
    const Wide high = _mm256_blend_epi32(halves(a).high, b, 0xaa);
    return xor3(high, join32(c, d), _mm256_set1_epi64x(static_cast<long long>(from_halves(k, l))));
  }
  static REPRORNG_INLINE F64::Bits join64(Wide low, Wide high) { return join32(low, high); }

  static REPRORNG_INLINE void store(float* out, __m256 x, __m256 y) {
    put(out, _mm256_castps_si256(_mm256_unpacklo_ps(x, y)));
    put(out + 8, _mm256_castps_si256(_mm256_unpackhi_ps(x, y)));
  }
  static REPRORNG_INLINE void store(double* out, __m256d x, __m256d y) {
    put(out, _mm256_castpd_si256(_mm256_unpacklo_pd(x, y)));
    put(out + 4, _mm256_castpd_si256(_mm256_unpackhi_pd(x, y)));
  }
  static REPRORNG_INLINE void store(std::uint32_t* out, __m256i x, __m256i y) {
    put(out, _mm256_unpacklo_epi32(x, y));
    put(out + 8, _mm256_unpackhi_epi32(x, y));
  }
  static REPRORNG_INLINE void store(std::uint64_t* out, __m256i x, __m256i y) {
    put(out, _mm256_unpacklo_epi64(x, y));
    put(out + 4, _mm256_unpackhi_epi64(x, y));
  }
  static REPRORNG_INLINE void store(Float16* out, __m256 x, __m256 y) {
    put(out, _mm256_set_m128i(round_to_float16(_mm256_unpackhi_ps(x, y)),
                              round_to_float16(_mm256_unpacklo_ps(x, y))));
  }
  static REPRORNG_INLINE void store(BFloat16* out, __m256 x, __m256 y) {
    const __m256i first = round_to_bfloat16(_mm256_unpacklo_ps(x, y));
    const __m256i second = round_to_bfloat16(_mm256_unpackhi_ps(x, y));
    // Packing works within 128 bits as well; the permutation puts the quarters back in order.
    put(out, _mm256_permute4x64_epi64(_mm256_packus_epi32(first, second), 0xd8));
  }

  // Stores past the caches are in no order with others before this.
  static REPRORNG_INLINE void wait_for_stores() { _mm_sfence(); }

 private:
  static REPRORNG_INLINE void put(void* out, __m256i x) {
    if constexpr (kPastCaches) {
      _mm256_stream_si256(static_cast<__m256i*>(out), x);
    } else {
      _mm256_storeu_si256(static_cast<__m256i*>(out), x);
    }
  }
  static REPRORNG_INLINE __m128i round_to_float16(__m256 x) {
    return _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT);
  }
  static REPRORNG_INLINE __m256i round_to_bfloat16(__m256 x) {
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded =
        _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    return _mm256_srli_epi32(rounded, 16);
  }
};

using Avx2 = Avx2Of<false>;

}  // namespace reprorng

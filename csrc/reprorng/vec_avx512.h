// SPDX-License-Identifier: Apache-2.0
// AVX-512 (F, DQ, BW, VL): eight blocks at a time.
#pragma once

// GCC's own header passes undefined registers to its builtins, and older versions warn of them in
// whatever function they are inlined into (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

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

struct Avx512F32 {
  using Scalar = float;
  using Bits = __m512i;
  using Real = __m512;

  static REPRORNG_INLINE Bits bits(std::uint32_t u) {
    return hold(_mm512_set1_epi32(static_cast<int>(u)));
  }
  static REPRORNG_INLINE Real real(float x) { return hold(_mm512_set1_ps(x)); }
  static REPRORNG_INLINE Real to_real(Bits a) { return _mm512_cvtepi32_ps(a); }
  static REPRORNG_INLINE Bits as_bits(Real a) { return _mm512_castps_si512(a); }
  static REPRORNG_INLINE Real as_real(Bits a) { return _mm512_castsi512_ps(a); }

  static REPRORNG_INLINE Bits add(Bits a, Bits b) { return _mm512_add_epi32(a, b); }
  static REPRORNG_INLINE Bits shift_left_2_or_2(Bits a) {
    return _mm512_or_si512(_mm512_slli_epi32(a, 2), bits(2));
  }
  template <int Shift>
  static REPRORNG_INLINE Bits shift_right(Bits a) {
    return _mm512_srli_epi32(a, Shift);
  }
  // A set sign makes the bits larger than those of 1 as unsigned integers.
  static REPRORNG_INLINE Bits lacking_of_one(Bits a) {
    const Bits one = bits(Constants<float>::kOne);
    return _mm512_andnot_si512(_mm512_max_epu32(a, one), one);
  }

  static REPRORNG_INLINE Real sqrt(Real a) { return _mm512_sqrt_ps(a); }
  static REPRORNG_INLINE Real if_positive(Real a, Real b) {
    return _mm512_range_ps(a, b, 0xa);  // of the smaller magnitude, its sign cleared
  }
  static REPRORNG_INLINE Real add(Real a, Real b) { return _mm512_add_ps(a, b); }
  static REPRORNG_INLINE Real mul(Real a, Real b) { return _mm512_mul_ps(a, b); }
  static REPRORNG_INLINE Real fma(Real a, Real b, Real c) { return _mm512_fmadd_ps(a, b, c); }
  static REPRORNG_INLINE Real fms(Real a, Real b, Real c) { return _mm512_fmsub_ps(a, b, c); }
  static REPRORNG_INLINE Real xor_sign(Real a, Bits w) {
    return as_real(_mm512_ternarylogic_epi32(as_bits(a), w, bits(0x80000000u), 0x78));
  }
  static REPRORNG_INLINE void swap_if_second_bit(Bits w, Real a, Real b, Real& x, Real& y) {
    const __mmask16 swap = _mm512_test_epi32_mask(w, bits(0x40000000u));
    x = _mm512_mask_blend_ps(swap, a, b);
    y = _mm512_mask_blend_ps(swap, b, a);
  }
};

struct Avx512F64 {
  using Scalar = double;
  using Bits = __m512i;
  using Real = __m512d;

  static REPRORNG_INLINE Bits bits(std::uint64_t u) {
    return hold(_mm512_set1_epi64(static_cast<long long>(u)));
  }
  static REPRORNG_INLINE Real real(double x) { return hold(_mm512_set1_pd(x)); }
  static REPRORNG_INLINE Real to_real(Bits a) { return _mm512_cvtepi64_pd(a); }
  static REPRORNG_INLINE Bits as_bits(Real a) { return _mm512_castpd_si512(a); }
  static REPRORNG_INLINE Real as_real(Bits a) { return _mm512_castsi512_pd(a); }

  static REPRORNG_INLINE Bits add(Bits a, Bits b) { return _mm512_add_epi64(a, b); }
  static REPRORNG_INLINE Bits shift_left_2_or_2(Bits a) {
    return _mm512_or_si512(_mm512_slli_epi64(a, 2), bits(2));
  }
  template <int Shift>
  static REPRORNG_INLINE Bits shift_right(Bits a) {
    return _mm512_srli_epi64(a, Shift);
  }
  // By halves, for the low one of 1 is zero.
  static REPRORNG_INLINE Bits lacking_of_one(Bits a) {
    const Bits one = bits(Constants<double>::kOne);
    return _mm512_andnot_si512(_mm512_max_epu32(a, one), one);
  }

  static REPRORNG_INLINE Real sqrt(Real a) { return _mm512_sqrt_pd(a); }
  static REPRORNG_INLINE Real if_positive(Real a, Real b) {
    return _mm512_range_pd(a, b, 0xa);  // of the smaller magnitude, its sign cleared
  }
  static REPRORNG_INLINE Real add(Real a, Real b) { return _mm512_add_pd(a, b); }
  static REPRORNG_INLINE Real mul(Real a, Real b) { return _mm512_mul_pd(a, b); }
  static REPRORNG_INLINE Real fma(Real a, Real b, Real c) { return _mm512_fmadd_pd(a, b, c); }
  static REPRORNG_INLINE Real fms(Real a, Real b, Real c) { return _mm512_fmsub_pd(a, b, c); }
  static REPRORNG_INLINE Real xor_sign(Real a, Bits w) {
    return as_real(_mm512_ternarylogic_epi64(as_bits(a), w, bits(std::uint64_t{1} << 63), 0x78));
  }
  static REPRORNG_INLINE void swap_if_second_bit(Bits w, Real a, Real b, Real& x, Real& y) {
    const __mmask8 swap = _mm512_test_epi64_mask(w, bits(std::uint64_t{1} << 62));
    x = _mm512_mask_blend_pd(swap, a, b);
    y = _mm512_mask_blend_pd(swap, b, a);
  }
};

// What lies in memory: as they load, Intel's processors move high halves to where low ones are for
// nothing. A compiler would load once, and then shuffle.
struct Avx512Loaded {
  static REPRORNG_INLINE Product<__m512i> halves(const __m512i& a) {
    __m512i high;
    asm("vmovshdup %1, %0" : "=v"(high) : "m"(a));
    return {a, high};
  }
};

// With kPastCaches, elements go past the caches, to addresses that are multiples of kAlignment.
template <bool kPastCaches>
struct Avx512Of {
  using PastCaches = Avx512Of<true>;
  using Loaded = Avx512Loaded;
  static constexpr bool kKeepsProducts = true;
  static constexpr std::uintptr_t kAlignment = 64;
  static constexpr int kLanes = 8;
  static constexpr int kAtOnce = 4;
  static constexpr int kPassRounds[] = {3, 3};  // each pass costs a store of 512 bits for each word
  using Wide = __m512i;
  using Whole = Wide;
  using F32 = Avx512F32;
  using F64 = Avx512F64;

  // Unpacking works within 128 bits, so neighbouring lanes carry blocks four apart: after it, the
  // low halves hold the first four blocks in order and the high halves the last four.
  static REPRORNG_INLINE Wide counters(std::uint32_t low) {
    return _mm512_add_epi64(splat(low), _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7));
  }
  static REPRORNG_INLINE Wide splat(std::uint32_t x) { return _mm512_set1_epi64(x); }
  static REPRORNG_INLINE Whole multiply(Wide a, Wide b) { return _mm512_mul_epu32(a, b); }
  // A shift would give the high halves as well, but more pipes can shuffle than shift.
  static REPRORNG_INLINE Product<Wide> halves(Whole a) {
    return {a, _mm512_shuffle_epi32(a, static_cast<_MM_PERM_ENUM>(0xf5))};
  }
  static REPRORNG_INLINE Whole add(Whole a, std::uint64_t b) {
    return _mm512_add_epi64(a, _mm512_set1_epi64(static_cast<long long>(b)));
  }
  static REPRORNG_INLINE Wide xor2(Wide a, Wide b) { return _mm512_xor_si512(a, b); }
  static REPRORNG_INLINE Wide xor3(Wide a, Wide b, Wide c) {
    return _mm512_ternarylogic_epi64(a, b, c, 0x96);
  }
  static REPRORNG_INLINE F32::Bits join32(Wide low, Wide high) {
    return _mm512_mask_shuffle_epi32(low, 0xaaaa, high, _MM_PERM_CCAA);
  }
  static REPRORNG_INLINE F32::Bits join_xor3(Whole a, Whole b, Wide c, Wide d, std::uint32_t k,
                                             std::uint32_t l) {
    // The high halves of `b` are where they go, and the others are joined before they are xored.
    const Wide high = _mm512_mask_shuffle_epi32(b, 0x5555, a, _MM_PERM_DDBB);
    return xor3(high, join32(c, d), _mm512_set1_epi64(static_cast<long long>(from_halves(k, l))));
  }
  static REPRORNG_INLINE void join64(Wide w0, Wide w1, Wide w2, Wide w3, F64::Bits& even,
                                     F64::Bits& odd) {
    even = join32(w0, w1);
    odd = join32(w2, w3);
  }

  static REPRORNG_INLINE void store(float* out, __m512 x, __m512 y) {
    put(out, _mm512_castps_si512(_mm512_unpacklo_ps(x, y)));
    put(out + 16, _mm512_castps_si512(_mm512_unpackhi_ps(x, y)));
  }
  static REPRORNG_INLINE void store(double* out, __m512d x, __m512d y) {
    put(out, _mm512_castpd_si512(_mm512_unpacklo_pd(x, y)));
    put(out + 8, _mm512_castpd_si512(_mm512_unpackhi_pd(x, y)));
  }
  static REPRORNG_INLINE void store(std::uint32_t* out, __m512i x, __m512i y) {
    put(out, _mm512_unpacklo_epi32(x, y));
    put(out + 16, _mm512_unpackhi_epi32(x, y));
  }
  static REPRORNG_INLINE void store(std::uint64_t* out, __m512i x, __m512i y) {
    put(out, _mm512_unpacklo_epi64(x, y));
    put(out + 8, _mm512_unpackhi_epi64(x, y));
  }
  static REPRORNG_INLINE void store(Float16* out, __m512 x, __m512 y) {
    put(out, joined(round_to_float16(_mm512_unpacklo_ps(x, y)),
                    round_to_float16(_mm512_unpackhi_ps(x, y))));
  }
  static REPRORNG_INLINE void store(BFloat16* out, __m512 x, __m512 y) {
    put(out, joined(round_to_bfloat16(_mm512_unpacklo_ps(x, y)),
                    round_to_bfloat16(_mm512_unpackhi_ps(x, y))));
  }

  // Stores past the caches are in no order with others before this.
  static REPRORNG_INLINE void wait_for_stores() { _mm_sfence(); }

 private:
  static REPRORNG_INLINE void put(void* out, __m512i x) {
    if constexpr (kPastCaches) {
      _mm512_stream_si512(static_cast<__m512i*>(out), x);
    } else {
      _mm512_storeu_si512(out, x);
    }
  }
  static REPRORNG_INLINE __m512i joined(__m256i low, __m256i high) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
  }
  static REPRORNG_INLINE __m256i round_to_float16(__m512 x) {
    return _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT);
  }
  static REPRORNG_INLINE __m256i round_to_bfloat16(__m512 x) {
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded =
        _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
  }
};

using Avx512 = Avx512Of<false>;

}  // namespace reprorng

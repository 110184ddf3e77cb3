// SPDX-License-Identifier: Apache-2.0
// AVX2 with FMA and F16C (x86-64-v3): eight blocks at a time.
#pragma once

#include <immintrin.h>

#include "base.h"
#include "constants.h"
#include "parts.h"

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
  static REPRORNG_INLINE Bits shift_left_2_or_2(Bits a) {
    return _mm256_or_si256(_mm256_slli_epi32(a, 2), bits(2));
  }
  template <int Shift>
  static REPRORNG_INLINE Bits shift_right(Bits a) {
    return _mm256_srli_epi32(a, Shift);
  }
  // A set sign makes the bits larger than those of 1 as unsigned integers.
  static REPRORNG_INLINE Bits lacking_of_one(Bits a) {
    const Bits one = bits(Constants<float>::kOne);
    return _mm256_andnot_si256(_mm256_max_epu32(a, one), one);
  }

  static REPRORNG_INLINE Real sqrt(Real a) { return _mm256_sqrt_ps(a); }
  static REPRORNG_INLINE Real if_positive(Real a, Real b) {
    return as_real(_mm256_min_epu32(as_bits(a), as_bits(b)));
  }
  static REPRORNG_INLINE Real add(Real a, Real b) { return _mm256_add_ps(a, b); }
  static REPRORNG_INLINE Real mul(Real a, Real b) { return _mm256_mul_ps(a, b); }
  static REPRORNG_INLINE Real fma(Real a, Real b, Real c) { return _mm256_fmadd_ps(a, b, c); }
  static REPRORNG_INLINE Real fms(Real a, Real b, Real c) { return _mm256_fmsub_ps(a, b, c); }
  static REPRORNG_INLINE Real xor_sign(Real a, Bits w) {
    return _mm256_xor_ps(a, as_real(_mm256_and_si256(w, bits(0x80000000u))));
  }
  static REPRORNG_INLINE void swap_if_second_bit(Bits w, Real a, Real b, Real& x, Real& y) {
    x = _mm256_blendv_ps(a, b, as_real(_mm256_slli_epi32(w, 1)));
    y = _mm256_xor_ps(_mm256_xor_ps(a, b), x);  // a blend is three operations on some processors
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
  static REPRORNG_INLINE Bits shift_left_2_or_2(Bits a) {
    return _mm256_or_si256(_mm256_slli_epi64(a, 2), bits(2));
  }
  template <int Shift>
  static REPRORNG_INLINE Bits shift_right(Bits a) {
    return _mm256_srli_epi64(a, Shift);
  }
  // By halves, for the low one of 1 is zero.
  static REPRORNG_INLINE Bits lacking_of_one(Bits a) {
    const Bits one = bits(Constants<double>::kOne);
    return _mm256_andnot_si256(_mm256_max_epu32(a, one), one);
  }

  static REPRORNG_INLINE Real sqrt(Real a) { return _mm256_sqrt_pd(a); }
  static REPRORNG_INLINE Real if_positive(Real a, Real b) {
    return _mm256_min_pd(_mm256_and_pd(a, as_real(bits(0x7fffffffffffffffu))), b);
  }
  static REPRORNG_INLINE Real add(Real a, Real b) { return _mm256_add_pd(a, b); }
  static REPRORNG_INLINE Real mul(Real a, Real b) { return _mm256_mul_pd(a, b); }
  static REPRORNG_INLINE Real fma(Real a, Real b, Real c) { return _mm256_fmadd_pd(a, b, c); }
  static REPRORNG_INLINE Real fms(Real a, Real b, Real c) { return _mm256_fmsub_pd(a, b, c); }
  static REPRORNG_INLINE Real xor_sign(Real a, Bits w) {
    return _mm256_xor_pd(a, as_real(_mm256_and_si256(w, bits(std::uint64_t{1} << 63))));
  }
  static REPRORNG_INLINE void swap_if_second_bit(Bits w, Real a, Real b, Real& x, Real& y) {
    x = _mm256_blendv_pd(a, b, as_real(_mm256_slli_epi64(w, 1)));
    y = _mm256_xor_pd(_mm256_xor_pd(a, b), x);
  }
};

// The products of the words at even places, then of those at odd ones.
REPRORNG_INLINE Parts<__m256i, 2> multiply_both(__m256i even, __m256i odd, __m256i b) {
  return {{_mm256_mul_epu32(even, b), _mm256_mul_epu32(odd, b)}};
}

// What lies in memory: as they load, Intel's processors move odd words to even places for nothing.
// A compiler would load once, and then shuffle.
struct Avx2Loaded {
  static REPRORNG_INLINE Parts<__m256i, 2> multiply(const __m256i& a, __m256i b) {
    __m256i odd;
    asm("vmovshdup %1, %0" : "=x"(odd) : "m"(a));
    return multiply_both(a, odd, b);
  }
};

// With kPastCaches, elements go past the caches, to addresses that are multiples of kAlignment.
template <bool kPastCaches>
struct Avx2Of {
  using PastCaches = Avx2Of<true>;
  using Loaded = Avx2Loaded;
  static constexpr bool kKeepsProducts = false;
  static constexpr std::uintptr_t kAlignment = 32;
  static constexpr int kLanes = 8;
  static constexpr int kAtOnce = 2;
  static constexpr int kPassRounds[] = {2, 2, 2};  // what is loaded costs less: see above
  using Wide = __m256i;
  using Whole = Parts<__m256i, 2>;
  using F32 = PartsFormat<Avx2F32, 2>;
  using F64 = PartsFormat<Avx2F64, 2>;

  // Most operations work within 128 bits, and an element is stored with its neighbours, so each 128
  // bits carry every second block.
  static REPRORNG_INLINE Wide counters(std::uint32_t low) {
    return _mm256_add_epi32(splat(low), _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
  }
  static REPRORNG_INLINE Wide splat(std::uint32_t x) {
    return _mm256_set1_epi32(static_cast<int>(x));
  }
  static REPRORNG_INLINE Whole multiply(Wide a, Wide b) {
    return multiply_both(a, _mm256_srli_epi64(a, 32), b);
  }
  // Every four words come back with the middle two swapped. So words 2 and 3 of the blocks, which
  // are made of words 0 and 1, lie in another order than those; words 0 and 1, made of 2 and 3, are
  // back in theirs. What meets in a xor lies alike, and nothing has to be put right in between.
  static REPRORNG_INLINE Product<Wide> halves(const Whole& a) {
    return {of_both<0x88>(a.part[0], a.part[1]), of_both<0xdd>(a.part[0], a.part[1])};
  }
  static REPRORNG_INLINE Whole add(const Whole& a, std::uint64_t b) {
    const Wide each = _mm256_set1_epi64x(static_cast<long long>(b));
    return {{_mm256_add_epi64(a.part[0], each), _mm256_add_epi64(a.part[1], each)}};
  }
  static REPRORNG_INLINE Wide xor2(Wide a, Wide b) { return _mm256_xor_si256(a, b); }
  static REPRORNG_INLINE Wide xor3(Wide a, Wide b, Wide c) {
    // `a` comes last, and a compiler that rearranged the sum would have the others wait for it.
    return _mm256_xor_si256(a, hold(_mm256_xor_si256(b, c)));
  }
  static REPRORNG_INLINE F32::Bits join32(Wide a, Wide b) { return {{a, b}}; }
  static REPRORNG_INLINE F32::Bits join_xor3(const Whole& a, const Whole& b, Wide c, Wide d,
                                             std::uint32_t k, std::uint32_t l) {
    return join32(xor3(halves(a).high, c, splat(k)), xor3(halves(b).high, d, splat(l)));
  }
  static REPRORNG_INLINE void join64(Wide w0, Wide w1, Wide w2, Wide w3, F64::Bits& even,
                                     F64::Bits& odd) {
    even = {{_mm256_unpacklo_epi32(w0, w1), _mm256_unpackhi_epi32(w0, w1)}};
    const Wide first = _mm256_unpacklo_epi32(w2, w3), second = _mm256_unpackhi_epi32(w2, w3);
    odd = {{_mm256_unpacklo_epi64(first, second), _mm256_unpackhi_epi64(first, second)}};
  }

  template <class T, class P>
  static REPRORNG_INLINE void store(T* out, const Parts<P, 2>& x, const Parts<P, 2>& y) {
    if constexpr (sizeof(T) == 8) {
      const __m256i a = as_bits(x.part[0]), b = as_bits(y.part[0]);
      const __m256i c = as_bits(x.part[1]), d = as_bits(y.part[1]);
      put(out, _mm256_unpacklo_epi64(a, b));
      put(out + 4, _mm256_unpackhi_epi64(a, b));
      put(out + 8, _mm256_unpacklo_epi64(c, d));
      put(out + 12, _mm256_unpackhi_epi64(c, d));
    } else {
      // Elements 0 and 1 of blocks, then 2 and 3, whose order is the other one.
      const __m256d a = as_pairs(_mm256_unpacklo_epi32(as_bits(x.part[0]), as_bits(y.part[0])));
      const __m256d b = as_pairs(_mm256_unpackhi_epi32(as_bits(x.part[0]), as_bits(y.part[0])));
      const __m256d c = as_pairs(_mm256_unpacklo_epi32(as_bits(x.part[1]), as_bits(y.part[1])));
      const __m256d d = as_pairs(_mm256_unpackhi_epi32(as_bits(x.part[1]), as_bits(y.part[1])));
      store_in_order(out, _mm256_unpacklo_pd(a, c), _mm256_shuffle_pd(a, d, 0x5));
      store_in_order(out + 16, _mm256_shuffle_pd(b, c, 0xa), _mm256_unpackhi_pd(b, d));
    }
  }

  // Stores past the caches are in no order with others before this.
  static REPRORNG_INLINE void wait_for_stores() { _mm_sfence(); }

 private:
  template <int Places>
  static REPRORNG_INLINE __m256i of_both(__m256i a, __m256i b) {
    return _mm256_castps_si256(
        _mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), Places));
  }
  static REPRORNG_INLINE __m256i as_bits(__m256i a) { return a; }
  static REPRORNG_INLINE __m256i as_bits(__m256 a) { return _mm256_castps_si256(a); }
  static REPRORNG_INLINE __m256i as_bits(__m256d a) { return _mm256_castpd_si256(a); }
  static REPRORNG_INLINE __m256d as_pairs(__m256i a) { return _mm256_castsi256_pd(a); }

  // Sixteen elements of 32 bits, as they are or rounded.
  template <class T>
  static REPRORNG_INLINE void store_in_order(T* out, __m256d first, __m256d second) {
    put(out, as_bits(first));
    put(out + 8, as_bits(second));
  }
  static REPRORNG_INLINE void store_in_order(Float16* out, __m256d first, __m256d second) {
    put(out, _mm256_set_m128i(round_to_float16(second), round_to_float16(first)));
  }
  static REPRORNG_INLINE void store_in_order(BFloat16* out, __m256d first, __m256d second) {
    const __m256i packed = _mm256_packus_epi32(round_to_bfloat16(first), round_to_bfloat16(second));
    // Packing works within 128 bits as well; the permutation puts the quarters back in order.
    put(out, _mm256_permute4x64_epi64(packed, 0xd8));
  }
  static REPRORNG_INLINE void put(void* out, __m256i x) {
    if constexpr (kPastCaches) {
      _mm256_stream_si256(static_cast<__m256i*>(out), x);
    } else {
      _mm256_storeu_si256(static_cast<__m256i*>(out), x);
    }
  }
  static REPRORNG_INLINE __m128i round_to_float16(__m256d x) {
    return _mm256_cvtps_ph(_mm256_castpd_ps(x), _MM_FROUND_TO_NEAREST_INT);
  }
  static REPRORNG_INLINE __m256i round_to_bfloat16(__m256d x) {
    const __m256i bits = as_bits(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded =
        _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    return _mm256_srli_epi32(rounded, 16);
  }
};

using Avx2 = Avx2Of<false>;

}  // namespace reprorng

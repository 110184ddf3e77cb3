// SPDX-License-Identifier: Apache-2.0
// What every other header of the core needs: fixed-width integers, bit casts, and the guards that
// keep a compiler from changing bits.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__)
#error "reprorng must be built without -ffast-math: it lets the compiler change bits"
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0
#error "reprorng needs float arithmetic in float and double in double (on x86: SSE2, not x87)"
#endif

// One header is compiled under several instruction sets. A function the linker shared between those
// copies might run an instruction the machine lacks, so what is not named after a vector type is
// inlined.
#define REPRORNG_INLINE inline __attribute__((always_inline))
#define REPRORNG_UNROLL _Pragma("GCC unroll 32")
#define REPRORNG_LAMBDA __attribute__((always_inline))

namespace reprorng {

template <class To, class From>
REPRORNG_INLINE To bit_cast(From from) {
  static_assert(sizeof(To) == sizeof(From), "bit_cast keeps the size");
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

REPRORNG_INLINE std::uint64_t from_halves(std::uint32_t low, std::uint32_t high) {
  return low | std::uint64_t{high} << 32;
}
REPRORNG_INLINE std::uint32_t low_half(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
REPRORNG_INLINE std::uint32_t high_half(std::uint64_t x) {
  return static_cast<std::uint32_t>(x >> 32);
}

// Formats that are only ever stored.
struct Float16 {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};

// The halves of 64-bit products.
template <class Wide>
struct Product {
  Wide low, high;
};

// One stream of blocks: the Philox key (the seed) and the upper half of its counter (the stream).
struct Stream {
  std::uint64_t seed;
  std::uint64_t stream;
};

}  // namespace reprorng

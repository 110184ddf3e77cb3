// SPDX-License-Identifier: Apache-2.0
// A vector type made of N smaller ones that advance together. The dependency chains of the parts
// interleave, which hides the latency of each; it also makes lanes out of plain scalars.
#pragma once

#include "base.h"

namespace reprorng {

template <class T, int N>
struct Parts {
  T part[N];
};

template <int N, class Function, class... Args>
REPRORNG_INLINE auto each(Function f, const Args&... args) {
  Parts<decltype(f(args.part[0]...)), N> out;
  REPRORNG_UNROLL
  for (int i = 0; i < N; ++i) out.part[i] = f(args.part[i]...);
  return out;
}

// A format (see transform.h) on N vectors of format F.
template <class F, int N>
struct LockstepFormat {
  using Scalar = typename F::Scalar;
  using Bits = Parts<typename F::Bits, N>;
  using Real = Parts<typename F::Real, N>;

  template <class U>
  static REPRORNG_INLINE Bits bits(U u) {
    return fill<Bits>(F::bits(u));
  }
  static REPRORNG_INLINE Real real(Scalar x) { return fill<Real>(F::real(x)); }

#define REPRORNG_LIFT_1(Out, name, A)                                     \
  static REPRORNG_INLINE Out name(const A& a) {                           \
    return each<N>([](auto x) REPRORNG_LAMBDA { return F::name(x); }, a); \
  }
#define REPRORNG_LIFT_2(Out, name, A, B)                                                \
  static REPRORNG_INLINE Out name(const A& a, const B& b) {                             \
    return each<N>([](auto x, auto y) REPRORNG_LAMBDA { return F::name(x, y); }, a, b); \
  }
#define REPRORNG_LIFT_3(Out, name, A)                                                             \
  static REPRORNG_INLINE Out name(const A& a, const A& b, const A& c) {                           \
    return each<N>([](auto x, auto y, auto z) REPRORNG_LAMBDA { return F::name(x, y, z); }, a, b, \
                   c);                                                                            \
  }
#define REPRORNG_LAMBDA __attribute__((always_inline))

  REPRORNG_LIFT_1(Real, to_real, Bits)
  REPRORNG_LIFT_1(Bits, as_bits, Real)
  REPRORNG_LIFT_1(Real, as_real, Bits)
  REPRORNG_LIFT_1(Bits, one_if_negative, Bits)
  REPRORNG_LIFT_1(Bits, shift_left_2_or_2, Bits)
  REPRORNG_LIFT_2(Bits, add, Bits, Bits)
  REPRORNG_LIFT_3(Bits, xor_and, Bits)
  REPRORNG_LIFT_1(Real, abs, Real)
  REPRORNG_LIFT_1(Real, sqrt, Real)
  REPRORNG_LIFT_2(Real, min, Real, Real)
  REPRORNG_LIFT_2(Real, sub, Real, Real)
  REPRORNG_LIFT_2(Real, mul, Real, Real)
  REPRORNG_LIFT_2(Real, xor_sign, Real, Bits)
  REPRORNG_LIFT_3(Real, fma, Real)
  REPRORNG_LIFT_3(Real, fms, Real)

  template <int Shift>
  static REPRORNG_INLINE Bits shift_right(const Bits& a) {
    return each<N>([](auto x) REPRORNG_LAMBDA { return F::template shift_right<Shift>(x); }, a);
  }
  static REPRORNG_INLINE void swap_if_second_bit(const Bits& w, const Real& a, const Real& b,
                                                 Real& x, Real& y) {
    REPRORNG_UNROLL
    for (int i = 0; i < N; ++i) {
      F::swap_if_second_bit(w.part[i], a.part[i], b.part[i], x.part[i], y.part[i]);
    }
  }

 private:
  template <class P, class T>
  static REPRORNG_INLINE P fill(T value) {
    P out;
    REPRORNG_UNROLL
    for (int i = 0; i < N; ++i) out.part[i] = value;
    return out;
  }
};

// An instruction set (see vec_scalar.h for the smallest) on N vectors of instruction set V.
template <class V, int N>
struct Lockstep {
  static constexpr int kLanes = N * V::kLanes;
  using Wide = Parts<typename V::Wide, N>;
  using F32 = LockstepFormat<typename V::F32, N>;
  using F64 = LockstepFormat<typename V::F64, N>;

  static REPRORNG_INLINE Wide counters(std::uint64_t block) {
    Wide out;
    REPRORNG_UNROLL
    for (int i = 0; i < N; ++i) out.part[i] = V::counters(block + i * V::kLanes);
    return out;
  }
  static REPRORNG_INLINE Wide splat(std::uint64_t x) {
    Wide out;
    REPRORNG_UNROLL
    for (int i = 0; i < N; ++i) out.part[i] = V::splat(x);
    return out;
  }
  static REPRORNG_INLINE Wide multiply(const Wide& a, const Wide& b) {
    return each<N>([](auto x, auto y) REPRORNG_LAMBDA { return V::multiply(x, y); }, a, b);
  }
  static REPRORNG_INLINE Wide high(const Wide& a) {
    return each<N>([](auto x) REPRORNG_LAMBDA { return V::high(x); }, a);
  }
  static REPRORNG_INLINE Wide xor3(const Wide& a, const Wide& b, const Wide& c) {
    return each<N>([](auto x, auto y, auto z) REPRORNG_LAMBDA { return V::xor3(x, y, z); }, a, b,
                   c);
  }
  static REPRORNG_INLINE auto join32(const Wide& low, const Wide& high) {
    return each<N>([](auto x, auto y) REPRORNG_LAMBDA { return V::join32(x, y); }, low, high);
  }
  static REPRORNG_INLINE auto join64(const Wide& low, const Wide& high) {
    return each<N>([](auto x, auto y) REPRORNG_LAMBDA { return V::join64(x, y); }, low, high);
  }
  template <class T, class P>
  static REPRORNG_INLINE void store(T* out, const P& x, const P& y) {
    constexpr int kElements = V::kLanes * (sizeof(T) == 8 ? 2 : 4);
    REPRORNG_UNROLL
    for (int i = 0; i < N; ++i) V::store(out + i * kElements, x.part[i], y.part[i]);
  }
};

#undef REPRORNG_LIFT_1
#undef REPRORNG_LIFT_2
#undef REPRORNG_LIFT_3
#undef REPRORNG_LAMBDA

}  // namespace reprorng

// SPDX-License-Identifier: Apache-2.0
// A format (see transform.h) on several vectors at a time: for instruction sets whose vectors of
// words hold fewer elements than a step makes.
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

// The format F on N vectors.
template <class F, int N>
struct PartsFormat {
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

  REPRORNG_LIFT_1(Real, to_real, Bits)
  REPRORNG_LIFT_1(Bits, as_bits, Real)
  REPRORNG_LIFT_1(Real, as_real, Bits)
  REPRORNG_LIFT_1(Bits, lacking_of_one, Bits)
  REPRORNG_LIFT_1(Bits, shift_left_2_or_2, Bits)
  REPRORNG_LIFT_2(Bits, add, Bits, Bits)
  REPRORNG_LIFT_1(Real, sqrt, Real)
  REPRORNG_LIFT_2(Real, if_positive, Real, Real)
  REPRORNG_LIFT_2(Real, add, Real, Real)
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

// What a kind needs of an instruction set, on N vectors. They share the loads of constants.
template <class V, int N>
struct Several {
  using F32 = PartsFormat<typename V::F32, N>;
  using F64 = PartsFormat<typename V::F64, N>;

  template <class T, class P>
  static REPRORNG_INLINE void store(T* out, const Parts<P, N>& x, const Parts<P, N>& y) {
    constexpr int kElements = V::kLanes * (sizeof(T) == 8 ? 2 : 4);
    REPRORNG_UNROLL
    for (int i = 0; i < N; ++i) V::store(out + i * kElements, x.part[i], y.part[i]);
  }
};

#undef REPRORNG_LIFT_1
#undef REPRORNG_LIFT_2
#undef REPRORNG_LIFT_3

}  // namespace reprorng

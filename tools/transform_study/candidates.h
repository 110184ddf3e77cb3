// SPDX-License-Identifier: Apache-2.0
// The candidate transforms in C++, one struct each.  candidates.py has the same in Triton and
// candidates.sollya the constants.
#pragma once
#include <cstdint>
#include <cstring>

#ifdef __FAST_MATH__
#error "fast-math changes the bits"
#endif

namespace study {

using u32 = uint32_t;
using i32 = int32_t;
using u64 = uint64_t;

inline u32 bits(float x) {
  u32 w;
  std::memcpy(&w, &x, 4);
  return w;
}
inline float as_float(u32 w) {
  float x;
  std::memcpy(&x, &w, 4);
  return x;
}
inline float to_float(u32 w) { return static_cast<float>(static_cast<i32>(w)); }
inline float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline float flip(float x, u32 sign) { return as_float(bits(x) ^ (sign & 0x80000000u)); }
inline u32 min(u32 a, u32 b) { return a < b ? a : b; }
// (int32(w) + 1/2) / 2^31, with relative precision near zero
inline float signed_unit(u32 w) { return fma(to_float(w), 0x1p-31f, 0x1p-32f); }

// --- radius: word -> sqrt(-2 ln u), u = (word + 1/2) / 2^32
// ------------------------------------------------------- Each reduces to h and k with r^2 = k
// 2^-23 2 ln 2 - 2 ln(1 - h/2); then one polynomial.

struct L {  // h in [0, 1]
  static float q(float h) {
    float q = fma(0x1.6a3d8p-8f, h, -0x1.a3f79p-7f);
    q = fma(fma(q, h, 0x1.359ecep-6f), h, -0x1.733d4ep-8f);
    q = fma(fma(q, h, 0x1.0e18ep-6f), h, 0x1.f30aa6p-6f);
    return fma(fma(q, h, 0x1.55a3d4p-4f), h, 0x1.fffebep-3f);
  }
};
struct M {  // one coefficient fewer
  static float q(float h) {
    float q = fma(0x1.291f7ep-7f, h, -0x1.094504p-6f);
    q = fma(fma(q, h, 0x1.80d7dap-6f), h, 0x1.a04172p-9f);
    q = fma(fma(q, h, 0x1.142314p-5f), h, 0x1.5419a2p-4f);
    return fma(q, h, 0x1.00033ap-2f);
  }
};
struct T {  // h in [2 - 2 sqrt 2, 2 - sqrt 2]
  static float q(float h) {
    float q = fma(0x1.660ec8p-12f, h, 0x1.251406p-10f);
    q = fma(fma(q, h, 0x1.317e24p-9f), h, 0x1.535a3cp-8f);
    q = fma(fma(q, h, 0x1.98d336p-7f), h, 0x1.0004bp-5f);
    return fma(fma(q, h, 0x1.5556f2p-4f), h, 0x1.fffffap-3f);
  }
};

template <class Q>
float radius_tail(float h, u32 k) {
  return __builtin_sqrtf(fma(to_float(k), 0x1.62e43p-23f, fma(Q::q(h), h * h, h)));
}

struct R1 {  // signed, select
  static constexpr const char* name = "R1";
  static float radius(u32 a) {
    float g = signed_unit(a);
    bool high = g < 0;
    float m = as_float((bits(g) & 0x007fffffu) | 0x3f800000u);
    u32 k = 0x3f800000u - (bits(g) & 0xff800000u);
    return radius_tail<L>(high ? -g : 2.0f - m, high ? 0u : k);
  }
};
template <class Q>
struct Fold {  // signed, fold: the high half has z = g, the low half z = mantissa of g in [1, 2)
  static float radius(u32 a) {
    u32 ix = bits(signed_unit(a));
    u32 k = (min(ix, 0x3f800000u) ^ 0x3f800000u) & 0x7f800000u;
    float z = as_float(ix + k);
    // min(|z|, 2 - z); floats >= 0 are ordered as their bits, and an integer minimum vectorises
    // everywhere
    return radius_tail<Q>(as_float(min(bits(z) & 0x7fffffffu, bits(2.0f - z))), k);
  }
};
struct R2 : Fold<L> {
  static constexpr const char* name = "R2";
};
struct R2m : Fold<M> {
  static constexpr const char* name = "R2m";
};
struct R3 {  // threshold at sqrt(1/2), chosen on the integer
  static constexpr const char* name = "R3";
  static float radius(u32 a) {
    bool high = a > 3037000499u;
    u32 w = high ? ~a : a;
    u32 ix = bits(fma(static_cast<float>(w), 0x1p-31f, 0x1p-32f));
    u32 k = high ? 0u : (0x403504f3u - ix) & 0xff800000u;
    float z = as_float(ix + k);
    return radius_tail<T>(high ? z : 2.0f - z, k);
  }
};

// --- angle: (r, word) -> r cos, r sin
// -------------------------------------------------------------------------------

inline float cos_tail(float y) {  // cos(pi/4 v) - 1
  return y *
         fma(fma(fma(0x1.d684aap-19f, y, -0x1.55b7cep-12f), y, 0x1.03c1b8p-6f), y, -0x1.3bd3ccp-2f);
}
inline float cosine(float x, float y) { return fma(x, cos_tail(y), x); }

inline float sin_tail(float y) {  // sin(pi/4 v)/v - S0
  return fma(fma(fma(-0x1.2dbd92p-15f, y, 0x1.465fc4p-9f), y, -0x1.4abbbep-4f), y,
             -0x1.777a5cp-26f);
}
constexpr float S0 = 0x1.921fb6p-1f;

// Four ways to round r sin(pi/4 v).
struct a {
  static float sine(float r, float v, float y) {
    float w = r * v;
    return fma(w, S0, w * sin_tail(y));
  }
};
struct b {  // keep the rounding error of r v
  static float sine(float r, float v, float y) {
    float w = r * v, low = fma(r, v, -w);
    return fma(w, S0, fma(low, S0, w * sin_tail(y)));
  }
};
struct c {  // keep the rounding error of v S0
  static float sine(float r, float v, float y) {
    float high = v * S0, low = fma(v, sin_tail(y), fma(v, S0, -high));
    return fma(r, high, r * low);
  }
};
struct d {  // v has the coefficient 1, so r v needs no rounding; the rest, -0.21 to -0.29 of v, is
            // rounded but small
  static float sine(float r, float v, float y) {
    float t =
        fma(fma(fma(-0x1.2d328cp-15f, y, 0x1.465be4p-9f), y, -0x1.4abbaep-4f), y, -0x1.b7812cp-3f);
    return fma(r, v, (r * v) * t);
  }
};

struct Pair {
  float n0, n1;
};
struct Exact {
  double n0, n1;
};                                                      // unit circle
Exact exact(double turn, bool s0, bool s1, bool swap);  // (+-cos, +-sin) of pi turn, swapped last

template <class Form>
struct A1 {  // octant, rotation
  static Pair apply(float r, u32 w) {
    u32 q = w + 0x20000000u;
    float v = to_float((w << 2) | 2) * 0x1p-31f, y = v * v, x = flip(r, q);
    float co = cosine(x, y), si = Form::sine(x, v, y);
    bool turn = q & 0x40000000u;
    return {turn ? -si : co, turn ? co : si};
  }
  static Exact truth(u32 w) {
    return exact((static_cast<i32>(w) + 0.5) * 0x1p-31, false, false, false);
  }
};
template <class Form>
struct A2 {  // octant, independent signs
  static Pair apply(float r, u32 w) {
    float v = to_float((w << 2) | 2) * 0x1p-31f, y = v * v;
    float co = cosine(flip(r, w), y), si = Form::sine(r, v, y);
    bool swap = w & 0x40000000u;
    return {swap ? si : co, swap ? co : si};
  }
  static Exact truth(u32 w) {
    return exact(static_cast<i32>((w << 2) | 2) * 0x1p-33, w >> 31, false, w & 0x40000000u);
  }
};
struct A3 {  // rotated quadrant: 45 degrees are added by c - s, c + s
  static Pair apply(float r, u32 w) {
    float v = to_float((w << 2) | 2) * 0x1p-31f, y = v * v;
    float co = fma(fma(0x1.294a82p-19f, y, -0x1.e1fa1ep-13f), y, 0x1.6f55f2p-7f);
    co = fma(fma(co, y, -0x1.bea5a2p-3f), y, 0x1.6a09e6p-1f);
    float si = fma(fma(-0x1.ac2e5ep-16f, y, 0x1.cd9a44p-10f), y, -0x1.d3ba6ep-5f);
    si = (r * v) * fma(si, y, 0x1.1c5832p-1f);
    return {flip(fma(r, co, -si), w), flip(fma(r, co, si), w << 1)};
  }
  static Exact truth(u32 w) {
    return exact(0.25 + static_cast<i32>((w << 2) | 2) * 0x1p-33, w >> 31, w >> 30 & 1, false);
  }
};
inline float sin_half(float r, float v, float y) {  // r sin(pi/2 v), form d
  float t = fma(fma(0x1.3d3eb8p-13f, y, -0x1.3244c2p-8f), y, 0x1.46684ep-4f);
  return fma(r, v, (r * v) * fma(fma(t, y, -0x1.4abbbep-1f), y, 0x1.243f6ap-1f));
}
struct A4 {  // half circle; bit 31 is the sign of the cosine
  static Pair apply(float r, u32 w) {
    float v = to_float(2 * w + 1) * 0x1p-31f, y = v * v, x = flip(r, w);
    float t = fma(fma(-0x1.8c3044p-16f, y, 0x1.e0ddc2p-11f), y, -0x1.55ce62p-6f);
    t = y * fma(fma(t, y, 0x1.03c1d8p-2f), y, -0x1.3bd3ccp0f);
    return {fma(x, t, x), sin_half(r, v, y)};
  }
  static Exact truth(u32 w) {
    return exact(static_cast<i32>(2 * w + 1) * 0x1p-32, w >> 31, false, false);
  }
};
struct A5 {  // twin quadrant: the cosine is the sine of the complement, an exact second conversion
  static Pair apply(float r, u32 w) {
    float v = to_float(2 * w + 1) * 0x1p-31f, vc = to_float((2 * w + 1) ^ 0x80000000u) * 0x1p-31f;
    return {sin_half(flip(r, w), vc, vc * vc), sin_half(r, v, v * v)};
  }
  static Exact truth(u32 w) {  // sin(pi/2 (v -+ 1)) = -+cos(pi/2 v)
    return exact(static_cast<i32>(2 * w + 1) * 0x1p-32, (w >> 31) ^ !(w >> 30 & 1), false, false);
  }
};
template <class Form>
struct A6 {  // octant; the whole word is the angle in it, its two low bits choose it
  static Pair apply(float r, u32 w) {
    float v = signed_unit(w), y = v * v;
    float co = cosine(as_float(bits(r) + (w << 31)), y), si = Form::sine(r, v, y);
    bool swap = w & 2;
    return {swap ? si : co, swap ? co : si};
  }
  static Exact truth(u32 w) {
    return exact((static_cast<i32>(w) + 0.5) * 0x1p-33, w & 1, false, w & 2);
  }
};
struct A7 {  // octant in radians: v is rounded, its rounding error kept, the square centred
  static Pair apply(float r, u32 w) {
    constexpr float unit = 0x1.921fb6p-32f;  // pi/4 2^-31; its own error is inside the coefficients
    float i = to_float((w << 2) | 2), v = i * unit, low = fma(i, unit, -v);
    // v^2 - 7/16: makes both constant terms nearly exact in float32 and halves the rounding of the
    // square
    float y = fma(v, v, -0x1.cp-2f), x = flip(r, w);
    float co = fma(fma(0x1.98d2b6p-16f, y, -0x1.60db78p-10f), y, 0x1.46a196p-5f);
    co = fma(x, fma(fma(co, y, -0x1.db799p-2f), y, -0x1.afe72ap-3f), x);
    float si = fma(fma(-0x1.986e52p-13f, y, 0x1.08a3d6p-7f), y, -0x1.46a1ap-3f);
    si = fma(r, v, r * fma(v, fma(si, y, -0x1.24337ap-4f), low));
    bool swap = w & 0x40000000u;
    return {swap ? si : co, swap ? co : si};
  }
  static Exact truth(u32 w) { return A2<a>::truth(w); }
};
struct A8 {  // as A6, but 24 bits of angle, so that its conversion is exact: 2^26 angles, not 2^32
  static u32 residual(u32 w) { return (w & 0xffffff00u) | 0x80u; }
  static Pair apply(float r, u32 w) {
    float v = to_float(residual(w)) * 0x1p-31f, y = fma(v, v, -0x1.fp-2f),
          x = as_float(bits(r) + (w << 31));
    float co = fma(fma(0x1.d94acp-19f, y, -0x1.4e934ap-12f), y, 0x1.f8284ap-7f);
    co = fma(x, fma(fma(co, y, -0x1.2c5548p-2f), y, -0x1.2a6a4ap-3f), x);
    float si = fma(fma(-0x1.2da648p-15f, y, 0x1.3f857p-9f), y, -0x1.40f4e4p-4f);
    si = fma(r, v, (r * v) * fma(si, y, -0x1.03353ep-2f));
    bool swap = w & 2;
    return {swap ? si : co, swap ? co : si};
  }
  static Exact truth(u32 w) {
    return exact(static_cast<i32>(residual(w)) * 0x1p-33, w & 1, false, w & 2);
  }
};

}  // namespace study

// SPDX-License-Identifier: Apache-2.0
// Error of every candidate against the exact real transform, in ulps of the exact value.  Prints
// JSON.
//   accuracy [stride] [pairs] [labels]     every stride-th word, but all 2^32 for the labels named,
//   e.g. R2,A7
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "exact.h"

using namespace study;

struct Worst {  // largest error, and the words with the largest relative errors to pair up later
  double ulp = 0;
  u32 word = 0;
  std::vector<std::pair<double, u32>> heap;
  void see(double error, u32 w) {
    if (error > ulp) ulp = error, word = w;
  }
  void keep(double relative, u32 w) {
    auto more = [](auto& p, auto& q) { return p.first > q.first; };
    if (heap.size() == 1000 && relative <= heap.front().first) return;
    heap.push_back({relative, w});
    std::push_heap(heap.begin(), heap.end(), more);
    if (heap.size() > 1000) std::pop_heap(heap.begin(), heap.end(), more), heap.pop_back();
  }
};

static u64 stride = 1021, pairs = 100'000'000;
static const char* exhaustive = "";
static bool first = true;
static void comma() { std::printf(first ? "\n" : ",\n"), first = false; }

// Every stride-th word, and all words within 2^16 of a multiple of 2^29, where exponents, signs and
// octants change.
template <class F>
static u64 sweep(const char* label, F visit) {
  u64 step = std::strstr(exhaustive, label) ? 1 : stride;
  for (u64 w = 0; w < 1ull << 32; w += step) visit(static_cast<u32>(w));
  if (step > 1)
    for (u32 k = 0; k < 8; k++)
      for (i32 d = -65536; d < 65536; d++) visit((k << 29) + static_cast<u32>(d));
  return step;
}

static bool sound(float x) {
  return std::fabs(x) >= 0x1p-126f && std::fabs(x) < 1e3f;
}  // not 0, NaN, inf, subnormal

template <class R>
static Worst radius_errors() {
  Worst worst;
  u64 bad = 0;
  u64 step = sweep(R::name, [&](u32 a) {
    float r = R::radius(a);
    double truth = exact_radius(a), relative = std::fabs(r / truth - 1);
    worst.see(ulps(r, truth), a);
    if (relative > 0x1p-24) worst.keep(relative, a);
    bad += !sound(r);
  });
  comma();
  std::printf(
      "  {\"radius\": \"%s\", \"stride\": %llu, \"max_ulp\": %.4f, \"word\": %u, \"unsound\": "
      "%llu}",
      R::name, (unsigned long long)step, worst.ulp, worst.word, (unsigned long long)bad);
  std::fflush(stdout);
  return worst;
}

// "cos" is the output of larger magnitude of an octant form, otherwise the first; only "sin" can be
// near zero there.
template <class A>
static Worst angle_errors(const char* name, bool octant) {
  Worst co, si, any;
  u64 step = sweep(name, [&](u32 w) {
    Pair n = A::apply(1.0f, w);
    Exact t = A::truth(w);
    double e0 = ulps(n.n0, t.n0), e1 = ulps(n.n1, t.n1);
    if (octant && std::fabs(t.n0) < std::fabs(t.n1)) std::swap(e0, e1);
    co.see(e0, w), si.see(e1, w);
    any.keep(std::max(std::fabs(n.n0 / t.n0 - 1), std::fabs(n.n1 / t.n1 - 1)), w);
  });
  comma();
  std::printf(
      "  {\"angle\": \"%s\", \"stride\": %llu, \"cos_ulp\": %.4f, \"cos_word\": %u, \"sin_ulp\": "
      "%.4f, \"sin_word\": %u}",
      name, (unsigned long long)step, co.ulp, co.word, si.ulp, si.word);
  std::fflush(stdout);
  return any;
}

static u64 mix(u64 x) {  // splitmix64
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ x >> 27) * 0x94d049bb133111ebull;
  return x ^ x >> 31;
}

template <class R, class A>
static void normal_errors(const char* name, const Worst& radii, const Worst& angles) {
  double max = 0, square = 0;
  u64 above = 0, bad = 0;
  auto visit = [&](u32 a, u32 w) {
    Pair n = A::apply(R::radius(a), w);
    Exact t = A::truth(w);
    double r = exact_radius(a), e0 = ulps(n.n0, r * t.n0), e1 = ulps(n.n1, r * t.n1);
    max = std::max(max, std::max(e0, e1));
    square += e0 * e0 + e1 * e1;
    above += (e0 > 2) + (e1 > 2);
    bad += !sound(n.n0) + !sound(n.n1);
  };
  for (u64 i = 1; i <= pairs; i++) {
    u64 x = mix(i * 0x9e3779b97f4a7c15ull);
    visit(static_cast<u32>(x), static_cast<u32>(x >> 32));
  }
  double share = 100.0 * above / (2.0 * pairs), rms = std::sqrt(square / (2.0 * pairs)),
         random = max;
  // the worst radius words with the worst angle words, and edge words with each other
  for (auto [ea, a] : radii.heap)
    for (auto [ew, w] : angles.heap) visit(a, w);
  std::vector<u32> edges;
  for (u32 k = 0; k < 32; k++)
    for (u32 d = 0; d < 17; d++)
      edges.push_back((1u << k) + d - 8), edges.push_back(-(1u << k) + d - 8);
  for (u32 a : edges)
    for (u32 w : edges) visit(a, w);
  comma();
  std::printf(
      "  {\"normal\": \"%s\", \"max_ulp\": %.4f, \"max_ulp_random\": %.4f, \"above_2_percent\": "
      "%.5f, "
      "\"rms_ulp\": %.4f, \"unsound\": %llu}",
      name, max, random, share, rms, (unsigned long long)bad);
  std::fflush(stdout);
}

int main(int argc, char** argv) {
  if (argc > 1) stride = std::strtoull(argv[1], nullptr, 0);
  if (argc > 2) pairs = std::strtoull(argv[2], nullptr, 0);
  if (argc > 3) exhaustive = argv[3];
  std::printf("[");
  Worst r1 = radius_errors<R1>(), r2 = radius_errors<R2>(), r2m = radius_errors<R2m>(),
        r3 = radius_errors<R3>();
  Worst w;
#define ANGLE(label, type, octant)       \
  w = angle_errors<type>(label, octant); \
  normal_errors<R2, type>("R2+" label, r2, w);
  ANGLE("A1a", A1<a>, true)
  ANGLE("A1b", A1<b>, true)
  ANGLE("A2a", A2<a>, true)
  ANGLE("A2b", A2<b>, true)
  ANGLE("A2c", A2<c>, true)
  normal_errors<R1, A2<c>>("R1+A2c", r1, w);
  normal_errors<R3, A2<c>>("R3+A2c", r3, w);
  ANGLE("A2d", A2<d>, true)
  ANGLE("A3", A3, false)
  ANGLE("A4", A4, false)
  ANGLE("A5", A5, false)
  ANGLE("A6c", A6<c>, true)
  ANGLE("A6d", A6<d>, true)
  ANGLE("A7", A7, true)
  ANGLE("A8", A8, true)
  std::printf("\n]\n");
}

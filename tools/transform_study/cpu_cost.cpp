// SPDX-License-Identifier: Apache-2.0
// CPU cost of every candidate: ns of thread CPU time per normal, median over interleaved rounds.
// Prints JSON.
//   cpu_cost [rounds]
// One structure for all: a tile of 128 Philox blocks in L1, then one plain loop over the scalar
// transform.
#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "candidates.h"

using namespace study;

#ifdef __AVX512F__
typedef u64 vec __attribute__((vector_size(64)));
static vec mul(vec a, u32 b) { return (vec)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(b)); }
#else
typedef u64 vec __attribute__((vector_size(32)));
static vec mul(vec a, u32 b) { return (vec)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(b)); }
#endif

constexpr int BLOCKS = 128, LANES = sizeof(vec) / 8, GROUPS = 8;
struct alignas(64) Tile {
  u32 a[2 * BLOCKS], b[2 * BLOCKS];
};  // radius and angle words, two of each per block

// GROUPS vectors of blocks in lock step; each 64-bit lane holds one 32-bit word, its high half is
// don't-care. Not inlined, so that every candidate runs the same machine code for it.
__attribute__((noinline)) static void words(u64 block, u64 key, Tile& t) {
  vec lane;
  for (int i = 0; i < LANES; i++) lane[i] = i;
  const vec low = lane * 0 + 0xffffffffu;
  for (int first = 0; first < BLOCKS; first += LANES * GROUPS) {
    vec c0[GROUPS], c1[GROUPS], c2[GROUPS], c3[GROUPS];
    for (int g = 0; g < GROUPS; g++) {
      c0[g] = lane + (block + first + g * LANES);
      c1[g] = lane * 0 + (block >> 32);
      c2[g] = c3[g] = lane * 0;
    }
    u32 k0 = static_cast<u32>(key), k1 = static_cast<u32>(key >> 32);
    for (int round = 0; round < 10; round++, k0 += 0x9e3779b9u, k1 += 0xbb67ae85u)
      for (int g = 0; g < GROUPS; g++) {
        vec p0 = mul(c0[g], 0xd2511f53u), p1 = mul(c2[g], 0xcd9e8d57u);
        c0[g] = (p1 >> 32) ^ c1[g] ^ k0, c1[g] = p1;
        c2[g] = (p0 >> 32) ^ c3[g] ^ k1, c3[g] = p0;
      }
    for (int g = 0; g < GROUPS; g++) {
      vec a = (c0[g] & low) | c2[g] << 32, b = (c1[g] & low) | c3[g] << 32;
      std::memcpy(t.a + 2 * (first + g * LANES), &a, sizeof a);
      std::memcpy(t.b + 2 * (first + g * LANES), &b, sizeof b);
    }
  }
}

template <class R, class A>
static void floats(const Tile& t, float* __restrict out) {
#ifdef __clang__
#pragma clang loop vectorize_width(16) interleave_count(2)
#endif
  for (int i = 0; i < 2 * BLOCKS; i++) {
    Pair n = A::apply(R::radius(t.a[i]), t.b[i]);
    out[2 * i] = n.n0, out[2 * i + 1] = n.n1;
  }
}

constexpr int N = 1 << 16;
alignas(64) static float buffer[N];

template <class R, class A>
static void fill(u64 key) {
  Tile t;
  for (int i = 0; i < N; i += 4 * BLOCKS) words(i / 4, key, t), floats<R, A>(t, buffer + i);
}
static void words_only(u64 key) {
  Tile t;
  for (int i = 0; i < N; i += 4 * BLOCKS)
    words(i / 4, key, t), std::memcpy(buffer + i, &t, sizeof t);
}

static double now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

struct Case {
  const char* name;
  void (*run)(u64);
  std::vector<double> ns;
};

int main(int argc, char** argv) {
  int rounds = argc > 1 ? std::atoi(argv[1]) : 101;
  Case cases[] = {
      {"words", words_only, {}},       {"R1+A1a", fill<R1, A1<a>>, {}},
      {"R1+A1b", fill<R1, A1<b>>, {}}, {"R1+A2c", fill<R1, A2<c>>, {}},
      {"R3+A2c", fill<R3, A2<c>>, {}}, {"R2+A1a", fill<R2, A1<a>>, {}},
      {"R2+A1b", fill<R2, A1<b>>, {}}, {"R2+A2a", fill<R2, A2<a>>, {}},
      {"R2+A2b", fill<R2, A2<b>>, {}}, {"R2+A2c", fill<R2, A2<c>>, {}},
      {"R2+A2d", fill<R2, A2<d>>, {}}, {"R2+A3", fill<R2, A3>, {}},
      {"R2+A4", fill<R2, A4>, {}},     {"R2+A5", fill<R2, A5>, {}},
      {"R2+A6c", fill<R2, A6<c>>, {}}, {"R2+A6d", fill<R2, A6<d>>, {}},
      {"R2+A7", fill<R2, A7>, {}},     {"R2+A8", fill<R2, A8>, {}},
  };
  for (Case& c : cases) c.run(0);  // warm up
  // Never time wrong code: the vector loop must give the bits of the scalar definition.
  Tile t;
  fill<R2, A7>(1), words(0, 1, t);
  for (int i = 0; i < 2 * BLOCKS; i++) {
    volatile u32 wa = t.a[i], wb = t.b[i];
    Pair n = A7::apply(R2::radius(wa), wb);
    if (bits(n.n0) != bits(buffer[2 * i]) || bits(n.n1) != bits(buffer[2 * i + 1]))
      return std::puts("wrong bits"), 1;
  }
  for (int round = 0; round < rounds; round++)
    for (Case& c : cases) {
      double start = now();
      for (int k = 0; k < 4; k++) c.run(round + k);
      c.ns.push_back((now() - start) / (4.0 * N));
    }
  std::printf("{");
  for (Case& c : cases) {
    std::nth_element(c.ns.begin(), c.ns.begin() + c.ns.size() / 2, c.ns.end());
    std::printf("%s\"%s\": %.4f", &c == cases ? "" : ", ", c.name, c.ns[c.ns.size() / 2]);
  }
  std::printf("}\n");
}

// SPDX-License-Identifier: Apache-2.0
// Directed search for the worst normal: random pairs understate it.  Prints JSON.   worst [stride]
// A normal is bad when the errors of radius and angle have one sign and the product is just above a
// power of two, where an ulp is smallest.  So the words of largest error are kept by sign and by
// mantissa of their value, and paired where the mantissas multiply to about one.
// It finds a lower bound of the true maximum, a much better one than random pairs do.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "exact.h"

using namespace study;

constexpr int BINS = 64, KEPT = 400;
struct Bin {
  std::vector<std::pair<double, u32>> heap;
  void put(double error, u32 w) {
    auto more = [](auto& p, auto& q) { return p.first > q.first; };
    if (heap.size() == KEPT) {
      if (error <= heap[0].first) return;
      std::pop_heap(heap.begin(), heap.end(), more);
      heap.pop_back();
    }
    heap.push_back({error, w});
    std::push_heap(heap.begin(), heap.end(), more);
  }
};
struct Table {  // by sign of the error and by log2 of the mantissa of the value
  Bin bin[2][BINS];
  void put(double error, double value, u32 w) {
    int e;
    double mantissa = 2 * std::frexp(std::fabs(value), &e);
    bin[error > 0][std::min(BINS - 1, int(std::log2(mantissa) * BINS))].put(std::fabs(error), w);
  }
};

static u64 stride = 7;

template <class A>
static void search(const char* name, const Table& radii, const char* end) {
  Table angles;
  for (u64 i = 0; i < 1ull << 32; i += stride) {
    u32 w = static_cast<u32>(i);
    Exact t = A::truth(w);
    double e0 = 0, e1 = 0;
    for (float r : {1.03f, 1.2345f, 1.51f, 1.87f}) {  // the last rounding averages out
      Pair n = A::apply(r, w);
      e0 += n.n0 / (r * t.n0) - 1, e1 += n.n1 / (r * t.n1) - 1;
    }
    angles.put(e0, t.n0, w), angles.put(e1, t.n1, w);
  }
  double max = 0;
  u32 worst_a = 0, worst_b = 0;
  for (int sign : {0, 1})
    for (int i = 0; i < BINS; i++)
      for (int k : {-1, 0, 1, 2, 3})
        for (auto [ea, a] : radii.bin[sign][i].heap) {
          double r = exact_radius(a);
          float rounded = R2::radius(a);
          for (auto [eb, b] : angles.bin[sign][(k - i + 2 * BINS) % BINS].heap) {
            Pair n = A::apply(rounded, b);
            Exact t = A::truth(b);
            double e = std::max(ulps(n.n0, r * t.n0), ulps(n.n1, r * t.n1));
            if (e > max) max = e, worst_a = a, worst_b = b;
          }
        }
  std::printf("  {\"worst\": \"R2+%s\", \"max_ulp\": %.4f, \"a\": %u, \"b\": %u}%s\n", name, max,
              worst_a, worst_b, end);
  std::fflush(stdout);
}

int main(int argc, char** argv) {
  if (argc > 1) stride = std::strtoull(argv[1], nullptr, 0);
  Table radii;
  for (u64 i = 0; i < 1ull << 32; i += stride) {
    u32 a = static_cast<u32>(i);
    double truth = exact_radius(a);
    radii.put(R2::radius(a) / truth - 1, truth, a);
  }
  std::printf("[\n");
  search<A1<b>>("A1b", radii, ",");
  search<A2<a>>("A2a", radii, ",");
  search<A2<b>>("A2b", radii, ",");
  search<A2<c>>("A2c", radii, ",");
  search<A2<d>>("A2d", radii, ",");
  search<A6<c>>("A6c", radii, ",");
  search<A7>("A7", radii, ",");
  search<A8>("A8", radii, "");
  std::printf("]\n");
}

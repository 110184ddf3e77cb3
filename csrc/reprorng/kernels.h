// SPDX-License-Identifier: Apache-2.0
// The functions one instruction set provides, as a table that the dispatcher can hold.
#pragma once

#include <cstddef>

#include "base.h"
#include "fill.h"

namespace reprorng {

// In the order of Kernels::fill.
constexpr const char* kKernelNames[] = {
    "bits_uint32",     "bits_uint64",    "uniform_float32", "uniform_float16", "uniform_bfloat16",
    "uniform_float64", "normal_float32", "normal_float16",  "normal_bfloat16", "normal_float64",
};
constexpr int kKernelCount = sizeof(kKernelNames) / sizeof(kKernelNames[0]);
constexpr int kElementSizes[kKernelCount] = {4, 8, 4, 2, 2, 8, 4, 2, 2, 8};

using Fill = void (*)(const Stream& stream, std::uint64_t first, std::uint64_t count, void* out,
                      bool past_caches);

struct Kernels {
  Fill fill[kKernelCount];
  // The two halves of the float32 transform on their own, for proofs over all words.
  void (*radius)(const std::uint32_t* words, std::size_t count, float* out);
  void (*rotate)(const float* radii, const std::uint32_t* words, std::size_t count, float* x,
                 float* y);
};

// Calls step(offset, size) over [0, count) in pieces of `size` elements, the last one shorter.
template <class Step>
void in_pieces(std::size_t count, std::size_t size, Step step) {
  for (std::size_t i = 0; i < count; i += size) step(i, count - i < size ? count - i : size);
}

template <class F>
void radius_of_each(const std::uint32_t* words, std::size_t count, float* out) {
  in_pieces(count, sizeof(typename F::Bits) / 4, [=](std::size_t i, std::size_t n) {
    typename F::Bits w = F::bits(0);
    std::memcpy(&w, words + i, 4 * n);
    const typename F::Real r = F::sqrt(squared_radius<F>(w));
    std::memcpy(out + i, &r, 4 * n);
  });
}

template <class F>
void rotate_each(const float* radii, const std::uint32_t* words, std::size_t count, float* x,
                 float* y) {
  in_pieces(count, sizeof(typename F::Bits) / 4, [=](std::size_t i, std::size_t n) {
    typename F::Bits w = F::bits(0);
    typename F::Real r = F::real(0), along, across;
    std::memcpy(&w, words + i, 4 * n);
    std::memcpy(&r, radii + i, 4 * n);
    rotate<F>(r, w, along, across);
    std::memcpy(x + i, &along, 4 * n);
    std::memcpy(y + i, &across, 4 * n);
  });
}

template <class V>
constexpr Kernels kernels_of() {
  return {{
              fill<Bits<std::uint32_t>, V>,
              fill<Bits<std::uint64_t>, V>,
              fill<Uniform<float, 24>, V>,
              fill<Uniform<Float16, 11>, V>,
              fill<Uniform<BFloat16, 8>, V>,
              fill<Uniform<double, 53>, V>,
              fill<Normal<float>, V>,
              fill<Normal<Float16>, V>,
              fill<Normal<BFloat16>, V>,
              fill<Normal<double>, V>,
          },
          radius_of_each<typename V::F32>,
          rotate_each<typename V::F32>};
}

}  // namespace reprorng

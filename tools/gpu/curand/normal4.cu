// SPDX-License-Identifier: Apache-2.0
// Normals by cuRAND's device API in the loop that PyTorch's distributions have: four numbers at a
// time from a state of each thread's own, scaled, and stored a grid apart. To be counted, not run.

#include <curand_kernel.h>

#include <cstdint>

namespace {
constexpr int kThreads = 256;
constexpr int kBlocksOnMultiprocessor = 4;
constexpr int kUnrolled = 4;
}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads, kBlocksOnMultiprocessor)
    normal4(char* out, int bytes_apart, int64_t count, uint64_t seed, uint64_t offset, float mean,
            float deviation) {
  const int64_t thread = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  curandStatePhilox4_32_10_t state;
  curand_init(seed, thread, offset, &state);
  const int64_t stride = int64_t{blockDim.x} * gridDim.x;
  // Every thread of a block goes around equally often, so that all of them meet at the barrier.
  const int64_t rounds = (count - 1) / (stride * kUnrolled) + 1;
  const int64_t end = rounds * stride * kUnrolled;
  for (int64_t first = thread; first < end; first += stride * kUnrolled) {
    const float4 drawn = curand_normal4(&state);
    const float numbers[kUnrolled] = {drawn.x, drawn.y, drawn.z, drawn.w};
#pragma unroll
    for (int i = 0; i < kUnrolled; ++i) {
      const int64_t place = first + stride * i;
      if (place >= count) continue;
      float* element = reinterpret_cast<float*>(out + bytes_apart * place);
      *element = numbers[i] * deviation + mean;
    }
    __syncthreads();
  }
}

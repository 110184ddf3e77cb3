// SPDX-License-Identifier: Apache-2.0
#include "dispatch.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace reprorng {
namespace {

#if defined(__x86_64__)
constexpr const Kernels* kAvx2 = &kAvx2Kernels;
constexpr const Kernels* kAvx512 = &kAvx512Kernels;

bool has_avx2() {
  __builtin_cpu_init();
  // Not every supported compiler knows the name "f16c".
  unsigned a, b, c, d;
  const bool f16c = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
  return f16c && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#else
constexpr const Kernels* kAvx2 = nullptr;
constexpr const Kernels* kAvx512 = nullptr;

bool has_avx2() { return false; }
bool has_avx512() { return false; }
#endif

#if defined(__aarch64__)
constexpr const Kernels* kNeon = &kNeonKernels;
#else
constexpr const Kernels* kNeon = nullptr;
#endif

}  // namespace

const Variant kVariants[kVariantCount] = {
    {"avx512", "an x86-64 processor with AVX-512 F, DQ, BW and VL", kAvx512, has_avx512()},
    {"avx2", "an x86-64 processor with AVX2, FMA and F16C", kAvx2, has_avx2()},
    {"neon", "an AArch64 processor", kNeon, kNeon != nullptr},
    {"scalar", "any processor", &kScalarKernels, true},
};

}  // namespace reprorng

// SPDX-License-Identifier: Apache-2.0
// The one list of instruction sets, in order of preference.
#pragma once

#include "reprorng/kernels.h"

namespace reprorng {

extern const Kernels kScalarKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
extern const Kernels kNeonKernels;

struct Variant {
  const char* name;
  const char* requirement;  // what the machine must have
  const Kernels* kernels;   // null where this build has no code for it
  bool can_run;             // asked once: under a hypervisor the question is slow
};

constexpr int kVariantCount = 4;
extern const Variant kVariants[kVariantCount];

}  // namespace reprorng

// SPDX-License-Identifier: Apache-2.0
// The kernels of vec_neon.h, whose instructions every AArch64 processor has.
#if defined(__aarch64__)
#include "dispatch.h"
#include "reprorng/kernels.h"
#include "reprorng/vec_neon.h"

namespace reprorng {

const Kernels kNeonKernels = kernels_of<Neon>();

}  // namespace reprorng
#endif

// SPDX-License-Identifier: Apache-2.0
// The kernels of vec_avx512.h, compiled with that instruction set's flags (setup.py).
#if defined(__x86_64__)
#include "dispatch.h"
#include "reprorng/kernels.h"
#include "reprorng/vec_avx512.h"

namespace reprorng {

const Kernels kAvx512Kernels = kernels_of<Avx512>();

}  // namespace reprorng
#endif

// SPDX-License-Identifier: Apache-2.0
// The kernels of vec_scalar.h, for any processor.
#include "dispatch.h"
#include "reprorng/kernels.h"
#include "reprorng/vec_scalar.h"

namespace reprorng {

const Kernels kScalarKernels = kernels_of<Scalar>();

}  // namespace reprorng

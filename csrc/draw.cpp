// SPDX-License-Identifier: Apache-2.0
#include "draw.h"

#include <pybind11/pybind11.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "floats.h"
#include "team.h"
#include "unlocked.h"

namespace py = pybind11;

namespace reprorng {
namespace {

void piece(const void* what, std::uint64_t i) {
  const Draw& d = *static_cast<const Draw*>(what);
  const std::uint64_t begin = i == 0 ? 0 : i * d.grain - d.lead();
  const std::uint64_t end = std::min(d.count, (i + 1) * d.grain - d.lead());
  d.fill(d.stream, d.first + begin, end - begin, d.out + d.size * begin, d.large());
}

}  // namespace

const Kernels& kernels_of_variant(int variant) {
  if (variant < 0 || variant >= kVariantCount) throw py::index_error("no such variant");
  if (!kVariants[variant].can_run) {
    throw std::runtime_error(std::string(kVariants[variant].name) + " needs " +
                             kVariants[variant].requirement);
  }
  return *kVariants[variant].kernels;
}

Draw draw_of(int variant, int kernel, std::uint64_t grain) {
  const Kernels& kernels = kernels_of_variant(variant);
  if (kernel < 0 || kernel >= kKernelCount) throw py::index_error("no such kernel");
  if (grain == 0) throw py::value_error("grain must be at least 1");
  Draw draw{};
  draw.fill = kernels.fill[kernel];
  draw.size = static_cast<std::uint64_t>(kElementSizes[kernel]);
  draw.grain = grain;
  return draw;
}

void make(const Draw& draw, unsigned threads, std::uint64_t worth_waking) {
  const DefaultFloats floats;
  if (draw.few()) {
    draw.fill(draw.stream, draw.first, draw.count, draw.out, draw.large());
    return;
  }
  const Unlocked unlocked;
  share(draw.pieces(), threads, worth_waking, {piece, &draw});
}

}  // namespace reprorng

// SPDX-License-Identifier: Apache-2.0
#include "draw.h"

#include <pybind11/pybind11.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "floats.h"
#include "memory.h"
#include "team.h"
#include "unlocked.h"

namespace py = pybind11;

namespace reprorng {
namespace {

void piece(const void* what, std::uint64_t i) {
  const Draw& d = *static_cast<const Draw*>(what);
  const std::uint64_t begin = i == 0 ? 0 : i * d.grain - d.lead();
  const std::uint64_t end = std::min(d.count, (i + 1) * d.grain - d.lead());
  d.fill(d.stream, d.first + begin, end - begin, d.out + d.size * begin, d.past_caches);
}

// Of a large draw a cache that could hold it would hold little else, and it would be in main memory
// before anybody has read it all. But pages that the system has yet to make are in the caches once
// it has cleared them, and would go to main memory twice.
bool should_pass_caches(const Draw& draw) {
  constexpr std::uint64_t kLeast = std::uint64_t{1} << 25;
  const std::uint64_t bytes = draw.count * draw.size;
  return bytes >= kLeast && has_page(reinterpret_cast<std::uintptr_t>(draw.out + bytes / 2));
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

void make(Draw draw, unsigned threads, std::uint64_t worth_waking) {
  const DefaultFloats floats;
  draw.past_caches = should_pass_caches(draw);
  if (draw.few()) {
    draw.fill(draw.stream, draw.first, draw.count, draw.out, draw.past_caches);
    return;
  }
  const Unlocked unlocked;
  share(draw.pieces(), threads, worth_waking, {piece, &draw});
}

}  // namespace reprorng

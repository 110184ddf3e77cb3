// SPDX-License-Identifier: Apache-2.0
// Tensors whose elements take a word each, filled in one call from Python: a small draw is made of
// calls. What takes any care is refused, for Python to do by a plan.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <utility>

#include "cursor.h"
#include "tensor.h"

namespace reprorng {

class Filler {
 public:
  // `kernels` has the kernel of each dtype. `on_large` is called with a new tensor of `large` bytes
  // or more before it is filled.
  Filler(pybind11::dict kernels, std::uint64_t grain, std::uint64_t worth_waking,
         std::uint64_t large, pybind11::object on_large)
      : kernels_(std::move(kernels)),
        grain_(grain),
        worth_waking_(worth_waking),
        large_(large),
        on_large_(std::move(on_large)) {}

  // What `torch.empty(*size, **options)` makes, filled from where `cursor` is, which moves on. None
  // if torch refuses the arguments or anything of torch's is watching, or as `fill` says.
  pybind11::object make_new(Cursor& cursor, int variant, const pybind11::tuple& size,
                            const pybind11::dict& options) const;

  // Fills a tensor. False, and nothing has happened, if its memory is not the CPU's, not contiguous
  // or not free to write, if it has no kernel, or if the stream has too few words.
  bool fill(Cursor& cursor, int variant, const pybind11::object& tensor) const;

 private:
  bool fill_memory(Cursor& cursor, int variant, const pybind11::object& tensor, bool is_new) const;

  pybind11::dict kernels_;
  std::uint64_t grain_, worth_waking_, large_;
  pybind11::object on_large_;
};

}  // namespace reprorng

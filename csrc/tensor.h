// SPDX-License-Identifier: Apache-2.0
// What torch tells of a tensor, in as few questions as it takes: a small draw is made of them.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>

namespace reprorng {

struct Memory {
  std::uintptr_t address;
  std::uint64_t count;  // of elements
};

// Whether anything of torch's would see what is done here, or keep it for later: a mode of
// dispatch, a trace, a transform or, with `functions`, a mode of functions.
bool watched(bool functions);

// What `torch.empty(*size, **options)` makes; null if torch refuses the arguments.
pybind11::object empty(const pybind11::tuple& size, const pybind11::dict& options);

pybind11::object dtype_of(PyObject* tensor);

// By `torch.get_num_threads`.
unsigned thread_count();

// Whether it is a `torch.Tensor` itself, as all below have to be.
bool is_tensor(PyObject* object);

// Whether a write has to be told to nobody, and is as it seems.
bool may_write(PyObject* tensor);

// Where the elements of a tensor are. False if they are not one after another in the memory of the
// CPU. No Python error is left behind.
bool memory_of(PyObject* tensor, Memory& found);

// Whether the elements, of `bytes` bytes, lie where such may lie and are all in the storage.
bool has_all(PyObject* tensor, const Memory& memory, std::uint64_t bytes);

}  // namespace reprorng

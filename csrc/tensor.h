// SPDX-License-Identifier: Apache-2.0
// What torch tells of a tensor, in as few questions as it takes: a small draw is made of them.
#pragma once

#include <Python.h>

#include <cstdint>

namespace reprorng {

struct Memory {
  std::uintptr_t address;
  std::uint64_t count;  // of elements
};

// Where the elements of a tensor are. False if it is no `torch.Tensor` itself or they are not one
// after another in the memory of the CPU. No Python error is left behind.
bool memory_of(PyObject* tensor, Memory& found);

// Whether anybody may write there: nothing has to be recorded, and the storage is as large as the
// tensor says. `bytes` is what an element takes.
bool may_write(PyObject* tensor, const Memory& memory, std::uint64_t bytes);

}  // namespace reprorng

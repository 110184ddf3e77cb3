// SPDX-License-Identifier: Apache-2.0
#include "filler.h"

#include "draw.h"

namespace py = pybind11;

namespace reprorng {

py::object Filler::make_new(Cursor& cursor, int variant, const py::tuple& size,
                            const py::dict& options) const {
  if (watched(true)) return py::none();
  py::object tensor = empty(size, options);
  if (!tensor || !fill_memory(cursor, variant, tensor, true)) return py::none();
  return tensor;
}

bool Filler::fill(Cursor& cursor, int variant, const py::object& tensor) const {
  return !watched(false) && fill_memory(cursor, variant, tensor, false);
}

bool Filler::fill_memory(Cursor& cursor, int variant, const py::object& tensor, bool is_new) const {
  if (!is_tensor(tensor.ptr())) return false;
  PyObject* const kernel = PyDict_GetItemWithError(kernels_.ptr(), dtype_of(tensor.ptr()).ptr());
  if (PyErr_Occurred()) throw py::error_already_set();
  if (kernel == nullptr) return false;
  Draw draw = draw_of(variant, py::cast<int>(kernel), grain_);
  // These questions come first, for torch lets other threads run while it answers.
  if (!is_new && !may_write(tensor.ptr())) return false;
  Memory memory;
  if (!memory_of(tensor.ptr(), memory)) return false;
  if (!is_new && !has_all(tensor.ptr(), memory, draw.size)) return false;
  draw.count = memory.count;
  draw.out = reinterpret_cast<char*>(memory.address);
  const unsigned threads = draw.few() ? 1 : thread_count();
  if (is_new && draw.count * draw.size >= large_) on_large_(tensor);
  CursorState taken;
  if (!cursor.take(draw.count, taken)) return false;
  draw.stream = taken.stream;
  draw.first = taken.position;
  make(draw, threads, worth_waking_);
  return true;
}

}  // namespace reprorng

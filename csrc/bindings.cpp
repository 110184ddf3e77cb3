// SPDX-License-Identifier: Apache-2.0
// The Python face of the core: plain integers in, raw memory out, no algorithm.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <stdexcept>
#include <string>
#include <tuple>

#include "cursor.h"
#include "dispatch.h"
#include "integers.h"
#include "memory.h"
#include "reprorng/softfloat.h"
#include "team.h"
#include "tensor.h"

namespace py = pybind11;

namespace reprorng {
namespace {

template <class T>
using Array = py::array_t<T, py::array::c_style | py::array::forcecast>;

const Kernels& kernels_of_variant(int variant) {
  if (variant < 0 || variant >= kVariantCount) throw py::index_error("no such variant");
  if (!kVariants[variant].can_run) {
    throw std::runtime_error(std::string(kVariants[variant].name) + " needs " +
                             kVariants[variant].requirement);
  }
  return *kVariants[variant].kernels;
}

py::list variants() {
  py::list out;
  for (const Variant& v : kVariants) out.append(py::make_tuple(v.name, v.requirement, v.can_run));
  return out;
}

// A position is in [0, 2^64], which takes 65 bits.
CursorState state_of(const std::tuple<std::uint64_t, std::uint64_t, py::int_>& numbers) {
  const auto& [seed, stream, position] = numbers;
  const std::uint64_t low = PyLong_AsUnsignedLongLongMask(position.ptr());
  return {{seed, stream}, low, low == 0 && PyObject_IsTrue(position.ptr()) == 1};
}

std::tuple<std::uint64_t, std::uint64_t, py::object> numbers_of(const CursorState& state) {
  py::object position = py::int_(state.position);
  if (state.ended) position = py::int_(1) << py::int_(64);
  return {state.stream.seed, state.stream.stream, position};
}

// Elements of one kernel from `first` on. Pieces end where the stream has whole blocks, so that all
// but the outer ones start with whole vectors.
struct Draw {
  Fill fill;
  std::uint64_t size;
  Stream stream;
  std::uint64_t first, count;
  char* out;
  std::uint64_t grain;

  // A cache that could hold it would hold little else, and it would be in main memory before
  // anybody has read it all.
  bool large() const { return count * size >= (std::uint64_t{1} << 24); }
  std::uint64_t lead() const { return first % grain; }
  std::uint64_t pieces() const {
    return (count + lead()) / grain + ((count + lead()) % grain != 0);
  }
  static void piece(const void* what, std::uint64_t i) {
    const Draw& d = *static_cast<const Draw*>(what);
    const std::uint64_t begin = i == 0 ? 0 : i * d.grain - d.lead();
    const std::uint64_t end = smaller(d.count, (i + 1) * d.grain - d.lead());
    d.fill(d.stream, d.first + begin, end - begin, d.out + d.size * begin, d.large());
  }
};

// So few take one or two microseconds, less than it can take to get the interpreter's lock back.
// They are shared only if pieces are even smaller.
constexpr std::uint64_t kFew = 4096;

// The caller owns the memory and keeps it alive.
void make(const Draw& draw, unsigned threads, std::uint64_t worth_waking) {
  if (draw.count <= kFew && (threads == 1 || draw.grain > kFew)) {
    draw.fill(draw.stream, draw.first, draw.count, draw.out, draw.large());
    return;
  }
  py::gil_scoped_release release;
  share(draw.pieces(), threads, worth_waking, {Draw::piece, &draw});
}

Draw draw_of(int variant, int kernel, const Stream& stream, std::uint64_t first,
             std::uint64_t count, std::uintptr_t address, std::uint64_t grain) {
  const Kernels& kernels = kernels_of_variant(variant);
  if (kernel < 0 || kernel >= kKernelCount) throw py::index_error("no such kernel");
  if (grain == 0) throw py::value_error("grain must be at least 1");
  return {kernels.fill[kernel],
          static_cast<std::uint64_t>(kElementSizes[kernel]),
          stream,
          first,
          count,
          reinterpret_cast<char*>(address),
          grain};
}

void fill_memory(int variant, int kernel, std::uint64_t seed, std::uint64_t stream,
                 std::uint64_t first, std::uint64_t count, std::uintptr_t address, unsigned threads,
                 std::uint64_t grain, std::uint64_t worth_waking) {
  make(draw_of(variant, kernel, {seed, stream}, first, count, address, grain), threads,
       worth_waking);
}

// The same for a tensor from where `cursor` is, which moves on. False, and nothing has happened, if
// its memory is not the CPU's, not contiguous or, unless the tensor is new, not free to write, if
// its type is none of `kernels`, or if the stream has too few words.
bool fill_tensor(Cursor& cursor, int variant, const py::dict& kernels, const py::object& tensor,
                 bool is_new, unsigned threads, std::uint64_t grain, std::uint64_t worth_waking) {
  static PyObject* const kDtype = PyUnicode_InternFromString("dtype");
  Memory memory;
  if (!memory_of(tensor.ptr(), memory)) return false;
  const auto dtype = py::reinterpret_steal<py::object>(PyObject_GetAttr(tensor.ptr(), kDtype));
  PyObject* const found = dtype ? PyDict_GetItemWithError(kernels.ptr(), dtype.ptr()) : nullptr;
  if (PyErr_Occurred()) throw py::error_already_set();
  if (found == nullptr) return false;
  const int kernel = static_cast<int>(PyLong_AsLong(found));
  if (PyErr_Occurred()) throw py::error_already_set();
  Draw draw = draw_of(variant, kernel, {}, 0, memory.count, memory.address, grain);
  if (!is_new && !may_write(tensor.ptr(), memory, draw.size)) return false;
  CursorState taken;
  if (!cursor.take(memory.count, taken)) return false;
  draw.stream = taken.stream;
  draw.first = taken.position;
  make(draw, threads, worth_waking);
  return true;
}

void map_to_range(std::uintptr_t address, std::uint64_t count, std::uint64_t low,
                  std::uint64_t span) {
  py::gil_scoped_release release;
  to_range(reinterpret_cast<std::uint64_t*>(address), count, low, span);
}

Array<float> radius_table(int variant, const Array<std::uint32_t>& words) {
  const Kernels& kernels = kernels_of_variant(variant);
  Array<float> out(words.size());
  const std::uint32_t* in = words.data();
  float* to = out.mutable_data();
  const std::size_t count = words.size();
  py::gil_scoped_release release;
  kernels.radius(in, count, to);
  return out;
}

py::tuple rotate_table(int variant, const Array<float>& radii, const Array<std::uint32_t>& words) {
  const Kernels& kernels = kernels_of_variant(variant);
  if (radii.size() != words.size()) throw py::value_error("radii and words differ in length");
  Array<float> x(words.size()), y(words.size());
  const float* r = radii.data();
  const std::uint32_t* in = words.data();
  float *to_x = x.mutable_data(), *to_y = y.mutable_data();
  const std::size_t count = words.size();
  {
    py::gil_scoped_release release;
    kernels.rotate(r, in, count, to_x, to_y);
  }
  return py::make_tuple(x, y);
}

}  // namespace
}  // namespace reprorng

PYBIND11_MODULE(_core, m) {
  using namespace reprorng;
  m.doc() = "The CPU kernels of reprorng over raw memory; use reprorng.backends instead.";
  py::list names;
  for (const char* name : kKernelNames) names.append(name);
  m.attr("KERNELS") = py::tuple(names);
#if defined(__clang__)
  m.attr("COMPILER") = "clang " __clang_version__;
#else
  m.attr("COMPILER") = "gcc " __VERSION__;
#endif
  m.def("variants", &variants, "(name, what it needs, whether it can run here), best first.");
  m.def("fill", &fill_memory, py::arg("variant"), py::arg("kernel"), py::arg("seed"),
        py::arg("stream"), py::arg("first"), py::arg("count"), py::arg("address"),
        py::arg("threads"), py::arg("grain"), py::arg("worth_waking"),
        "Write elements first to first + count - 1 of a stream at an address.");
  py::class_<Cursor>(m, "Cursor", "A seed, a stream and a position that draws move on.")
      .def(py::init([](std::uint64_t seed, std::uint64_t stream, const py::int_& position) {
             return new Cursor(state_of({seed, stream, position}));
           }),
           py::arg("seed"), py::arg("stream"), py::arg("position"))
      .def(
          "now", [](const Cursor& cursor) { return numbers_of(cursor.now()); },
          "The seed, the stream and the position.")
      .def(
          "move",
          [](Cursor& cursor, const std::tuple<std::uint64_t, std::uint64_t, py::int_>& before,
             const std::tuple<std::uint64_t, std::uint64_t, py::int_>& after) {
            return cursor.move(state_of(before), state_of(after));
          },
          py::arg("before"), py::arg("after"),
          "Go from one place to another, and tell how often it has moved; 0 if it was not there.")
      .def(
          "undo",
          [](Cursor& cursor, std::uint64_t moves,
             const std::tuple<std::uint64_t, std::uint64_t, py::int_>& before) {
            cursor.undo(moves, state_of(before));
          },
          py::arg("moves"), py::arg("before"),
          "Go back to where it was before that move, unless it has moved again.");
  m.def("fill_tensor", &fill_tensor, py::arg("cursor"), py::arg("variant"), py::arg("kernels"),
        py::arg("tensor"), py::arg("is_new"), py::arg("threads"), py::arg("grain"),
        py::arg("worth_waking"),
        "As fill, of a tensor's elements, a word each, from the cursor on. Whether it could.");
  m.def("prefer_large_pages", &prefer_large_pages, py::arg("address"), py::arg("bytes"),
        "Ask the system for large pages in memory that is about to be filled.");
  m.def("map_to_range", &map_to_range, py::arg("address"), py::arg("count"), py::arg("low"),
        py::arg("span"), "Map 64-bit words in place to integers from low, below low + span.");
  m.def("radius", &radius_table, py::arg("variant"), py::arg("words"),
        "The float32 radius of each word.");
  m.def("rotate", &rotate_table, py::arg("variant"), py::arg("radii"), py::arg("words"),
        "(x, y): each radius turned by the float32 angle of each word.");
  m.def("software_fma",
        py::vectorize([](double a, double b, double c) { return soft::fma(a, b, c); }),
        "a * b + c in float64, rounded once, as machines without FMA hardware compute it.");
  m.def("software_fma32",
        py::vectorize([](float a, float b, float c) { return soft::fma(a, b, c); }),
        "a * b + c in float32, rounded once, as machines without FMA hardware compute it.");
}

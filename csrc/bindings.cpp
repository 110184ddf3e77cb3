// SPDX-License-Identifier: Apache-2.0
// The Python face of the core: plain integers in, raw memory out, no algorithm.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <tuple>

#include "cursor.h"
#include "dispatch.h"
#include "draw.h"
#include "filler.h"
#include "floats.h"
#include "integers.h"
#include "memory.h"
#include "reprorng/softfloat.h"
#include "unlocked.h"

namespace py = pybind11;

namespace reprorng {
namespace {

template <class T>
using Array = py::array_t<T, py::array::c_style | py::array::forcecast>;

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

void fill_memory(int variant, int kernel, std::uint64_t seed, std::uint64_t stream,
                 std::uint64_t first, std::uint64_t count, std::uintptr_t address, unsigned threads,
                 std::uint64_t grain, std::uint64_t worth_waking) {
  Draw draw = draw_of(variant, kernel, grain);
  draw.stream = {seed, stream};
  draw.first = first;
  draw.count = count;
  draw.out = reinterpret_cast<char*>(address);
  make(draw, threads, worth_waking);
}

void map_to_range(std::uintptr_t address, std::uint64_t count, std::uint64_t low,
                  std::uint64_t span) {
  const Unlocked unlocked;
  to_range(reinterpret_cast<std::uint64_t*>(address), count, low, span);
}

Array<float> radius_table(int variant, const Array<std::uint32_t>& words) {
  const Kernels& kernels = kernels_of_variant(variant);
  Array<float> out(words.size());
  const std::uint32_t* in = words.data();
  float* to = out.mutable_data();
  const std::size_t count = words.size();
  const DefaultFloats floats;
  const Unlocked unlocked;
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
    const DefaultFloats floats;
    const Unlocked unlocked;
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
  m.attr("SOURCES") = REPRORNG_SOURCES;
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
  py::class_<Filler>(m, "Filler",
                     "Fills tensors whose elements take a word each, from a cursor on.")
      .def(py::init<py::dict, std::uint64_t, std::uint64_t, std::uint64_t, py::object>(),
           py::arg("kernels"), py::arg("grain"), py::arg("worth_waking"), py::arg("large"),
           py::arg("on_large"))
      .def("new", &Filler::make_new, py::arg("cursor"), py::arg("variant"), py::arg("size"),
           py::arg("options"), "A new tensor, or None if that takes more care.")
      .def("fill", &Filler::fill, py::arg("cursor"), py::arg("variant"), py::arg("tensor"),
           "Fill a tensor. Whether it could; if not, nothing has happened.");
  m.def("prefer_large_pages", &prefer_large_pages, py::arg("address"), py::arg("bytes"),
        "Ask the system for large pages in memory that is about to be filled.");
  m.def("has_page", &has_page, py::arg("address"),
        "Whether the system has made the page of an address, as far as it tells.");
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

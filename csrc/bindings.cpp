// SPDX-License-Identifier: Apache-2.0
// The Python face of the core: plain integers in, raw memory out, no algorithm.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <stdexcept>
#include <string>

#include "dispatch.h"
#include "integers.h"
#include "parallel.h"
#include "reprorng/softfloat.h"

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

// The caller owns `count` elements at `address` and keeps them alive: the GIL is released.
void fill_memory(int variant, int kernel, std::uint64_t seed, std::uint64_t stream,
                 std::uint64_t first, std::uint64_t count, std::uintptr_t address, unsigned threads,
                 std::uint64_t grain) {
  const Kernels& kernels = kernels_of_variant(variant);
  if (kernel < 0 || kernel >= kKernelCount) throw py::index_error("no such kernel");
  if (grain == 0) throw py::value_error("grain must be at least 1");
  const Fill fill_one = kernels.fill[kernel];
  const std::uint64_t size = kElementSizes[kernel];
  char* out = reinterpret_cast<char*>(address);
  py::gil_scoped_release release;
  parallel_for(count, threads, grain, [=](std::uint64_t offset, std::uint64_t n) {
    fill_one(Stream{seed, stream}, first + offset, n, out + size * offset);
  });
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
        py::arg("threads"), py::arg("grain"),
        "Write elements first to first + count - 1 of a stream at an address.");
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

// SPDX-License-Identifier: Apache-2.0
#include "tensor.h"

#include <pybind11/gil_safe_call_once.h>

#include <algorithm>
#include <array>

namespace py = pybind11;

namespace reprorng {
namespace {

// DLPack's C exchange (https://dmlc.github.io/dlpack/latest/c_api.html), of which one function is
// used. Its layouts are the same in all versions with this major number.
constexpr std::uint32_t kMajor = 1;
constexpr std::int32_t kCpu = 1;

struct DlTensor {
  void* data;
  std::int32_t device, device_id;
  std::int32_t ndim;
  std::uint8_t code, bits;
  std::uint16_t lanes;
  std::int64_t *shape, *strides;
  std::uint64_t byte_offset;
};

struct DlExchange {
  std::uint32_t major, minor;
  const DlExchange* older;
  void (*allocate)(), (*managed_from)(), (*managed_to)();
  int (*tensor_from)(void* object, DlTensor* out);
};

// An object that lives as long as the process, whatever becomes of the module it is from.
PyObject* kept(py::object object) { return object.release().ptr(); }

struct Torch {
  PyObject* tensor;  // the class
  PyObject* empty;
  PyObject* get_num_threads;
  PyObject* forward_ad;               // what that module has, by name
  const DlExchange* exchange;         // null if torch has none that this file knows
  std::array<PyObject*, 4> watchers;  // functions that tell of each; that of functions is the last

  Torch() : exchange(nullptr) {
    const py::object torch = py::module_::import("torch");
    tensor = kept(torch.attr("Tensor"));
    empty = kept(torch.attr("empty"));
    get_num_threads = kept(torch.attr("get_num_threads"));
    forward_ad = kept(torch.attr("autograd").attr("forward_ad").attr("__dict__"));
    const py::object capsule =
        py::getattr(py::handle(tensor), "__dlpack_c_exchange_api__", py::none());
    constexpr const char* kName = "dlpack_exchange_api";
    if (PyCapsule_IsValid(capsule.ptr(), kName)) {
      exchange = static_cast<const DlExchange*>(PyCapsule_GetPointer(capsule.ptr(), kName));
    }
    while (exchange != nullptr && (exchange->major != kMajor || exchange->tensor_from == nullptr)) {
      exchange = exchange->older;
    }
    constexpr const char* kWatchers[] = {"_len_torch_dispatch_stack", "_is_tracing",
                                         "_are_functorch_transforms_active",
                                         "_len_torch_function_stack"};
    const py::object hidden = torch.attr("_C");
    for (std::size_t i = 0; i < watchers.size(); ++i) watchers[i] = kept(hidden.attr(kWatchers[i]));
  }
};

const Torch& torch() {
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<Torch> storage;
  return storage.call_once_and_store_result([] { return Torch(); }).get_stored();
}

// Interned once, since the name of an attribute takes longer to make than to look up.
struct Names {
  PyObject* const current_level = PyUnicode_InternFromString("_current_level");
  PyObject* const dtype = PyUnicode_InternFromString("dtype");
  PyObject* const data_ptr = PyUnicode_InternFromString("data_ptr");
  PyObject* const is_contiguous = PyUnicode_InternFromString("is_contiguous");
  PyObject* const is_cpu = PyUnicode_InternFromString("is_cpu");
  PyObject* const is_inference = PyUnicode_InternFromString("is_inference");
  PyObject* const is_nested = PyUnicode_InternFromString("is_nested");
  PyObject* const is_neg = PyUnicode_InternFromString("is_neg");
  PyObject* const nbytes = PyUnicode_InternFromString("nbytes");
  PyObject* const numel = PyUnicode_InternFromString("numel");
  PyObject* const requires_grad = PyUnicode_InternFromString("requires_grad");
  PyObject* const storage_offset = PyUnicode_InternFromString("storage_offset");
  PyObject* const untyped_storage = PyUnicode_InternFromString("untyped_storage");
};

const Names& names() {
  static const Names interned;
  return interned;
}

py::object answer(PyObject* made) {
  if (made == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(made);
}

bool is_true(PyObject* made) {
  const int found = PyObject_IsTrue(answer(made).ptr());
  if (found < 0) throw py::error_already_set();
  return found == 1;
}

bool has(PyObject* tensor, PyObject* attribute) {
  return answer(PyObject_GetAttr(tensor, attribute)).ptr() == Py_True;
}

bool is(PyObject* tensor, PyObject* method) {
  return answer(PyObject_CallMethodNoArgs(tensor, method)).ptr() == Py_True;
}

std::uint64_t number(PyObject* object, PyObject* method) {
  const auto found =
      PyLong_AsUnsignedLongLong(answer(PyObject_CallMethodNoArgs(object, method)).ptr());
  if (PyErr_Occurred()) throw py::error_already_set();
  return found;
}

bool exchanged(const DlExchange& exchange, PyObject* tensor, Memory& found) {
  DlTensor told;
  if (exchange.tensor_from(tensor, &told) != 0) {
    PyErr_Clear();
    return false;
  }
  if (told.device != kCpu) return false;
  std::uint64_t count = 1;  // which, unsigned, may wrap before a length of 0
  bool contiguous = true;
  for (int i = told.ndim - 1; i >= 0; --i) {
    const auto length = static_cast<std::uint64_t>(told.shape[i]);
    contiguous &= length == 1 || told.strides == nullptr ||
                  static_cast<std::uint64_t>(told.strides[i]) == count;
    count *= length;
  }
  found = {reinterpret_cast<std::uintptr_t>(told.data) + told.byte_offset, count};
  return contiguous || count == 0;
}

// The same by attributes, where torch has no exchange.
bool asked(PyObject* tensor, Memory& found) {
  if (!has(tensor, names().is_cpu) || has(tensor, names().is_nested)) return false;
  if (!is(tensor, names().is_contiguous)) return false;
  found = {number(tensor, names().data_ptr), number(tensor, names().numel)};
  return true;
}

// Whether forward-mode AD is on, which has to see every write: the tangent becomes zero.
bool may_have_tangents() {
  PyObject* const level = PyDict_GetItemWithError(torch().forward_ad, names().current_level);
  if (level == nullptr) throw py::type_error("torch.autograd.forward_ad has no _current_level");
  return PyLong_AsLong(level) >= 0;
}

}  // namespace

bool watched(bool functions) {
  const auto& watchers = torch().watchers;
  const auto end = functions ? watchers.end() : watchers.end() - 1;
  return std::any_of(watchers.begin(), end,
                     [](PyObject* watcher) { return is_true(PyObject_CallNoArgs(watcher)); });
}

py::object empty(const py::tuple& size, const py::dict& options) {
  // An empty dictionary would take torch longer than none.
  PyObject* const keywords = options.empty() ? nullptr : options.ptr();
  PyObject* const made = PyObject_Call(torch().empty, size.ptr(), keywords);
  if (made == nullptr) {
    for (PyObject* refusal : {PyExc_RuntimeError, PyExc_TypeError, PyExc_ValueError}) {
      if (PyErr_ExceptionMatches(refusal)) {
        PyErr_Clear();
        return {};
      }
    }
  }
  return answer(made);
}

py::object dtype_of(PyObject* tensor) { return answer(PyObject_GetAttr(tensor, names().dtype)); }

unsigned thread_count() {
  return py::cast<unsigned>(answer(PyObject_CallNoArgs(torch().get_num_threads)));
}

bool is_tensor(PyObject* object) {
  return reinterpret_cast<PyObject*>(Py_TYPE(object)) == torch().tensor;
}

bool may_write(PyObject* tensor) {
  if (has(tensor, names().requires_grad) || is(tensor, names().is_inference)) return false;
  return !is(tensor, names().is_neg) && !may_have_tangents();
}

bool memory_of(PyObject* tensor, Memory& found) {
  const DlExchange* const exchange = torch().exchange;
  try {
    const bool told =
        exchange != nullptr ? exchanged(*exchange, tensor, found) : asked(tensor, found);
    // Tensors that stand for others, or for zeros, have no memory.
    return told && (found.address != 0 || found.count == 0);
  } catch (const py::error_already_set&) {
    return false;  // some layouts have no strides to ask for, some tensors no memory
  }
}

bool has_all(PyObject* tensor, const Memory& memory, std::uint64_t bytes) {
  if (memory.address % bytes != 0) return false;
  const auto storage = answer(PyObject_CallMethodNoArgs(tensor, names().untyped_storage));
  const std::uint64_t elements = number(tensor, names().storage_offset) + memory.count;
  return number(storage.ptr(), names().nbytes) / bytes >= elements;
}

}  // namespace reprorng

// SPDX-License-Identifier: Apache-2.0
// The interpreter's lock, given up for a while.
#pragma once

#include <Python.h>
#include <unistd.h>

namespace reprorng {

// While it lives, other threads may run Python.
class Unlocked {
 public:
  Unlocked() = default;
  // An interpreter that ends never gives the lock back: Python before 3.14 then ends the thread by
  // an exception, which would end the process here, where nothing may be thrown.
  ~Unlocked() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      for (;;) ::pause();
    }
  }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  PyThreadState* const state_ = PyEval_SaveThread();
};

}  // namespace reprorng

// SPDX-License-Identifier: Apache-2.0
// The modes in which a thread computes with floats.
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#elif defined(__aarch64__)
#include <cstdint>
#else
#include <cfenv>
#endif

namespace reprorng {

// While it lives, the calling thread rounds to nearest, flushes no subnormal and traps nothing,
// whatever the program has set.
#if defined(__x86_64__) || defined(__aarch64__)
class DefaultFloats {
 public:
  DefaultFloats() {
    if (differ_) write(kDefault);
  }
  ~DefaultFloats() {
    if (differ_) write(before_);
  }
  DefaultFloats(const DefaultFloats&) = delete;
  DefaultFloats& operator=(const DefaultFloats&) = delete;

 private:
#if defined(__x86_64__)
  using Modes = unsigned;
  static constexpr Modes kDefault = 0x1f80;
  static constexpr Modes kRaised = 0x3f;  // what has happened so far, which is no mode
  static Modes read() { return _mm_getcsr(); }
  static void write(Modes modes) { _mm_setcsr(modes); }
#else
  using Modes = std::uint64_t;
  static constexpr Modes kDefault = 0;
  static constexpr Modes kRaised = 0;
  static Modes read() {
    Modes modes;
    asm volatile("mrs %0, fpcr" : "=r"(modes));
    return modes;
  }
  static void write(Modes modes) { asm volatile("msr fpcr, %0" : : "r"(modes) : "memory"); }
#endif

  // Reading takes a nanosecond or two, writing ten times that.
  const Modes before_ = read();
  const bool differ_ = (before_ & ~kRaised) != kDefault;
};
#else
class DefaultFloats {
 public:
  DefaultFloats() {
    std::fegetenv(&before_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DefaultFloats() { std::fesetenv(&before_); }
  DefaultFloats(const DefaultFloats&) = delete;
  DefaultFloats& operator=(const DefaultFloats&) = delete;

 private:
  std::fenv_t before_;
};
#endif

}  // namespace reprorng

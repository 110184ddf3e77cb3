// SPDX-License-Identifier: Apache-2.0
// Additions that each wait for the one before, which take a cycle each on every processor. Neither
// operand is a constant, for some processors add constants before they execute anything.
#include <stdint.h>

uint64_t chain(uint64_t count) {
  uint64_t x = count, y = 1;
#pragma GCC unroll 8
  for (uint64_t i = 0; i < count; i += 2) {
    x += y;
    y += x;
  }
  return x;
}

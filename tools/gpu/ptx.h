// SPDX-License-Identifier: Apache-2.0
// What translated PTX is made of where C has no operator for it, and the memory it acts on.
#ifndef REPRORNG_TOOLS_GPU_PTX_H_
#define REPRORNG_TOOLS_GPU_PTX_H_

#include <stdint.h>
#include <string.h>

// Threads that run together, and the most that a kernel can take: ctaid, tid, the parameters.
enum { kLanes = 256, kColumns = 16 };

typedef uint64_t Columns[kColumns][kLanes];

typedef struct {
  const uint64_t* low;  // for each lane, the first byte that it may store to
  uint64_t bytes;       // how many from there on
  uint64_t readable;    // the one aligned 64-bit word that may be loaded
  int32_t estimate;     // of 1 / sqrt(x): -1 the lowest allowed, 0 the best, 1 the highest
  uint64_t inside;      // bytes stored
  uint64_t outside;     // bytes whose store was not allowed, and was not made
  uint64_t faults;      // accesses misaligned or half inside, and loads that were not allowed
} Memory;

// The translated kernel: one call runs some threads, each to its end.
void run(int lanes, Columns in, Memory* memory);

static inline float as_f32(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline double as_f64(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline uint32_t bits_f32(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline uint64_t bits_f64(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

// Of a NaN and a number the number, and of two zeros the negative one.
static inline float min_f32(float a, float b) {
  const float zero = as_f32(bits_f32(a) | bits_f32(b));
  const float number = a != a ? b : a;
  return a < b ? a : b < a ? b : a == b ? zero : number;
}

static inline double min_f64(double a, double b) {
  const double zero = as_f64(bits_f64(a) | bits_f64(b));
  const double number = a != a ? b : a;
  return a < b ? a : b < a ? b : a == b ? zero : number;
}

// An estimate of 1 / sqrt(x) within the documented relative error of 2^-22.9. NVIDIA's table is not
// public, so any float within it may be the one: the correctly rounded one (root_estimates.c tries
// that on every mantissa), or the last one on either side.
static inline float rsqrt_approx_ftz(float x, int32_t estimate) {
  const double exact = 1.0 / __builtin_sqrt(__builtin_fabsf(x) < 0x1p-126f ? x * 0.0 : x);
  const double bound = exact * (1 + estimate * 0x1.125fbee250664p-23);
  const uint32_t bits = bits_f32((float)bound);
  const uint32_t above = estimate > 0 && as_f32(bits) > bound;
  const uint32_t below = estimate < 0 && as_f32(bits) < bound;
  return as_f32(bits - above + below);
}

// The bits of x, no subnormal, rounded to a format of 16 bits with so many in the fraction.
static inline uint16_t narrow(double x, int fraction, int bias) {
  const double magnitude = __builtin_fabs(x);
  const int32_t own = (int32_t)(bits_f64(magnitude) >> 52) - 1023;
  const int32_t exponent = own < 1 - bias ? 1 - bias : own;
  const double scale = as_f64((uint64_t)(1023 + fraction - exponent) << 52);
  // The leading bit of a normal number adds the 1 that the exponent lacks, and so does a carry.
  const double units = __builtin_rint(magnitude * scale);
  const double rounded = units + ((exponent + bias - 1) << fraction);
  const int32_t infinity = (2 * bias + 1) << fraction;
  const int32_t bits = x != x ? 0x7fff : rounded < infinity ? (int32_t)rounded : infinity;
  return (uint16_t)(bits | (int32_t)(bits_f64(x) >> 63) << 15);
}

static inline uint16_t to_f16(double x) { return narrow(x, 10, 15); }
static inline uint16_t to_bf16(double x) { return narrow(x, 7, 127); }

static inline double from_bf16(uint16_t x) { return as_f32((uint32_t)x << 16); }

static inline double from_f16(uint16_t x) {
  const int exponent = x >> 10 & 31, fraction = x & 1023;
  const double normal = (fraction + 1024) * as_f64((uint64_t)(1023 + exponent - 25) << 52);
  const double special = fraction ? __builtin_nan("") : __builtin_inf();
  const double magnitude = exponent == 0 ? fraction * 0x1p-24 : exponent == 31 ? special : normal;
  return x >> 15 ? -magnitude : magnitude;
}

static inline uint16_t mul_f16(uint16_t a, uint16_t b) { return to_f16(from_f16(a) * from_f16(b)); }

static inline uint16_t mul_bf16(uint16_t a, uint16_t b) {
  return to_bf16(from_bf16(a) * from_bf16(b));
}

// The product is exact; the sum is rounded to odd, so that rounding it once more is right
// (S. Boldo, G. Melquiond, "Emulation of FMA and correctly rounded sums", 2008).
static inline uint16_t fma_bf16(uint16_t a, uint16_t b, uint16_t c) {
  const double product = from_bf16(a) * from_bf16(b), addend = from_bf16(c);
  const double sum = product + addend, part = sum - product;
  const double error = (product - (sum - part)) + (addend - part);
  uint64_t bits = bits_f64(sum);
  if (error != 0 && !(bits & 1)) bits += (error > 0) == (sum > 0) ? 1 : -1;
  return to_bf16(as_f64(bits));
}

static inline uint32_t pack16(uint16_t low, uint16_t high) { return (uint32_t)high << 16 | low; }
static inline uint64_t pack32(uint32_t low, uint32_t high) { return (uint64_t)high << 32 | low; }

static inline void store(Memory* memory, int lane, uint64_t address, const void* value,
                         uint64_t size) {
  const uint64_t offset = address - memory->low[lane];
  if (address % size || (offset < memory->bytes && memory->bytes - offset < size)) {
    memory->faults++;
  } else if (offset < memory->bytes) {
    memcpy((void*)(uintptr_t)address, value, size);
    memory->inside += size;
  } else {
    memory->outside += size;
  }
}

static inline uint64_t load(Memory* memory, uint64_t address) {
  uint64_t value = 0;
  if (address != memory->readable || address % sizeof value) {
    memory->faults++;
  } else {
    memcpy(&value, (const void*)(uintptr_t)address, sizeof value);
  }
  return value;
}

#endif  // REPRORNG_TOOLS_GPU_PTX_H_

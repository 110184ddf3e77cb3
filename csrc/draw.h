// SPDX-License-Identifier: Apache-2.0
// One draw: elements of one kernel in memory, made by one thread or shared by several.
#pragma once

#include <cstdint>

#include "dispatch.h"

namespace reprorng {

// Elements of one kernel from `first` on. Pieces end where the stream has whole blocks, so that all
// but the outer ones start with whole vectors.
struct Draw {
  Fill fill;
  std::uint64_t size;  // of an element, in bytes
  std::uint64_t grain;
  Stream stream;
  std::uint64_t first, count;
  char* out;  // the caller owns the memory and keeps it alive
  bool past_caches;

  // So few take microseconds, a millisecond or so without vectors, and less than it can take to
  // get the interpreter's lock back: whoever has it keeps it for five. They are shared only if
  // pieces are even smaller.
  bool few() const {
    constexpr std::uint64_t kFew = 4096;
    return count <= kFew && grain > kFew;
  }
  std::uint64_t lead() const { return first % grain; }
  std::uint64_t pieces() const {
    return (count + lead()) / grain + ((count + lead()) % grain != 0);
  }
};

// The kernels of a variant, which must be one that can run here.
const Kernels& kernels_of_variant(int variant);

// A draw of a kernel, whose stream, elements and memory are not known yet.
Draw draw_of(int variant, int kernel, std::uint64_t grain);

// Makes it on at most `threads` threads; a few elements take none but the caller.
void make(Draw draw, unsigned threads, std::uint64_t worth_waking);

}  // namespace reprorng

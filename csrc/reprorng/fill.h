// SPDX-License-Identifier: Apache-2.0
// The one loop that writes elements of a kind: any first element, any length.
#pragma once

#include <iterator>
#include <type_traits>

#include "kinds.h"
#include "parts.h"

namespace reprorng {

// 24 KiB with the largest vectors.
constexpr int kTileSteps = 64;

// How many passes ask for what the elements will be written over: the first ones, over words.
constexpr int kAskingPasses = 4;

template <class V>
constexpr bool kCanPassCaches = !std::is_void_v<typename V::PastCaches>;

template <class V>
REPRORNG_INLINE bool can_pass_caches_to([[maybe_unused]] const void* out) {
  if constexpr (kCanPassCaches<V>) {
    return reinterpret_cast<std::uintptr_t>(out) % V::kAlignment == 0;
  } else {
    return false;
  }
}

// Asks for memory that will be written: into the second cache, for the first has the tile to hold.
template <int kBytes>
REPRORNG_INLINE void ask_for(const char* bytes) {
  constexpr int kLine = 64;
  REPRORNG_UNROLL
  for (int i = 0; i < kBytes; i += kLine) __builtin_prefetch(bytes + i, 1, 2);
}

// Up to kSteps vectors of blocks on their way to becoming elements, in passes that each take all of
// them a few operations further. Between passes they lie in the first-level cache, which costs less
// than it gains: a short chain of operations needs few registers, and a processor looks far enough
// ahead to work on many short chains at a time.
template <class Kind, class V, int kSteps>
struct Tile {
  using Element = typename Kind::Element;
  using B = typename Kind::template Format<V>::Bits;
  static_assert(std::size(V::kPassRounds) + 2 >= kAskingPasses);
  static constexpr int kStep = V::kLanes * Kind::kPerBlock;
  static constexpr int kAtOnce = kSteps % V::kAtOnce == 0 ? V::kAtOnce : 1;
  static constexpr int kAsk =
      kSteps == 1 ? 0 : kAtOnce * kStep * static_cast<int>(sizeof(Element)) / kAskingPasses;

  Between<V> between[kSteps];
  B even[kSteps], odd[kSteps];

  // Writes the elements of the blocks from `block` on, whose numbers have the same high half.
  // `steps` is a multiple of kAtOnce.
  REPRORNG_INLINE void write(const Stream& stream, const RoundKeys& key, std::uint64_t block,
                             int steps, Element* out, bool past_caches) {
    past_caches = past_caches && can_pass_caches_to<V>(out);
    // The last pass stores faster than lines come that are not in the nearest caches, so the passes
    // before ask for them. What goes past the caches asks for the tile, which is there.
    const char* asked = reinterpret_cast<const char*>(out);
    if (past_caches) asked = reinterpret_cast<const char*>(between);
    typename V::Whole products = first_products<V>(low_half(block));
    each_step<0>(steps, asked, [&](int i) REPRORNG_LAMBDA {
      between[i] = first_rounds<V>(stream, key, high_half(block), products);
      products = next_products<V>(products);
    });
    rest_of_rounds<1, kFirstRounds>(key, steps, asked);
    if constexpr (Kind::kPrepares) {
      for (int i = 0; i < steps; i += kAtOnce) {
        store(even + i, Kind::template prepare<Several<V, kAtOnce>>(load<kAtOnce>(even + i)));
      }
    }
    if constexpr (kCanPassCaches<V>) {
      if (past_caches) {
        emit<typename V::PastCaches>(steps, out);
        return;
      }
    }
    emit<V>(steps, out);
  }

 private:
  // Pass kPass and those after it that are over words, from round kFrom on.
  template <int kPass, int kFrom>
  REPRORNG_INLINE void rest_of_rounds(const RoundKeys& key, int steps, const char*& asked) {
    static_assert(kFrom <= kLastRound, "V::kPassRounds has more rounds than there are");
    if constexpr (kPass <= std::size(V::kPassRounds)) {
      constexpr int kTo = kFrom + V::kPassRounds[kPass - 1];
      each_step<kPass>(steps, asked, [&](int i) REPRORNG_LAMBDA {
        between[i] = more_rounds<V, kFrom, kTo>(key, between[i]);
      });
      rest_of_rounds<kPass + 1, kTo>(key, steps, asked);
    } else {
      each_step<kPass>(steps, asked, [&](int i) REPRORNG_LAMBDA {
        Kind::template finish<V>(key, last_products<V, kFrom>(key, between[i]), even[i], odd[i]);
      });
    }
  }
  template <int kPass, class Step>
  static REPRORNG_INLINE void each_step(int steps, const char*& asked, Step step) {
    for (int i = 0; i < steps; i += kAtOnce) {
      REPRORNG_UNROLL
      for (int j = 0; j < kAtOnce; ++j) step(i + j);
      if constexpr (kPass < kAskingPasses) {
        ask_for<kAsk>(asked);
        asked += kAsk;
      }
    }
  }
  template <class Out>
  REPRORNG_INLINE void emit(int steps, Element* out) {
    // Two steps of a normal, which share its constants; more would not fit the registers.
    constexpr int kFew = Kind::kPrepares && kAtOnce > 1 ? 2 : 1;
    for (int i = 0; i < steps; i += kFew) {
      Kind::template emit<Several<Out, kFew>>(load<kFew>(even + i), load<kFew>(odd + i),
                                              out + i * kStep);
    }
  }
  template <int N>
  static REPRORNG_INLINE Parts<B, N> load(const B* from) {
    Parts<B, N> to;
    REPRORNG_UNROLL
    for (int i = 0; i < N; ++i) to.part[i] = from[i];
    return to;
  }
  template <int N>
  static REPRORNG_INLINE void store(B* to, const Parts<B, N>& from) {
    REPRORNG_UNROLL
    for (int i = 0; i < N; ++i) to[i] = from.part[i];
  }
};

REPRORNG_INLINE std::uint64_t smaller(std::uint64_t a, std::uint64_t b) { return a < b ? a : b; }

// Writes elements `first` to `first + count - 1` of the stream: whole steps through a tile of many,
// what is left at either end through a tile of one. `past_caches` says that the caches are better
// off without what is written.
template <class Kind, class V>
void fill(const Stream& stream, std::uint64_t first, std::uint64_t count, void* out,
          bool past_caches) {
  using Element = typename Kind::Element;
  using Bulk = Tile<Kind, V, kTileSteps>;
  using Rest = Tile<Kind, V, 1>;
  const RoundKeys key(stream.seed);
  Element* next = static_cast<Element*>(out);
  std::uint64_t block = first / Kind::kPerBlock;
  std::uint64_t skip = first % Kind::kPerBlock;
  while (count > 0) {
    // How many blocks are left before the high half of their number changes.
    const std::uint64_t alike = (std::uint64_t{1} << 32) - low_half(block);
    const std::uint64_t steps =
        smaller(kTileSteps, smaller(alike / V::kLanes, count / Bulk::kStep)) / Bulk::kAtOnce *
        Bulk::kAtOnce;
    std::uint64_t take, blocks;
    if (skip == 0 && steps > 0) {
      Bulk tile;
      blocks = steps * V::kLanes;
      take = steps * Bulk::kStep;
      tile.write(stream, key, block, static_cast<int>(steps), next, past_caches);
    } else {
      Rest tile;
      Element elements[Rest::kStep];
      tile.write(stream, key, block, 1, elements, false);
      blocks = smaller(alike, V::kLanes);
      take = smaller(count, blocks * Kind::kPerBlock - skip);
      std::memcpy(next, elements + skip, take * sizeof(Element));
      skip = 0;
    }
    block += blocks;
    next += take;
    count -= take;
  }
  if constexpr (kCanPassCaches<V>) {
    if (past_caches) V::wait_for_stores();
  }
}

}  // namespace reprorng

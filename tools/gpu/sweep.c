// SPDX-License-Identifier: Apache-2.0
// Who calls a translated kernel: a launch as a GPU would make it, and the sweep, which calls any
// kernel of float32 normals for blocks of its own choice.
#include "ptx.h"

enum { kCtaid, kTid, kFirstParameter };
enum { kOut = kFirstParameter, kLead, kFirst, kCount, kK0, kK1, kC2, kC3 };

// Every thread of a grid. Columns 0 and 1 of `arguments` are ignored.
void launch(uint64_t programs, uint32_t threads, const uint64_t* arguments, uint64_t low,
            Memory* memory) {
  Columns in;
  uint64_t lows[kLanes];
  for (int c = 0; c < kColumns; c++) {
    for (int lane = 0; lane < kLanes; lane++) in[c][lane] = arguments[c];
  }
  for (int lane = 0; lane < kLanes; lane++) lows[lane] = low;
  memory->low = lows;
  int lanes = 0;
  for (uint64_t i = 0, end = programs * threads; i < end; i++) {
    in[kCtaid][lanes] = i / threads;
    in[kTid][lanes] = i % threads;
    if (++lanes == kLanes || i + 1 == end) {
      run(lanes, in, memory);
      lanes = 0;
    }
  }
}

// A counter and a key, as many as lanes.
typedef struct {
  uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes], k0[kLanes], k1[kLanes];
} Blocks;

static uint32_t high(uint32_t a, uint32_t b) { return (uint64_t)a * b >> 32; }

// Philox backwards: from the outputs of blocks, in c0 to c3, to their counters.
static void invert(int count, Blocks* blocks) {
  for (int i = 0; i < count; i++) {
    uint32_t c0 = blocks->c0[i], c1 = blocks->c1[i], c2 = blocks->c2[i], c3 = blocks->c3[i];
    for (uint32_t round = PHILOX_ROUNDS; round-- > 0;) {
      const uint32_t k0 = blocks->k0[i] + round * PHILOX_W0;
      const uint32_t k1 = blocks->k1[i] + round * PHILOX_W1;
      const uint32_t a = c3 * PHILOX_M0_INVERSE, b = c1 * PHILOX_M1_INVERSE;
      c1 = c0 ^ high(PHILOX_M1, b) ^ k0;
      c3 = c2 ^ high(PHILOX_M0, a) ^ k1;
      c0 = a;
      c2 = b;
    }
    blocks->c0[i] = c0, blocks->c1[i] = c1, blocks->c2[i] = c2, blocks->c3[i] = c3;
  }
}

// Finds for each lane a key and a counter whose block has these words. A stream has 2^62 blocks, so
// one counter in four will do, and another key gives another counter.
static void find_blocks(int lanes, const uint32_t words[4][kLanes], Blocks* found) {
  int todo[kLanes], left = lanes;
  Blocks tried;
  for (int i = 0; i < lanes; i++) todo[i] = i;
  for (uint32_t attempt = 1; left > 0; attempt++) {
    for (int i = 0; i < left; i++) {
      const int lane = todo[i];
      tried.c0[i] = words[0][lane], tried.c1[i] = words[1][lane];
      tried.c2[i] = words[2][lane], tried.c3[i] = words[3][lane];
      tried.k0[i] = words[0][lane] + attempt * PHILOX_W0;
      tried.k1[i] = words[3][lane] + attempt * PHILOX_W1;
    }
    invert(left, &tried);
    int still = 0;
    for (int i = 0; i < left; i++) {
      const int lane = todo[i];
      if (tried.c1[i] >> 30) {
        todo[still++] = lane;
        continue;
      }
      found->c0[lane] = tried.c0[i], found->c1[lane] = tried.c1[i];
      found->c2[lane] = tried.c2[i], found->c3[lane] = tried.c3[i];
      found->k0[lane] = tried.k0[i], found->k1[lane] = tried.k1[i];
    }
    left = still;
  }
}

// The four normals of each block of words, each from a thread that makes the block, one plane of
// `count` for each place in the block. The draw of a thread begins at its program and has `lead`
// elements before it, so it is stored by vectors if `lead` is 0 and by elements if it is 1, 2 or 3.
void sweep(uint64_t count, const uint32_t* const words[4], uint32_t threads, uint32_t per_program,
           uint32_t lead, float* planes, Memory* memory) {
  const uint32_t blocks_of_program = per_program / 4;
  Columns in = {{0}};
  uint32_t wanted[4][kLanes];
  _Alignas(16) float made[kLanes][4];
  uint64_t lows[kLanes];
  Blocks found;
  memory->low = lows;
  memory->bytes = sizeof made[0];
  for (uint64_t at = 0; at < count; at += kLanes) {
    const int lanes = count - at < kLanes ? (int)(count - at) : kLanes;
    for (int j = 0; j < 4; j++) memcpy(wanted[j], words[j] + at, lanes * sizeof(uint32_t));
    find_blocks(lanes, wanted, &found);
    memset(made, 0xff, sizeof made);
    for (int lane = 0; lane < lanes; lane++) {
      const uint64_t block = pack32(found.c0[lane], found.c1[lane]);
      const uint64_t place = block % blocks_of_program;
      lows[lane] = (uint64_t)(uintptr_t)made[lane];
      in[kTid][lane] = place % threads;
      in[kOut][lane] = lows[lane] - 4 * (4 * place + lead);
      in[kLead][lane] = lead;
      in[kFirst][lane] = (block - place) * 4;
      in[kCount][lane] = per_program;
      in[kK0][lane] = found.k0[lane], in[kK1][lane] = found.k1[lane];
      in[kC2][lane] = found.c2[lane], in[kC3][lane] = found.c3[lane];
    }
    run(lanes, in, memory);
    for (int j = 0; j < 4; j++) {
      for (int lane = 0; lane < lanes; lane++) planes[j * count + at + lane] = made[lane][j];
    }
  }
}

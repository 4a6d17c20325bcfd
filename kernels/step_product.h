// The two products of a time step: states times the recurrent matrix, and derivatives times its transpose.
//
// Each is a function of its own for a number of rows, in which panels follow each other by pointers. Where each tile
// computed its addresses anew it began 30 to 50 cycles late: 8 rows by 100 by 400, an input of 1 and AVX-512, at least
// 10,100 cycles, took 10,690, and now 10,390.
#pragma once

#include "prefetch.h"
#include "sparse.h"

namespace IRNN_TARGET {

// What the product of a step is added to: bias + x Wxh or, if W is null, what the output holds already.
struct StepInput {
  int I;
  const float *x, *W, *bias;   // x of the first row; W packed, bias in whole vectors
  int columns;                 // that x contributes to; the others have their bias alone (0 times an infinite x is NaN)

  // The same for the columns from n on.
  IRNN_INLINE StepInput from(int n) const { return {I, x, W ? W + size_t(I) * n : nullptr, bias + n, columns - n}; }

  // Begins a tile, acc, whose output will be at `to`.
  template <int MR, int NV>
  IRNN_INLINE void begin(const float* to, size_t ldo, int tile_columns, vf (&acc)[MR][NV]) const {
    if (!W) return load_tile(to, ldo, tile_columns, acc);
    load_tile(bias, 0, NV * VL, acc);
    if (columns <= 0) return;
    multiply_few(I, x, I, 1, W, acc);
    if (columns >= NV * VL) return;
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) {
      const vi own = lane_numbers() < splat_int(columns - v * VL);
#pragma GCC unroll 8
      for (int r = 0; r < MR; r++) acc[r][v] = select(own, acc[r][v], load(bias + v * VL));
    }
  }
};

// out [MR, panels], rows ldo apart, = input + before [MR,K] times the packed matrix.
template <int MR>
IRNN_NOINLINE void step_rows(int K, const float* before, const Panels& panels, const float* packed, StepInput input,
                             float* out, size_t ldo, Prefetcher& prefetcher) {
  const int count = panels.count;
  for (int p = 0, columns = panels.columns; p < count; p++) {
    const int width = panels.width(p);
    with_const<MAX_VECTORS>(width, [&](auto nv) IRNN_INLINE_LAMBDA {
      vf acc[MR][nv.value];
      input.begin(out, ldo, columns, acc);
      multiply_prefetching(K, before, K, packed, prefetcher, acc);
      store_tile(out, ldo, columns, acc);
    });
    const int n = width * VL;
    packed += size_t(K) * n;
    out += n;
    columns -= n;
    input = input.from(n);
  }
}

// The same for any number of rows.
IRNN_INLINE void step_product(int rows, int K, const float* before, const Panels& panels, const float* packed,
                              const StepInput& input, float* out, size_t ldo, Prefetcher& prefetcher) {
  for_rows<MAX_ROWS>(rows, [&](int r0, auto mr) IRNN_INLINE_LAMBDA {
    StepInput own = input;
    own.x += size_t(r0) * input.I;
    step_rows<mr.value>(K, before + size_t(r0) * K, panels, packed, own, out + r0 * ldo, ldo, prefetcher);
  });
}

// Rows of da, `width` floats apart, whose first `columns` meet the recurrent matrix.
struct Delta {
  const float* da;
  int width, columns;
  Live live = {0, nullptr};
};

// carry_back() of the MR rows from r0 on.
template <int MR>
IRNN_NOINLINE void carry_rows(const Shard& shard, int t, int r0, const Delta& delta, int H, const Panels& panels,
                              const float* packed, float* carry, bool add, Prefetcher& prefetcher) {
  const float* da = delta.da + size_t(r0) * delta.width;
  const int count = panels.count, K = delta.columns;
  float* to = carry + r0 * H;
  for (int p = 0, columns = H; p < count; p++) {
    const int width = panels.width(p);
    with_const<MAX_VECTORS>(width, [&](auto nv) IRNN_INLINE_LAMBDA {
      vf acc[MR][nv.value];
      if (add) load_tile(to, H, columns, acc);
      else clear_tile(acc);
      if (delta.live.units) multiply_live(delta.live.count, delta.live.units, da, delta.width, packed, acc);
      else multiply_prefetching(K, da, delta.width, packed, prefetcher, acc);
      if (!shard.lengths) return store_tile(to, H, columns, acc);
#pragma GCC unroll 8
      for (int r = 0; r < MR; r++) {
        if (shard.padded(r0 + r, t)) continue;
#pragma GCC unroll 8
        for (int v = 0; v < nv.value; v++) store_n(to + r * H + v * VL, acc[r][v], columns - v * VL);
      }
    });
    const int n = width * VL;
    packed += size_t(K) * n;
    to += n;
    columns -= n;
  }
}

// carry [rows,H] = (or +=, if add) delta times the packed recurrent matrix, for the rows that are not padded at t.
IRNN_INLINE void carry_back(const Shard& shard, int t, const Delta& delta, int H, const Panels& panels,
                            const float* packed, float* carry, bool add, Prefetcher prefetcher = {}) {
  for_rows<MAX_ROWS>(shard.rows, [&](int r0, auto mr) IRNN_INLINE_LAMBDA {
    carry_rows<mr.value>(shard, t, r0, delta, H, panels, packed, carry, add, prefetcher);
  });
}

}   // namespace IRNN_TARGET

// How a recurrence walks: over the steps of a sequence, the shards of a minibatch, and blocks of steps backward.
#pragma once

#include "gradient.h"

namespace IRNN_TARGET {

// Input projections up to this width are computed inside the recurrence, from registers: writing and reading [T,B,H]
// for one pixel a step costs more than the product. Wider ones are one tall product before it.
constexpr int FUSED_INPUTS = 8;

// The i-th step of a sequence in the order it is computed, and the state slots it reads and writes.
struct Step {
  int t, from, to;
  Step(int i, int T, int reverse) : t(reverse ? T - 1 - i : i), from(reverse ? t + 1 : t), to(reverse ? t : t + 1) {}
  // The step that back-propagation comes to next; its t is outside 0 … T-1 if there is none.
  Step back(int T, int reverse) const { return Step((reverse ? T - 1 - t : t) - 1, T, reverse); }
};

// The rows b0 … b0+rows-1 of a minibatch that one thread runs through all steps.
struct Shard {
  int b0, rows;
  const int* lengths;   // of these rows, or null
  Shard(int s, int B, const int* all_lengths)
      : b0(s * SHARD_ROWS), rows(min(SHARD_ROWS, B - b0)), lengths(all_lengths ? all_lengths + b0 : nullptr) {}
  bool padded(int row, int t) const { return lengths && t >= lengths[row]; }
  template <class F>
  IRNN_INLINE void each_padded(int t, const F& f) const {   // f(row)
    for (int r = 0; lengths && r < rows; r++) {
      if (padded(r, t)) f(r);
    }
  }
};

// to [rows,H] = the shard's rows of from [B,H], or 0 if `from` is null.
IRNN_INLINE void copy_rows(const Shard& shard, int H, const float* from, float* to) {
  if (from) copy(shard.rows * H, from + size_t(shard.b0) * H, to);
  else fill_zero(shard.rows * H, to);
}

// The k-th block of steps t0 … t1-1 in the order of back-propagation. Fused weight gradients take a block at a time.
struct Block {
  int t0, t1;
  Block(int k, int T, int reverse)
      : t0((reverse ? k : ceil_div(T, BLOCK_STEPS) - 1 - k) * BLOCK_STEPS), t1(min(T, t0 + BLOCK_STEPS)) {}
  // The j-th step of the block in the order of back-propagation.
  Step step(int j, int T, int reverse) const {
    const int t = reverse ? t0 + j : t1 - 1 - j;
    return Step(reverse ? T - 1 - t : t, T, reverse);
  }
};

// step(step) for every step, the last first, and done(t0, t1) after each block of steps.
template <class S, class D>
IRNN_INLINE void back_by_blocks(int T, int reverse, const S& step, const D& done) {
  for (int k = 0; k < ceil_div(T, BLOCK_STEPS); k++) {
    const Block block(k, T, reverse);
    for (int j = 0; j < block.t1 - block.t0; j++) step(block.step(j, T, reverse));
    done(block.t0, block.t1);
  }
}

}   // namespace IRNN_TARGET

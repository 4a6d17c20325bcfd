// Weight gradients: dW += Σ_(t,b) A[t,b,:]ᵀ factor[t,b,:], where A is da of a recurrence or dy of a linear layer.
//
// All factors of one A (h, x and the constant 1 of the bias) lie side by side as one right-hand side, so that one pass
// over A yields all gradients: at H = 100, I = 1 they fill the vectors that h alone would take.
//
// Three algorithms, one file each:
//
// | file                | used by                     | when                         | one sum is                     |
// |---------------------|-----------------------------|------------------------------|--------------------------------|
// | gradient_frames.h   | rnn                         | fuses(): during the          | a shard's: a chain over its    |
// |                     |                             | recurrence, block by block   | rows; shards added as a tree   |
// | gradient_blocks.h   | gated cells                 | fuses(): likewise            | a shard's: a chain over blocks |
// |                     |                             |                              | of steps, each a chain from 0  |
// | gradient_deferred.h | linear layers, recurrences  | after the recurrence, from A | a chain over all rows (t, b)   |
// |                     | whose gradient is too large | in memory                    |                                |
//
// A fused gradient (frames, blocks) reads da and h while they are still in L2, which halves the memory read: the
// gradient alone took as long to fetch its operands from L3 as to multiply them. Fused gradients have these calls:
//
//   sum_floats()              size of one shard's sum
//   floats(groups)            memory they work in
//   place(groups, memory, …)  gives them that memory and the sums kept between segments (kernels.h, Part)
//   start(group, shard)       before a shard is back-propagated, called by the worker of its group
//   done(group, shard)        after it
//   finish()                  after all groups: adds to the gradients
//
// Between start and done a block of steps is added as the file says. Steps come in blocks of BLOCK_STEPS in the order
// of back-propagation; within a block, rows (t, b) ascend. No thread count changes a bit.
#pragma once

#include "gemm.h"

namespace IRNN_TARGET {

// Rows (t, b) of a shard that are packed at a time. BLOCK_STEPS is 16 because 16 · 8 rows of da of 400 floats are 205
// KB and stay in L2 (24 and 32 steps: backward pass of an LSTM 1.02 and 1.03).
constexpr int PACKED_ROWS = BLOCK_STEPS * SHARD_ROWS;

struct Factor {
  static constexpr int ALL = 0x7fffffff;
  const float* p;   // null: the constant 1
  int columns;
  size_t ld;                 // floats from one row (t, b) to the next
  float* gradient;           // [M, columns] +=; null: not wanted
  float* second = nullptr;   // [M, columns] +=: a second gradient with the same value (PyTorch's second bias), or null
  int rows = ALL, second_rows = ALL;   // only the first so many of the M rows are added
};

// Up to three factors side by side.
struct Factors {
  Factor list[3];
  int count, columns;
  Factors(const Factor& a, const Factor& b) : list{a, b, {}}, count(2), columns(a.columns + b.columns) {}
  Factors(const Factor& a, const Factor& b, const Factor& c)
      : list{a, b, c}, count(3), columns(a.columns + b.columns + c.columns) {}
  const Factor* begin() const { return list; }
  const Factor* end() const { return list + count; }

  // out [rows][width] = the columns from n0 on of `rows` consecutive rows, zeros past the last column.
  void pack(size_t row, int rows, int n0, int width, float* out) const;
  // Adds sum [width], row m and the columns from n0 on, to the gradients.
  void add_row(int m, int n0, int width, const float* sum) const;

 private:
  void pack_mixed(size_t row, int n0, int width, float* out) const;
};

// What a gradient is made of. Holds pointers only.
struct GradientOf {
  int T, B, M;
  const float* A;   // [T,B,M]
  size_t lda;       // floats from one row to the next
  Factors factors;
  int before = 0;   // floats that each row has before its M; fused gradients may read them, to begin at a whole vector
  int after = 0;    // floats that each row has after its M, which may be read too
};

// f(t0, t1) for the blocks of steps in the order of back-propagation.
template <class F>
IRNN_INLINE void each_block_of_steps(int T, const F& f) {
  for (int t0 = (T - 1) / BLOCK_STEPS * BLOCK_STEPS; t0 >= 0; t0 -= BLOCK_STEPS) f(t0, min(T, t0 + BLOCK_STEPS));
}

// Up to so many rows (t, b) of a whole sequence, a large gradient is deferred: its operands lie in the cache at the end
// too (ReLU of 512 by 512, T = B = 20: fused took 1.1 times as long).
constexpr int SHORT_ROWS = 1024;
// Whether a gradient [M, columns] of a recurrence over `rows` rows (t, b) in all is fused with it. A shard's sum may
// have 4 MB, of few rows 288 KB: even where a sum leaves L2, adding to it during the recurrence costs less than
// fetching da and h again (backward pass of LSTM of 200 units 0.85, GRU 0.77, ReLU of 400 0.86).
IRNN_INLINE bool fuses(int rows, int M, int columns) {
  return Panels(columns).floats(M) <= (rows <= SHORT_ROWS ? 72 * 1024 : 1024 * 1024);
}

}   // namespace IRNN_TARGET

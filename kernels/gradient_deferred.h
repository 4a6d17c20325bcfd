// Weight gradients that are made at once, from A and the factors in memory: those of linear layers, and those of
// recurrences that fuses() (gradient.h) is false for. Every element is one chain over all rows (t, b), so that a chain
// of 204,800 rows of mean 1 has a relative error of 4e-6 where a tree over shards has 8e-7 (docs/decisions/003).
#pragma once

#include "gradient.h"

namespace IRNN_TARGET {

// Any number of rows and segments: a block of the gradient's rows at a time, its sum in memory (gradient_long.cc).
void long_gradient(const GradientOf& gradient, float* sums, int part);
// A whole sequence of at most SHORT_ROWS rows (t, b): a tile of the gradient at a time, in registers
// (gradient_short.cc).
void short_gradient(const GradientOf& gradient);

// Adds the gradient of a sequence, or of a segment of one (kernels.h, Part). Uses scratch slot 1.
IRNN_INLINE void deferred_gradient(const GradientOf& gradient, float* sums, int part) {
  if (part == (FIRST | LAST) && gradient.T * gradient.B <= SHORT_ROWS) short_gradient(gradient);
  else long_gradient(gradient, sums, part);
}
// Floats of `sums` that it uses.
IRNN_INLINE size_t deferred_sums(const GradientOf& gradient) {
  return Panels(gradient.factors.columns).floats(gradient.M);
}

// Blocks are dealt to at most 16 pieces of work, each with memory of its own: with one buffer a block, a gradient of
// 10,000 rows took 112 MB, all of it fetched from memory.
constexpr int pieces_of(int blocks) { return min(16, blocks); }
// f(block, piece)
template <class F>
void each_block_of_rows(size_t work, int blocks, const F& f) {
  const int pieces = pieces_of(blocks);
  parallel_if_worth(work, pieces, [=](int piece) {
    for (int block = piece * blocks / pieces; block < (piece + 1) * blocks / pieces; block++) f(block, piece);
  });
}

// Packs the columns m0 … m1-1 of consecutive rows of A as the rows k … of left [tile][K][tile columns].
IRNN_INLINE void pack_left(const GradientOf& g, size_t row, int rows, int m0, int m1, int K, int k, float* left) {
  for_rows<MAX_ROWS>(m1 - m0, [&](int m, auto mr) IRNN_INLINE_LAMBDA {
    const float* from = g.A + row * g.lda + m0 + m;
    float* to = left + size_t(m) * K + k * mr.value;
    for (int r = 0; r < rows; r++, from += g.lda, to += mr.value) __builtin_memcpy(to, from, mr.value * sizeof(float));
  });
}

}   // namespace IRNN_TARGET

// Weight gradients that are taken at the end, from A and the factors in memory: of a linear layer, and of a recurrence whose
// sums are too large to be made beside it.
#include "gradient.h"

namespace IRNN_TARGET {

namespace {

template <class F>
void each_block(size_t work, int blocks, const F& f) {   // f(block, piece)
  const int pieces = pieces_of(blocks);
  parallel_if_worth(work, pieces, [=](int piece) {
    for (int block = piece * blocks / pieces; block < (piece + 1) * blocks / pieces; block++) f(block, piece);
  });
}

// f(t0, t1) for the blocks of steps in the order of back-propagation; their rows (t, b) ascend.
template <class F>
IRNN_INLINE void each_block_of_steps(int T, const F& f) {
  for (int t0 = (T - 1) / STEPS * STEPS; t0 >= 0; t0 -= STEPS) f(t0, min(T, t0 + STEPS));
}

}  // namespace

// A few rows of the columns m0 … m1-1 of A as the k-th and following of left [tile][K][tile rows].
IRNN_INLINE void WeightGradient::pack_left(size_t row, int rows, int m0, int m1, int K, int k, float* left) const {
  for_rows<MAX_ROWS>(m1 - m0, [&](int m, auto mr) IRNN_INLINE_LAMBDA {
    const float* from = A_ + row * lda_ + m0 + m;
    float* to = left + size_t(m) * K + k * mr.value;
    for (int r = 0; r < rows; r++, from += lda_, to += mr.value) __builtin_memcpy(to, from, mr.value * sizeof(float));
  });
}

// LATER: the piece's sum [m1-m0][panels] += what consecutive rows give, at most PACKED_ROWS of them. Both sides are packed in the order
// of the inner loop: left [tile][row][tile rows], right [panel][row][panel width].
void WeightGradient::add_chunk(const Piece& piece, size_t row, int K) const {
  const int M = piece.m1 - piece.m0;
  for (int k = 0; k < K; k += 8) {   // all columns of 8 rows: by columns of all rows, too many pages take turns (76 ms -> 81 at 500 x 1501)
    const int rows = min(8, K - k);
    for (int p = 0; p < panels_.count; p++) {
      const int width = panels_.width(p) * VL;
      copy(row + k, rows, panels_.first(p) * VL, width, piece.right + panels_.offset(p, K) + size_t(k) * width);
    }
    pack_left(row + k, rows, piece.m0, piece.m1, K, k, piece.left);
  }
  for (int p = 0; p < panels_.count; p++) {
    with_const<MAX_VECTORS>(panels_.width(p), [&](auto nv) {
      constexpr int width = nv.value * VL;
      for_rows<MAX_ROWS>(M, [&](int m, auto mr) IRNN_INLINE_LAMBDA {
        vf acc[mr.value][nv.value];
        float* tile = piece.sums + panels_.offset(p, M) + size_t(m) * width;
        load_tile(tile, width, width, acc);
        multiply(K, piece.left + size_t(m) * K, 1, mr.value, piece.right + panels_.offset(p, K), acc);
        store_tile(tile, width, width, acc);
      });
    });
  }
}

// LATER: adds a block of the gradient's rows. Steps come in the order in which a recurrence hands them over, segment by segment.
void WeightGradient::add_rows(int block, int memory) const {
  const Piece own = piece(memory, block * block_, min(M_, (block + 1) * block_));
  const size_t floats = panels_.floats(own.m1 - own.m0);
  begin(own.sums, 0, own.m0, floats);
  each_block_of_steps(T_, [&](int t0, int t1) {
    const size_t end = size_t(t1) * B_;
    for (size_t row = size_t(t0) * B_; row < end; row += PACKED_ROWS) add_chunk(own, row, int(end - row < PACKED_ROWS ? end - row : PACKED_ROWS));
  });
  if (!keep(own.sums, 0, own.m0, floats)) deliver(own.m0, own.m1, own.sums);
}

void WeightGradient::finish_later() const {
  each_block(size_t(T_) * B_ * M_ * panels_.columns, ceil_div(M_, block_), [this](int block, int piece) { add_rows(block, piece); });
}

// Of few rows (t, b), a linear layer over a vocabulary or a wide recurrence over a short window, a tile of the gradient takes all of them in
// registers: sums of blocks of rows, 20 MB at 400 x 512 by 512 x 10000, went to memory and back.
// The right-hand side once for all pieces, [panel][row][panel width].
void WeightGradient::pack_short_right(int p) const {
  const Panels& panels = short_panels_;
  const int width = panels.width(p) * VL;
  float* out = memory_ + panels.offset(p, T_ * B_);
  each_block_of_steps(T_, [&](int t0, int t1) {
    const int rows = (t1 - t0) * B_;
    copy(size_t(t0) * B_, rows, panels.first(p) * VL, width, out);
    out += size_t(rows) * width;
  });
}

// left [tile][row][tile rows] = the columns m0 … m1-1 of A, 8 rows at a time, which are far apart.
void WeightGradient::pack_short_left(int m0, int m1, float* left) const {
  const int K = T_ * B_;
  int k = 0;
  each_block_of_steps(T_, [&](int t0, int t1) {
    for (int row = t0 * B_; row < t1 * B_; row += 8) {
      const int rows = min(8, t1 * B_ - row);
      pack_left(row, rows, m0, m1, K, k, left);
      k += rows;
    }
  });
}

// The gradient of the bias: A times the constant 1. As a column beside 512 others it would take a vector of its own.
void WeightGradient::add_short_bias(int m0, int m1) const {
  float sum[SHORT_BLOCK] = {};
  each_block_of_steps(T_, [&](int t0, int t1) {
    for (int row = t0 * B_; row < t1 * B_; row++) {
      for (int m = m0; m < m1; m++) sum[m - m0] += A_[row * lda_ + m];
    }
  });
  float* const gradients[] = {factors_[count_ - 1].gradient, factors_[count_ - 1].second};
  for (float* gradient : gradients) {
    for (int m = m0; gradient && m < m1; m++) gradient[m] += sum[m - m0];
  }
}

// Adds the rows m0 … m1-1 to the gradients: a tile takes all its rows (t, b) in registers.
void WeightGradient::add_short_rows(int m0, int m1, float* left) const {
  const int K = T_ * B_;
  const Panels& panels = short_panels_;
  pack_short_left(m0, m1, left);
  if (short_panels_.columns % VL == 0) add_short_bias(m0, m1);   // else it is a column behind the others
  // The next block's rows of A, far apart in memory, are asked for while this one's tiles are multiplied.
  const int ahead = min(m1 - m0, M_ - m1), share = ceil_div(K, max(1, panels.count) * ceil_div(m1 - m0, MAX_ROWS));
  int asked = ahead > 0 ? 0 : K;
  for (int p = 0; p < panels.count; p++) {
    with_const<MAX_VECTORS>(panels.width(p), [&](auto nv) {
      constexpr int width = nv.value * VL;
      const int n0 = panels.first(p) * VL;
      for_rows<MAX_ROWS>(m1 - m0, [&](int m, auto mr) IRNN_INLINE_LAMBDA {
        for (const int end = min(K, asked + share); asked < end; asked++) prefetch(A_ + size_t(asked) * lda_ + m1, ahead);
        const Factor& factor = factors_[0];
        const bool inside = n0 + width <= factor.columns && factor.gradient && !factor.second;
        float* to = inside ? factor.gradient + size_t(m0 + m) * factor.columns + n0 : nullptr;
        for (int r = 0; to && r < mr.value; r++) prefetch(to + size_t(r) * factor.columns, width);   // hidden by the multiplication
        vf acc[mr.value][nv.value];
        clear_tile(acc);
        multiply(K, left + size_t(m) * K, 1, mr.value, memory_ + panels.offset(p, K), acc);
        if (to) {
          add_tile(to, factor.columns, acc);
          store_tile(to, factor.columns, width, acc);
          return;
        }
        alignas(64) float sums[mr.value * width];
        store_tile(sums, width, width, acc);
        for (int r = 0; r < mr.value; r++) add_row(m0 + m + r, n0, width, sums + r * width);
      });
    });
  }
}

void WeightGradient::finish_short() const {
  const int K = T_ * B_;
  parallel_if_worth(short_panels_.floats(K), short_panels_.count, [=](int p) { pack_short_right(p); });
  each_block(size_t(K) * M_ * short_panels_.columns, ceil_div(M_, SHORT_BLOCK), [=](int block, int piece) {
    float* left = memory_ + short_panels_.floats(K) + size_t(piece) * SHORT_BLOCK * K;
    add_short_rows(block * SHORT_BLOCK, min(M_, (block + 1) * SHORT_BLOCK), left);
  });
}

}  // namespace IRNN_TARGET

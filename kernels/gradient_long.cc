// A deferred gradient over any number of rows (t, b): a block of the gradient's rows at a time, whose sum stays in
// memory while chunks of at most 128 rows (t, b) are packed and multiplied.
#include "gradient_deferred.h"

namespace IRNN_TARGET {

namespace {

struct LongGradient {
  const GradientOf& g;
  float* kept;   // [panels of M rows]: sums between segments
  int part;
  Panels panels;
  int block;   // rows of the gradient that a piece of work holds
  float* memory;

  // Of a piece of work: both sides packed in the order of the inner loop, right [panel][row][panel width] and
  // left [tile][row][tile columns], and the sum [panel][m1-m0][panel width].
  struct Piece {
    int m0, m1;
    float *left, *right, *sum;
  };

  // At most 128 rows of the gradient; two blocks even of a small one, so that two threads have work.
  static int block_rows(int M) {
    constexpr int MOST = 128;
    return int(round_up(ceil_div(M, max(M >= 32 ? 2 : 1, ceil_div(M, MOST))), MAX_ROWS));
  }
  size_t right_floats() const { return panels.floats(PACKED_ROWS); }
  size_t left_floats() const { return round_up(size_t(block) * PACKED_ROWS, 16); }
  size_t piece_floats() const { return right_floats() + left_floats() + panels.floats(block); }

  Piece piece(int i, int m0, int m1) const {
    float *right = memory + i * piece_floats(), *left = right + right_floats();
    return {m0, m1, left, right, left + left_floats()};
  }

  // The piece's sum += what K consecutive rows give, at most PACKED_ROWS of them.
  void add_chunk(const Piece& piece, size_t row, int K) const {
    const int M = piece.m1 - piece.m0;
    // All columns of 8 rows at a time: columns of all rows would touch too many pages (500 x 1501: 76 ms -> 81).
    for (int k = 0; k < K; k += 8) {
      const int rows = min(8, K - k);
      for (int p = 0; p < panels.count; p++) {
        const int width = panels.width(p) * VL;
        float* to = piece.right + panels.offset(p, K) + size_t(k) * width;
        g.factors.pack(row + k, rows, panels.first(p) * VL, width, to);
      }
      pack_left(g, row + k, rows, piece.m0, piece.m1, K, k, piece.left);
    }
    for (int p = 0; p < panels.count; p++) {
      with_const<MAX_VECTORS>(panels.width(p), [&](auto nv) {
        constexpr int width = nv.value * VL;
        for_rows<MAX_ROWS>(M, [&](int m, auto mr) IRNN_INLINE_LAMBDA {
          vf acc[mr.value][nv.value];
          float* tile = piece.sum + panels.offset(p, M) + size_t(m) * width;
          load_tile(tile, width, width, acc);
          multiply(K, piece.left + size_t(m) * K, 1, mr.value, piece.right + panels.offset(p, K), acc);
          store_tile(tile, width, width, acc);
        });
      });
    }
  }

  // Adds a block of the gradient's rows.
  void add_rows(int i, int memory) const {
    const Piece own = piece(memory, i * block, min(g.M, (i + 1) * block));
    const size_t floats = panels.floats(own.m1 - own.m0);
    if (part & FIRST) fill_zero(int(floats), own.sum);
    else copy(int(floats), kept + panels.floats(own.m0), own.sum);
    each_block_of_steps(g.T, [&](int t0, int t1) {
      const size_t end = size_t(t1) * g.B;
      for (size_t row = size_t(t0) * g.B; row < end; row += PACKED_ROWS) {
        add_chunk(own, row, int(end - row < PACKED_ROWS ? end - row : PACKED_ROWS));
      }
    });
    if (part & LAST) deliver(own);
    else copy(int(floats), own.sum, kept + panels.floats(own.m0));
  }

  void deliver(const Piece& piece) const {
    for (int p = 0; p < panels.count; p++) {
      const int width = panels.width(p) * VL;
      const float* row = piece.sum + panels.offset(p, piece.m1 - piece.m0);
      for (int m = piece.m0; m < piece.m1; m++, row += width) {
        g.factors.add_row(m, panels.first(p) * VL, width, row);
      }
    }
  }
};

}   // namespace

void long_gradient(const GradientOf& gradient, float* sums, int part) {
  const int block = LongGradient::block_rows(gradient.M), blocks = ceil_div(gradient.M, block);
  LongGradient own{gradient, sums, part, Panels(gradient.factors.columns), block, nullptr};
  own.memory = static_cast<float*>(irnn_host::scratch(1, pieces_of(blocks) * own.piece_floats() * sizeof(float)));
  each_block_of_rows(size_t(gradient.T) * gradient.B * gradient.M * own.panels.columns, blocks,
                     [&own](int i, int piece) { own.add_rows(i, piece); });
}

}   // namespace IRNN_TARGET

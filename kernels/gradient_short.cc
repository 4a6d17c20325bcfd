// A deferred gradient over at most SHORT_ROWS rows (t, b), of a linear layer over a vocabulary or a wide recurrence
// over a short window: a tile of the gradient takes all rows in registers. Sums of blocks of rows, 20 MB at 400 x 512
// by 512 x 10000, went to memory and back.
#include "gradient_deferred.h"

namespace IRNN_TARGET {

namespace {

struct ShortGradient {
  static constexpr int BLOCK = 128;   // rows of the gradient that share one packing of A

  const GradientOf& g;
  Panels panels;   // of the factors but the last, the constant 1
  float* memory;   // right [panel][K][panel width], then left [tile][K][tile columns] for each piece of work

  int rows() const { return g.T * g.B; }
  size_t left_floats() const { return size_t(BLOCK) * rows(); }
  size_t floats() const { return panels.floats(rows()) + pieces_of(ceil_div(g.M, BLOCK)) * left_floats(); }

  // The right-hand side, once for all pieces. If the constant 1 has room in the last vector it is packed there too.
  void pack_right(int p) const {
    const int width = panels.width(p) * VL;
    float* out = memory + panels.offset(p, rows());
    each_block_of_steps(g.T, [&](int t0, int t1) {
      const int count = (t1 - t0) * g.B;
      g.factors.pack(size_t(t0) * g.B, count, panels.first(p) * VL, width, out);
      out += size_t(count) * width;
    });
  }

  // The columns m0 … m1-1 of A, 8 rows at a time, which are far apart.
  void pack_all_left(int m0, int m1, float* left) const {
    int k = 0;
    each_block_of_steps(g.T, [&](int t0, int t1) {
      for (int row = t0 * g.B; row < t1 * g.B; row += 8) {
        const int count = min(8, t1 * g.B - row);
        pack_left(g, row, count, m0, m1, rows(), k, left);
        k += count;
      }
    });
  }

  // The gradient of the bias, A times the constant 1, if the other columns fill their vectors: after 512 of them it
  // would take a vector of its own.
  void add_bias(int m0, int m1) const {
    float sum[BLOCK] = {};
    each_block_of_steps(g.T, [&](int t0, int t1) {
      for (int row = t0 * g.B; row < t1 * g.B; row++) {
        for (int m = m0; m < m1; m++) sum[m - m0] += g.A[row * g.lda + m];
      }
    });
    for (int m = m0; m < m1; m++) g.factors.add_row(m, panels.columns, 1, sum + m - m0);
  }

  // Adds the rows m0 … m1-1 to the gradients.
  void add_rows(int m0, int m1, float* left) const {
    const int K = rows(), tiles = max(1, panels.count) * ceil_div(m1 - m0, MAX_ROWS);
    pack_all_left(m0, m1, left);
    if (panels.columns % VL == 0) add_bias(m0, m1);
    // The next block's rows of A, far apart in memory, are prefetched while this one's tiles are multiplied.
    const int ahead = min(m1 - m0, g.M - m1), share = ceil_div(K, tiles);
    int fetched = ahead > 0 ? 0 : K;
    for (int p = 0; p < panels.count; p++) {
      with_const<MAX_VECTORS>(panels.width(p), [&](auto nv) {
        for_rows<MAX_ROWS>(m1 - m0, [&](int m, auto mr) IRNN_INLINE_LAMBDA {
          for (const int end = min(K, fetched + share); fetched < end; fetched++) {
            prefetch(g.A + size_t(fetched) * g.lda + m1, ahead);
          }
          add_tile_of<mr.value, nv.value>(p, m0 + m, left + size_t(m) * K);
        });
      });
    }
  }

  // One tile, rows from m on and panel p. Columns of the first factor alone are added in place.
  template <int MR, int NV>
  IRNN_INLINE void add_tile_of(int p, int m, const float* left) const {
    constexpr int width = NV * VL;
    const int K = rows(), n0 = panels.first(p) * VL;
    const Factor& factor = g.factors.list[0];
    const bool inside = n0 + width <= factor.columns && factor.gradient && !factor.second;
    float* to = inside ? factor.gradient + size_t(m) * factor.columns + n0 : nullptr;
    // The multiplication hides these prefetches.
    for (int r = 0; to && r < MR; r++) prefetch(to + size_t(r) * factor.columns, width);
    vf acc[MR][NV];
    clear_tile(acc);
    multiply(K, left, 1, MR, memory + panels.offset(p, K), acc);
    if (to) {
      add_tile(to, factor.columns, acc);
      store_tile(to, factor.columns, width, acc);
      return;
    }
    alignas(64) float sums[MR * width];
    store_tile(sums, width, width, acc);
    for (int r = 0; r < MR; r++) g.factors.add_row(m + r, n0, width, sums + r * width);
  }
};

}   // namespace

void short_gradient(const GradientOf& gradient) {
  ShortGradient own{gradient, Panels(gradient.factors.columns - 1), nullptr};
  own.memory = static_cast<float*>(irnn_host::scratch(1, own.floats() * sizeof(float)));
  const int K = own.rows(), blocks = ceil_div(gradient.M, ShortGradient::BLOCK);
  parallel_if_worth(own.panels.floats(K), own.panels.count, [&own](int p) { own.pack_right(p); });
  each_block_of_rows(size_t(K) * gradient.M * own.panels.columns, blocks, [&own, K](int block, int piece) {
    float* left = own.memory + own.panels.floats(K) + piece * own.left_floats();
    const int m0 = block * ShortGradient::BLOCK;
    own.add_rows(m0, min(own.g.M, m0 + ShortGradient::BLOCK), left);
  });
}

}   // namespace IRNN_TARGET

// The fused weight gradient of gated cells: add() adds a block of steps.
//
// A shard's sum is kept transposed, [columns of the factors, M]: M = 400 fills its vectors, h, x and 1 (102 columns)
// would not, and da, the larger side, is read where it lies.
#pragma once

#include "shard_sums.h"

namespace IRNN_TARGET {

class BlockGradient : public ShardSums {
 public:
  explicit BlockGradient(const GradientOf& gradient);
  // Adds the steps t0 … t1-1 of a shard, whose rows of A are there now.
  void add(int group, int shard, int t0, int t1) const;
  void finish() const;

 private:
  // One or two columns take wider panels: tiles of 2 rows by 3 vectors would wait for their own sums. (8 vectors made
  // S4 with AVX2 1 to 2 % slower.)
  static constexpr int FEW_COLUMNS = 2, FEW_VECTORS = VL == 16 ? 8 : VL == 8 ? 5 : 4;
  static constexpr size_t COPY_FLOATS = size_t(PACKED_ROWS) * FEW_VECTORS * VL;
  // Rows (t, b) of a shard's steps in memory: floats from one row to the next, and from one step to the next.
  struct Rows {
    const float* p;
    size_t row, step;
  };

  static Panels panels_of(const GradientOf& gradient) {
    return Panels(gradient.before + gradient.M, gradient.factors.columns <= FEW_COLUMNS ? FEW_VECTORS : MAX_VECTORS);
  }
  void pack_columns(int first_column, int shard, int t0, int t1, float* left) const;
  void pack_column(const Factor& factor, int n, size_t row, int steps, int rows, int width, float* to) const;
  static Rows copied(const Rows& rows, int steps, int count, int columns, int width, float* to);
  template <int NV>
  static void add_panel(int steps, int rows, const Rows& A, const Rows& factor, int wide, const float* left, int packed,
                        float* sum);

  GradientOf g_;
  Panels panels_;   // of before + M columns
};

}   // namespace IRNN_TARGET

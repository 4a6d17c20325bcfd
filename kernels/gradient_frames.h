// The fused weight gradient of rnn: the caller (sparse_backward.h) adds its blocks of steps to a shard's sum [M,
// columns] itself, or to a part of it, a frame of some rows and columns.
#pragma once

#include "shard_sums.h"

namespace IRNN_TARGET {

class FrameGradient : public ShardSums {
 public:
  explicit FrameGradient(const GradientOf& gradient)
      : ShardSums(gradient.M * row_floats(gradient)), M_(gradient.M), row_floats_(row_floats(gradient)),
        factors_(gradient.factors) {}

  // part [m_count][stride] = the rows and columns listed of a shard's sum.
  void take_part(const float* sum, const int* rows, int m_count, const int* columns, int n_count, float* part,
                 size_t stride) const {
    for (int i = 0; i < m_count; i++) {
      for (int j = 0; j < n_count; j++) part[i * stride + j] = sum[rows[i] * row_floats_ + columns[j]];
    }
  }
  // Puts it back.
  void put_part(float* sum, const int* rows, int m_count, const int* columns, int n_count, const float* part,
                size_t stride) const {
    for (int i = 0; i < m_count; i++) {
      for (int j = 0; j < n_count; j++) sum[rows[i] * row_floats_ + columns[j]] = part[i * stride + j];
    }
  }

  void finish() const {
    const float* sum = total();
    for (int m = 0; sum && m < M_; m++) factors_.add_row(m, 0, factors_.columns, sum + m * row_floats_);
  }

 private:
  static size_t row_floats(const GradientOf& gradient) { return round_up(gradient.factors.columns, VL); }

  int M_;
  size_t row_floats_;
  Factors factors_;
};

}   // namespace IRNN_TARGET

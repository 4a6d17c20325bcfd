// Factors: from the arrays to a packed right-hand side, and from a sum to the gradients.
#include "gradient.h"

namespace IRNN_TARGET {

// Nearly all panels lie within one factor.
IRNN_INLINE void Factors::pack(size_t row, int rows, int n0, int width, float* out) const {
  const Factor& wide = list[0];
  if (wide.p && n0 + width <= wide.columns) {
    const float* from = wide.p + row * wide.ld + n0;
    for (int r = 0; r < rows; r++, from += wide.ld, out += width) {
      for (int n = 0; n < width; n += VL) store(out + n, load(from + n));
    }
    return;
  }
  for (int r = 0; r < rows; r++, row++, out += width) pack_mixed(row, n0, width, out);
}

void Factors::pack_mixed(size_t row, int n0, int width, float* out) const {
  int n = 0, first = 0;
  for (const Factor& factor : *this) {
    const int end = min(width, first + factor.columns - n0);
    if (n < end) {
      const float* from = factor.p ? factor.p + row * factor.ld + (n0 - first) : nullptr;
      for (; from && n + VL <= end; n += VL) store(out + n, load(from + n));
      for (; n < end; n++) out[n] = from ? from[n] : 1.0f;
    }
    first += factor.columns;
  }
  for (; n < width; n++) out[n] = 0.0f;
}

void Factors::add_row(int m, int n0, int width, const float* sum) const {
  const auto add = [](float* to, const float* from, int n) {
    each_vector(n, [=](int i, auto lanes) IRNN_INLINE_LAMBDA {
      const vf both = lanes.load(to + i) + lanes.load(from + i);
      lanes.store(to + i, both);
    });
  };
  int first = 0;
  for (const Factor& factor : *this) {
    const int begin = max(n0, first), columns = min(n0 + width, first + factor.columns) - begin;
    const size_t at = size_t(m) * factor.columns + (begin - first);
    if (columns > 0 && factor.gradient && m < factor.rows) add(factor.gradient + at, sum + begin - n0, columns);
    if (columns > 0 && factor.second && m < factor.second_rows) add(factor.second + at, sum + begin - n0, columns);
    first += factor.columns;
  }
}

double shard_rows() { return SHARD_ROWS; }
double block_steps() { return BLOCK_STEPS; }

// A sum lies in whole vectors, and at most three gradients share M and N (gated_backward.h).
double sums_floats(int B, int M, int N) {
  return double(ceil_div(B, SHARD_ROWS)) * double(round_up(M, 16) + 32) * double(round_up(N, 16));
}

}   // namespace IRNN_TARGET

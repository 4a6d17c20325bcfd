// Kernels that look at one number at a time: nonlinearities, dropout, columns copied, sums over all numbers, clipping.
#include "lanes.h"
#include "math.h"
#include "parallel.h"

namespace IRNN_TARGET {

namespace {

// The sum of f(first, count) over blocks, added as a balanced tree.
template <class F>
IRNN_INLINE double sum_blocks(int n, const F& f) {
  const int blocks = ceil_div(n, BLOCK);
  if (blocks == 0) return 0.0;
  double* sums = static_cast<double*>(irnn_host::scratch(0, blocks * sizeof(double)));
  parallel(blocks, [&](int i) { sums[i] = f(i * BLOCK, min(BLOCK, n - i * BLOCK)); });
  for (int gap = 1; gap < blocks; gap *= 2) {
    for (int i = 0; i + gap < blocks; i += 2 * gap) sums[i] += sums[i + gap];
  }
  return sums[0];
}

}   // namespace

void tanh_forward(int n, const float* x, float* y) {
  each_block(n, [=](int first, int count) {
    each_vector(count, [=](int i, auto lanes) IRNN_INLINE_LAMBDA {
      const vf v = lanes.load(x + first + i);
      lanes.store(y + first + i, tanh(v));
    });
  });
}

void sigmoid_forward(int n, const float* x, float* y) {
  each_block(n, [=](int first, int count) {
    each_vector(count, [=](int i, auto lanes) IRNN_INLINE_LAMBDA {
      const vf v = lanes.load(x + first + i);
      lanes.store(y + first + i, sigmoid(v));
    });
  });
}

// Sixteen running sums, so that additions do not wait for each other, in double, where the square of no float
// overflows.
double sum_of_squares(int n, const float* x) {
  return sum_blocks(n, [=](int first, int count) {
    constexpr int SUMS = 16;
    double sum[SUMS] = {};
    int i = 0;
    for (; i + SUMS <= count; i += SUMS) {
      IRNN_VECTORIZE
      for (int j = 0; j < SUMS; j++) sum[j] += double(x[first + i + j]) * double(x[first + i + j]);
    }
    for (; i < count; i++) sum[0] += double(x[first + i]) * double(x[first + i]);
    for (int half = SUMS / 2; half > 0; half /= 2) {
      for (int j = 0; j < half; j++) sum[j] += sum[j + half];
    }
    return sum[0];
  });
}

double count_nonzero(int n, const float* x) {
  return sum_blocks(n, [=](int first, int count) {
    int nonzero = 0;
    IRNN_VECTORIZE
    for (int i = first; i < first + count; i++) nonzero += x[i] != 0.0f;
    return double(nonzero);
  });
}

double clip_value(int n, float limit, float* x) {
  return sum_blocks(n, [=](int first, int count) {
    int changed = 0;
    each_vector(count, [&](int i, auto lanes) IRNN_INLINE_LAMBDA {
      const vf v = lanes.load(x + first + i);
      changed += __builtin_popcount(lane_mask((v > limit) | (v < -limit)));
      lanes.store(x + first + i, clamp(v, limit));
    });
    return double(changed);
  });
}

void scale(int n, float factor, float* x) {
  each_block(n, [=](int first, int count) {
    IRNN_VECTORIZE
    for (int i = first; i < first + count; i++) x[i] *= factor;
  });
}

void copy_columns(int N, int columns, const float* src, int src_width, int src_column, float* dst, int dst_width,
                  int dst_column, int accumulate) {
  constexpr int BLOCK = 256;
  parallel_if_worth(size_t(N) * columns, ceil_div(N, BLOCK), [=](int i) {
    for (int n = i * BLOCK; n < min(N, (i + 1) * BLOCK); n++) {
      const float* from = src + size_t(n) * src_width + src_column;
      float* to = dst + size_t(n) * dst_width + dst_column;
      if (accumulate) {
        IRNN_VECTORIZE
        for (int j = 0; j < columns; j++) to[j] += from[j];
      } else {
        IRNN_VECTORIZE
        for (int j = 0; j < columns; j++) to[j] = from[j];
      }
    }
  });
}

// The bits of an element depend on its index and the key alone, not on the thread that computes it: two rounds of a
// finaliser (Wellons, "lowbias32"). Its upper 24 bits are uniform in [0,1) on a grid that float32 represents exactly.
void dropout(int n, int first, int seed, int iteration, float p, const float* x, float* y) {
  const auto mix = [](uint32_t z) IRNN_INLINE_LAMBDA {
    z = (z ^ (z >> 16)) * 0x7feb352du;
    z = (z ^ (z >> 15)) * 0x846ca68bu;
    return z ^ (z >> 16);
  };
  const uint32_t key = mix(mix(uint32_t(seed)) + uint32_t(iteration) * 0x9e3779b9u);
  const uint32_t least = uint32_t(p * 16777216.0f);
  const float kept = 1.0f / (1.0f - p);
  each_block(n, [=](int from, int count) {
    IRNN_VECTORIZE
    for (int i = from; i < from + count; i++) {
      const uint32_t bits = mix(mix(uint32_t(first + i) + key) ^ key);
      y[i] = (bits >> 8) >= least ? x[i] * kept : 0.0f;
    }
  });
}

}   // namespace IRNN_TARGET

// Elementwise kernels: nonlinearities, clipping, norms, and the optimisers' updates in PyTorch's formulas.
#include "math.h"

namespace IRNN_TARGET {

namespace {

constexpr int BLOCK = 16384;   // elements of one piece of work: 64 KB, some microseconds

// f(first, count) over blocks of n elements.
template <class F>
IRNN_INLINE void each_block(int n, const F& f) {
  parallel(ceil_div(n, BLOCK), [&](int i) { f(i * BLOCK, min(BLOCK, n - i * BLOCK)); });
}

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

}  // namespace

void tanh_forward(int n, const float* x, float* y) {
  each_block(n, [=](int first, int count) {
    for (int i = first; i < first + count; i += VL) store_n(y + i, tanh(load_n(x + i, first + count - i)), first + count - i);
  });
}

void sigmoid_forward(int n, const float* x, float* y) {
  each_block(n, [=](int first, int count) {
    for (int i = first; i < first + count; i += VL) store_n(y + i, sigmoid(load_n(x + i, first + count - i)), first + count - i);
  });
}

// Four running sums, so that the additions do not wait for each other; in double, where no float overflows when squared.
double sum_of_squares(int n, const float* x) {
  return sum_blocks(n, [=](int first, int count) {
    double sum[4] = {0, 0, 0, 0};
    int i = 0;
    for (; i + 4 <= count; i += 4) {
      for (int j = 0; j < 4; j++) sum[j] += double(x[first + i + j]) * double(x[first + i + j]);
    }
    for (; i < count; i++) sum[0] += double(x[first + i]) * double(x[first + i]);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
  });
}

double count_nonzero(int n, const float* x) {
  return sum_blocks(n, [=](int first, int count) {
    int nonzero = 0;
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
    for (int i = first; i < first + count; i++) x[i] *= factor;
  });
}

void sgd_update(int n, float lr, float momentum, float* w, const float* g, float* v) {
  each_block(n, [=](int first, int count) {
    for (int i = first; i < first + count; i++) {
      float step = g[i];
      if (v) step = v[i] = momentum * v[i] + step;
      w[i] -= lr * step;
    }
  });
}

void rmsprop_update(int n, float lr, float alpha, float eps, float* w, const float* g, float* s) {
  each_block(n, [=](int first, int count) {
    for (int i = first; i < first + count; i++) {
      s[i] = alpha * s[i] + (1.0f - alpha) * g[i] * g[i];
      w[i] -= lr * g[i] / (__builtin_sqrtf(s[i]) + eps);
    }
  });
}

void adam_update(int n, float lr, float beta1, float beta2, float eps, float correction1, float correction2, float* w, const float* g,
                 float* m, float* v) {
  const float size = lr / correction1, root = 1.0f / __builtin_sqrtf(correction2);
  each_block(n, [=](int first, int count) {
    for (int i = first; i < first + count; i++) {
      m[i] = beta1 * m[i] + (1.0f - beta1) * g[i];
      v[i] = beta2 * v[i] + (1.0f - beta2) * g[i] * g[i];
      w[i] -= size * m[i] / (__builtin_sqrtf(v[i]) * root + eps);
    }
  });
}

}  // namespace IRNN_TARGET

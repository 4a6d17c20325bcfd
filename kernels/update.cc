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

// Sixteen running sums, so that the additions do not wait for each other; in double, where no float overflows when squared.
double sum_of_squares(int n, const float* x) {
  return sum_blocks(n, [=](int first, int count) {
    constexpr int SUMS = 16;
    double sum[SUMS] = {};
    int i = 0;
    for (; i + SUMS <= count; i += SUMS) {
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

namespace {

// f(first element in w, first in g, count) over the rows of a matrix.
constexpr int ROWS = 32;
template <class F>
IRNN_INLINE void each_row_of(int n, int E, const int* rows, const F& f) {
  parallel_if_worth(size_t(n) * E, ceil_div(n, ROWS), [=](int piece) {
    for (int i = piece * ROWS; i < min(n, (piece + 1) * ROWS); i++) f(size_t(rows[i]) * E, size_t(i) * E, E);
  });
}

IRNN_INLINE void sgd(int n, float lr, float momentum, float* w, const float* g, float* v) {
  for (int i = 0; i < n; i++) {
    float step = g[i];
    if (v) step = v[i] = momentum * v[i] + step;
    w[i] -= lr * step;
  }
}

IRNN_INLINE void rmsprop(int n, float lr, float alpha, float eps, float* w, const float* g, float* s) {
  for (int i = 0; i < n; i++) {
    s[i] = alpha * s[i] + (1.0f - alpha) * g[i] * g[i];
    w[i] -= lr * g[i] / (__builtin_sqrtf(s[i]) + eps);
  }
}

struct Adam {
  float beta1, beta2, eps, size, root;
  Adam(float lr, float beta1, float beta2, float eps, float correction1, float correction2)
      : beta1(beta1), beta2(beta2), eps(eps), size(lr / correction1), root(1.0f / __builtin_sqrtf(correction2)) {}
  IRNN_INLINE void update(int n, float* w, const float* g, float* m, float* v) const {
    for (int i = 0; i < n; i++) {
      m[i] = beta1 * m[i] + (1.0f - beta1) * g[i];
      v[i] = beta2 * v[i] + (1.0f - beta2) * g[i] * g[i];
      w[i] -= size * m[i] / (__builtin_sqrtf(v[i]) * root + eps);
    }
  }
};

}  // namespace

void sgd_update(int n, float lr, float momentum, float* w, const float* g, float* v) {
  each_block(n, [=](int first, int count) { sgd(count, lr, momentum, w + first, g + first, v ? v + first : nullptr); });
}

void rmsprop_update(int n, float lr, float alpha, float eps, float* w, const float* g, float* s) {
  each_block(n, [=](int first, int count) { rmsprop(count, lr, alpha, eps, w + first, g + first, s + first); });
}

void adam_update(int n, float lr, float beta1, float beta2, float eps, float correction1, float correction2, float* w, const float* g,
                 float* m, float* v) {
  const Adam adam(lr, beta1, beta2, eps, correction1, correction2);
  each_block(n, [=](int first, int count) { adam.update(count, w + first, g + first, m + first, v + first); });
}

// X X' of singular values s has s^2: X <- (a + b X X' + c (X X')^2) X moves every s by the odd polynomial a s + b s^3 + c s^5, whose
// coefficients (Jordan's) take (0, 1] to some 0.7 to 1.2 in five steps, the small ones fastest.
void muon_update(int H, float lr, float momentum, float decay, float identity, float* w, const float* g, float* m, float* work) {
  constexpr float a = 3.4445f, b = -4.7750f, c = 2.0315f;
  const int n = H * H;
  float *X = work, *XX = work + n, *P = work + 2 * size_t(n), *PX = work + 3 * size_t(n);
  each_block(n, [=](int first, int count) {
    for (int i = first; i < first + count; i++) m[i] = momentum * m[i] + (1.0f - momentum) * g[i];
  });
  const double norm = __builtin_sqrt(sum_of_squares(n, m));
  const float factor = norm > 0.0 ? float(1.0 / norm) : 0.0f;
  each_block(n, [=](int first, int count) {
    for (int i = first; i < first + count; i++) X[i] = factor * m[i];
  });
  for (int step = 0; step < 5; step++) {
    gemm(0, 1, H, H, H, X, X, XX, 0);
    gemm(0, 0, H, H, H, XX, XX, P, 0);
    each_block(n, [=](int first, int count) {
      for (int i = first; i < first + count; i++) P[i] = b * XX[i] + c * P[i];
    });
    gemm(0, 0, H, H, H, P, X, PX, 0);
    each_block(n, [=](int first, int count) {
      for (int i = first; i < first + count; i++) X[i] = a * X[i] + PX[i];
    });
  }
  each_block(n, [=](int first, int count) {
    for (int i = first; i < first + count; i++) w[i] -= lr * (X[i] + decay * (w[i] - (i % (H + 1) == 0 ? identity : 0.0f)));
  });
}

void sgd_update_rows(int n, int E, const int* rows, float lr, float momentum, float* w, const float* g, float* v) {
  each_row_of(n, E, rows, [=](size_t to, size_t from, int count) { sgd(count, lr, momentum, w + to, g + from, v ? v + to : nullptr); });
}

void rmsprop_update_rows(int n, int E, const int* rows, float lr, float alpha, float eps, float* w, const float* g, float* s) {
  each_row_of(n, E, rows, [=](size_t to, size_t from, int count) { rmsprop(count, lr, alpha, eps, w + to, g + from, s + to); });
}

void adam_update_rows(int n, int E, const int* rows, float lr, float beta1, float beta2, float eps, float correction1,
                      float correction2, float* w, const float* g, float* m, float* v) {
  const Adam adam(lr, beta1, beta2, eps, correction1, correction2);
  each_row_of(n, E, rows, [=](size_t to, size_t from, int count) { adam.update(count, w + to, g + from, m + to, v + to); });
}

// Bits of an element follow from its place alone, whoever computes it: two rounds of a finaliser (Wellons, "lowbias32") over place and key.
// Its 24 upper bits are uniform in [0,1) on a grid that float32 holds.
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
    for (int i = from; i < from + count; i++) {
      const uint32_t bits = mix(mix(uint32_t(first + i) + key) ^ key);
      y[i] = (bits >> 8) >= least ? x[i] * kept : 0.0f;
    }
  });
}

}  // namespace IRNN_TARGET

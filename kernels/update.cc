// The optimisers' updates in PyTorch's formulas: of whole arrays, of some rows of a matrix, and Muon.
#include "gemm.h"
#include "parallel.h"

namespace IRNN_TARGET {

namespace {

// f(first element in w, in g, count) for the rows of a matrix, 32 a piece of work.
constexpr int ROWS = 32;
template <class F>
IRNN_INLINE void each_row_of(int n, int E, const int* rows, const F& f) {
  parallel_if_worth(size_t(n) * E, ceil_div(n, ROWS), [=](int piece) {
    for (int i = piece * ROWS; i < min(n, (piece + 1) * ROWS); i++) f(size_t(rows[i]) * E, size_t(i) * E, E);
  });
}

// What a state that only decays would be stuck at: the least number times 0.9 is rounded to itself, and WebAssembly
// computes with such numbers a hundred times slower.
IRNN_INLINE float faded(float x) { return x < 1e-36f && x > -1e-36f ? 0.0f : x; }

struct Sgd {
  float lr, momentum;
  IRNN_INLINE void update(int n, float* w, const float* g, float* v) const {
    if (!v) {
      IRNN_VECTORIZE
      for (int i = 0; i < n; i++) w[i] -= lr * g[i];
      return;
    }
    IRNN_VECTORIZE
    for (int i = 0; i < n; i++) {
      v[i] = momentum * v[i] + g[i];
      w[i] -= lr * v[i];
    }
  }
  // By a gradient of 0.
  IRNN_INLINE void fade(int n, float* w, float* v) const {
    if (!v) return;
    IRNN_VECTORIZE
    for (int i = 0; i < n; i++) w[i] -= lr * (v[i] = faded(momentum * v[i]));
  }
};

struct RmsProp {
  float lr, alpha, eps;
  IRNN_INLINE void update(int n, float* w, const float* g, float* s) const {
    IRNN_VECTORIZE
    for (int i = 0; i < n; i++) {
      s[i] = alpha * s[i] + (1.0f - alpha) * g[i] * g[i];
      w[i] -= lr * g[i] / (__builtin_sqrtf(s[i]) + eps);
    }
  }
  IRNN_INLINE void fade(int n, float* s) const {
    IRNN_VECTORIZE
    for (int i = 0; i < n; i++) s[i] = faded(alpha * s[i]);
  }
};

struct Adam {
  float beta1, beta2, eps, size, root, shrink;
  Adam(float lr, float beta1, float beta2, float eps, float decay, float correction1, float correction2)
      : beta1(beta1), beta2(beta2), eps(eps), size(lr / correction1), root(1.0f / __builtin_sqrtf(correction2)),
        shrink(lr * decay) {}
  IRNN_INLINE void update(int n, float* w, const float* g, float* m, float* v) const {
    IRNN_VECTORIZE
    for (int i = 0; i < n; i++) {
      m[i] = beta1 * m[i] + (1.0f - beta1) * g[i];
      v[i] = beta2 * v[i] + (1.0f - beta2) * g[i] * g[i];
      w[i] -= size * m[i] / (__builtin_sqrtf(v[i]) * root + eps) + shrink * w[i];
    }
  }
  IRNN_INLINE void fade(int n, float* w, float* m, float* v) const {
    IRNN_VECTORIZE
    for (int i = 0; i < n; i++) {
      m[i] = faded(beta1 * m[i]);
      v[i] = faded(beta2 * v[i]);
      w[i] -= size * m[i] / (__builtin_sqrtf(v[i]) * root + eps) + shrink * w[i];
    }
  }
};

}   // namespace

void sgd_update(int n, float lr, float momentum, float* w, const float* g, float* v) {
  const Sgd sgd{lr, momentum};
  each_block(n, [=](int first, int count) { sgd.update(count, w + first, g + first, v ? v + first : nullptr); });
}

void rmsprop_update(int n, float lr, float alpha, float eps, float* w, const float* g, float* s) {
  const RmsProp rmsprop{lr, alpha, eps};
  each_block(n, [=](int first, int count) { rmsprop.update(count, w + first, g + first, s + first); });
}

void adam_update(int n, float lr, float beta1, float beta2, float eps, float decay, float correction1,
                 float correction2, float* w, const float* g, float* m, float* v) {
  const Adam adam(lr, beta1, beta2, eps, decay, correction1, correction2);
  each_block(n, [=](int first, int count) { adam.update(count, w + first, g + first, m + first, v + first); });
}

// If X has singular values s, X X' has s^2, so X <- (a + b X X' + c (X X')^2) X takes every s to a s + b s^3 + c s^5.
// Jordan's coefficients bring (0, 1] to about 0.7 to 1.2 in five steps, small values fastest.
void muon_update(int H, float lr, float momentum, float decay, float identity, float* w, const float* g, float* m,
                 float* work) {
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
    for (int i = first; i < first + count; i++)
      w[i] -= lr * (X[i] + decay * (w[i] - (i % (H + 1) == 0 ? identity : 0.0f)));
  });
}

void sgd_update_rows(int n, int E, const int* rows, float lr, float momentum, float* w, const float* g, float* v) {
  const Sgd sgd{lr, momentum};
  each_row_of(n, E, rows, [=](size_t to, size_t from, int count) {
    float* state = v ? v + to : nullptr;
    g ? sgd.update(count, w + to, g + from, state) : sgd.fade(count, w + to, state);
  });
}

void rmsprop_update_rows(int n, int E, const int* rows, float lr, float alpha, float eps, float* w, const float* g,
                         float* s) {
  const RmsProp rmsprop{lr, alpha, eps};
  each_row_of(n, E, rows, [=](size_t to, size_t from, int count) {
    g ? rmsprop.update(count, w + to, g + from, s + to) : rmsprop.fade(count, s + to);
  });
}

void adam_update_rows(int n, int E, const int* rows, float lr, float beta1, float beta2, float eps, float decay,
                      float correction1, float correction2, float* w, const float* g, float* m, float* v) {
  const Adam adam(lr, beta1, beta2, eps, decay, correction1, correction2);
  each_row_of(n, E, rows, [=](size_t to, size_t from, int count) {
    g ? adam.update(count, w + to, g + from, m + to, v + to) : adam.fade(count, w + to, m + to, v + to);
  });
}

}   // namespace IRNN_TARGET

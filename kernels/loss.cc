// Softmax cross-entropy and squared error, with their gradients; sums in double, per shard, shards as a binary tree.
#include "math.h"

namespace IRNN_TARGET {

namespace {

// ln x for finite x > 0, in double: x = m 2^e with m in [√½, √2), ln m = 2 artanh((m-1)/(m+1)).
double log(double x) {
  union {
    double value;
    uint64_t bits;
  } u = {x};
  int e = int(u.bits >> 52) - 1023;
  u.bits = (u.bits & 0x000fffffffffffffull) | 0x3ff0000000000000ull;
  double m = u.value;
  if (m > 1.4142135623730951) {
    m *= 0.5;
    e++;
  }
  const double s = (m - 1.0) / (m + 1.0), z = s * s;
  double sum = 0.0;
  for (int k = 21; k >= 3; k -= 2) sum = (sum + 1.0 / k) * z;
  return e * 0.6931471805599453 + 2.0 * s * (1.0 + sum);
}

struct Row {
  float max;     // NaN if any logit is
  float sum;     // Σ e^(logit - max)
  int arg_max;   // first of equals
};

// p = e^(logit - max); p may be logits.
Row exponentials(int K, const float* logits, float* p) {
  float top = logits[0];
  int at = 0;
  bool nan = false;
  for (int k = 0; k < K; k++) {
    nan |= logits[k] != logits[k];
    if (logits[k] > top) {
      top = logits[k];
      at = k;
    }
  }
  if (nan) top = __builtin_nanf("");
  const vf lowest = splat(-87.0f);   // e^-87 = 1.6e-38 stands for everything below
  vf total = {};
  for (int k = 0; k < K; k += VL) {
    const vf x = load_n(logits + k, K - k) - top;
    vf e = exp_in_range(select(x < lowest, lowest, x));
    store_n(p + k, e, K - k);
    if (K - k < VL) {
      for (int j = K - k; j < VL; j++) e[j] = 0.0f;
    }
    total += e;
  }
  float sum = 0.0f;
  for (int j = 0; j < VL; j++) sum += total[j];
  return {top, sum, at};
}

// Adds n triples of doubles as a balanced tree over the shards, in place; the sum ends in the first.
void tree_sum(double* stats, int n) {
  for (int gap = 1; gap < n; gap *= 2) {
    for (int i = 0; i + gap < n; i += 2 * gap) {
      for (int j = 0; j < 3; j++) stats[3 * i + j] += stats[3 * (i + gap) + j];
    }
  }
}

// row(index of the row, whether it counts, stats of the shard) for every row of every shard.
template <class F>
void each_row(int T, int B, int K, const int* lengths, double* stats, const F& row) {
  const int shards = ceil_div(B, SHARD_ROWS);
  double* partial = static_cast<double*>(irnn_host::scratch(0, size_t(shards) * 3 * sizeof(double)));
  parallel_if_worth(size_t(T) * B * K, shards, [&](int s) {
    double* own = partial + 3 * s;
    own[0] = own[1] = own[2] = 0.0;
    for (int t = 0; t < T; t++) {
      for (int b = s * SHARD_ROWS; b < min(B, (s + 1) * SHARD_ROWS); b++) row(size_t(t) * B + b, !lengths || t < lengths[b], own);
    }
  });
  tree_sum(partial, shards);
  for (int j = 0; j < 3; j++) stats[j] = partial[j];
}

}  // namespace

void softmax_cross_entropy(int T, int B, int K, const int* lengths, const float* logits, const int* y, float scale, float* dlogits,
                           double* stats) {
  // Without a gradient the exponentials still need a place: a row a shard.
  const int shards = ceil_div(B, SHARD_ROWS);
  float* rows = static_cast<float*>(irnn_host::scratch(1, size_t(shards) * K * sizeof(float)));
  each_row(T, B, K, lengths, stats, [=](size_t i, bool counts, double* own) {
    float* p = dlogits ? dlogits + i * K : rows + (i % B) / SHARD_ROWS * K;
    if (!counts || y[i] < 0) {
      if (dlogits) {
        for (int k = 0; k < K; k++) p[k] = 0.0f;
      }
      return;
    }
    const float target = logits[i * K + y[i]];
    const Row row = exponentials(K, logits + i * K, p);
    own[0] += row.sum == row.sum ? log(row.sum) + (double(row.max) - double(target)) : double(row.sum);
    own[1] += row.arg_max == y[i] ? 1.0 : 0.0;
    own[2] += 1.0;
    if (!dlogits) return;
    const float factor = scale / row.sum;
    for (int k = 0; k < K; k += VL) store_n(p + k, load_n(p + k, K - k) * factor, K - k);
    p[y[i]] -= scale;
  });
}

void squared_error(int T, int B, int K, const int* lengths, const float* y, const float* target, float scale, float* dy, double* stats) {
  each_row(T, B, K, lengths, stats, [=](size_t i, bool counts, double* own) {
    for (int k = 0; k < K; k++) {
      const float difference = counts ? y[i * K + k] - target[i * K + k] : 0.0f;
      own[0] += double(difference) * difference;
      if (dy) dy[i * K + k] = 2.0f * scale * difference;
    }
    own[2] += counts ? K : 0;
  });
}

void softmax(int N, int K, const float* logits, float* p) {
  parallel_if_worth(size_t(N) * K, ceil_div(N, SHARD_ROWS), [=](int s) {
    for (int n = s * SHARD_ROWS; n < min(N, (s + 1) * SHARD_ROWS); n++) {
      const float factor = 1.0f / exponentials(K, logits + size_t(n) * K, p + size_t(n) * K).sum;
      for (int k = 0; k < K; k += VL) store_n(p + size_t(n) * K + k, load_n(p + size_t(n) * K + k, K - k) * factor, K - k);
    }
  });
}

}  // namespace IRNN_TARGET

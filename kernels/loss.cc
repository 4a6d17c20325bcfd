// Losses of classes and of values, with their gradients. Any thread computes blocks of rows; afterwards their
// losses are added in double, per shard, and the shards as a binary tree.
#include "lanes.h"
#include "math.h"
#include "parallel.h"

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

// The maximum of a row and its first column; NaN if any logit is.
Row maximum(int K, const float* logits) {
  vf top = splat(-__builtin_inff());
  vi nan = {};
  each_vector(K, [&](int k, auto lanes) IRNN_INLINE_LAMBDA {
    const vf x = lanes.load(logits + k);
    nan |= x != x;
    top = select((x > top) & lanes.exist(), x, top);
  });
  if (lane_mask(nan)) return {__builtin_nanf(""), 0.0f, 0};
  float max = top[0];
  for (int j = 1; j < VL; j++) max = top[j] > max ? top[j] : max;
  for (int k = 0; k < K; k += VL) {
    const unsigned equal = lane_mask(load_n(logits + k, K - k) == max);
    if (equal) return {max, 0.0f, k + __builtin_ctz(equal)};   // lanes past the end come after it
  }
  return {max, 0.0f, 0};
}

// p = e^(logit - max); p may be logits, or null if only the sum is wanted.
Row exponentials(int K, const float* logits, float* p) {
  Row row = maximum(K, logits);
  vf total = {};
  each_vector(K, [&](int k, auto lanes) IRNN_INLINE_LAMBDA {
    // e^-87 = 1.6e-38 stands for all that is smaller.
    const vf e = exp_in_range(at_least(lanes.load(logits + k) - row.max, -87.0f));
    if (p) lanes.store(p + k, e);
    total += select(lanes.exist(), e, vf{});
  });
  for (int j = 0; j < VL; j++) row.sum += total[j];
  return row;
}

void scale_row(int K, float factor, float* p) {
  each_vector(K, [=](int k, auto lanes) IRNN_INLINE_LAMBDA { lanes.store(p + k, lanes.load(p + k) * factor); });
}

// Adds n triples of doubles as a balanced tree over the shards, in place; the sum ends in the first.
void tree_sum(double* stats, int n) {
  for (int gap = 1; gap < n; gap *= 2) {
    for (int i = 0; i + gap < n; i += 2 * gap) {
      for (int j = 0; j < 3; j++) stats[3 * i + j] += stats[3 * (i + gap) + j];
    }
  }
}

// row(i, counts, stats) for every row i = t·B + b; its stats start at 0.
constexpr int PIECE_ROWS = 8;
template <class F>
void each_row(int T, int B, int K, const int* lengths, double* stats, const F& row) {
  const int rows = T * B, shards = ceil_div(B, SHARD_ROWS);
  double* each = static_cast<double*>(irnn_host::scratch(0, size_t(rows + shards) * 3 * sizeof(double)));
  double* sums = each + size_t(rows) * 3;
  parallel_if_worth(size_t(rows) * K, ceil_div(rows, PIECE_ROWS), [=](int piece) {
    for (int i = piece * PIECE_ROWS; i < min(rows, (piece + 1) * PIECE_ROWS); i++) {
      double* own = each + size_t(i) * 3;
      own[0] = own[1] = own[2] = 0.0;
      row(size_t(i), !lengths || i / B < lengths[i % B], own);
    }
  });
  for (int s = 0; s < shards; s++) {
    double* sum = sums + 3 * s;
    sum[0] = sum[1] = sum[2] = 0.0;
    for (int t = 0; t < T; t++) {
      for (int b = s * SHARD_ROWS; b < min(B, (s + 1) * SHARD_ROWS); b++) {
        for (int j = 0; j < 3; j++) sum[j] += each[(size_t(t) * B + b) * 3 + j];
      }
    }
  }
  tree_sum(sums, shards);
  for (int j = 0; j < 3; j++) stats[j] = sums[j];
}

}   // namespace

void softmax_cross_entropy(int T, int B, int K, const int* lengths, const float* logits, const int* y,
                           const float* weights, float scale, float* dlogits, double* stats) {
  each_row(T, B, K, lengths, stats, [=](size_t i, bool counts, double* own) {
    float* p = dlogits ? dlogits + i * K : nullptr;
    if (!counts || y[i] < 0) {
      for (int k = 0; dlogits && k < K; k++) p[k] = 0.0f;
      return;
    }
    const float target = logits[i * K + y[i]], weight = weights ? weights[y[i]] : 1.0f, size = weight * scale;
    const Row row = exponentials(K, logits + i * K, p);
    own[0] = weight * (row.sum == row.sum ? log(row.sum) + (double(row.max) - double(target)) : double(row.sum));
    own[1] = row.arg_max == y[i] ? 1.0 : 0.0;
    own[2] = weight;
    if (!dlogits) return;
    scale_row(K, size / row.sum, p);
    p[y[i]] -= size;
  });
}

void squared_error(int T, int B, int K, const int* lengths, const float* y, const float* target, float scale, float* dy,
                   double* stats) {
  each_row(T, B, K, lengths, stats, [=](size_t i, bool counts, double* own) {
    for (int k = 0; k < K; k++) {
      const float t = target[i * K + k];
      const bool here = counts && t == t;
      const float difference = here ? y[i * K + k] - t : 0.0f;
      own[0] += double(difference) * difference;
      own[2] += here ? 1.0 : 0.0;
      if (dy) dy[i * K + k] = 2.0f * scale * difference;
    }
  });
}

void pinball(int T, int B, int D, int Q, const int* lengths, const float* y, const float* target,
             const float* quantiles, float scale, float* dy, double* stats) {
  each_row(T, B, D * Q, lengths, stats, [=](size_t i, bool counts, double* own) {
    for (int k = 0; k < D * Q; k++) {
      const float t = target[i * D + k / Q], q = quantiles[k % Q];
      const bool here = counts && t == t;
      const float e = here ? t - y[i * D * Q + k] : 0.0f;
      own[0] += double(e > 0.0f ? q : q - 1.0f) * e;
      own[2] += here ? 1.0 : 0.0;
      if (dy) dy[i * D * Q + k] = scale * (e > 0.0f ? -q : e < 0.0f ? 1.0f - q : 0.0f);
    }
  });
}

void huber(int T, int B, int K, const int* lengths, const float* y, const float* target, float delta, float scale,
           float* dy, double* stats) {
  each_row(T, B, K, lengths, stats, [=](size_t i, bool counts, double* own) {
    for (int k = 0; k < K; k++) {
      const float t = target[i * K + k];
      const bool here = counts && t == t;
      const float e = here ? y[i * K + k] - t : 0.0f, size = e < 0.0f ? -e : e;
      own[0] += size <= delta ? 0.5 * double(e) * e : double(delta) * (double(size) - 0.5 * delta);
      own[2] += here ? 1.0 : 0.0;
      if (dy) dy[i * K + k] = scale * (e > delta ? delta : e < -delta ? -delta : e);
    }
  });
}

namespace {

// e^x, x bounded to at least -87.
float exp_one(float x) { return exp_in_range(at_least(splat(x), -87.0f))[0]; }

}   // namespace

void gaussian_nll(int T, int B, int D, const int* lengths, const float* y, const float* target, float scale, float* dy,
                  double* stats) {
  constexpr float least = -7.0f;
  constexpr double half_log_2pi = 0.91893853320467274178;
  each_row(T, B, 2 * D, lengths, stats, [=](size_t i, bool counts, double* own) {
    for (size_t d = i * D; d < (i + 1) * D; d++) {
      const float t = target[d], mean = y[2 * d], log_std = y[2 * d + 1];
      const bool here = counts && t == t, low = log_std < least;
      const float s = low ? least : log_std, precision = here ? exp_one(-s) : 0.0f;
      const float z = here ? (t - mean) * precision : 0.0f, slope = 1.0f - z * z;
      own[0] += here ? double(s) + 0.5 * double(z) * z + half_log_2pi : 0.0;
      own[2] += here ? 1.0 : 0.0;
      if (!dy) continue;
      dy[2 * d] = -scale * z * precision;
      dy[2 * d + 1] = !here || (low && slope > 0.0f) ? 0.0f : scale * slope;
    }
  });
}

void softmax(int N, int K, const float* logits, float* p) {
  parallel_if_worth(size_t(N) * K, ceil_div(N, SHARD_ROWS), [=](int s) {
    for (int n = s * SHARD_ROWS; n < min(N, (s + 1) * SHARD_ROWS); n++) {
      float* row = p + size_t(n) * K;
      scale_row(K, 1.0f / exponentials(K, logits + size_t(n) * K, row).sum, row);
    }
  });
}

namespace {

enum { LARGEST, SUM, TARGET, BEST };   // of the rows of softmax_scan

// Adds another part of a row: its largest logit, the sum of its exponentials, the column of the largest.
void merge(float* row, float largest, float sum, float column) {
  if (largest > row[LARGEST]) {
    row[SUM] = row[SUM] * exp_one(row[LARGEST] - largest) + sum;
    row[LARGEST] = largest;
    row[BEST] = column;
  } else if (largest == largest) {
    row[SUM] += sum * exp_one(largest - row[LARGEST]);
  } else {
    row[LARGEST] = row[SUM] = largest;   // NaN stays: no comparison with it is true
  }
}

}   // namespace

void softmax_scan(int N, int K, int first, int common, const float* logits, const int* y, float* rows) {
  const int all = max(0, min(K, common - first));
  parallel_if_worth(size_t(N) * K, ceil_div(N, PIECE_ROWS), [=](int piece) {
    for (int n = piece * PIECE_ROWS; n < min(N, (piece + 1) * PIECE_ROWS); n++) {
      if (y[n] < 0) continue;
      float* row = rows + size_t(n) * 4;
      const float* own = logits + size_t(n) * K;
      if (first == 0) {
        row[LARGEST] = -__builtin_inff();
        row[SUM] = row[TARGET] = row[BEST] = 0.0f;
      }
      if (all > 0) {
        const Row part = exponentials(all, own, nullptr);
        merge(row, part.max, part.sum, float(first + part.arg_max));
      }
      const int target = y[n] - first;
      if (target < 0 || target >= K) continue;
      row[TARGET] = own[target];
      if (target >= all) merge(row, own[target], 1.0f, float(y[n]));
    }
  });
}

void softmax_slope(int N, int K, int first, int common, float* logits, const int* y, const float* rows, float scale) {
  const int all = max(0, min(K, common - first));
  parallel_if_worth(size_t(N) * K, ceil_div(N, PIECE_ROWS), [=](int piece) {
    for (int n = piece * PIECE_ROWS; n < min(N, (piece + 1) * PIECE_ROWS); n++) {
      float* own = logits + size_t(n) * K;
      const float* row = rows + size_t(n) * 4;
      const int target = y[n] - first, counted = y[n] < 0 ? 0 : all;
      const bool here = y[n] >= 0 && target >= 0 && target < K;
      const float alone = here && target >= all ? exp_one(own[target] - row[LARGEST]) / row[SUM] * scale : 0.0f;
      const vf factor = splat(scale / row[SUM]);
      each_vector(counted, [&](int k, auto lanes) IRNN_INLINE_LAMBDA {
        lanes.store(own + k, exp_in_range(at_least(lanes.load(own + k) - row[LARGEST], -87.0f)) * factor);
      });
      for (int k = counted; k < K; k++) own[k] = 0.0f;
      if (!here) continue;
      if (target >= all) own[target] = alone;
      own[target] -= scale;
    }
  });
}

}   // namespace IRNN_TARGET

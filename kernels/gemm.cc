// The general matrix product and the weight gradient, both on gemm.h's micro-kernel.
#include "gemm.h"

namespace IRNN_TARGET {

void matmul(int M, int N, int K, Strided a, Strided b, const float* bias, float* C, size_t ldc, bool accumulate) {
  constexpr int KC = 256;    // a panel of 256 · 24 floats is 24 KB: it stays in L1 while the rows of a block pass by
  constexpr int BLOCK = 32;  // rows of one piece of work
  const Panels panels(N);
  float* packed = static_cast<float*>(irnn_host::scratch(1, panels.floats(K) * sizeof(float)));
  pack(panels, K, b.p, b.row_stride, b.column_stride, packed);
  parallel_if_worth(size_t(M) * N * K, ceil_div(M, BLOCK), [=, &panels](int block) {
    const int m1 = min(M, (block + 1) * BLOCK);
    for (int k0 = 0; k0 == 0 || k0 < K; k0 += KC) {
      const int kc = min(KC, K - k0);
      for (int p = 0; p < panels.count; p++) {
        const int n0 = panels.first(p) * VL, width = panels.width(p);
        const float* panel = packed + panels.offset(p, K) + size_t(k0) * width * VL;
        with_const<MAX_VECTORS>(width, [&](auto nv) {
          for_rows<MAX_ROWS>(m1, [&](int m, auto mr) IRNN_INLINE_LAMBDA {
            vf acc[mr.value][nv.value];
            float* c = C + m * ldc + n0;
            if (accumulate || k0 > 0) load_tile(c, ldc, N - n0, acc);
            else if (bias) load_tile(bias + n0, 0, N - n0, acc);
            else clear_tile(acc);
            multiply(kc, a.p + m * a.row_stride + k0 * a.column_stride, a.row_stride, a.column_stride, panel, acc);
            store_tile(c, ldc, N - n0, acc);
          }, block * BLOCK);
        });
      }
    }
  });
}

void gemm(int transA, int transB, int M, int N, int K, const float* A, const float* B, float* C, int accumulate) {
  const Strided a = transA ? Strided{A, 1, size_t(M)} : Strided{A, size_t(K), 1};
  const Strided b = transB ? Strided{B, 1, size_t(K)} : Strided{B, size_t(N), 1};
  matmul(M, N, K, a, b, nullptr, C, size_t(N), accumulate != 0);
}

namespace {

// The factors side by side, as one right-hand side of `columns` columns.
struct Joined {
  const Factor* factors;
  int count;
  // out [width] = columns n0 … of a row, zeros behind the last.
  IRNN_INLINE void copy(size_t row, int n0, int width, float* out) const {
    int n = 0, first = 0;
    for (int f = 0; f < count; first += factors[f++].columns) {
      const int end = min(width, first + factors[f].columns - n0);
      if (!factors[f].p) {
        for (; n < end; n++) out[n] = 1.0f;
        continue;
      }
      const float* from = factors[f].p + row * factors[f].ld + (n0 - first);
      for (; n + VL <= end; n += VL) store(out + n, load(from + n));
      for (; n < end; n++) out[n] = from[n];
    }
    for (; n < width; n++) out[n] = 0.0f;
  }
  // Adds a row m of the sum to the gradients.
  void add(int m, int n0, int width, const float* sum) const {
    int first = 0;
    for (int f = 0; f < count; f++) {
      const Factor& factor = factors[f];
      for (int n = max(n0, first); n < min(n0 + width, first + factor.columns); n++) {
        const size_t at = size_t(m) * factor.columns + (n - first);
        if (factor.gradient) factor.gradient[at] += sum[n - n0];
        if (factor.second) factor.second[at] += sum[n - n0];
      }
      first += factor.columns;
    }
  }
};

// Rows of one shard's (t, b) that are packed at a time: 128 · 104 floats stay in L2 while a block of the gradient passes by.
constexpr int PACKED_ROWS = 128;

// sum [m1-m0][panels] = Σ over the rows of one shard of A[row, m0 … m1-1]ᵀ joined[row]. Whole rows are packed at once:
// reading a panel's columns only would touch every row of h, beyond L2, once a panel (45 % of this kernel at H = 100).
void shard_gradient(int T, int B, int b0, int rows, int m0, int m1, const float* A, size_t lda, const Joined& joined,
                    const Panels& panels, float* packed, float* sum) {
  const int steps = PACKED_ROWS / SHARD_ROWS;
  for (int t0 = 0; t0 < T; t0 += steps) {
    const int t1 = min(T, t0 + steps), K = (t1 - t0) * rows;
    for (int t = t0, k = 0; t < t1; t++) {
      for (int r = 0; r < rows; r++, k++) {
        for (int p = 0; p < panels.count; p++) {
          const int width = panels.width(p) * VL;
          joined.copy(size_t(t) * B + b0 + r, panels.first(p) * VL, width, packed + panels.offset(p, K) + size_t(k) * width);
        }
      }
    }
    for (int p = 0; p < panels.count; p++) {
      with_const<MAX_VECTORS>(panels.width(p), [&](auto nv) {
        constexpr int width = nv.value * VL;
        for_rows<MAX_ROWS>(m1, [&](int m, auto mr) IRNN_INLINE_LAMBDA {
          vf acc[mr.value][nv.value];
          float* tile = sum + panels.offset(p, m1 - m0) + size_t(m - m0) * width;
          if (t0 > 0) load_tile(tile, width, width, acc);
          else clear_tile(acc);
          const float* a = A + (size_t(t0) * B + b0) * lda + m;
          const float* panel = packed + panels.offset(p, K);
          for (int t = t0; t < t1; t++, a += size_t(B) * lda, panel += rows * width) multiply(rows, a, 1, lda, panel, acc);
          store_tile(tile, width, width, acc);
        }, m0);
      });
    }
  }
}

}  // namespace

void weight_gradient(int T, int B, int M, const float* A, size_t lda, const Factor* factors, int count) {
  const Joined joined{factors, count};
  int columns = 0;
  for (int f = 0; f < count; f++) columns += factors[f].columns;
  const Panels panels(columns);
  const int shards = ceil_div(B, SHARD_ROWS);
  // Pieces of work: blocks of the gradient's rows, two even for a small one, and none above 128 rows.
  const int blocks = max(M >= 32 ? 2 : 1, ceil_div(M, 128));
  const int block = int(round_up(ceil_div(M, blocks), MAX_ROWS));
  int levels = 2;
  while ((1 << (levels - 2)) < shards) levels++;
  const size_t packed_floats = panels.floats(PACKED_ROWS), sum_floats = panels.floats(block);
  const size_t piece = packed_floats + levels * sum_floats;
  float* memory = static_cast<float*>(irnn_host::scratch(1, piece * blocks * sizeof(float)));
  parallel_if_worth(size_t(T) * B * M * columns, ceil_div(M, block), [=, &panels](int i) {
    const int m0 = i * block, m1 = min(M, m0 + block);
    float* packed = memory + i * piece;
    float* sums = packed + packed_floats;   // a binary counter: sums[l] holds a tree of 2^l shards, the top one is new
    int used = 0;
    const auto fold = [&] {
      used--;
      float* to = sums + (used - 1) * sum_floats;
      const float* from = sums + used * sum_floats;
      for (size_t j = 0; j < panels.floats(m1 - m0); j += VL) store(to + j, load(to + j) + load(from + j));
    };
    for (int s = 0; s < shards; s++) {
      const int b0 = s * SHARD_ROWS, rows = min(SHARD_ROWS, B - b0);
      shard_gradient(T, B, b0, rows, m0, m1, A, lda, joined, panels, packed, sums + used++ * sum_floats);
      for (int carry = s + 1; carry % 2 == 0; carry /= 2) fold();
    }
    while (used > 1) fold();
    for (int p = 0; p < panels.count; p++) {
      const int width = panels.width(p) * VL;
      const float* sum = sums + panels.offset(p, m1 - m0);
      for (int m = m0; m < m1; m++, sum += width) joined.add(m, panels.first(p) * VL, width, sum);
    }
  });
}

}  // namespace IRNN_TARGET

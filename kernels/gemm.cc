// The general matrix product and the weight gradient, both on gemm.h's micro-kernel.
#include "gemm.h"

namespace IRNN_TARGET {

void matmul(int M, int N, int K, Strided a, Strided b, const float* bias, float* C, size_t ldc, bool accumulate) {
  constexpr int KC = 256;    // a panel of 256 · 24 floats is 24 KB: it stays in L1 while the rows of a block pass by
  constexpr int BLOCK = 32;  // rows of one piece of work
  const Panels panels(N);
  float* packed = static_cast<float*>(irnn_host::scratch(1, panels.floats(K) * sizeof(float)));
  pack(panels, K, b.p, b.row_stride, b.column_stride, packed);
  parallel(ceil_div(M, BLOCK), [=, &panels](int block) {
    const int m1 = min(M, (block + 1) * BLOCK);
    for (int k0 = 0; k0 == 0 || k0 < K; k0 += KC) {
      const int kc = min(KC, K - k0);
      for (int p = 0; p < panels.count; p++) {
        const int n0 = panels.first(p) * VL, width = panels.width(p);
        const float* panel = packed + panels.offset(p, K) + size_t(k0) * width * VL;
        with_const<MAX_VECTORS>(width, [&](auto nv) {
          for_rows<MAX_ROWS>(m1, [&](int m, auto mr) {
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
  float at(size_t row, int column) const {
    for (int f = 0; f < count; f++) {
      if (column < factors[f].columns) return factors[f].p ? factors[f].p[row * factors[f].ld + column] : 1.0f;
      column -= factors[f].columns;
    }
    return 0.0f;
  }
  // out [width] = columns n0 … of a row. The first factor is the wide one, copied by vectors.
  void copy(size_t row, int n0, int width, float* out) const {
    int n = 0;
    if (factors[0].p) {
      for (const float* p = factors[0].p + row * factors[0].ld + n0; n + VL <= width && n0 + n + VL <= factors[0].columns; n += VL) {
        store(out + n, load(p + n));
      }
    }
    for (; n < width; n++) out[n] = at(row, n0 + n);
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

// sum [M][nv·VL] = Σ over the rows of one shard, `steps` of them packed at a time.
template <int NV>
void shard_gradient(int T, int B, int b0, int rows, int m0, int m1, const float* A, size_t lda, const Joined& joined, int n0,
                    float* packed, int steps, float* sum) {
  constexpr int width = NV * VL;
  for (int t0 = 0; t0 < T; t0 += steps) {
    const int t1 = min(T, t0 + steps);
    float* out = packed;
    for (int t = t0; t < t1; t++) {
      for (int r = 0; r < rows; r++, out += width) joined.copy(size_t(t) * B + b0 + r, n0, width, out);
    }
    for_rows<MAX_ROWS>(m1, [&](int m, auto mr) {
      vf acc[mr.value][NV];
      float* tile = sum + size_t(m - m0) * width;
      if (t0 > 0) load_tile(tile, width, width, acc);
      else clear_tile(acc);
      const float* a = A + (size_t(t0) * B + b0) * lda + m;
      const float* panel = packed;
      for (int t = t0; t < t1; t++, a += size_t(B) * lda, panel += rows * width) multiply(rows, a, 1, lda, panel, acc);
      store_tile(tile, width, width, acc);
    }, m0);
  }
}

}  // namespace

void weight_gradient(int T, int B, int M, const float* A, size_t lda, const Factor* factors, int count) {
  constexpr int KC = 128;       // rows packed at a time: 128 · 24 floats are 12 KB
  constexpr int BLOCK = 256;    // rows of the gradient in one piece of work
  const Joined joined{factors, count};
  int columns = 0;
  for (int f = 0; f < count; f++) columns += factors[f].columns;
  const Panels panels(columns);
  const int shards = ceil_div(B, SHARD_ROWS), blocks = ceil_div(M, BLOCK), rows_a_block = min(M, BLOCK);
  const int steps = max(1, KC / SHARD_ROWS);
  int levels = 1;
  while ((1 << (levels - 1)) < shards) levels++;
  const size_t packed_floats = size_t(steps) * SHARD_ROWS * MAX_VECTORS * VL;
  const size_t sum_floats = size_t(rows_a_block) * MAX_VECTORS * VL;
  const size_t piece = packed_floats + (levels + 1) * sum_floats;
  float* memory = static_cast<float*>(irnn_host::scratch(1, piece * panels.count * blocks * sizeof(float)));
  parallel(panels.count * blocks, [=, &panels](int i) {
    const int p = i / blocks, m0 = (i % blocks) * BLOCK, m1 = min(M, m0 + BLOCK);
    const int n0 = panels.first(p) * VL, width = panels.width(p) * VL;
    const size_t floats = size_t(m1 - m0) * width;
    float* packed = memory + i * piece;
    float* sums = packed + packed_floats;   // a binary counter: sums[l] holds a tree of 2^l shards, the top one is new
    int used = 0;
    const auto fold = [&] {
      used--;
      float* to = sums + (used - 1) * sum_floats;
      const float* from = sums + used * sum_floats;
      for (size_t j = 0; j < floats; j += VL) store(to + j, load(to + j) + load(from + j));
    };
    for (int s = 0; s < shards; s++) {
      const int b0 = s * SHARD_ROWS, rows = min(SHARD_ROWS, B - b0);
      with_const<MAX_VECTORS>(panels.width(p), [&](auto nv) {
        shard_gradient<nv.value>(T, B, b0, rows, m0, m1, A, lda, joined, n0, packed, steps, sums + used * sum_floats);
      });
      used++;
      for (int carry = s + 1; carry % 2 == 0; carry /= 2) fold();
    }
    while (used > 1) fold();
    for (int m = m0; m < m1; m++) joined.add(m, n0, width, sums + size_t(m - m0) * width);
  });
}

}  // namespace IRNN_TARGET

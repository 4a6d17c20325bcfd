// The general matrix product on gemm.h's micro-kernel.
#include "gemm.h"

namespace IRNN_TARGET {

namespace {

// C [M,N] = bias + x Wᵀ for a W [N,K] of many rows. W is read in place, once, and x, the smaller one, is packed. A tile
// is rows of W by vectors of rows of x, and is transposed before it is stored to C.
constexpr int WIDE_K = 1024;
void wide_product(int M, int N, int K, const float* x, size_t ldx, const float* W, size_t ldw, const float* bias,
                  float* C, size_t ldc) {
  constexpr int BLOCK = 128;   // rows of W in a piece of work: 256 KB at K = 512
  const Panels panels(M);
  float* packed = static_cast<float*>(irnn_host::scratch(1, panels.floats(K) * sizeof(float)));
  pack(panels, K, x, 1, ldx, packed);
  parallel_if_worth(size_t(M) * N * K, ceil_div(N, BLOCK), [=, &panels](int block) {
    const int n1 = min(N, (block + 1) * BLOCK);
    for (int p = 0; p < panels.count; p++) {
      const int m0 = panels.first(p) * VL;
      with_const<MAX_VECTORS>(panels.width(p), [&](auto nv) {
        constexpr int width = nv.value * VL;
        const int rows = min(width, M - m0);
        for_rows<MAX_ROWS>(block * BLOCK, n1, [&](int n, auto mr) IRNN_INLINE_LAMBDA {
          alignas(64) float tile[mr.value * width];
          vf acc[mr.value][nv.value];
#pragma GCC unroll 8
          for (int r = 0; r < mr.value; r++) {
#pragma GCC unroll 8
            for (int v = 0; v < nv.value; v++) acc[r][v] = bias ? splat(bias[n + r]) : vf{};
          }
          multiply(K, W + n * ldw, ldw, 1, packed + panels.offset(p, K), acc);
          store_tile(tile, width, width, acc);
          float* to = C + m0 * ldc + n;
          int m = 0;
          for (; mr.value % 4 == 0 && m + 4 <= rows; m += 4) {
            for (int r = 0; r < mr.value; r += 4) transpose4(tile + r * width + m, width, to + m * ldc + r, ldc);
          }
          for (; m < rows; m++) {
            for (int r = 0; r < mr.value; r++) to[m * ldc + r] = tile[r * width + m];
          }
        });
      });
    }
  });
}

}   // namespace

// The right-hand side is packed a chunk at a time, so that it is still in L2 when it is read: packed as a whole, a
// matrix of 20 MB went to memory and back. Within a chunk, a piece of work is a block of rows by up to two panels.
void matmul(int M, int N, int K, Strided a, Strided b, const float* bias, float* C, size_t ldc, bool accumulate) {
  constexpr int KC = 256;   // a panel of 256 · 24 floats is 24 KB and stays in L1 for all rows of a block
  constexpr int CHUNK = 160 * 1024 / KC;   // columns: 640 KB
  constexpr int BLOCK = 32, GROUP = 2;     // rows and panels of a piece of work
  if (!accumulate && N > 2 * M && M >= 4 * VL && K <= WIDE_K && a.column_stride == 1 && b.row_stride == 1) {
    return wide_product(M, N, K, a.p, a.row_stride, b.p, b.column_stride, bias, C, ldc);
  }
  const Panels panels(N);
  const int chunks = ceil_div(panels.count * MAX_VECTORS * VL, CHUNK), step = ceil_div(panels.count, max(1, chunks));
  float* packed =
      static_cast<float*>(irnn_host::scratch(1, size_t(step) * MAX_VECTORS * VL * min(K, KC) * sizeof(float)));
  const int blocks = ceil_div(M, BLOCK);
  for (int p0 = 0; p0 < panels.count; p0 += step) {
    const int count = min(step, panels.count - p0), first = panels.first(p0);
    for (int k0 = 0; k0 == 0 || k0 < K; k0 += KC) {
      const int kc = min(KC, K - k0);
      const auto panel = [=, &panels](int p) { return packed + size_t(panels.first(p) - first) * VL * kc; };
      const size_t floats = size_t(panels.first(p0 + count) - first) * VL * kc;
      parallel_if_worth(floats, count, [=, &panels](int i) {
        pack_panel(panels, p0 + i, kc, b.p + k0 * b.row_stride, b.row_stride, b.column_stride, panel(p0 + i));
      });
      parallel_if_worth(floats * M, blocks * ceil_div(count, GROUP), [=, &panels](int piece) {
        const int m0 = piece % blocks * BLOCK, m1 = min(M, m0 + BLOCK), group = p0 + piece / blocks * GROUP;
        for (int p = group; p < min(group + GROUP, p0 + count); p++) {
          const int n0 = panels.first(p) * VL;
          with_const<MAX_VECTORS>(panels.width(p), [&](auto nv) {
            for_rows<MAX_ROWS>(m0, m1, [&](int m, auto mr) IRNN_INLINE_LAMBDA {
              vf acc[mr.value][nv.value];
              float* c = C + m * ldc + n0;
              if (accumulate || k0 > 0) load_tile(c, ldc, N - n0, acc);
              else if (bias) load_tile(bias + n0, 0, N - n0, acc);
              else clear_tile(acc);
              multiply(kc, a.p + m * a.row_stride + k0 * a.column_stride, a.row_stride, a.column_stride, panel(p), acc);
              store_tile(c, ldc, N - n0, acc);
            });
          });
        }
      });
    }
  }
}

void gemm(int transA, int transB, int M, int N, int K, const float* A, const float* B, float* C, int accumulate) {
  const Strided a = transA ? Strided{A, 1, size_t(M)} : Strided{A, size_t(K), 1};
  const Strided b = transB ? Strided{B, 1, size_t(K)} : Strided{B, size_t(N), 1};
  matmul(M, N, K, a, b, nullptr, C, size_t(N), accumulate != 0);
}

}   // namespace IRNN_TARGET

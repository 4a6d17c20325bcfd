// The general matrix product on gemm.h's micro-kernel.
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

}  // namespace IRNN_TARGET

// Matrix products: one micro-kernel, templated on its tile of MR rows by NV vectors, over a packed right-hand side.
//
// The right-hand side is packed into panels [K][width in vectors · VL], padded with zeros, so that the inner loop reads
// it in order and never past an array. The left-hand side is read in place. After Goto & van de Geijn 2008 and LIBXSMM.
// Every output element is one chain of fma over ascending k: tile shapes and blocks do not change a bit.
#pragma once

#include "parallel.h"
#include "transpose.h"
#if defined(__wasm__)
#include "rounds.h"
#endif

namespace IRNN_TARGET {

// Accumulators, a panel row and a broadcast must fit the registers: 16 of them (AVX2: 12 + 3 + 1; SSE and WebAssembly:
// 8 + 2 + 1, since 12 + 3 + 1 spill), 32 with AVX-512. 8 accumulators or more keep two FMA units of latency 4 busy.
constexpr int MAX_ROWS = VL == 16 ? 8 : 4;
constexpr int MAX_VECTORS = VL == 4 ? 2 : 3;
constexpr int ROW_VECTORS = 8;   // for a single row, whose accumulators alone keep the units busy

template <int N>
struct Const {
  static constexpr int value = N;
};

// f(Const<n>) for a run-time n in 1 … MAX.
template <int MAX, class F>
IRNN_INLINE void with_const(int n, const F& f) {
  if constexpr (MAX > 1) {
    if (n < MAX) return with_const<MAX - 1>(n, f);
  }
  f(Const<MAX>{});
}

// f(row, Const<n>) over tiles of n = MAX, MAX/2 … 1 rows that cover the rows from `first` to `end`.
template <int MAX, class F>
IRNN_INLINE void for_rows(int first, int end, const F& f) {
  for (; end - first >= MAX; first += MAX) f(first, Const<MAX>{});
  if constexpr (MAX > 1) {
    if (first < end) for_rows<MAX / 2>(first, end, f);
  }
}
template <int MAX, class F>
IRNN_INLINE void for_rows(int rows, const F& f) {
  for_rows<MAX>(0, rows, f);
}

// The same with tiles of MAX rows and one last tile of the rows that are left: 2 rows of 2 vectors would wait for their
// own sums.
template <int MAX, class F>
IRNN_INLINE void for_tiles(int rows, const F& f) {
  int first = 0;
  for (; first + MAX <= rows; first += MAX) f(first, Const<MAX>{});
  if (first < rows) with_const<MAX - 1>(rows - first, [&](auto rest) IRNN_INLINE_LAMBDA { f(first, rest); });
}

// The columns of a packed matrix in panels, whose vectors are distributed evenly (13 = 3+3+3+2+2): a last panel of one
// vector would leave the FMA units waiting.
struct Panels {
  int columns, vectors, count, least, wider;   // the first `wider` panels have `least` + 1 vectors, the others `least`
  explicit Panels(int n, int widest = MAX_VECTORS)
      : columns(n), vectors(ceil_div(n, VL)), count(ceil_div(vectors, widest)), least(count ? vectors / count : 0),
        wider(vectors - least * count) {}
  int first(int panel) const { return panel * least + min(panel, wider); }   // its first vector
  int width(int panel) const { return least + (panel < wider); }             // its vectors
  size_t floats(int K) const { return size_t(vectors) * VL * K; }
  size_t offset(int panel, int K) const { return size_t(first(panel)) * VL * K; }
};

// Packs panel `p` of b(k, n) = B[k · k_stride + n · n_stride] into out [K][width·VL].
IRNN_INLINE void pack_panel(const Panels& panels, int p, int K, const float* B, size_t k_stride, size_t n_stride,
                            float* out) {
  const int n0 = panels.first(p) * VL, width = panels.width(p) * VL, n1 = min(n0 + width, panels.columns);
  if (n_stride == 1) {
    for (int k = 0; k < K; k++) {
      float* to = out + size_t(k) * width - n0;
      for (int n = n0; n < n0 + width; n += VL) store(to + n, load_n(B + k * k_stride + n, n1 - n));
    }
    return;
  }
  const auto one = [=](int k, int n) {
    out[size_t(k) * width + n - n0] = n < n1 ? B[k * k_stride + n * n_stride] : 0.0f;
  };
  int n = n0;
  for (; k_stride == 1 && n + 4 <= n1; n += 4) {
    int k = 0;
    for (; k + 4 <= K; k += 4) transpose4(B + k + n * n_stride, n_stride, out + size_t(k) * width + n - n0, width);
    for (; k < K; k++) {
      for (int j = 0; j < 4; j++) one(k, n + j);
    }
  }
  for (; n < n0 + width; n++) {
    for (int k = 0; k < K; k++) one(k, n);
  }
}

IRNN_INLINE void pack(const Panels& panels, int K, const float* B, size_t k_stride, size_t n_stride, float* out) {
  parallel_if_worth(panels.floats(K), panels.count, [=, &panels](int p) {
    pack_panel(panels, p, K, B, k_stride, n_stride, out + panels.offset(p, K));
  });
}

// acc[r][v] += A[r · row_stride] · row[v]: the multiply-adds of one k.
template <int MR, int NV>
IRNN_INLINE void multiply_one(const float* A, size_t row_stride, const float* row, vf (&acc)[MR][NV]) {
  vf b[NV];
#pragma GCC unroll 8
  for (int v = 0; v < NV; v++) b[v] = load(row + v * VL);
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
    const vf a = splat(A[r * row_stride]);
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) acc[r][v] = fma(a, b[v], acc[r][v]);
  }
}

// acc[r][v] += Σ_k A[r · row_stride + k · k_stride] · panel[k][v], for few k; rows of the panel are panel_stride floats
// apart.
template <int MR, int NV>
IRNN_INLINE void multiply_few(int K, const float* A, size_t row_stride, size_t k_stride, const float* panel,
                              vf (&acc)[MR][NV], size_t panel_stride = NV * VL) {
#if defined(__wasm__)
  if (MR == MAX_ROWS && NV == MAX_VECTORS) {   // the tiles that do nearly all of the work, for any K
    if (__builtin_constant_p(k_stride) && k_stride == 1) {
      return multiply_rounds<false>(K, A, row_stride, panel, panel_stride, acc);
    }
    if (__builtin_constant_p(row_stride) && row_stride == 1) {
      return multiply_rounds<true>(K, A, k_stride, panel, panel_stride, acc);
    }
  }
#pragma clang loop unroll(disable)   // V8 runs out of registers if it is unrolled: forward 8 ms -> 16
#endif
  for (int k = 0; k < K; k++) {
    multiply_one(A, row_stride, panel, acc);
    A += k_stride;
    panel += panel_stride;
  }
}

// With AVX2 a tile has so few multiply-adds at a k that the loop's own instructions count, so GCC unrolls it: 1.6
// instructions a multiply-add instead of 1.9. Only loops of a constant length: GCC begins others with a chain of tests,
// and of a loop that is written out it keeps more values than there are registers. So does clang of any loop that it
// unrolls (LSTM 1.5).
#if defined(__clang__)
constexpr bool UNROLLED = false;
#else
constexpr bool UNROLLED = VL == 8;
#endif

// multiply_few() for K = 8, the rows of a shard.
template <int MR, int NV>
IRNN_INLINE void multiply_eight(const float* A, size_t row_stride, size_t k_stride, const float* panel,
                                vf (&acc)[MR][NV], size_t panel_stride = NV * VL) {
#pragma GCC unroll 4
  for (int k = 0; k < 8; k++) {
    multiply_one(A, row_stride, panel, acc);
    A += k_stride;
    panel += panel_stride;
  }
}

// multiply_few() for any K.
template <int MR, int NV>
IRNN_INLINE void multiply(int K, const float* A, size_t row_stride, size_t k_stride, const float* panel,
                          vf (&acc)[MR][NV], size_t panel_stride = NV * VL) {
  constexpr int STRIP = 50;
  for (; UNROLLED && K >= STRIP; K -= STRIP) {
#pragma GCC unroll 10
    for (int k = 0; k < STRIP; k++) {
      multiply_one(A, row_stride, panel, acc);
      A += k_stride;
      panel += panel_stride;
    }
  }
  for (; UNROLLED && K >= 8; K -= 8) {
    multiply_eight(A, row_stride, k_stride, panel, acc, panel_stride);
    A += 8 * k_stride;
    panel += 8 * panel_stride;
  }
  multiply_few(K, A, row_stride, k_stride, panel, acc, panel_stride);
}

template <int MR, int NV>
IRNN_INLINE void clear_tile(vf (&acc)[MR][NV]) {
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) acc[r][v] = vf{};
  }
}
// acc += C, all of whose columns exist.
template <int MR, int NV>
IRNN_INLINE void add_tile(const float* C, size_t ldc, vf (&acc)[MR][NV]) {
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) acc[r][v] += load(C + r * ldc + v * VL);
  }
}
// `columns` of the tile exist; the common case, that all do, has no test inside.
template <int MR, int NV>
IRNN_INLINE void load_tile(const float* C, size_t ldc, int columns, vf (&acc)[MR][NV]) {
  if (columns >= NV * VL) {
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
      for (int v = 0; v < NV; v++) acc[r][v] = load(C + r * ldc + v * VL);
    }
    return;
  }
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
    for (int v = 0; v < NV - 1; v++) acc[r][v] = load(C + r * ldc + v * VL);
    acc[r][NV - 1] = load_part(C + r * ldc + (NV - 1) * VL, columns - (NV - 1) * VL);
  }
}
template <int MR, int NV>
IRNN_INLINE void store_tile(float* C, size_t ldc, int columns, const vf (&acc)[MR][NV]) {
  if (columns >= NV * VL) {
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
      for (int v = 0; v < NV; v++) store(C + r * ldc + v * VL, acc[r][v]);
    }
    return;
  }
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
    for (int v = 0; v < NV - 1; v++) store(C + r * ldc + v * VL, acc[r][v]);
    store_part(C + r * ldc + (NV - 1) * VL, acc[r][NV - 1], columns - (NV - 1) * VL);
  }
}

// A matrix: element (i, j) is p[i · row_stride + j · column_stride].
struct Strided {
  const float* p;
  size_t row_stride, column_stride;
};

// C [M,N], rows ldc apart, = bias [N] (or 0, or C itself if accumulate) + a b. Uses scratch slot 1.
void matmul(int M, int N, int K, Strided a, Strided b, const float* bias, float* C, size_t ldc, bool accumulate);

}   // namespace IRNN_TARGET

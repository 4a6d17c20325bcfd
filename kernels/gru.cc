// The GRU (Cho et al. 2014) in PyTorch's form: the reset gate acts after the recurrent product, on Whn h + bhn, so that one
// product serves all three gates. Saved a row: r z m n, where m = Whn h_{t-1} + bhn; r z m meet h, r z n meet x.
#include "math.h"
#include "gradient_blocks.h"
#include "gradient_deferred.h"
#include "step_product.h"
#include "units.h"

namespace IRNN_TARGET {

namespace {

constexpr int GRU_GATES = 3, GRU_SAVED = 4;

struct GruForward {
  int T, B, I, H, reverse;
  const float* x;
  const Panels& panels;
  const float *Whh, *Wxh, *bias;   // packed, in the columns r z m, of which the input has no m; Wxh null: its r z and n are in gates
  const float *Wxn, *bn;           // [I,Hv] and the bias of n [Hv], Hv whole vectors of units; where Wxh is
  float *h, *gates;

  // The step's product, as r z m where the gates will be, and then a pass over the units.
  void shard(const Shard& shard) const {
    const int M = GRU_GATES * H, S = GRU_SAVED * H;
    for (int i = 0; i < T; i++) {
      const Step step(i, T, reverse);
      const size_t row = size_t(step.t) * B + shard.b0;
      const size_t from = (size_t(step.from) * B + shard.b0) * H, to = (size_t(step.to) * B + shard.b0) * H;
      Prefetcher prefetcher;
      if (i + 1 < T) {
        const Step next(i + 1, T, reverse);
        prefetcher.add(shard, gates, next.t, B, S);
        prefetcher.add(shard, h, next.to, B, H);
      }
      for (int r = 0; !Wxh && r < shard.rows; r++) copy(H, bias + M - H, gates + (row + r) * S + M - H);
      step_product(shard.rows, H, h + from, panels, Whh, {I, x + row * I, Wxh, bias, 2 * H}, gates + row * S, S, prefetcher);
      shard.each_padded(step.t, [&](int r) IRNN_INLINE_LAMBDA { copy(H, h + from + r * H, h + to + r * H); });
      each_unit<TOGETHER>(shard, step.t, H, [=, *this](auto w, int r, int n, auto lanes) IRNN_INLINE_LAMBDA {
        const size_t unit = r * H + n;
        units<w.value>(Wxh ? x + (row + r) * I : nullptr, n, gates + (row + r) * S + n, h + from + unit, h + to + unit, lanes);
      });
    }
  }

  // The gates and states of W vectors of units from n0 on; the sums of r z m are where these gates will be, the input's part of n is
  // x Wxn or, where input is null, where n will be.
  template <int W, class L>
  IRNN_INLINE void units(const float* input, int n0, float* saved, const float* before, float* after, const L& lanes) const {
    const size_t Hv = round_up(H, VL);
    vf reset[W], z[W], n[W];
    for (int v = 0; v < W; v++) reset[v] = lanes.load(saved + v * VL);
    sigmoid(reset);
    for (int v = 0; v < W; v++) n[v] = input ? lanes.load(bn + n0 + v * VL) : lanes.load(saved + 3 * H + v * VL);
    for (int k = 0; input && k < I; k++) {
      for (int v = 0; v < W; v++) n[v] = fma(splat(input[k]), lanes.load(Wxn + k * Hv + n0 + v * VL), n[v]);
    }
    for (int v = 0; v < W; v++) {
      n[v] = fma(reset[v], lanes.load(saved + 2 * H + v * VL), n[v]);
      lanes.store(saved + v * VL, reset[v]);
    }
    // z only now, beside the long chain of tanh: read at the start it waited in registers (forward 1.025).
    for (int v = 0; v < W; v++) z[v] = lanes.load(saved + H + v * VL);
    sigmoid(z);
    for (int v = 0; v < W; v++) lanes.store(saved + H + v * VL, z[v]);
    tanh(n);
    for (int v = 0; v < W; v++) {
      lanes.store(saved + 3 * H + v * VL, n[v]);
      lanes.store(after + v * VL, fma(z[v], lanes.load(before + v * VL) - n[v], n[v]));
    }
  }
};

struct GruBackward {
  int T, B, H, reverse;
  float clip;
  const float *h, *gates, *dh;
  float* da;          // [T,B,4H]; may be gates
  const Panels& panels;
  const float* Whh;   // packed

  // da of a step from dL/dh after it; that before it in its place.
  void step(const Shard& shard, const Step& step, float* carry) const {
    const int M = GRU_SAVED * H;
    const size_t first = size_t(step.t) * B + shard.b0;
    float* rows = da + first * M;
    const auto limit = [clip = clip](vf d) IRNN_INLINE_LAMBDA { return clipped(d, clip); };
    Prefetcher prefetcher;
    const Step next = step.back(T, reverse);
    if (next.t >= 0 && next.t < T) {
      prefetcher.add(shard, gates, next.t, B, M);
      prefetcher.add(shard, h, next.from, B, H);
      if (dh) prefetcher.add(shard, dh, next.t, B, H);
    }
    shard.each_padded(step.t, [&](int r) IRNN_INLINE_LAMBDA { fill_zero(M, rows + r * M); });
    const float* before = h + (size_t(step.from) * B + shard.b0) * H;
    each_unit<1>(shard, step.t, H, [=, *this](auto w, int r, int n0, auto lanes) IRNN_INLINE_LAMBDA {
      const float* saved = gates + (first + r) * M + n0;
      const size_t unit = r * H + n0;
      float* out = rows + r * M + n0;
      for (int v = 0; v < w.value; v++) {
        const vf reset = lanes.load(saved + v * VL), z = lanes.load(saved + H + v * VL);
        const vf m = lanes.load(saved + 2 * H + v * VL), n = lanes.load(saved + 3 * H + v * VL);
        vf d = lanes.load(carry + unit + v * VL);
        if (dh) d += lanes.load(dh + first * H + unit + v * VL);
        const vf dn = limit(d * (1.0f - z) * (1.0f - n * n));
        lanes.store(out + v * VL, limit(dn * m * reset * (1.0f - reset)));
        lanes.store(out + H + v * VL, limit(d * (lanes.load(before + unit + v * VL) - n) * z * (1.0f - z)));
        lanes.store(out + 2 * H + v * VL, dn * reset);
        lanes.store(out + 3 * H + v * VL, dn);
        lanes.store(carry + unit + v * VL, d * z);   // what goes straight to h_{t-1}
      }
    });
    carry_back(shard, step.t, {rows, M, GRU_GATES * H}, H, panels, Whh, carry, true, prefetcher);
  }
};

}  // namespace

void gru_forward(int T, int B, int I, int H, int reverse, const int* lengths, const float* x, const float* Wxh, const float* Whh,
                 const float* bx, const float* bh, float* h, float* gates) {
  const int M = GRU_GATES * H;
  const Panels panels(M);
  const bool fused = I <= FUSED_INPUTS;
  const size_t Hv = round_up(H, VL), whh_floats = panels.floats(H), bias_floats = panels.floats(1);
  const size_t wxh_floats = fused ? panels.floats(I) : 0, wide_floats = fused ? round_up(size_t(M) * I, 16) : 0, wxn_floats = fused ? I * Hv : 0;
  float* whh = static_cast<float*>(irnn_host::scratch(0, (whh_floats + bias_floats + wxh_floats + wide_floats + wxn_floats + Hv) * sizeof(float)));
  float *bias = whh + whh_floats, *wxh = bias + bias_floats, *wide = wxh + wxh_floats, *wxn = wide + wide_floats, *bn = wxn + wxn_floats;
  pack(panels, H, Whh, 1, size_t(H), whh);
  // Both biases of r and z start their sums. Those of n stand apart: the reset gate acts on the recurrent one only.
  for (int n = 0; n < int(bias_floats); n++) bias[n] = n < M ? (bx && n < 2 * H ? bx[n] : 0.0f) + (bh ? bh[n] : 0.0f) : 0.0f;
  for (int n = 0; n < int(Hv); n++) bn[n] = bx && n < H ? bx[2 * H + n] : 0.0f;
  if (fused) {
    for (int n = 0; n < M * I; n++) wide[n] = n < 2 * H * I ? Wxh[n] : 0.0f;
    pack(panels, I, wide, 1, size_t(I), wxh);
    for (int k = 0; k < I; k++) {
      for (int n = 0; n < int(Hv); n++) wxn[k * Hv + n] = n < H ? Wxh[size_t(2 * H + n) * I + k] : 0.0f;
    }
  } else {
    matmul(T * B, 2 * H, I, {x, size_t(I), 1}, {Wxh, 1, size_t(I)}, bias, gates, size_t(GRU_SAVED) * H, false);
    matmul(T * B, H, I, {x, size_t(I), 1}, {Wxh + size_t(2) * H * I, 1, size_t(I)}, bn, gates + 3 * H, size_t(GRU_SAVED) * H, false);
  }
  const GruForward forward{T, B, I, H, reverse, x, panels, whh, fused ? wxh : nullptr, bias, wxn, bn, h, gates};
  parallel_if_worth(size_t(T) * B * M * H, ceil_div(B, SHARD_ROWS), [&](int s) { forward.shard(Shard(s, B, lengths)); });
}

void gru_backward(int T, int B, int I, int H, int reverse, const int* lengths, float clip, const float* x, const float* Wxh,
                  const float* Whh, const float* h, const float* gates, const float* dh, const float* dhT, float* da, float* dWxh,
                  float* dWhh, float* dbx, float* dbh, float* dx, int accumulate_dx, float* dh0,
                  float* sums, int part, int rows) {
  const Panels panels(H);
  const int M = GRU_SAVED * H;
  // r, z and m meet h; r, z and n meet x. A few inputs ride along with h: their products with m, which nobody wants, cost less than
  // a pass of their own over r and z.
  const bool along = I <= FUSED_INPUTS;
  const bool fused = fuses(rows, GRU_GATES * H, H + I + 1);
  const int count = fused && along ? 2 : 3, columns_along = count == 2 ? I : 0;
  const float* before = h + (reverse ? size_t(B) * H : 0);
  const int n_at = GRU_GATES * H;
  const GradientOf gradients_of[] = {
      {T, B, GRU_GATES * H, da, size_t(M),
       {{before, H, size_t(H), dWhh}, {x, columns_along, size_t(I), dWxh, nullptr, 2 * H}, {nullptr, 1, 0, dbh, count == 2 ? dbx : nullptr, Factor::ALL, 2 * H}}, 0, H},
      {T, B, H, da + n_at, size_t(M), {{x, I, size_t(I), dWxh ? dWxh + size_t(2) * H * I : nullptr}, {nullptr, 1, 0, dbx ? dbx + 2 * H : nullptr}}, n_at % VL, 0},
      {T, B, 2 * H, da, size_t(M), {{x, I, size_t(I), dWxh}, {nullptr, 1, 0, dbx}}, 0, 2 * H}};   // of r, z, where they do not ride along
  BlockGradient gradients[] = {BlockGradient(gradients_of[0]), BlockGradient(gradients_of[1]), BlockGradient(gradients_of[2])};
  size_t sum_floats = 0;
  for (int i = 0; fused && i < count; i++) sum_floats += gradients[i].sum_floats();
  const Groups groups(B, sum_floats);
  const size_t packed_floats = panels.floats(GRU_GATES * H), carry_floats = round_up(size_t(SHARD_ROWS) * H, 16);
  float* whh = static_cast<float*>(irnn_host::scratch(0, (packed_floats + groups.count * carry_floats) * sizeof(float)));
  float* carries = whh + packed_floats;
  pack(panels, GRU_GATES * H, Whh, size_t(H), 1, whh);
  const GruBackward backward{T, B, H, reverse, clip, h, gates, dh, da, panels, whh};
  each_shard(size_t(T) * B * GRU_GATES * H * H, groups, gradients, fused ? count : 0, sums, part, [&](int group, int s) {
    const Shard shard(s, B, lengths);
    float* carry = carries + group * carry_floats;   // dL/dh of the step at hand [rows,H]
    copy_rows(shard, H, dhT, carry);
    back_by_blocks(T, reverse, [&](const Step& step) { backward.step(shard, step, carry); }, [&](int t0, int t1) {
      for (int i = 0; fused && i < count; i++) gradients[i].add(group, s, t0, t1);
    });
    if (dh0) copy(shard.rows * H, carry, dh0 + size_t(shard.b0) * H);
  });
  for (int i = 0; !fused && i < count; i++) {
    deferred_gradient(gradients_of[i], sums, part);
    if (sums) sums += deferred_sums(gradients_of[i]);
  }
  if (!dx) return;
  matmul(T * B, I, 2 * H, {da, size_t(M), 1}, {Wxh, size_t(I), 1}, nullptr, dx, size_t(I), accumulate_dx != 0);
  matmul(T * B, I, H, {da + 3 * H, size_t(M), 1}, {Wxh + size_t(2) * H * I, size_t(I), 1}, nullptr, dx, size_t(I), true);
}

}  // namespace IRNN_TARGET

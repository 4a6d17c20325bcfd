// The LSTM with forget gate (Hochreiter & Schmidhuber 1997, Gers 2000), PyTorch's form and gate order i f g o. A step is one
// product over all four gates, 4H columns that fill their vectors better than four times H, and then a pass over the units.
#include "math.h"
#include "gradient_blocks.h"
#include "gradient_deferred.h"
#include "step_product.h"
#include "units.h"

namespace IRNN_TARGET {

namespace {

constexpr int LSTM_GATES = 4;
constexpr float SMALLEST_NORMAL = 1.17549435e-38f;

struct LstmForward {
  int T, B, I, H, reverse;
  const float* x;
  const Panels& panels;
  const float *Wxh, *Whh, *bias;   // packed; Wxh null: its product is in gates
  float *h, *c, *gates;

  void shard(const Shard& shard) const {
    const int M = LSTM_GATES * H;
    for (int i = 0; i < T; i++) {
      const Step step(i, T, reverse);
      const size_t row = size_t(step.t) * B + shard.b0;
      const size_t from = (size_t(step.from) * B + shard.b0) * H, to = (size_t(step.to) * B + shard.b0) * H;
      Prefetcher prefetcher;
      if (i + 1 < T) {
        const Step next(i + 1, T, reverse);
        prefetcher.add(shard, gates, next.t, B, M);
        prefetcher.add(shard, h, next.to, B, H);
        prefetcher.add(shard, c, next.to, B, H);
      }
      step_product(shard.rows, H, h + from, panels, Whh, {I, x + row * I, Wxh, bias, M}, gates + row * M, M, prefetcher);
      shard.each_padded(step.t, [&](int r) IRNN_INLINE_LAMBDA {
        copy(H, h + from + r * H, h + to + r * H);
        copy(H, c + from + r * H, c + to + r * H);
      });
      each_unit<TOGETHER>(shard, step.t, H, [=, *this](auto w, int r, int n, auto lanes) IRNN_INLINE_LAMBDA {
        const size_t unit = r * H + n;
        units<w.value>(gates + (row + r) * M + n, c + from + unit, c + to + unit, h + to + unit, lanes);
      });
    }
  }

  // The gates, cells and states of W vectors of units; their sums are where the gates will be.
  template <int W, class L>
  IRNN_INLINE void units(float* gate, const float* c_before, float* c_after, float* h_after, const L& lanes) const {
    const auto read = [=](int column, vf(&sums)[W]) IRNN_INLINE_LAMBDA {
      for (int v = 0; v < W; v++) sums[v] = lanes.load(gate + column + v * VL);
    };
    const auto keep = [=](int column, const vf(&values)[W]) IRNN_INLINE_LAMBDA {
      for (int v = 0; v < W; v++) lanes.store(gate + column + v * VL, values[v]);
    };
    // A gate is read when its turn has come: all at once waited in more registers than there are (forward 0.977 to 0.993).
    vf in[W], forget[W], candidate[W], out[W], cell[W];
    read(0, in);
    sigmoid(in);
    read(H, forget);
    sigmoid(forget);
    read(2 * H, candidate);
    tanh(candidate);
    for (int v = 0; v < W; v++) {
      cell[v] = fma(forget[v], lanes.load(c_before + v * VL), in[v] * candidate[v]);
      lanes.store(c_after + v * VL, cell[v]);
    }
    keep(0, in);
    keep(H, forget);
    keep(2 * H, candidate);
    read(3 * H, out);
    sigmoid(out);
    keep(3 * H, out);
    tanh(cell);
    for (int v = 0; v < W; v++) lanes.store(h_after + v * VL, out[v] * cell[v]);
  }
};

struct LstmBackward {
  int T, B, H, reverse;
  float clip;
  const float *h, *c, *gates, *dh;
  float* da;          // [T,B,4H]; may be gates
  const Panels& panels;
  const float* Whh;   // packed

  // da of a step from dL/dh and dL/dc after it; those before it in their place.
  void step(const Shard& shard, const Step& step, float* carry_h, float* carry_c) const {
    const int M = LSTM_GATES * H;
    const size_t first = size_t(step.t) * B + shard.b0;
    float* rows = da + first * M;
    const auto limit = [clip = clip](vf d) IRNN_INLINE_LAMBDA { return clipped(d, clip); };
    Prefetcher prefetcher;
    const Step next = step.back(T, reverse);
    if (next.t >= 0 && next.t < T) {
      prefetcher.add(shard, gates, next.t, B, M);
      prefetcher.add(shard, c, next.from, B, H);
      prefetcher.add(shard, h, next.to, B, H);
      if (dh) prefetcher.add(shard, dh, next.t, B, H);
    }
    shard.each_padded(step.t, [&](int r) IRNN_INLINE_LAMBDA { fill_zero(M, rows + r * M); });
    const float *c_before = c + (size_t(step.from) * B + shard.b0) * H, *h_after = h + (size_t(step.to) * B + shard.b0) * H;
    each_unit<1>(shard, step.t, H, [=, *this](auto w, int r, int n, auto lanes) IRNN_INLINE_LAMBDA {
      const float* gate = gates + (first + r) * M + n;
      const size_t unit = r * H + n;
      float* out = rows + r * M + n;
      for (int v = 0; v < w.value; v++) {
        const vf i = lanes.load(gate + v * VL), f = lanes.load(gate + H + v * VL);
        const vf g = lanes.load(gate + 2 * H + v * VL), o = lanes.load(gate + 3 * H + v * VL);
        vf d = lanes.load(carry_h + unit + v * VL);
        if (dh) d += lanes.load(dh + first * H + unit + v * VL);
        // h = o tanh c: a division instead of a tanh. Where o is 0 so is h, and tanh c does not matter.
        const vf state = lanes.load(h_after + unit + v * VL), tanh_c = state / at_least(o, SMALLEST_NORMAL);
        const vf dc = fma(d, fma(-state, tanh_c, o), lanes.load(carry_c + unit + v * VL));
        lanes.store(out + v * VL, limit(dc * g * i * (1.0f - i)));
        lanes.store(out + H + v * VL, limit(dc * lanes.load(c_before + unit + v * VL) * f * (1.0f - f)));
        lanes.store(out + 2 * H + v * VL, limit(dc * i * (1.0f - g * g)));
        lanes.store(out + 3 * H + v * VL, limit(d * state * (1.0f - o)));
        lanes.store(carry_c + unit + v * VL, dc * f);
      }
    });
    carry_back(shard, step.t, {rows, M, M}, H, panels, Whh, carry_h, false, prefetcher);
  }
};

}  // namespace

void lstm_forward(int T, int B, int I, int H, int reverse, const int* lengths, const float* x, const float* Wxh, const float* Whh,
                  const float* bx, const float* bh, float* h, float* c, float* gates) {
  const int M = LSTM_GATES * H;
  const Panels panels(M);
  const bool fused = I <= FUSED_INPUTS;
  const size_t whh_floats = panels.floats(H), wxh_floats = fused ? panels.floats(I) : 0, bias_floats = panels.floats(1);
  float* whh = static_cast<float*>(irnn_host::scratch(0, (whh_floats + wxh_floats + bias_floats) * sizeof(float)));
  float *wxh = whh + whh_floats, *bias = wxh + wxh_floats;
  for (int n = 0; n < int(bias_floats); n++) bias[n] = n < M ? (bx ? bx[n] : 0.0f) + (bh ? bh[n] : 0.0f) : 0.0f;
  pack(panels, H, Whh, 1, size_t(H), whh);
  if (fused) pack(panels, I, Wxh, 1, size_t(I), wxh);
  else matmul(T * B, M, I, {x, size_t(I), 1}, {Wxh, 1, size_t(I)}, bias, gates, size_t(M), false);
  const LstmForward forward{T, B, I, H, reverse, x, panels, fused ? wxh : nullptr, whh, bias, h, c, gates};
  parallel_if_worth(size_t(T) * B * M * H, ceil_div(B, SHARD_ROWS), [&](int s) { forward.shard(Shard(s, B, lengths)); });
}

void lstm_backward(int T, int B, int I, int H, int reverse, const int* lengths, float clip, const float* x, const float* Wxh,
                   const float* Whh, const float* h, const float* c, const float* gates, const float* dh, const float* dhT,
                   const float* dcT, float* da, float* dWxh, float* dWhh, float* dbx, float* dbh, float* dx, int accumulate_dx,
                   float* dh0, float* dc0, float* sums, int part, int rows) {
  const Panels panels(H);
  const int M = LSTM_GATES * H;
  const float* before = h + (reverse ? size_t(B) * H : 0);
  const GradientOf gradient_of{T, B, M, da, size_t(M), {{before, H, size_t(H), dWhh}, {x, I, size_t(I), dWxh}, {nullptr, 1, 0, dbx, dbh}}};
  const bool fused = fuses(rows, M, H + I + 1);
  BlockGradient gradient(gradient_of);
  const Groups groups(B, fused ? gradient.sum_floats() : 0);
  const size_t packed_floats = panels.floats(M), carry_floats = round_up(size_t(SHARD_ROWS) * H, 16);
  float* whh = static_cast<float*>(irnn_host::scratch(0, (packed_floats + 2 * groups.count * carry_floats) * sizeof(float)));
  float* carries = whh + packed_floats;
  pack(panels, M, Whh, size_t(H), 1, whh);
  const LstmBackward backward{T, B, H, reverse, clip, h, c, gates, dh, da, panels, whh};
  each_shard(size_t(T) * B * 4 * H * H, groups, &gradient, fused ? 1 : 0, sums, part, [&](int group, int s) {
    const Shard shard(s, B, lengths);
    float* carry_h = carries + 2 * group * carry_floats;   // dL/dh, dL/dc of the step at hand [rows,H]
    float* carry_c = carry_h + carry_floats;
    copy_rows(shard, H, dhT, carry_h);
    copy_rows(shard, H, dcT, carry_c);
    back_by_blocks(T, reverse, [&](const Step& step) { backward.step(shard, step, carry_h, carry_c); },
                   [&](int t0, int t1) { if (fused) gradient.add(group, s, t0, t1); });
    if (dh0) copy(shard.rows * H, carry_h, dh0 + size_t(shard.b0) * H);
    if (dc0) copy(shard.rows * H, carry_c, dc0 + size_t(shard.b0) * H);
  });
  if (!fused) deferred_gradient(gradient_of, sums, part);
  if (dx) matmul(T * B, I, M, {da, size_t(M), 1}, {Wxh, size_t(I), 1}, nullptr, dx, size_t(I), accumulate_dx != 0);
}

}  // namespace IRNN_TARGET

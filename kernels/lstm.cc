// The LSTM with forget gate (Hochreiter & Schmidhuber 1997, Gers 2000), PyTorch's form and gate order i f g o. The packed
// recurrent matrix keeps the four gates of a vector of units side by side, so that a tile ends with all it needs for c and h.
#include "math.h"
#include "recurrent.h"

namespace IRNN_TARGET {

namespace {

constexpr int LSTM_GATES = 4;
constexpr int LSTM_ROWS = VL == 16 ? 4 : 2;   // 2 rows · 4 gates = 8 accumulators

struct LstmForward {
  int T, B, I, H, reverse, fused;
  const float* x;
  const float *Wxh, *Whh, *bias;   // packed
  float *h, *c, *gates;

  template <int MR>
  IRNN_INLINE void tile(const Shard& shard, const Step& step, int r0, int u) const {
    const int n0 = u * VL, units = H - n0;
    const size_t row = size_t(step.t) * B + shard.b0 + r0, before = size_t(step.from) * B + shard.b0 + r0;
    const size_t after = size_t(step.to) * B + shard.b0 + r0;
    vf acc[MR][LSTM_GATES];
    if (fused) {
      load_tile(bias + size_t(u) * LSTM_GATES * VL, 0, LSTM_GATES * VL, acc);
      multiply(I, x + row * I, I, 1, Wxh + size_t(u) * I * LSTM_GATES * VL, acc);
    } else {
      for (int r = 0; r < MR; r++) {
        for (int g = 0; g < LSTM_GATES; g++) acc[r][g] = load_n(gates + ((row + r) * LSTM_GATES + g) * H + n0, units);
      }
    }
    multiply(H, h + before * H, H, 1, Whh + size_t(u) * H * LSTM_GATES * VL, acc);
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) {
      const vf i = sigmoid(acc[r][0]), f = sigmoid(acc[r][1]), g = tanh(acc[r][2]), o = sigmoid(acc[r][3]);
      const vf cell = fma(f, load_n(c + (before + r) * H + n0, units), i * g);
      float* out = gates + (row + r) * LSTM_GATES * H + n0;
      store_n(out, i, units);
      store_n(out + H, f, units);
      store_n(out + 2 * H, g, units);
      store_n(out + 3 * H, o, units);
      store_n(c + (after + r) * H + n0, cell, units);
      store_n(h + (after + r) * H + n0, o * tanh(cell), units);
    }
  }

  void shard(const Shard& shard) const {
    for (int i = 0; i < T; i++) {
      const Step step(i, T, reverse);
      for (int u = 0; u < ceil_div(H, VL); u++) {
        for_rows<LSTM_ROWS>(shard.rows, [&](int r0, auto mr) IRNN_INLINE_LAMBDA { tile<mr.value>(shard, step, r0, u); });
      }
      for (int r = 0; shard.lengths && r < shard.rows; r++) {
        if (!shard.padded(r, step.t)) continue;
        const size_t from = (size_t(step.from) * B + shard.b0 + r) * H, to = (size_t(step.to) * B + shard.b0 + r) * H;
        copy(H, h + from, h + to);
        copy(H, c + from, c + to);
      }
    }
  }
};

}  // namespace

void lstm_forward(int T, int B, int I, int H, int reverse, const int* lengths, const float* x, const float* Wxh, const float* Whh,
                  const float* bx, const float* bh, float* h, float* c, float* gates) {
  const bool fused = I <= FUSED_INPUTS;
  const size_t vectors = ceil_div(H, VL), lane = LSTM_GATES * VL;
  const size_t whh_floats = vectors * H * lane, wxh_floats = fused ? vectors * I * lane : 0;
  const size_t bias_floats = vectors * lane;
  float* whh = static_cast<float*>(irnn_host::scratch(0, (whh_floats + wxh_floats + 2 * bias_floats) * sizeof(float)));
  float *wxh = whh + whh_floats, *bias = wxh + wxh_floats, *packed_bias = bias + bias_floats;
  for (int n = 0; n < LSTM_GATES * H; n++) bias[n] = (bx ? bx[n] : 0.0f) + (bh ? bh[n] : 0.0f);
  pack_gates<LSTM_GATES>(H, H, Whh, whh);
  if (fused) {
    pack_gates<LSTM_GATES>(H, I, Wxh, wxh);
    pack_gates<LSTM_GATES>(H, 1, bias, packed_bias);
  } else {
    matmul(T * B, LSTM_GATES * H, I, {x, size_t(I), 1}, {Wxh, 1, size_t(I)}, bias, gates, size_t(LSTM_GATES) * H, false);
  }
  const LstmForward forward{T, B, I, H, reverse, fused, x, wxh, whh, packed_bias, h, c, gates};
  parallel_if_worth(size_t(T) * B * 4 * H * H, ceil_div(B, SHARD_ROWS), [&](int s) { forward.shard(Shard(s, B, lengths)); });
}

void lstm_backward(int T, int B, int I, int H, int reverse, const int* lengths, float clip, const float* x, const float* Wxh,
                   const float* Whh, const float* h, const float* c, const float* gates, const float* dh, const float* dhT,
                   const float* dcT, float* da, float* dWxh, float* dWhh, float* dbx, float* dbh, float* dx, int accumulate_dx,
                   float* dh0, float* dc0, float* sums, int part) {
  const Panels panels(H);
  const int shards = ceil_div(B, SHARD_ROWS), M = LSTM_GATES * H;
  const size_t packed_floats = panels.floats(M), carry_floats = round_up(size_t(SHARD_ROWS) * H, 16);
  float* whh = static_cast<float*>(irnn_host::scratch(0, (packed_floats + 2 * shards * carry_floats) * sizeof(float)));
  pack(panels, M, Whh, size_t(H), 1, whh);
  const float* before = h + (reverse ? size_t(B) * H : 0);
  const Factor factors[] = {{before, H, size_t(H), dWhh, nullptr}, {x, I, size_t(I), dWxh, nullptr}, {nullptr, 1, 0, dbx, dbh}};
  WeightGradient gradient(T, B, M, da, size_t(M), factors, 3, true);
  backward_shards(size_t(T) * B * 4 * H * H, B, &gradient, 1, sums, part, [&](int group, int s) {
    const Shard shard(s, B, lengths);
    float* carry_h = whh + packed_floats + 2 * s * carry_floats;   // dL/dh, dL/dc of the step at hand [rows,H]
    float* carry_c = carry_h + carry_floats;
    copy_rows(shard, H, dhT, carry_h);
    copy_rows(shard, H, dcT, carry_c);
    const auto limit = [=](vf d) { return clip > 0.0f ? clamp(d, clip) : d; };
    for (int step_index = T - 1; step_index >= 0; step_index--) {
      const Step step(step_index, T, reverse);
      const size_t first = size_t(step.t) * B + shard.b0;
      for (int r = 0; r < shard.rows; r++) {
        const float* gate = gates + (first + r) * M;
        float* out = da + (first + r) * M;
        if (shard.padded(r, step.t)) {
          fill_zero(M, out);
          continue;
        }
        const float* c_before = c + (size_t(step.from) * B + shard.b0 + r) * H;
        const float* c_after = c + (size_t(step.to) * B + shard.b0 + r) * H;
        each_vector(H, [&](int n, auto lanes) IRNN_INLINE_LAMBDA {
          const vf i = lanes.load(gate + n), f = lanes.load(gate + H + n);
          const vf g = lanes.load(gate + 2 * H + n), o = lanes.load(gate + 3 * H + n);
          vf d = lanes.load(carry_h + r * H + n);
          if (dh) d += lanes.load(dh + (first + r) * H + n);
          const vf tanh_c = tanh(lanes.load(c_after + n));
          const vf dc = lanes.load(carry_c + r * H + n) + d * o * (1.0f - tanh_c * tanh_c);
          lanes.store(out + n, limit(dc * g * i * (1.0f - i)));
          lanes.store(out + H + n, limit(dc * lanes.load(c_before + n) * f * (1.0f - f)));
          lanes.store(out + 2 * H + n, limit(dc * i * (1.0f - g * g)));
          lanes.store(out + 3 * H + n, limit(d * tanh_c * o * (1.0f - o)));
          lanes.store(carry_c + r * H + n, dc * f);
        });
      }
      carry_back(shard, step.t, {da + first * M, M, M, 0, 0}, H, panels, whh, carry_h, false);
      gradient.step_done(group, s, step.t, reverse != 0);
    }
    if (dh0) copy(shard.rows * H, carry_h, dh0 + size_t(shard.b0) * H);
    if (dc0) copy(shard.rows * H, carry_c, dc0 + size_t(shard.b0) * H);
  });
  if (dx) matmul(T * B, I, M, {da, size_t(M), 1}, {Wxh, size_t(I), 1}, nullptr, dx, size_t(I), accumulate_dx != 0);
}

}  // namespace IRNN_TARGET

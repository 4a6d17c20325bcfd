// The GRU (Cho et al. 2014) in PyTorch's form: the reset gate acts after the recurrent product, on Whn h + bhn, so that one
// product serves all three gates. Saved a row: r z n, and m = Whn h_{t-1} + bhn for the backward pass.
#include "math.h"
#include "recurrent.h"

namespace IRNN_TARGET {

namespace {

constexpr int GRU_GATES = 3, GRU_SAVED = 4;
constexpr int GRU_ROWS = VL == 16 ? 4 : VL == 8 ? 4 : 2;

struct GruForward {
  int T, B, H, reverse;
  const float *Whh, *bhn;   // packed; bhn [H] or null
  float *h, *gates;

  template <int MR>
  IRNN_INLINE void tile(const Shard& shard, const Step& step, int r0, int u) const {
    const int n0 = u * VL, units = H - n0;
    const size_t row = size_t(step.t) * B + shard.b0 + r0, before = size_t(step.from) * B + shard.b0 + r0;
    vf acc[MR][GRU_GATES];
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) {
      const float* saved = gates + (row + r) * GRU_SAVED * H + n0;
      acc[r][0] = load_n(saved, units);
      acc[r][1] = load_n(saved + H, units);
      acc[r][2] = bhn ? load_n(bhn + n0, units) : vf{};
    }
    multiply(H, h + before * H, H, 1, Whh + size_t(u) * H * GRU_GATES * VL, acc);
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) {
      float* saved = gates + (row + r) * GRU_SAVED * H + n0;
      const vf reset = sigmoid(acc[r][0]), z = sigmoid(acc[r][1]), m = acc[r][2];
      const vf n = tanh(fma(reset, m, load_n(saved + 2 * H, units)));
      const vf state = load_n(h + (before + r) * H + n0, units);
      store_n(saved, reset, units);
      store_n(saved + H, z, units);
      store_n(saved + 2 * H, n, units);
      store_n(saved + 3 * H, m, units);
      store_n(h + (size_t(step.to) * B + shard.b0 + r0 + r) * H + n0, fma(z, state - n, n), units);
    }
  }

  void shard(const Shard& shard) const {
    for (int i = 0; i < T; i++) {
      const Step step(i, T, reverse);
      for (int u = 0; u < ceil_div(H, VL); u++) {
        for_rows<GRU_ROWS>(shard.rows, [&](int r0, auto mr) IRNN_INLINE_LAMBDA { tile<mr.value>(shard, step, r0, u); });
      }
      for (int r = 0; shard.lengths && r < shard.rows; r++) {
        if (!shard.padded(r, step.t)) continue;
        copy(H, h + (size_t(step.from) * B + shard.b0 + r) * H, h + (size_t(step.to) * B + shard.b0 + r) * H);
      }
    }
  }
};

}  // namespace

void gru_forward(int T, int B, int I, int H, int reverse, const int* lengths, const float* x, const float* Wxh, const float* Whh,
                 const float* bx, const float* bh, float* h, float* gates) {
  const size_t whh_floats = size_t(ceil_div(H, VL)) * H * GRU_GATES * VL;
  float* whh = static_cast<float*>(irnn_host::scratch(0, (whh_floats + size_t(GRU_GATES) * H) * sizeof(float)));
  float* bias = whh + whh_floats;   // of the input side; the recurrent biases of r and z simply add to it
  for (int n = 0; n < GRU_GATES * H; n++) bias[n] = (bx ? bx[n] : 0.0f) + (bh && n < 2 * H ? bh[n] : 0.0f);
  pack_gates<GRU_GATES>(H, H, Whh, whh);
  matmul(T * B, GRU_GATES * H, I, {x, size_t(I), 1}, {Wxh, 1, size_t(I)}, bias, gates, size_t(GRU_SAVED) * H, false);
  const GruForward forward{T, B, H, reverse, whh, bh ? bh + 2 * H : nullptr, h, gates};
  parallel_if_worth(size_t(T) * B * 3 * H * H, ceil_div(B, SHARD_ROWS), [&](int s) { forward.shard(Shard(s, B, lengths)); });
}

void gru_backward(int T, int B, int I, int H, int reverse, const int* lengths, float clip, const float* x, const float* Wxh,
                  const float* Whh, const float* h, const float* gates, const float* dh, const float* dhT, float* da, float* dWxh,
                  float* dWhh, float* dbx, float* dbh, float* dx, int accumulate_dx, float* dh0,
                  float* sums, int part) {
  const Panels panels(H);
  const int shards = ceil_div(B, SHARD_ROWS), M = GRU_SAVED * H;
  const size_t packed_floats = panels.floats(GRU_GATES * H), carry_floats = round_up(size_t(SHARD_ROWS) * H, 16);
  float* whh = static_cast<float*>(irnn_host::scratch(0, (packed_floats + shards * carry_floats) * sizeof(float)));
  float* carries = whh + packed_floats;
  pack(panels, GRU_GATES * H, Whh, size_t(H), 1, whh);
  // Input side r z n, recurrent side r z m.
  const float* before = h + (reverse ? size_t(B) * H : 0);
  const Factor input[] = {{x, I, size_t(I), dWxh, nullptr}, {nullptr, 1, 0, dbx, nullptr}};
  const Factor reset_update[] = {{before, H, size_t(H), dWhh, nullptr}, {nullptr, 1, 0, dbh, nullptr}};
  const Factor candidate[] = {{before, H, size_t(H), dWhh + 2 * H * H, nullptr}, {nullptr, 1, 0, dbh ? dbh + 2 * H : nullptr, nullptr}};
  WeightGradient gradients[] = {WeightGradient(T, B, GRU_GATES * H, da, size_t(M), input, 2, true),
                                WeightGradient(T, B, 2 * H, da, size_t(M), reset_update, 2, true),
                                WeightGradient(T, B, H, da + 3 * H, size_t(M), candidate, 2, true)};
  backward_shards(size_t(T) * B * GRU_GATES * H * H, B, gradients, 3, sums, part, [&](int group, int s) {
    const Shard shard(s, B, lengths);
    float* carry = carries + s * carry_floats;   // dL/dh of the step at hand [rows,H]
    copy_rows(shard, H, dhT, carry);
    const auto limit = [=](vf d) { return clip > 0.0f ? clamp(d, clip) : d; };
    for (int i = T - 1; i >= 0; i--) {
      const Step step(i, T, reverse);
      const size_t first = size_t(step.t) * B + shard.b0;
      for (int r = 0; r < shard.rows; r++) {
        const float* saved = gates + (first + r) * M;
        float* out = da + (first + r) * M;
        if (shard.padded(r, step.t)) {
          fill_zero(M, out);
          continue;
        }
        const float* before = h + (size_t(step.from) * B + shard.b0 + r) * H;
        each_vector(H, [&](int n0, auto lanes) IRNN_INLINE_LAMBDA {
          const vf reset = lanes.load(saved + n0), z = lanes.load(saved + H + n0);
          const vf n = lanes.load(saved + 2 * H + n0), m = lanes.load(saved + 3 * H + n0);
          vf d = lanes.load(carry + r * H + n0);
          if (dh) d += lanes.load(dh + (first + r) * H + n0);
          const vf dn = limit(d * (1.0f - z) * (1.0f - n * n));
          lanes.store(out + n0, limit(dn * m * reset * (1.0f - reset)));
          lanes.store(out + H + n0, limit(d * (lanes.load(before + n0) - n) * z * (1.0f - z)));
          lanes.store(out + 2 * H + n0, dn);
          lanes.store(out + 3 * H + n0, dn * reset);
          lanes.store(carry + r * H + n0, d * z);   // what goes straight to h_{t-1}
        });
      }
      // The recurrent side of da is r z m: column n is left out.
      carry_back(shard, step.t, {da + first * M, M, 2 * H, 3 * H, H}, H, panels, whh, carry, true);
      for (const WeightGradient& gradient : gradients) gradient.step_done(group, s, step.t, reverse != 0);
    }
    if (dh0) copy(shard.rows * H, carry, dh0 + size_t(shard.b0) * H);
  });
  if (dx) matmul(T * B, I, GRU_GATES * H, {da, size_t(M), 1}, {Wxh, size_t(I), 1}, nullptr, dx, size_t(I), accumulate_dx != 0);
}

}  // namespace IRNN_TARGET

// The forward kernel of a cell with gates (gated.h).
#pragma once

#include "gated.h"
#include "step_product.h"

namespace IRNN_TARGET {

template <class Cell>
struct GatedForward {
  int T, B, I, H, reverse;
  const float* x;
  const Panels& panels;   // of the GATES · H columns
  struct Weights {
    const float *Whh, *Wxh, *bias;   // packed; Wxh null: its product is in `saved`
    const float *Wx, *bx;            // of split gates, as in ForwardUnits
  } weights;
  float *h, *c, *saved;

  void shard(const Shard& shard) const {
    constexpr int GATES = Cell::GATES, JOINT = Cell::JOINT;
    const int S = SAVED<Cell> * H;
    for (int i = 0; i < T; i++) {
      const Step step(i, T, reverse);
      const size_t row = size_t(step.t) * B + shard.b0;
      const size_t from = (size_t(step.from) * B + shard.b0) * H, to = (size_t(step.to) * B + shard.b0) * H;
      Prefetcher prefetcher;
      if (i + 1 < T) {
        const Step next(i + 1, T, reverse);
        prefetcher.add(shard, saved, next.t, B, S);
        prefetcher.add(shard, h, next.to, B, H);
        if (Cell::HAS_C) prefetcher.add(shard, c, next.to, B, H);
      }
      if (GATES > JOINT && !weights.Wxh) {   // the sums of h alone begin from their bias
        for (int r = 0; r < shard.rows; r++) {
          copy((GATES - JOINT) * H, weights.bias + JOINT * H, saved + (row + r) * S + JOINT * H);
        }
      }
      const StepInput input{I, x + row * I, weights.Wxh, weights.bias, JOINT * H};
      step_product(shard.rows, H, h + from, panels, weights.Whh, input, saved + row * S, S, prefetcher);
      shard.each_padded(step.t, [&](int r) IRNN_INLINE_LAMBDA {
        copy(H, h + from + r * H, h + to + r * H);
        if (Cell::HAS_C) copy(H, c + from + r * H, c + to + r * H);
      });
      each_unit<TOGETHER>(shard, step.t, H, [=, *this](auto w, int r, int n, auto lanes) IRNN_INLINE_LAMBDA {
        const size_t unit = r * H + n;
        ForwardUnits<Cell, w.value, decltype(lanes)> units{lanes, I, H, saved + (row + r) * S + n};
        units.h_before = h + from + unit;
        units.h_after = h + to + unit;
        if (Cell::HAS_C) {
          units.c_before = c + from + unit;
          units.c_after = c + to + unit;
        }
        if (weights.Wxh) units.set_input(x + (row + r) * I, weights.Wx + n, weights.bx + n);
        Cell::forward(units);
      });
    }
  }
};

// The forward kernel of a cell (kernels.h): saved [T,B,SAVED·H] =; c null unless the cell HAS_C.
template <class Cell>
void gated_forward(int T, int B, int I, int H, int reverse, const int* lengths, const float* x, const float* Wxh,
                   const float* Whh, const float* bx, const float* bh, float* h, float* c, float* saved) {
  constexpr int GATES = Cell::GATES, JOINT = Cell::JOINT;
  const int M = GATES * H, S = SAVED<Cell> * H;
  const Panels panels(M);
  Panels joint = panels;   // the same panels with zeros after the joint columns
  joint.columns = JOINT * H;
  const bool fused = I <= FUSED_INPUTS;
  const size_t stride = round_up(H, VL), split = GATES - JOINT;
  const size_t whh_floats = panels.floats(H), bias_floats = panels.floats(1), wxh_floats = fused ? panels.floats(I) : 0;
  const size_t wx_floats = fused ? split * I * stride : 0, floats = whh_floats + bias_floats + wxh_floats + wx_floats;
  float* whh = static_cast<float*>(irnn_host::scratch(0, (floats + split * stride) * sizeof(float)));
  float *bias = whh + whh_floats, *wxh = bias + bias_floats, *wx = wxh + wxh_floats, *split_bias = wx + wx_floats;
  pack(panels, H, Whh, 1, size_t(H), whh);
  // Both biases of joint gates begin their sums. Those of split gates begin one sum each.
  for (int n = 0; n < int(bias_floats); n++) {
    bias[n] = n < M ? (bx && n < JOINT * H ? bx[n] : 0.0f) + (bh ? bh[n] : 0.0f) : 0.0f;
  }
  for (int s = 0; s < int(split); s++) {
    const int first = (JOINT + s) * H;   // row of the weights
    for (int n = 0; n < int(stride); n++) split_bias[s * stride + n] = bx && n < H ? bx[first + n] : 0.0f;
    for (int k = 0; fused && k < I; k++) {
      for (int n = 0; n < int(stride); n++) {
        wx[(s * I + k) * stride + n] = n < H ? Wxh[size_t(first + n) * I + k] : 0.0f;
      }
    }
    if (fused) continue;
    matmul(T * B, H, I, {x, size_t(I), 1}, {Wxh + size_t(first) * I, 1, size_t(I)}, split_bias + s * stride,
           saved + (GATES + s) * H, size_t(S), false);
  }
  if (fused) pack(joint, I, Wxh, 1, size_t(I), wxh);
  else matmul(T * B, JOINT * H, I, {x, size_t(I), 1}, {Wxh, 1, size_t(I)}, bias, saved, size_t(S), false);
  const typename GatedForward<Cell>::Weights weights{whh, fused ? wxh : nullptr, bias, wx, split_bias};
  const GatedForward<Cell> forward{T, B, I, H, reverse, x, panels, weights, h, c, saved};
  const auto shard = [&](int s) { forward.shard(Shard(s, B, lengths)); };
  parallel_if_worth(size_t(T) * B * M * H, ceil_div(B, SHARD_ROWS), shard);
}

}   // namespace IRNN_TARGET

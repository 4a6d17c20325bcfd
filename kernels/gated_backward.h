// The backward kernel of a cell with gates (gated.h).
#pragma once

#include "gated.h"
#include "gradient_blocks.h"
#include "gradient_deferred.h"
#include "step_product.h"

namespace IRNN_TARGET {

template <class Cell>
struct GatedBackward {
  int T, B, H, reverse;
  float clip;
  const float *h, *c, *saved, *dh;
  float* da;   // [T,B,SAVED·H]; may be `saved`
  const Panels& panels;
  const float* Whh;   // packed

  // da of a step from dL/dh and dL/dc after it, which become those before it.
  void step(const Shard& shard, const Step& step, float* carry_h, float* carry_c) const {
    const int S = SAVED<Cell> * H;
    const size_t first = size_t(step.t) * B + shard.b0;
    float* rows = da + first * S;
    Prefetcher prefetcher;
    const Step next = step.back(T, reverse);
    if (next.t >= 0 && next.t < T) {
      prefetcher.add(shard, saved, next.t, B, S);
      if (Cell::HAS_C) prefetcher.add(shard, c, next.from, B, H);
      prefetcher.add(shard, h, Cell::READS_H_AFTER ? next.to : next.from, B, H);
      if (dh) prefetcher.add(shard, dh, next.t, B, H);
    }
    shard.each_padded(step.t, [&](int r) IRNN_INLINE_LAMBDA { fill_zero(S, rows + r * S); });
    const float* states = h + (size_t(Cell::READS_H_AFTER ? step.to : step.from) * B + shard.b0) * H;
    const float* cells = Cell::HAS_C ? c + (size_t(step.from) * B + shard.b0) * H : nullptr;
    each_unit<1>(shard, step.t, H, [=, *this](auto, int r, int n, auto lanes) IRNN_INLINE_LAMBDA {
      const size_t unit = r * H + n;
      BackwardUnits<decltype(lanes)> units{lanes, H, clip, saved + (first + r) * S + n, rows + r * S + n};
      units.h_state = states + unit;
      units.carry_h = carry_h + unit;
      if (Cell::HAS_C) {
        units.c_before = cells + unit;
        units.carry_c = carry_c + unit;
      }
      units.dh = lanes.load(carry_h + unit);
      if (dh) units.dh += lanes.load(dh + first * H + unit);
      Cell::backward(units);
    });
    carry_back(shard, step.t, {rows, S, Cell::GATES * H}, H, panels, Whh, carry_h, Cell::DIRECT, prefetcher);
  }
};

// The weight gradients of a cell, of which the first `count` are used: all gates with h and, where x_with_h(), with x;
// the sums of x of split gates with x; the joint gates with x, unless x is already with h. The bias goes with x.
template <class Cell>
struct GatedGradients {
  static constexpr int GATES = Cell::GATES, JOINT = Cell::JOINT, SPLIT_GATES = SPLIT<Cell>, SAVED_COLUMNS = SAVED<Cell>;
  int count;
  GradientOf list[3];

  // Up to FUSED_INPUTS inputs are multiplied together with h, although for split gates these products are of no use:
  // they cost less than another pass over the joint gates.
  static bool x_with_h(int I, bool fused) { return SPLIT_GATES == 0 || (fused && I <= FUSED_INPUTS); }

  GatedGradients(int T, int B, int I, int H, bool fused, const float* before, const float* x, const float* da,
                 float* dWxh, float* dWhh, float* dbx, float* dbh)
      : count(count_of(I, fused)),
        list{of_states(T, B, I, H, x_with_h(I, fused), before, x, da, dWxh, dWhh, dbx, dbh),
             of_split_inputs(T, B, I, H, x, da, dWxh, dbx), of_joint_inputs(T, B, I, H, x, da, dWxh, dbx)} {}

 private:
  static int count_of(int I, bool fused) {
    if (SPLIT_GATES == 0) return 1;
    return x_with_h(I, fused) ? 2 : 3;
  }
  static GradientOf of_states(int T, int B, int I, int H, bool with_x, const float* before, const float* x,
                              const float* da, float* dWxh, float* dWhh, float* dbx, float* dbh) {
    const Factor states{before, H, size_t(H), dWhh};
    const Factor inputs{x, with_x ? I : 0, size_t(I), dWxh, nullptr, JOINT * H};
    const Factor one{nullptr, 1, 0, dbh, with_x ? dbx : nullptr, Factor::ALL, JOINT * H};
    return {T, B, GATES * H, da, size_t(SAVED_COLUMNS) * H, Factors(states, inputs, one), 0, SPLIT_GATES * H};
  }
  static GradientOf of_split_inputs(int T, int B, int I, int H, const float* x, const float* da, float* dWxh,
                                    float* dbx) {
    const Factor inputs{x, I, size_t(I), dWxh ? dWxh + size_t(JOINT) * H * I : nullptr};
    const Factor one{nullptr, 1, 0, dbx ? dbx + JOINT * H : nullptr};
    const int at = GATES * H;
    return {T, B, SPLIT_GATES * H, da + at, size_t(SAVED_COLUMNS) * H, Factors(inputs, one), at % VL, 0};
  }
  static GradientOf of_joint_inputs(int T, int B, int I, int H, const float* x, const float* da, float* dWxh,
                                    float* dbx) {
    const Factors factors({x, I, size_t(I), dWxh}, {nullptr, 1, 0, dbx});
    return {T, B, JOINT * H, da, size_t(SAVED_COLUMNS) * H, factors, 0, (SAVED_COLUMNS - JOINT) * H};
  }
};

// The backward kernel of a cell (kernels.h); c, dcT and dc0 are null unless the cell HAS_C.
template <class Cell>
void gated_backward(int T, int B, int I, int H, int reverse, const int* lengths, float clip, const float* x,
                    const float* Wxh, const float* Whh, const float* h, const float* c, const float* saved,
                    const float* dh, const float* dhT, const float* dcT, float* da, float* dWxh, float* dWhh,
                    float* dbx, float* dbh, float* dx, int accumulate_dx, float* dh0, float* dc0, float* sums, int part,
                    int rows) {
  constexpr int GATES = Cell::GATES, JOINT = Cell::JOINT;
  const Panels panels(H);
  const int M = GATES * H, S = SAVED<Cell> * H;
  const bool fused = fuses(rows, M, H + I + 1);
  const float* before = h + (reverse ? size_t(B) * H : 0);
  const GatedGradients<Cell> of(T, B, I, H, fused, before, x, da, dWxh, dWhh, dbx, dbh);
  BlockGradient gradients[] = {BlockGradient(of.list[0]), BlockGradient(of.list[1]), BlockGradient(of.list[2])};
  const int count = fused ? of.count : 0;
  size_t sum_floats = 0;
  for (int i = 0; i < count; i++) sum_floats += gradients[i].sum_floats();
  const Groups groups(B, sum_floats);
  const size_t whh_floats = panels.floats(M), carry_floats = round_up(size_t(SHARD_ROWS) * H, 16);
  const size_t group_floats = (Cell::HAS_C ? 2 : 1) * carry_floats;
  float* whh = static_cast<float*>(irnn_host::scratch(0, (whh_floats + groups.count * group_floats) * sizeof(float)));
  pack(panels, M, Whh, size_t(H), 1, whh);
  const GatedBackward<Cell> backward{T, B, H, reverse, clip, h, c, saved, dh, da, panels, whh};
  each_shard(size_t(T) * B * M * H, groups, gradients, count, sums, part, [&](int group, int s) {
    const Shard shard(s, B, lengths);
    float* carry_h = whh + whh_floats + group * group_floats;   // dL/dh, dL/dc of the step at hand [rows,H]
    float* carry_c = carry_h + carry_floats;
    copy_rows(shard, H, dhT, carry_h);
    if (Cell::HAS_C) copy_rows(shard, H, dcT, carry_c);
    const auto step = [&](const Step& step) { backward.step(shard, step, carry_h, carry_c); };
    back_by_blocks(T, reverse, step, [&](int t0, int t1) {
      for (int i = 0; i < count; i++) gradients[i].add(group, s, t0, t1);
    });
    if (dh0) copy(shard.rows * H, carry_h, dh0 + size_t(shard.b0) * H);
    if (dc0) copy(shard.rows * H, carry_c, dc0 + size_t(shard.b0) * H);
  });
  for (int i = 0; !fused && i < of.count; i++) {
    deferred_gradient(of.list[i], sums, part);
    if (sums) sums += deferred_sums(of.list[i]);
  }
  if (!dx) return;
  matmul(T * B, I, JOINT * H, {da, size_t(S), 1}, {Wxh, size_t(I), 1}, nullptr, dx, size_t(I), accumulate_dx != 0);
  if (GATES == JOINT) return;
  const float* split = Wxh + size_t(JOINT) * H * I;
  matmul(T * B, I, M - JOINT * H, {da + M, size_t(S), 1}, {split, size_t(I), 1}, nullptr, dx, size_t(I), true);
}

}   // namespace IRNN_TARGET

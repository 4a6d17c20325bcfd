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
      vf d = lanes.load(carry_h + unit);
      if (dh) d += lanes.load(dh + first * H + unit);
      Cell::backward(BackwardUnits<decltype(lanes)>{lanes, H, clip, saved + (first + r) * S + n, rows + r * S + n,
                                                    states + unit, Cell::HAS_C ? cells + unit : nullptr, carry_h + unit, carry_c + unit, d});
    });
    carry_back(shard, step.t, {rows, S, Cell::GATES * H}, H, panels, Whh, carry_h, Cell::DIRECT, prefetcher);
  }
};

// The weight gradients of a cell: all gates with h, and with as much of x and its bias as they meet; then the sums of x of
// split gates with x; then the joint ones with x, where x does not go along with h. The first `count` of them are used.
template <class Cell>
struct GatedGradients {
  static constexpr int GATES = Cell::GATES, JOINT = Cell::JOINT, SPLIT_GATES = SPLIT<Cell>, SAVED_COLUMNS = SAVED<Cell>;
  int count;
  GradientOf list[3];

  // A few inputs of a cell with split gates go along with h: their products with the sums of h, which nobody wants, cost
  // less than a pass of their own over the joint gates.
  static bool along(int I, bool fused) { return SPLIT_GATES == 0 || (fused && I <= FUSED_INPUTS); }

  GatedGradients(int T, int B, int I, int H, bool fused, const float* before, const float* x, const float* da, float* dWxh,
                 float* dWhh, float* dbx, float* dbh)
      : count(SPLIT_GATES == 0 ? 1 : along(I, fused) ? 2 : 3),
        list{{T, B, GATES * H, da, size_t(SAVED_COLUMNS) * H,
              {{before, H, size_t(H), dWhh},
               {x, along(I, fused) ? I : 0, size_t(I), dWxh, nullptr, JOINT * H},
               {nullptr, 1, 0, dbh, along(I, fused) ? dbx : nullptr, Factor::ALL, JOINT * H}},
              0, SPLIT_GATES * H},
             {T, B, SPLIT_GATES * H, da + GATES * H, size_t(SAVED_COLUMNS) * H,
              {{x, I, size_t(I), dWxh ? dWxh + size_t(JOINT) * H * I : nullptr},
               {nullptr, 1, 0, dbx ? dbx + JOINT * H : nullptr}},
              GATES * H % VL, 0},
             {T, B, JOINT * H, da, size_t(SAVED_COLUMNS) * H,
              {{x, I, size_t(I), dWxh}, {nullptr, 1, 0, dbx}},
              0, (SAVED_COLUMNS - JOINT) * H}} {}
};

// The backward kernel of a cell (kernels.h); c, dcT and dc0 are null unless the cell HAS_C.
template <class Cell>
void gated_backward(int T, int B, int I, int H, int reverse, const int* lengths, float clip, const float* x,
                    const float* Wxh, const float* Whh, const float* h, const float* c, const float* saved,
                    const float* dh, const float* dhT, const float* dcT, float* da, float* dWxh, float* dWhh, float* dbx,
                    float* dbh, float* dx, int accumulate_dx, float* dh0, float* dc0, float* sums, int part, int rows) {
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
    back_by_blocks(T, reverse, [&](const Step& step) { backward.step(shard, step, carry_h, carry_c); },
                   [&](int t0, int t1) {
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

}  // namespace IRNN_TARGET

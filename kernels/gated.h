// Recurrences with gates: LSTM, GRU, and cells like them. A step is one product over all gates, whose columns fill
// their vectors better than a product for each gate, and then a pass over the units.
//
// A cell is a struct:
//
//   GATES   blocks of H rows in its weight matrices
//   JOINT   the first so many gates add what x and h give to one sum. The others, split gates, keep the two apart (the
//           GRU's n is tanh(of x + r · of h))
//   HAS_C   whether it has a second state, c
//   DIRECT  whether h_{t-1} also goes straight into h_t, besides through the product
//   READS_H_AFTER  whether backward() reads h_t; else it reads h_{t-1}
//   forward(ForwardUnits)    sums -> gates, c_t, h_t
//   backward(BackwardUnits)  dL/dh_t, dL/dc_t -> da, and what goes straight to h_{t-1}, c_{t-1}
//
// What is saved for back-propagation are SAVED = 2 GATES - JOINT columns of H: of each gate, the sum of h (and x, if it
// is joint), then of each split gate the sum of x. forward() puts gates in the place of sums as the cell likes. da has
// the same columns: the first GATES meet h; the joint ones and the last meet x.
#pragma once

#include "units.h"

namespace IRNN_TARGET {

template <class Cell>
constexpr int SPLIT = Cell::GATES - Cell::JOINT;
template <class Cell>
constexpr int SAVED = Cell::GATES + SPLIT<Cell>;

// W vectors of units of one row, as forward() of a cell sees them.
template <class Cell, int W, class L>
struct ForwardUnits {
  L lanes;
  int I, H;
  float* saved;   // of the first unit: column k is k · H floats on
  const float *h_before = nullptr, *c_before = nullptr;
  float *h_after = nullptr, *c_after = nullptr;
  // Of split gates: x of the row, or null if its product is in `saved`; weights [split gate][I][H in whole vectors] and
  // bias [split gate][H in whole vectors] from the first unit on.
  const float *x = nullptr, *Wx = nullptr, *bx = nullptr;

  IRNN_INLINE void set_input(const float* row, const float* weights, const float* bias) {
    x = row;
    Wx = weights;
    bx = bias;
  }

  // Column k of what is saved: read, and replaced.
  IRNN_INLINE void load_saved(int k, vf (&to)[W]) const {
    for (int v = 0; v < W; v++) to[v] = lanes.load(saved + k * H + v * VL);
  }
  IRNN_INLINE void save(int k, const vf (&from)[W]) const {
    for (int v = 0; v < W; v++) lanes.store(saved + k * H + v * VL, from[v]);
  }
  // What x gives to split gate s, its bias included.
  IRNN_INLINE void load_input(int s, vf (&to)[W]) const {
    if (!x) return load_saved(Cell::GATES + s, to);
    const size_t stride = round_up(H, VL);
    const float *w = Wx + s * I * stride, *b = bx + s * stride;
    for (int v = 0; v < W; v++) to[v] = lanes.load(b + v * VL);
    for (int k = 0; k < I; k++) {
      for (int v = 0; v < W; v++) to[v] = fma(splat(x[k]), lanes.load(w + k * stride + v * VL), to[v]);
    }
  }
  // The v-th vector of the states.
  IRNN_INLINE vf h(int v) const { return lanes.load(h_before + v * VL); }
  IRNN_INLINE vf c(int v) const { return lanes.load(c_before + v * VL); }
  IRNN_INLINE void set_h(int v, vf h) const { lanes.store(h_after + v * VL, h); }
  IRNN_INLINE void set_c(int v, vf c) const { lanes.store(c_after + v * VL, c); }
};

// One vector of units of one row, as backward() of a cell sees it.
template <class L>
struct BackwardUnits {
  L lanes;
  int H;
  float clip;
  const float* saved_row;   // of the first unit, as in ForwardUnits
  float* da_row;            // may be saved_row
  const float *h_state = nullptr, *c_before = nullptr;
  float *carry_h = nullptr, *carry_c = nullptr;
  vf dh = {};   // dL/dh_t

  IRNN_INLINE vf saved(int k) const { return lanes.load(saved_row + k * H); }
  IRNN_INLINE void set_da(int k, vf d) const { lanes.store(da_row + k * H, d); }
  IRNN_INLINE vf limit(vf d) const { return clipped(d, clip); }
  // h_t if the cell READS_H_AFTER, else h_{t-1}; c_{t-1}; dL/dc_t.
  IRNN_INLINE vf h() const { return lanes.load(h_state); }
  IRNN_INLINE vf c() const { return lanes.load(c_before); }
  IRNN_INLINE vf dc() const { return lanes.load(carry_c); }
  // What goes straight to h_{t-1} (of a DIRECT cell), and dL/dc_{t-1}.
  IRNN_INLINE void set_dh(vf d) const { lanes.store(carry_h, d); }
  IRNN_INLINE void set_dc(vf d) const { lanes.store(carry_c, d); }
};

}   // namespace IRNN_TARGET

// Back-propagation through a plain recurrence whose weight gradient is fused with it, on its live units alone.
//
// In a ReLU network, the units of a shard that are not 0 at some of 16 steps are hardly more than those of one step,
// and they stay the same for long: of an IRNN that learns MNIST, 24 of 100 at a step, 32 in 16 steps, 34 in 64. Only
// there da is not 0. So a frame of such units (frame.h) is chosen; the recurrent matrix and the running weight gradient
// are cut down to its rows and columns once; and block after block is computed on these small dense matrices, until a
// unit outside comes alive. What is left out would add exactly 0: the bits are those of the frame of all units, which
// is used where too few units are 0, and for tanh.
//
// Memory of one shard, all of it cut down to the frame's units; `left` is their number in whole vectors, `right` that
// of them, x and 1:
//
//   states_  [BLOCK_STEPS+1][rows][right]   slots t0 … t1, with x and 1 of the step that starts from them
//   da_      [BLOCK_STEPS][rows][left]
//   whh_     [units][left]
//   part_    [units][right]                 the frame's part of the weight gradient
//   tail_    [tail][left]                   its last columns, transposed
//   carry_   [rows][left]                   dL/dh of the step at hand
//   dh_      [rows][left]                   dh of a step
//
// Where pack_row writes the last row, there is room for a vector more.
#pragma once

#include "frame.h"
#include "gradient_frames.h"
#include "units.h"

namespace IRNN_TARGET {

class SparseBackward {
 public:
  struct Problem {
    int T, B, I, H, activation, reverse;
    float clip;
    const float *x, *h, *dh, *Whh;   // as in rnn_backward
    float* da;                       // null: not wanted
  };

  static size_t floats(int I, int H) {
    const size_t left = left_width(H), right = right_width(H, I);
    const size_t rows = SHARD_ROWS, states = SLOTS * rows * right, da = BLOCK_STEPS * rows * left;
    const size_t others = H * (left + right) + (2 * rows + VL) * left + 3 * VL;
    return round_up(states + da + others + Frame::ints(I, H), 16);
  }

  // `memory` [floats(I, H)], 64-byte aligned. `sum` of the gradient's shard. `carry` [rows,H] is dL/dh of the state at
  // hand whenever no frame is open.
  SparseBackward(const Problem& problem, const Shard& shard, const FrameGradient& gradient, float* sum, float* carry,
                 float* memory)
      : p_(problem), shard_(shard), gradient_(gradient), sum_(sum), whole_carry_(carry), states_(memory),
        da_(states_ + SLOTS * SHARD_ROWS * right_width(p_.H, p_.I) + VL),
        whh_(da_ + BLOCK_STEPS * SHARD_ROWS * left_width(p_.H)), part_(whh_ + p_.H * left_width(p_.H)),
        tail_(part_ + p_.H * right_width(p_.H, p_.I)), carry_(tail_ + VL * left_width(p_.H)),
        dh_(carry_ + SHARD_ROWS * left_width(p_.H) + VL), frame_(p_.I, p_.H, dh_ + SHARD_ROWS * left_width(p_.H) + VL) {
  }

  // Back-propagates a block and adds it to the weight gradient. `whole`: the carry after it is wanted for every unit.
  void block(const Block& block, bool whole) {
    if (!open_ || (whole && !frame_.full()) || !gather(block)) {
      reopen(block, whole);
      gather(block);
    }
    for (int j = 0; j < block.t1 - block.t0; j++) step(block, j);
    add_gradient(block);
  }

  // Puts the carry and the weight gradient back in full.
  void close() {
    if (!open_) return;
    open_ = false;
    each_of_tail([](float& whole, float& tail) IRNN_INLINE_LAMBDA { whole = tail; });
    if (!frame_.full()) {
      gradient_.put_part(sum_, frame_.units(), count_, frame_.units(), count_ + p_.I + 1, part_, right_);
    }
    fill_zero(shard_.rows * p_.H, whole_carry_);
    for (int r = 0; r < shard_.rows; r++) frame_.scatter(carry_ + r * left_, whole_carry_ + r * p_.H);
  }

 private:
  static constexpr int SLOTS = BLOCK_STEPS + 1;
  static size_t left_width(size_t units) { return round_up(units, VL); }
  static size_t right_width(size_t units, int I) { return round_up(units + I + 1, VL); }

  const float* state(int slot, int row) const { return p_.h + (size_t(slot) * p_.B + shard_.b0 + row) * p_.H; }
  float* compact_state(const Block& block, int slot) const {
    return states_ + size_t(slot - block.t0) * shard_.rows * right_;
  }
  float* compact_da(const Block& block, int t) const { return da_ + size_t(t - block.t0) * shard_.rows * left_; }

  // The block's states, x and 1, packed side by side; false if a unit outside of the frame is alive.
  bool gather(const Block& block) {
    unsigned outside = 0;
    for (int slot = block.t0; slot <= block.t1; slot++) {
      float* out = compact_state(block, slot);
      const int t = p_.reverse ? slot - 1 : slot;   // of the step that starts from it
      const bool has_step = t >= block.t0 && t < block.t1;
      for (int r = 0; r < shard_.rows; r++, out += right_) {
        frame_.pack_row(state(slot, r), out, right_, outside);
        if (!has_step) continue;
        const float* x = p_.x + (size_t(t) * p_.B + shard_.b0 + r) * p_.I;
        for (int i = 0; i < p_.I; i++) out[count_ + i] = x[i];
        out[count_ + p_.I] = 1.0f;
      }
    }
    return outside == 0;
  }

  // Opens a frame for the block.
  void reopen(const Block& block, bool whole) {
    const Frame::Next next = frame_.look(block, shard_.rows, whole || p_.activation != RELU, open_,
                                         [this](int slot, int row) { return state(slot, row); });
    close();
    frame_.take(next);
    count_ = frame_.count();
    left_ = left_width(count_);
    right_ = right_width(count_, p_.I);
    const int* units = frame_.units();
    unsigned ignored = 0;
    for (int k = 0; k < count_; k++) {
      frame_.pack_row(p_.Whh + size_t(units[k]) * p_.H, whh_ + k * left_, left_, ignored);
    }
    for (int r = 0; r < shard_.rows; r++) {
      frame_.pack_row(whole_carry_ + r * p_.H, carry_ + r * left_, left_, ignored);
    }
    dW_ = frame_.full() ? sum_ : part_;
    if (!frame_.full()) gradient_.take_part(sum_, units, count_, units, count_ + p_.I + 1, part_, right_);
    // The columns after the last whole vector are kept as rows: for 100 units, x and 1, 6 times 7 vectors instead of
    // 100 times one.
    const int columns = count_ + p_.I + 1, tail = columns % VL;
    tail_count_ = tail * ceil_div(count_, VL) < count_ / 4 * 3 ? tail : 0;
    whole_ = tail_count_ > 0 ? columns - tail : int(right_);
    fill_zero(tail_count_ * int(left_), tail_);
    each_of_tail([](float& whole, float& tail) IRNN_INLINE_LAMBDA { tail = whole; });
    open_ = true;
  }

  // f(an element of dW_ after its last whole vector, where it is kept in tail_).
  template <class F>
  IRNN_INLINE void each_of_tail(const F& f) {
    for (int j = 0; j < tail_count_; j++) {
      for (int m = 0; m < count_; m++) f(dW_[m * right_ + whole_ + j], tail_[j * left_ + m]);
    }
  }

  // da from dL/dh of its state.
  IRNN_INLINE vf derivative(vf d, vf state) const {
    d = p_.activation == RELU ? (state > 0.0f ? d : vf{}) : d * (1.0f - state * state);
    return clipped(d, p_.clip);
  }

  // da of a step from the carry.
  void start(const Block& block, const Step& step) const {
    const float* states = compact_state(block, step.to);
    float* da = compact_da(block, step.t);
    for (int r = 0; r < shard_.rows; r++, da += left_, states += right_) {
      if (shard_.padded(r, step.t)) {
        fill_zero(int(left_), da);
        continue;
      }
      for (size_t n = 0; n < left_; n += VL) {
        vf d = load(carry_ + r * left_ + n) + 0.0f;   // no -0
        if (p_.dh) d += load(dh_ + r * left_ + n);
        store(da + n, derivative(d, load(states + n)));
      }
    }
  }

  void pack_dh(int t) const {
    unsigned ignored = 0;
    for (int r = 0; p_.dh && r < shard_.rows; r++) {
      frame_.pack_row(p_.dh + (size_t(t) * p_.B + shard_.b0 + r) * p_.H, dh_ + r * left_, left_, ignored);
    }
  }

  // The j-th step of the block. Its product with Whh is dL/dh of the state before it, from which da of the next step is
  // made at once, except at the end of a block and where a sequence may be padded.
  void step(const Block& block, int j) {
    const Step step = block.step(j, p_.T, p_.reverse);
    const bool last = j == block.t1 - block.t0 - 1, to_carry = last || shard_.lengths;
    const float* da = compact_da(block, step.t);
    if (j == 0 || shard_.lengths) {
      pack_dh(step.t);
      start(block, step);
    }
    for (int r = 0; p_.da && r < shard_.rows; r++) {
      float* whole = p_.da + (size_t(step.t) * p_.B + shard_.b0 + r) * p_.H;
      fill_zero(p_.H, whole);
      frame_.scatter(da + r * left_, whole);
    }
    // Prefetches the next block's states, one slot a step and a part of it before each panel: where shards take turns,
    // these states are no longer in L2.
    const int ahead = p_.reverse ? block.t1 + 1 + step.t - block.t0 : block.t0 - block.t1 + step.t;
    const bool more = ahead >= 0 && ahead <= p_.T;
    const int next = p_.reverse ? step.t + 1 : step.t - 1;
    if (!to_carry) pack_dh(next);
    const Panels panels{count_};
    const int share = ceil_div(shard_.rows * p_.H, max(1, panels.count));   // no panel if no unit is alive
    for (int p = 0; p < panels.count; p++) {
      for (int i = p * share; more && i < (p + 1) * share; i += 16) __builtin_prefetch(state(ahead, 0) + i, 0, 2);
      const int n0 = panels.first(p) * VL;
      with_const<MAX_VECTORS>(panels.width(p), [&](auto nv) {
        for_rows<MAX_ROWS>(shard_.rows, [&](int r0, auto mr) IRNN_INLINE_LAMBDA {
          const float* left = da + r0 * left_;
          if (to_carry) carry_tile<mr.value, nv.value>(left, step.t, r0, n0);
          else next_tile<mr.value, nv.value>(left, compact_state(block, step.from), compact_da(block, next), r0, n0);
        });
      });
    }
  }

  // Tiles of da times Whh, rows from r0 and columns from n0 on: to the carry, or to the da of the next step. Not
  // inlined: within step(), registers ran out and addresses were read from the stack, 28 for 72 multiply-adds.
  template <int MR, int NV>
  IRNN_NOINLINE void carry_tile(const float* da, int t, int r0, int n0) const {
    vf acc[MR][NV];
    clear_tile(acc);
    multiply(count_, da, left_, 1, whh_ + n0, acc, left_);
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) {
      if (shard_.padded(r0 + r, t)) continue;
#pragma GCC unroll 8
      for (int v = 0; v < NV; v++) store(carry_ + (r0 + r) * left_ + n0 + v * VL, acc[r][v]);
    }
  }
  template <int MR, int NV>
  IRNN_NOINLINE void next_tile(const float* da, const float* states, float* out, int r0, int n0) const {
    vf acc[MR][NV];
    clear_tile(acc);
    multiply(count_, da, left_, 1, whh_ + n0, acc, left_);
    states += r0 * right_ + n0;
    out += r0 * left_ + n0;
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
      for (int v = 0; v < NV; v++) {
        vf d = acc[r][v] + 0.0f;
        if (p_.dh) d += load(dh_ + (r0 + r) * left_ + n0 + v * VL);
        store(out + r * left_ + v * VL, derivative(d, load(states + r * right_ + v * VL)));
      }
    }
  }

  void add_gradient(const Block& block) {
    const float* right = compact_state(block, p_.reverse ? block.t0 + 1 : block.t0);
    const int K = (block.t1 - block.t0) * shard_.rows;
    add_product(K, count_, da_, left_, whole_, right, right_, dW_, right_);
    add_product(K, tail_count_, right + whole_, right_, int(left_), da_, left_, tail_, left_);
  }

  // sum [M,N] += aᵀ b for a [K,M] and b [K,N], N whole vectors; rows are lda, ldb, ldc floats apart.
  static void add_product(int K, int M, const float* a, size_t lda, int N, const float* b, size_t ldb, float* sum,
                          size_t ldc) {
    const Panels panels{N};
    for (int p = 0; p < panels.count; p++) {
      const int width = panels.width(p);
      with_const<MAX_VECTORS>(width,
                              [&](auto nv) IRNN_INLINE_LAMBDA { add_panel<nv.value>(K, M, a, lda, b, ldb, sum, ldc); });
      b += width * VL;
      sum += width * VL;
    }
  }
  // One panel of it, a function of its own for the reason given in step_product.h.
  template <int NV>
  static IRNN_NOINLINE void add_panel(int K, int M, const float* a, size_t lda, const float* b, size_t ldb, float* sum,
                                      size_t ldc) {
    for_tiles<MAX_ROWS>(M, [&](int, auto mr) IRNN_INLINE_LAMBDA {
      vf acc[mr.value][NV];
      load_tile(sum, ldc, NV * VL, acc);
      multiply(K, a, 1, lda, b, acc, ldb);
      store_tile(sum, ldc, NV * VL, acc);
      a += mr.value;
      sum += mr.value * ldc;
    });
  }

  const Problem& p_;
  const Shard& shard_;
  const FrameGradient& gradient_;
  float *sum_, *whole_carry_;
  float *states_, *da_, *whh_, *part_, *tail_, *carry_, *dh_;   // see the top of this file
  Frame frame_;
  bool open_ = false;
  int count_ = 0;                    // units of the frame
  size_t left_ = 0, right_ = 0;      // widths of rows
  float* dW_ = nullptr;              // part_ or, of a full frame, the sum itself
  int whole_ = 0, tail_count_ = 0;   // columns of the weight gradient that are kept in dW_, and in tail_
};

}   // namespace IRNN_TARGET

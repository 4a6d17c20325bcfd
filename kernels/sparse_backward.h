// Back-propagation through a plain recurrence whose weight gradient is fused with it, on its live units alone.
//
// In a ReLU network, the units of a shard that are ever not 0 within 16 steps are hardly more than those of one step, and they stay
// the same for long: of an IRNN that learns MNIST, 24 of 100 at a step, 32 in 16 steps, 34 in 64. Only there is da not 0. So a frame
// of such units is chosen, the recurrent matrix and the running weight gradient are cut down to its rows and columns once, and block
// after block is done on these small dense matrices, until a unit outside comes alive. What is left out would add exactly 0: the
// bits are those of the frame of all units, which serves where too few are 0, and for tanh.
#pragma once

#include "gradient_frames.h"
#include "sparse.h"
#include "units.h"

namespace IRNN_TARGET {

class CompactBackward {
 public:
  struct Problem {
    int T, B, I, H, activation, reverse;
    float clip;
    const float *x, *h, *dh, *Whh;   // as in rnn_backward
    float* da;                       // null: not wanted
  };

  static size_t floats(int I, int H) {
    const size_t left = left_width(H), right = right_width(H, I);
    const size_t vectors = round_up(ceil_div(H, VL), 16), columns = round_up(H + I + 1 + VL, 16);
    return round_up(SLOTS * SHARD_ROWS * right + BLOCK_STEPS * SHARD_ROWS * left + H * (left + right) + (2 * SHARD_ROWS + VL) * left +
                    3 * VL + 2 * vectors + columns, 16);
  }

  // `memory` holds floats(I, H), 64-byte aligned. `carry` [rows,H] is dL/dh of the state at hand whenever no frame is open.
  CompactBackward(const Problem& problem, const Shard& shard, const FrameGradient& gradient, float* sum, float* carry, float* memory)
      : p_(problem), shard_(shard), gradient_(gradient), sum_(sum), carry_(carry), vectors_(ceil_div(p_.H, VL)) {
    const size_t left = left_width(p_.H), right = right_width(p_.H, p_.I);
    const size_t mask_ints = round_up(vectors_, 16);
    states_ = memory;
    da_ = states_ + SLOTS * SHARD_ROWS * right + VL;
    whh_ = da_ + BLOCK_STEPS * SHARD_ROWS * left;
    part_ = whh_ + p_.H * left;
    tail_ = part_ + p_.H * right;
    compact_carry_ = tail_ + VL * left;
    dh_ = compact_carry_ + SHARD_ROWS * left + VL;
    masks_ = reinterpret_cast<unsigned*>(dh_ + SHARD_ROWS * left + VL);
    seen_ = masks_ + mask_ints;
    units_ = reinterpret_cast<int*>(seen_ + mask_ints);
  }

  // Back-propagates a block and adds it to the weight gradient. `whole`: the carry after it is wanted for every unit.
  void block(const Block& block, bool whole) {
    if (!open_ || (whole && !full_) || !gather(block)) {
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
    if (!full_) gradient_.put_part(sum_, units_, count_, units_, count_ + p_.I + 1, part_, right_);
    fill_zero(shard_.rows * p_.H, carry_);
    for (int r = 0; r < shard_.rows; r++) scatter(compact_carry_ + r * left_, carry_ + r * p_.H);
  }

 private:
  static constexpr int SLOTS = BLOCK_STEPS + 1;
  static size_t left_width(size_t units) { return round_up(units, VL); }
  static size_t right_width(size_t units, int I) { return round_up(units + I + 1, VL); }

  void scatter(const float* from, float* to) const {
    for (int j = 0; j < count_; j++) to[units_[j]] = from[j];
  }
  const float* state(int slot, int row) const { return p_.h + (size_t(slot) * p_.B + shard_.b0 + row) * p_.H; }
  // Slots from[t] come before to[t] in time; in states_ they are rows of the slots t0 … t1.
  float* compact_state(const Block& block, int slot) const { return states_ + size_t(slot - block.t0) * shard_.rows * right_; }

  // Packs row [H] by the frame to out [width], whose tail becomes 0; returns in `outside` what is not 0 and not in the frame.
  IRNN_INLINE void pack_row(const float* row, float* out, size_t width, unsigned& outside) const {
    store(out + width - VL, vf{});
    if (full_) {
      each_vector(p_.H, [&](int n, auto lanes) IRNN_INLINE_LAMBDA { store(out + n, lanes.load(row + n)); });
      return;
    }
    int offset = 0;
    each_vector(p_.H, [&](int n, auto lanes) IRNN_INLINE_LAMBDA {
      const vf v = lanes.load(row + n);
      const unsigned mask = masks_[n / VL];
      outside |= lane_mask(v != 0.0f) & ~mask;
      store(out + offset, compress(v, mask));
      offset += __builtin_popcount(mask);
    });
  }

  // The block's states, x and 1, packed side by side; false if a unit outside of the frame is alive.
  bool gather(const Block& block) {
    unsigned outside = 0;
    for (int slot = block.t0; slot <= block.t1; slot++) {
      float* out = compact_state(block, slot);
      const int t = p_.reverse ? slot - 1 : slot;   // whose `from` it is
      const bool has_step = t >= block.t0 && t < block.t1;
      for (int r = 0; r < shard_.rows; r++, out += right_) {
        pack_row(state(slot, r), out, right_, outside);
        if (!has_step) continue;
        const float* x = p_.x + (size_t(t) * p_.B + shard_.b0 + r) * p_.I;
        for (int i = 0; i < p_.I; i++) out[count_ + i] = x[i];
        out[count_ + p_.I] = 1.0f;
      }
    }
    return outside == 0;
  }

  // Opens a frame for the block: the units alive in it, with those of the frame before unless that makes it much larger; all
  // units if a smaller frame would not save a quarter of them.
  void reopen(const Block& block, bool whole) {
    int alive = 0, joined = 0;
    const int many = p_.H - p_.H / 4;
    const bool dense = whole || p_.activation != RELU || live_in_row(p_.H, state(block.t1, 0)) > many;   // one row says it already
    for (int v = 0; !dense && v < vectors_; v++) {
      unsigned seen = 0;
      for (int slot = block.t0; slot <= block.t1; slot++) {
        vi any = {};
        for (int r = 0; r < shard_.rows; r++) any |= load_n(state(slot, r) + v * VL, p_.H - v * VL) != 0.0f;
        seen |= lane_mask(any);
      }
      seen_[v] = seen;
      alive += __builtin_popcount(seen);
      joined += __builtin_popcount(seen | (open_ ? masks_[v] : 0));
    }
    const bool join = open_ && joined <= alive + alive / 4 + 4;
    close();
    full_ = dense || (join ? joined : alive) > many;
    count_ = 0;
    for (int v = 0; v < vectors_; v++) {
      masks_[v] = full_ ? ~0u >> (32 - min(VL, p_.H - v * VL)) : seen_[v] | (join ? masks_[v] : 0);
      count_ += list_lanes(v * VL, masks_[v], units_ + count_);
    }
    for (int i = 0; i <= p_.I; i++) units_[count_ + i] = p_.H + i;
    left_ = left_width(count_);
    right_ = right_width(count_, p_.I);
    unsigned ignored = 0;
    for (int k = 0; k < count_; k++) pack_row(p_.Whh + size_t(units_[k]) * p_.H, whh_ + k * left_, left_, ignored);
    for (int r = 0; r < shard_.rows; r++) pack_row(carry_ + r * p_.H, compact_carry_ + r * left_, left_, ignored);
    dW_ = full_ ? sum_ : part_;
    if (!full_) gradient_.take_part(sum_, units_, count_, units_, count_ + p_.I + 1, part_, right_);
    // The columns behind the last whole vector, as rows: 6 times 7 vectors instead of 100 times one, for 100 units, x and 1.
    const int columns = count_ + p_.I + 1, tail = columns % VL;
    tail_count_ = tail * ceil_div(count_, VL) < count_ / 4 * 3 ? tail : 0;
    whole_ = tail_count_ > 0 ? columns - tail : int(right_);
    fill_zero(tail_count_ * int(left_), tail_);
    each_of_tail([](float& whole, float& tail) IRNN_INLINE_LAMBDA { tail = whole; });
    open_ = true;
  }

  // f(an element of dW_ behind its last whole vector, where it is kept in tail_).
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
  float* compact_da(const Block& block, int t) const { return da_ + size_t(t - block.t0) * shard_.rows * left_; }

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
        vf d = load(compact_carry_ + r * left_ + n) + 0.0f;   // no -0
        if (p_.dh) d += load(dh_ + r * left_ + n);
        store(da + n, derivative(d, load(states + n)));
      }
    }
  }

  void pack_dh(int t) const {
    unsigned ignored = 0;
    for (int r = 0; p_.dh && r < shard_.rows; r++) pack_row(p_.dh + (size_t(t) * p_.B + shard_.b0 + r) * p_.H, dh_ + r * left_, left_, ignored);
  }

  // The j-th step of the block. Its product with Whh is dL/dh of the state before, from which da of the next step is made at once;
  // but not at the end of a block, and not if a sequence may be padded.
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
      scatter(da + r * left_, whole);
    }
    // The next block's states, a slot a step, a part before every panel: they come from far where many shards take their turns.
    const int ahead = p_.reverse ? block.t1 + 1 + step.t - block.t0 : block.t0 - block.t1 + step.t;
    const bool more = ahead >= 0 && ahead <= p_.T;
    const int next = p_.reverse ? step.t + 1 : step.t - 1;
    if (!to_carry) pack_dh(next);
    const Panels panels{count_};   // as many vectors as left_
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

  // Tiles of da times Whh, rows from r0 and columns from n0 on: to the carry, and to the da of the next step. Not inlined: among the
  // registers of step() addresses were read from the stack, 28 for 72 multiply-adds.
  template <int MR, int NV>
  IRNN_NOINLINE void carry_tile(const float* da, int t, int r0, int n0) const {
    vf acc[MR][NV];
    clear_tile(acc);
    multiply(count_, da, left_, 1, whh_ + n0, acc, left_);
    for (int r = 0; r < MR; r++) {
      if (shard_.padded(r0 + r, t)) continue;
      for (int v = 0; v < NV; v++) store(compact_carry_ + (r0 + r) * left_ + n0 + v * VL, acc[r][v]);
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
  static void add_product(int K, int M, const float* a, size_t lda, int N, const float* b, size_t ldb, float* sum, size_t ldc) {
    const Panels panels{N};
    for (int p = 0; p < panels.count; p++) {
      const int width = panels.width(p);
      with_const<MAX_VECTORS>(width, [&](auto nv) IRNN_INLINE_LAMBDA { add_panel<nv.value>(K, M, a, lda, b, ldb, sum, ldc); });
      b += width * VL;
      sum += width * VL;
    }
  }
  // One panel of it, in a function of its own as step_rows().
  template <int NV>
  static IRNN_NOINLINE void add_panel(int K, int M, const float* a, size_t lda, const float* b, size_t ldb, float* sum, size_t ldc) {
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
  float *sum_, *carry_;
  int vectors_, count_ = 0;      // of H; of the frame
  bool open_ = false, full_ = false;
  size_t left_ = 0, right_ = 0;  // row widths: the frame's units, and with x and 1
  int whole_ = 0, tail_count_ = 0;   // columns of the weight gradient that are kept in dW_, and in tail_
  // Compact: states of the block's slots [SLOTS][rows][right], da [steps][rows][left], Whh [units][left], the frame's part of the sum
  // [units][right], dW, which is that or, of all units, the sum itself, its last columns as rows [tail][left], carry [rows][left], dh
  // of a step [rows][left]; room for a vector behind what pack_row writes.
  float *states_, *da_, *whh_, *part_, *dW_ = nullptr, *tail_, *compact_carry_, *dh_;
  unsigned *masks_, *seen_;      // a bit a unit, VL of them a word
  int* units_;                   // ascending, then the columns of x and 1
};

}  // namespace IRNN_TARGET

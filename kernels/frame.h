// A frame: the units of a shard that are not 0 somewhere in a block of steps, and rows of states cut down to them.
#pragma once

#include "sparse.h"
#include "walk.h"

namespace IRNN_TARGET {

class Frame {
 public:
  static size_t ints(int I, int H) { return 2 * round_up(ceil_div(H, VL), 16) + round_up(H + I + 1 + VL, 16); }
  // `memory` [ints(I, H)].
  Frame(int I, int H, void* memory)
      : I_(I), H_(H), masks_(static_cast<unsigned*>(memory)), seen_(masks_ + round_up(vectors(), 16)),
        units_(reinterpret_cast<int*>(seen_ + round_up(vectors(), 16))) {}

  int count() const { return count_; }
  bool full() const { return full_; }   // whether it holds all units
  // The units, ascending, then the columns of x and 1 in a weight gradient.
  const int* units() const { return units_; }

  // The frame that would come next.
  struct Next {
    bool full, joins;   // joins: with the units of the present frame
  };
  // Of the states [rows,H] of slots t0 … t1, state(slot, row): the units alive there, with those of the present frame
  // unless that makes the frame much larger; all units if a smaller frame would not save a quarter of them, or if
  // `dense`.
  template <class S>
  Next look(const Block& block, int rows, bool dense, bool open, const S& state) const {
    int alive = 0, joined = 0;
    const int many = H_ - H_ / 4;
    dense = dense || live_in_row(H_, state(block.t1, 0)) > many;   // one row says it already
    for (int v = 0; !dense && v < vectors(); v++) {
      unsigned seen = 0;
      for (int slot = block.t0; slot <= block.t1; slot++) {
        vi any = {};
        for (int r = 0; r < rows; r++) any |= load_n(state(slot, r) + v * VL, H_ - v * VL) != 0.0f;
        seen |= lane_mask(any);
      }
      seen_[v] = seen;
      alive += __builtin_popcount(seen);
      joined += __builtin_popcount(seen | (open ? masks_[v] : 0));
    }
    const bool joins = open && joined <= alive + alive / 4 + 4;
    return {dense || (joins ? joined : alive) > many, joins};
  }
  // Makes it the present one.
  void take(const Next& next) {
    full_ = next.full;
    count_ = 0;
    for (int v = 0; v < vectors(); v++) {
      masks_[v] = full_ ? ~0u >> (32 - min(VL, H_ - v * VL)) : seen_[v] | (next.joins ? masks_[v] : 0);
      count_ += list_lanes(v * VL, masks_[v], units_ + count_);
    }
    for (int i = 0; i <= I_; i++) units_[count_ + i] = H_ + i;
  }

  // out [width] = the frame's units of row [H], its last vector filled up with 0; `outside` gets a bit set if another
  // unit is not 0. May write a vector past out.
  IRNN_INLINE void pack_row(const float* row, float* out, size_t width, unsigned& outside) const {
    store(out + width - VL, vf{});
    if (full_) {
      each_vector(H_, [&](int n, auto lanes) IRNN_INLINE_LAMBDA { store(out + n, lanes.load(row + n)); });
      return;
    }
    int offset = 0;
    each_vector(H_, [&](int n, auto lanes) IRNN_INLINE_LAMBDA {
      const vf v = lanes.load(row + n);
      const unsigned mask = masks_[n / VL];
      outside |= lane_mask(v != 0.0f) & ~mask;
      store(out + offset, compress(v, mask));
      offset += __builtin_popcount(mask);
    });
  }
  // The frame's units of to [H] = from [count].
  void scatter(const float* from, float* to) const {
    for (int j = 0; j < count_; j++) to[units_[j]] = from[j];
  }

 private:
  int vectors() const { return ceil_div(H_, VL); }

  int I_, H_, count_ = 0;
  bool full_ = false;
  unsigned *masks_, *seen_;   // a bit a unit, VL of them a word: of the frame; of the block looked at last
  int* units_;
};

}   // namespace IRNN_TARGET

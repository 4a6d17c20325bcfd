// Weight gradients: dW += Σ_(t,b) A[t,b,:]ᵀ factor[t,b,:], where A is da of a recurrence or dy of a linear layer. The thread count
// does not change a bit: beside a recurrence they are summed per shard of SHARD_ROWS sequences, the shards as a balanced binary
// tree; else every element is one chain over all rows (t, b).
//
// All factors of one A (h, x and the constant 1 of the bias) are packed side by side as one right-hand side: one pass over
// A, and at H = 100, I = 1 they fill the vectors that h alone would take.
//
// Fused, the recurrence hands over blocks of steps while da and h are still in L2; that halves the memory read (the gradient alone
// took as long to fetch its operands from L3 as to multiply them). Where a shard's sum would be too large, the
// gradient is taken at the end, a block of its rows at a time; of few rows (t, b), a tile at a time, in registers
// (gradient_later.cc).
//
// The sums of gated cells are kept transposed, [columns of the factors, M]: M = 400 fills its vectors, h, x and 1 (102) do not, and
// da, the larger side, is read where it lies, and so are whole tiles of the first factor.
#pragma once

#include "live.h"

namespace IRNN_TARGET {

struct Factor {
  const float* p;    // null: the constant 1
  int columns;
  size_t ld;         // floats from one row (t, b) to the next
  float* gradient;   // [M, columns] += ; null: not wanted
  float* second;     // where the same is added once more (PyTorch's second bias), or null
  int second_rows = 0x7fffffff;   // BLOCKS: of the first so many of the M rows
};

constexpr int GRADIENT_STEPS = 16;   // steps taken at a time: 16 · 8 rows of da of 400 floats are 205 KB, hot in L2 (24 and 32 steps: LSTM backward 1.02, 1.03)

// Who makes the sums: finish(), from A; the caller, as [M, columns] (compact.h); add_block(), as [columns, lead + M]. Not the caller's lie in panels.
enum class Sums { LATER, FRAMES, BLOCKS };

class WeightGradient {
 public:
  // A [T,B,M], rows lda apart. Keeps pointers only.
  // BLOCKS: the rows of A have `lead` floats before their M, which are read too, so that vectors lie in lines; what they are does not matter.
  WeightGradient(int T, int B, int M, const float* A, size_t lda, const Factor* factors, int count, Sums how, int lead = 0);
  // Whether the sum of a shard [M, columns] is small enough to be made beside the recurrence of these steps.
  static bool fuses(int T, int B, int part, int M, int columns);

  // Of a segment of a longer sequence (kernels.h, Part): running sums live in `sums`, kept_floats() of them, between the calls.
  void segment(float* sums, int part) {
    kept_ = sums;
    part_ = part;
  }
  size_t kept_floats() const { return size_t(how_ == Sums::LATER ? 1 : shards_) * panels_.floats(rows_); }

  // Deals the shards to groups, the same for all gradients of a recurrence; to be called before anything below.
  static void deal(WeightGradient* gradients, int count);

  // Memory it works in: at least bytes(), 64-byte aligned, until finish() returns.
  size_t bytes() const { return (is_short() ? short_floats_ : floats_) * sizeof(float); }
  void place(void* memory) { memory_ = static_cast<float*>(memory); }

  // Called by the worker of a group for each of its shards in ascending order: the start, the end. They do nothing LATER.
  void shard_start(int group, int shard) const;
  void shard_done(int group, int shard) const;
  // BLOCKS, between them, in the order of back-propagation: the steps t0 … t1-1 of a shard, whose rows of A are there now. Up to VL - 1 floats behind
  // the M of a row are read too, of the next row's beginning, which another thread may be writing; they do not matter. None behind A.
  void add_block(int group, int shard, int t0, int t1) const;
  // After all groups: what is left to add.
  void finish() const;

  // FRAMES: the running sum of a shard [M, columns of all factors], rows whole vectors, and the part of it that lies in the given rows
  // and columns, copied to `part` [m_count][stride] or back.
  float* shard_sum(int group, int shard) const;
  void take_part(const float* sum, const int* rows, int m_count, const int* columns, int n_count, float* part, size_t stride) const;
  void put_part(float* sum, const int* rows, int m_count, const int* columns, int n_count, const float* part, size_t stride) const;

 private:
  void deal(int shards);   // so many to a group, a power of two
  struct Piece;   // a block of the gradient's rows, and the memory to add it up in
  bool few() const;   // whether its panels are the wider ones of gradient.cc
  size_t right_floats() const;
  Piece piece(int group, int m0, int m1) const;
  void pack_left(size_t row, int rows, int m0, int m1, int K, int k, float* left) const;
  void add_chunk(const Piece& piece, size_t row, int rows) const;
  size_t row_floats() const { return size_t(panels_.vectors) * VL; }   // of a sum that lies in rows
  void pack_columns(int first_column, int shard, int t0, int t1, float* left) const;
  void copy(size_t row, int rows, int n0, int width, float* out) const;
  void copy_mixed(size_t row, int n0, int width, float* out) const;
  void add_row(int m, int n0, int width, const float* sum) const;
  void begin(float* sum, int shard, int m0, size_t floats) const;
  bool keep(const float* sum, int shard, int m0, size_t floats) const;
  void fold(float* to, const float* from, size_t floats) const;
  void add_rows(int block, int memory) const;
  void finish_later() const;
  bool is_short() const { return short_ && (part_ & FIRST) && (part_ & LAST); }   // segments keep their sums in memory
  void finish_short() const;
  void pack_short_right(int panel) const;
  void pack_short_left(int m0, int m1, float* left) const;
  void add_short_bias(int m0, int m1) const;
  void add_short_rows(int m0, int m1, float* left) const;
  void deliver(int m0, int m1, const float* sum) const;
  void deliver_transposed(const float* sum) const;

  int T_, B_, M_, lead_;
  Sums how_;
  int columns_, rows_;             // of the factors; of a sum
  const float* A_;
  size_t lda_;
  Factor factors_[3];
  int count_;
  Panels panels_, short_panels_;   // of the columns of a sum; of the factors but the constant, which is the last
  bool short_;
  size_t short_floats_;
  int shards_, block_;           // rows of the gradient a piece holds
  size_t sum_floats_, piece_floats_, floats_;
  float* memory_ = nullptr;
  float* kept_ = nullptr;        // [shards, or 1 LATER][rows][panels], as a sum lies (LATER for a block of rows)
  int part_ = FIRST | LAST;

 public:
  int groups, group_shards;      // work for parallel(): group g has the shards g · group_shards … , a power of two of them
};

}  // namespace IRNN_TARGET

// Sums that a recurrence makes while it is back-propagated: one a shard, the shards added as a balanced binary tree.
#pragma once

#include "gradient.h"

namespace IRNN_TARGET {

// The shards of a minibatch, dealt to groups that run in parallel: group g has the shards g · each … of them, a power
// of two, in ascending order.
struct Groups {
  int shards, each, count;

  // `sum_floats`: size of a shard's sums, of all gradients of the recurrence together. Sums beyond 64 MB in all make
  // larger groups, which hold fewer sums, as long as more than 8 groups are left.
  Groups(int B, size_t sum_floats) : shards(ceil_div(B, SHARD_ROWS)), each(1), count(shards) {
    constexpr int MOST = 64, FEWEST = 8;
    constexpr size_t MOST_FLOATS = 16 << 20;
    while (count > FEWEST && (count > MOST || count * levels() * sum_floats > MOST_FLOATS)) {
      each *= 2;
      count = ceil_div(shards, each);
    }
  }
  int first(int group) const { return group * each; }
  int end(int group) const { return min(shards, (group + 1) * each); }
  // Sums of a group that exist at once. They are digits of a binary counter: of 2^l shards done, sums of 2^k, k < l,
  // and the one being made.
  int levels() const {
    int levels = 1;
    while ((1 << (levels - 1)) < each) levels++;
    return levels;
  }
};

class ShardSums {
 public:
  // `floats`: size of one sum, in whole vectors. `work_floats`: memory that each group has beside its sums.
  explicit ShardSums(size_t floats, size_t work_floats = 0) : floats_(floats), work_floats_(work_floats) {}

  size_t sum_floats() const { return floats_; }
  size_t floats(const Groups& groups) const { return groups.count * group_floats(groups); }
  size_t kept_floats(const Groups& groups) const { return groups.shards * floats_; }

  // `memory` [floats(groups)], 64-byte aligned. `kept` [kept_floats(groups)]: where the sums stay between the segments
  // of a sequence; null if it has one.
  void place(const Groups& groups, float* memory, float* kept, int part) {
    shards_ = groups.shards;
    each_ = groups.each;
    groups_ = groups.count;
    group_floats_ = group_floats(groups);
    memory_ = memory;
    kept_ = kept;
    part_ = part;
  }

  float* work(int group) const { return memory_ + group * group_floats_; }

  // The running sum of the shard at hand.
  float* sum(int group, int shard) const { return sums(group) + used_after(shard % each_) * floats_; }

  // Begins a shard's sum: from 0, or from what the segment before has left.
  void start(int group, int shard) const {
    if (part_ & FIRST) fill_zero(int(floats_), sum(group, shard));
    else copy(int(floats_), kept_ + shard * floats_, sum(group, shard));
  }

  // Ends it: keeps it for the next segment, or adds it to the tree of its group.
  void done(int group, int shard) const {
    if (!(part_ & LAST)) return copy(int(floats_), sum(group, shard), kept_ + shard * floats_);
    const int count = shard % each_ + 1;
    int used = used_after(count - 1) + 1;
    for (int carry = count; carry % 2 == 0; carry /= 2) fold_last(group, used--);
    if (shard != shards_ - 1) return;   // the last group may be no whole tree: its sums are folded from the newest on
    while (used > 1) fold_last(group, used--);
  }

  // The sum of all shards; null if it goes on in the next segment.
  const float* total() const {
    if (!(part_ & LAST)) return nullptr;
    for (int gap = 1; gap < groups_; gap *= 2) {
      for (int g = 0; g + gap < groups_; g += 2 * gap) fold(sums(g), sums(g + gap));
    }
    return sums(0);
  }

 private:
  size_t group_floats(const Groups& groups) const { return work_floats_ + groups.levels() * floats_; }
  float* sums(int group) const { return work(group) + work_floats_; }
  // The counter after `count` shards holds a sum for every bit of `count` that is 1; the newest is the last.
  static int used_after(int count) { return __builtin_popcount(unsigned(count)); }
  void fold(float* to, const float* from) const {
    for (size_t j = 0; j < floats_; j += VL) store(to + j, load(to + j) + load(from + j));
  }
  // Adds the last of `used` sums to the one before it.
  void fold_last(int group, int used) const {
    fold(sums(group) + (used - 2) * floats_, sums(group) + (used - 1) * floats_);
  }

  size_t floats_, work_floats_, group_floats_ = 0;
  int shards_ = 0, each_ = 1, groups_ = 0, part_ = FIRST | LAST;
  float *memory_ = nullptr, *kept_ = nullptr;
};

// f(group, shard) for every shard; the shards of a group ascend, on one thread.
template <class F>
IRNN_INLINE void each_shard(size_t work, const Groups& groups, const F& f) {
  parallel_if_worth(work, groups.count, [&](int group) {
    for (int s = groups.first(group); s < groups.end(group); s++) f(group, s);
  });
}

// The same with fused gradients around it: f hands its blocks of steps to them. Uses scratch slot 1.
template <class G, class F>
IRNN_INLINE void each_shard(size_t work, const Groups& groups, G* gradients, int count, float* sums, int part,
                            const F& f) {
  size_t floats = 0;
  for (int i = 0; i < count; i++) floats += gradients[i].floats(groups);
  float* memory = static_cast<float*>(irnn_host::scratch(1, floats * sizeof(float)));
  for (int i = 0; i < count; i++) {
    gradients[i].place(groups, memory, sums, part);
    memory += gradients[i].floats(groups);
    if (sums) sums += gradients[i].kept_floats(groups);
  }
  each_shard(work, groups, [&](int group, int s) IRNN_INLINE_LAMBDA {
    for (int i = 0; i < count; i++) gradients[i].start(group, s);
    f(group, s);
    for (int i = 0; i < count; i++) gradients[i].done(group, s);
  });
  for (int i = 0; i < count; i++) gradients[i].finish();
}

}   // namespace IRNN_TARGET

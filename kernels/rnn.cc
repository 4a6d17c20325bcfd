// The recurrence h_t = f(Wxh x_t + b + Whh h_{t-1}), f = ReLU or tanh, and its back-propagation through time. Each
// shard of 8 sequences runs all T steps on one thread; its state, 3 KB at H = 100, never leaves the L1 cache.
#include "math.h"
#include "gradient_deferred.h"
#include "sparse_backward.h"
#include "step_product.h"

namespace IRNN_TARGET {

namespace {

// The nonlinearity of all units of a step, which lie side by side.
IRNN_INLINE void tanh_units(int n, float* units) {
  int i = 0;
  for (; i + TOGETHER * VL <= n; i += TOGETHER * VL) {
    vf x[TOGETHER];
    for (int v = 0; v < TOGETHER; v++) x[v] = load(units + i + v * VL);
    tanh(x);
    for (int v = 0; v < TOGETHER; v++) store(units + i + v * VL, x[v]);
  }
  for (; i < n; i += VL) store_n(units + i, tanh(load_n(units + i, n - i)), n - i);
}

struct RnnForward {
  int T, B, I, H, reverse, fused;
  const float* x;
  const Panels& panels;
  const float *Wxh, *Whh, *bias;   // packed; bias is whole vectors
  float* h;

  // One step of MR rows, panel after panel, without tanh. The sum before the nonlinearity starts from the bias and the
  // input and then takes the recurrent product. A function of its own for the reason given in step_product.h.
  template <int ACTIVATION, int MR, int WIDEST>
  IRNN_NOINLINE void rows(const float* input, const float* before, const Live& live, float* out) const {
    const float *w = Wxh, *packed = Whh, *start = bias;
    const int count = panels.count;
    for (int p = 0, columns = H; p < count; p++) {
      const int width = panels.width(p);
      with_const<WIDEST>(width, [&](auto nv) IRNN_INLINE_LAMBDA {
        vf acc[MR][nv.value];
        if (fused) {
          load_tile(start, 0, nv.value * VL, acc);
          multiply_few(I, input, I, 1, w, acc);
        } else {
          load_tile(out, H, columns, acc);
        }
        multiply_units(live, H, before, H, packed, acc);
#pragma GCC unroll 8
        for (int r = 0; ACTIVATION == RELU && r < MR; r++) {
#pragma GCC unroll 8
          for (int v = 0; v < nv.value; v++) acc[r][v] = max_zero(acc[r][v]);
        }
        store_tile(out, H, columns, acc);
      });
      const int n = width * VL;
      if (fused) w += size_t(I) * n;
      packed += size_t(H) * n;
      start += n;
      out += n;
      columns -= n;
    }
  }

  template <int ACTIVATION>
  void shard(const Shard& shard, int* list) const {
    for (int i = 0; i < T; i++) {
      const Step step(i, T, reverse);
      const float* before = h + (size_t(step.from) * B + shard.b0) * H;
      const Live live = ACTIVATION == RELU ? live_units(shard.rows, H, before, list) : Live{H, nullptr};
      if (i + 1 < T) prefetch(h + (size_t(Step(i + 1, T, reverse).to) * B + shard.b0) * H, shard.rows * H);
      const size_t row = size_t(step.t) * B + shard.b0;
      float* out = h + (size_t(step.to) * B + shard.b0) * H;
      if (B == 1) rows<ACTIVATION, 1, ROW_VECTORS>(x + row * I, before, live, out);
      else {
        for_rows<MAX_ROWS>(shard.rows, [&](int r0, auto mr) IRNN_INLINE_LAMBDA {
          rows<ACTIVATION, mr.value, MAX_VECTORS>(x + (row + r0) * I, before + size_t(r0) * H, live,
                                                  out + size_t(r0) * H);
        });
      }
      if (ACTIVATION == TANH) tanh_units(shard.rows * H, out);
      shard.each_padded(step.t, [&](int r) IRNN_INLINE_LAMBDA {
        copy(H, h + (size_t(step.from) * B + shard.b0 + r) * H, h + (size_t(step.to) * B + shard.b0 + r) * H);
      });
    }
  }
};

}   // namespace

void rnn_forward(int T, int B, int I, int H, int activation, int reverse, const int* lengths, const float* x,
                 const float* Wxh, const float* Whh, const float* bx, const float* bh, float* h) {
  const Panels panels(H, B == 1 ? ROW_VECTORS : MAX_VECTORS);
  const bool fused = I <= FUSED_INPUTS;
  const size_t whh_floats = panels.floats(H), wxh_floats = fused ? panels.floats(I) : 0;
  const size_t bias_floats = size_t(panels.vectors) * VL;
  const size_t floats = whh_floats + wxh_floats + bias_floats, lists = ceil_div(B, SHARD_ROWS) * Live::ints(H);
  float* whh = static_cast<float*>(irnn_host::scratch(0, floats * sizeof(float) + lists * sizeof(int)));
  float *wxh = whh + whh_floats, *bias = wxh + wxh_floats;
  int* list = reinterpret_cast<int*>(whh + floats);
  pack(panels, H, Whh, 1, size_t(H), whh);
  for (int n = 0; n < int(bias_floats); n++) bias[n] = n < H ? (bx ? bx[n] : 0.0f) + (bh ? bh[n] : 0.0f) : 0.0f;
  if (fused) {
    pack(panels, I, Wxh, 1, size_t(I), wxh);
  } else {
    float* after = h + (reverse ? 0 : size_t(B) * H);   // the states of all steps
    matmul(T * B, H, I, {x, size_t(I), 1}, {Wxh, 1, size_t(I)}, bias, after, size_t(H), false);
  }
  const RnnForward forward{T, B, I, H, reverse, fused, x, panels, wxh, whh, bias, h};
  parallel_if_worth(size_t(T) * B * H * H, ceil_div(B, SHARD_ROWS), [&](int s) {
    const Shard shard(s, B, lengths);
    if (activation == RELU) forward.shard<RELU>(shard, list + s * Live::ints(H));
    else forward.shard<TANH>(shard, list + s * Live::ints(H));
  });
}

namespace {

struct RnnBackward {
  int T, B, H, activation;
  float clip;
  const Panels& panels;
  const float *Whh, *h, *dh;   // Whh packed
  float* da;

  // da of a step from dL/dh of its state, `carry` [rows,H], which becomes that of the state before it.
  void step(const Shard& shard, const Step& step, float* carry, int* list) const {
    const size_t first = (size_t(step.t) * B + shard.b0) * H;
    const float* states = h + (size_t(step.to) * B + shard.b0) * H;
    prefetch(h + (size_t(step.from) * B + shard.b0) * H, shard.rows * H);
    for (int r = 0; r < shard.rows; r++) {
      float* out = da + first + r * H;
      if (shard.padded(r, step.t)) {
        fill_zero(H, out);
        continue;
      }
      each_vector(H, [&](int n, auto lanes) IRNN_INLINE_LAMBDA {
        vf d = lanes.load(carry + r * H + n) + 0.0f;   // no -0
        if (dh) d += lanes.load(dh + first + r * H + n);
        const vf state = lanes.load(states + r * H + n);
        d = activation == RELU ? (state > 0.0f ? d : vf{}) : d * (1.0f - state * state);
        lanes.store(out + n, clipped(d, clip));
      });
    }
    // If h is 0 for all rows, so is da.
    const Live live = activation == RELU ? live_units(shard.rows, H, states, list) : Live{H, nullptr};
    carry_back(shard, step.t, {da + first, H, H, live}, H, panels, Whh, carry, false);
  }
};

}   // namespace

void rnn_backward(int T, int B, int I, int H, int activation, int reverse, const int* lengths, float clip,
                  const float* x, const float* Wxh, const float* Whh, const float* h, const float* dh, const float* dhT,
                  float* da, float* dWxh, float* dWhh, float* dbx, float* dbh, float* dx, int accumulate_dx, float* dh0,
                  float* sums, int part, int rows) {
  const Panels panels(H);
  const float* before = h + (reverse ? size_t(B) * H : 0);   // the states that each step starts from
  const Factors factors({before, H, size_t(H), dWhh}, {x, I, size_t(I), dWxh}, {nullptr, 1, 0, dbx, dbh});
  const GradientOf gradient_of{T, B, H, da, size_t(H), factors};
  const bool fused = fuses(rows, H, H + I + 1);
  FrameGradient gradient(gradient_of);
  const Groups groups(B, fused ? gradient.sum_floats() : 0);
  const int blocks = ceil_div(T, BLOCK_STEPS);
  const size_t carry_floats = round_up(size_t(SHARD_ROWS) * H, 16), packed_floats = fused ? 0 : panels.floats(H);
  const size_t shard_floats = carry_floats + (fused ? SparseBackward::floats(I, H) : Live::ints(H));
  float* whh =
      static_cast<float*>(irnn_host::scratch(0, (packed_floats + groups.count * shard_floats) * sizeof(float)));
  if (!fused) pack(panels, H, Whh, size_t(H), 1, whh);
  const RnnBackward plain{T, B, H, activation, clip, panels, whh, h, dh, da};
  const SparseBackward::Problem problem{T, B, I, H, activation, reverse, clip, x, h, dh, Whh, dx ? da : nullptr};
  each_shard(size_t(T) * B * H * H, groups, &gradient, fused ? 1 : 0, sums, part, [&](int group, int s) {
    const Shard shard(s, B, lengths);
    float* carry = whh + packed_floats + group * shard_floats;   // dL/dh of the step at hand [rows,H]
    copy_rows(shard, H, dhT, carry);
    if (fused) {
      SparseBackward compact(problem, shard, gradient, gradient.sum(group, s), carry, carry + carry_floats);
      for (int k = 0; k < blocks; k++) compact.block(Block(k, T, reverse), dh0 && k == blocks - 1);
      compact.close();
    } else {
      int* list = reinterpret_cast<int*>(carry + carry_floats);
      for (int i = T - 1; i >= 0; i--) plain.step(shard, Step(i, T, reverse), carry, list);
    }
    if (dh0) copy(shard.rows * H, carry, dh0 + size_t(shard.b0) * H);
  });
  if (!fused) deferred_gradient(gradient_of, sums, part);
  if (dx) matmul(T * B, I, H, {da, size_t(H), 1}, {Wxh, size_t(I), 1}, nullptr, dx, size_t(I), accumulate_dx != 0);
}

}   // namespace IRNN_TARGET

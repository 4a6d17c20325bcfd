// The LSTM with forget gate (Hochreiter & Schmidhuber 1997, Gers 2000), in PyTorch's form.
#include "gated_backward.h"
#include "gated_forward.h"
#include "math.h"

namespace IRNN_TARGET {

namespace {

struct Lstm {
  enum { IN, FORGET, CANDIDATE, OUT };   // PyTorch's order i f g o
  static constexpr int GATES = 4, JOINT = 4;
  static constexpr bool HAS_C = true, DIRECT = false, READS_H_AFTER = true;

  template <int W, class L>
  static IRNN_INLINE void forward(const ForwardUnits<Lstm, W, L>& u) {
    // Each gate is read when its turn has come: read all at once, they waited in more registers than there are (forward
    // pass 0.977 to 0.993 this way).
    vf in[W], forget[W], candidate[W], out[W], cell[W];
    u.load_saved(IN, in);
    sigmoid(in);
    u.load_saved(FORGET, forget);
    sigmoid(forget);
    u.load_saved(CANDIDATE, candidate);
    tanh(candidate);
    for (int v = 0; v < W; v++) {
      cell[v] = fma(forget[v], u.c(v), in[v] * candidate[v]);
      u.set_c(v, cell[v]);
    }
    u.save(IN, in);
    u.save(FORGET, forget);
    u.save(CANDIDATE, candidate);
    u.load_saved(OUT, out);
    sigmoid(out);
    u.save(OUT, out);
    tanh(cell);
    for (int v = 0; v < W; v++) u.set_h(v, out[v] * cell[v]);
  }

  template <class L>
  static IRNN_INLINE void backward(const BackwardUnits<L>& u) {
    constexpr float SMALLEST_NORMAL = 1.17549435e-38f;
    const vf i = u.saved(IN), f = u.saved(FORGET), g = u.saved(CANDIDATE), o = u.saved(OUT), d = u.dh;
    // h = o tanh c: a division instead of a tanh. Where o is 0 so is h, and tanh c does not matter.
    const vf h = u.h(), tanh_c = h / at_least(o, SMALLEST_NORMAL);
    const vf dc = fma(d, fma(-h, tanh_c, o), u.dc());
    u.set_da(IN, u.limit(dc * g * i * (1.0f - i)));
    u.set_da(FORGET, u.limit(dc * u.c() * f * (1.0f - f)));
    u.set_da(CANDIDATE, u.limit(dc * i * (1.0f - g * g)));
    u.set_da(OUT, u.limit(d * h * (1.0f - o)));
    u.set_dc(dc * f);
  }
};

}   // namespace

void lstm_forward(int T, int B, int I, int H, int reverse, const int* lengths, const float* x, const float* Wxh,
                  const float* Whh, const float* bx, const float* bh, float* h, float* c, float* gates) {
  gated_forward<Lstm>(T, B, I, H, reverse, lengths, x, Wxh, Whh, bx, bh, h, c, gates);
}

void lstm_backward(int T, int B, int I, int H, int reverse, const int* lengths, float clip, const float* x,
                   const float* Wxh, const float* Whh, const float* h, const float* c, const float* gates,
                   const float* dh, const float* dhT, const float* dcT, float* da, float* dWxh, float* dWhh, float* dbx,
                   float* dbh, float* dx, int accumulate_dx, float* dh0, float* dc0, float* sums, int part, int rows) {
  gated_backward<Lstm>(T, B, I, H, reverse, lengths, clip, x, Wxh, Whh, h, c, gates, dh, dhT, dcT, da, dWxh, dWhh, dbx,
                       dbh, dx, accumulate_dx, dh0, dc0, sums, part, rows);
}

}   // namespace IRNN_TARGET

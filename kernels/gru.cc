// The GRU (Cho et al. 2014) in PyTorch's form: the reset gate acts after the recurrent product, on m = Whn h + bhn, so
// that one product serves all three gates.
#include "gated_backward.h"
#include "gated_forward.h"
#include "math.h"

namespace IRNN_TARGET {

namespace {

struct Gru {
  enum { RESET, UPDATE, M, N };   // r z m n; the sums of h are r z m, those of x r z n
  static constexpr int GATES = 3, JOINT = 2;
  static constexpr bool HAS_C = false, DIRECT = true, READS_H_AFTER = false;

  template <int W, class L>
  static IRNN_INLINE void forward(const ForwardUnits<Gru, W, L>& u) {
    vf reset[W], z[W], m[W], n[W];
    u.load_saved(RESET, reset);
    sigmoid(reset);
    u.load_input(0, n);
    u.load_saved(M, m);
    for (int v = 0; v < W; v++) n[v] = fma(reset[v], m[v], n[v]);
    u.save(RESET, reset);
    // z only now, during the long chain of tanh: read at the start it waited in registers (forward pass 1.025).
    u.load_saved(UPDATE, z);
    sigmoid(z);
    u.save(UPDATE, z);
    tanh(n);
    u.save(N, n);
    for (int v = 0; v < W; v++) u.set_h(v, fma(z[v], u.h(v) - n[v], n[v]));
  }

  template <class L>
  static IRNN_INLINE void backward(const BackwardUnits<L>& u) {
    const vf reset = u.saved(RESET), z = u.saved(UPDATE), m = u.saved(M), n = u.saved(N), d = u.dh;
    const vf dn = u.limit(d * (1.0f - z) * (1.0f - n * n));
    u.set_da(RESET, u.limit(dn * m * reset * (1.0f - reset)));
    u.set_da(UPDATE, u.limit(d * (u.h() - n) * z * (1.0f - z)));
    u.set_da(M, dn * reset);
    u.set_da(N, dn);
    u.set_dh(d * z);
  }
};

}   // namespace

void gru_forward(int T, int B, int I, int H, int reverse, const int* lengths, const float* x, const float* Wxh,
                 const float* Whh, const float* bx, const float* bh, float* h, float* gates) {
  gated_forward<Gru>(T, B, I, H, reverse, lengths, x, Wxh, Whh, bx, bh, h, nullptr, gates);
}

void gru_backward(int T, int B, int I, int H, int reverse, const int* lengths, float clip, const float* x,
                  const float* Wxh, const float* Whh, const float* h, const float* gates, const float* dh,
                  const float* dhT, float* da, float* dWxh, float* dWhh, float* dbx, float* dbh, float* dx,
                  int accumulate_dx, float* dh0, float* sums, int part, int rows) {
  gated_backward<Gru>(T, B, I, H, reverse, lengths, clip, x, Wxh, Whh, h, nullptr, gates, dh, dhT, nullptr, da, dWxh,
                      dWhh, dbx, dbh, dx, accumulate_dx, dh0, nullptr, sums, part, rows);
}

}   // namespace IRNN_TARGET

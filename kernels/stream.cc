// Streaming: one time step of a few sequences. Packing the weights takes ten times as long as multiplying by them once,
// so it is a kernel of its own.
#include "math.h"
#include "gemm.h"

namespace IRNN_TARGET {

namespace {

// y [N rounded up to whole vectors] = bias + Wxh x + Whh h, every element summed in the order of a whole sequence.
void affine(int N, int I, int H, const float* x, const float* h, const float* packed, float* y) {
  const Panels panels(N, ROW_VECTORS);
  parallel_if_worth(size_t(N) * (I + H), panels.count, [=, &panels](int p) {
    const float* panel = packed + panels.offset(p, 1 + I + H);
    float* out = y + panels.first(p) * VL;
    with_const<ROW_VECTORS>(panels.width(p), [&](auto nv) {
      vf acc[1][nv.value];
      load_tile(panel, 0, nv.value * VL, acc);
      multiply_few(I, x, 0, 1, panel + nv.value * VL, acc);
      multiply(H, h, 0, 1, panel + (1 + I) * nv.value * VL, acc);
      store_tile(out, 0, nv.value * VL, acc);
    });
  });
}

float* sums(int n) { return static_cast<float*>(irnn_host::scratch(0, (size_t(n) + 16) * sizeof(float))); }

}   // namespace

// A row of biases, then the rows of x and of h, in whole vectors.
double packed_floats(int N, int I, int H) { return double(round_up(N, VL)) * (1 + I + H); }

void step_pack(int N, int I, int H, const float* Wxh, const float* Whh, const float* bx, const float* bh,
               float* packed) {
  const Panels panels(N, ROW_VECTORS);
  for (int p = 0; p < panels.count; p++) {
    const int width = panels.width(p) * VL, n0 = panels.first(p) * VL;
    float* panel = packed + panels.offset(p, 1 + I + H);
    for (int n = n0; n < n0 + width; n++) panel[n - n0] = n < N ? (bx ? bx[n] : 0.0f) + (bh ? bh[n] : 0.0f) : 0.0f;
    if (I > 0) pack_panel(panels, p, I, Wxh, 1, size_t(I), panel + width);
    if (H > 0) pack_panel(panels, p, H, Whh, 1, size_t(H), panel + size_t(1 + I) * width);
  }
}

void dense_step(int B, int I, int K, const float* x, const float* packed, float* y) {
  float* sum = sums(K);
  for (int b = 0; b < B; b++) {
    affine(K, I, 0, x + size_t(b) * I, nullptr, packed, sum);
    copy(K, sum, y + size_t(b) * K);
  }
}

void rnn_step(int B, int I, int H, int activation, const float* x, const float* packed, float* h) {
  float* a = sums(H);
  for (int b = 0; b < B; b++, x += I, h += H) {
    affine(H, I, H, x, h, packed, a);
    each_vector(H, [=](int n, auto lanes) IRNN_INLINE_LAMBDA {
      const vf sum = lanes.load(a + n);
      lanes.store(h + n, activation == RELU ? max_zero(sum) : tanh(sum));
    });
  }
}

void lstm_step(int B, int I, int H, const float* x, const float* packed, float* h, float* c) {
  float* a = sums(4 * H);
  for (int b = 0; b < B; b++, x += I, h += H, c += H) {
    affine(4 * H, I, H, x, h, packed, a);
    each_vector(H, [=](int n, auto lanes) IRNN_INLINE_LAMBDA {
      const vf i = sigmoid(lanes.load(a + n)), f = sigmoid(lanes.load(a + H + n));
      const vf g = tanh(lanes.load(a + 2 * H + n)), o = sigmoid(lanes.load(a + 3 * H + n));
      const vf cell = fma(f, lanes.load(c + n), i * g);
      lanes.store(c + n, cell);
      lanes.store(h + n, o * tanh(cell));
    });
  }
}

void gru_step(int B, int I, int H, const float* x, const float* reset_update, const float* candidate_x,
              const float* candidate_h, float* h) {
  const size_t third = round_up(size_t(H), 16);
  float* a = sums(int(4 * third));
  float *of_x = a + 2 * third, *of_h = of_x + third;
  for (int b = 0; b < B; b++, x += I, h += H) {
    affine(2 * H, I, H, x, h, reset_update, a);
    affine(H, I, 0, x, nullptr, candidate_x, of_x);
    affine(H, 0, H, nullptr, h, candidate_h, of_h);
    each_vector(H, [=](int n0, auto lanes) IRNN_INLINE_LAMBDA {
      const vf reset = sigmoid(lanes.load(a + n0)), z = sigmoid(lanes.load(a + H + n0));
      const vf n = tanh(fma(reset, lanes.load(of_h + n0), lanes.load(of_x + n0)));
      lanes.store(h + n0, fma(z, lanes.load(h + n0) - n, n));
    });
  }
}

}   // namespace IRNN_TARGET

// How fast this machine multiplies and adds: the benchmarks compare with it.
#include "parallel.h"

namespace IRNN_TARGET {

// 12 chains fill two units of latency 4 and fit 16 registers.
double fma_peak(int pieces, int rounds) {
  constexpr int CHAINS = 12;
  float* sink = static_cast<float*>(irnn_host::scratch(0, size_t(pieces) * VL * sizeof(float)));
  parallel(pieces, [=](int i) {
    const vf factor = splat(0.999f), term = splat(0.001f);
    vf acc[CHAINS];
    for (int c = 0; c < CHAINS; c++) acc[c] = splat(float(c));
    for (int k = 0; k < rounds; k++) {
#pragma GCC unroll 12
      for (int c = 0; c < CHAINS; c++) acc[c] = fma(acc[c], factor, term);
    }
    vf sum = {};
    for (int c = 0; c < CHAINS; c++) sum += acc[c];
    store(sink + size_t(i) * VL, sum);
  });
  return 2.0 * CHAINS * VL * rounds * pieces;
}

}   // namespace IRNN_TARGET

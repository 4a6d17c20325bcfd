// Tables of vectors: rows gathered by tokens, and their gradients scattered back.
#include "parallel.h"

namespace IRNN_TARGET {

void embedding_forward(int N, int E, const int* tokens, const float* table, float* y) {
  constexpr int BLOCK = 256;
  parallel_if_worth(size_t(N) * E, ceil_div(N, BLOCK), [=](int i) {
    for (int n = i * BLOCK; n < min(N, (i + 1) * BLOCK); n++) copy(E, table + size_t(tokens[n]) * E, y + size_t(n) * E);
  });
}

// A token may occur twice, so the work is cut along E: every element is one sum over ascending n.
void embedding_backward(int N, int E, const int* tokens, const float* dy, float* dtable) {
  constexpr int BLOCK = 64;
  parallel_if_worth(size_t(N) * E, ceil_div(E, BLOCK), [=](int i) {
    const int e0 = i * BLOCK, e1 = min(E, e0 + BLOCK);
    for (int n = 0; n < N; n++) {
      const float* from = dy + size_t(n) * E;
      float* to = dtable + size_t(tokens[n]) * E;
      for (int e = e0; e < e1; e += VL) store_n(to + e, load_n(to + e, e1 - e) + load_n(from + e, e1 - e), e1 - e);
    }
  });
}

}   // namespace IRNN_TARGET

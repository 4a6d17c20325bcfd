// A linear layer y = x Wᵀ + b, forward and backward.
#include "gradient_deferred.h"

namespace IRNN_TARGET {

void dense_forward(int N, int I, int K, const float* x, const float* W, const float* b, float* y) {
  matmul(N, K, I, {x, size_t(I), 1}, {W, 1, size_t(I)}, b, y, size_t(K), false);
}

void dense_backward(int T, int B, int I, int K, const float* x, const float* W, const float* dy, float* dW, float* db,
                    float* dx, float* sums, int part) {
  const Factors factors({x, I, size_t(I), dW}, {nullptr, 1, 0, db});
  deferred_gradient({T, B, K, dy, size_t(K), factors}, sums, part);
  if (dx) matmul(T * B, I, K, {dy, size_t(K), 1}, {W, size_t(I), 1}, nullptr, dx, size_t(I), false);
}

}   // namespace IRNN_TARGET

// The contract between the kernels and everything above them: every kernel, once.
//
// A kernel is a pure function over arrays: no allocation, I/O, exceptions, JavaScript. It is compiled once for each
// instruction set (namespace IRNN_TARGET) and once for WebAssembly. src/backend/reference/ holds the same table in
// plain TypeScript and float64, and test/backend/kernels.test.ts holds every build against it.
//
// Letters: T steps, B sequences, I inputs, H hidden units, K outputs, N rows, V vocabulary, E embedding width. Arrays
// are row-major, time-major, float32. A gradient is `d` + name. After a parameter, `=` means that the kernel overwrites
// the array, `+=` that it adds to it; neither means that it reads only. Arrays must not overlap unless a comment says
// that they may. A pointer may be null only where a comment says "or null".
//
// States are [T+1,B,H]. Forward in time, slot 0 is the initial state (read) and slot t+1 is the state after x[t]. With
// `reverse`, slot T is the initial state and slot t is the state after x[t]; x is read from the last step to the first.
// `lengths` is [B], 0 <= lengths[b] <= T; null means that all are T. At a padded step, t >= lengths[b], the state is
// carried over unchanged, so that the final state (slot T, or 0 in reverse) is right for every sequence. Gradients of
// padded outputs are ignored; da and dx are 0 at padded steps.
//
// The number of threads does not change a bit: work is cut into pieces that do not depend on it, and every output
// element is one chain of multiply-adds in ascending order of the inner index. Terms that are exactly 0 may be left
// out. A weight gradient sums over rows (t, b), in blocks of BLOCK_STEPS steps as back-propagation finishes them;
// within a block, steps and rows ascend. What one chain covers depends on the gradient:
//
// | gradient                                       | sum of a shard of SHARD_ROWS sequences   | shards are added as   |
// |------------------------------------------------|------------------------------------------|-----------------------|
// | of rnn, made during the recurrence             | one chain over its rows                  | balanced binary tree  |
// | of lstm and gru, made during the recurrence    | chain of blocks, each a chain from 0     | balanced binary tree  |
// | of a linear layer, or of a recurrence too wide | none: one chain over all rows            |                       |
//
// gradient.h says which recurrences are too wide.
//
// The kernels include this file once, and napi.cc includes it once for each instruction set.
// clang-format off: the tables of shapes are aligned by hand.
#ifndef IRNN_KERNELS

#define IRNN_KERNELS(X)                                                                           \
  X(gemm) X(dense_forward) X(dense_backward)                                                      \
  X(rnn_forward) X(rnn_backward) X(lstm_forward) X(lstm_backward) X(gru_forward) X(gru_backward)  \
  X(step_pack) X(rnn_step) X(lstm_step) X(gru_step) X(dense_step)                                 \
  X(shard_rows) X(block_steps) X(sums_floats) X(packed_floats)                                    \
  X(softmax_cross_entropy) X(squared_error) X(pinball) X(huber) X(gaussian_nll)                   \
  X(softmax) X(softmax_scan) X(softmax_slope)                                                     \
  X(embedding_forward) X(embedding_backward) X(copy_columns) X(dropout)                           \
  X(tanh_forward) X(sigmoid_forward)                                                              \
  X(sum_of_squares) X(count_nonzero) X(clip_value) X(scale)                                       \
  X(sgd_update) X(rmsprop_update) X(adam_update) X(muon_update)                                   \
  X(sgd_update_rows) X(rmsprop_update_rows) X(adam_update_rows) X(fma_peak)

// What the host (napi.cc, wasm.cc) provides to the kernels.
namespace irnn_host {
// Memory that the host owns, 64-byte aligned. A slot, 0 or 1, keeps its memory until a call asks for a larger size. A
// kernel calls it at entry; the content is undefined.
void* scratch(int slot, unsigned long bytes);
// Runs f(context, i) for i = 0 … n-1, in any order, on any thread, and returns when all are done.
void parallel_for(int n, void (*f)(void* context, int i), void* context);
}  // namespace irnn_host

#endif

#ifndef IRNN_TARGET
#define IRNN_TARGET irnn_generic
#endif

namespace IRNN_TARGET {

// Sizes that callers need too.
constexpr int SHARD_ROWS = 8, BLOCK_STEPS = 16;
double shard_rows();    // SHARD_ROWS: sequences of a shard, which one thread runs through all steps
double block_steps();   // BLOCK_STEPS: steps that weight gradients take at a time

enum Activation { RELU = 0, TANH = 1 };

// A long sequence can go through the backward kernels in segments (activation checkpointing), the last steps first, to
// the same bits. dh0 of a segment is dhT of the segment before it in time, and weight gradients are sums over all
// segments:
//   sums  keeps these sums between the calls, [sums_floats]; null if the sequence comes in one call.
//   part  FIRST starts the sums from 0; LAST adds them to the gradients, which no other call touches. A whole
//         sequence is FIRST | LAST. T of every segment but the one with the last steps is a multiple of BLOCK_STEPS.
//   rows  counts the rows (t, b) of the whole sequence, T·B if it comes in one call. The order in which a large
//         gradient is summed depends on it.
enum Part { FIRST = 1, LAST = 2 };
// Size of `sums` for gradients [M,N] over B sequences. Pass B = 1 for a linear layer, which has one sum for all.
double sums_floats(int B, int M, int N);

// C [M,N] = (or +=, if accumulate) op(A) op(B). op(A) is [M,K], stored [K,M] if transA; op(B) is [K,N], stored [N,K] if
// transB.
void gemm(int transA, int transB, int M, int N, int K, const float* A, const float* B, float* C, int accumulate);

// y = x Wᵀ + b
void dense_forward(int N, int I, int K,
                   const float* x,   // [N,I]
                   const float* W,   // [K,I]
                   const float* b,   // [K] or null
                   float* y);        // [N,K] =
void dense_backward(int T, int B, int I, int K,
                    const float* x,    // [T,B,I]
                    const float* W,    // [K,I]
                    const float* dy,   // [T,B,K]
                    float* dW,         // [K,I] +=
                    float* db,         // [K] += or null
                    float* dx,         // [T,B,I] = or null
                    float* sums, int part);   // of M = K, N = I + 1

// h_t = f(Wxh x_t + bx + Whh h_{t-1} + bh), f = ReLU or tanh (Le et al. 2015, section 3). ReLU lets NaN through.
void rnn_forward(int T, int B, int I, int H, int activation, int reverse,
                 const int* lengths,   // [B] or null
                 const float* x,       // [T,B,I]
                 const float* Wxh,     // [H,I]
                 const float* Whh,     // [H,H]
                 const float* bx,      // [H] or null
                 const float* bh,      // [H] or null
                 float* h);            // [T+1,B,H] initial slot read, others =
// clip > 0 bounds every element of da_t = dL/da_t to [-clip, clip] before it goes on to the weights and to t-1 (Graves
// 2013); clip = 0 bounds nothing. The gradient of ReLU at 0 is 0.
void rnn_backward(int T, int B, int I, int H, int activation, int reverse,
                  const int* lengths, float clip,
                  const float* x, const float* Wxh, const float* Whh,
                  const float* h,      // [T+1,B,H]
                  const float* dh,     // [T,B,H] or null: gradient of the output of each step
                  const float* dhT,    // [B,H] or null: gradient of the final state, which is added to that
                  float* da,           // [T,B,H] = if dx is wanted, else undefined; may be dh itself
                  float* dWxh,         // [H,I] +=
                  float* dWhh,         // [H,H] +=
                  float* dbx,          // [H] += or null
                  float* dbh,          // [H] += or null
                  float* dx,           // [T,B,I] = (+= if accumulate_dx) or null
                  int accumulate_dx,
                  float* dh0,          // [B,H] = or null: gradient of the initial state; may be dhT itself
                  float* sums, int part, int rows);   // of M = H, N = H + I + 1

// PyTorch's gate order i f g o: c_t = f c_{t-1} + i g, h_t = o tanh(c_t)
void lstm_forward(int T, int B, int I, int H, int reverse, const int* lengths,
                  const float* x,
                  const float* Wxh,    // [4H,I]
                  const float* Whh,    // [4H,H]
                  const float* bx,     // [4H] or null
                  const float* bh,     // [4H] or null
                  float* h,            // [T+1,B,H] initial slot read, others =
                  float* c,            // [T+1,B,H] initial slot read, others =
                  float* gates);       // [T,B,4H] = i f g o after sigmoid or tanh
void lstm_backward(int T, int B, int I, int H, int reverse, const int* lengths, float clip,
                   const float* x, const float* Wxh, const float* Whh,
                   const float* h, const float* c,
                   const float* gates,
                   const float* dh,    // [T,B,H] or null
                   const float* dhT,   // [B,H] or null
                   const float* dcT,   // [B,H] or null
                   float* da,          // [T,B,4H] = if dx is wanted, else undefined: gradient before nonlinearities.
                                       // May be gates itself, and should be: with another array backward takes a
                                       // sixth more time
                   float* dWxh, float* dWhh, float* dbx, float* dbh,   // +=; the biases or null
                   float* dx, int accumulate_dx,                       // as in rnn_backward
                   float* dh0,         // [B,H] = or null; may be dhT
                   float* dc0,         // [B,H] = or null; may be dcT
                   float* sums, int part, int rows);   // of M = 4H, N = H + I + 1

// PyTorch's gate order r z n: n_t = tanh(Wxn x + bxn + r (Whn h_{t-1} + bhn)), h_t = (1-z) n + z h_{t-1}
void gru_forward(int T, int B, int I, int H, int reverse, const int* lengths,
                 const float* x,
                 const float* Wxh,     // [3H,I]
                 const float* Whh,     // [3H,H]
                 const float* bx,      // [3H] or null
                 const float* bh,      // [3H] or null
                 float* h,             // [T+1,B,H] initial slot read, others =
                 float* gates);        // [T,B,4H] = r z after sigmoid, m = Whn h_{t-1} + bhn, n after tanh
void gru_backward(int T, int B, int I, int H, int reverse, const int* lengths, float clip,
                  const float* x, const float* Wxh, const float* Whh,
                  const float* h,
                  const float* gates,
                  const float* dh, const float* dhT,
                  float* da,           // [T,B,4H] = if dx is wanted, else undefined: gradient of r z before sigmoid,
                                       // of m, of n before tanh; may be gates. clip bounds those of r z n; that of
                                       // m follows from the bounded one of n
                  float* dWxh, float* dWhh, float* dbx, float* dbh,
                  float* dx, int accumulate_dx,
                  float* dh0,          // [B,H] = or null; may be dhT
                  float* sums, int part, int rows);   // of M = 4H, N = H + I + 1

// Streaming: one step of B sequences, which replaces their state, to the same bits as in a whole sequence. step_pack
// packs weights once, for N sums over x [I] and h [H], in an order that depends on the instruction set.
double packed_floats(int N, int I, int H);   // size of `packed`
void step_pack(int N, int I, int H,
               const float* Wxh,   // [N,I], or null if I is 0
               const float* Whh,   // [N,H], or null if H is 0
               const float* bx,    // [N] or null
               const float* bh,    // [N] or null
               float* packed);     // [packed_floats(N,I,H)] =
void dense_step(int B, int I, int K,
                const float* x,        // [B,I]
                const float* packed,   // of N = K, I, H = 0
                float* y);             // [B,K] =
void rnn_step(int B, int I, int H, int activation, const float* x,
              const float* packed,     // of N = H, I, H
              float* h);               // [B,H] read, then =
void lstm_step(int B, int I, int H, const float* x,
               const float* packed,    // of N = 4H, I, H
               float* h,               // [B,H] read, then =
               float* c);              // [B,H] read, then =
void gru_step(int B, int I, int H, const float* x,
              const float* reset_update,   // of N = 2H, I, H: r z
              const float* candidate_x,    // of N = H, I, H = 0: Wxn and bxn
              const float* candidate_h,    // of N = H, I = 0, H: Whn and bhn, passed to step_pack as Whh and bh
              float* h);                   // [B,H] read, then =

#include "losses.h"

void embedding_forward(int N, int E, const int* tokens, const float* table, float* y);     // y [N,E] = table[tokens[n]]
void embedding_backward(int N, int E, const int* tokens, const float* dy, float* dtable);  // dtable[tokens[n]] += dy[n]

// y [n] = x / (1 - p) with probability 1 - p, else 0 (Srivastava et al. 2014, inverted), 0 <= p < 1. Element i is
// decided by bits of (seed, iteration, first + i) alone. The kernel is its own gradient. y may be x itself.
void dropout(int n, int first, int seed, int iteration, float p, const float* x, float* y);

// dst[n, dst_column + j] = (or +=) src[n, src_column + j] for j < columns; rows are src_width and dst_width floats
// long.
void copy_columns(int N, int columns, const float* src, int src_width, int src_column, float* dst, int dst_width,
                  int dst_column, int accumulate);

void tanh_forward(int n, const float* x, float* y);      // y may be x; at most 2.5 ulp off (math.h)
void sigmoid_forward(int n, const float* x, float* y);   // y may be x; at most 2.5 ulp off (math.h)

double sum_of_squares(int n, const float* x);            // in double, fixed blocks added as a tree
double count_nonzero(int n, const float* x);
double clip_value(int n, float limit, float* x);         // bounds x to [-limit, limit]; returns how many it changed
void scale(int n, float factor, float* x);

// One update of w [n] by the gradient g [n], in PyTorch's formulas. The optimiser's state v, s, m is [n] and is updated
// too.
void sgd_update(int n, float lr, float momentum, float* w, const float* g, float* v);   // v null if momentum is 0
void rmsprop_update(int n, float lr, float alpha, float eps, float* w, const float* g, float* s);
// correction1 = 1 - beta1^k, correction2 = 1 - beta2^k at iteration k = 1, 2, … Beside that, w -= lr decay w: AdamW.
void adam_update(int n, float lr, float beta1, float beta2, float eps, float decay, float correction1,
                 float correction2, float* w, const float* g, float* m, float* v);
// One H x H matrix w by Muon (Jordan 2024): m = momentum m + (1 - momentum) g, and then w -= lr (X + decay (w -
// identity I)), where X is, after five Newton-Schulz steps, near the orthogonal matrix nearest to m: its singular
// values are 0.7 to 1.2. If m and decay are 0, w stays as it is.
void muon_update(int H, float lr, float momentum, float decay, float identity, float* w, const float* g, float* m,
                 float* work);   // [4,H,H] undefined

// The same for n rows of a matrix: w [V,E] and its state at rows[i], all different, by g [n,E]; if g is null, by a
// gradient of 0. Other rows and their state are left alone.
void sgd_update_rows(int n, int E, const int* rows, float lr, float momentum, float* w, const float* g, float* v);
void rmsprop_update_rows(int n, int E, const int* rows, float lr, float alpha, float eps, float* w, const float* g,
                         float* s);
void adam_update_rows(int n, int E, const int* rows, float lr, float beta1, float beta2, float eps, float decay,
                      float correction1, float correction2, float* w, const float* g, float* m, float* v);

// For benchmarks: `pieces` pieces of independent chains of `rounds` multiply-adds; returns the floating-point
// operations.
double fma_peak(int pieces, int rounds);

}  // namespace IRNN_TARGET

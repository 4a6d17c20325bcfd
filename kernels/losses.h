// The losses of the contract, and the softmax; kernels.h includes this file in the namespace of a target.
// clang-format off: the tables of shapes are aligned by hand.

// Losses over the rows (t, b) with t < lengths[b]. Other rows, and what has no target, get gradient 0 and do not count.
// stats [3] = the sum of the losses; the rows whose arg-max (the first of equals) is the target, 0 but for classes; the
// count of what was summed. A gradient is `scale` times that of this sum.
void softmax_cross_entropy(int T, int B, int K, const int* lengths,
                           const float* logits,   // [T,B,K]
                           const int* y,          // [T,B] class 0 … K-1, or -1: there is none
                           const float* weights,  // [K] or null: what a row of each class counts, 1
                           float scale,           // dlogits = scale · weight · (softmax - onehot)
                           float* dlogits,        // [T,B,K] = or null; may be logits itself
                           double* stats);        // [3] =; counts the weights of rows
void squared_error(int T, int B, int K, const int* lengths,
                   const float* y,        // [T,B,K]
                   const float* target,   // [T,B,K]; NaN: there is none
                   float scale,           // dy = 2 · scale · (y - target)
                   float* dy,             // [T,B,K] = or null; may be y itself
                   double* stats);        // [3] =; counts targets
// e = target - y; q e if e > 0, else (q - 1) e (Koenker & Bassett 1978): least if y is the quantile q of the target.
void pinball(int T, int B, int D, int Q, const int* lengths,
             const float* y,           // [T,B,D,Q]
             const float* target,      // [T,B,D]; NaN: there is none
             const float* quantiles,   // [Q], each above 0 and below 1
             float scale,
             float* dy,                // [T,B,D,Q] = or null; may be y itself. The gradient at e = 0 is 0
             double* stats);           // [3] =; counts Q for each target
// e = y - target; e²/2 if |e| <= delta, else delta (|e| - delta/2) (Huber 1964).
void huber(int T, int B, int K, const int* lengths,
           const float* y,        // [T,B,K]
           const float* target,   // [T,B,K]; NaN: there is none
           float delta,           // above 0
           float scale,
           float* dy,             // [T,B,K] = or null; may be y itself
           double* stats);        // [3] =; counts targets
// -ln of the normal density of the target: s + z²/2 + ln(2π)/2, z = (target - mean) e^-s, where s is the log of the
// deviation, or -7 if that is more. There, s gets no gradient that would lower it.
void gaussian_nll(int T, int B, int D, const int* lengths,
                  const float* y,        // [T,B,D,2]: mean, log of the deviation
                  const float* target,   // [T,B,D]; NaN: there is none
                  float scale,
                  float* dy,             // [T,B,D,2] = or null; may be y itself
                  double* stats);        // [3] =; counts targets
void softmax(int N, int K, const float* logits, float* p);   // p [N,K] =; may be logits itself

// Softmax cross-entropy over more columns than fit in memory at once. Call softmax_scan for each block of K columns,
// which begins at column `first` = 0, …, in ascending order. It leaves in `rows` what softmax_slope needs, and what the
// loss needs: largest + ln sum - target. Columns below `common` belong to every row; of the others, a row has only its
// target. A row with y < 0 does not count: its `rows` are undefined, its gradient is 0.
void softmax_scan(int N, int K, int first, int common,
                  const float* logits,   // [N,K]
                  const int* y,          // [N] column of the target, or -1
                  float* rows);          // [N,4] = if first is 0, else read, then =: the largest logit (NaN if any
                                         // logit is), Σ e^(logit - largest), the target's logit once it has come,
                                         // the column of the largest
void softmax_slope(int N, int K, int first, int common,
                   float* logits,        // [N,K] read, then = scale · (softmax - onehot)
                   const int* y, const float* rows, float scale);

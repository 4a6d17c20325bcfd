// Batches of bytes, laid out as the kernels want them. Where a data set lies is no matter of theirs: this belongs to the host.
#pragma once

#include <cstddef>
#include <cstdint>

// x [T,B] = value[bytes[starts[b] + order[t]]]. The sequences lie far apart, so their lines are asked for before any is read (in a
// scattered order, too: all of a sequence is wanted), and eight are read side by side: 16 x 784 take 4 to 5 µs, in JavaScript 9 to 14.
// On one thread: in pieces over the pool it waits for a worker that may have no core, 45 µs on a busy machine.
inline void gather(int T, int B, const uint8_t* bytes, const int* starts, const int* order, const float* value, float* x) {
  constexpr int LINE = 64, SIDE = 8;
  for (int b = 0; b < B; b++) {
    for (int t = 0; t < T; t += LINE) __builtin_prefetch(bytes + starts[b] + order[t]);
  }
  int b = 0;
  for (; b + SIDE <= B; b += SIDE) {
    const uint8_t* from[SIDE];
    for (int j = 0; j < SIDE; j++) from[j] = bytes + starts[b + j];
    for (int t = 0; t < T; t++) {
      const int at = order[t];
      float* to = x + size_t(t) * B + b;
      float read[SIDE];   // before anything is written: to the compiler, to[] may be among the bytes
      for (int j = 0; j < SIDE; j++) read[j] = value[from[j][at]];
      for (int j = 0; j < SIDE; j++) to[j] = read[j];
    }
  }
  for (; b < B; b++) {
    for (int t = 0; t < T; t++) x[size_t(t) * B + b] = value[(bytes + starts[b])[order[t]]];
  }
}

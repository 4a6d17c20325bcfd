// Lays out batches of bytes for the kernels. They do not know where a data set lies: this belongs to the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

// x [T,B] = value[bytes[starts[b] + order[t]]]. The sequences lie far apart, so their lines are prefetched before any
// is read (in a scattered order too, since all of a sequence is read), and eight sequences are read side by side; if
// steps follow each other in memory, eight bytes at a time. 16 x 784 take 3 to 4 µs (a byte at a time 4 to 5, in
// JavaScript 9 to 14). One thread does it: as pieces of work for the pool it waited for a worker that may have no core,
// 45 µs on a busy machine.
inline void gather(int T, int B, const uint8_t* bytes, const int* starts, const int* order, const float* value,
                   float* x) {
  constexpr int LINE = 64, SIDE = 8, WORD = 8;
  for (int b = 0; b < B; b++) {
    for (int t = 0; t < T; t += LINE) __builtin_prefetch(bytes + starts[b] + order[t]);
  }
  int straight = 0;   // so many steps are read by words
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  bool follows = true;
  for (int t = 0; t < T; t++) follows &= order[t] - order[0] == t;
  if (follows) straight = T / WORD * WORD;
#endif
  int b = 0;
  for (; b + SIDE <= B; b += SIDE) {
    const uint8_t* from[SIDE];
    for (int j = 0; j < SIDE; j++) from[j] = bytes + starts[b + j];
    float* to = x + b;
    // Reads all values of a step before it writes any: for all the compiler knows, to[] overlaps the bytes.
    for (int t = 0; t < straight; t += WORD) {
      uint64_t word[SIDE];
      for (int j = 0; j < SIDE; j++) std::memcpy(&word[j], from[j] + order[t], WORD);
#pragma GCC unroll 8
      for (int i = 0; i < WORD; i++, to += B) {
        float read[SIDE];
        for (int j = 0; j < SIDE; j++) read[j] = value[word[j] >> 8 * i & 255];
        for (int j = 0; j < SIDE; j++) to[j] = read[j];
      }
    }
    for (int t = straight; t < T; t++, to += B) {
      float read[SIDE];
      for (int j = 0; j < SIDE; j++) read[j] = value[from[j][order[t]]];
      for (int j = 0; j < SIDE; j++) to[j] = read[j];
    }
  }
  for (; b < B; b++) {
    for (int t = 0; t < T; t++) x[size_t(t) * B + b] = value[(bytes + starts[b])[order[t]]];
  }
}

// What a processor and its system let programs use. Asked of the processor itself: __builtin_cpu_supports, compiled by
// `zig c++`, denies everything, and half of the speed would be lost without a word.
#pragma once

#if defined(__x86_64__)
#include <cpuid.h>

class Cpu {
 public:
  Cpu() {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return;
    sse42 = c >> 20 & 1;
    const bool fma = c >> 12 & 1, saves = c >> 27 & 1, avx = c >> 28 & 1;
    if (!saves || !avx || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
    const bool f = b >> 16 & 1, dq = b >> 17 & 1, vl = b >> 31 & 1;
    // The registers that the system saves when it goes from one thread to another: 2 and 4 are those of AVX, 32 to 128
    // the others of AVX-512. macOS begins with these when they are used first.
    const unsigned saved = saved_registers();
#if defined(__APPLE__)
    const unsigned others = 0;
#else
    const unsigned others = 0xe0;
#endif
    avx2 = fma && (b >> 5 & 1) && (saved & 6) == 6;
    avx512 = avx2 && f && dq && vl && (saved & others) == others;
  }

  bool sse42 = false, avx2 = false, avx512 = false;   // avx2: with FMA; avx512: F, DQ and VL

 private:
  static unsigned saved_registers() {
    unsigned low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
  }
};
#endif

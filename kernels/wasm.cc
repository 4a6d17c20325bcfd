// The kernels as a WebAssembly module: exports of the same names, one thread, scratch memory from the host's heap.
#define IRNN_TARGET irnn_wasm
#include "simd.h"

namespace irnn_wasm {
#define IRNN_EXPORT(kernel) __attribute__((export_name(#kernel))) decltype(kernel) kernel;
IRNN_KERNELS(IRNN_EXPORT)
}  // namespace irnn_wasm

#include "all.cc"

extern "C" __attribute__((import_module("env"), import_name("scratch"))) void* host_scratch(int slot, unsigned long bytes);

void* irnn_host::scratch(int slot, unsigned long bytes) { return host_scratch(slot, bytes); }

void irnn_host::parallel_for(int n, void (*f)(void*, int), void* context) {
  for (int i = 0; i < n; i++) f(context, i);
}

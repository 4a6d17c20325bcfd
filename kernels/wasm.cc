// The kernels as a WebAssembly module: exports of the same names, scratch memory from the host's heap, instances as
// threads.
//
// A thread is a worker with an instance of the same module on the same memory. A function has the same index in the
// table of every instance, so a pointer to a piece of work is valid in all of them. The pool below lives in that
// memory. With one thread there are no workers, and the memory need not be shared.
#ifdef __wasm_relaxed_simd__
#define IRNN_TARGET irnn_relaxed_simd
#else
#define IRNN_TARGET irnn_simd128
#endif
#include "simd.h"

#define IRNN_EXPORT_NAME(name) __attribute__((export_name(#name)))

namespace IRNN_TARGET {
#define IRNN_EXPORT(kernel) IRNN_EXPORT_NAME(kernel) decltype(kernel) kernel;
IRNN_KERNELS(IRNN_EXPORT)
}   // namespace IRNN_TARGET

#include "all.cc"

extern "C"
    __attribute__((import_module("env"), import_name("scratch"))) void* host_scratch(int slot, unsigned long bytes);

void* irnn_host::scratch(int slot, unsigned long bytes) { return host_scratch(slot, bytes); }

namespace {

// How often a thread looks before it sleeps, about 50 µs: kernels follow each other faster than a sleeper wakes.
constexpr int SPINS = 50000;

template <class T>
T read(const T& word) {
  return __atomic_load_n(&word, __ATOMIC_SEQ_CST);
}
void write(int& word, int value) { __atomic_store_n(&word, value, __ATOMIC_SEQ_CST); }
int add(int& word, int value) { return __atomic_fetch_add(&word, value, __ATOMIC_SEQ_CST); }
// Not inlined: before it optimises a function, V8 11.3 (Node 20) loses the locals of one that waits (seen with
// --no-wasm-tier-up: rnn_backward returned with a wrong stack pointer).
[[gnu::noinline]] void sleep(int& word, int while_it_is) {
  __builtin_wasm_memory_atomic_wait32(&word, while_it_is, -1);
}
void wake(int& word, int sleepers) { __builtin_wasm_memory_atomic_notify(&word, unsigned(sleepers)); }

// A worker that is late or missing delays nobody: the caller takes every piece that is left, and waits only for workers
// that are `active`. A worker makes itself active before it checks that `job` is still the same, and the caller ends a
// job before it checks who is active, so f, context and n never change while a worker uses them.
struct {
  alignas(64) int job = 0;   // odd while pieces are handed out; workers sleep on it
  int sleepers = 0;
  alignas(64) int next = 0;     // piece to take
  alignas(64) int active = 0;   // workers that may be running a piece; the caller sleeps on it
  int crashed = 0;              // a worker whose piece trapped, 1, 2, …
  alignas(64) int workers = 0;
  int may_sleep = 0;   // not the main thread of a browser
  int n = 0;
  void (*f)(void*, int) = nullptr;
  void* context = nullptr;
} pool;

void take() {
  for (int i; (i = add(pool.next, 1)) < pool.n;) pool.f(pool.context, i);
}

void leave() {
  if (add(pool.active, -1) == 1) wake(pool.active, 1);
}

}   // namespace

// To be called before the first kernel: how many workers will call pool_work(), and whether this thread may sleep.
IRNN_EXPORT_NAME(pool_start) void pool_start(int workers, int may_sleep) {
  pool.workers = workers;
  pool.may_sleep = may_sleep;
}

// Ends the job, also one that a trap on this thread left behind; returns when no worker runs a piece of it.
IRNN_EXPORT_NAME(pool_finish) void pool_finish() {
  if (pool.job & 1) write(pool.job, pool.job + 1);
  for (int left, spin = 0; (left = read(pool.active)) > 0; spin++) {
    if (pool.may_sleep && spin >= SPINS) sleep(pool.active, left);
  }
}

// The worker that crashed since the last call, or 0.
IRNN_EXPORT_NAME(pool_crashed) int pool_crashed() { return __atomic_exchange_n(&pool.crashed, 0, __ATOMIC_SEQ_CST); }

// What a worker runs. It ends with a trap only; the worker then calls pool_crash and may call it again.
IRNN_EXPORT_NAME(pool_work) void pool_work() {
  for (int done = 0;;) {
    int job = read(pool.job);
    for (int spin = 0; spin < SPINS && (job == done || !(job & 1)); spin++) job = read(pool.job);
    if (job == done || !(job & 1)) {
      add(pool.sleepers, 1);
      sleep(pool.job, job);
      add(pool.sleepers, -1);
      continue;
    }
    add(pool.active, 1);
    if (read(pool.job) == job) take();
    leave();
    done = job;
  }
}

IRNN_EXPORT_NAME(pool_crash) void pool_crash(int worker) {
  write(pool.crashed, worker);
  leave();
}

[[gnu::noinline]] void irnn_host::parallel_for(int n, void (*f)(void*, int), void* context) {
  if (pool.workers == 0 || n <= 1) {
    for (int i = 0; i < n; i++) f(context, i);
    return;
  }
  pool.f = f;
  pool.context = context;
  pool.n = n;
  write(pool.next, 0);
  write(pool.job, pool.job + 1);
  if (read(pool.sleepers) > 0) wake(pool.job, n - 1);
  take();
  pool_finish();
  if (read(pool.crashed)) __builtin_trap();   // the host reports it
}

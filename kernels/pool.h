// Threads for parallel_for: a pool that spins a little, because a kernel's pieces follow each other within microseconds
// and creating a thread takes 75 µs, and then sleeps, because other programs run too.
#pragma once

#include <atomic>
#include <cstdlib>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "thread.h"

// Flushes denormal floats, which take 20 to 260 times as long as normal ones, to zero while kernels run, but not in
// JavaScript.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(saved_); }

 private:
  unsigned saved_;
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" ::"r"(saved_ | (1ull << 24)));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }

 private:
  unsigned long long saved_;
#endif
};

class Pool {
 public:
  // `threads` includes the caller of run(). There are fewer where the system refuses one.
  explicit Pool(int threads) : workers_(static_cast<Thread*>(std::calloc(threads, sizeof(Thread)))) {
    start(threads - 1);
    if (count_ == threads - 1) return;
    // Leaves some to the host, which may end if it cannot have one: Node does when its pool for files starts, late.
    const int rest = count_ - HOST_THREADS;
    stop();
    start(rest);
  }
  ~Pool() {
    stop();
    std::free(workers_);
  }

  // With the caller of run().
  int threads() const { return count_ + 1; }

  // Ends the threads. run() works alone from then on.
  void stop() {
    gate_.lock();
    stop_ = true;
    generation_++;
    gate_.unlock();
    gate_.wake_all();
    for (int i = 0; i < count_; i++) workers_[i].join();
    count_ = 0;
  }

  void run(int n, void (*f)(void*, int), void* context) {
    if (count_ == 0 || n <= 1) {
      for (int i = 0; i < n; i++) f(context, i);
      return;
    }
    f_ = f;
    context_ = context;
    n_ = n;
    next_.store(0, std::memory_order_relaxed);
    busy_.store(count_, std::memory_order_relaxed);
    gate_.lock();
    generation_.fetch_add(1, std::memory_order_release);
    gate_.unlock();
    if (sleeping_.load() > 0) gate_.wake_all();
    take();
    // Waits until every worker has looked, since the next run changes what they look at. Yields to a worker without a
    // core.
    for (int spin = 0; busy_.load(std::memory_order_acquire) > 0; spin++) {
      if (spin < SPINS) pause();
      else yield();
    }
  }

 private:
  static constexpr int SPINS = 2000;       // about 50 µs
  static constexpr int HOST_THREADS = 4;   // of libuv's pool

  // Starts as many as the system gives, `wanted` at most. There are none before.
  void start(int wanted) {
    stop_ = false;
    generation_ = 0;   // what a thread begins with
    const auto work = [](void* pool) { static_cast<Pool*>(pool)->work(); };
    while (workers_ && count_ < wanted && workers_[count_].start(work, this)) count_++;
  }

  static void pause() {
#if defined(__x86_64__)
    _mm_pause();
#else
    yield();
#endif
  }

  void take() {
    for (int i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < n_;) f_(context_, i);
  }

  void work() {
    FlushDenormals flush;
    for (unsigned seen = 0;;) {
      for (int spin = 0; spin < SPINS && generation_.load(std::memory_order_acquire) == seen; spin++) pause();
      if (generation_.load(std::memory_order_acquire) == seen) {
        gate_.lock();
        sleeping_++;
        while (generation_.load(std::memory_order_acquire) == seen) gate_.wait();
        sleeping_--;
        gate_.unlock();
      }
      seen = generation_.load(std::memory_order_acquire);
      if (stop_) return;
      take();
      busy_.fetch_sub(1, std::memory_order_release);
    }
  }

  Thread* const workers_;   // plain data, which needs no constructor; nullptr where there is no memory
  int count_ = 0;           // of workers that run
  Gate gate_;
  std::atomic<unsigned> generation_{0};
  std::atomic<int> next_{0}, busy_{0}, sleeping_{0};
  bool stop_ = false;
  void (*f_)(void*, int) = nullptr;
  void* context_ = nullptr;
  int n_ = 0;
};

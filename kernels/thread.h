// Threads of the system, and how they wait for each other. Not std::thread: where the system refuses one (a limit on
// processes, no memory for a stack), that throws, and a library that is compiled without exceptions ends its host.
// Without std::mutex and std::condition_variable, an add-on needs no C++ library at all.
#pragma once

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <pthread.h>
#include <sched.h>
#endif

// Lets another thread have this core.
inline void yield() {
#if defined(_WIN32)
  SwitchToThread();
#else
  sched_yield();
#endif
}

// A lock, and threads that sleep until something that it protects has changed.
class Gate {
 public:
  Gate() = default;
  Gate(const Gate&) = delete;
#if defined(_WIN32)
  void lock() { AcquireSRWLockExclusive(&lock_); }
  void unlock() { ReleaseSRWLockExclusive(&lock_); }
  // Sleeps, unlocked. May wake up without a reason.
  void wait() { SleepConditionVariableSRW(&changed_, &lock_, INFINITE, 0); }
  void wake_all() { WakeAllConditionVariable(&changed_); }

 private:
  SRWLOCK lock_ = SRWLOCK_INIT;
  CONDITION_VARIABLE changed_ = CONDITION_VARIABLE_INIT;
#else
  ~Gate() {
    pthread_cond_destroy(&changed_);
    pthread_mutex_destroy(&lock_);
  }
  void lock() { pthread_mutex_lock(&lock_); }
  void unlock() { pthread_mutex_unlock(&lock_); }
  // Sleeps, unlocked. May wake up without a reason.
  void wait() { pthread_cond_wait(&changed_, &lock_); }
  void wake_all() { pthread_cond_broadcast(&changed_); }

 private:
  pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed_ = PTHREAD_COND_INITIALIZER;
#endif
};

// Must stay where it is from start() to join().
class Thread {
 public:
  // Begins work(context) on a thread of its own. False if the system refuses one; there is then nothing to join.
  bool start(void (*work)(void*), void* context) {
    work_ = work;
    context_ = context;
#if defined(_WIN32)
    handle_ = CreateThread(nullptr, 0, run, this, 0, nullptr);
    return handle_ != nullptr;
#else
    return pthread_create(&handle_, nullptr, run, this) == 0;
#endif
  }

  // Waits until it is done.
  void join() {
#if defined(_WIN32)
    WaitForSingleObject(handle_, INFINITE);
    CloseHandle(handle_);
#else
    pthread_join(handle_, nullptr);
#endif
  }

 private:
#if defined(_WIN32)
  static DWORD WINAPI run(void* self) {
    static_cast<Thread*>(self)->work();
    return 0;
  }
  HANDLE handle_;
#else
  static void* run(void* self) {
    static_cast<Thread*>(self)->work();
    return nullptr;
  }
  pthread_t handle_;
#endif
  void work() { work_(context_); }

  void (*work_)(void*);
  void* context_;
};

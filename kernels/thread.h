// A thread of the system. Not std::thread: where the system refuses one (a limit on processes, no memory for a stack),
// that throws, and a library that is compiled without exceptions ends its host.
#pragma once

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <pthread.h>
#endif

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

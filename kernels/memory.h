// Memory of a host, from the C library. Not operator new: an add-on that carries the C++ library for machines that have
// another would offer its operators to the whole process.
#pragma once

#include <cstdlib>
#include <new>
#include <utility>
#if defined(_WIN32)
#include <malloc.h>
#endif

// nullptr where there is no memory.
template <class T, class... Args>
T* make(Args&&... args) {
  void* memory = std::malloc(sizeof(T));
  return memory ? new (memory) T{std::forward<Args>(args)...} : nullptr;
}

template <class T>
void destroy(T* object) {
  object->~T();
  std::free(object);
}

constexpr size_t CACHE_LINE = 64;

// `bytes`, a multiple of a cache line, that begin with one; nullptr where there is no memory.
inline void* cache_lines(size_t bytes) {
#if defined(_WIN32)
  return _aligned_malloc(bytes, CACHE_LINE);
#else
  return std::aligned_alloc(CACHE_LINE, bytes);
#endif
}

inline void free_cache_lines(void* memory) {
#if defined(_WIN32)
  _aligned_free(memory);
#else
  std::free(memory);
#endif
}

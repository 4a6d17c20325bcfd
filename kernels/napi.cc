// Node-API: gives JavaScript the kernels of each instruction set that this processor has. Arguments are unwrapped by
// the kernel's own C++ signature, so a new kernel needs its name in kernels.h and nothing here.
#include <node_api.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <csetjmp>
#include <cstdint>
#include <string_view>

#define IRNN_TARGET irnn_baseline
#include "kernels.h"
#undef IRNN_TARGET
#if defined(__x86_64__)
#define IRNN_TARGET irnn_avx2
#include "kernels.h"
#undef IRNN_TARGET
#define IRNN_TARGET irnn_avx512
#include "kernels.h"
#undef IRNN_TARGET
#endif
#include "cpu.h"
#include "gather.h"
#include "napi_call.h"

void* irnn_host::scratch(int slot, unsigned long bytes) {
  Context& host = *current;
  if (bytes > host.sizes[slot]) {
    free_cache_lines(host.slots[slot]);
    host.slots[slot] = nullptr;
    host.sizes[slot] = 0;
    const size_t rounded = (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    void* memory = cache_lines(rounded);
    if (!memory) {
      host.wanted = rounded;
      std::longjmp(host.refused, 1);
    }
    host.slots[slot] = memory;
    host.sizes[slot] = rounded;
  }
  return host.slots[slot];
}

void irnn_host::parallel_for(int n, void (*f)(void*, int), void* context) { current->pool.run(n, f, context); }

namespace {

void define(napi_env env, napi_value object, const char* name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  napi_set_named_property(env, object, name, function);
}

void define_kernel(napi_env env, napi_value object, const char* name, napi_callback callback, Context* context) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, context, &function);
  napi_set_named_property(env, object, name, function);
  context->references++;
  const auto finalize = [](napi_env, void* data, void*) { release(static_cast<Context*>(data)); };
  napi_add_finalizer(env, function, context, finalize, nullptr, nullptr);
}

[[maybe_unused]] constexpr uint32_t HUGE_PAGE = 1 << 21;   // as in native.ts

// In the order of preference.
const char* const NAMES[] = {"avx512", "avx2", "baseline"};

// Whether this processor has the set, and the add-on its kernels: scripts/build.mjs defines IRNN_HAS_… for what it links.
bool supported(int set) {
#if defined(__x86_64__)
  const Cpu cpu;
  const bool has[] = {cpu.avx512, cpu.avx2, cpu.sse42};
#else
  constexpr bool has[] = {false, false, true};
#endif
  bool linked[] = {false, false, false};
#if defined(IRNN_HAS_AVX512)
  linked[0] = true;
#endif
#if defined(IRNN_HAS_AVX2)
  linked[1] = true;
#endif
#if defined(IRNN_HAS_BASELINE)
  linked[2] = true;
#endif
  return linked[set] && has[set];
}

napi_value text(napi_env env, const char* value) {
  napi_value result;
  napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &result);
  return result;
}

// close(): ends the threads of one backend, and gives its scratch memory back.
napi_value close(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  static_cast<Context*>(data)->close();
  return nullptr;
}

void set_number(napi_env env, napi_value object, const char* name, int value) {
  napi_value number;
  napi_create_int32(env, value, &number);
  napi_set_named_property(env, object, name, number);
}

// create(instructionSet, threads): { kernels, binders, gather, close, threads }; kernels and binders have a function
// for every kernel, `threads` is how many the system gave.
napi_value create(napi_env env, napi_callback_info info) {
  napi_value args[2], kernels, binders, both;
  size_t given = 2, length = 0;
  char name[16] = "";
  int32_t threads = 1;
  napi_get_cb_info(env, info, &given, args, nullptr, nullptr);
  napi_get_value_string_utf8(env, args[0], name, sizeof name, &length);
  napi_get_value_int32(env, args[1], &threads);
  napi_create_object(env, &kernels);
  napi_create_object(env, &binders);
  napi_create_object(env, &both);
  napi_set_named_property(env, both, "kernels", kernels);
  napi_set_named_property(env, both, "binders", binders);
  Context* context = nullptr;
  const std::string_view wanted(name, length);
#define IRNN_DEFINE(kernel)                                                      \
  define_kernel(env, kernels, #kernel, Call<IRNN_TARGET::kernel>::run, context); \
  define_kernel(env, binders, #kernel, Call<IRNN_TARGET::kernel>::bind, context);
  for (int set = 0; set < 3; set++) {
    if (wanted != NAMES[set] || !supported(set)) continue;
    context = make<Context>(threads < 1 ? 1 : threads);
    if (!context) return no_memory(env, sizeof(Context));
#if defined(IRNN_HAS_AVX512)
#define IRNN_TARGET irnn_avx512
    if (set == 0) {
      IRNN_KERNELS(IRNN_DEFINE)
    }
#undef IRNN_TARGET
#endif
#if defined(IRNN_HAS_AVX2)
#define IRNN_TARGET irnn_avx2
    if (set == 1) {
      IRNN_KERNELS(IRNN_DEFINE)
    }
#undef IRNN_TARGET
#endif
#if defined(IRNN_HAS_BASELINE)
#define IRNN_TARGET irnn_baseline
    if (set == 2) {
      IRNN_KERNELS(IRNN_DEFINE)
    }
#undef IRNN_TARGET
#endif
  }
  if (context) {
    define_kernel(env, both, "gather", Call<gather>::run, context);
    define_kernel(env, both, "close", close, context);
    set_number(env, both, "threads", context->pool.threads());
  } else {
    napi_throw_range_error(env, nullptr, "instruction set: expected one of instructionSets");
    return nullptr;
  }
  return both;
}

// place(buffer, alignment): the offset in `buffer` of the first address that is a multiple of `alignment`. If that is
// the size of a huge page, it asks the system for huge pages from there on: a step of a recurrence reads and writes a
// few rows of several arrays of many megabytes, and looking up their small pages took 2.5 % of an LSTM's iteration.
// Memory that has been in use keeps its small pages, and a system without huge pages ignores it.
napi_value place(napi_env env, napi_callback_info info) {
  napi_value args[2], result;
  size_t given = 2, length = 0;
  void* data = nullptr;
  uint32_t alignment = 1;
  napi_get_cb_info(env, info, &given, args, nullptr, nullptr);
  napi_get_arraybuffer_info(env, args[0], &data, &length);
  napi_get_value_uint32(env, args[1], &alignment);
  const uint32_t offset = uint32_t(-reinterpret_cast<uintptr_t>(data) & (alignment - 1));
#if defined(MADV_HUGEPAGE)
  const size_t pages = (length - offset) & ~size_t(4095);
  if (alignment == HUGE_PAGE) madvise(static_cast<char*>(data) + offset, pages, MADV_HUGEPAGE);
#endif
  napi_create_uint32(env, offset, &result);
  return result;
}

}   // namespace

// instructionSets; argumentCounts of all kernels, by which JavaScript sees whether they are those that it was written
// for; create, place.
NAPI_MODULE_INIT() {
  napi_value sets, table;
  napi_create_array(env, &sets);
  for (uint32_t set = 0, n = 0; set < 3; set++) {
    if (supported(int(set))) napi_set_element(env, sets, n++, text(env, NAMES[set]));
  }
  napi_set_named_property(env, exports, "instructionSets", sets);
  napi_create_object(env, &table);
#define IRNN_COUNT(kernel) set_number(env, table, #kernel, int(Call<IRNN_TARGET::kernel>::count));
#define IRNN_TARGET irnn_baseline
  IRNN_KERNELS(IRNN_COUNT)
#undef IRNN_TARGET
  napi_set_named_property(env, exports, "argumentCounts", table);
  define(env, exports, "create", create);
  define(env, exports, "place", place);
  return exports;
}

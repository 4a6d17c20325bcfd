// Node-API: gives JavaScript the kernels of each instruction set this processor has. Arguments are unwrapped from the
// kernel's own C++ signature, so a new kernel needs its line in kernels.h and nothing here.
#include <node_api.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "pool.h"

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
#include "gather.h"

namespace {

// One backend: its threads and scratch memory.
struct Context {
  explicit Context(int threads) : pool(threads) {}
  ~Context() {
    for (void* slot : slots) std::free(slot);
  }
  Pool pool;
  int references = 0;   // functions that point here
  void* slots[2] = {nullptr, nullptr};
  size_t sizes[2] = {0, 0};
};

void release(Context* context) {
  if (--context->references == 0) delete context;
}

thread_local Context* current = nullptr;   // set for the length of one kernel call

}  // namespace

void* irnn_host::scratch(int slot, unsigned long bytes) {
  if (bytes > current->sizes[slot]) {
    std::free(current->slots[slot]);
    const size_t rounded = (bytes + 63) / 64 * 64;
    current->slots[slot] = std::aligned_alloc(64, rounded);
    if (!current->slots[slot]) {   // kernels know no exceptions, and nothing sensible can follow
      std::fprintf(stderr, "irnn: out of memory: a kernel needs %zu bytes of working memory; use a smaller batch or network\n", rounded);
      std::abort();
    }
    current->sizes[slot] = rounded;
  }
  return current->slots[slot];
}

void irnn_host::parallel_for(int n, void (*f)(void*, int), void* context) { current->pool.run(n, f, context); }

namespace {

template <class T>
constexpr napi_typedarray_type type_of = std::is_same_v<T, float>    ? napi_float32_array
                                         : std::is_same_v<T, double> ? napi_float64_array
                                         : std::is_same_v<T, uint8_t> ? napi_uint8_array
                                                                     : napi_int32_array;

// One JavaScript argument as the C++ type the kernel takes. `ok` goes false where it does not fit.
template <class T>
T unwrap(napi_env env, napi_value value, bool& ok) {
  if constexpr (std::is_pointer_v<T>) {
    napi_typedarray_type type;
    void* data = nullptr;
    if (napi_get_typedarray_info(env, value, &type, nullptr, &data, nullptr, nullptr) == napi_ok) {
      ok &= type == type_of<std::remove_const_t<std::remove_pointer_t<T>>>;
      return static_cast<T>(data);
    }
    napi_valuetype kind;
    napi_typeof(env, value, &kind);
    ok &= kind == napi_null;
    return nullptr;
  } else {
    double number = 0;
    ok &= napi_get_value_double(env, value, &number) == napi_ok;
    return static_cast<T>(number);
  }
}

template <auto kernel>
struct Call;
template <class R, class... Args, R (*kernel)(Args...)>
struct Call<kernel> {
  static constexpr size_t count = sizeof...(Args), ROOM = count > 0 ? count : 1;

  using Arguments = std::tuple<Args...>;

  template <size_t... I>
  static Arguments unwrap_all([[maybe_unused]] napi_env env, [[maybe_unused]] napi_value* values, [[maybe_unused]] bool& ok,
                              std::index_sequence<I...>) {   // a kernel without arguments uses none of them
    return Arguments{unwrap<Args>(env, values[I], ok)...};
  }

  // The arguments of a call from JavaScript; throws there, and returns false, where they do not fit.
  static bool read(napi_env env, napi_callback_info info, napi_value* values, Context*& context, Arguments& args) {
    size_t given = count;
    void* data = nullptr;
    napi_get_cb_info(env, info, &given, values, nullptr, &data);
    context = static_cast<Context*>(data);
    bool ok = true;
    args = unwrap_all(env, values, ok, std::make_index_sequence<count>{});
    if (!ok) napi_throw_type_error(env, nullptr, "kernel: expected numbers, and typed arrays of the backend, in the order of kernels.h");
    return ok;
  }

  static napi_value apply(napi_env env, Context* context, const Arguments& args) {
    current = context;
    FlushDenormals flush;
    if constexpr (std::is_void_v<R>) {
      std::apply(kernel, args);
      return nullptr;
    } else {
      napi_value result = nullptr;
      napi_create_double(env, std::apply(kernel, args), &result);
      return result;
    }
  }

  static napi_value run(napi_env env, napi_callback_info info) {
    napi_value values[ROOM];
    Context* context;
    Arguments args;
    return read(env, info, values, context, args) ? apply(env, context, args) : nullptr;
  }

  // What bind() makes: the arguments unwrapped once. `arrays` keeps the typed arrays, and with them their memory, alive; a
  // typed array whose data has been asked for never moves.
  struct Bound {
    Context* context;
    Arguments args;
    napi_ref arrays;
  };

  static napi_value run_bound(napi_env env, napi_callback_info info) {
    void* data = nullptr;
    napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
    const Bound* bound = static_cast<Bound*>(data);
    return apply(env, bound->context, bound->args);
  }

  static napi_value bind(napi_env env, napi_callback_info info) {
    napi_value values[ROOM], list, function;
    Context* context;
    Arguments args;
    if (!read(env, info, values, context, args)) return nullptr;
    napi_create_array_with_length(env, count, &list);
    for (size_t i = 0; i < count; i++) napi_set_element(env, list, uint32_t(i), values[i]);
    Bound* bound = new Bound{context, args, nullptr};
    napi_create_reference(env, list, 1, &bound->arrays);
    napi_create_function(env, nullptr, 0, run_bound, bound, &function);
    context->references++;
    napi_add_finalizer(env, function, bound, [](napi_env env, void* data, void*) {
      Bound* bound = static_cast<Bound*>(data);
      napi_delete_reference(env, bound->arrays);
      release(bound->context);
      delete bound;
    }, nullptr, nullptr);
    return function;
  }
};

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
  napi_add_finalizer(env, function, context, [](napi_env, void* data, void*) {
    release(static_cast<Context*>(data));
  }, nullptr, nullptr);
}

constexpr uint32_t HUGE_PAGE = 1 << 21;   // as in native.ts

// In the order of preference; `baseline` is what every processor of this architecture has.
const char* const NAMES[] = {"avx512", "avx2", "baseline"};

bool supported(int set) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (set == 0) return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (set == 1) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return set == 2;
}

napi_value text(napi_env env, const char* value) {
  napi_value result;
  napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &result);
  return result;
}

// create(instructionSet, threads): { kernels, binders, gather }, two functions for every kernel.
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
#define IRNN_DEFINE(kernel)                                                            \
  define_kernel(env, kernels, #kernel, Call<IRNN_TARGET::kernel>::run, context);       \
  define_kernel(env, binders, #kernel, Call<IRNN_TARGET::kernel>::bind, context);
  for (int set = 0; set < 3; set++) {
    if (wanted != NAMES[set] || !supported(set)) continue;
    context = new Context(threads < 1 ? 1 : threads);
#if defined(__x86_64__)
#define IRNN_TARGET irnn_avx512
    if (set == 0) { IRNN_KERNELS(IRNN_DEFINE) }
#undef IRNN_TARGET
#define IRNN_TARGET irnn_avx2
    if (set == 1) { IRNN_KERNELS(IRNN_DEFINE) }
#undef IRNN_TARGET
#endif
#define IRNN_TARGET irnn_baseline
    if (set == 2) { IRNN_KERNELS(IRNN_DEFINE) }
#undef IRNN_TARGET
  }
  if (context) define_kernel(env, both, "gather", Call<gather>::run, context);
  else {
    napi_throw_range_error(env, nullptr, "instruction set: expected one of instructionSets");
    return nullptr;
  }
  return both;
}

// place(buffer, alignment): how far into `buffer` the first multiple of `alignment` is. From there on huge pages are asked for, if it
// is one: a step of a recurrence reads and writes a few rows of each of several arrays of many megabytes, and looking up their small
// pages took 2.5 % of an LSTM's iteration. Of no avail where the memory has been in use; nothing where the system has none.
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
  if (alignment == HUGE_PAGE) madvise(static_cast<char*>(data) + offset, (length - offset) & ~size_t(4095), MADV_HUGEPAGE);
#endif
  napi_create_uint32(env, offset, &result);
  return result;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value sets;
  napi_create_array(env, &sets);
  for (uint32_t set = 0, n = 0; set < 3; set++) {
    if (supported(int(set))) napi_set_element(env, sets, n++, text(env, NAMES[set]));
  }
  napi_set_named_property(env, exports, "instructionSets", sets);
  define(env, exports, "create", create);
  define(env, exports, "place", place);
  return exports;
}

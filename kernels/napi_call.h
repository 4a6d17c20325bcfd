// A kernel as a function of JavaScript: a backend's threads and memory, and arguments unwrapped by the kernel's
// signature.
#pragma once

#include <node_api.h>

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <tuple>
#include <type_traits>
#include <utility>

#include "memory.h"
#include "pool.h"

namespace {

// One backend: its threads and scratch memory.
//
// Kernels have no exceptions, and memory can run out in the middle of one: scratch() then jumps out of it to `refused`,
// where its call becomes an error of JavaScript. That is sound, for kernels own nothing and have no destructors, and
// only the thread that called a kernel asks for scratch memory.
struct Context {
  explicit Context(int threads) : pool(threads) {}
  ~Context() { close(); }
  // Ends the threads and gives scratch memory back. A kernel that is called afterwards works alone.
  void close() {
    pool.stop();
    for (int slot = 0; slot < 2; slot++) {
      free_cache_lines(slots[slot]);
      slots[slot] = nullptr;
      sizes[slot] = 0;
    }
  }
  Pool pool;
  int references = 0;   // functions that hold it
  void* slots[2] = {nullptr, nullptr};
  size_t sizes[2] = {0, 0};
  size_t wanted = 0;   // bytes that were refused
  std::jmp_buf refused;
};

#if defined(_WIN32)
#define IRNN_SETJMP(buffer) setjmp(buffer)
#else
#define IRNN_SETJMP(buffer) _setjmp(buffer)   // without the signal mask, which takes a call of the system on some
#endif

void release(Context* context) {
  if (--context->references == 0) destroy(context);
}

thread_local Context* current = nullptr;   // during one kernel call

template <class T>
constexpr napi_typedarray_type type_of = std::is_same_v<T, float>     ? napi_float32_array
                                         : std::is_same_v<T, double>  ? napi_float64_array
                                         : std::is_same_v<T, uint8_t> ? napi_uint8_array
                                                                      : napi_int32_array;

// One JavaScript argument as the C++ type that the kernel takes; sets `ok` to false if it does not fit.
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

// As native.ts says it of arrays.
napi_value no_memory(napi_env env, size_t bytes) {
  char text[160];
  constexpr char format[] =
      "native memory: expected room for %zu MiB but the system has less: use a smaller batch, "
      "fewer steps or fewer units";
  std::snprintf(text, sizeof text, format, (bytes + (1 << 20) - 1) >> 20);
  napi_throw_range_error(env, nullptr, text);
  return nullptr;
}

template <auto kernel>
struct Call;
template <class R, class... Args, R (*kernel)(Args...)>
struct Call<kernel> {
  static constexpr size_t count = sizeof...(Args), ROOM = count > 0 ? count : 1;

  using Arguments = std::tuple<Args...>;

  template <size_t... I>
  static Arguments unwrap_all([[maybe_unused]] napi_env env, [[maybe_unused]] napi_value* values,
                              [[maybe_unused]] bool& ok,
                              std::index_sequence<I...>) {   // a kernel without arguments uses none of them
    return Arguments{unwrap<Args>(env, values[I], ok)...};
  }

  // Reads the arguments of a call from JavaScript. If they do not fit, it throws there and returns false.
  static bool read(napi_env env, napi_callback_info info, napi_value* values, Context*& context, Arguments& args) {
    size_t given = count;
    void* data = nullptr;
    napi_get_cb_info(env, info, &given, values, nullptr, &data);
    context = static_cast<Context*>(data);
    bool ok = true;
    args = unwrap_all(env, values, ok, std::make_index_sequence<count>{});
    constexpr char wrong[] = "kernel: expected numbers, and typed arrays of the backend, in the order of kernels.h";
    if (!ok) napi_throw_type_error(env, nullptr, wrong);
    return ok;
  }

  static napi_value apply(napi_env env, Context* context, const Arguments& args) {
    current = context;
    FlushDenormals flush;
    if (IRNN_SETJMP(context->refused)) return no_memory(env, context->wanted);
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

  // What bind() makes: arguments that are unwrapped once. `arrays` keeps the typed arrays and their memory alive; once
  // its data has been asked for, a typed array never moves.
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
    Bound* bound = make<Bound>(context, args, nullptr);
    if (!bound) return no_memory(env, sizeof(Bound));
    napi_create_reference(env, list, 1, &bound->arrays);
    napi_create_function(env, nullptr, 0, run_bound, bound, &function);
    context->references++;
    const auto finalize = [](napi_env env, void* data, void*) {
      Bound* bound = static_cast<Bound*>(data);
      napi_delete_reference(env, bound->arrays);
      release(bound->context);
      destroy(bound);
    };
    napi_add_finalizer(env, function, bound, finalize, nullptr, nullptr);
    return function;
  }
};

}   // namespace

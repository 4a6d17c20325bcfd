// Node-API: a group of ranks that train one network, on MPI. `irnn mpi build` compiles it with the compiler wrapper of
// the MPI that is installed (src/distributed/build.node.ts). Calls come from the thread of JavaScript alone.
//
// A rank that is frozen would let the others wait for ever: a thread watches how long a call takes, and ends the
// process when it takes too long, by which mpirun or srun ends the others.
#include <mpi.h>
#include <node_api.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int STOPPED = 75;      // EX_TEMPFAIL: run it again
constexpr size_t SMALL = 4096;   // bytes that every rank gathers and adds up by itself: one message in place of two

int the_rank = 0;
int the_size = 1;
double limit = 300;                   // seconds that a sum may take
std::atomic<double> patience{300};    // of the call that is under way
std::atomic<int64_t> entered_at{0};   // milliseconds; 0 outside of MPI
std::vector<char> room;               // of sums

int64_t now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

// When ranks begin and end each has other work, data to read and files to write: then they wait a minute at least.
constexpr double APART = 60;

struct Entered {
  explicit Entered(double least = 0) {
    patience = std::max(limit, least);
    entered_at = now();
  }
  ~Entered() { entered_at = 0; }
};

void watch() {
  for (;;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const int64_t since = entered_at;
    if (since == 0 || double(now() - since) < 1000 * patience) continue;
    std::fprintf(stderr,
                 "irnn: expected the other ranks within %g s but one did not come, it is frozen or busy: "
                 "go on with irnn train --resume, or give a longer --rank-timeout\n",
                 patience.load());
    std::fflush(stderr);
    _exit(STOPPED);
  }
}

napi_value failed(napi_env env, int code, const char* call) {
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, text, &length);
  napi_throw_error(env, nullptr, (std::string(call) + ": " + text).c_str());
  return nullptr;
}

#define TRY(call)                                       \
  if (const int code = (call); code != MPI_SUCCESS) {   \
    return failed(env, code, #call);                    \
  }

struct Arguments {
  Arguments(napi_env env, napi_callback_info info) { napi_get_cb_info(env, info, &count, values, nullptr, nullptr); }
  size_t count = 6;
  napi_value values[6] = {};
};

struct Array {
  Array(napi_env env, napi_value value) {
    napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr);
  }
  napi_typedarray_type type = napi_uint8_array;
  size_t length = 0;
  void* data = nullptr;
  MPI_Datatype of() const {
    if (type == napi_float64_array) return MPI_DOUBLE;
    if (type == napi_float32_array) return MPI_FLOAT;
    return type == napi_int32_array ? MPI_INT : MPI_BYTE;
  }
};

void set_number(napi_env env, napi_value object, const char* name, double value) {
  napi_value number;
  napi_create_double(env, value, &number);
  napi_set_named_property(env, object, name, number);
}

void set_text(napi_env env, napi_value object, const char* name, const char* value) {
  napi_value text;
  napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &text);
  napi_set_named_property(env, object, name, text);
}

// init(limit): { rank, size, here, library }; `here` is how many ranks this machine has.
napi_value init(napi_env env, napi_callback_info info) {
  const Arguments given(env, info);
  napi_get_value_double(env, given.values[0], &limit);
  std::thread(watch).detach();
  const Entered entered(APART);
  int level = 0;
  TRY(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &level));
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  TRY(MPI_Comm_rank(MPI_COMM_WORLD, &the_rank));
  TRY(MPI_Comm_size(MPI_COMM_WORLD, &the_size));
  MPI_Comm machine;
  int here = 1;
  TRY(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, the_rank, MPI_INFO_NULL, &machine));
  TRY(MPI_Comm_size(machine, &here));
  TRY(MPI_Comm_free(&machine));
  char library[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  MPI_Get_library_version(library, &length);
  napi_value result;
  napi_create_object(env, &result);
  set_number(env, result, "rank", the_rank);
  set_number(env, result, "size", the_size);
  set_number(env, result, "here", here);
  set_text(env, result, "library", library);
  return result;
}

template <typename T>
void add(T* __restrict to, const T* __restrict from, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] += from[i];
}

// Adds up arrays of `m` in the tree of inTree (src/distributed/group.ts). The sum is left in `own`, one of them at
// whatever place, so that it need not be copied: a + b and b + a are the same bits.
template <typename T>
void add_in_tree(std::vector<T*>& arrays, const T* own, size_t m) {
  const int n = int(arrays.size());
  for (int half = 1; half < n; half *= 2) {
    for (int i = 0; i + half < n; i += 2 * half) {
      if (arrays[i + half] == own) std::swap(arrays[i], arrays[i + half]);
      add(arrays[i], arrays[i + half], m);
    }
  }
}

// Room for `n` numbers. It only grows: what is added to a vector is set to 0, which takes as long as to copy it.
template <typename T>
T* room_for(size_t n) {
  if (room.size() < n * sizeof(T)) room.resize(n * sizeof(T));
  return reinterpret_cast<T*>(room.data());
}

// Each rank adds up a part of the array over all ranks, in a fixed order; MPI_Allreduce chooses an order by sizes and
// by what it knows of the network, and each has other bits.
template <typename T>
int sum_tree(T* array, size_t length, MPI_Datatype type) {
  const int n = the_size;
  std::vector<T*> parts(n);
  if (length * sizeof(T) <= SMALL) {
    T* all = room_for<T>(length * n);
    if (const int code = MPI_Allgather(array, int(length), type, all, int(length), type, MPI_COMM_WORLD)) return code;
    for (int i = 0; i < n; i++) parts[i] = i == the_rank ? array : all + length * i;
    add_in_tree(parts, array, length);
    return MPI_SUCCESS;
  }
  const size_t each = ((length + n - 1) / n + 15) & ~size_t(15);   // whole cache lines
  std::vector<int> counts(n), offsets(n), given(n), taken(n), places(n);
  for (int i = 0; i < n; i++) {
    const size_t from = std::min(length, each * i), to = std::min(length, each * (i + 1));
    counts[i] = int(to - from);
    offsets[i] = int(from);
  }
  const size_t own = counts[the_rank];
  T* others = room_for<T>(own * n);
  for (int i = 0; i < n; i++) {
    const bool self = i == the_rank;   // what a rank has of its own part stays where it is
    given[i] = self ? 0 : counts[i];
    taken[i] = self ? 0 : int(own);
    places[i] = int(own * i);
    parts[i] = self ? array + offsets[i] : others + own * i;
  }
  if (const int code = MPI_Alltoallv(array, given.data(), offsets.data(), type, others, taken.data(), places.data(),
                                     type, MPI_COMM_WORLD)) {
    return code;
  }
  add_in_tree(parts, array + offsets[the_rank], own);
  return MPI_Allgatherv(MPI_IN_PLACE, 0, type, array, counts.data(), offsets.data(), type, MPI_COMM_WORLD);
}

// sumTree(array): floats or doubles.
napi_value sum_tree(napi_env env, napi_callback_info info) {
  const Arguments given(env, info);
  const Array array(env, given.values[0]);
  if (array.length > INT32_MAX) {
    napi_throw_range_error(env, nullptr, "sumTree: expected at most 2^31 - 1 numbers");
    return nullptr;
  }
  if (the_size == 1 || array.length == 0) return nullptr;
  const Entered entered;
  if (array.type == napi_float64_array) {
    TRY(sum_tree(static_cast<double*>(array.data), array.length, MPI_DOUBLE));
  } else {
    TRY(sum_tree(static_cast<float*>(array.data), array.length, MPI_FLOAT));
  }
  return nullptr;
}

// allreduce(array): what MPI makes of it, for the comparison in bench/scale.
napi_value allreduce(napi_env env, napi_callback_info info) {
  const Arguments given(env, info);
  const Array array(env, given.values[0]);
  const Entered entered;
  TRY(MPI_Allreduce(MPI_IN_PLACE, array.data, int(array.length), array.of(), MPI_SUM, MPI_COMM_WORLD));
  return nullptr;
}

// gather(from, counts, into): arrays of one type; counts [size] says how much each rank gives. With `apart`, a fourth
// argument, the place of this rank's own is left as it is.
napi_value gather(napi_env env, napi_callback_info info) {
  const Arguments given(env, info);
  const Array from(env, given.values[0]), counts(env, given.values[1]), into(env, given.values[2]);
  bool apart = false;
  if (given.count > 3) napi_get_value_bool(env, given.values[3], &apart);
  const int* numbers = static_cast<const int*>(counts.data);
  std::vector<int> offsets(the_size);
  size_t all = 0;
  for (int i = 0; i < the_size; i++) {
    offsets[i] = int(all);
    all += size_t(numbers[i]);
  }
  if (all > INT32_MAX || all > into.length || from.length != size_t(numbers[the_rank])) {
    napi_throw_range_error(env, nullptr, "gather: expected counts that fit the arrays, at most 2^31 - 1 numbers");
    return nullptr;
  }
  const Entered entered(APART);
  if (apart) {
    const int own = numbers[the_rank];
    std::vector<int> given_to(the_size, own), at(the_size, 0), taken(numbers, numbers + the_size);
    given_to[the_rank] = taken[the_rank] = 0;
    TRY(MPI_Alltoallv(from.data, given_to.data(), at.data(), from.of(), into.data, taken.data(), offsets.data(),
                      into.of(), MPI_COMM_WORLD));
    return nullptr;
  }
  TRY(MPI_Allgatherv(from.data, numbers[the_rank], from.of(), into.data, numbers, offsets.data(), into.of(),
                     MPI_COMM_WORLD));
  return nullptr;
}

// broadcast(array): what rank 0 has in it, at most 2^31 - 1 bytes.
napi_value broadcast(napi_env env, napi_callback_info info) {
  const Arguments given(env, info);
  const Array array(env, given.values[0]);
  const Entered entered(APART);
  TRY(MPI_Bcast(array.data, int(array.length), array.of(), 0, MPI_COMM_WORLD));
  return nullptr;
}

// close(): waits for all ranks, which may take as long as rank 0 has to write; then MPI is over.
napi_value close(napi_env env, napi_callback_info) {
  const Entered entered(APART);
  TRY(MPI_Barrier(MPI_COMM_WORLD));
  TRY(MPI_Finalize());
  return nullptr;
}

void define(napi_env env, napi_value object, const char* name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  napi_set_named_property(env, object, name, function);
}

}   // namespace

NAPI_MODULE_INIT() {
  define(env, exports, "init", init);
  define(env, exports, "sumTree", sum_tree);
  define(env, exports, "allreduce", allreduce);
  define(env, exports, "gather", gather);
  define(env, exports, "broadcast", broadcast);
  define(env, exports, "close", close);
  return exports;
}

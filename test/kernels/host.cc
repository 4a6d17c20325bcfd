// The kernels of one instruction set in a program of their own: test/support/hosted.ts sends calls, this makes them and
// sends back what the arrays hold. So tests run where Node does not: under an emulator, or built with sanitizers. Compile
// it with -DIRNN_TARGET=irnn_<instruction set> and its flags, as scripts/build.mjs compiles all.cc.
//
// Usage: host <threads> <file to read calls from> <file to write answers to>, both pipes.
//
// A call is the kernel's name in 32 bytes, the count of its arguments and for each argument two doubles, kind and value
// (see Kind), then the content of the arrays. The answer is what the kernel returned, then all arrays. Every array and
// all scratch memory is a block of its own that ends where the array ends: a sanitizer sees any access beyond it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "../../kernels/all.cc"
#include "../../kernels/pool.h"

namespace {

// The value beside each: the number, nothing, the length of the array (3 times), the index of the argument it also is.
enum Kind { NUMBER, NIL, FLOATS, INTS, DOUBLES, SAME };

constexpr int MOST_ARGUMENTS = 32;
constexpr size_t ALIGN = 64;

struct Argument {
  Kind kind;
  double value;
  char* block;   // what to free
  char* data;
  size_t bytes;
};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "host: %s\n", what);
  std::exit(1);
}

Pool* pool;
char* scratch_blocks[2];

// `bytes` that end where their block ends and start `shift` bytes after a multiple of 64.
char* allocate(char*& block, size_t bytes, size_t shift) {
  void* memory = nullptr;
  if (posix_memalign(&memory, ALIGN, shift + bytes > 0 ? shift + bytes : 1) != 0) fail("out of memory");
  block = static_cast<char*>(memory);
  return block + shift;
}

}   // namespace

// A new block for each call, filled with NaN: a kernel may neither expect what another left nor go beyond its size.
void* irnn_host::scratch(int slot, unsigned long bytes) {
  std::free(scratch_blocks[slot]);
  char* data = allocate(scratch_blocks[slot], bytes, 0);
  std::memset(data, 0xff, bytes);
  return data;
}

void irnn_host::parallel_for(int n, void (*f)(void*, int), void* context) { pool->run(n, f, context); }

namespace {

template <class T>
constexpr Kind kind_of = std::is_same_v<T, float> ? FLOATS
                         : std::is_same_v<T, int> ? INTS
                                                  : DOUBLES;

// An argument as the C++ type that the kernel takes.
template <class T>
T unwrap(const Argument& argument) {
  if constexpr (std::is_pointer_v<T>) {
    if (argument.kind != NIL && argument.kind != kind_of<std::remove_const_t<std::remove_pointer_t<T>>>) {
      fail("an argument is not of the kernel's type");
    }
    return reinterpret_cast<T>(argument.data);
  } else {
    if (argument.kind != NUMBER) fail("expected a number");
    return static_cast<T>(argument.value);
  }
}

template <class R, class... Args, size_t... I>
double call(R (*kernel)(Args...), const Argument* arguments, int count, std::index_sequence<I...>) {
  if (count != int(sizeof...(Args))) fail("not as many arguments as the kernel takes");
  FlushDenormals flush;
  if constexpr (std::is_void_v<R>) {
    kernel(unwrap<Args>(arguments[I])...);
    return 0;
  } else {
    return kernel(unwrap<Args>(arguments[I])...);
  }
}

template <class R, class... Args>
double call(R (*kernel)(Args...), const Argument* arguments, int count) {
  return call(kernel, arguments, count, std::index_sequence_for<Args...>{});
}

double call(std::string_view name, const Argument* arguments, int count) {
#define IRNN_CALL(kernel) \
  if (name == #kernel) return call(IRNN_TARGET::kernel, arguments, count);
  IRNN_KERNELS(IRNN_CALL)
  fail("no such kernel");
}

void read(void* to, size_t bytes, FILE* from) {
  if (bytes > 0 && std::fread(to, 1, bytes, from) != bytes) fail("a call was cut off");
}

void write(const void* from, size_t bytes, FILE* to) {
  if (bytes > 0 && std::fwrite(from, 1, bytes, to) != bytes) fail("the answer could not be written");
}

// Reads the arguments, arrays 0, 20, 8, 28, … bytes off a multiple of 64, as models have them at any multiple of 4.
void read_arguments(Argument* arguments, int count, FILE* calls) {
  for (int i = 0; i < count; i++) {
    double pair[2];
    read(pair, sizeof pair, calls);
    arguments[i] = {Kind(int(pair[0])), pair[1], nullptr, nullptr, 0};
  }
  for (int i = 0, arrays = 0; i < count; i++) {
    Argument& argument = arguments[i];
    if (argument.kind == SAME) {
      const Argument& other = arguments[int(argument.value)];
      argument = {other.kind, other.value, nullptr, other.data, 0};
    } else if (argument.kind != NUMBER && argument.kind != NIL) {
      const size_t size = argument.kind == DOUBLES ? sizeof(double) : sizeof(float);
      argument.bytes = size_t(argument.value) * size;
      argument.data = allocate(argument.block, argument.bytes, argument.kind == FLOATS ? arrays++ * 5 % 8 * size : 0);
      read(argument.data, argument.bytes, calls);
    }
  }
}

}   // namespace

int main(int count, char** words) {
  if (count != 4) fail("expected threads, a file of calls and a file for answers");
  Pool threads(std::atoi(words[1]));
  pool = &threads;
  FILE* calls = std::fopen(words[2], "rb");
  FILE* answers = std::fopen(words[3], "wb");
  if (!calls || !answers) fail("cannot open the files");
  for (char name[32]; std::fread(name, 1, sizeof name, calls) == sizeof name;) {
    double wanted;
    read(&wanted, sizeof wanted, calls);
    if (!(wanted <= MOST_ARGUMENTS)) fail("too many arguments");
    Argument arguments[MOST_ARGUMENTS];
    read_arguments(arguments, int(wanted), calls);
    const double returned = call(name, arguments, int(wanted));
    write(&returned, sizeof returned, answers);
    for (int i = 0; i < int(wanted); i++) {
      write(arguments[i].data, arguments[i].bytes, answers);
      std::free(arguments[i].block);
    }
    std::fflush(answers);
  }
  for (char* block : scratch_blocks) std::free(block);
}

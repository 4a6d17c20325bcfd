// oneDNN, the library under PyTorch's and TensorFlow's CPU kernels, used directly: onednn THREADS SECONDS FILE… (the
// protocol is in problem.mjs). Its recurrence primitives run forward and backward over all steps; what is around them (head,
// loss, clip, Adam) is plain code. Weights are kept in its own layout ldigo and reordered where a primitive wants another, as
// they must be after every update.
#include <omp.h>
#include <xmmintrin.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

#include "problem.h"

using namespace dnnl;
using dims = memory::dims;
using tag = memory::format_tag;
using arguments = std::unordered_map<int, memory>;

static engine cpu(engine::kind::cpu, 0);
static stream queue(cpu);
static const auto f32 = memory::data_type::f32;

// A memory of oneDNN that holds `desc`, zeroed.
static memory zeros(const memory::desc& desc) {
  memory m(desc, cpu);
  std::memset(m.get_data_handle(), 0, desc.get_size());
  return m;
}
static float* data(const memory& m) { return static_cast<float*>(m.get_data_handle()); }

// `from` in the layout of `desc`: itself, or a copy that refresh() brings up to date.
struct Reordered {
  memory from, to;
  Reordered(const memory& from, const memory::desc& desc) : from(from), to(from.get_desc() == desc ? from : zeros(desc)) {}
  void refresh() const {
    memory source = from, target = to;
    if (source.get_data_handle() != target.get_data_handle()) reorder(source, target).execute(queue, source, target);
  }
};

// PyTorch's [gates·H, n], its gates in the order oneDNN has them, as ldigo: [n, gates, H].
static void to_ldigo(const Problem& p, int n, const floats& W, float* out) {
  static const int gru[] = {1, 0, 2};   // PyTorch r z n, oneDNN z r n
  for (int g = 0; g < p.gates; g++) {
    const int source = p.cell == GRU ? gru[g] : g;
    for (int h = 0; h < p.H; h++)
      for (int i = 0; i < n; i++) out[(size_t(i) * p.gates + g) * p.H + h] = W[(size_t(source) * p.H + h) * n + i];
  }
}

// Version 3 describes a primitive by the engine and its arguments, version 2 by a descriptor of its own and the engine.
template <class P, class... A>
static typename P::primitive_desc describe(const A&... a) {
#if DNNL_VERSION_MAJOR >= 3
  return {cpu, a...};
#else
  return {typename P::desc(a...), cpu};
#endif
}
template <class P, class Hint, class... A>
static typename P::primitive_desc describe_backward(const Hint& hint, const A&... a) {
#if DNNL_VERSION_MAJOR >= 3
  return {cpu, prop_kind::backward, a..., hint};
#else
  return {typename P::desc(prop_kind::backward, a...), cpu, hint};
#endif
}

struct Primitives {
  primitive forward, backward;
  memory::desc weights[2], backward_weights[2], diff_weights[2], workspace;
};

// The forward and backward primitives of one cell, every layout of weights left to oneDNN.
template <class Forward, class Backward, class... First>
static Primitives make(const Problem& p, int bias_gates, First... first) {
  // The initial state is given, as zeros: without one, oneDNN 2.6 adds something else to the gradient of Whh at the first step.
  const memory::desc none, h0({1, 1, p.B, p.H}, f32, tag::ldnc), x({p.T, p.B, p.I}, f32, tag::tnc), h({p.T, p.B, p.H}, f32, tag::tnc);
  const memory::desc Wxh({1, 1, p.I, p.gates, p.H}, f32, tag::any), Whh({1, 1, p.H, p.gates, p.H}, f32, tag::any);
  const memory::desc bias({1, 1, bias_gates, p.H}, f32, tag::ldgo);
  const auto direction = rnn_direction::unidirectional_left2right;
  typename Forward::primitive_desc f;
  typename Backward::primitive_desc b;
  if constexpr (std::is_same_v<Forward, lstm_forward>) {
    f = describe<Forward>(prop_kind::forward_training, direction, x, h0, h0, Wxh, Whh, bias, h, none, none);
    b = describe_backward<Backward>(f, direction, x, h0, h0, Wxh, Whh, bias, h, none, none,
                                    x, h0, h0, Wxh, Whh, bias, h, none, none);
  } else {
    f = describe<Forward>(prop_kind::forward_training, first..., direction, x, h0, Wxh, Whh, bias, h, none);
    b = describe_backward<Backward>(f, first..., direction, x, h0, Wxh, Whh, bias, h, none,
                                    x, h0, Wxh, Whh, bias, h, none);
  }
  return {Forward(f), Backward(b), {f.weights_layer_desc(), f.weights_iter_desc()}, {b.weights_layer_desc(), b.weights_iter_desc()},
          {b.diff_weights_layer_desc(), b.diff_weights_iter_desc()}, f.workspace_desc()};
}

static Iteration recurrent(Problem& p) {
  const int bias_gates = p.cell == GRU ? 4 : p.gates;
  const Primitives net = p.cell == LSTM  ? make<lstm_forward, lstm_backward>(p, bias_gates)
                         : p.cell == GRU ? make<lbr_gru_forward, lbr_gru_backward>(p, bias_gates)
                                         : make<vanilla_rnn_forward, vanilla_rnn_backward>(p, bias_gates, algorithm::eltwise_relu);
  const memory::desc states({p.T, p.B, p.H}, f32, tag::tnc), inputs({p.T, p.B, p.I}, f32, tag::tnc);
  memory x = zeros(inputs), dx = zeros(inputs), h = zeros(states), dh = zeros(states), workspace = zeros(net.workspace);
  memory bias = zeros({{1, 1, bias_gates, p.H}, f32, tag::ldgo}), dbias = zeros(bias.get_desc());
  std::copy(p.x.begin(), p.x.end(), data(x));
  const int widths[] = {p.I, p.H};
  memory W[2], raw[2], dW[2];   // raw: gradients as the primitive writes them
  std::vector<Reordered> before, after;
  for (int i = 0; i < 2; i++) {
    W[i] = zeros({{1, 1, widths[i], p.gates, p.H}, f32, tag::ldigo});
    raw[i] = zeros(net.diff_weights[i]);
    after.push_back({raw[i], W[i].get_desc()});
    dW[i] = after.back().to;
    to_ldigo(p, widths[i], i == 0 ? p.Wxh : p.Whh, data(W[i]));
    before.push_back({W[i], net.weights[i]});
    before.push_back({W[i], net.backward_weights[i]});
  }
  for (int g = 0; g < bias_gates; g++)
    for (int j = 0; j < p.H; j++) {
      float& b = data(bias)[g * p.H + j];
      if (p.cell != GRU) b = p.bx[g * p.H + j] + p.bh[g * p.H + j];
      else if (g < 2) b = p.bx[(1 - g) * p.H + j] + p.bh[(1 - g) * p.H + j];
      else b = g == 2 ? p.bx[2 * p.H + j] : p.bh[2 * p.H + j];
    }
  auto dheadW = std::make_shared<floats>(p.headW.size()), dheadB = std::make_shared<floats>(p.headB.size());
  auto adam = std::make_shared<Adam>();
  const size_t sizes[] = {size_t(p.I) * p.gates * p.H, size_t(p.H) * p.gates * p.H, size_t(bias_gates) * p.H};
  adam->add(data(W[0]), data(dW[0]), sizes[0]);
  adam->add(data(W[1]), data(dW[1]), sizes[1]);
  adam->add(data(bias), data(dbias), sizes[2]);
  adam->add(p.headW.data(), dheadW->data(), dheadW->size());
  adam->add(p.headB.data(), dheadB->data(), dheadB->size());
  memory h0 = zeros({{1, 1, p.B, p.H}, f32, tag::ldnc}), dh0 = zeros(h0.get_desc()), dc0 = zeros(h0.get_desc());
  arguments forward{{DNNL_ARG_SRC_LAYER, x}, {DNNL_ARG_WEIGHTS_LAYER, before[0].to}, {DNNL_ARG_WEIGHTS_ITER, before[2].to},
                          {DNNL_ARG_BIAS, bias}, {DNNL_ARG_DST_LAYER, h}, {DNNL_ARG_WORKSPACE, workspace}};
  arguments backward{{DNNL_ARG_SRC_LAYER, x}, {DNNL_ARG_WEIGHTS_LAYER, before[1].to}, {DNNL_ARG_WEIGHTS_ITER, before[3].to},
                           {DNNL_ARG_BIAS, bias}, {DNNL_ARG_DST_LAYER, h}, {DNNL_ARG_WORKSPACE, workspace},
                           {DNNL_ARG_DIFF_SRC_LAYER, dx}, {DNNL_ARG_DIFF_WEIGHTS_LAYER, raw[0]}, {DNNL_ARG_DIFF_WEIGHTS_ITER, raw[1]},
                           {DNNL_ARG_DIFF_BIAS, dbias}, {DNNL_ARG_DIFF_DST_LAYER, dh}, {DNNL_ARG_SRC_ITER, h0}, {DNNL_ARG_DIFF_SRC_ITER, dh0}};
  forward[DNNL_ARG_SRC_ITER] = h0;
  if (p.cell == LSTM) {
    forward[DNNL_ARG_SRC_ITER_C] = backward[DNNL_ARG_SRC_ITER_C] = h0;
    backward[DNNL_ARG_DIFF_SRC_ITER_C] = dc0;
  }
  return [=, &p](bool) {
    for (const Reordered& weights : before) weights.refresh();
    net.forward.execute(queue, forward);
    queue.wait();
    const size_t last = size_t(p.T - 1) * p.B * p.H;
    Answer answer;
    answer.loss = head(p, data(h) + last, data(dh) + last, *dheadW, *dheadB);
    // oneDNN adds to the gradients of weights.
    for (const memory& m : {raw[0], raw[1], dbias}) std::memset(m.get_data_handle(), 0, m.get_desc().get_size());
    net.backward.execute(queue, backward);
    for (const Reordered& gradient : after) gradient.refresh();
    queue.wait();
    // PyTorch has two biases with the same gradient where oneDNN has their sum.
    const double twice = 2 * squares(data(dbias), (p.cell == GRU ? 2 : p.gates) * size_t(p.H));
    const double once = p.cell == GRU ? squares(data(dbias) + 2 * p.H, 2 * size_t(p.H)) : 0;
    answer.norm = std::sqrt(squares(data(dW[0]), sizes[0]) + squares(data(dW[1]), sizes[1]) + twice + once +
                            squares(dheadW->data(), dheadW->size()) + squares(dheadB->data(), dheadB->size()));
    adam->update(answer.norm > 1 ? 1 / answer.norm : 1);
    return answer;
  };
}

static Iteration softmax_layer(Problem& p) {
  const int N = p.T * p.B, I = p.I, K = p.K;
  const memory::desc rows({N, I}, f32, tag::ab), logits({N, K}, f32, tag::ab), W({K, I}, f32, tag::ab);
  const memory::desc Wt({I, K}, f32, tag::ba), logitsT({K, N}, f32, tag::ba), bias({1, K}, f32, tag::ab);
  const matmul forward(describe<matmul>(rows, Wt, bias, logits));
  const matmul dWeights(describe<matmul>(logitsT, rows, W)), dInput(describe<matmul>(logits, W, rows));
#if DNNL_VERSION_MAJOR >= 3
  const softmax_forward soft(
      describe<softmax_forward>(prop_kind::forward_inference, algorithm::softmax_accurate, logits, logits, 1));
#else
  const softmax_forward soft(describe<softmax_forward>(prop_kind::forward_inference, logits, 1));
#endif
  memory x(rows, cpu, p.x.data()), w(W, cpu, p.headW.data()), wt(Wt, cpu, p.headW.data()), b(bias, cpu, p.headB.data());
  memory y = zeros(logits), dW = zeros(W), dx = zeros(rows);
  memory yT(logitsT, cpu, y.get_data_handle());
  auto db = std::make_shared<floats>(K);
  return [=, &p](bool check) {
    forward.execute(queue, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, wt}, {DNNL_ARG_BIAS, b}, {DNNL_ARG_DST, y}});
    soft.execute(queue, {{DNNL_ARG_SRC, y}, {DNNL_ARG_DST, y}});
    queue.wait();
    float* d = data(y);
    double loss = 0;
    for (int n = 0; n < N; n++) loss -= std::log(d[size_t(n) * K + int(p.y[n])]);
#pragma omp parallel for
    for (int n = 0; n < N; n++) {
      for (int k = 0; k < K; k++) d[size_t(n) * K + k] /= N;
      d[size_t(n) * K + int(p.y[n])] -= 1.f / N;
    }
#pragma omp parallel for
    for (int k0 = 0; k0 < K; k0 += 1000) {
      const int end = std::min(K, k0 + 1000);
      std::fill(db->begin() + k0, db->begin() + end, 0.f);
      for (int n = 0; n < N; n++)
        for (int k = k0; k < end; k++) (*db)[k] += d[size_t(n) * K + k];
    }
    dWeights.execute(queue, {{DNNL_ARG_SRC, yT}, {DNNL_ARG_WEIGHTS, x}, {DNNL_ARG_DST, dW}});
    dInput.execute(queue, {{DNNL_ARG_SRC, y}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, dx}});
    queue.wait();
    return Answer{float(loss / N), check ? std::sqrt(squares(data(dW), size_t(K) * I) + squares(db->data(), K)) : 0};
  };
}

static double milliseconds(const Iteration& run) {
  const auto start = std::chrono::steady_clock::now();
  run(false);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

int main(int argc, char** argv) {
  omp_set_num_threads(std::atoi(argv[1]));
  const double seconds = std::atof(argv[2]);
#pragma omp parallel
  _mm_setcsr(_mm_getcsr() | 0x8040);   // denormals are zero
  const auto* version = dnnl_version();
  std::printf("{\"version\":\"%d.%d.%d\",\"note\":\"%s\"}\n", version->major, version->minor, version->patch,
              get_effective_cpu_isa() >= cpu_isa::avx512_core ? "AVX-512" : "AVX2 or less");
  std::fflush(stdout);   // said also by a program that is stopped before its first answer
  for (int i = 3; i < argc; i++) {
    try {
      Problem p = read_problem(argv[i]);
      const Iteration run = p.cell == SOFTMAX ? softmax_layer(p) : recurrent(p);
      const Answer answer = run(true);
      run(false);
      std::vector<double> times;
      for (double spent = 0; times.size() < 4 || (spent < 1000 * seconds && times.size() < 5000); spent += times.back())
        times.push_back(milliseconds(run));
      std::sort(times.begin(), times.end());
      std::printf("{\"problem\":%d,\"pass\":\"training\",\"engine\":\"%s\",\"answer\":{\"loss\":%.9g,\"gradNorm\":%.9g},"
                  "\"ms\":{\"best\":%.6g,\"median\":%.6g,\"repeats\":%zu}}\n",
                  i - 3, p.cell == SOFTMAX ? "matmul, softmax" : "its RNN primitives", answer.loss, answer.norm, times.front(),
                  times[(times.size() - 1) / 2], times.size());
    } catch (const std::exception& error) {
      std::printf("{\"problem\":%d,\"pass\":\"training\",\"engine\":\"\",\"failed\":\"%s\"}\n", i - 3, error.what());
    }
    std::fflush(stdout);
  }
}

// What a rival in C++ needs beside its library: the problem's file (the protocol is in problem.mjs) and, in plain loops,
// the head, its loss, and Adam.
#pragma once

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <vector>

using floats = std::vector<float>;

enum Cell { RELU, LSTM, GRU, SOFTMAX };

struct Problem {
  Cell cell;
  int T, B, I, H, K, outputs, gates;
  floats x, y, Wxh, Whh, bx, bh, headW, headB;
};

static Problem read_problem(const char* file) {
  std::ifstream in(file, std::ios::binary);
  int words[12];
  if (!in.read(reinterpret_cast<char*>(words), sizeof words)) throw std::runtime_error("cannot read the problem");
  Problem p{};
  p.cell = Cell(words[2]), p.T = words[3], p.B = words[4], p.I = words[5], p.H = words[6], p.K = words[7];
  p.outputs = std::max(p.K, 1);
  const auto take = [&](size_t n) {
    floats values(n);
    in.read(reinterpret_cast<char*>(values.data()), n * sizeof(float));
    return values;
  };
  p.x = take(size_t(p.T) * p.B * p.I);
  p.y = take(p.B);
  p.gates = p.cell == LSTM ? 4 : p.cell == GRU ? 3 : 1;
  if (p.cell == SOFTMAX) p.H = p.I;
  else {
    const size_t G = size_t(p.gates) * p.H;
    p.Wxh = take(G * p.I), p.Whh = take(G * p.H), p.bx = take(G), p.bh = take(G);
  }
  p.headW = take(size_t(p.outputs) * p.H), p.headB = take(p.outputs);
  return p;
}

// Loss and gradient of the head over the last state h [B,H]: linear, then cross-entropy or squared error.
static float head(const Problem& p, const float* h, float* dh, floats& dW, floats& db) {
  std::fill(dW.begin(), dW.end(), 0.f), std::fill(db.begin(), db.end(), 0.f);
  double loss = 0;
  floats out(p.outputs);
  for (int b = 0; b < p.B; b++) {
    const float* row = h + size_t(b) * p.H;
    for (int k = 0; k < p.outputs; k++) {
      out[k] = p.headB[k];
      for (int j = 0; j < p.H; j++) out[k] += row[j] * p.headW[size_t(k) * p.H + j];
    }
    if (p.K > 0) {
      const float top = *std::max_element(out.begin(), out.end());
      double sum = 0;
      for (float v : out) sum += std::exp(v - top);
      loss += std::log(sum) + top - out[int(p.y[b])];
      for (int k = 0; k < p.K; k++) out[k] = (std::exp(out[k] - top) / sum - (k == int(p.y[b]))) / p.B;
    } else {
      const float off = out[0] - p.y[b];
      loss += off * off, out[0] = 2 * off / p.B;
    }
    for (int j = 0; j < p.H; j++) dh[size_t(b) * p.H + j] = 0;
    for (int k = 0; k < p.outputs; k++) {
      db[k] += out[k];
      for (int j = 0; j < p.H; j++) {
        dW[size_t(k) * p.H + j] += out[k] * row[j];
        dh[size_t(b) * p.H + j] += out[k] * p.headW[size_t(k) * p.H + j];
      }
    }
  }
  return loss / p.B;
}

// Adam with a rate so low that nothing moves; m and v beside each array of weights.
struct Adam {
  struct Part { float* w; const float* g; size_t n; floats m, v; };
  std::vector<Part> parts;
  void add(float* w, const float* g, size_t n) { parts.push_back({w, g, n, floats(n), floats(n)}); }
  void update(float factor) {
    for (Part& part : parts)
      for (size_t i = 0; i < part.n; i++) {
        const float g = factor * part.g[i];
        part.m[i] += 0.1f * (g - part.m[i]);
        part.v[i] += 0.001f * (g * g - part.v[i]);
        part.w[i] -= 1e-9f * part.m[i] / (std::sqrt(part.v[i]) + 1e-8f);
      }
  }
};

struct Answer { float loss = 0; double norm = 0; };
// `check` also wants the norm of the gradients where the iteration itself has no use for it.
using Iteration = std::function<Answer(bool check)>;

static double squares(const float* g, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += double(g[i]) * g[i];
  return sum;
}

"""PyTorch on the CPU: python3 pytorch.py THREADS SECONDS FILE… (the protocol is in problem.mjs).

Every network is done in its ways: torch.nn's module, and a loop over time that TorchScript compiled, with the products over x
done at once. The faster one is timed.
"""
import json
import re
import sys
import time

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

threads, seconds, files = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
torch.set_num_threads(threads)
torch.set_flush_denormal(True)
CELLS = ["relu", "lstm", "gru", "softmax"]


def say(line):
    print(json.dumps(line), flush=True)


def blas():
    """Which BLAS the process has loaded: Debian lets the machine choose."""
    try:
        libraries = re.findall(r"lib(openblas|mkl_rt|blis|blas)[\w.-]*\.so", open("/proc/self/maps").read())
        names = {"openblas": "OpenBLAS", "mkl_rt": "MKL", "blis": "BLIS", "blas": "reference BLAS"}
        for key, name in names.items():
            if key in libraries:
                return name
    except OSError:
        pass
    return "MKL" if torch.backends.mkl.is_available() else "its own BLAS"


@torch.jit.script
def relu_loop(x: torch.Tensor, Wxh: torch.Tensor, Whh: torch.Tensor, bx: torch.Tensor, bh: torch.Tensor):
    a = F.linear(x, Wxh, bx + bh)
    W = Whh.t()
    h = torch.zeros(x.size(1), Whh.size(1))
    for step in a.unbind(0):
        h = torch.relu(torch.addmm(step, h, W))
    return h


@torch.jit.script
def lstm_loop(x: torch.Tensor, Wxh: torch.Tensor, Whh: torch.Tensor, bx: torch.Tensor, bh: torch.Tensor):
    a = F.linear(x, Wxh, bx + bh)
    W = Whh.t()
    h = torch.zeros(x.size(1), Whh.size(1))
    c = torch.zeros(x.size(1), Whh.size(1))
    for step in a.unbind(0):
        i, f, g, o = torch.addmm(step, h, W).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
    return h


@torch.jit.script
def gru_loop(x: torch.Tensor, Wxh: torch.Tensor, Whh: torch.Tensor, bx: torch.Tensor, bh: torch.Tensor):
    a = F.linear(x, Wxh, bx)
    W = Whh.t()
    h = torch.zeros(x.size(1), Whh.size(1))
    for step in a.unbind(0):
        r, z, n = step.chunk(3, 1)
        hr, hz, hn = torch.addmm(bh, h, W).chunk(3, 1)
        z = torch.sigmoid(z + hz)
        n = torch.tanh(n + torch.sigmoid(r + hr) * hn)
        h = n + z * (h - n)
    return h


LOOPS = {"relu": relu_loop, "lstm": lstm_loop, "gru": gru_loop}
MODULES = {"relu": lambda I, H: nn.RNN(I, H, nonlinearity="relu"), "lstm": nn.LSTM, "gru": nn.GRU}


class Problem:
    def __init__(self, file):
        data = np.fromfile(file, dtype=np.float32)
        _, self.index, cell, T, B, I, H, K, input_gradient = (int(v) for v in data.view(np.int32)[:9])
        self.cell, self.classes, self.at, self.data = CELLS[cell], K, 12, data
        outputs = max(K, 1)
        self.x = self.take(T, B, I)
        self.y = self.take(B).long() if K > 0 else self.take(B, 1)
        self.x.requires_grad_(input_gradient == 1)
        head = nn.Linear(I if self.cell == "softmax" else H, outputs)
        self.rnn = None
        if self.cell != "softmax":
            self.rnn = MODULES[self.cell](I, H)
            for p in self.rnn.parameters():
                p.data.copy_(self.take(*p.shape))
        for p in head.parameters():
            p.data.copy_(self.take(*p.shape))
        self.head = head
        self.parameters = [*(self.rnn.parameters() if self.rnn else []), *head.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, lr=1e-9, foreach=True)

    def take(self, *shape):
        n = int(np.prod(shape))
        self.at += n
        return torch.from_numpy(self.data[self.at - n:self.at].copy()).reshape(*shape)

    def loss(self, h):
        out = self.head(h)
        return F.cross_entropy(out, self.y) if self.classes > 0 else F.mse_loss(out, self.y)

    def module(self):
        return self.loss(self.rnn(self.x)[0][-1])

    def loop(self):
        return self.loss(LOOPS[self.cell](self.x, *self.rnn.parameters()))

    def softmax(self):
        return self.loss(self.x[0])

    def ways(self):
        if self.cell == "softmax":
            return {"F.linear, F.cross_entropy": self.softmax}
        return {"torch.nn module": self.module, "TorchScript loop": self.loop}

    def iteration(self, forward):
        """Forward, loss, backward, clip, update; S6 ends after backward."""
        for p in self.parameters:
            p.grad = None
        self.x.grad = None
        loss = forward()
        loss.backward()
        if self.cell == "softmax":
            return loss, None
        norm = nn.utils.clip_grad_norm_(self.parameters, 1)
        self.optimizer.step()
        return loss, norm


def timed(run):
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)


def race(problem):
    chosen = None
    for engine, forward in problem.ways().items():
        run = lambda forward=forward: problem.iteration(forward)
        loss, norm = run()
        if norm is None:
            norm = torch.linalg.vector_norm(torch.cat([p.grad.flatten() for p in problem.parameters]))
        for _ in range(2):  # TorchScript compiles in its first runs
            run()
        ms = timed(run)
        if chosen is None or ms < chosen[0]:
            chosen = (ms, engine, run, {"loss": loss.item(), "gradNorm": norm.item()})
    ms, engine, run, answer = chosen
    times, end = [ms], time.perf_counter() + seconds
    while len(times) < 2 or (time.perf_counter() < end and len(times) < 5000):
        times.append(timed(run))
    times.sort()
    ms = {"best": times[0], "median": times[(len(times) - 1) // 2], "repeats": len(times)}
    say({"problem": problem.index, "pass": "training", "engine": engine, "answer": answer, "ms": ms})


say({"version": torch.__version__, "note": blas()})
for n, file in enumerate(files):
    try:
        race(Problem(file))
    except Exception as error:  # one problem that fails must not hide the others
        say({"problem": n, "pass": "training", "engine": "", "failed": str(error).split("\n")[0]})

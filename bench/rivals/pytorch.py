"""PyTorch on the CPU: python3 pytorch.py THREADS SECONDS FILE… (the protocol is in problem.mjs).

Every network is done in its ways, and the fastest is timed: torch.nn's module; a loop over time that TorchScript
compiled, with the products over x done at once; the same loop around a step that torch.compile compiled; and the whole
loop compiled, where it is short: unrolling 784 steps takes torch.compile many minutes.
"""
import functools
import re

import torch
from torch import nn
import torch.nn.functional as F

from problem import race_all, say, seconds, threads

torch.set_num_threads(threads)
torch.set_flush_denormal(True)

# Compiling takes ten seconds and more a network: not where rows are as short as those of --quick.
COMPILES = seconds >= 0.3 and hasattr(torch, "compile")
LONGEST_UNROLLED = 32


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


def capability():
    """The instruction set of PyTorch's own kernels."""
    return torch.backends.cpu.get_cpu_capability() if hasattr(torch.backends, "cpu") else "AVX2"


# A step takes the products over x and the state, and returns the new state.


def relu_step(a: torch.Tensor, h: torch.Tensor, W: torch.Tensor):
    return torch.relu(torch.addmm(a, h, W))


def lstm_step(a: torch.Tensor, h: torch.Tensor, c: torch.Tensor, W: torch.Tensor):
    i, f, g, o = torch.addmm(a, h, W).chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def gru_step(a: torch.Tensor, h: torch.Tensor, W: torch.Tensor, bh: torch.Tensor):
    r, z, n = a.chunk(3, 1)
    hr, hz, hn = torch.addmm(bh, h, W).chunk(3, 1)
    z = torch.sigmoid(z + hz)
    n = torch.tanh(n + torch.sigmoid(r + hr) * hn)
    return n + z * (h - n)


# A loop over time around a step, which may be compiled; TorchScript finds it in the closure.


def relu_loop(step):
    def loop(x: torch.Tensor, Wxh: torch.Tensor, Whh: torch.Tensor, bx: torch.Tensor, bh: torch.Tensor):
        a = F.linear(x, Wxh, bx + bh)
        W = Whh.t()
        h = torch.zeros(x.size(1), Whh.size(1))
        for one in a.unbind(0):
            h = step(one, h, W)
        return h

    return loop


def lstm_loop(step):
    def loop(x: torch.Tensor, Wxh: torch.Tensor, Whh: torch.Tensor, bx: torch.Tensor, bh: torch.Tensor):
        a = F.linear(x, Wxh, bx + bh)
        W = Whh.t()
        h = torch.zeros(x.size(1), Whh.size(1))
        c = torch.zeros(x.size(1), Whh.size(1))
        for one in a.unbind(0):
            h, c = step(one, h, c, W)
        return h

    return loop


def gru_loop(step):
    def loop(x: torch.Tensor, Wxh: torch.Tensor, Whh: torch.Tensor, bx: torch.Tensor, bh: torch.Tensor):
        a = F.linear(x, Wxh, bx)
        W = Whh.t()
        h = torch.zeros(x.size(1), Whh.size(1))
        for one in a.unbind(0):
            h = step(one, h, W, bh)
        return h

    return loop


STEPS = {"relu": relu_step, "lstm": lstm_step, "gru": gru_step}
LOOPS = {"relu": relu_loop, "lstm": lstm_loop, "gru": gru_loop}
MODULES = {"relu": lambda I, H: nn.RNN(I, H, nonlinearity="relu"), "lstm": nn.LSTM, "gru": nn.GRU}


class Network:
    def __init__(self, problem):
        self.cell, self.T = problem.cell, problem.T
        self.x = torch.from_numpy(problem.x).requires_grad_(problem.input_gradient)
        self.y = torch.from_numpy(problem.y)
        self.classes = problem.K
        self.head = nn.Linear(problem.H or problem.I, max(problem.K, 1))
        self.rnn = MODULES[self.cell](problem.I, problem.H) if self.cell != "softmax" else None
        self.parameters = [*(self.rnn.parameters() if self.rnn else []), *self.head.parameters()]
        for parameter, values in zip(self.parameters, problem.weights.values()):
            parameter.data.copy_(torch.from_numpy(values))
        self.optimizer = torch.optim.Adam(self.parameters, lr=1e-9, foreach=True)

    def loss(self, h):
        out = self.head(h)
        return F.cross_entropy(out, self.y) if self.classes > 0 else F.mse_loss(out, self.y)

    def forwards(self):
        """Each way to the loss."""
        if self.cell == "softmax":
            layer = lambda: self.loss(self.x[0])
            ways = {"F.linear, F.cross_entropy": layer}
            return {**ways, "the same by torch.compile": torch.compile(layer)} if COMPILES else ways
        over = lambda loop: lambda: self.loss(loop(self.x, *self.rnn.parameters()))
        step, loop = STEPS[self.cell], LOOPS[self.cell]
        ways = {
            "torch.nn module": lambda: self.loss(self.rnn(self.x)[0][-1]),
            "TorchScript loop": over(script(loop, step)),
        }
        if COMPILES:
            ways["loop over a step by torch.compile"] = over(loop(torch.compile(step)))
        if COMPILES and self.T <= LONGEST_UNROLLED:
            ways["loop by torch.compile"] = over(torch.compile(loop(step)))
        return ways

    def iteration(self, forward, check):
        """Forward, loss, backward, clip, update; S6 ends after backward."""
        for p in self.parameters:
            p.grad = None
        self.x.grad = None
        loss = forward()
        loss.backward()
        if self.cell == "softmax":
            norm = torch.linalg.vector_norm(torch.cat([p.grad.flatten() for p in self.parameters])) if check else None
        else:
            norm = nn.utils.clip_grad_norm_(self.parameters, 1)
            self.optimizer.step()
        return {"loss": loss.item(), "gradNorm": norm.item()} if check else None


@functools.lru_cache
def script(loop, step):
    return torch.jit.script(loop(step))


def ways(problem):
    network = Network(problem)
    return {
        name: lambda check, forward=forward: network.iteration(forward, check)
        for name, forward in network.forwards().items()
    }


say({"version": torch.__version__.split("+")[0], "note": f"{blas()}, {capability()}"})
race_all(ways)

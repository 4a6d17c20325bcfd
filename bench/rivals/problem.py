"""What the rivals in Python share; the protocol is in problem.mjs."""
import json
import sys
import time

import numpy as np

CELLS = ["relu", "lstm", "gru", "softmax"]
GATES = {"relu": 1, "lstm": 4, "gru": 3}
HEADER = 12  # words before the numbers

threads, seconds, files = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]


class Problem:
    """A problem file: sizes, x [T,B,I], y [B] and the arrays of `weights` in PyTorch's names, order and shapes."""

    def __init__(self, file):
        data = np.fromfile(file, dtype=np.float32)
        _, self.index, cell, self.T, self.B, self.I, self.H, self.K, input_gradient = data.view(np.int32)[:9].tolist()
        self.cell, self.input_gradient = CELLS[cell], input_gradient == 1
        self.data, self.at = data, HEADER
        self.x = self.take(self.T, self.B, self.I)
        y = self.take(self.B)
        self.y = y.astype(np.int64) if self.K > 0 else y.reshape(self.B, 1)
        outputs = max(self.K, 1)
        self.weights = {}
        if self.cell != "softmax":
            G = GATES[self.cell] * self.H
            shapes = {"Wxh": (G, self.I), "Whh": (G, self.H), "bx": (G,), "bh": (G,)}
            self.weights = {name: self.take(*shape) for name, shape in shapes.items()}
        self.weights["headW"] = self.take(outputs, self.H or self.I)
        self.weights["headB"] = self.take(outputs)

    def take(self, *shape):
        n = int(np.prod(shape))
        self.at += n
        return self.data[self.at - n : self.at].reshape(shape).copy()


def say(line):
    print(json.dumps(line), flush=True)


def timed(run):
    start = time.perf_counter()
    run(False)
    return 1000 * (time.perf_counter() - start)


def race(index, ways):
    """Times the fastest of several ways to do an iteration: functions that return their answer if called with True."""
    chosen = None
    for engine, run in ways.items():
        try:
            answer = run(True)
            for _ in range(2):  # compilers do part of their work in the second and third run
                run(False)
            ms = min(timed(run), timed(run))
        except Exception as error:  # a way that fails must not hide the others
            say({"problem": index, "pass": "training", "engine": engine, "failed": str(error).split("\n")[0]})
            continue
        if chosen is None or ms < chosen[0]:
            chosen = (ms, engine, run, answer)
    if chosen is None:
        return
    ms, engine, run, answer = chosen
    times, end = [ms], time.perf_counter() + seconds
    while len(times) < 2 or (time.perf_counter() < end and len(times) < 5000):
        times.append(timed(run))
    times.sort()
    ms = {"best": times[0], "median": times[(len(times) - 1) // 2], "repeats": len(times)}
    say({"problem": index, "pass": "training", "engine": engine, "answer": answer, "ms": ms})


def race_all(ways):
    """`ways` makes the ways of a problem. One problem that fails must not hide the others."""
    for n, file in enumerate(files):
        try:
            problem = Problem(file)
            race(problem.index, ways(problem))
        except Exception as error:
            say({"problem": n, "pass": "training", "engine": "", "failed": str(error).split("\n")[0]})

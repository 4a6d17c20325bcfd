"""Times single steps in PyPI's onnxruntime, for bench/onnxStep.ts.

Arguments: a folder with NAME.onnx, x.bin (float32 [steps,8]) for each name, the names. Prints a JSON object a line: the
version, then for each name microseconds a step of every round, and the last logits.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime

folder, rounds, names = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
print(json.dumps({"version": onnxruntime.__version__}), flush=True)
x = np.fromfile(folder / "x.bin", np.float32).reshape(-1, 1, 1, 8)
for name in names:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])
    outputs = [output.name for output in session.get_outputs()]
    states = [one.name for one in session.get_inputs() if one.name != "x"]
    shapes = {one.name: [1 if size == "B" else size for size in one.shape] for one in session.get_inputs()}
    times = []
    for _ in range(rounds):
        feeds = {state: np.zeros(shapes[state], np.float32) for state in states}
        start = time.perf_counter()
        for step in x:
            feeds["x"] = step
            answer = dict(zip(outputs, session.run(None, feeds)))
            for state in states:
                feeds[state] = answer[f"{state[0]}n"]
        times.append((time.perf_counter() - start) / len(x) * 1e6)
    print(json.dumps({"name": name, "times": times, "logits": answer["logits"].flatten().tolist()}), flush=True)

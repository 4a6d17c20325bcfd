"""Runs ONNX files in PyPI's onnxruntime and onnx.checker, for scripts/check-onnx.mjs.

A line of standard input is {"file": base64, "cases": [{name: {"type", "shape", "data"}}]}; a line of standard output is
{"error": null or text, "outputs": [{name: [numbers]}]}. The first line says the versions.
"""

import base64
import json
import sys

import numpy as np
import onnx
import onnxruntime

TYPES = {"float32": np.float32, "int32": np.int32, "int64": np.int64}
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.log_severity_level = 3
print(json.dumps({"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    file = base64.b64decode(job["file"])
    outputs, error = [], None
    try:
        onnx.checker.check_model(onnx.load_from_string(file), full_check=True)
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        for case in job["cases"]:
            feeds = {
                name: np.array(value["data"], TYPES[value["type"]]).reshape(value["shape"])
                for name, value in case.items()
            }
            answers = session.run(None, feeds)
            outputs.append({name: answer.flatten().tolist() for name, answer in zip(names, answers)})
    except Exception as failure:  # whatever it is, the script shall say it
        error = f"{type(failure).__name__}: {failure}"
    print(json.dumps({"error": error, "outputs": outputs}), flush=True)

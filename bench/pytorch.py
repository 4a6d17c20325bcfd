"""The side of PyTorch of pytorch.ts.

    python3 bench/pytorch.py make DIR     # models, their state dicts, inputs and what PyTorch answers
    python3 bench/pytorch.py keras DIR    # the same of Keras
    python3 bench/pytorch.py back DIR     # loads what irnn saved, as docs/from-pytorch.md says, and answers again
"""

import itertools
import json
import os
import random
import re
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

PREFIXES = ["", "module.", "model.", "_orig_mod.", "net.encoder."]
KINDS = itertools.product(
    ["relu", "tanh", "lstm", "gru"],
    [1, 2, 3],  # layers
    [False, True],  # bidirectional
    [True, False],  # biases
    ["last", "every"],
    [False, True],  # lengths
    [False, True],  # tokens
)


class Network(nn.Module):
    def __init__(self, case):
        super().__init__()
        options = {"num_layers": case["layers"], "bidirectional": case["bidirectional"], "bias": case["biases"]}
        options["batch_first"] = case["batchFirst"]
        width = case["H"] * (2 if case["bidirectional"] else 1)
        if case["tokens"]:
            self.embedding = nn.Embedding(case["V"], case["I"])
        if case["cell"] in ("relu", "tanh"):
            self.layers = nn.RNN(case["I"], case["H"], nonlinearity=case["cell"], **options)
        else:
            self.layers = getattr(nn, case["cell"].upper())(case["I"], case["H"], **options)
        self.fc = nn.Linear(width, case["K"], bias=case["biases"])
        self.case = case

    def forward(self, x, lengths):
        """x [T,B,.], output [T,B,.]"""
        return answers(getattr(self, "embedding", None), self.layers, self.fc, x, lengths, self.case)


def answers(embedding, rnn, head, x, lengths, case):
    x = x if embedding is None else embedding(x)
    turned = (lambda a: a.transpose(0, 1)) if rnn.batch_first else (lambda a: a)
    if lengths:
        packed = pack_padded_sequence(turned(x), torch.tensor(lengths), rnn.batch_first, enforce_sorted=False)
        output, state = rnn(packed)
        output, _ = pad_packed_sequence(output, rnn.batch_first, total_length=len(x))
    else:
        output, state = rnn(turned(x))
    output = turned(output)
    h, c = state if isinstance(state, tuple) else (state, None)
    last = torch.cat([h[-2], h[-1]], dim=1) if case["bidirectional"] else h[-1]
    logits = head(output if case["steps"] == "every" else last)
    return {"logits": logits, "output": output, "h": h, **({} if c is None else {"c": c})}


def drawn():
    draw = random.Random(1)
    for n, (cell, layers, bidirectional, biases, steps, ragged, tokens) in enumerate(KINDS):
        T, B = draw.randint(1, 40), draw.randint(1, 9)
        H, I, K = draw.randint(2, 70), draw.randint(1, 9), draw.randint(2, 7)
        width = H * (2 if bidirectional else 1)
        I = I + 1 if I in (width, K) else I
        yield {
            "name": f"{n}",
            "cell": cell,
            "layers": layers,
            "bidirectional": bidirectional,
            "biases": biases,
            "steps": steps,
            "tokens": tokens,
            "batchFirst": draw.random() < 0.5,
            "prefix": draw.choice(PREFIXES),
            "lengths": [T, *(draw.randint(1, T) for _ in range(B - 1))] if ragged else None,
            **{"T": T, "B": B, "H": H, "I": I, "K": K, "V": 11},
        }


def listed(arrays):
    return {name: array.detach().flatten().tolist() for name, array in arrays.items()}


def make(folder):
    cases = []
    for n, case in enumerate(drawn()):
        torch.manual_seed(n)
        model = Network(case)
        T, B = case["T"], case["B"]
        x = torch.randint(0, case["V"], (T, B)) if case["tokens"] else torch.randn(T, B, case["I"])
        state = {case["prefix"] + name: value.clone() for name, value in model.state_dict().items()}
        save_file(state, folder / f"{case['name']}.safetensors")
        single = listed(model(x, case["lengths"]))
        double = listed(model.double()(x if case["tokens"] else x.double(), case["lengths"]))
        cases.append({**case, "x": x.flatten().tolist(), "float32": single, "float64": double})
    (folder / "cases.json").write_text(json.dumps({"torch": torch.__version__, "cases": cases}))


def snippet(word):
    """The Python of docs/from-pytorch.md that has a word."""
    page = Path(__file__).parent.parent / "docs" / "from-pytorch.md"
    [found] = [code for code in re.findall(r"```python\n(.*?)```", page.read_text(), re.S) if word in code]
    return found


def make_keras(folder):
    """Models of Keras, saved by the Python of docs/from-pytorch.md."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras
    import numpy as np

    cases = []
    kinds = itertools.product(["SimpleRNN", "relu", "GRU", "LSTM"], ["last", "every"], [5, 33])
    for n, (kind, steps, H) in enumerate(kinds):
        keras.utils.set_random_seed(n)
        T, B, I, K = 9, 3, 4, 2
        options = {"activation": "relu"} if kind == "relu" else {}
        layer = getattr(keras.layers, "SimpleRNN" if kind == "relu" else kind)
        rnn = layer(H, return_sequences=steps == "every", bias_initializer="random_normal", **options)
        model = keras.Sequential([keras.Input((None, I)), rnn, keras.layers.Dense(K, bias_initializer="random_normal")])
        x = np.random.default_rng(n).standard_normal((B, T, I)).astype("float32")
        answer = keras.ops.convert_to_numpy(model(x))
        code = snippet("get_weights").replace("keras.safetensors", str(folder / f"keras{n}.safetensors"))
        exec(code, {"model": model})
        turned = answer.swapaxes(0, 1) if steps == "every" else answer
        cell = {"SimpleRNN": "tanh"}.get(kind, kind.lower())
        case = {"cell": cell, "steps": steps, "T": T, "B": B, "logits": turned.flatten().tolist()}
        cases.append({"name": f"keras{n}", **case, "x": x.swapaxes(0, 1).flatten().tolist()})
    (folder / "keras.json").write_text(json.dumps({"keras": keras.__version__, "cases": cases}))


def back(folder):
    """What the documentation says, with the sizes of each model in place of those of its example."""
    stored = json.loads((folder / "cases.json").read_text())
    apart = 0.0
    for case in stored["cases"]:
        rnn = {"relu": "RNN", "tanh": "RNN"}.get(case["cell"], case["cell"].upper())
        more = f", bidirectional={case['bidirectional']}" + (f", nonlinearity='{case['cell']}'" if rnn == "RNN" else "")
        parts = {
            "rnn": f"nn.{rnn}({case['I']}, {case['H']}, {case['layers']}{more})",
            "head": f"nn.Linear({case['H'] * (2 if case['bidirectional'] else 1)}, {case['K']})",
            **({"embedding": f"nn.Embedding({case['V']}, {case['I']})"} if case["tokens"] else {}),
        }
        modules = ", ".join(f'"{name}": {code}' for name, code in parts.items())
        lines = []
        file = str(folder / f"{case['name']}-back.safetensors")
        for line in snippet("load_file").splitlines():
            if line.startswith("model = "):
                line = f"model = nn.ModuleDict({{{modules}}})"
            line = re.sub(r'load_file\(".*?"\)', f"load_file({file!r})", line)
            if line.startswith(("import", "from", "model")):
                lines.append(line)
        scope = {}
        exec("\n".join(lines), scope)
        model = scope["model"]
        x = torch.tensor(case["x"], dtype=torch.int64 if case["tokens"] else torch.float32)
        x = x.reshape((case["T"], case["B"]) if case["tokens"] else (case["T"], case["B"], case["I"]))
        embedding = model["embedding"] if case["tokens"] else None
        again = listed(answers(embedding, model["rnn"], model["head"], x, case["lengths"], case))
        for name, values in case["float32"].items():
            apart = max(apart, *(abs(a - b) for a, b in zip(values, again[name], strict=True)))
    print(json.dumps({"apart": apart}))


if __name__ == "__main__":
    {"make": make, "back": back, "keras": make_keras}[sys.argv[1]](Path(sys.argv[2]))

"""PyTorch's side of a race for labels: python3 labels_pytorch.py FOLDER SEED (the folder: bench/data/labelRace.ts).

A bidirectional GRU on packed sequences, one thread, denormals off. Prints one line of JSON: versions, the number of
parameters and of answers, mean cross-entropy and accuracy on the test part.
"""

import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

folder, seed = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(1)
torch.set_flush_denormal(True)
torch.manual_seed(seed)
with open(f"{folder}/problem.json") as file:
    p = json.load(file)
starts, tokens, targets, training, test = (
    np.fromfile(f"{folder}/{name}", np.int32) for name in ("starts", "tokens", "targets", "training", "test")
)
values = np.fromfile(f"{folder}/values", np.float32).reshape(-1, p["width"] or 1)
EVERY = p["reading"] == "every"


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        embedding = p["embedding"] if p["vocabulary"] else 0
        self.embedding = nn.Embedding(p["vocabulary"], embedding) if embedding else None
        if embedding and p["firstRows"]["kind"] == "uniform":
            nn.init.uniform_(self.embedding.weight, -p["firstRows"]["bound"], p["firstRows"]["bound"])
        self.rnn = nn.GRU(p["width"] + embedding, p["hidden"], bidirectional=True)
        self.head = nn.Linear(2 * p["hidden"], p["classes"])

    def forward(self, x, t, lengths):
        parts = ([x] if p["width"] else []) + ([self.embedding(t)] if self.embedding else [])
        inputs = torch.cat(parts, 2) if len(parts) > 1 else parts[0]
        packed = pack_padded_sequence(inputs, lengths, enforce_sorted=False)
        h, last = self.rnn(packed)
        return self.head(pad_packed_sequence(h)[0]) if EVERY else self.head(torch.cat([last[0], last[1]], 1))


def batch(which):
    lengths = (starts[which + 1] - starts[which]).astype(np.int64)
    T, B = lengths.max(), len(which)
    x = np.zeros((T, B, p["width"]), np.float32)
    t = np.zeros((T, B), np.int64)
    y = np.full((T, B) if EVERY else B, -1, np.int64)
    for b, n in enumerate(which):
        own, length = slice(starts[n], starts[n + 1]), lengths[b]
        if p["width"]:
            x[:length, b] = values[own]
        if p["vocabulary"]:
            t[:length, b] = tokens[own]
        if EVERY:
            y[:length, b] = targets[own]
        else:
            y[b] = targets[n]
    y[y >= p["classes"]] = -1
    return tuple(torch.from_numpy(a) for a in (x, t, lengths)), torch.from_numpy(y).flatten()


network = Network()
optimizer = torch.optim.Adam(network.parameters(), lr=p["rate"])
random = np.random.default_rng(seed)
order = np.empty(0, training.dtype)
for i in range(p["iterations"]):
    for group in optimizer.param_groups:
        group["lr"] = p["rate"] * 0.5 * (1 + math.cos(math.pi * i / p["iterations"]))
    if len(order) < p["batch"]:
        order = np.concatenate([order, random.permutation(training)])
    inputs, y = batch(order[: p["batch"]])
    order = order[p["batch"] :]
    optimizer.zero_grad()
    F.cross_entropy(network(*inputs).reshape(-1, p["classes"]), y, ignore_index=-1).backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1)
    optimizer.step()

loss = right = count = 0
with torch.no_grad():
    for i in range(0, len(test), 32):
        inputs, y = batch(test[i : i + 32])
        logits = network(*inputs).reshape(-1, p["classes"])
        loss += F.cross_entropy(logits, y, ignore_index=-1, reduction="sum").item()
        known = y >= 0
        right += (logits.argmax(1)[known] == y[known]).sum().item()
        count += known.sum().item()
print(
    json.dumps(
        {
            "versions": {"torch": torch.__version__, "python": sys.version.split()[0]},
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "count": count,
            "score": loss / count,
            "accuracy": right / count,
        }
    )
)

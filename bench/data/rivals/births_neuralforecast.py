"""neuralforecast's GRU on births: python3 births_neuralforecast.py SEED FILE.csv HORIZON TEST (bench/data/races.ts).

It gets what makes it good and cheap: the calendar and lags as inputs that are known ahead, one layer of 64 units, 600
steps at 3e-3 with quantile loss, one thread, one training on all before the test part, and no search. Prints one line
of JSON: versions, MASE of its median, and that of the value a week before, by which the split is checked.
"""

import json
import logging
import sys
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import numpy as np
import pandas as pd
import torch
from neuralforecast import NeuralForecast, __version__
from neuralforecast.losses.pytorch import MQLoss
from neuralforecast.models import GRU

SEASON = 7
seed, file, horizon, test = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(1)

rows = pd.read_csv(file, parse_dates=["date"])
data = pd.DataFrame({"unique_id": "births", "ds": rows["date"], "y": rows["births"].astype("float32")})
known = {f"weekday{day}": (data["ds"].dt.weekday == day) for day in range(7)}
turn = 2 * np.pi * data["ds"].dt.dayofyear / 365.2425
for wave in (1, 2, 3):
    known[f"sin{wave}"], known[f"cos{wave}"] = np.sin(wave * turn), np.cos(wave * turn)
for lag in (14, 21, 28, 364):
    known[f"lag{lag}"] = data["y"].shift(lag).bfill()
for name, values in known.items():
    data[name] = values.astype("float32")

model = GRU(
    h=horizon,
    input_size=56,
    encoder_n_layers=1,
    encoder_hidden_size=64,
    futr_exog_list=list(known),
    loss=MQLoss(level=[80]),
    max_steps=600,
    learning_rate=3e-3,
    windows_batch_size=64,
    batch_size=1,
    scaler_type="standard",
    random_seed=seed,
    accelerator="cpu",
    logger=False,
    enable_progress_bar=False,
    enable_model_summary=False,
    enable_checkpointing=False,
)
forecasts = NeuralForecast(models=[model], freq="D").cross_validation(
    data, n_windows=None, test_size=test, val_size=0, step_size=horizon, refit=False
)

y = data["y"].to_numpy(np.float64)
scale = np.abs(y[SEASON:-test] - y[: -test - SEASON]).mean()
week = np.arange(len(y) - test, len(y))
week = week - SEASON * ((week - (len(y) - test)) % horizon // SEASON + 1)
mase = (forecasts["GRU-median"] - forecasts["y"]).abs().mean() / scale
inside = ((forecasts["y"] >= forecasts["GRU-lo-80"]) & (forecasts["y"] <= forecasts["GRU-hi-80"])).mean()
print(
    json.dumps(
        {
            "versions": {"neuralforecast": __version__, "torch": torch.__version__, "python": sys.version.split()[0]},
            "score": float(mase),
            "coverage": float(inside),
            "check": float(np.abs(y[-test:] - y[week]).mean() / scale),
        }
    )
)

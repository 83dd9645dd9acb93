"""Values from R, data, and dense designs: what the models are held against."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

_VALUES = pd.read_csv(Path(__file__).parents[1] / "reference" / "models_core.csv", dtype={"name": str})


def r(case):
    """What R said: name -> value."""
    rows = _VALUES[_VALUES["case"] == case]
    return dict(zip(rows["name"], rows["value"].astype(float), strict=True))


def counts(case, columns):
    """Model counts that the R script wrote down."""
    events, base = r(f"{case}_events"), r(f"{case}_base")
    keys = pd.DataFrame([name.split("/") for name in events], columns=columns)
    return keys.assign(events=list(events.values()), base=[base[name] for name in events])


def made_up(seed, records=3000, levels=(3, 4, 2), *, slope=0.4, children=1500):
    """Records with a group, adjusters that go with it, a child and an event."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["Asian", "Black", "Mixed", "White"], records, p=[0.15, 0.2, 0.1, 0.55])
    frame = pd.DataFrame({"group": group})
    linear = -0.7 + 0.5 * (group == "Black") - 0.3 * (group == "Asian")
    for at, size in enumerate(levels):
        lean = np.where(group == "White", 1.0, 1.6)[:, None] ** (np.arange(size) % 4)
        lean = lean / lean.sum(axis=1, keepdims=True)
        code = (rng.random(records)[:, None] > lean.cumsum(axis=1)).sum(axis=1)
        frame[f"a{at}"] = [f"l{one}" for one in code]
        linear = linear + slope * (code % 4 - 1) * (-1) ** at
    frame["child_id"] = [f"c{one}" for one in rng.integers(0, children, records)]
    frame["event"] = (rng.random(records) < 1 / (1 + np.exp(-linear))).astype(float)
    return frame


def grouped(frame, names):
    """Model counts of records, and each record's pattern."""
    keys = ["group", *names]
    counted = frame.groupby(keys).agg(base=("event", "size"), events=("event", "sum")).reset_index()
    counted["base"] = counted["base"].astype(float)
    pattern = frame[keys].merge(counted.reset_index()[[*keys, "index"]], on=keys, how="left")["index"].to_numpy()
    return counted, pattern


def dense(frame, columns):
    """The design matrix of some columns, written out."""
    parts = [np.ones(len(frame)) if level == "" else (frame[name].to_numpy(dtype=str) == level).astype(float)
             for name, level in columns]  # fmt: skip
    return np.column_stack(parts)

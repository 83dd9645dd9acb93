"""Small counts frames for the tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

NAN = float("nan")

# METHODS check values: 12 of 3,000 against 40 of 30,000
RATES = {"Asian": (0, 500), "Black": (12, 3000), "White": (40, 30000), "Unknown": (5, NAN)}
PROPORTIONS = {"Asian": (3, 20), "Black": (8, 40), "White": (40, 100), "Unknown": (2, 9)}


def counts(rows: dict[str, tuple[float, float]], **keys: str) -> pd.DataFrame:
    """One stratum: group -> (numerator, denominator)."""
    frame = pd.DataFrame(
        {
            "group": list(rows),
            "numerator": [float(value[0]) for value in rows.values()],
            "denominator": [float(value[1]) for value in rows.values()],
        }
    )
    return frame.assign(**keys)


def with_totals(frame: pd.DataFrame) -> pd.DataFrame:
    """The stratum with its rows Known and All, as cells have them."""
    known = frame[frame["group"] != "Unknown"][["numerator", "denominator"]].sum()
    everyone = frame[["numerator", "denominator"]].sum()
    totals = pd.DataFrame([known, everyone]).assign(group=["Known", "All"])
    return pd.concat([frame, totals], ignore_index=True)


def changed(frame: pd.DataFrame, group: str, **values: object) -> pd.DataFrame:
    """A copy in which one group's row has other values."""
    frame = frame.copy()
    for column, default in (("status", "ok"), ("disclosure", "shown")):
        if column not in frame.columns:
            frame[column] = default
    for column, value in values.items():
        frame.loc[frame["group"] == group, column] = value
    return frame


def row(results: pd.DataFrame, group: str, **keys: object) -> pd.Series:
    """The one row of results of this group (and quantity, confidence, ...)."""
    chosen = results["group"] == group
    for name, value in keys.items():
        chosen &= results[name] == value
    assert chosen.sum() == 1, f"{chosen.sum()} rows"
    return results[chosen].iloc[0]


def is_blank(results: pd.Series | pd.DataFrame, *, counts_too: bool = False) -> bool:
    """Whether nothing numeric is left (besides the counts, unless they are asked for)."""
    names = ["estimate", "lower", "upper", "p_value", "q_value"]
    if counts_too:
        names += ["numerator", "denominator", "reference_numerator", "reference_denominator"]
    values = results[names].to_numpy(dtype=float)
    return bool(np.isnan(values).all()) and set(np.atleast_1d(results["method"])) == {""}

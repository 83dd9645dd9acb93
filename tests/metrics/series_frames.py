"""Counts frames of several periods for the tests of trends, charts and changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

PERIODS_AND_MORE = [f"20{year}" for year in range(10, 60)]
PERIODS = PERIODS_AND_MORE[:12]


def series(
    events: Sequence[float], base: Sequence[float] | float, group: str = "Black", **keys: object
) -> pd.DataFrame:
    """One group's counts, one row a period from 2010 on."""
    frame = pd.DataFrame({"group": group, "period": PERIODS_AND_MORE[: len(events)], "numerator": events})
    return frame.assign(numerator=frame["numerator"].astype(float), denominator=np.float64(base), **keys)


def with_status(frame: pd.DataFrame, period: str, **values: object) -> pd.DataFrame:
    """A copy in which the rows of one period have other values."""
    frame = frame.assign(
        **{name: frame.get(name, plain) for name, plain in (("status", "ok"), ("disclosure", "shown"))}
    )
    for name, value in values.items():
        frame.loc[frame["period"] == period, name] = value
    return frame


def wild(seed: int, *, present: float = 0.9, odd: float = 0.03, whole: bool = False) -> pd.DataFrame:
    """Any non-negative counts at all over 12 periods, with gaps, statuses, disclosures and totals that disagree."""
    chance = np.random.default_rng(seed)
    groups = np.array(["Asian", "Black", "White", "Unknown", "Known"])
    shape = (20, len(groups), len(PERIODS))
    measure, group, period = np.nonzero(chance.random(shape) < present)
    size = len(measure)
    scale = 10.0 ** chance.integers(0, 5, (shape[0], 1, 1))[measure, 0, 0]
    rate = chance.random(shape[:2])[measure, group]

    base = np.floor(scale * (1 + chance.random(size)))
    events = (
        chance.binomial(base.astype(int), rate) if whole else np.minimum(base * rate * chance.random(size) * 2, base)
    )
    zeros = chance.random(shape[:2])[measure, group] < 0.2
    events = np.where(zeros | (chance.random(size) < 0.05), 0.0, events)
    base = np.where(chance.random(size) < odd, chance.choice([0.0, np.nan, 1.0], size), base)
    events = np.where((chance.random(size) < odd) & (not whole), np.nan, events)

    def words(plain: str, others: list[str]) -> np.ndarray:
        return np.where(chance.random(size) < odd, chance.choice(others, size), plain)

    return pd.DataFrame(
        {
            "measure": [f"measure {number}" for number in measure],
            "period": np.array(PERIODS)[period],
            "group": groups[group],
            "numerator": events,
            "denominator": base,
            "status": words("ok", ["break", "censored", "not_available"]),
            "disclosure": words("shown", ["rounded", "hidden"]),
        }
    )


def check_results(found: pd.DataFrame, *, limits: bool = True) -> None:
    """What holds of all results: finite where usable, blank elsewhere, nothing of what is hidden."""
    usable = found["status"].isin(["ok", "break"])
    names = ["estimate", *(["lower", "upper"] if limits else []), "numerator", "denominator"]
    numbers = found.loc[usable, names].to_numpy()
    assert np.isfinite(numbers).all()
    assert found.loc[~usable, ["estimate", "lower", "upper", "p_value"]].isna().all(axis=None)
    assert (found.loc[usable, "method"] != "").all()
    assert (found.loc[~usable, "method"] == "").all()
    hidden = found["disclosure"].eq("hidden")
    assert (hidden == (found["status"] == "hidden")).all()
    counts = ["numerator", "denominator", "reference_numerator", "reference_denominator"]
    assert found.loc[hidden, counts].isna().all(axis=None)


def ordered(found: pd.DataFrame) -> pd.DataFrame:
    """Results in the order of their keys."""
    keys = ["measure", "quantity", "period", "group", "reference", "term", "confidence"]
    return found.sort_values(keys, ignore_index=True)

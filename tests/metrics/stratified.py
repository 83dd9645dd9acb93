"""Small counts frames that are split by sex and age band, for the tests of metrics across strata."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import Phase, settings
from hypothesis import strategies as st

from yjd.schema import RESULT_COLUMNS

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.read_csv(REFERENCE / "standardised_counts.csv")
DIMENSIONS = ["sex", "age_band"]
LAWS = settings(max_examples=5, deadline=None)
# a frame drawn from a seed has nothing to shrink
WILD = settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
NUMBERS = ["numerator", "denominator", "reference_numerator", "reference_denominator", "estimate", "lower", "upper"]


def case(name: str) -> pd.DataFrame:
    """Black and White children of one case of the reference values."""
    table = INPUTS[INPUTS["case"] == name]
    sides = [("Black", "a", "A"), ("White", "b", "B")]
    return pd.concat(
        [
            table[DIMENSIONS].assign(group=group, numerator=table[a].astype(float), denominator=table[A].astype(float))
            for group, a, A in sides
        ],
        ignore_index=True,
    )


def standard(name: str) -> pd.DataFrame:
    """The weights of one case."""
    return INPUTS.loc[INPUTS["case"] == name, [*DIMENSIONS, "weight"]]


def crude(frame: pd.DataFrame) -> pd.DataFrame:
    """The strata added up."""
    return frame.groupby("group", as_index=False)[["numerator", "denominator"]].sum()


def at(frame: pd.DataFrame, *, group: str, sex: str, age_band: str, **values: object) -> pd.DataFrame:
    """A copy in which one cell has other values."""
    frame = frame.copy()
    chosen = (frame["group"] == group) & (frame["sex"] == sex) & (frame["age_band"] == age_band)
    assert chosen.sum() == 1
    for name, default in (("status", "ok"), ("disclosure", "shown")):
        if name not in frame.columns:
            frame[name] = default
    for name, value in values.items():
        frame.loc[chosen, name] = value
    return frame


@st.composite
def strata(draw: st.DrawFn, *, least: int = 0) -> pd.DataFrame:
    """Three groups in four strata, with events that are part of the bases."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = [(g, s, a) for g in ("Asian", "Black", "White") for s in ("Female", "Male") for a in ("10-14", "15-17")]
    frame = pd.DataFrame(rows, columns=["group", *DIMENSIONS])
    frame["denominator"] = chance.integers(20, 400, len(rows)).astype(float)
    rate = draw(st.sampled_from([0.02, 0.3, 0.9]))
    frame["numerator"] = np.maximum(chance.binomial(frame["denominator"].to_numpy(dtype=int), rate), least).astype(
        float
    )
    return frame


@st.composite
def wild(draw: st.DrawFn) -> pd.DataFrame:
    """Any non-negative counts at all in 30 periods, with gaps, statuses, disclosures, and totals that do not agree."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = ["Asian", "Black", "White", "Unknown", "Known", "All"]
    keys = pd.MultiIndex.from_product(
        [[f"period {number}" for number in range(30)], ["Female", "Male", "Unknown"], ["10-14", "15-17"], names]
    ).to_frame(index=False, name=["period", "sex", "age_band", "group"])
    frame = keys[chance.random(len(keys)) < draw(st.sampled_from([0.6, 0.95, 1.0]))].reset_index(drop=True)
    size, odd = len(frame), draw(st.sampled_from([0.0, 0.02, 0.2]))

    def numbers(top: int) -> np.ndarray:
        small, large = chance.integers(0, top, size).astype(float), chance.random(size).round(4) * 1e6
        kinds = chance.choice([0, 1, 2, 3], size, p=[0.1, 0.83, 0.05, 0.02])
        return kinds.choose([0.0, small, large, np.nan])

    def words(plain: str, others: list[str]) -> np.ndarray:
        return np.where(chance.random(size) < odd, chance.choice(others, size), plain)

    return frame.assign(
        numerator=numbers(draw(st.sampled_from([8, 60]))),
        denominator=numbers(draw(st.sampled_from([60, 900]))),
        status=words("ok", ["break", "censored", "not_available", "something_else"]),
        disclosure=words("shown", ["rounded", "hidden"]),
    )


def check_table(found: pd.DataFrame, statuses: set[str], *, limits: bool = True) -> None:
    """What holds of every results table."""
    assert tuple(found.columns) == RESULT_COLUMNS
    assert set(found["status"]) <= statuses
    usable = found["status"].isin(["ok", "break"])
    numbers = found.loc[usable, ["estimate", "lower", "upper"] if limits else ["estimate", "p_value"]].to_numpy()
    assert np.isfinite(numbers).all()
    if limits:
        slack = 1e-9 * (1 + np.abs(numbers[:, 0]))
        assert (numbers[:, 1] <= numbers[:, 0] + slack).all()
        assert (numbers[:, 0] <= numbers[:, 2] + slack).all()
    assert found.loc[~usable, ["estimate", "lower", "upper", "p_value"]].isna().all(axis=None)
    assert (found.loc[usable, "method"] != "").all()
    assert ((found["status"] == "hidden") == found["disclosure"].eq("hidden")).all()
    assert found.loc[found["status"] == "hidden", NUMBERS].isna().all(axis=None)


STATUSES = {
    "ok", "break", "no_events", "no_reference", "no_denominator", "inconsistent", "not_available", "censored",
    "hidden", "too_few",
}  # fmt: skip

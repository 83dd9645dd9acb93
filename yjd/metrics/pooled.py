"""Counts added up: over periods, and over the parts of a dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from yjd.errors import EstimationError
from yjd.metrics.counts import CHILD_SUMS, STRATUM, USABLE, prepare
from yjd.schema import DISCLOSURES, HIDDEN

_STATUSES = ("ok", "break", "censored", "not_available")  # from best to worst


def pooled(counts: pd.DataFrame, *, periods: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Counts of longer periods, each the sum of shorter ones, so that small numbers can be looked at together.

    Events and stocks of children add up to events and child-years: three years of arrests over three years of
    population is a rate for each child-year. **Children who are counted once a year do not add up to
    children**: one who comes in all three years is counted three times, the sum is of children in each year,
    and intervals that take children to be independent are too narrow. Where records are at hand, count the
    longer period itself instead. Sums of squares and products of repeat children do not add either, and are
    left out.

    Parameters
    ----------
    counts : DataFrame
        As for `rate`.
    periods : mapping of str to sequence of str
        Names of new periods, and the periods that each is the sum of: ``{"2021-24": ["2021-22", "2022-23",
        "2023-24"]}``. A period may be part of several.

    Returns
    -------
    DataFrame
        A counts frame of the new periods alone; put it below the first for both. A row has the worst status and
        the most closed disclosure of its members, and blank counts where it is hidden or has none; it is
        not_available where a member has no row.

    Raises
    ------
    EstimationError
        If a new period is named like one that is there, has no members or names one twice, or the counts are
        not counts.
    """
    frame = prepare(counts)
    members = _members(frame, periods)
    parts = frame.merge(members, on="period", how="inner").drop(columns="period").rename(columns={"new": "period"})
    whole = added_up(parts, (*STRATUM, "group")).drop(columns=list(CHILD_SUMS))
    wanted = members.groupby("new", sort=False)["period"].size()
    missing = whole["parts"].to_numpy() < wanted.reindex(whole["period"]).to_numpy(dtype=np.float64)
    whole.loc[missing, "status"] = "not_available"
    whole.loc[missing, ["numerator", "denominator"]] = np.nan
    return whole.drop(columns="parts")


def added_up(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Sum a prepared counts frame to these keys, in order of first appearance.

    The column `parts` is the number of rows in each sum. Status is the worst, disclosure the most closed; a
    hidden sum and one without a usable status have no counts. Sums over children add up if each child is in one
    row only, which is the caller's to say.
    """
    counts = ["numerator", "denominator", *CHILD_SUMS]
    ranked = frame[[*keys, *counts]].assign(
        status=_place(frame["status"], _STATUSES), disclosure=_place(frame["disclosure"], DISCLOSURES), parts=1
    )
    # a sum with a part that is absent is absent
    absent = [f"no_{name}" for name in counts]
    ranked[absent] = frame[counts].isna().to_numpy()
    grouped = ranked.groupby(list(keys), sort=False)
    whole = grouped[[*counts, "parts"]].sum()
    worst = grouped[["status", "disclosure", *absent]].max()
    whole["status"] = np.array(_STATUSES)[worst["status"].to_numpy(dtype=np.intp)]
    whole["disclosure"] = np.array(DISCLOSURES)[worst["disclosure"].to_numpy(dtype=np.intp)]
    blank = (whole["disclosure"].isin(HIDDEN) | ~whole["status"].isin(USABLE)).to_numpy(dtype=bool)
    for name in counts:
        whole.loc[blank | worst[f"no_{name}"].to_numpy(dtype=bool), name] = np.nan
    order = [*keys, *counts, "status", "disclosure", "parts"]
    return whole.reset_index()[order].astype({"status": "str", "disclosure": "str"})


def _place(values: pd.Series, order: Sequence[str]) -> np.ndarray:
    """Place of each value in the order; a status that is not in it counts as not_available, the last."""
    words = values.to_numpy(dtype=str)
    return np.select([words == word for word in order], list(range(len(order))), len(order) - 1)


def _members(frame: pd.DataFrame, periods: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    listed = [(new, member) for new, members in periods.items() for member in members]
    table = pd.DataFrame(listed, columns=["new", "period"], dtype="str")
    if any(isinstance(members, str) or not len(members) for members in periods.values()) or table.duplicated().any():
        raise EstimationError(
            "A pooled period needs a list of periods, each named once.", 'Write {"2021-23": ["2021-22", "2022-23"]}.'
        )
    if frame["period"].isin(list(periods)).any():
        raise EstimationError("A pooled period has the name of a period of the counts.", "Give it another name.")
    return table

"""Ethnicity by sex, age, area and deprivation together, from counts of the finest kind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from yjd.metrics.counts import EVERYONE, OTHERS, STRATUM, Kind, check_kind, check_per, confidence_levels, prepare
from yjd.metrics.pooled import added_up
from yjd.metrics.rates import rate
from yjd.metrics.relative import relative_rate
from yjd.metrics.strata import check_over
from yjd.schema import ALL, SPLITS


def intersections(
    counts: pd.DataFrame,
    *,
    kind: Kind,
    per: float = 1.0,
    by: Sequence[str] = ("sex", "age_band"),
    reference: str = "White",
    confidence: float | Sequence[float] = 0.95,
) -> pd.DataFrame:
    """Rate of each group in each stratum, and its ratio to the reference's in the same stratum.

    Quantities rate and rri, with the intervals and statuses that `rate` and `relative_rate` give. Nothing is
    smoothed: most strata are small, so read the intervals, not the ranks, and expect some of many to be
    extreme by chance.

    Parameters
    ----------
    counts : DataFrame
        As for `rate`. Rows split by exactly `by` are used as they are; where a measure, period and level has none,
        the rows split by `by` and least besides are added up to them. A row marked All is never added to its
        parts. Counts that leave out cells of 0 are fine: what has no row adds nothing. A base that is blank makes
        the whole blank: write 0 where a part has none. Sums over repeat children are added up too, as if each
        child stayed in one part.
    kind : {"proportion", "rate"}
        Whether the numerator is part of the base.
    per : float
        Scale of the rates, such as 1000.
    by : sequence of str
        Any of `yjd.schema.SPLITS`.
    reference : str
        As for `relative_rate`; ratios are given in the levels where a named reference is a group at all.
    confidence : float or sequence of float
        One or more levels; each level is a row.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`; first all rates, then all ratios. A sum is hidden if any of its
        parts is, and has the worst status of its parts.

    Raises
    ------
    EstimationError
        If columns are missing, a count is negative, rows repeat a key, or an option has no meaning.
    """
    check_kind(kind)
    check_per(per)
    confidence_levels(confidence)
    cells = summed_to(counts, check_over(by))
    against = cells
    if reference not in (OTHERS, EVERYONE):
        against = cells[cells["level"].isin(cells.loc[cells["group"] == reference, "level"].unique())]
    return pd.concat(
        [
            rate(cells, kind=kind, per=per, confidence=confidence),
            relative_rate(against, kind=kind, reference=reference, confidence=confidence),
        ],
        ignore_index=True,
    )


def summed_to(counts: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Counts split by exactly these dimensions, added up from finer rows where they are not there as they are.

    A counts frame like the one given, with every key.
    """
    frame = prepare(counts)
    split = np.stack([(frame[name] != ALL).to_numpy(dtype=bool) for name in SPLITS], axis=1)
    wanted = np.array([name in by for name in SPLITS])
    fine_enough = (split | ~wanted).all(axis=1)
    frame, split = frame[fine_enough], split[fine_enough]
    # the fewest dimensions besides `by`; of two ways to split as finely, the one that comes first in SPLITS
    pattern = split.sum(axis=1) * 2 ** len(SPLITS) + split @ (2 ** np.arange(len(SPLITS)))
    coarsest = pd.Series(pattern, index=frame.index).groupby([frame[k] for k in ("measure", "period", "level")])
    frame = frame[pattern == coarsest.transform("min").to_numpy()]
    others = dict.fromkeys((name for name in SPLITS if name not in by), ALL)
    return added_up(frame.assign(**others), (*STRATUM, "group")).drop(columns="parts")

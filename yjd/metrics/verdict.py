"""Whether missing ethnicity alone could explain a difference."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.errors import EstimationError
from yjd.metrics.counts import USABLE, first_reason
from yjd.schema import RESULT_COLUMNS, RESULT_KEYS

VERDICTS: Mapping[int, str] = MappingProxyType({  # estimate of missing_explains: the sentence for readers
    1: "The missing ethnicity alone could explain this difference.",
    0: "The missing ethnicity alone could not explain this difference.",
})  # fmt: skip


_KEYS = [name for name in RESULT_KEYS if name not in ("quantity", "confidence")]


def missing_verdict(results: pd.DataFrame) -> pd.DataFrame:
    """Could the missing ethnicity alone explain a difference? (quantity missing_explains).

    Parameters
    ----------
    results : DataFrame
        Results that hold rows of quantity rri and rri_bounds; others are not used.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`, one row for each row of rri, so for each level of confidence. The
        estimate is 1 where the complete cases differ from the reference (the interval of rri lies on one side
        of 1) and some way to give every unknown child a group leaves no difference or turns it round (the hard
        bounds reach 1), and 0 where no way does. Status no_difference where the interval of rri holds 1, so
        that there is nothing to explain; otherwise that of rri or, if rri has an estimate, of the bounds, and
        not_available where there are no bounds. `VERDICTS` says it in words.
    """
    missing = [name for name in RESULT_COLUMNS if name not in results.columns]
    if missing:
        raise EstimationError(f"The results have no column {', '.join(missing)}.", "Give rows of the results table.")
    ratio = results[results["quantity"] == "rri"].reset_index(drop=True)
    bounds = results.loc[results["quantity"] == "rri_bounds", [*_KEYS, "lower", "upper", "status"]]
    place = _places(ratio, bounds)
    lower, upper = (ratio[name].to_numpy(dtype=np.float64) for name in ("lower", "upper"))
    # the place -1, of a row without bounds, is what is added at the end
    hard_lower, hard_upper = (
        np.append(bounds[name].to_numpy(dtype=np.float64), np.nan)[place] for name in ("lower", "upper")
    )
    own = ratio["status"].to_numpy(dtype=str)
    hard = np.append(bounds["status"].to_numpy(dtype=str), "not_available")[place]
    above, below = lower > 1, upper < 1
    status = first_reason(
        [
            (~np.isin(own, USABLE), own),
            (~(above | below), "no_difference"),
            (~np.isin(hard, USABLE), hard),
            ((own == "break") | (hard == "break"), "break"),
        ],
        "ok",
    )
    usable = np.isin(status, USABLE)
    explains = (above & (hard_lower <= 1)) | (below & (hard_upper >= 1))
    verdict = ratio.assign(
        quantity="missing_explains",
        estimate=np.where(usable, explains, np.nan),
        status=status,
        disclosure=np.where(status == "hidden", "hidden", ratio["disclosure"].to_numpy(dtype=str)),
        method=np.where(usable, "bounds", ""),
        **dict.fromkeys(("lower", "upper", "p_value", "q_value"), np.nan),
    )
    counts = ["numerator", "denominator", "reference_numerator", "reference_denominator"]
    verdict.loc[np.isin(status, ("hidden", "not_available", "censored")), counts] = np.nan
    text = dict.fromkeys(("quantity", "method", "status", "disclosure"), "str")
    return verdict.astype(text)[list(RESULT_COLUMNS)]


def _places(ratio: pd.DataFrame, bounds: pd.DataFrame) -> NDArray[np.intp]:
    """For every ratio the place of its bounds, -1 where there are none."""
    ratio, bounds = ratio[_KEYS], bounds[_KEYS].reset_index(drop=True)
    if len(bounds) and len(ratio) % len(bounds) == 0:
        # as the metrics lay them out: in one order, with the levels of a ratio next to each other
        place = np.arange(len(bounds)).repeat(len(ratio) // len(bounds))
        listed = bounds if len(ratio) == len(bounds) else bounds.take(place)
        if all((ratio[name].array == listed[name].array).all() for name in _KEYS):
            return place
    found = ratio.merge(bounds.assign(place=np.arange(len(bounds))), on=_KEYS, how="left", validate="many_to_one")[
        "place"
    ]
    return found.fillna(-1).to_numpy(dtype=np.intp)

"""P-values adjusted for how many comparisons were made, within declared families."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.errors import EstimationError
from yjd.metrics.intervals import FloatArray
from yjd.schema import RESULT_KEYS

Adjustment = Literal["bh", "by", "holm"]

FAMILY = ("measure", "quantity", "period", "reference", "level")
COMPARISONS = ("rri",)


def adjust(
    results: pd.DataFrame,
    *,
    families: Sequence[str] = FAMILY,
    quantities: Sequence[str] = COMPARISONS,
    method: Adjustment = "bh",
) -> pd.DataFrame:
    """Fill q_value: each p-value adjusted for the other comparisons of its family.

    Parameters
    ----------
    results : DataFrame
        Columns of the results table; it is not changed.
    families : sequence of str
        Keys of the results table. Rows that share these, and the level of confidence, are one family: by default
        all groups, areas and other splits of one measure, quantity, period, reference and level of the
        classification. The level of confidence always counts as a key, since the same comparison stands once
        under each.
    quantities : sequence of str
        Quantities whose p-values are adjusted; q_value of all other rows stays as it is.
    method : {"bh", "by", "holm"}
        Benjamini and Hochberg (1995): the share of false findings among all findings, for comparisons that are
        independent or lean the same way. Benjamini and Yekutieli (2001): the same however they depend on each
        other, at a price. Holm (1979): the chance of a single false finding.

    Returns
    -------
    DataFrame
        A copy with the q-values. A row without a p-value takes no part: it has none, and does not count.

    Raises
    ------
    EstimationError
        If a column is missing, a family is not made of keys, or the method is not one of the three.
    """
    _check(results, families, method)
    adjusted = results.copy()
    p_value = results["p_value"].to_numpy(dtype=np.float64, na_value=np.nan)
    wanted = results["quantity"].isin(list(quantities)).to_numpy(dtype=bool)
    chosen = np.flatnonzero(wanted & ~np.isnan(p_value))
    q_value = results["q_value"].to_numpy(dtype=np.float64, na_value=np.nan).copy()
    q_value[wanted] = np.nan
    keys = list(dict.fromkeys([*families, "confidence"]))
    family = results.iloc[chosen].groupby(keys, sort=False, dropna=False).ngroup().to_numpy().astype(np.intp)
    q_value[chosen] = adjusted_p(p_value[chosen], family, method)
    adjusted["q_value"] = q_value
    return adjusted


def adjusted_p(p_value: FloatArray, family: NDArray[np.intp], method: Adjustment) -> FloatArray:
    """Adjust p-values within families, all at once.

    Parameters
    ----------
    p_value : array, shape (comparisons,)
        Without gaps.
    family : array of int, shape (comparisons,)
        The number of each comparison's family, from 0 without gaps.
    method : {"bh", "by", "holm"}
        See `adjust`.
    """
    order = np.lexsort((p_value, family))
    ordered, within = p_value[order], family[order]
    size = np.bincount(family)[within] if len(family) else np.zeros(0, dtype=np.intp)
    first = np.searchsorted(within, within)
    rank = np.arange(1, len(order) + 1) - first
    if method == "holm":
        running = pd.Series((size - rank + 1) * ordered).groupby(within).cummax()
    else:
        scaled = size / rank * ordered
        if method == "by":
            scaled = scaled * np.cumsum(1 / np.arange(1, size.max(initial=0) + 1))[size - 1]
        # from the largest p-value down, so that a smaller one never gets the larger q-value
        running = pd.Series(scaled[::-1]).groupby(within[::-1]).cummin()[::-1]
    q_value = np.empty_like(p_value)
    q_value[order] = np.minimum(running.to_numpy(dtype=np.float64), 1.0)
    return q_value


def _check(results: pd.DataFrame, families: Sequence[str], method: str) -> None:
    if method not in get_args(Adjustment):
        raise EstimationError("Families are adjusted by bh, by or holm.", "Give one of the three.")
    if isinstance(families, str) or not set(families) <= set(RESULT_KEYS):
        raise EstimationError("A family is a list of keys of the results table.", f"Choose among {RESULT_KEYS}.")
    missing = [name for name in (*families, "quantity", "confidence", "p_value", "q_value") if name not in results]
    if missing:
        raise EstimationError(f"The results have no column {', '.join(missing)}.", "Give rows of the results table.")

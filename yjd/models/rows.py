"""Rows of the results table from what a model found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from yjd.metrics.counts import USABLE
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.schema import ALL, RESULT_COLUMNS, SPLITS

Scale = Literal["linear", "log", "logit"]

_NUMBERS = ("numerator", "denominator", "reference_numerator", "reference_denominator", "estimate", "lower", "upper",
            "p_value", "q_value", "confidence")  # fmt: skip
_VARYING = ("quantity", "group", "reference", "rung", "term", "confidence", "numerator", "denominator",
            "reference_numerator", "reference_denominator", "estimate", "lower", "upper", "p_value", "method",
            "status")  # fmt: skip


@dataclass(frozen=True)
class Keys:
    """What all rows of a model have in common."""

    measure: str = ""
    period: str = ALL
    level: str = ""


@dataclass(frozen=True)
class Found:
    """One quantity of several groups at one rung.

    Attributes
    ----------
    quantity, rung, term, reference : str
        Keys of the rows.
    groups : tuple of str
        A row for each.
    estimate, p_value : arrays, shape (groups,)
        Blank where there is none.
    lower, upper : arrays, shape (groups, levels of confidence)
        Limits.
    status, method : arrays of str, shape (groups,)
        Estimates are shown only where the status is usable.
    """

    quantity: str
    rung: str
    groups: tuple[str, ...]
    estimate: FloatArray
    lower: FloatArray
    upper: FloatArray
    p_value: FloatArray
    status: StrArray
    method: StrArray
    term: str = ""
    reference: str = ""


def limits(
    value: FloatArray, error: FloatArray, levels: FloatArray, *, scale: Scale, degrees: float = float("inf")
) -> tuple[FloatArray, FloatArray]:
    """Give the limits of Wald intervals on a scale, turned back.

    Parameters
    ----------
    value, error : arrays, shape (groups,)
        Estimate and standard error on the scale.
    levels : array, shape (levels,)
        Levels of confidence.
    scale : {"linear", "log", "logit"}
        Limits are turned back by nothing, the exponential or the logistic function.
    degrees : float
        Of Student's t; infinite for the normal distribution.

    Returns
    -------
    lower, upper : arrays, shape (groups, levels)
    """
    tail = (1 + levels) / 2
    quantile = special.ndtri(tail) if np.isinf(degrees) else special.stdtrit(degrees, tail)
    reach = error[:, None] * quantile[None, :]
    low, high = value[:, None] - reach, value[:, None] + reach
    if scale == "log":
        return np.exp(np.clip(low, -700, 700)), np.exp(np.clip(high, -700, 700))
    if scale == "logit":
        return special.expit(low), special.expit(high)
    return low, high


def two_sided(value: FloatArray, error: FloatArray, degrees: float = float("inf")) -> FloatArray:
    """P-value of a value of 0: shape (groups,)."""
    ratio = np.divide(value, error, out=np.full(len(value), np.nan), where=error > 0)
    if np.isinf(degrees):
        return np.asarray(2 * special.ndtr(-np.abs(ratio)), dtype=np.float64)
    return np.asarray(2 * special.stdtr(degrees, -np.abs(ratio)), dtype=np.float64)


def result_rows(
    found: Sequence[Found],
    *,
    events: Mapping[str, float],
    base: Mapping[str, float],
    levels: FloatArray,
    keys: Keys,
) -> pd.DataFrame:
    """Lay out results, blank where the status is not usable.

    Parameters
    ----------
    found : sequence of Found
        In the order of the rows.
    events, base : mapping
        Counts of each group, and of a reference, in the complete sample.
    levels : array, shape (levels,)
        Levels of confidence.
    keys : Keys
        Measure, period and level of all rows.
    """
    parts = [_part(one, levels, events, base) for one in found if one.groups]
    columns: dict[str, object] = {
        "measure": keys.measure, "period": keys.period, "level": keys.level, **dict.fromkeys(SPLITS, ALL),
        "q_value": np.nan, "disclosure": "shown",
    }  # fmt: skip
    columns |= {name: np.concatenate([part[name] for part in parts]) if parts else [] for name in _VARYING}
    rows = sum(len(part["group"]) for part in parts)
    table = pd.DataFrame(columns, index=pd.RangeIndex(rows))[list(RESULT_COLUMNS)]
    return table.astype({name: "float64" if name in _NUMBERS else "str" for name in RESULT_COLUMNS})


def _part(
    one: Found, levels: FloatArray, events: Mapping[str, float], base: Mapping[str, float]
) -> dict[str, NDArray[Any]]:
    """Columns of one quantity, the levels of a group next to each other."""
    times, size = len(levels), len(one.groups) * len(levels)
    usable = np.isin(one.status, USABLE)
    columns: dict[str, NDArray[Any]] = {
        "numerator": np.array([events.get(group, np.nan) for group in one.groups]).repeat(times),
        "denominator": np.array([base.get(group, np.nan) for group in one.groups]).repeat(times),
        "reference_numerator": np.full(size, events.get(one.reference, np.nan)),
        "reference_denominator": np.full(size, base.get(one.reference, np.nan)),
    }
    for name, values in (("estimate", one.estimate), ("p_value", one.p_value)):
        columns[name] = np.where(usable, values, np.nan).repeat(times)
    for name, values in (("lower", one.lower), ("upper", one.upper)):
        columns[name] = np.where(usable[:, None], values, np.nan).ravel()
    for name, word in (("quantity", one.quantity), ("rung", one.rung), ("term", one.term),
                       ("reference", one.reference)):  # fmt: skip
        columns[name] = np.full(size, word, dtype=object)
    columns["group"] = np.array(one.groups, dtype=object).repeat(times)
    columns["confidence"] = np.tile(levels, len(one.groups))
    columns["method"] = np.where(usable, one.method, "").astype(object).repeat(times)
    columns["status"] = one.status.astype(object).repeat(times)
    return columns

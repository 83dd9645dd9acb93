"""Rows of the results table from what a model found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import special

from yjd.metrics.counts import USABLE
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.schema import ALL, RESULT_COLUMNS, SPLITS

Scale = Literal["linear", "log", "logit"]


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
    times = len(levels)
    parts = [_part(one, times, levels, events, base) for one in found if one.groups]
    if not parts:
        parts = [pd.DataFrame({name: [] for name in RESULT_COLUMNS})]
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(
        measure=keys.measure, period=keys.period, level=keys.level, **dict.fromkeys(SPLITS, ALL),
        q_value=np.nan, disclosure="shown",
    )[list(RESULT_COLUMNS)]  # fmt: skip
    numbers = ("confidence", "numerator", "denominator", "reference_numerator", "reference_denominator",
               "estimate", "lower", "upper", "p_value", "q_value")  # fmt: skip
    kinds: dict[str, str] = {name: "float64" if name in numbers else "str" for name in RESULT_COLUMNS}
    return table.astype(kinds)


def _part(
    one: Found, times: int, levels: FloatArray, events: Mapping[str, float], base: Mapping[str, float]
) -> pd.DataFrame:
    usable = np.isin(one.status, USABLE)
    shown = {name: np.where(usable, values, np.nan) for name, values in
             (("estimate", one.estimate), ("p_value", one.p_value))}  # fmt: skip
    has_reference = one.reference in base
    counts = {
        "numerator": [events.get(group, np.nan) for group in one.groups],
        "denominator": [base.get(group, np.nan) for group in one.groups],
        "reference_numerator": [events[one.reference] if has_reference else np.nan] * len(one.groups),
        "reference_denominator": [base[one.reference] if has_reference else np.nan] * len(one.groups),
    }
    columns: dict[str, object] = {name: np.repeat(np.asarray(values, dtype=np.float64), times)
                                  for name, values in (counts | shown).items()}  # fmt: skip
    columns |= {name: np.where(usable[:, None], values, np.nan).ravel()
                for name, values in (("lower", one.lower), ("upper", one.upper))}  # fmt: skip
    columns |= {
        "quantity": one.quantity, "rung": one.rung, "term": one.term, "reference": one.reference,
        "group": np.repeat(np.asarray(one.groups, dtype=object), times),
        "confidence": np.tile(levels, len(one.groups)),
        "method": np.repeat(np.where(usable, one.method, ""), times),
        "status": np.repeat(one.status, times),
    }  # fmt: skip
    return pd.DataFrame(columns)

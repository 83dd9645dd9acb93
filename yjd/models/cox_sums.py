"""Sums over those at risk on each day with a re-offence: what Cox regression is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from yjd.metrics.intervals import FloatArray
from yjd.models.design import Design
from yjd.models.sample import IntArray

Ties = Literal["efron", "breslow"]


@dataclass(frozen=True)
class Times:
    """When children re-offended, and who was at risk then.

    Attributes
    ----------
    day : array, shape (days,)
        Distinct days with a re-offence, in order.
    reached : array of int, shape (rows,)
        How many of these days each row was at risk on, its own re-offence's included.
    children : array, shape (rows,)
        Children of each row; 0 takes a row out.
    did : array of float, shape (rows,)
        1 for a re-offence on the last day reached, 0 for the end of follow-up.
    """

    day: FloatArray
    reached: IntArray
    children: FloatArray
    did: FloatArray

    @property
    def last(self) -> IntArray:
        """Place of each row's own day, where it has a re-offence."""
        return np.maximum(self.reached - 1, 0)


@dataclass(frozen=True)
class AtRisk:
    """Sums on each day, shape (days,), over the tied re-offences of that day.

    q is the risk of all at risk less the share of the risk of those who re-offended that Efron takes away, f that
    share. `one`, `tied` are sums of 1/q and f/q; `one2`, `tied2`, `both2` of 1/q^2, f/q^2 and f^2/q^2.
    """

    log_likelihood: float
    risk: FloatArray
    one: FloatArray
    tied: FloatArray
    one2: FloatArray
    tied2: FloatArray
    both2: FloatArray


def times_of(days: FloatArray, did: FloatArray, children: FloatArray) -> Times:
    """Place days among the days with a re-offence. All arrays have shape (rows,)."""
    day = np.unique(days[(did > 0) & (children > 0)])
    return Times(day, np.searchsorted(day, days, side="right").astype(np.intp), children, did)


def risk_of(linear: FloatArray, times: Times) -> FloatArray:
    """Relative risk of each row, at most 1; 0 for rows that are out."""
    active = times.children > 0
    centre = linear[active].max(initial=-np.inf)
    return np.where(active, np.exp(np.clip(linear - centre, -700.0, 0.0)), 0.0)


def at_risk_sums(times: Times, risk: FloatArray, ties: Ties) -> AtRisk:
    """Sum risks over those at risk on each day, and over the tied re-offences of the day."""
    size = len(times.day)
    weighted = times.children * risk
    own = times.children * times.did
    total = _after(summed(times.reached, weighted, size + 1)[:, None])[:, 0]
    tied = summed(times.last, weighted * times.did, size)
    happened = np.rint(summed(times.last, own, size)).astype(np.intp)
    place = np.repeat(np.arange(size), happened)
    start = np.cumsum(happened) - happened
    share = (np.arange(len(place)) - start[place]) / happened[place] if ties == "efron" else np.zeros(len(place))
    q = total[place] - share * tied[place]
    events = own > 0
    value = float(own[events] @ np.log(risk[events])) - float(np.log(q).sum())
    sums = [summed(place, one, size)
            for one in (1 / q, share / q, 1 / q**2, share / q**2, (share / q) ** 2)]  # fmt: skip
    return AtRisk(value, total, *sums)


def hazard_through(times: Times, sums: AtRisk, shape: FloatArray) -> FloatArray:
    """Cumulative hazard that each row went through, each day weighted by a shape: (rows,)."""
    before = first_days((sums.one * shape)[:, None])[:, 0]
    return np.asarray(before[times.reached] - times.did * (sums.tied * shape)[times.last], dtype=np.float64)


def residual(times: Times, risk: FloatArray, sums: AtRisk, shape: FloatArray | None = None) -> FloatArray:
    """Martingale residual of each row, each day weighted by a shape: (rows,)."""
    shape = np.ones(len(times.day)) if shape is None else shape
    own = times.did * shape[times.last]
    return np.asarray(times.children * (own - risk * hazard_through(times, sums, shape)), dtype=np.float64)


def information_of(
    design: Design, times: Times, risk: FloatArray, sums: AtRisk, shape: FloatArray | None = None
) -> FloatArray:
    """Sum over re-offences of the variance of the columns among those at risk: shape (columns, columns)."""
    shape = np.ones(len(times.day)) if shape is None else shape
    weights = times.children * risk * hazard_through(times, sums, shape)
    at_risk, tied = column_sums(design, times, risk)
    mixed = (at_risk * (sums.tied2 * shape)[:, None]).T @ tied
    return np.asarray(
        design.cross(weights)
        - (at_risk * (sums.one2 * shape)[:, None]).T @ at_risk + mixed + mixed.T
        - (tied * (sums.both2 * shape)[:, None]).T @ tied,
        dtype=np.float64,
    )  # fmt: skip


def column_sums(design: Design, times: Times, risk: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Columns summed over those at risk on each day, and over those who re-offended on it: each (days, columns)."""
    size = len(times.day)
    weighted = times.children * risk
    events = np.flatnonzero(times.did * times.children > 0)
    at_risk, tied = np.zeros((size, design.width)), np.zeros((size, design.width))
    for block in design.blocks:
        cells = len(block.loads)
        place = times.reached * cells + block.codes
        table = summed(place, weighted, (size + 1) * cells).reshape(size + 1, cells)
        at_risk += _after(table) @ block.loads
        place = times.last[events] * cells + block.codes[events]
        table = summed(place, weighted[events], size * cells).reshape(size, cells)
        tied += table @ block.loads
    return at_risk, tied


def _after(table: FloatArray) -> FloatArray:
    """Sum what reached more than k days, for each day k: (days + 1, cells) gives (days, cells)."""
    return np.asarray(np.cumsum(table[::-1], axis=0)[::-1][1:], dtype=np.float64)


def first_days(table: FloatArray) -> FloatArray:
    """Sum the first k days, for k from 0: (days, cells) gives (days + 1, cells)."""
    return np.concatenate([np.zeros((1, table.shape[1])), np.cumsum(table, axis=0)])


def share_before(times: Times) -> FloatArray:
    """Share that had re-offended before each day (Kaplan and Meier): shape (days,)."""
    size = len(times.day)
    left = _after(summed(times.reached, times.children, size + 1)[:, None])[:, 0]
    happened = summed(times.last, times.children * times.did, size)
    return 1 - np.concatenate([[1.0], np.cumprod(1 - happened / left)[:-1]])


def summed(place: IntArray, weights: FloatArray, size: int) -> FloatArray:
    """Sum weights by place: shape (size,)."""
    return np.bincount(place, weights=weights, minlength=size).astype(np.float64)

"""Share of each group's children who had re-offended by a day (Kaplan and Meier 1958)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from yjd.metrics.intervals import FloatArray, StrArray, normal_quantile, wilson
from yjd.models.cox_sums import Times
from yjd.models.sample import IntArray


@dataclass(frozen=True)
class Curves:
    """Curves of all groups at some days. Arrays have shape (groups, ends) unless said otherwise.

    Attributes
    ----------
    survival : array
        Share not yet re-offended.
    variance : array
        Of the logarithm of the share (Greenwood 1926).
    at_risk : array
        Children still followed on the last day with a re-offence of anyone, up to the end.
    reached : array of bool
        Whether any child of the group was followed so far.
    influence : Reaches
        What each child contributes to the logarithm of the share, group after group.
    """

    survival: FloatArray
    variance: FloatArray
    at_risk: FloatArray
    reached: np.ndarray
    influence: Reaches


@dataclass(frozen=True)
class Reaches:
    """Influence of each child on the logarithms of shares: see `yjd.models.influence.Influence`.

    A child counts from its first day to its last: minus the sum of what each day's hazard weighs, and its own
    re-offence. (The infinitesimal jackknife; with each child by itself its squares add up to Greenwood's variance.)

    Attributes
    ----------
    group, reached : array of int, shape (rows,)
        The group of each row, and how many days with a re-offence its children were at risk on.
    did : array, shape (rows,)
        1 for a re-offence on the last of these days.
    until : array of int, shape (ends,)
        How many of the days come no later than each end.
    passed : array, shape (groups, days + 1)
        Weighed hazard of the first days.
    own : array, shape (groups, days)
        What a re-offence weighs.
    """

    group: IntArray
    reached: IntArray
    did: FloatArray
    until: IntArray
    passed: FloatArray
    own: FloatArray

    @property
    def size(self) -> int:
        """How many estimates: groups times ends."""
        return len(self.passed) * len(self.until)

    def block(self, rows: slice) -> tuple[FloatArray, FloatArray]:
        """See `yjd.models.influence.Influence`."""
        group, reached = self.group[rows], self.reached[rows]
        last = np.maximum(reached - 1, 0)
        own = self.own[group, last] * self.did[rows]
        ends = np.minimum(reached[:, None], self.until[None, :])
        value = self.passed[group[:, None], ends] - own[:, None] * (reached[:, None] <= self.until[None, :])
        whole = np.zeros((len(group), len(self.passed), len(self.until)))
        whole[np.arange(len(group)), group] = value
        flat = whole.reshape(len(group), -1)
        return flat, np.zeros_like(flat)


def curves(times: Times, group: IntArray, days: FloatArray, groups: int, ends: FloatArray, soon: FloatArray) -> Curves:
    """Give the curves of all groups.

    Parameters
    ----------
    times : Times
        The data: see :func:`yjd.models.cox.times_of`.
    group : array of int, shape (rows,)
        The group of each row.
    days : array, shape (rows,)
        Days followed.
    groups : int
        How many groups.
    ends : array, shape (ends,)
        Days up to which the share is given.
    soon : array, shape (ends,)
        A curve is given where some child of the group was followed as long as this, or all had re-offended.
    """
    size = len(times.day)
    place = group * (size + 1) + times.reached
    ended = np.bincount(place, weights=times.children, minlength=groups * (size + 1)).reshape(groups, size + 1)
    left = np.cumsum(ended[:, ::-1], axis=1)[:, ::-1][:, 1:]
    happened = np.bincount(
        group * max(size, 1) + times.last, weights=times.children * times.did, minlength=groups * max(size, 1)
    ).reshape(groups, -1)[:, :size]
    safe = np.maximum(left, 1.0)
    hazard = happened / safe
    rest = np.where(left > happened, left - happened, 1.0)
    weighed = np.where(left > happened, 1 / rest, 0.0)
    first = np.ones((groups, 1))
    survival = np.hstack([first, np.cumprod(1 - hazard, axis=1)])
    variance = np.hstack([first * 0, np.cumsum(hazard * weighed, axis=1)])
    until = np.searchsorted(times.day, ends, side="right").astype(np.intp)
    everyone = np.bincount(group, weights=times.children, minlength=groups)
    risk = np.hstack([everyone[:, None], left])
    longest = np.zeros(groups)
    np.maximum.at(longest, group[times.children > 0], days[times.children > 0])
    share = survival[:, until]
    passed = np.hstack([first * 0, np.cumsum(hazard * weighed, axis=1)])
    return Curves(
        share, variance[:, until], risk[:, until], (longest[:, None] >= soon[None, :]) | (share <= 0),
        Reaches(group, times.reached, times.did, until, passed, weighed),
    )  # fmt: skip


def limits_of(
    share: FloatArray, variance: FloatArray, at_risk: FloatArray, levels: FloatArray, degrees: float
) -> tuple[FloatArray, FloatArray, StrArray]:
    """Limits of the share that has not re-offended, and the method of each.

    On the scale log(-log) (Kalbfleisch and Prentice 2002, section 1.4), which keeps them between 0 and 1. Where
    nobody or everybody has re-offended it has no limits, and Wilson's for a proportion of those at risk are given.

    Parameters
    ----------
    share, variance, at_risk : arrays, shape (rows,)
        See `Curves`.
    levels : array, shape (levels,)
        Levels of confidence.
    degrees : float
        Of Student's t.

    Returns
    -------
    lower, upper : arrays, shape (rows, levels)
    method : array of str, shape (rows,)
    """
    inside = (share > 0) & (share < 1) & (variance > 0)
    safe = np.where(inside, share, 0.5)
    log = np.log(safe)
    quantile = normal_quantile(levels) if np.isinf(degrees) else special.stdtrit(degrees, (1 + levels) / 2)
    reach = (np.sqrt(np.where(inside, variance, 1.0)) / -log)[:, None] * quantile[None, :]
    with np.errstate(over="ignore"):
        lower, upper = safe[:, None] ** np.exp(reach), safe[:, None] ** np.exp(-reach)
    number = np.maximum(at_risk, 1.0)[:, None]
    edge = wilson(np.where(share > 0, 1.0, 0.0)[:, None] * number, number, levels[None, :])
    kept = inside[:, None]
    return (np.where(kept, lower, edge.lower), np.where(kept, upper, edge.upper),
            np.where(inside, "kaplan_meier", "wilson"))  # fmt: skip

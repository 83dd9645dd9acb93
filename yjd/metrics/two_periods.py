"""One side of a comparison in two periods, and the interval of its change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from yjd.metrics import intervals
from yjd.metrics.comparison import spread
from yjd.metrics.counts import Kind, Side
from yjd.metrics.design import by_child_name, design
from yjd.metrics.intervals import FloatArray, StrArray, normal_quantile
from yjd.metrics.layout import Estimates
from yjd.metrics.series import Series
from yjd.metrics.shared_children import log_covariance

_CLOSEST = 0.999  # no two periods are so alike that nothing can vary between them
_WIDEST = 700.0  # of a log: e**700 is about the largest number there is


@dataclass(frozen=True)
class Pairs:
    """For every series and pair of periods, its two rows of the counts. Arrays have shape (rows,).

    Attributes
    ----------
    later, earlier : array of int
        The rows; -1 where the series lacks the earlier period.
    term : array of str
        Name of the earlier period.
    broken : array of bool
        Whether a break lies between.
    """

    later: NDArray[np.intp]
    earlier: NDArray[np.intp]
    term: StrArray
    broken: NDArray[np.bool_]

    @classmethod
    def of(cls, series: Series, pairs: Sequence[tuple[str, str]]) -> Pairs:
        """Find the rows; a series without the later period has none."""
        place = {name: number for number, name in enumerate(series.names.tolist())}
        absent = np.full(len(series.position), -1, dtype=np.intp)
        no_break = np.zeros(len(series.position), dtype=bool)
        found = []
        for before, after in (pair for pair in pairs if pair[1] in place):
            to, start = place[after], place.get(before)
            there = series.position[:, to] >= 0
            earlier = absent if start is None else series.position[:, start]
            broken = no_break if start is None else series.run[:, to] != series.run[:, start]
            name = np.full(len(there), before)
            found.append((series.position[there, to], earlier[there], name[there], broken[there]))
        if not found:
            return cls(absent[:0], absent[:0], np.empty(0, dtype=np.str_), no_break[:0])
        later, earlier, term, broken = (np.concatenate(part) for part in zip(*found, strict=True))
        return cls(later, earlier, term, broken)

    def among(self, which: NDArray[np.bool_]) -> Pairs:
        """Only pairs of the chosen rows of the counts, numbered as they are among these."""
        place = np.append(np.where(which, np.cumsum(which) - 1, -1), -1)  # the row -1 stays -1
        kept = place[self.later] >= 0
        return Pairs(place[self.later][kept], place[self.earlier][kept], self.term[kept], self.broken[kept])


@dataclass(frozen=True)
class BothPeriods:
    """One side in both periods. Arrays have shape (rows,).

    `factors` are the design factors, later and earlier; `covariance` is that of the two logs, NaN where it is not
    known.
    """

    after: Side
    before: Side
    factors: tuple[FloatArray, FloatArray]
    covariance: FloatArray
    kind: Kind

    @classmethod
    def of(cls, side: Side, pool: FloatArray, rows: Pairs, sums: FloatArray, kind: Kind) -> BothPeriods:
        """Take both periods of every pair; `sums` are of the children in both, shape (rows, 4)."""
        after, before = side.at(rows.later), side.at(rows.earlier)
        factor = np.append(design(side, pool, kind), 1.0)
        factors = factor[rows.later], factor[rows.earlier]
        return cls(after, before, factors, log_covariance(before, after, sums), kind)

    @property
    def shown(self) -> Side:
        """The later counts, rounded if the earlier are."""
        rounded = (self.before.disclosure == "rounded") & (self.after.disclosure == "shown")
        return replace(self.after, disclosure=np.where(rounded, "rounded", self.after.disclosure))

    @property
    def by_child(self) -> NDArray[np.bool_]:
        """Which rows know, in both periods, how many events each child has."""
        return self.after.by_child & self.before.by_child

    @property
    def rates(self) -> tuple[FloatArray, FloatArray]:
        """Rates, later and earlier."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.after.numerator / self.after.denominator, self.before.numerator / self.before.denominator

    @property
    def variances(self) -> tuple[FloatArray, FloatArray]:
        """Variances of the logs of the rates, later and earlier."""
        counts = (self.after.numerator, self.before.numerator)
        with np.errstate(divide="ignore", invalid="ignore"):
            later, earlier = (
                factor * (1 - rate if self.kind == "proportion" else 1.0) / events
                for factor, rate, events in zip(self.factors, self.rates, counts, strict=True)
            )
        return later, earlier


def from_counts(both: BothPeriods, usable: NDArray[np.bool_], levels: FloatArray) -> Estimates:
    """Ratio of two independent rates: the exact interval, or of proportions the score interval."""
    if both.kind == "rate":
        name, limits_of, p_of = "exact", intervals.rri_exact, intervals.rri_exact_p
    else:
        name, limits_of, p_of = "score", intervals.rri_score, intervals.rri_score_p
    a, A, b, B = (
        (values / factor)[usable, None]
        for side, factor in zip((both.after, both.before), both.factors, strict=True)
        for values in (side.numerator, side.denominator)
    )
    with np.errstate(all="ignore"):  # a small fraction of an event can have an infinite limit
        limits, p_value = limits_of(a, A, b, B, levels), p_of(a, A, b, B)[:, 0]
        ratio = both.rates[0] / both.rates[1]
    named = by_child_name(np.full(len(usable), name), both.by_child)
    return Estimates(
        ratio, spread(usable, limits.lower), spread(usable, limits.upper),
        np.repeat(named[:, None], len(levels), axis=1), spread(usable, p_value),
    )  # fmt: skip


def from_logs(
    own: BothPeriods, apart: BothPeriods | None, levels: FloatArray, *, everyone: bool
) -> tuple[Estimates, NDArray[np.bool_]]:
    """Change of a rate, or of its ratio to another side's, on the log scale; and where anything varies.

    Against everyone the log of the index moves by less than that of the ratio to all others: by (1 - w) / (1 - w +
    w x ratio), where w is the group's share of the base, taken as it was counted.
    """
    sides = [own] if apart is None else [own, apart]
    with np.errstate(all="ignore"):  # rows that cannot be estimated come out as NaN
        values, errors = [], []
        for when in range(2):
            ratio = own.rates[when] if apart is None else own.rates[when] / apart.rates[when]
            error = np.sqrt(sum((side.variances[when] for side in sides), np.zeros(len(ratio))))
            if everyone and apart is not None:
                base, rest = ((side.after, side.before)[when].denominator for side in sides)
                share = base / (base + rest)
                error = error * (1 - share) / (1 - share + share * ratio)
                ratio = intervals.ratio_to_everyone(ratio, share)
            values.append(np.log(ratio))
            errors.append(error)
        known = np.logical_and.reduce([~np.isnan(side.covariance) for side in sides])
        plain = [np.sqrt(sum((side.variances[when] for side in sides), np.zeros(len(known)))) for when in range(2)]
        alike = sum((side.covariance for side in sides), np.zeros(len(known))) / (plain[0] * plain[1])
        alike = np.where(known & np.isfinite(alike), np.clip(alike, -_CLOSEST, _CLOSEST), 0.0)
        value = values[0] - values[1]
        variance = errors[0] ** 2 + errors[1] ** 2 - 2 * alike * errors[0] * errors[1]
        varies = np.isfinite(value) & np.isfinite(variance) & (variance > 0)
        value, error = np.where(varies, value, 0.0), np.sqrt(np.where(varies, variance, 1.0))
    half = normal_quantile(levels) * error[:, None]
    lower, upper = (np.exp(np.clip(value[:, None] + side, -_WIDEST, _WIDEST)) for side in (-half, half))
    by_child = np.logical_and.reduce([side.by_child for side in sides])
    method = by_child_name(np.where(known, "log_delta_shared", "log_delta"), by_child)
    p_value = 2 * special.ndtr(-np.abs(value) / error)
    return Estimates(np.exp(value), lower, upper, np.repeat(method[:, None], len(levels), axis=1), p_value), varies


def either(first: NDArray[np.bool_], one: Estimates, other: Estimates) -> Estimates:
    """Estimates of the one where the condition holds, of the other elsewhere; both have p-values."""
    rows = first[:, None]
    assert one.p_value is not None  # for the type checker
    assert other.p_value is not None
    return Estimates(
        np.where(first, one.estimate, other.estimate), np.where(rows, one.lower, other.lower),
        np.where(rows, one.upper, other.upper), np.where(rows, one.method, other.method),
        np.where(first, one.p_value, other.p_value),
    )  # fmt: skip

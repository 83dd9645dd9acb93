"""Relative rates of tables in which every child has a group: Rubin's rules, and proportional allocation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from yjd.metrics.comparison import Comparison, spread
from yjd.metrics.complete import Completed, allocate, impute
from yjd.metrics.counts import EVERYONE, OTHERS, USABLE, Counts, Kind, Reason, Side, confidence_levels, first_reason
from yjd.metrics.intervals import FloatArray, StrArray, ratio_to_everyone
from yjd.metrics.layout import Estimates, lay_out, to_figures
from yjd.metrics.missing import movable, unknown_status
from yjd.metrics.rubin import pool, student_below, student_quantile


def imputed_ratio(
    strata: pd.DataFrame | Completed,
    counts: pd.DataFrame | Counts,
    *,
    kind: Kind,
    reference: str = "White",
    confidence: float | Sequence[float] = 0.95,
    imputations: int = 20,
    seed: int = 1,
    figures: int | None = None,
) -> pd.DataFrame:
    """Relative rate index with unknown ethnicity imputed (quantities rri_imputed and missing_information).

    Children of unknown ethnicity are taken to be missing at random given period, area, sex, age band,
    deprivation, officer-observed ethnicity and the event: among children alike in these, the unknown are made
    up of the groups as the known are. `impute` says how groups are drawn. The logarithm of the ratio of each
    completed table, with Katz's variance (rate: 1/a + 1/b), is pooled by Rubin's rules. With sums over children
    in the counts that variance is multiplied by the design factor of each side (see `yjd.metrics.design`) and the
    method ends in `_by_child`; the draws still take each event by itself, so where few children have many unknown
    events the tables differ less than they might.

    Parameters
    ----------
    strata : DataFrame or Completed
        Known and unknown children at the finest split, as for `impute`; or what `impute` made of them, to use
        the same draws for several references.
    counts : DataFrame
        As for `relative_rate`, with Unknown (or All and Known) among the groups. The rows to be shown.
    kind, reference, confidence
        As for `relative_rate`. Against everyone, everyone includes the unknown, and the pooled interval against
        all others is carried over.
    imputations, seed
        As for `impute`.
    figures : int, optional
        Round estimates and limits to so many significant figures. The strata are not protected, and a number
        with all its digits could tell more of them than may be told.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`; counts are those of known ethnicity. For each row of rri_imputed
        (one for each level) missing_information, once, is the fraction of the information that is missing,
        0 to 1. Status no_events where group or reference has no known event, as a logarithm needs one, or
        no variation is left; inconsistent where the strata do not have the unknown children that the counts
        have; not_available where counts were rounded; others as `missing_bounds`.
    """
    levels = confidence_levels(confidence)
    done = strata if isinstance(strata, Completed) else impute(
        strata, counts, kind=kind, imputations=imputations, seed=seed
    )  # fmt: skip
    tables = _Tables.of(done, counts, kind, reference)
    pair = tables.pair
    none = (pair.own.numerator == 0) | (pair.apart.numerator == 0)
    status = first_reason([(np.isin(tables.status, USABLE) & none, "no_events")], tables.status)
    usable = np.isin(status, USABLE)
    pooled = pool(*tables.log_ratios(usable))
    error = np.sqrt(pooled.variance)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        reach = student_quantile(pooled.degrees[:, None], (1 + levels) / 2) * error[:, None]
        log_limits = pooled.estimate[:, None] + reach * np.array([[[-1.0]], [[0.0]], [[1.0]]])
        p_value = 2 * student_below(pooled.degrees, -np.abs(pooled.estimate) / error)
        lower, middle, upper = tables.carried(np.exp(log_limits), usable)
    status = status.copy()
    # no variation at all, or parts of one event that leave an interval without end
    status[usable] = np.where((error > 0) & np.isfinite(upper).all(axis=1), status[usable], "no_events")
    ratio, missing, lower, upper = (
        spread(usable, to_figures(values, figures))
        for values in (middle[:, 0], pooled.missing_information, lower, upper)
    )
    methods = tables.pair.methods(usable, "rubin", levels)
    blank = np.full((len(usable), 1), np.nan)
    imputed = Estimates(ratio, lower, upper, methods, spread(usable, to_figures(p_value, figures)))
    lost = Estimates(missing, blank, blank, methods[:, :1])
    return pd.concat(
        [
            tables.rows("rri_imputed", levels, status, imputed),
            tables.rows("missing_information", np.array([np.nan]), status, lost),
        ],
        ignore_index=True,
    )


def allocated_ratio(
    strata: pd.DataFrame | Completed,
    counts: pd.DataFrame | Counts,
    *,
    kind: Kind,
    reference: str = "White",
    figures: int | None = None,
) -> pd.DataFrame:
    """Relative rate index with unknown ethnicity allocated within strata (quantity rri_allocated).

    Unknown children of each stratum of area, sex, age band and deprivation, with the event and without apart,
    are shared out as its known children are; see `allocate`. There is no interval, as allocation takes the
    shares for certain. With a public base, which has no unknown, events alone are allocated. Parameters and
    statuses are those of `imputed_ratio`, but a group without events has an estimate of 0.
    """
    done = strata if isinstance(strata, Completed) else allocate(strata, counts, kind=kind)
    tables = _Tables.of(done, counts, kind, reference)
    usable = np.isin(tables.status, USABLE)
    blank = np.full((len(usable), 1), np.nan)
    estimate = spread(usable, to_figures(tables.ratios(usable).mean(axis=0), figures))
    found = Estimates(estimate, blank, blank, np.full(blank.shape, "allocation"))
    return tables.rows("rri_allocated", np.array([np.nan]), tables.status, found)


@dataclass(frozen=True)
class _Tables:
    """Each compared row in each completed table. Shapes: what is added (tables, rows); status (rows,)."""

    pair: Comparison
    reference: str
    nested: bool
    own: tuple[FloatArray, FloatArray]  # unknown children given to the group: with the event, and the rest
    apart: tuple[FloatArray, FloatArray]
    status: StrArray

    @classmethod
    def of(cls, done: Completed, counts: pd.DataFrame | Counts, kind: Kind, reference: str) -> _Tables:
        data = Counts.of(counts)
        pair = Comparison.of(data, reference, kind)
        unknown, nested = movable(pair.unknown, kind), kind == "proportion"
        compared = data.is_group & (data.frame["group"] != reference).to_numpy(dtype=bool)
        margin, column = done.margins(data)[compared], done.column(pair.frame["group"])
        rows = np.arange(len(pair.frame))
        # of each margin, not of each row: far fewer
        whole_events, whole_rest = whole = [part.sum(axis=2) for part in (done.events, done.rest)]
        own_events, own_rest = (part[:, margin, column] for part in (done.events, done.rest))
        if reference in (OTHERS, EVERYONE):
            events, rest = whole_events[:, margin] - own_events, whole_rest[:, margin] - own_rest
        else:
            place = int(done.column(pd.Series([reference], dtype="str"))[0])
            events, rest = (part[:, margin, place] for part in (done.events, done.rest))
        status = unknown_status(pair, unknown, kind)
        expected = (unknown.numerator, unknown.denominator - unknown.numerator if nested else unknown.denominator)
        differs = np.zeros(len(rows), dtype=bool)
        for part, wanted in zip(whole, expected, strict=True):
            total = np.where(margin >= 0, part[0, margin], 0.0)
            differs |= np.abs(total - wanted) > 1e-6 * (1 + np.abs(np.nan_to_num(wanted)))
        rounded = np.zeros(len(rows), dtype=bool)
        for side in (pair.own, pair.against, pair.known, unknown):
            rounded |= side.disclosure == "rounded"
        usable = np.isin(status, USABLE)
        reasons: list[Reason] = [(usable & rounded, "not_available"), (usable & differs, "inconsistent")]
        return cls(pair, reference, nested, (own_events, own_rest), (events, rest), first_reason(reasons, status))

    def sides(self, usable: np.ndarray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return a, A, b, B of every completed table, each of shape (tables, usable rows)."""
        a, A = self._completed(self.pair.own, self.own, usable)
        b, B = self._completed(self.pair.apart, self.apart, usable)
        return a, A, b, B

    def ratios(self, usable: np.ndarray) -> FloatArray:
        """Return the ratio in every completed table, of shape (tables, usable rows)."""
        a, A, b, B = self.sides(usable)
        if self.reference == EVERYONE:
            b, B = a + b, A + B
        with np.errstate(divide="ignore", invalid="ignore"):
            return (a / A) / (b / B)

    def log_ratios(self, usable: np.ndarray) -> tuple[FloatArray, FloatArray]:
        """Return the logarithm of every ratio to those apart, and its variance, of shape (tables, usable rows)."""
        a, A, b, B = self.sides(usable)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            variance = [1 / part - (1 / base if self.nested else 0.0) for part, base in ((a, A), (b, B))]
            repeats = self._design_factors(usable)
            summed = sum(np.maximum(part, 0.0) * factor for part, factor in zip(variance, repeats, strict=True))
            return np.log((a / A) / (b / B)), np.asarray(summed)

    def carried(self, limits: FloatArray, usable: np.ndarray) -> FloatArray:
        """Turn estimate and limits of the ratio to others (lower, middle, upper) into those wanted."""
        if self.reference != EVERYONE or not usable.any():
            return limits
        _, A, _, B = self.sides(usable)
        share = (A / (A + B)).mean(axis=0)[:, None]
        found = np.array([ratio_to_everyone(limit, share) for limit in limits])
        # the share differs between tables, and no mean over tables may lie outside all of them
        ratios = self.ratios(usable)
        found[1] = np.clip(found[1], ratios.min(axis=0)[:, None], ratios.max(axis=0)[:, None])
        return found

    def rows(self, quantity: str, levels: FloatArray, status: StrArray, found: Estimates) -> pd.DataFrame:
        """Lay the rows out."""
        return lay_out(
            self.pair.frame, quantity, levels=levels, own=self.pair.own, against=self.pair.against,
            reference=self.reference, status=status, found=found,
        )  # fmt: skip

    def _design_factors(self, usable: np.ndarray) -> list[FloatArray]:
        """How much less each side's events say than as many of different children; known ethnicity stands for all."""
        known = self.pair.inputs(usable)
        effective = self.pair.effective(usable, "proportion" if self.nested else "rate")
        return [(known[side] / effective[side])[:, 0] for side in (0, 2)]

    def _completed(
        self, side: Side, added: tuple[FloatArray, FloatArray], usable: np.ndarray
    ) -> tuple[FloatArray, FloatArray]:
        events, rest = (part[:, usable] for part in added)
        base = side.denominator[usable] + rest
        return side.numerator[usable] + events, base + events if self.nested else base

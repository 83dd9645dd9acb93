"""Change from one period to another: of a rate, and of a relative rate index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from yjd.errors import EstimationError
from yjd.metrics.comparison import Comparison
from yjd.metrics.counts import EVERYONE, USABLE, Counts, Kind, check_kind, confidence_levels, first_reason
from yjd.metrics.design import inflation
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.metrics.layout import lay_out
from yjd.metrics.series import Breaks, Series, Times, cell_state
from yjd.metrics.shared_children import shared_sums, sums_apart
from yjd.metrics.two_periods import BothPeriods, Pairs, either, from_counts, from_logs


def change(
    counts: pd.DataFrame | Counts,
    *,
    kind: Kind,
    pairs: Sequence[tuple[str, str]],
    reference: str | None = None,
    shared: pd.DataFrame | None = None,
    times: Times | None = None,
    breaks: Breaks = (),
    confidence: float | Sequence[float] = 0.95,
) -> pd.DataFrame:
    """How many times as high a rate, or a relative rate index, is in one period as in another.

    Without a reference, quantity change_rate: the group's rate in the later period over that in the earlier, whose
    counts stand in the columns of the reference. With one, quantity change_rri: the later relative rate index over
    the earlier, a ratio of ratios.

    Two periods are independent only if no child counts in both. Where `shared` says what the same children did in
    each, the covariance of the two logs comes from it, and the method says `shared`: for a group with events a in
    either period and rates r, (sum y1 y2 - r2 sum y1 x2 - r1 sum x1 y2 + r1 r2 sum x1 x2) / (a1 a2), as in robust
    variances with children as clusters. Children who come again make a change surer than independent counts would,
    so that without their sums an interval is too long, not too short. Periods that overlap, as rolling years do,
    share events as well as children: give their sums, or do not ask for that pair.

    Parameters
    ----------
    counts : DataFrame
        Columns as for `yjd.metrics.rate`, with both periods of every pair.
    kind : {"proportion", "rate"}
        Whether the numerator is part of the base.
    pairs : sequence of (earlier period, later period)
        Which changes; a series without the later period has no row.
    reference : str, optional
        A group, "others" or "everyone", as for `yjd.metrics.relative_rate`.
    shared : DataFrame, optional
        Columns group, from_period, period, yy, and for a base that children bring along yx, xy, xx (absent, they
        are 0 for a rate); any of measure, area, sex, age_band, deprivation, level. Of children with y events and x
        of the base in each period, yy is the sum of y1 y2, yx of y1 x2, xy of x1 y2, xx of x1 x2. A measure and
        pair of periods that it names is known: rows that it lacks share nobody. Given again with the same `Counts`,
        the frame must not have changed.
    times, breaks : optional
        As for `yjd.metrics.trend`: a change across a break has status break.
    confidence : float or sequence of float
        One or more levels; each level is a row.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`; `period` is the later and `term` the earlier. Method of a change of a
        rate: exact (of a rate) or score (of a proportion) where nobody is known to be in both periods, as for a
        relative rate; else, and for every change of an index, log_delta. Status no_reference where the earlier
        period has no row, no base or no events (or, of an index, the reference has none in either period),
        no_events where the later has none and the method needs some, too_few where nothing varies. The p-value is
        of no change.

    Raises
    ------
    EstimationError
        If columns are missing, a count is negative, rows repeat a key, or an option has no meaning.
    """
    check_kind(kind)
    _check_pairs(pairs)
    levels, data = confidence_levels(confidence), Counts.of(counts)
    rows, sums = _prepared(data, kind, pairs, shared, times, breaks)
    if reference is None:
        return _change_of_rate(data, rows, sums, kind, levels)
    return _change_of_ratio(data, Comparison.of(data, reference, kind), rows, sums, kind, reference, levels)


def _prepared(
    data: Counts,
    kind: Kind,
    pairs: Sequence[tuple[str, str]],
    shared: pd.DataFrame | None,
    times: Times | None,
    breaks: Breaks,
) -> tuple[Pairs, FloatArray]:
    """Rows of every pair and the sums over shared children, once for all references.

    The frame of sums is known by its identity; it is kept, so that no other frame can have the same.
    """
    given = None if times is None else tuple(times.items())
    declared = tuple((name, *of) for name, of in breaks.items()) if isinstance(breaks, Mapping) else (None, *breaks)
    asked = (change, kind, tuple(map(tuple, pairs)), id(shared), given, isinstance(breaks, str), declared)
    if asked not in data.found:
        rows = Pairs.of(Series.of(data.frame, data.own.status, times=times, breaks=breaks), pairs)
        data.found[asked] = rows, shared_sums(shared, data.frame.iloc[rows.later], rows.term, kind), shared
    found: tuple[Pairs, FloatArray, pd.DataFrame | None] = data.found[asked]
    return found[0], found[1]


def _change_of_rate(data: Counts, rows: Pairs, sums: FloatArray, kind: Kind, levels: FloatArray) -> pd.DataFrame:
    both = BothPeriods.of(data.own, inflation(data.known(), kind), rows, sums, kind)
    status = _status(cell_state([(data.own, "no_denominator")], kind), rows, both)
    apart = ~(both.covariance != 0) | np.isnan(both.covariance)  # nobody is known to be in both periods
    together = np.isin(status, USABLE) & ~apart
    by_log, varies = from_logs(both, None, levels, everyone=False)
    status = first_reason(
        [(together & (both.after.numerator == 0), "no_events"), (together & ~varies, "too_few")], status
    )
    by_count = from_counts(both, np.isin(status, USABLE) & apart, levels)
    found = either(apart, by_count, by_log)
    # a fraction of an event in the earlier period can leave the exact interval without an end
    endless = np.asarray(np.isin(status, USABLE) & ~np.isfinite(found.upper).all(axis=1))
    status = first_reason([(endless, "too_few")], status)
    return lay_out(
        data.frame.iloc[rows.later].reset_index(drop=True), "change_rate", levels=levels, own=both.shown,
        against=both.before, status=status, found=found, term=rows.term,
    )  # fmt: skip


def _change_of_ratio(
    data: Counts, pair: Comparison, rows: Pairs, sums: FloatArray, kind: Kind, reference: str, levels: FloatArray
) -> pd.DataFrame:
    compared = data.is_group & (data.frame["group"] != reference).to_numpy(dtype=bool)
    of_reference = sums_apart(data.frame.iloc[rows.later], rows.term, sums, reference)
    sums, rows = sums[compared[rows.later]], rows.among(compared)
    pool = inflation(pair.known, kind)
    own, apart = (
        BothPeriods.of(pair.own, pool, rows, sums, kind),
        BothPeriods.of(pair.apart, pool, rows, of_reference, kind),
    )
    sides = [(pair.own, "no_denominator"), (pair.against, "no_reference"), (pair.apart, "no_reference")]
    status = _status(cell_state(sides, kind), rows, own)
    found, varies = from_logs(own, apart, levels, everyone=reference == EVERYONE)
    usable = np.isin(status, USABLE)
    lacking = [side.numerator == 0 for side in (apart.after, apart.before)]
    lacking += [side.denominator == 0 for side in (apart.after, apart.before)]
    status = first_reason(
        [
            (usable & np.logical_or.reduce(lacking), "no_reference"),
            (usable & (own.after.numerator == 0), "no_events"),
            (usable & ~varies, "too_few"),
        ],
        status,
    )
    return lay_out(
        pair.frame.iloc[rows.later].reset_index(drop=True), "change_rri", levels=levels, own=own.shown,
        against=pair.against.at(rows.later), reference=reference, status=status, found=found, term=rows.term,
    )  # fmt: skip


def _check_pairs(pairs: Sequence[object]) -> None:
    good = [isinstance(pair, tuple | list) and len(pair) == 2 and pair[0] != pair[1] for pair in pairs]
    if not all(good) or len({tuple(pair) for pair in pairs if isinstance(pair, tuple | list)}) < len(pairs):
        raise EstimationError(
            "Every pair must name two different periods, and no pair may come twice.",
            "Give pairs as [(earlier, later), ...].",
        )


def _status(state: StrArray, rows: Pairs, own: BothPeriods) -> StrArray:
    """First reason why two periods cannot be compared; ok or break if they can."""
    later = state[rows.later]
    earlier = np.where(rows.earlier < 0, "no_reference", state[rows.earlier]) if len(state) else later
    hidden = (later == "hidden") | (earlier == "hidden")
    # what the earlier period lacks is what the later is compared with
    earlier = np.where(earlier == "no_denominator", "no_reference", earlier)
    return first_reason(
        [
            (hidden, "hidden"),
            (later != "ok", later),
            (own.after.denominator == 0, "no_denominator"),
            (earlier != "ok", earlier),
            (own.before.denominator == 0, "no_reference"),
            ((own.before.numerator == 0) & (own.after.numerator == 0), "no_events"),
            (own.before.numerator == 0, "no_reference"),
            (rows.broken | (own.after.status == "break"), "break"),
        ],
        "ok",
    )

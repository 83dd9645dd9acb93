"""A ratio across strata of sex, age and the like (Mantel and Haenszel), and whether the strata agree on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from yjd.errors import EstimationError
from yjd.metrics.comparison import Comparison
from yjd.metrics.counts import EVERYONE, USABLE, Counts, Kind, check_kind, confidence_levels, first_reason
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.metrics.layout import Estimates, lay_out
from yjd.metrics.strata import Margins, check_over, log_estimates, split_by

_WIDEST_LOG_RATIO = 80.0
_HALVINGS = 64


def mantel_haenszel(
    counts: pd.DataFrame | Counts,
    *,
    kind: Kind,
    reference: str = "White",
    over: Sequence[str] = ("sex", "age_band"),
    confidence: float | Sequence[float] = 0.95,
) -> pd.DataFrame:
    """Ratio of the group's rate to the reference's, common to all strata, and a test that it is common.

    Quantity mh_ratio: the Mantel-Haenszel rate ratio for a rate and risk ratio for a proportion, with the
    log-scale interval of Greenland and Robins (1985, Biometrics 41:55-68; method greenland_robins), which is
    right both for few large strata and for many small ones. Its p-value is that of the score (Mantel-Haenszel)
    test of a ratio of 1, without continuity correction; where it is near 1 - confidence it may differ from the
    interval, which does not come from that test.

    Quantity mh_homogeneity: `estimate` is the chi-square statistic against the strata having one ratio, `term`
    its degrees of freedom as "df 5", `p_value` its p-value; there are no limits and `confidence` is blank. For a
    rate it is the statistic of Breslow and Day (1987, Statistical Methods in Cancer Research II, section 3.4)
    at the maximum-likelihood common ratio (method breslow_day); for a proportion the inverse-variance (Woolf)
    statistic of log risk ratios (method wald), as in epiR, which leaves out strata where either side has no
    events or both are all events. Where the test speaks against one ratio, look at the strata themselves: the
    common ratio is then an average over unlike strata. All events are taken to be independent: where children
    come more than once, both p-values are too small.

    Parameters
    ----------
    counts : DataFrame
        As for `relative_rate`, with rows split by every dimension of `over`; other rows are not used, nor are
        strata where sex, age, area or deprivation is Unknown.
    kind : {"proportion", "rate"}
        Whether the numerator is part of the base.
    reference : str
        A group, or "others", all other children of known ethnicity.
    over : sequence of str
        The dimensions adjusted for: some of `yjd.schema.SPLITS`.
    confidence : float or sequence of float
        One or more levels; each level is a row of mh_ratio.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`, with All in the dimensions of `over`: first all ratios, then all
        tests. Counts are sums of the strata where both sides have a base; the others say nothing and drop out.
        Status no_denominator or no_reference if none is left; no_events where the group has no events (the
        interval is not defined), no_reference where only the reference has none; too_few where a proportion
        leaves no variation, or fewer than two strata could differ.

    Raises
    ------
    EstimationError
        If columns are missing, a count is negative, rows repeat a key, or an option has no meaning; for
        "everyone" too, of whom the group is part: the method needs two sides that share no child.
    """
    check_kind(kind)
    if reference == EVERYONE:
        raise EstimationError(
            "The Mantel-Haenszel ratio needs a reference that the group is not part of.",
            "Name a group, or give `others`.",
        )
    levels, dimensions = confidence_levels(confidence), check_over(over)
    pair = Comparison.of(split_by(counts, dimensions), reference, kind)
    margins = Margins.of(pair.frame, dimensions)
    no_base = np.isin(pair.status, ("no_denominator", "no_reference"))
    least = margins.worst(pair.status, no_base, none="no_denominator")
    status = margins.worst(pair.status, ~no_base, none="")
    status = np.where(status == "", least, status)
    own, against = margins.side(pair.own, ~no_base, status), margins.side(pair.against, ~no_base, status)
    status = _events_status(status, own.numerator, against.numerator)
    tables = _Tables.of(pair, margins, ~no_base & np.isin(status, USABLE)[margins.place])
    ratio_status, ratio = _ratio(tables, status, kind, levels)
    test_status, test, freedom = _homogeneity(tables, status, kind)
    results = [
        lay_out(
            margins.frame, "mh_ratio", levels=levels, own=own, against=against,
            reference=reference, status=ratio_status, found=ratio,
        ),
        lay_out(
            margins.frame, "mh_homogeneity", levels=np.array([np.nan]), own=own, against=against,
            reference=reference, status=test_status, found=test, term=freedom,
        ),
    ]  # fmt: skip
    return pd.concat(results, ignore_index=True)


@dataclass(frozen=True)
class _Tables:
    """One table for each stratum of the margins that can be estimated: a of A beside b of B.

    Arrays have shape (tables,); `row` is the margin, of `rows` in all.
    """

    row: NDArray[np.intp]
    rows: int
    a: FloatArray
    A: FloatArray
    b: FloatArray
    B: FloatArray

    @classmethod
    def of(cls, pair: Comparison, margins: Margins, kept: NDArray[np.bool_]) -> _Tables:
        own, apart = pair.own, pair.apart
        values = (own.numerator, own.denominator, apart.numerator, apart.denominator)
        return cls(margins.place[kept], len(margins.frame), *(value[kept] for value in values))

    def total(self, values: FloatArray) -> FloatArray:
        return np.bincount(self.row, weights=values, minlength=self.rows).astype(np.float64)


def _events_status(status: StrArray, events: FloatArray, reference_events: FloatArray) -> StrArray:
    usable = np.isin(status, USABLE)
    return first_reason(
        [
            (usable & (events == 0), "no_events"),
            (usable & (reference_events == 0), "no_reference"),
        ],
        status,
    )


def _ratio(tables: _Tables, status: StrArray, kind: Kind, levels: FloatArray) -> tuple[StrArray, Estimates]:
    a, A, b, B = tables.a, tables.A, tables.b, tables.B
    whole, events = A + B, a + b
    above, below = tables.total(a * (B / whole)), tables.total(b * (A / whole))
    product = (A / whole) * (B / whole) * events
    spread_of_score = product
    if kind == "proportion":
        rest = np.divide(whole - events, whole - 1, out=np.zeros_like(whole), where=whole > 1)
        product, spread_of_score = product - a * b / whole, product * np.maximum(rest, 0.0)
    usable = np.isin(status, USABLE)
    score, information = tables.total(a - A * (events / whole)), tables.total(spread_of_score)
    ratio, error, chi_square = (np.full(len(status), np.nan) for _ in range(3))
    ratio[usable] = above[usable] / below[usable]
    error[usable] = np.sqrt(np.maximum(tables.total(product)[usable], 0.0) / (above[usable] * below[usable]))
    status, found = log_estimates(ratio, error, status, levels, "greenland_robins")
    tested = np.isin(status, USABLE) & (information > 0)
    chi_square[tested] = score[tested] ** 2 / information[tested]
    return status, Estimates(
        found.estimate, found.lower, found.upper, found.method, np.asarray(special.chdtrc(1, chi_square))
    )


def _homogeneity(tables: _Tables, status: StrArray, kind: Kind) -> tuple[StrArray, Estimates, StrArray]:
    """Status, test and degrees of freedom in words."""
    statistic, strata = _breslow_day(tables, status) if kind == "rate" else _woolf(tables)
    freedom = np.maximum(strata - 1, 0)
    status = first_reason([(np.isin(status, USABLE) & (freedom < 1), "too_few")], status)
    usable = np.isin(status, USABLE)
    p_value = np.full(len(status), np.nan)
    p_value[usable] = special.chdtrc(freedom[usable], statistic[usable])
    no_limits = np.full((len(status), 1), np.nan)
    method = np.full((len(status), 1), "breslow_day" if kind == "rate" else "wald")
    words = np.char.add("df ", freedom.astype(np.intp).astype(np.str_))
    return status, Estimates(statistic, no_limits, no_limits, method, p_value), np.where(usable, words, "")


def _breslow_day(tables: _Tables, status: StrArray) -> tuple[FloatArray, FloatArray]:
    """Chi-square of the group's share of each stratum's events, and the number of strata with events.

    The common log ratio is where expected and observed events agree in sum: halving finds it for all rows.
    """
    events, offset = tables.a + tables.b, np.log(tables.A / tables.B)
    low, high = np.full(len(status), -_WIDEST_LOG_RATIO), np.full(len(status), _WIDEST_LOG_RATIO)
    observed = tables.total(tables.a)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        short = tables.total(events * special.expit(middle[tables.row] + offset)) < observed
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    share = special.expit(((low + high) / 2)[tables.row] + offset)
    variance = events * share * (1 - share)
    squared = np.divide((tables.a - events * share) ** 2, variance, out=np.zeros_like(variance), where=variance > 0)
    return tables.total(squared), tables.total((events > 0).astype(np.float64))


def _woolf(tables: _Tables) -> tuple[FloatArray, FloatArray]:
    """Chi-square of the log risk ratios around their inverse-variance mean, and the number of strata in it."""
    a, A, b, B = tables.a, tables.A, tables.b, tables.B
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = 1 / a - 1 / A + 1 / b - 1 / B
        log_ratio = np.log((a / A) / (b / B))
        informative = (a > 0) & (b > 0) & (variance > 0)
        weight = np.where(informative, 1 / variance, 0.0)
    log_ratio = np.where(informative, log_ratio, 0.0)
    whole = tables.total(weight)
    mean = np.divide(tables.total(weight * log_ratio), whole, out=np.zeros_like(whole), where=whole > 0)
    squared = weight * (log_ratio - mean[tables.row]) ** 2
    return tables.total(squared), tables.total(informative.astype(np.float64))

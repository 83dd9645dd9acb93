"""Every metric of one counts frame in one table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from yjd.metrics.change import change
from yjd.metrics.complete import Completed, allocate, impute
from yjd.metrics.control import control_chart
from yjd.metrics.counts import EVERYONE, OTHERS, Counts, Kind
from yjd.metrics.funnel import funnel
from yjd.metrics.imputation import allocated_ratio, imputed_ratio
from yjd.metrics.mantel_haenszel import mantel_haenszel
from yjd.metrics.missing import missing_bounds
from yjd.metrics.rates import RateMethod, composition, rate
from yjd.metrics.relative import RatioMethod, difference, excess, relative_rate
from yjd.metrics.representation import representation
from yjd.metrics.shrunken import shrunken_rate
from yjd.metrics.standardised import standardised_rate
from yjd.metrics.standardised_ratios import standardised_ratio, standardised_rri
from yjd.metrics.trend import trend, trend_ratio
from yjd.metrics.verdict import missing_verdict

_FIGURES = 3  # of what is made from strata that are not protected


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is computed of a counts frame beside rates and comparisons, and how.

    Attributes
    ----------
    references, confidence, rate_method, ratio_method
        As for the metrics.
    over : sequence of str
        What rates are standardised over; nothing if empty.
    areas : bool
        Whether area rates are shrunken and set into funnels.
    series : sequence of mappings
        For every kind of year, its periods with their times: each has a trend.
    charts : sequence of mappings
        The same for quarters and months: each has a control chart.
    pairs : sequence of (str, str)
        Earlier and later period of every change.
    imputations, seed : int
        How often unknown ethnicity is imputed, where `all_results` is given strata, and from which seed.
    allocated : bool
        Whether it is then shared out within strata, too.
    """

    references: Sequence[str]
    confidence: float | Sequence[float] = 0.95
    rate_method: RateMethod | None = None
    ratio_method: RatioMethod | None = None
    over: Sequence[str] = ()
    areas: bool = False
    series: Sequence[Mapping[str, float]] = ()
    charts: Sequence[Mapping[str, float]] = ()
    pairs: Sequence[tuple[str, str]] = ()
    imputations: int = 0
    seed: int = 1
    allocated: bool = True


def all_results(
    counts: pd.DataFrame | Counts,
    *,
    kind: Kind,
    per: float,
    plan: Plan,
    shared: pd.DataFrame | None = None,
    strata: pd.DataFrame | None = None,
    drawn: Completed | None = None,
) -> pd.DataFrame:
    """Every metric of the plan.

    A named reference is used only in those levels of the ethnicity classification in which it is a group at
    all: White, of the broad level, is not set against the detailed groups.

    Parameters
    ----------
    counts, kind, per
        As for `rate`.
    plan : Plan
        What to compute.
    shared : DataFrame, optional
        Sums over children who are in both periods of a pair, for `change`.
    strata : DataFrame, optional
        Known and unknown children at the finest split, for `imputed_ratio`.
    drawn : Completed, optional
        What `impute` gave for these strata, margins and plan before; without it, it is drawn here.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`.
    """
    confidence, counts = plan.confidence, Counts.of(counts)
    tables = [
        rate(counts, kind=kind, per=per, confidence=confidence, method=plan.rate_method),
        composition(counts, confidence=confidence),
        representation(counts, kind=kind, confidence=confidence),
        *_of_areas(counts, kind, per, plan),
        *_over_time(counts, kind, per, plan, shared),
    ]
    if plan.over:
        tables.append(standardised_rate(counts, kind=kind, per=per, over=plan.over, confidence=confidence))
    # one set of draws serves every reference
    shared_out = None
    if strata is not None and len(strata) and plan.imputations:
        if drawn is None:
            drawn = impute(strata, counts, kind=kind, imputations=plan.imputations, seed=plan.seed)
        shared_out = allocate(strata, counts, kind=kind) if plan.allocated else None
    for reference in dict.fromkeys(plan.references):
        part = _where_it_is_a_group(counts, reference)
        compared = [
            relative_rate(part, kind=kind, reference=reference, confidence=confidence, method=plan.ratio_method),
            missing_bounds(part, kind=kind, reference=reference),
        ]
        tables += [
            *compared,
            missing_verdict(pd.concat(compared, ignore_index=True)),
            difference(part, kind=kind, reference=reference, per=per, confidence=confidence),
            excess(part, kind=kind, reference=reference, confidence=confidence),
        ]
        if drawn is not None:
            imputed = imputed_ratio(
                drawn, part, kind=kind, reference=reference, confidence=confidence, figures=_FIGURES
            )
            tables.append(imputed[imputed["quantity"] == "rri_imputed"])
        if shared_out is not None:
            tables.append(allocated_ratio(shared_out, part, kind=kind, reference=reference, figures=_FIGURES))
        if plan.over:
            tables += [
                metric(part, kind=kind, reference=reference, over=plan.over, confidence=confidence)
                for metric in (standardised_rri, standardised_ratio, mantel_haenszel)
                if not (metric is mantel_haenszel and reference == EVERYONE)  # its two sides would overlap
            ]
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def _of_areas(counts: Counts, kind: Kind, per: float, plan: Plan) -> list[pd.DataFrame]:
    if not plan.areas:
        return []
    return [shrunken_rate(counts, kind=kind, per=per, confidence=plan.confidence), funnel(counts, kind=kind, per=per)]


def _over_time(counts: Counts, kind: Kind, per: float, plan: Plan, shared: pd.DataFrame | None) -> list[pd.DataFrame]:
    confidence, references = plan.confidence, list(dict.fromkeys(plan.references))
    tables = []
    for times in plan.series:
        own = _in_periods(counts, times)
        tables.append(trend(own, kind=kind, times=times, confidence=confidence))
        tables += [
            trend_ratio(
                _where_it_is_a_group(own, reference), kind=kind, reference=reference, times=times, confidence=confidence
            )
            for reference in references
        ]
    tables += [control_chart(_in_periods(counts, times), kind=kind, per=per, times=times) for times in plan.charts]
    for times, pairs in _pairs_of(plan):
        own = _in_periods(counts, times)
        for reference in (None, *references):
            part = own if reference is None else _where_it_is_a_group(own, reference)
            tables.append(
                change(
                    part,
                    kind=kind,
                    pairs=pairs,
                    reference=reference,
                    shared=shared,
                    times=times,
                    confidence=confidence,
                )
            )
    return tables


def _pairs_of(plan: Plan) -> list[tuple[Mapping[str, float], list[tuple[str, str]]]]:
    """The pairs of each series, whose periods tell a break between the two; any other pair is on its own."""
    found = []
    left = list(dict.fromkeys(plan.pairs))
    for times in (*plan.series, *plan.charts):
        own = [pair for pair in left if set(pair) <= set(times)]
        found += [(times, own)] if own else []
        left = [pair for pair in left if pair not in own]
    return [*found, *(({earlier: 0.0, later: 1.0}, [(earlier, later)]) for earlier, later in left)]


def _in_periods(counts: Counts, periods: Collection[str]) -> Counts:
    return counts.where(counts.frame["period"].isin(list(periods)).to_numpy(dtype=bool))


def _where_it_is_a_group(counts: Counts, reference: str) -> Counts:
    if reference in (OTHERS, EVERYONE):
        return counts
    frame = counts.frame
    levels = frame.loc[frame["group"] == reference, "level"].unique()
    return counts.where(frame["level"].isin(levels).to_numpy(dtype=bool))

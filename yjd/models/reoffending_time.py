"""How soon children re-offend: Cox regression, a check that hazard ratios stay the same, and cumulative curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from yjd.errors import EstimationError
from yjd.metrics.counts import confidence_levels
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.models.clusters import Clusters
from yjd.models.cohort import (
    DAYS,
    Cohort,
    blank,
    check_rungs,
    compared,
    of_each_child,
    read_cohort,
    refused,
    sensible,
    spread_of,
)
from yjd.models.cox import CoxFit, chance, fit_cox, proportional, score_influence
from yjd.models.cox_sums import Ties, summed, times_of
from yjd.models.curves import curves, limits_of
from yjd.models.design import Design, build
from yjd.models.fit import Fit, fit
from yjd.models.rows import Found, Keys, limits, result_rows, two_sided
from yjd.models.rungs import FLOOR, Rung
from yjd.models.sample import GROUP
from yjd.schema import ALL

EVERYTHING = "all"  # term of the check of all columns together
_MONTHS: FloatArray = np.arange(1.0, 13.0)
_MONTH = 30.5  # days: twelve are the 366 of the longest year of follow-up
_SHORTEST = 30.0  # follow-up of as many of these reaches a month's end


def time_to_reoffence(
    counts: pd.DataFrame,
    *,
    rungs: Sequence[Rung],
    reference: str = "White",
    confidence: float | Sequence[float] = 0.95,
    clusters: Clusters | None = None,
    ties: Ties = "efron",
    measure: str = "",
    period: str = ALL,
    level: str = "",
) -> pd.DataFrame:
    """Compare how soon the children of each group re-offend, before and after adjustment.

    Parameters
    ----------
    counts : DataFrame
        Columns group, reoffences (0 where follow-up ended without one), days (from the index day, after custody the
        release, to the first re-offence or the end of follow-up), n and the adjusters: see `yjd.reoffending_counts`.
    rungs : sequence of Rung
        From the lowest.
    reference : str
        A group.
    confidence : float or sequence of float
        One or more levels; each is a row.
    clusters : Clusters, optional
        Which children belong together, for the robust standard errors of Lin and Wei (1989), and for the curves.
        Without it standard errors are the model's, and Greenwood's.
    ties : {"efron", "breslow"}
        How re-offences on the same day are taken.
    measure, period, level : str
        Keys of the rows.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`. For each rung hazard_ratio and ph_test (group All; term: a factor, or
        "all" for all together; the estimate is a chi-square, and a small p-value says that the ratio changes over
        the year, so that one number does not tell the whole). Without a rung survival: the share per 100 children
        that had re-offended by the end of month 1 to 12 (term), of 30.5 days each. The numerator is children who
        re-offended, for survival by then. Statuses: separated (no child of the group re-offended, or its hazard ratio
        is not finite, or beyond 1,000 to 1), collinear, no_reference, no_events, too_few (one group, fewer than 2
        children who re-offended for each parameter, or no usable interval), not_converged; for survival censored
        (nobody was followed so far).

    Raises
    ------
    EstimationError
        If columns are missing, a count is no count, days are below 1, groups are totals, or an option has no meaning.
    """
    levels = confidence_levels(confidence)
    if ties not in ("efron", "breslow"):
        raise EstimationError("Ties are taken as efron or breslow do.", "Give ties one of the two.")
    adjusters = check_rungs(rungs, reference)
    extra = [name for name in (clusters.columns if clusters else ()) if name not in adjusters]
    cohort = read_cohort(counts, adjusters=[*adjusters, *extra], needs=(DAYS,))
    found: list[Found] = []
    for rung in rungs if len(cohort.children) else ():
        found += _of_rung(cohort, rung, reference, clusters, levels, ties)
    keys = Keys(measure, period, level)
    did, base = cohort.by_group(cohort.children * cohort.did), cohort.by_group(cohort.children)
    did[ALL], base[ALL] = float((cohort.children * cohort.did).sum()), float(cohort.children.sum())
    tables = [result_rows(found, events=did, base=base, levels=levels, keys=keys)]
    if len(cohort.children):
        tables.append(_survival(cohort, clusters, levels, keys))
    return pd.concat(tables, ignore_index=True)


def fit_time(cohort: Cohort, rung: Rung, *, reference: str, ties: Ties = "efron") -> tuple[CoxFit, Fit]:
    """Fit a rung, with the exponential model that says where there is separation.

    Where no child of a level re-offended, its hazard ratio is 0 and its children leave every risk set; what is left
    is fitted.

    Parameters
    ----------
    cohort : Cohort
        With days; at least one child, and one re-offence.
    rung : Rung
        Its adjusters are among the cohort's.
    reference : str
        The baseline.
    ties : {"efron", "breslow"}
        How re-offences on the same day are taken.
    """
    sample = cohort.of_children()
    built = build(sample, rung.adjusters, reference=reference, collapse=False)
    # the same columns on patterns, with days at risk as exposure
    small = build(sample, rung.adjusters, reference=reference)
    exposure = summed(small.row, cohort.children * cohort.days, small.design.rows)
    plain = fit(small.design, small.events, exposure, family="poisson")
    aside = (built.design.linear(plain.infinite) < -1e-9) if plain.infinite.any() else np.zeros(len(small.row), bool)
    children = np.where(aside, 0.0, cohort.children)
    return fit_cox(built.design, times_of(cohort.days, cohort.did, children), ties=ties), plain


def _of_rung(
    cohort: Cohort, rung: Rung, reference: str, clusters: Clusters | None, levels: FloatArray, ties: Ties
) -> list[Found]:
    why = refused(cohort, reference)
    others = [cohort.groups[at] for at in compared(cohort.groups, reference)]
    if why in ("no_events", "too_few"):
        return [blank("hazard_ratio", rung.name, others, why, levels, reference=reference)]
    cox, plain = fit_time(cohort, rung, reference=reference, ties=ties)
    status = _status(cohort, cox, plain) if why == "" else np.full(len(cohort.groups), why)
    method = f"cox_{ties}_{'model' if clusters is None else clusters.name}"
    groups, place = cox.design.groups, cox.design.group_columns
    picked = np.zeros((cox.design.width, len(groups)))
    usable = np.flatnonzero((place >= 0) & (status == "ok"))
    picked[place[usable], usable] = 1.0
    if clusters is None:
        covariance, degrees = picked.T @ cox.covariance @ picked, float("inf")
    else:
        each = score_influence(cox, cox.covariance @ picked)
        spread = spread_of(cohort, of_each_child(each), clusters)
        covariance, degrees = spread.covariance, spread.degrees
    at = compared(groups, reference)
    value = np.where(status[at] == "ok", (cox.coefficients @ picked)[at], np.nan)
    error = np.sqrt(np.maximum(np.diag(covariance), 0.0))[at]
    lower, upper = limits(value, error, levels, scale="log", degrees=degrees)
    words = sensible(status[at], value, error)
    ratios = Found("hazard_ratio", rung.name, tuple(groups[one] for one in at), np.exp(value), lower, upper,
                   two_sided(value, error, degrees), words, np.full(len(at), method), reference=reference)  # fmt: skip
    return [ratios, *_checks(cohort, cox, rung, levels)]


def _status(cohort: Cohort, cox: CoxFit, plain: Fit) -> StrArray:
    """Status of each group's contrast with the baseline, in the order of the design's groups."""
    if float((cohort.children * cohort.did).sum()) / max(len(cox.kept), 1) < FLOOR:
        return np.full(len(cox.design.groups), "too_few")
    if not cox.converged:
        return np.full(len(cox.design.groups), "not_converged")
    place = cox.design.group_columns
    estimated = (place < 0) | np.isin(place, cox.kept)
    status = np.where((plain.contrast_status == "ok") & ~estimated, "too_few", plain.contrast_status)
    return np.where((status == "ok") & (place >= 0) & cox.infinite[place], "separated", status)


def _checks(cohort: Cohort, cox: CoxFit, rung: Rung, levels: FloatArray) -> list[Found]:
    """Test of proportional hazards for each factor, and for all."""
    names = [GROUP, *rung.adjusters]
    enough = float((cohort.children * cohort.did).sum()) >= FLOOR * max(len(cox.kept), 1) and cox.converged
    terms = [*names, *([EVERYTHING] if len(names) > 1 else [])]
    tested = [(float("nan"), 0)] * len(terms)
    if enough:
        tested = proportional(cox, [_columns(cox.design, name) for name in terms])
    found, wide = [], np.full((1, len(levels)), np.nan)
    for name, (statistic, degrees) in zip(terms, tested, strict=True):
        found.append(Found("ph_test", rung.name, (ALL,), np.array([statistic]), wide, wide,
                           np.array([chance(statistic, degrees)]), np.array(["ok" if degrees else "too_few"]),
                           np.array(["score_km"]), term=name))  # fmt: skip
    return found


def _columns(design: Design, name: str) -> np.ndarray:
    return np.array([at for at, (factor, _) in enumerate(design.columns)
                     if factor == name or (name == EVERYTHING and factor)], dtype=np.intp)  # fmt: skip


def _survival(cohort: Cohort, clusters: Clusters | None, levels: FloatArray, keys: Keys) -> pd.DataFrame:
    """Cumulative shares by month."""
    groups, group = cohort.groups, cohort.sample.factors[GROUP].codes
    times = times_of(cohort.days, cohort.did, cohort.children)
    found = curves(times, group, cohort.days, len(groups), _MONTHS * _MONTH, _MONTHS * _SHORTEST)
    variance, degrees, ending = found.variance, float("inf"), ""
    if clusters is not None and len(times.day):
        spread = spread_of(cohort, found.influence, clusters)
        variance, degrees = np.diag(spread.covariance).reshape(variance.shape), spread.degrees
        ending = f"_{clusters.name}"
    found_rows, so_far = [], []
    for at, month in enumerate(_MONTHS):
        share = found.survival[:, at]
        lower, upper, method = limits_of(share, variance[:, at], found.at_risk[:, at], levels, degrees)
        so_far.append(cohort.sample.by_group(cohort.children * cohort.did * (cohort.days <= month * _MONTH)))
        status = np.where(found.reached[:, at], "ok", "censored")
        named = np.where(method == "kaplan_meier", f"kaplan_meier{ending}", method)
        found_rows.append(Found("survival", "", groups, 100 * (1 - share), 100 * (1 - upper), 100 * (1 - lower),
                                np.full(len(groups), np.nan), status, named, term=str(int(month))))  # fmt: skip
    base = cohort.by_group(cohort.children)
    table = result_rows(found_rows, events={}, base=base, levels=levels, keys=keys)
    return table.assign(numerator=np.repeat(np.concatenate(so_far), len(levels)))

"""How often children re-offend: their number of re-offences by group, before and after adjustment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from yjd.metrics.counts import check_per, confidence_levels
from yjd.metrics.intervals import FloatArray
from yjd.models.clusters import Clusters, Spread
from yjd.models.cohort import (
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
from yjd.models.marginal import Targets, adjusted_rates, coefficients
from yjd.models.number_fit import NumberFit, fit_number
from yjd.models.rows import Found, Keys, limits, result_rows, two_sided
from yjd.models.rungs import Rung
from yjd.schema import ALL


def reoffences(
    counts: pd.DataFrame,
    *,
    rungs: Sequence[Rung],
    per: float = 1.0,
    reference: str = "White",
    confidence: float | Sequence[float] = 0.95,
    clusters: Clusters | None = None,
    measure: str = "",
    period: str = ALL,
    level: str = "",
) -> pd.DataFrame:
    """Compare how often the children of each group re-offend, before and after adjustment.

    Parameters
    ----------
    counts : DataFrame
        Columns group, reoffences (of each child), n (children) and the adjusters: see `yjd.reoffending_counts`. Only
        children whose follow-up is complete.
    rungs : sequence of Rung
        From the lowest.
    per : float
        Children to whom an adjusted rate refers.
    reference : str
        A group.
    confidence : float or sequence of float
        One or more levels; each is a row.
    clusters : Clusters, optional
        Which children belong together: the same child in several periods (`yjd.models.children.ByChild`), or those
        of an area. Without it standard errors are the model's.
    measure, period, level : str
        Keys of the rows.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`. For each rung adjusted_rate (re-offences per `per` children, everyone's
        group set to each in turn), count_ratio (of two adjusted rates, interval on the log scale) and dispersion
        (group All: Pearson's chi-square of the Poisson model for each degree of freedom, child by child, and the
        p-value of no extra variation). The method begins with negative_binomial where that p-value is below 0.05,
        else with poisson. The numerator is re-offences. Statuses: separated (no child of the group re-offended, or
        the ratio is beyond 1,000 to 1), collinear, no_reference, no_events, too_few (one group, fewer than 2 children
        who re-offended for each parameter, or no usable interval), not_converged.

    Raises
    ------
    EstimationError
        If columns are missing, a count is no count, groups are totals, or an option has no meaning.
    """
    levels = confidence_levels(confidence)
    check_per(per)
    adjusters = check_rungs(rungs, reference)
    extra = [name for name in (clusters.columns if clusters else ()) if name not in adjusters]
    cohort = read_cohort(counts, adjusters=[*adjusters, *extra])
    found: list[Found] = []
    for rung in rungs if len(cohort.children) else ():
        found += _of_rung(cohort, rung, reference, per, clusters, levels)
    events, base = cohort.by_group(cohort.sample.events), cohort.by_group(cohort.children)
    events[ALL], base[ALL] = float(cohort.sample.events.sum()), float(cohort.children.sum())
    return result_rows(found, events=events, base=base, levels=levels, keys=Keys(measure, period, level))


def _of_rung(
    cohort: Cohort, rung: Rung, reference: str, per: float, clusters: Clusters | None, levels: FloatArray
) -> list[Found]:
    why = refused(cohort, reference)
    others = tuple(cohort.groups[at] for at in compared(cohort.groups, reference))
    if why in ("no_events", "too_few"):
        return [
            blank("adjusted_rate", rung.name, cohort.groups, why, levels),
            blank("count_ratio", rung.name, others, why, levels, reference=reference),
        ]
    one = fit_number(cohort, rung, reference=reference)
    rates, contrasts = adjusted_rates(one.fit, one.built.row), coefficients(one.fit, one.built.row)
    covariance, ending, degrees = _spread(cohort, rates, contrasts, clusters)
    method = np.full(len(rates.groups), f"{one.method}_{ending}")
    shown = one.status if one.status != "ok" else ""
    error = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    size = len(rates.groups)
    order = np.argsort(np.array(rates.groups))
    theta = np.where(rates.estimates > 0, rates.estimates, np.nan)
    status = np.where(shown == "", rates.status, shown)
    value, spread = np.log(theta), error[:size] / theta
    status = sensible(status, np.zeros(size), spread)
    lower, upper = limits(value, spread, levels, scale="log", degrees=degrees)
    groups, none = tuple(rates.groups[at] for at in order), np.full(size, np.nan)
    found = [Found("adjusted_rate", rung.name, groups, theta[order] * per, lower[order] * per, upper[order] * per, none,
                   status[order], method[order])]  # fmt: skip
    places = compared(rates.groups, reference)
    own = contrasts.status[places]
    own = np.where(shown == "", own, shown) if why == "" else np.full(len(places), why)
    value, spread = contrasts.estimates[places], error[size:][places]
    own = sensible(own, value, spread)
    lower, upper = limits(value, spread, levels, scale="log", degrees=degrees)
    found.append(Found("count_ratio", rung.name, tuple(rates.groups[at] for at in places), np.exp(value), lower, upper,
                       two_sided(value, spread, degrees), own, method[places], reference=reference))  # fmt: skip
    found.append(_dispersion(one, rung, levels))
    return found


def _spread(
    cohort: Cohort, rates: Targets, contrasts: Targets, clusters: Clusters | None
) -> tuple[FloatArray, str, float]:
    """Covariance of the rates and then of the contrasts."""
    size = len(rates.groups)
    if clusters is None:
        covariance = np.zeros((2 * size, 2 * size))
        covariance[:size, :size], covariance[size:, size:] = rates.model_covariance, contrasts.model_covariance
        return covariance, "model", float("inf")
    whole = slice(0, len(cohort.children))
    each = []
    for target in (rates, contrasts):
        event, other = target.influence.block(whole)
        each.append(event * cohort.again[:, None] + other)
    spread: Spread = spread_of(cohort, of_each_child(np.hstack(each)), clusters)
    return spread.covariance, clusters.name, spread.degrees


def _dispersion(one: NumberFit, rung: Rung, levels: FloatArray) -> Found:
    wide = np.full((1, len(levels)), np.nan)
    status = "ok" if np.isfinite(one.ratio) else "too_few"
    return Found("dispersion", rung.name, (ALL,), np.array([one.ratio]), wide, wide, np.array([one.p_value]),
                 np.array([status]), np.array(["dean_lawless"]))  # fmt: skip

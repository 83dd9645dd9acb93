"""The ladder: the same comparison of groups, adjusted for more and more, on the same complete sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import pandas as pd

from yjd.errors import EstimationError
from yjd.metrics.counts import EVERYONE, NOT_GROUPS, OTHERS, Kind, check_per, confidence_levels
from yjd.models import estimates
from yjd.models.clusters import Clusters
from yjd.models.marginal import Target
from yjd.models.rows import Found, Keys, result_rows
from yjd.models.rungs import FirthUse, Options, Overdispersion, Rung, fit_ladder
from yjd.models.sample import Sample, read_sample
from yjd.schema import ALL

__all__ = ["Rung", "ladder"]


def ladder(
    counts: pd.DataFrame,
    *,
    kind: Kind,
    rungs: Sequence[Rung],
    per: float = 100.0,
    reference: str = "White",
    confidence: float | Sequence[float] = 0.95,
    clusters: Clusters | None = None,
    firth: FirthUse = "auto",
    overdispersion: Overdispersion = "quasi",
    target: Target = "sample",
    measure: str = "",
    period: str = ALL,
    level: str = "",
) -> pd.DataFrame:
    """Compare groups before and after adjustment, a rung at a time.

    Proportions are logistic, rates log-linear with the base as exposure. Every rung is fitted on all patterns that
    have a base; a missing label is the level Unknown.

    Parameters
    ----------
    counts : DataFrame
        Model counts: columns group, base, events, the adjusters, and what `clusters` reads. One row a pattern.
    kind : {"proportion", "rate"}
        Whether events are part of the base.
    rungs : sequence of Rung
        From the lowest; each is compared with the one before it.
    per : float
        Scale of adjusted rates and differences.
    reference : str
        A group. Unknown is in the sample and has an adjusted rate, and is compared with nobody.
    confidence : float or sequence of float
        One or more levels; each is a row.
    clusters : Clusters, optional
        Which records belong together: `yjd.models.children.ByChild`, `yjd.models.clusters.ByArea` or `ByRow`.
        Without it standard errors are the model's, for rates multiplied by the dispersion where that is tested to be
        above 1.
    firth : {"auto", "always", "never"}
        "auto" penalises a rung that has fewer than 10 events (or non-events) for each parameter, and elsewhere the
        odds ratio of a group that is separated.
    overdispersion : {"quasi", "negative_binomial"}
        What to do about a rate that varies more than a Poisson count.
    target : {"sample", "population"}
        See :func:`yjd.models.marginal.adjusted_rates`.
    measure, period, level : str
        Keys of the rows.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`. For each rung the quantities adjusted_rate, adjusted_rri (interval on
        the log scale), marginal_difference, odds_ratio (proportion) or rate_ratio (rate), rung_change (term: the rung
        below) and dispersion (group All: Pearson's chi-square for each degree of freedom, and its test). Statuses:
        separated, collinear, no_reference, no_events, too_few (one group, or fewer than 2 events for each
        parameter), not_converged, inconsistent.

    Raises
    ------
    EstimationError
        If columns are missing, a count is no number or below 0, groups are totals, or an option has no meaning.
    """
    levels = confidence_levels(confidence)
    check_per(per)
    _check(rungs, reference, firth, overdispersion)
    if target not in get_args(Target):
        raise EstimationError("The target of a ladder is `sample` or `population`.", "Give target one of the two.")
    adjusters = [name for rung in rungs for name in rung.adjusters]
    extra = [name for name in (clusters.columns if clusters else ()) if name not in adjusters]
    sample = read_sample(counts, kind=kind, adjusters=[*adjusters, *extra])
    options = Options(per, reference, clusters, firth, overdispersion, target)
    found: list[Found] = []
    if len(sample.base):
        refused = _refused(sample)
        if refused:
            found = estimates.blank_ladder(sample, [rung.name for rung in rungs], options, refused, levels)
        else:
            found = estimates.of_ladder(fit_ladder(sample, rungs, options), levels)
    events = dict(zip(sample.groups, sample.by_group(sample.events), strict=True))
    base = dict(zip(sample.groups, sample.by_group(sample.base), strict=True))
    events[ALL], base[ALL] = float(sample.events.sum()), float(sample.base.sum())
    return result_rows(found, events=events, base=base, levels=levels, keys=Keys(measure, period, level))


def _refused(sample: Sample) -> str:
    """Why no rung can be fitted at all; empty where one can be tried."""
    if sample.inconsistent:
        return "inconsistent"
    if sample.events.sum() == 0:
        return "no_events"
    if sample.kind == "proportion" and sample.events.sum() >= sample.base.sum() * (1 - 1e-12):
        return "separated"
    compared = [group for group in sample.groups if group not in NOT_GROUPS]
    return "too_few" if len(compared) < 2 else ""


def _check(rungs: Sequence[Rung], reference: str, firth: str, overdispersion: str) -> None:
    names = [rung.name for rung in rungs]
    if not names or len(set(names)) < len(names) or any(len(set(one.adjusters)) < len(one.adjusters) for one in rungs):
        raise EstimationError(
            "The rungs have no names, or a name or an adjuster comes twice.", "Give each rung a name of its own."
        )
    if reference in (OTHERS, EVERYONE, *NOT_GROUPS):
        raise EstimationError("A model compares with one group.", "Name a group as the reference, such as White.")
    if firth not in get_args(FirthUse) or overdispersion not in get_args(Overdispersion):
        raise EstimationError("An option of the ladder has no meaning.", "Give firth and overdispersion as documented.")

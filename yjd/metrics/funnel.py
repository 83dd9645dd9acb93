"""Control limits of area rates around a target, for funnel plots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from yjd.metrics.areas import Areas
from yjd.metrics.comparison import spread
from yjd.metrics.counts import USABLE, Counts, Kind, check_per, confidence_levels
from yjd.metrics.layout import Estimates, lay_out
from yjd.metrics.target_limits import (
    NO_WIDENING,
    Dispersion,
    FunnelLimits,
    check_funnel,
    funnel_limits,
    mid_p_value,
    normal_p_value,
    overdispersion,
    widening_of,
)

__all__ = ["funnel", "funnel_limits", "overdispersion"]

LEAST_FOR_TARGET, LEAST_FOR_DISPERSION = 2, 3  # areas


def funnel(
    counts: pd.DataFrame | Counts,
    *,
    kind: Kind,
    per: float = 1.0,
    over: str = "area",
    target: float | None = None,
    confidence: float | Sequence[float] = (0.95, 0.998),
    dispersion: Dispersion = "none",
    limits: FunnelLimits = "mid_p",
) -> pd.DataFrame:
    """Rate of each area with the control limits at its base around a target (quantity funnel).

    The estimate is the area's own rate. Lower and upper are no interval of it: they are the limits within which
    rates of areas of this base lie with the stated probability if all have the target rate, so an area stands
    out where the estimate is outside them (Spiegelhalter 2005, Stat Med 24:1185-1202).

    Parameters
    ----------
    counts : DataFrame
        As for `rate`. The rows of single areas are used; area All and Unknown take no part.
    kind : {"proportion", "rate"}
        Whether the numerator is part of the base: binomial limits, or Poisson.
    per : float
        Scale of estimate, limits and target, such as 1000.
    over : str
        The split whose parts are compared: area, sex, age_band or deprivation.
    target : float, optional
        The rate, per `per`, that limits are drawn around; by default that of the areas of the same group and
        stratum together, the area itself among them.
    confidence : float or sequence of float
        One or more levels; each level is a row.
    dispersion : {"none", "multiplicative", "additive"}
        What to do where areas differ more than chance has it. "multiplicative" widens limits by a factor,
        "additive" by a variance between areas (Spiegelhalter 2005 and, with DerSimonian and Laird's estimate,
        Spiegelhalter and others 2012, J R Stat Soc A 175:1-47), both from scores on the square-root scale
        (rates) or arcsine scale (proportions), 10% of them winsorised at each end.
    limits : {"mid_p", "spiegelhalter"}
        How limits are read off the exact distribution, which has steps. "mid_p", the default, interpolates the
        probability below a count plus half of that of the count itself, so that a whole count is outside just
        where its mid-P value is below 1 less the level. "spiegelhalter" interpolates the distribution function,
        as his appendix does; those limits lie about half an event lower.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`. The counts are the area's own, the reference's the sums over areas.
        The p-value is two-sided and of the area having the target rate: mid-P, or normal where dispersion was
        found. The method is poisson or binomial with _mid_p or _spiegelhalter; where dispersion was asked for
        and found, with _multiplicative or _additive. Status too_few where the target comes from fewer than 2
        areas or the dispersion from fewer than 3, no_events where the target that the areas give is 0, or 1 of a
        proportion, inconsistent where a proportion counts more than its base in any area. One hidden area hides
        all of its group and stratum.

    Raises
    ------
    EstimationError
        If columns are missing, a count is negative, rows repeat a key, or an option has no meaning.
    """
    check_per(per)
    check_funnel(kind, dispersion, limits, None if target is None else target / per)
    levels, areas = confidence_levels(confidence), Areas.of(counts, kind, over)
    least = max(LEAST_FOR_TARGET if target is None else 1, LEAST_FOR_DISPERSION if dispersion != "none" else 1)
    nothing = areas.nothing_varies(kind) & (target is None)
    status = areas.status_with([(nothing, "no_events"), (areas.areas < least, "too_few")])
    usable = np.isin(status, USABLE)
    a, base, scope = areas.own.numerator[usable], areas.own.denominator[usable], areas.scope[usable]
    if target is None:
        centre = areas.total.numerator[usable] / areas.total.denominator[usable]
    else:
        centre = np.full(len(a), target / per)
    widening = widening_of(a, base, centre, scope, kind, dispersion)
    found = funnel_limits(
        base, centre, kind=kind, confidence=levels, limits=limits, dispersion=dispersion, widening=widening
    )
    widened = widening > NO_WIDENING[dispersion]
    p_value = np.where(
        widened, normal_p_value(a, base, centre, widening, kind, dispersion), mid_p_value(a, base, centre, kind)
    )
    exact = f"{'poisson' if kind == 'rate' else 'binomial'}_{limits}"
    methods = np.full((len(usable), len(levels)), exact, dtype="U32")
    methods[usable] = np.where(widened, f"{exact.split('_')[0]}_{dispersion}", exact)[:, None]
    estimates = Estimates(
        spread(usable, per * a / base),
        spread(usable, per * found.lower),
        spread(usable, per * found.upper),
        methods,
        spread(usable, p_value),
    )
    return lay_out(
        areas.frame, "funnel", levels=levels, own=areas.own, against=areas.total, status=status, found=estimates
    )

"""Rates of small areas drawn towards the rate of all areas, as far as the data call for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from yjd.metrics.areas import Areas, padded
from yjd.metrics.comparison import spread
from yjd.metrics.conjugate import BetaBinomial, GammaPoisson, Model
from yjd.metrics.counts import USABLE, Counts, Kind, check_per, confidence_levels
from yjd.metrics.empirical_bayes import Fit, fit, profile, variance_about
from yjd.metrics.intervals import FloatArray, Limits
from yjd.metrics.layout import Estimates, lay_out

LEAST_AREAS = 3
_MODELS: dict[Kind, tuple[str, type[GammaPoisson] | type[BetaBinomial]]] = {
    "rate": ("gamma_poisson", GammaPoisson),
    "proportion": ("beta_binomial", BetaBinomial),
}


def shrunken_rate(
    counts: pd.DataFrame | Counts,
    *,
    kind: Kind,
    per: float = 1.0,
    over: str = "area",
    confidence: float | Sequence[float] = 0.95,
) -> pd.DataFrame:
    """Empirical Bayes rate of each area, per `per` of the base (quantity shrunken_rate).

    An area's rate is drawn towards the mean of the areas of the same group and stratum, the more so the fewer
    events it has and the less the areas differ. How much they differ is estimated from the counts, by greatest
    marginal likelihood: a gamma distribution of rates for Poisson counts (Clayton and Kaldor 1987), a beta
    distribution of proportions for binomial counts. The counts are taken as independent events; repeat events of
    the same children pass for differences between areas.

    Parameters
    ----------
    counts : DataFrame
        As for `rate`. The rows of single areas are used; area All and Unknown take no part.
    kind : {"proportion", "rate"}
        Whether the numerator is part of the base.
    per : float
        Scale of estimate and limits, such as 1000.
    over : str
        The split whose parts are drawn together: area, sex, age_band or deprivation.
    confidence : float or sequence of float
        One or more levels; each level is a row.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`. The counts are the area's own, the reference's the sums over areas.
        The method is gamma_poisson or beta_binomial, with _pooled where the areas differ no more than chance
        has it: then all have the common rate. Status too_few below 3 areas with a base, no_events where no area
        has events (or, of a proportion, all have nothing else), inconsistent where a proportion counts more than
        its base in any area, not_converged where the likelihood was not maximised. One hidden area hides all
        areas of its group and stratum, since all are computed from it.

    Raises
    ------
    EstimationError
        If columns are missing, a count is negative, rows repeat a key, or an option has no meaning.

    Notes
    -----
    The limits are quantiles of a gamma or beta distribution with the estimate as its mean. Its variance is the
    mean squared distance from the estimate under the posterior of the mean and spread (hyperparameters), by
    quadrature, so that it allows for their being estimated, also where the estimate is pooled (in the spirit of
    Morris 1983 and of Christiansen and Morris 1997). The limits always contain the estimate. They hold on
    average over areas, not for each: an area that truly stands out is drawn in too far (Morris 1983).
    """
    check_per(per)
    levels, areas = confidence_levels(confidence), Areas.of(counts, kind, over)
    status = areas.status_with(
        [(areas.nothing_varies(kind), "no_events"), (areas.areas < LEAST_AREAS, "too_few")],
    )
    usable = np.isin(status, USABLE)
    name, model = _MODELS[kind]
    a, place = padded(areas.own.numerator[usable], areas.scope[usable])
    n, _ = padded(areas.own.denominator[usable], areas.scope[usable])
    shrunk, found = _shrink(model(a, n), a, n)
    estimate, variance = (table[place][:, None] for table in shrunk)
    limits = _limits(kind, estimate, variance, levels)
    pooled, converged = found.pooled[place[0]], found.converged[place[0]]
    status[usable] = np.where(converged, status[usable], "not_converged")
    methods = np.full((len(usable), len(levels)), name, dtype="U24")
    methods[usable] = np.where(pooled, f"{name}_pooled", name)[:, None]
    estimates = Estimates(
        spread(usable, per * estimate[:, 0]),
        spread(usable, per * limits.lower),
        spread(usable, per * limits.upper),
        methods,
    )
    return lay_out(
        areas.frame, "shrunken_rate", levels=levels, own=areas.own, against=areas.total, status=status, found=estimates
    )


def _shrink(model: Model, a: FloatArray, n: FloatArray) -> tuple[tuple[FloatArray, FloatArray], Fit]:
    """Estimate and its variance, shapes (strata, areas), and the hyperparameters."""
    if not a.size:
        empty = np.zeros((0, 0))
        nothing: NDArray[np.bool_] = np.zeros(0, dtype=bool)
        return (empty, empty), Fit(np.zeros((0, 1)), np.zeros((0, 1)), nothing, nothing)
    along = profile(model)
    found = fit(model, along)
    pooled = found.pooled[:, None]
    common = a.sum(axis=1, keepdims=True) / n.sum(axis=1, keepdims=True)
    mean = model.posterior(found.t, np.where(pooled, 0.0, found.u)).mean[..., 0]
    estimate = np.where(pooled, common, mean)
    return (estimate, variance_about(model, along, estimate)), found


def _limits(kind: Kind, mean: FloatArray, variance: FloatArray, levels: FloatArray) -> Limits:
    """Quantiles of the gamma or beta distribution of this mean and variance, never beyond the mean."""
    tail = (1 - levels) / 2
    if kind == "rate":
        shape, size = mean**2 / variance, mean / variance
        lower = np.asarray(special.gammaincinv(shape, tail) / size)
        upper = np.asarray(special.gammainccinv(shape, tail) / size)
    else:
        # a beta variance is below mean x (1 - mean), and so is any variance of a proportion about its mean
        size = np.maximum(mean * (1 - mean) / variance - 1, 1e-6)
        alpha, beta = mean * size, (1 - mean) * size
        lower = np.asarray(special.betaincinv(alpha, beta, tail))
        upper = np.asarray(special.betainccinv(alpha, beta, tail))
    # fmin and fmax: a mean that rounds to 0 or 1 has no distribution about it, and stands for both limits
    return Limits(np.fmin(lower, mean), np.fmax(upper, mean))

"""Whether counts vary more than the model says, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from yjd.metrics.intervals import FloatArray
from yjd.models.design import Rung
from yjd.models.families import NegativeBinomial
from yjd.models.fit import Fit, fit_rung
from yjd.models.sample import Sample

_ROUNDS = 50


@dataclass(frozen=True)
class Dispersion:
    """Pearson's chi-square for each degree of freedom, and the p-value of more than 1 (NaN: cannot be judged)."""

    ratio: float
    p_value: float
    degrees: float


def pearson(sample: Sample, rung: Rung, fitted: Fit) -> Dispersion:
    """Judge the variation between the patterns of the sample around a fit.

    Where expected counts are small, Pearson's statistic does not follow the chi-square distribution, but its mean and
    variance are known, with the fit's own estimation allowed for (Osius and Rojek 1992, Journal of the American
    Statistical Association 87:1145-1152). The p-value is that of a multiple of a chi-square distribution with this
    mean and variance; with large counts it is the usual one. Records of their own (a base of 1) say nothing about
    dispersion and are left out.

    Parameters
    ----------
    sample : Sample
        All patterns, also those that the rung cannot tell apart; see `yjd.models.design.distinct`.
    rung : Rung
        The rung that was fitted.
    fitted : Fit
        The fit, binomial or Poisson.
    """
    proportion = sample.kind == "proportion"
    mean = fitted.family.mean(fitted.linear[rung.row])
    expected = sample.base * mean
    variance = expected * (1 - mean) if proportion else expected
    counted = (variance > 1e-12) & ((sample.base > 1) | (not proportion))
    leverage = variance * fitted.design.quadratic(fitted.covariance)[rung.row]
    degrees = float(counted.sum() - leverage[counted].sum())
    if degrees < 0.5:
        return Dispersion(float("nan"), float("nan"), max(degrees, 0.0))
    v = variance[counted]
    statistic = float(((sample.events[counted] - expected[counted]) ** 2 / v).sum())
    # third moments, and what of them the estimated coefficients take away
    skew = 1 - 2 * mean if proportion else np.ones_like(mean)
    skew = np.where(counted, skew, 0.0)
    by_pattern = np.bincount(rung.row, weights=skew, minlength=rung.design.rows).astype(np.float64)
    summed = fitted.design.totals(by_pattern)
    left = float((skew[counted] ** 2 / v).sum() - summed @ fitted.covariance @ summed)
    plain = 2 * (1 - 1 / sample.base[counted]) if proportion else np.full(len(v), 2.0)
    spread = float(plain.sum()) * degrees / len(v) + max(left, 0.0)
    if spread <= 0:
        return Dispersion(float("nan"), float("nan"), degrees)
    multiple, shape = spread / (2 * degrees), 2 * degrees**2 / spread
    p_value = float(special.gammaincc(shape / 2, statistic / multiple / 2))
    return Dispersion(statistic / degrees, p_value, degrees)


def negative_binomial(rung: Rung, fitted: Fit) -> tuple[Fit, float] | None:
    """Fit variance = mean + alpha * mean squared (NB2), alpha by maximum likelihood.

    Coefficients and alpha take turns, as in R's glm.nb (Venables and Ripley 2002, section 7.4). The patterns of the
    rung are the units, so rungs that are compared must be built on the same patterns.

    Returns
    -------
    fit, alpha
        None where the likelihood has its maximum at no extra variation.
    """
    alpha, now = 1.0, fitted
    events, base = rung.events, rung.base
    for _ in range(_ROUNDS):
        expected = base * now.family.mean(now.linear)
        found = _alpha(events, expected)
        if found is None:
            return None
        now = fit_rung(rung, family=NegativeBinomial(found), start=now.coefficients)
        if abs(found - alpha) < 1e-10 * (alpha + 1e-10):
            return now, found
        alpha = found
    return None


def _alpha(events: FloatArray, expected: FloatArray) -> float | None:
    kept = expected > 0
    y, mean = events[kept], expected[kept]
    if float(((y - mean) ** 2 - y).sum()) <= 0:  # the score at alpha 0 (Dean and Lawless 1989)
        return None

    def score(log_theta: float) -> float:
        theta = float(np.exp(log_theta))
        return float(
            (special.digamma(y + theta) - special.digamma(theta) + np.log(theta / (theta + mean))
             + 1 - (y + theta) / (mean + theta)).sum()
        )  # fmt: skip

    from scipy import optimize

    low, high = -12.0, 10.0  # beyond, rounding decides the sign
    if score(low) < 0 or score(high) > 0:
        return None
    return float(np.exp(-optimize.brentq(score, low, high, xtol=1e-14, rtol=1e-14)))

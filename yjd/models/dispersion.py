"""Whether counts vary more than the model says, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

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
    degrees: int


def pearson(sample: Sample, rung: Rung, fitted: Fit) -> Dispersion:
    """Judge the variation between the patterns of the sample around a fit.

    Where expected counts are small, Pearson's statistic does not follow the chi-square distribution, but its mean and
    variance are known: a row adds 2 + (1 - 6v) / (expected variance) to the variance, with v = p(1 - p) for a
    proportion and 0 for a rate (McCullagh 1986, Journal of the American Statistical Association 81:104-107). The
    p-value is that of a multiple of a chi-square distribution with this mean and variance; with large counts it is
    the usual one. Records of their own (a base of 1) say nothing about dispersion.

    Parameters
    ----------
    sample : Sample
        All patterns, also those that the rung cannot tell apart.
    rung : Rung
        The rung that was fitted.
    fitted : Fit
        The fit.
    """
    linear = fitted.linear[rung.row]
    mean = fitted.family.mean(linear)
    expected = sample.base * mean
    inner = mean * (1 - mean) if sample.kind == "proportion" else np.zeros_like(mean)
    variance = sample.base * inner if sample.kind == "proportion" else expected
    counted = (variance > 1e-12) & ((sample.base > 1) | (sample.kind == "rate"))
    degrees = int(counted.sum()) - len(fitted.kept)
    if degrees < 1:
        return Dispersion(float("nan"), float("nan"), max(degrees, 0))
    v, inside = variance[counted], inner[counted]
    statistic = float(((sample.events[counted] - expected[counted]) ** 2 / v).sum())
    spread = float((2 + (1 - 6 * inside) / v).sum()) * degrees / int(counted.sum())
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

    low, high = -12.0, 10.0  # beyond, rounding decides the sign
    if score(low) < 0 or score(high) > 0:
        return None
    return float(np.exp(-optimize.brentq(score, low, high, xtol=1e-14, rtol=1e-14)))

"""Negative binomial models of the number of re-offences of each child.

With the extra variation known, the negative binomial likelihood of many children of one pattern needs only how many
they are and how many re-offences they have together, so it is fitted on patterns; the extra variation itself needs
also how many children re-offended once, twice and so on. Coefficients and extra variation take turns, as in R's
MASS::glm.nb (Venables and Ripley 2002, section 7.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from yjd.metrics.intervals import FloatArray
from yjd.models.cohort import Cohort
from yjd.models.cox_sums import summed
from yjd.models.design import Rung as Built
from yjd.models.design import build
from yjd.models.families import NegativeBinomial, Terms
from yjd.models.fit import Fit, fit_rung
from yjd.models.rungs import FLOOR, OVERDISPERSED, Rung

_ROUNDS = 60
_AT_REST, _NEARLY_AT_REST = 1e-11, 1e-6  # relative move of alpha; between, rounding keeps it moving
_FURTHEST = 60.0  # of a linear predictor


@dataclass(frozen=True)
class OfChildren(NegativeBinomial):
    """Re-offences of several children, each negative binomial with the variance mean + alpha * mean squared.

    `base` is the number of children and `events` their re-offences together; up to a constant the likelihood is
    that of the children one by one.
    """

    def terms(self, linear: FloatArray, events: FloatArray, base: FloatArray) -> Terms:
        """See `yjd.models.families.Family`."""
        mean = self.mean(linear)
        spread = 1 + self.alpha * mean
        value = float(events @ np.minimum(linear, _FURTHEST) - (events + base / self.alpha) @ np.log(spread))
        return Terms(value, (events - base * mean) / spread, base * mean / spread)

    def parts(self, linear: FloatArray, base: FloatArray) -> tuple[FloatArray, FloatArray]:  # noqa: ARG002 - as Family
        """See `yjd.models.families.Family`: for each re-offence, and for each child."""
        mean = self.mean(linear)
        return 1 / (1 + self.alpha * mean), -mean / (1 + self.alpha * mean)

    def saturated(self, events: FloatArray, base: FloatArray) -> float:
        """See `yjd.models.families.Family`."""
        mean = events / base
        return float((special.xlogy(events, mean) - (events + base / self.alpha) * np.log1p(self.alpha * mean)).sum())


@dataclass(frozen=True)
class NumberFit:
    """One rung as fitted.

    Attributes
    ----------
    fit : Fit
        Negative binomial, or Poisson where there is no extra variation.
    built : yjd.models.design.Rung
        Its design and patterns.
    alpha : float
        Extra variation; 0 for the Poisson model.
    ratio, p_value : float
        Pearson's chi-square of the Poisson model for each degree of freedom, and the p-value of no extra variation
        (score test, one-sided: Dean and Lawless 1989, Journal of the American Statistical Association 84:467-472).
    status : str
        ok, or why nothing of the rung is shown.
    """

    fit: Fit
    built: Built
    alpha: float
    ratio: float
    p_value: float
    status: str

    @property
    def method(self) -> str:
        """The likelihood's name."""
        return "negative_binomial" if self.alpha > 0 else "poisson"


def fit_number(cohort: Cohort, rung: Rung, *, reference: str) -> NumberFit:
    """Fit a rung: Poisson, and negative binomial where there is more variation.

    Parameters
    ----------
    cohort : Cohort
        At least one child, and one re-offence.
    rung : Rung
        Its adjusters are among the cohort's.
    reference : str
        The baseline.
    """
    built = build(cohort.sample, rung.adjusters, reference=reference)
    fit = fit_rung(built, family="poisson")
    squares = summed(built.row, cohort.children * cohort.again**2, built.design.rows)
    ratio, p_value = _extra(built, fit, squares)
    each = float((cohort.children * cohort.did).sum()) / max(len(fit.kept), 1)
    if each < FLOOR or not fit.converged:
        return NumberFit(fit, built, 0.0, ratio, p_value, "too_few" if each < FLOOR else "not_converged")
    if not p_value < OVERDISPERSED:
        return NumberFit(fit, built, 0.0, ratio, p_value, "ok")
    wider = _negative_binomial(cohort, built, fit)
    if wider is None:
        return NumberFit(fit, built, 0.0, ratio, p_value, "not_converged")
    return NumberFit(wider[0], built, wider[1], ratio, p_value, "ok")


def _extra(built: Built, fit: Fit, squares: FloatArray) -> tuple[float, float]:
    """Pearson's ratio and the score test, child by child, from sums over patterns."""
    mean = fit.family.mean(fit.linear)
    counted = mean > 1e-12  # a separated pattern expects nothing and has nothing
    m, y, n, yy = (values[counted] for values in (mean, built.events, built.base, squares))
    degrees = n.sum() - len(fit.kept)
    if degrees < 1 or not counted.any():
        return float("nan"), float("nan")
    ratio = float((yy / m - 2 * y + n * m).sum() / degrees)
    score = float((yy - 2 * m * y + n * m**2 - y).sum() / np.sqrt(2 * (n * m**2).sum()))
    return ratio, float(special.ndtr(-score))


def _negative_binomial(cohort: Cohort, built: Built, fit: Fit) -> tuple[Fit, float] | None:
    """Let coefficients and alpha take turns; the fit as it is where alpha is next to nothing, None without a rest."""
    number, place = np.unique(cohort.again, return_inverse=True)
    times = summed(place.ravel(), cohort.children, len(number))
    alpha, moved = 0.0, float("inf")
    for _ in range(_ROUNDS):
        found = _alpha(number, times, built.events, built.base, fit.family.mean(fit.linear))
        if found is None:
            return None
        if found == 0:
            return fit, 0.0
        fit = fit_rung(built, family=OfChildren(found), start=fit.coefficients)
        if not fit.converged:
            return None
        moved, alpha = abs(found - alpha) / found, found
        if moved < _AT_REST:
            break
    return (fit, alpha) if moved < _NEARLY_AT_REST else None


def _alpha(
    number: FloatArray, times: FloatArray, events: FloatArray, base: FloatArray, mean: FloatArray
) -> float | None:
    """Give the maximum likelihood of alpha with the means known: 0 where it is below 5e-5, None where it has no end.

    `times` is how many children re-offended each `number` of times.
    """

    def score(log_theta: float) -> float:
        theta = float(np.exp(log_theta))
        own = times @ (special.digamma(number + theta) - special.digamma(theta))
        return float(own + (base * (1 - np.log1p(mean / theta)) - (events + base * theta) / (mean + theta)).sum())

    low, high = -12.0, 10.0  # beyond, rounding decides the sign
    if score(high) > 0:
        return 0.0
    if score(low) < 0:
        return None
    return float(np.exp(-optimize.brentq(score, low, high, xtol=1e-14, rtol=1e-14)))

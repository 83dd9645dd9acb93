"""Cox regression of grouped children on designs that are never written out, with ties as Efron (1977) has them.

Days are few (a year has 366), so what is summed over those still at risk is a table of days by cells of a block of
factors: one :func:`numpy.bincount` and a sum from the last day backwards. The information is the cross-product of the
design, weighted by each child's cumulative hazard, less that of the means at risk: no loop over children or days.
(Cox 1972, Journal of the Royal Statistical Society B 34:187-220; Efron 1977, Journal of the American Statistical
Association 72:557-565; Therneau and Grambsch 2000, Modeling Survival Data, chapter 3.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg, special

from yjd.metrics.intervals import FloatArray
from yjd.models.cox_sums import (
    Ties,
    Times,
    at_risk_sums,
    column_sums,
    first_days,
    hazard_through,
    information_of,
    residual,
    risk_of,
    share_before,
    summed,
)
from yjd.models.design import Design, group_last, null_space
from yjd.models.fit import inverse
from yjd.models.sample import IntArray

_ITERATIONS = 40
_AT_REST = 1e-8  # of the largest move of a linear predictor: the next one would be about its square
_FLAT_MOVE = 1e-3  # a larger move that gains nothing goes on for ever: a coefficient on its way to infinity
_NO_GAIN = 1e-9  # of the log-likelihood
_FURTHEST_MOVE = 3.0
_HALVINGS = 20
_NOTHING = 1e-10  # of a column's cross-product: what is left of it is rounding
_INFINITE_ERROR = 30.0  # standard error of a coefficient that rests on a thousandth of a child


@dataclass(frozen=True)
class CoxFit:
    """A fitted model.

    Attributes
    ----------
    design : Design
        The columns; the intercept is not estimated.
    times : Times
        The data; rows that separation took out have no children.
    coefficients : array, shape (columns,)
        Log hazard ratios; 0 for columns that were dropped.
    covariance : array, shape (columns, columns)
        Inverse information of the columns kept, 0 elsewhere.
    kept : array of int
        Columns that were estimated.
    infinite : array of bool, shape (columns,)
        Columns whose estimate runs off although they were kept.
    log_likelihood : float
        Of the partial likelihood.
    converged : bool
        Whether the last step was at rest.
    ties : {"efron", "breslow"}
        How re-offences on one day are taken.
    """

    design: Design
    times: Times
    coefficients: FloatArray
    covariance: FloatArray
    kept: IntArray
    infinite: np.ndarray
    log_likelihood: float
    converged: bool
    ties: Ties


def fit_cox(design: Design, times: Times, *, ties: Ties = "efron") -> CoxFit:
    """Maximise the partial likelihood by Newton's method with halved steps.

    Parameters
    ----------
    design : Design
        One row for each row of the times.
    times : Times
        At least one re-offence; whole numbers of children.
    ties : {"efron", "breslow"}
        Efron's approximation, or all tied re-offences in every risk set.
    """
    beta = np.zeros(design.width)
    sums = at_risk_sums(times, np.ones(design.rows), ties)
    information = information_of(design, times, np.ones(design.rows), sums)
    # a column that does not vary among those at risk, as the intercept, leaves only rounding
    idle = np.diag(information) <= _NOTHING * np.maximum(np.diag(design.cross(times.children)), 1e-300)
    idle[0] = True
    information[idle, :] = 0.0
    information[:, idle] = 0.0
    kept, _ = null_space(information, group_last(design))
    fitted = CoxFit(design, times, beta, np.zeros_like(information), kept, np.zeros(design.width, dtype=bool),
                    sums.log_likelihood, converged=not len(kept), ties=ties)  # fmt: skip
    return _climb(fitted) if len(kept) else fitted


def _climb(fitted: CoxFit) -> CoxFit:
    design, times, kept, ties = fitted.design, fitted.times, fitted.kept, fitted.ties
    linear = np.zeros(design.rows)
    sums, converged = at_risk_sums(times, risk_of(linear, times), ties), False
    beta = fitted.coefficients.copy()
    for _ in range(_ITERATIONS):
        risk = risk_of(linear, times)
        own = information_of(design, times, risk, sums)[np.ix_(kept, kept)]
        gradient = design.totals(residual(times, risk, sums))[kept]
        step = np.zeros(design.width)
        step[kept] = _solve(own, gradient)
        move = design.linear(step)
        largest = float(np.abs(move[times.children > 0]).max(initial=0.0))
        if not np.isfinite(largest):
            break
        share = min(1.0, _FURTHEST_MOVE / largest) if largest > 0 else 1.0
        before = sums.log_likelihood
        for _ in range(_HALVINGS):
            sums = at_risk_sums(times, risk_of(linear + share * move, times), ties)
            if sums.log_likelihood >= before - 1e-10 * (1 + abs(before)):
                break
            share /= 2
        linear, beta = linear + share * move, beta + share * step
        gain = sums.log_likelihood - before
        if largest < _AT_REST or (largest > _FLAT_MOVE and gain < _NO_GAIN * (1 + 1e-4 * abs(before))):
            converged = True
            break
    information = information_of(design, times, risk_of(linear, times), sums)
    finite = kept[np.diag(information)[kept] > 1 / _INFINITE_ERROR**2]
    finite = finite[np.diag(inverse(information, finite))[finite] < _INFINITE_ERROR**2]
    infinite = np.isin(np.arange(design.width), np.setdiff1d(kept, finite))
    return replace(fitted, coefficients=beta, covariance=inverse(information, finite), infinite=infinite,
                   log_likelihood=sums.log_likelihood, converged=converged)  # fmt: skip


def score_influence(fitted: CoxFit, weights: FloatArray) -> FloatArray:
    """What each child of a row contributes to linear functions of the coefficients.

    The score residuals of Lin and Wei (1989, Journal of the American Statistical Association 84:1074-1078).

    Parameters
    ----------
    fitted : CoxFit
        The fit.
    weights : array, shape (columns, estimates)
        Covariance times the gradients of the estimates.

    Returns
    -------
    array, shape (rows, estimates)
    """
    design, times = fitted.design, fitted.times
    risk = risk_of(design.linear(fitted.coefficients), times)
    sums = at_risk_sums(times, risk, fitted.ties)
    own = design.linear(weights)
    at_risk, tied = (part @ weights for part in column_sums(design, times, risk))
    happened = summed(times.last, times.children * times.did, len(times.day))
    mean = (at_risk * sums.one[:, None] - tied * sums.tied[:, None]) / happened[:, None]
    whole = first_days(at_risk * sums.one2[:, None] - tied * sums.tied2[:, None])
    less = at_risk * sums.tied2[:, None] - tied * sums.both2[:, None]  # of the tied themselves
    did = times.did[:, None]
    hazard = hazard_through(times, sums, np.ones(len(times.day)))
    through = whole[times.reached] - did * less[times.last]
    found = did * (own - mean[times.last]) - risk[:, None] * (hazard[:, None] * own - through)
    return np.asarray(np.where(times.children[:, None] > 0, found, 0.0), dtype=np.float64)


def proportional(fitted: CoxFit, parts: Sequence[IntArray]) -> list[tuple[float, int]]:
    """Test whether hazard ratios stay the same over time: chi-square and its degrees of freedom for each part.

    The score test of adding the columns times the share that has re-offended by then (Grambsch and Therneau 1994,
    Biometrika 81:515-526), exact in the information, as in R's survival::cox.zph from version 3.

    Parameters
    ----------
    fitted : CoxFit
        The fit.
    parts : sequence of arrays of int
        The columns in question; those that were not estimated take no part.
    """
    design, times = fitted.design, fitted.times
    risk = risk_of(design.linear(fitted.coefficients), times)
    sums = at_risk_sums(times, risk, fitted.ties)
    shape = share_before(times)
    happened = summed(times.last, times.children * times.did, len(times.day))
    shape = shape - happened @ shape / happened.sum()
    finite = fitted.kept[~fitted.infinite[fitted.kept]]
    score = design.totals(residual(times, risk, sums, shape))
    plain, once, twice = (information_of(design, times, risk, sums, shape**power) for power in (0, 1, 2))
    found = []
    for columns in parts:
        part = columns[np.isin(columns, finite)]
        if not len(part) or len(shape) < 2:
            found.append((float("nan"), 0))
            continue
        across = once[np.ix_(finite, part)]
        middle = twice[np.ix_(part, part)] - across.T @ _solve(plain[np.ix_(finite, finite)], across)
        found.append(_quadratic(score[part], middle, np.diag(twice)[part]))
    return found


def _quadratic(score: FloatArray, middle: FloatArray, size: FloatArray) -> tuple[float, int]:
    """Score' middle^-1 score, and the rank of the middle; `size` says what would be rounding."""
    scale = 1 / np.sqrt(np.maximum(size, 1e-300))
    values, vectors = linalg.eigh(middle * np.outer(scale, scale))
    real = values > 1e-9
    turned = vectors[:, real].T @ (score * scale)
    return float((turned**2 / values[real]).sum()), int(real.sum())


def chance(statistic: float, degrees: int) -> float:
    """P-value of a chi-square."""
    return float(special.chdtrc(degrees, statistic)) if degrees else float("nan")


def _solve(information: FloatArray, right: FloatArray) -> FloatArray:
    scale = 1 / np.sqrt(np.maximum(np.diag(information), 1e-300))
    scaled = information * np.outer(scale, scale)
    sized = right * (scale if right.ndim == 1 else scale[:, None])
    try:
        found = linalg.cho_solve(linalg.cho_factor(scaled), sized)
    except linalg.LinAlgError:
        found = linalg.lstsq(scaled, sized)[0]
    return np.asarray(found * (scale if right.ndim == 1 else scale[:, None]), dtype=np.float64)

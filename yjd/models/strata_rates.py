"""Rates of strata drawn towards a model with a random intercept for each, and how sure they are.

The estimate is the mean of a stratum's rate given its counts, at the parameters of greatest likelihood (empirical
Bayes). Its limits allow for the parameters being estimated. At each standard deviation on a grid, what the other
strata say of a stratum's linear predictor is normal, about the model's prediction, with the variance of the intercepts
and of the prediction; with the stratum's own likelihood that gives its posterior, and the grid is averaged with
weights from the profile likelihood, times 1 / sqrt of the determinant of the information (a flat prior of the
coefficients) and a flat prior of the standard deviation (Gelman 2006, Bayesian Analysis 1:515-534). This is an
integrated nested Laplace approximation (Rue, Martino and Chopin 2009, Journal of the Royal Statistical Society B
71:319-392) in which only the coefficients are taken as normal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import special

from yjd.metrics.counts import Kind
from yjd.metrics.intervals import FloatArray, Limits
from yjd.models.intercepts import Fitted, Point
from yjd.models.quadrature import Clustered, mean, pieces
from yjd.models.sample import IntArray

_POINTS = 15  # of the grid of standard deviations
_FALL = 7.0  # of the log-likelihood at the ends of that grid: a relative height of 1 in 1,000
_PLACES = 400  # of the grid on which a stratum's posterior is laid out
_REACH = 7.0  # of that grid, in standard deviations
_LEAST_PRECISION = 1e-4  # of what other strata say of one: a standard deviation of 100 logits is to know nothing


@dataclass(frozen=True)
class Shrunken:
    """What is known of each stratum.

    Attributes
    ----------
    estimate : array, shape (strata,)
        Events for 1 of the base.
    limits : Limits
        Each of shape (strata, levels).
    points : tuple of Point
        The model at each standard deviation of the grid.
    weights : array, shape (points,)
        Of those; they add to 1.
    log_mean, log_variance : arrays, shape (points, strata)
        Of the logarithm of the rate, at each point.
    response : array, shape (points, strata)
        Derivative of the mean logarithm by what the model predicts for the stratum.
    """

    estimate: FloatArray
    limits: Limits
    points: tuple[Point, ...]
    weights: FloatArray
    log_mean: FloatArray
    log_variance: FloatArray
    response: FloatArray


class _Posterior(NamedTuple):
    """Of a stratum's linear predictor at one point, without its constant. Shapes (strata,)."""

    mean: FloatArray  # of what the others say
    variance: FloatArray


def shrink(fitted: Fitted, levels: FloatArray) -> Shrunken:
    """Estimate the rate of every stratum of a model that has one row for each.

    Parameters
    ----------
    fitted : Fitted
        Each cluster is one row.
    levels : array, shape (levels,)
        Levels of confidence.
    """
    rows = fitted.profile.rows
    points, weights = _grid(fitted)
    priors = [_others(rows, point) for point in points]
    places = _places(rows, priors)
    densities = [_density(rows, prior, places) for prior in priors]
    log_rate = _log_mean(rows.kind, places)
    log_mean = np.array([(one * log_rate).sum(axis=1) for one in densities])
    squares = np.array([(one * log_rate**2).sum(axis=1) for one in densities])
    estimate = (fitted.best.marginal.posterior * mean(rows.kind, _linear(rows, fitted.best))).sum(axis=1)
    mixed = np.tensordot(weights, np.array(densities), axes=1)
    lower, upper = (mean(rows.kind, _quantile(places, mixed, tail)) for tail in ((1 - levels) / 2, (1 + levels) / 2))
    return Shrunken(
        estimate, Limits(np.fmin(lower, estimate[:, None]), np.fmax(upper, estimate[:, None])), points, weights,
        log_mean, np.maximum(squares - log_mean**2, 0.0), np.array([_response(rows, one) for one in points]),
    )  # fmt: skip


def ratios(found: Shrunken, rows: Clustered, one: IntArray, other: IntArray, levels: FloatArray) -> Limits:
    """Limits of the ratios of some strata's rates to those of others.

    The logarithm of a ratio is taken as normal; its mean and variance are those of the mixture over the grid of
    standard deviations. Given the coefficients two strata are independent; through the coefficients they are not.

    Parameters
    ----------
    found : Shrunken
        From :func:`shrink`.
    rows : Clustered
        What it was made from.
    one, other : arrays of int, shape (pairs,)
        Rows above and below the line.
    levels : array, shape (levels,)
        Levels of confidence.

    Returns
    -------
    Limits
        Each of shape (pairs, levels); they contain the ratio of the estimates.
    """
    gaps = found.log_mean[:, one] - found.log_mean[:, other]
    spreads = np.empty_like(gaps)
    for at, point in enumerate(found.points):
        shared = np.einsum("ip,pq,iq->i", rows.matrix[one], point.covariance, rows.matrix[other], optimize=True)
        variance, response = found.log_variance[at], found.response[at]
        spreads[at] = variance[one] + variance[other] - 2 * response[one] * response[other] * shared
    centre = found.weights @ gaps
    spread = found.weights @ (np.maximum(spreads, 0.0) + (gaps - centre) ** 2)
    reach = np.sqrt(spread)[:, None] * special.ndtri((1 + levels) / 2)
    value = np.log(found.estimate[one] / found.estimate[other])[:, None]
    lower, upper = np.fmin(centre[:, None] - reach, value), np.fmax(centre[:, None] + reach, value)
    return Limits(np.exp(np.clip(lower, -700, 700)), np.exp(np.clip(upper, -700, 700)))


def _grid(fitted: Fitted) -> tuple[tuple[Point, ...], FloatArray]:
    """Standard deviations (Gauss-Legendre) and their posterior weights."""
    low = fitted.fall(_FALL, upward=False)
    high = min(fitted.fall(_FALL, upward=True), 2 * fitted.deviation + 6.4)
    places, weights = np.polynomial.legendre.leggauss(_POINTS)
    deviations = low + (high - low) * (places + 1) / 2
    points = tuple(fitted.profile.at(float(one)) for one in deviations)
    height = np.array([one.adjusted for one in points])
    share = weights * np.exp(height - height.max())
    return points, share / share.sum()


def _others(rows: Clustered, point: Point) -> _Posterior:
    """What the model and the other strata say of each stratum: its own part is taken out of the normal posterior."""
    fixed = rows.matrix @ point.coefficients
    variance = np.einsum("ip,pq,iq->i", rows.matrix, point.covariance, rows.matrix, optimize=True)
    precision = np.maximum(1 / np.maximum(variance, 1e-300) - point.marginal.curve, _LEAST_PRECISION)
    return _Posterior(fixed - point.marginal.slope / precision, point.deviation**2 + 1 / precision)


def _places(rows: Clustered, priors: list[_Posterior]) -> FloatArray:
    """A grid for each stratum that reaches beyond its posterior at every point: shape (strata, places)."""
    low, high = np.full(len(rows.events), np.inf), np.full(len(rows.events), -np.inf)
    for prior in priors:
        mode, width = _mode(rows, prior)
        low, high = np.minimum(low, mode - _REACH * width), np.maximum(high, mode + _REACH * width)
    return np.asarray(np.linspace(low, high, _PLACES, axis=1), dtype=np.float64)


def _mode(rows: Clustered, prior: _Posterior) -> tuple[FloatArray, FloatArray]:
    """Mode of a stratum's linear predictor, and the wider of two guesses of its standard deviation."""
    spread = np.sqrt(prior.variance)
    low, high = prior.mean - 40 * spread, prior.mean + 40 * spread
    for _ in range(60):  # halvings: a posterior is log-concave
        middle = (low + high) / 2
        slope = pieces(rows.kind, middle, rows.events, rows.base).residual - (middle - prior.mean) / prior.variance
        low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
    weight = pieces(rows.kind, low, rows.events, rows.base).weight
    return low, 1 / np.sqrt(weight + 1 / prior.variance)


def _density(rows: Clustered, prior: _Posterior, places: FloatArray) -> FloatArray:
    """Shares of a stratum's posterior on its grid: shape (strata, places)."""
    height = pieces(rows.kind, places, rows.events[:, None], rows.base[:, None]).value
    height = height - (places - prior.mean[:, None]) ** 2 / (2 * prior.variance[:, None])
    share = np.exp(height - height.max(axis=1, keepdims=True))
    return np.asarray(share / share.sum(axis=1, keepdims=True), dtype=np.float64)


def _quantile(places: FloatArray, shares: FloatArray, tails: FloatArray) -> FloatArray:
    """Quantiles of distributions on grids, shapes (strata, places): shape (strata, tails)."""
    # half of each share is on either side of its place
    below = np.cumsum(shares, axis=1) - shares / 2
    rows = np.arange(len(places))
    found = np.empty((len(places), len(tails)))
    for at, tail in enumerate(tails):
        upper = np.clip((below < tail).sum(axis=1), 1, places.shape[1] - 1)
        left, right = below[rows, upper - 1], below[rows, upper]
        part = np.clip((tail - left) / np.maximum(right - left, 1e-300), 0.0, 1.0)
        found[:, at] = places[rows, upper - 1] + part * (places[rows, upper] - places[rows, upper - 1])
    return found


def _linear(rows: Clustered, point: Point) -> FloatArray:
    """Linear predictors at the nodes: shape (strata, nodes)."""
    return np.asarray((rows.matrix @ point.coefficients)[:, None] + point.marginal.intercepts, dtype=np.float64)


def _log_mean(kind: Kind, linear: FloatArray) -> FloatArray:
    return linear if kind == "rate" else np.asarray(special.log_expit(linear), dtype=np.float64)


def _response(rows: Clustered, point: Point) -> FloatArray:
    """Derivative of the mean logarithm of a rate by the fixed part: the rate's own part, and the posterior's."""
    linear, posterior = _linear(rows, point), point.marginal.posterior
    value = _log_mean(rows.kind, linear)
    direct = np.ones_like(linear) if rows.kind == "rate" else special.expit(-linear)
    residual = pieces(rows.kind, linear, rows.events[:, None], rows.base[:, None]).residual
    centre = (posterior * value).sum(axis=1, keepdims=True)
    return np.asarray((posterior * (direct + (value - centre) * residual)).sum(axis=1), dtype=np.float64)
